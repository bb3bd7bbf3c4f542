#include "lib/wire/subject_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

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

/// Canonical text of an address, or "" when it is none.
std::string canonical_ip(const std::string& text) {
    std::array<unsigned char, 16> raw{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    for (const int family : {AF_INET, AF_INET6})
        if (::inet_pton(family, text.c_str(), raw.data()) == 1)
            return ::inet_ntop(family, raw.data(), out.data(), out.size());
    return {};
}

Status check_dns(std::string_view text) {
    const bool wildcard = text.starts_with("*.");
    const auto rest = wildcard ? text.substr(2) : text;
    if (auto ok = HostName::parse(rest); !ok) return bad(text, ok.error().why);
    // RFC 6125 section 6.4.3: "*" is the whole left-most label; one label after it would cover a top-level domain.
    if (wildcard && rest.find('.') == std::string_view::npos) return bad(text, "a wildcard covers one label of a domain of two");
    return {};
}

Status check_uri(std::string_view text) {
    const auto scheme = text.find("://");
    const bool graphic = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!graphic || scheme == 0 || scheme == std::string_view::npos || text.size() > 2048 || scheme + 3 == text.size())
        return bad(text, "a URI with scheme and authority, printable ASCII, at most 2048 bytes");
    return {};
}

Status check_email(std::string_view text) {
    const auto at = text.find('@');
    const bool local_ok = at != std::string_view::npos && at > 0 && at <= 64 &&
                          std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                     c == '.' || c == '_' || c == '-' || c == '+';
                          });
    if (!local_ok || !HostName::parse(text.substr(at + 1))) return bad(text, "local@host in plain ASCII");
    return {};
}

Result<SubjectName> checked(Type type, std::string_view text) {
    SubjectName name{type, std::string(text)};
    if (type == Type::ip) {
        name.text = canonical_ip(name.text);
        if (name.text.empty()) return bad(text, "an IPv4 or IPv6 address");
        return name;
    }
    const Status ok = type == Type::dns ? check_dns(text) : type == Type::uri ? check_uri(text) : check_email(text);
    if (!ok) return pass(ok.error());
    return name;
}

Result<SubjectName> from_element(const der::Element& element) {
    const auto text = text_of(element.contents);
    switch (element.tag) {
        case der::context_primitive(1): return checked(Type::email, text);
        case der::context_primitive(2): return checked(Type::dns, text);
        case der::context_primitive(6): return checked(Type::uri, text);
        case der::context_primitive(7): {
            const int family = element.contents.size() == 4 ? AF_INET : AF_INET6;
            if (element.contents.size() != 4 && element.contents.size() != 16)
                return fail(Code::malformed, "an IP name of neither 4 nor 16 bytes");
            std::array<char, INET6_ADDRSTRLEN> out{};
            return SubjectName{Type::ip, ::inet_ntop(family, element.contents.data(), out.data(), out.size())};
        }
        default: return fail(Code::unsupported, "a subject alternative name of another kind than dns, ip, uri, email");
    }
}

}  // namespace

Result<SubjectName> SubjectName::parse(std::string_view text) {
    for (const auto& [type, word] : kTypes)
        if (text.starts_with(word) && text.size() > word.size() && text[word.size()] == ':')
            return checked(type, text.substr(word.size() + 1));
    if (!canonical_ip(std::string(text)).empty()) return checked(Type::ip, text);
    if (text.find("://") != std::string_view::npos) return checked(Type::uri, text);
    if (text.find('@') != std::string_view::npos) return checked(Type::email, text);
    return checked(Type::dns, text);
}

std::string SubjectName::tagged() const {
    for (const auto& [value, word] : kTypes)
        if (value == type) return std::string(word) + ":" + text;
    return text;
}

namespace detail {

Bytes encode_general_names(const std::vector<SubjectName>& names) {
    Bytes all;
    for (const auto& name : names) {
        Bytes one;
        if (name.type == Type::ip) {
            std::array<unsigned char, 16> raw{};
            const bool v4 = ::inet_pton(AF_INET, name.text.c_str(), raw.data()) == 1;
            ensure(v4 || ::inet_pton(AF_INET6, name.text.c_str(), raw.data()) == 1, "an IP name was parsed before");
            one = der::tlv(der::context_primitive(7), ByteView(raw).first(v4 ? 4 : 16));
        } else {
            const std::uint8_t tag = name.type == Type::email ? 1 : name.type == Type::dns ? 2 : 6;
            one = der::tlv(der::context_primitive(tag), view(name.text));
        }
        all.insert(all.end(), one.begin(), one.end());
    }
    return der::tlv(der::kSequence, all);
}

Result<std::vector<SubjectName>> parse_general_names(ByteView contents, OtherNames others) {
    der::Reader outer(contents);
    const auto list = outer.expect(der::kSequence, "subjectAltName");
    if (!list) return pass(list.error());
    if (auto ok = outer.finish("subjectAltName"); !ok) return pass(ok.error());
    std::vector<SubjectName> names;
    der::Reader in(list->contents);
    if (in.empty()) return fail(Code::malformed, "subjectAltName: empty");
    while (!in.empty()) {
        const auto element = in.any("subjectAltName");
        if (!element) return pass(element.error());
        auto name = from_element(*element);
        if (name) names.push_back(std::move(*name));
        else if (others == OtherNames::refuse) return pass(name.error(), "subjectAltName");
    }
    return names;
}

}  // namespace detail

}  // namespace mayfly::wire
