#include "lib/breakglass/envelope.h"

#include <algorithm>

#include "lib/wire/cidr.h"
#include "lib/wire/json.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::breakglass {

namespace {

constexpr int kVersion = 1;
constexpr const char* kNamespace = "mayfly-breakglass-envelope";
constexpr std::size_t kMostAccounts = 100, kMostNodes = 500, kMostHolders = 32, kMostAddresses = 64,
                      kMostCommand = 1024;
constexpr std::int64_t kLongestYears = 3LL * 366 * 24 * 3600;

tl::unexpected<Error> bad(std::string message, std::string why = {}) {
    return fail(Code::malformed, "break-glass envelope: " + std::move(message), "E-BREAKGLASS-ENVELOPE", std::move(why),
                "use the envelope as it was made, or make new shares");
}

template <class Name>
wire::Json texts(const std::vector<Name>& names) {
    wire::Json::Array out;
    for (const auto& name : names) {
        if constexpr (std::is_same_v<Name, std::string>)
            out.emplace_back(name);
        else
            out.emplace_back(name.text());
    }
    return out;
}

wire::Json json_of(const Envelope& envelope) {
    return wire::Json::Object{{"v", kVersion},
                              {"trust_domain", envelope.trust_domain.text()},
                              {"key", wire::encode_ssh_key_line(envelope.key, "")},
                              {"threshold", static_cast<std::int64_t>(envelope.threshold)},
                              {"holders", texts(envelope.holders)},
                              {"accounts", texts(envelope.accounts)},
                              {"nodes", texts(envelope.nodes)},
                              {"longest", envelope.longest.text()},
                              {"force_command", envelope.force_command},
                              {"source_addresses", texts(envelope.source_addresses)},
                              {"created", envelope.created.text()},
                              {"expires", envelope.expires.text()}};
}

template <class Name>
Result<std::vector<Name>> names(wire::Fields& fields, const char* member) {
    std::vector<Name> out;
    for (const auto& text : fields.texts_or_empty(member)) {
        auto name = Name::parse(text);
        if (!name) return pass(name.error(), std::string("break-glass envelope: ") + member);
        out.push_back(std::move(*name));
    }
    return out;
}

template <class Value>
bool sorted_and_unique(const std::vector<Value>& list) {
    return std::adjacent_find(list.begin(), list.end(), [](const auto& a, const auto& b) { return !(a < b); }) ==
           list.end();
}

/// The text goes between the quotes of an authorized_keys option (sshd(8)); with neither quote nor backslash in it
/// there is nothing to escape, and nothing that could end the option.
bool plain_command(const std::string& text) {
    return text.size() <= kMostCommand &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

/// What no envelope may say, whoever signed it.
Status check(const Envelope& envelope) {
    if (envelope.key.algorithm != KeyAlgorithm::ed25519) return bad("the emergency key is not an Ed25519 key");
    if (envelope.holders.empty() || envelope.holders.size() > kMostHolders || envelope.threshold < 2 ||
        envelope.threshold > envelope.holders.size())
        return bad(std::to_string(envelope.threshold) + " of " + std::to_string(envelope.holders.size()) + " holders",
                   "at least two of at most 32 named holders must meet");
    if (envelope.accounts.empty() || envelope.accounts.size() > kMostAccounts)
        return bad("it opens no account, or more than 100");
    if (envelope.nodes.size() > kMostNodes) return bad("it names more than 500 nodes");
    if (!sorted_and_unique(envelope.holders) || !sorted_and_unique(envelope.accounts) ||
        !sorted_and_unique(envelope.nodes) || !sorted_and_unique(envelope.source_addresses))
        return bad("a list is not sorted, or holds something twice");
    if (envelope.longest.seconds() > kLongestSeconds)
        return bad("it allows certificates of " + envelope.longest.text(),
                   "an emergency certificate lives an hour at most");
    if (!plain_command(envelope.force_command))
        return bad("the forced command has a quote, a backslash, or something unprintable in it",
                   "sshd reads it between quotes");
    if (envelope.source_addresses.size() > kMostAddresses) return bad("it names more than 64 address blocks");
    for (const auto& block : envelope.source_addresses) {
        const auto canonical = wire::parse_cidr(block);
        if (!canonical) return pass(canonical.error(), "break-glass envelope");
        if (*canonical != block) return bad("the address block " + printable(block) + " is not in its shortest form");
    }
    const std::int64_t life = envelope.expires.seconds() - envelope.created.seconds();
    if (life <= 0 || life > kLongestYears)
        return bad("it does not end within three years of being made", "what is never renewed is never tried");
    return {};
}

Result<Envelope> parse(const wire::Json& json) {
    wire::Fields fields(json, "break-glass envelope");
    const auto version = fields.integer("v");
    const auto domain = TrustDomain::parse(fields.text("trust_domain"));
    const auto key = wire::parse_ssh_key_line(fields.text("key"));
    const auto threshold = fields.integer("threshold");
    auto holders = names<OwnerName>(fields, "holders");
    auto accounts = names<AccountName>(fields, "accounts");
    auto nodes = names<NodeName>(fields, "nodes");
    const auto longest = Lifetime::parse(fields.text("longest"));
    const std::string command = fields.text("force_command");
    auto addresses = fields.texts_or_empty("source_addresses");
    const auto created = Instant::parse(fields.text("created")), expires = Instant::parse(fields.text("expires"));
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (version != kVersion) return bad("version " + std::to_string(version) + " is not known to this build");
    if (!domain) return pass(domain.error());
    if (!key) return pass(key.error(), "break-glass envelope");
    if (auto ok = crypto::check_point(key->key); !ok) return pass(ok.error(), "break-glass envelope");
    if (!holders) return pass(holders.error());
    if (!accounts) return pass(accounts.error());
    if (!nodes) return pass(nodes.error());
    if (!longest) return pass(longest.error(), "break-glass envelope");
    if (!created) return pass(created.error(), "break-glass envelope");
    if (!expires) return pass(expires.error(), "break-glass envelope");
    if (threshold < 0 || threshold > static_cast<std::int64_t>(kMostHolders))
        return bad("the threshold is out of bounds");
    return Envelope{*domain,
                    key->key,
                    static_cast<unsigned>(threshold),
                    std::move(*holders),
                    std::move(*accounts),
                    std::move(*nodes),
                    *longest,
                    command,
                    std::move(addresses),
                    *created,
                    *expires};
}

}  // namespace

Result<SignedEnvelope> sign_envelope(const Envelope& envelope, const crypto::PrivateKey& key) {
    if (auto ok = check(envelope); !ok) return pass(ok.error());
    if (key.public_key() != envelope.key) return bad("it names another key than the one that signs it");
    const wire::Json json = json_of(envelope);
    const std::string canonical = json.canonical();
    const auto signature = crypto::sshsig(key, kNamespace, view(canonical));
    if (!signature) return pass(signature.error());
    const wire::Json file(wire::Json::Object{{"envelope", json}, {"signature", wire::base64(*signature)}});
    return SignedEnvelope{envelope, crypto::sha256(view(canonical)), file.pretty() + "\n"};
}

Result<SignedEnvelope> read_envelope(std::string_view text) {
    const auto json = wire::parse_json(text);
    if (!json) return pass(json.error(), "break-glass envelope");
    wire::Fields fields(*json, "break-glass envelope file");
    const auto* inner = fields.member("envelope");
    const auto blob = wire::parse_base64(fields.text("signature"));
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (inner == nullptr) return bad("the file holds none");
    auto envelope = parse(*inner);
    if (!envelope) return pass(envelope.error());
    if (auto ok = check(*envelope); !ok) return pass(ok.error());
    const std::string canonical = json_of(*envelope).canonical();
    if (canonical != inner->canonical()) return bad("a value in it is not in its shortest form");
    const auto signature = blob ? wire::parse_sshsig(*blob) : pass(blob.error());
    if (!signature || signature->key != envelope->key || !crypto::verify(*signature, kNamespace, view(canonical)))
        return fail(Code::corrupt, "the break-glass envelope was changed: its signature does not fit",
                    "E-BREAKGLASS-CHANGED", "only the emergency key itself can sign its envelope",
                    "use the envelope as it was made, or make new shares");
    return SignedEnvelope{std::move(*envelope), crypto::sha256(view(canonical)), std::string(text)};
}

bool opens(const Envelope& envelope, const NodeName& node) {
    return envelope.nodes.empty() || std::binary_search(envelope.nodes.begin(), envelope.nodes.end(), node);
}

Principal principal_of(const AccountName& account, const NodeName& node) {
    // An account's name is shorter than a role's, of the same characters, and what stands before it makes its start
    // one.
    const auto role = RoleName::parse(kPrincipalStart + account.text());
    ensure(role.has_value(), "an account with the break-glass word before it is a valid name");
    return Principal::of(*role, node);
}

}  // namespace mayfly::breakglass
