#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "lib/wire/spki.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

using Type = SubjectName::Type;

constexpr std::array<std::pair<Type, std::string_view>, 4> kTypes = {
    {{Type::dns, "dns"}, {Type::ip, "ip"}, {Type::uri, "uri"}, {Type::email, "email"}}};

tl::unexpected<Error> bad(std::string_view text, std::string why) {
    return fail(Code::malformed, "\"" + printable(text.substr(0, 80)) + "\" is not a name for a certificate", "E-NAME",
                std::move(why), "write it like dns:web.corp, ip:10.0.0.1, uri:spiffe://… or email:a@b.c");
}

constexpr std::size_t kLongestUri = 2048;

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex_digit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Canonical text of an address, or "" when it is none.
std::string canonical_ip(std::string_view text) {
    // inet_pton stops at a NUL: what stands behind one would go unread.
    if (text.find('\0') != std::string_view::npos) return {};
    const std::string terminated(text);
    std::array<unsigned char, 16> raw{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    for (const int family : {AF_INET, AF_INET6})
        if (::inet_pton(family, terminated.c_str(), raw.data()) == 1)
            return ::inet_ntop(family, raw.data(), out.data(), out.size());
    return {};
}

/// No top-level domain is a number (RFC 3696 section 2), but readers take 10.0.0.1, and some 0x7f000001, for addresses.
bool reads_as_address(std::string_view host) {
    const auto last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0: the only label
    if (std::all_of(last.begin(), last.end(), digit)) return true;
    return last.starts_with("0x") && std::all_of(last.begin() + 2, last.end(), hex_digit);
}

Status check_dns(std::string_view text) {
    const bool wildcard = text.starts_with("*.");
    const auto rest = wildcard ? text.substr(2) : text;
    if (auto ok = HostName::parse(rest); !ok) return bad(text, ok.error().why);
    if (reads_as_address(rest))
        return bad(text, "a DNS name does not end in a number; addresses are written ip:10.0.0.1");
    // RFC 6125 section 6.4.3: "*" is the whole left-most label; one label after it would cover a top-level domain.
    if (wildcard && rest.find('.') == std::string_view::npos)
        return bad(text, "a wildcard covers one label of a domain of two");
    return {};
}

/// The characters that RFC 3986 section 2 leaves in a URI; a per cent sign stands before two hexadecimal digits.
bool uri_characters(std::string_view text) {
    constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (letter(c) || digit(c) || kMarks.find(c) != std::string_view::npos) continue;
        if (c != '%' || text.size() - i < 3 || !hex_digit(text[i + 1]) || !hex_digit(text[i + 2])) return false;
    }
    return true;
}

Status check_uri(std::string_view text) {
    const auto colon = text.find("://");
    const auto scheme = text.substr(0, colon);
    const auto rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 3);
    // RFC 3986 section 3.1; RFC 5280 section 4.2.1.6 asks for an absolute URI with an authority.
    const bool scheme_ok =
        !scheme.empty() && letter(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
            return letter(c) || digit(c) || c == '+' || c == '-' || c == '.';
        });
    const bool authority_ok = !rest.empty() && rest.front() != '/' && rest.front() != '?' && rest.front() != '#';
    if (scheme_ok && authority_ok && uri_characters(text) && text.size() <= kLongestUri) return {};
    return bad(text, "a URI with scheme and authority, in the characters of RFC 3986, at most 2048 bytes");
}

/// The everyday part of RFC 5321's dot-string: what quoting or a comment would be needed for is refused.
Status check_email(std::string_view text) {
    const auto at = text.find('@');
    const auto local = text.substr(0, at);
    const bool local_ok = at != std::string_view::npos && !local.empty() && local.size() <= 64 &&
                          local.front() != '.' && local.back() != '.' && local.find("..") == std::string_view::npos &&
                          std::all_of(local.begin(), local.end(), [](char c) {
                              return letter(c) || digit(c) || c == '.' || c == '_' || c == '-' || c == '+';
                          });
    if (!local_ok || !HostName::parse(text.substr(at + 1))) return bad(text, "local@host in plain ASCII");
    return {};
}

Result<SubjectName> checked(Type type, std::string_view text) {
    SubjectName name{type, std::string(text)};
    if (type == Type::ip) {
        name.text = canonical_ip(text);
        if (name.text.empty()) return bad(text, "an IPv4 or IPv6 address");
        return name;
    }
    const Status ok = type == Type::dns ? check_dns(text) : type == Type::uri ? check_uri(text) : check_email(text);
    if (!ok) return pass(ok.error());
    return name;
}

}  // namespace

Result<SubjectName> SubjectName::parse(std::string_view text) {
    for (const auto& [type, word] : kTypes)
        if (text.starts_with(word) && text.size() > word.size() && text[word.size()] == ':')
            return checked(type, text.substr(word.size() + 1));
    if (!canonical_ip(text).empty()) return checked(Type::ip, text);
    if (text.find("://") != std::string_view::npos) return checked(Type::uri, text);
    if (text.find('@') != std::string_view::npos) return checked(Type::email, text);
    return checked(Type::dns, text);
}

std::string SubjectName::tagged() const {
    for (const auto& [value, word] : kTypes)
        if (value == type) return std::string(word) + ":" + text;
    return text;
}

}  // namespace mayfly::wire
