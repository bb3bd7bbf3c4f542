#include "mayfly/names.h"

#include <algorithm>
#include <array>

#include "mayfly/keys.h"

namespace mayfly {

namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string quoted(std::string_view text) {
    constexpr std::size_t kShown = 80;
    return "\"" + printable(text.substr(0, kShown)) + (text.size() > kShown ? "…\"" : "\"");
}

tl::unexpected<Error> bad_name(std::string_view what, std::string_view text, std::string rule) {
    return fail(Code::malformed, quoted(text) + " is not a valid " + std::string(what), "E-NAME", std::move(rule), {});
}

constexpr std::array<std::pair<Kind, std::string_view>, 6> kKinds = {{{Kind::human, "human"},
                                                                      {Kind::workload, "workload"},
                                                                      {Kind::node, "node"},
                                                                      {Kind::agent, "agent"},
                                                                      {Kind::breakglass, "breakglass"},
                                                                      {Kind::ca, "ca"}}};

}  // namespace

Status word_rule(std::string_view what, std::string_view text) {
    const bool ok = !text.empty() && text.size() <= 63 && lower_or_digit(text.front()) &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return lower_or_digit(c) || c == '.' || c == '_' || c == '-'; });
    if (ok) return {};
    return bad_name(what, text, "1 to 63 characters of a-z 0-9 . _ -, starting with a letter or digit");
}

Status RoleTag::check(std::string_view text) {
    if (auto ok = word_rule("role name", text); !ok) return ok;
    static constexpr std::array<std::string_view, 5> kReserved = {"root", "all", "any", "none", "self"};
    if (std::find(kReserved.begin(), kReserved.end(), text) == kReserved.end()) return {};
    return bad_name("role name", text, "root, all, any, none and self are reserved");
}

Status AccountTag::check(std::string_view text) {
    const auto first = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    const bool ok = !text.empty() && text.size() <= 32 && first(text.front()) &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return lower_or_digit(c) || c == '_' || c == '.' || c == '-'; });
    if (ok) return {};
    return bad_name("account name", text, "1 to 32 characters of a-z 0-9 _ . -, starting with a letter or _");
}

Status HostTag::check(std::string_view text) {
    const auto rule = [&] {
        return bad_name("host name", text,
                        "dot-separated labels of a-z 0-9 -, at most 63 each and 253 in all (RFC 1123)");
    };
    if (text.empty() || text.size() > 253) return rule();
    std::size_t label = 0;
    char previous = '.';
    for (const char c : text) {
        if (c == '.') {
            if (label == 0 || previous == '-') return rule();
            label = 0;
        } else {
            if (!(lower_or_digit(c) || c == '-') || (label == 0 && c == '-') || ++label > 63) return rule();
        }
        previous = c;
    }
    if (label == 0 || previous == '-') return rule();
    return {};
}

Status TrustDomainTag::check(std::string_view text) {
    const bool ok = !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return lower_or_digit(c) || c == '.' || c == '_' || c == '-';
    });
    if (ok) return {};
    return bad_name("trust domain", text, "1 to 255 characters of a-z 0-9 . _ - (SPIFFE-ID 2.1)");
}

std::string_view name(Kind kind) {
    for (const auto& [value, word] : kKinds)
        if (value == kind) return word;
    return "unknown";
}

Result<Kind> parse_kind(std::string_view text) {
    for (const auto& [value, word] : kKinds)
        if (word == text) return value;
    return bad_name("kind of identity", text, "human, workload, node, agent, breakglass or ca");
}

Result<IdentityName> IdentityName::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return bad_name("identity", text, "an identity reads kind/name, e.g. human/alice");
    const auto kind = parse_kind(text.substr(0, slash));
    if (!kind) return pass(kind.error());
    return of(*kind, text.substr(slash + 1));
}

Result<IdentityName> IdentityName::of(Kind kind, std::string_view name) {
    if (auto ok = word_rule("identity name", name); !ok) return pass(ok.error());
    return IdentityName(kind, std::string(name));
}

std::string IdentityName::text() const { return std::string(mayfly::name(kind_)) + "/" + name_; }

std::string spiffe_id(const TrustDomain& domain, const IdentityName& identity) {
    return "spiffe://" + domain.text() + "/" + identity.text();
}

Result<Principal> Principal::parse(std::string_view text) {
    const auto at = text.find('@');
    const auto role = RoleName::parse(text.substr(0, at));
    if (!role) return pass(role.error(), "principal");
    if (at == std::string_view::npos) return Principal(*role, std::nullopt);
    const auto node = NodeName::parse(text.substr(at + 1));
    if (!node) return pass(node.error(), "principal");
    return Principal(*role, *node);
}

std::string Principal::text() const { return node_ ? role_.text() + "@" + node_->text() : role_.text(); }

std::string printable(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), plain)) return std::string(text);
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain(c)) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

std::string_view name(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ed25519: return "ssh-ed25519";
        case KeyAlgorithm::ecdsa_p256: return "ecdsa-sha2-nistp256";
        case KeyAlgorithm::ecdsa_p384: return "ecdsa-sha2-nistp384";
        case KeyAlgorithm::ecdsa_p521: return "ecdsa-sha2-nistp521";
        case KeyAlgorithm::rsa: return "ssh-rsa";
        case KeyAlgorithm::sk_ed25519: return "sk-ssh-ed25519@openssh.com";
        case KeyAlgorithm::sk_ecdsa_p256: return "sk-ecdsa-sha2-nistp256@openssh.com";
    }
    return "unknown";
}

}  // namespace mayfly
