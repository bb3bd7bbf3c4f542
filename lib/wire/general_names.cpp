#include "lib/wire/general_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "mayfly/names.h"

namespace mayfly::wire::detail {

namespace {

using Type = SubjectName::Type;

constexpr std::size_t kLongestNames = 32 * 1024;  // all of a certificate's; the certificate itself ends at 64 KiB

Result<SubjectName> ip_of(ByteView contents) {
    if (contents.size() != 4 && contents.size() != 16)
        return fail(Code::malformed, "an IP name of neither 4 nor 16 bytes");
    std::array<char, INET6_ADDRSTRLEN> out{};
    const int family = contents.size() == 4 ? AF_INET : AF_INET6;
    return SubjectName{Type::ip, ::inet_ntop(family, contents.data(), out.data(), out.size())};
}

/// dNSName, rfc822Name and uniformResourceIdentifier are IA5String. One that carries a NUL or a line break names one
/// host to one reader and another to the next (CVE-2009-2408, CVE-2026-27138 for the empty one).
Status check_ia5(std::string_view text) {
    const bool ok =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (ok) return {};
    return fail(Code::malformed, "the name \"" + printable(text.substr(0, 80)) + "\" cannot be certified", "E-NAME",
                "it is empty or has bytes outside printable ASCII", "make the request with a plain name");
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

Result<SubjectName> text_name(Type type, std::string_view text) {
    return SubjectName::parse(SubjectName{type, std::string(text)}.tagged());
}

/// A name that is text; with `skip`, one that we would not certify is left out.
Status read_text_name(Type type, std::string_view text, bool skip, std::vector<SubjectName>& out) {
    if (auto ok = check_ia5(text); !ok) return ok;
    auto name = text_name(type, skip && type == Type::dns ? lower_case(text) : std::string(text));
    if (name)
        out.push_back(std::move(*name));
    else if (!skip)
        return pass(name.error());
    return {};
}

/// One GeneralName: appended when it is one of ours, else left out or refused as `others` says.
Status read_general_name(const der::Element& element, OtherNames others, std::vector<SubjectName>& out) {
    const bool skip = others == OtherNames::skip;
    switch (element.tag) {
        case der::context_primitive(1): return read_text_name(Type::email, text_of(element.contents), skip, out);
        case der::context_primitive(2): return read_text_name(Type::dns, text_of(element.contents), skip, out);
        case der::context_primitive(6): return read_text_name(Type::uri, text_of(element.contents), skip, out);
        case der::context_primitive(7): {
            auto name = ip_of(element.contents);
            if (!name) return pass(name.error());
            out.push_back(std::move(*name));
            return {};
        }
        case der::context(0):            // otherName
        case der::context(3):            // x400Address
        case der::context(4):            // directoryName
        case der::context(5):            // ediPartyName
        case der::context_primitive(8):  // registeredID
            break;
        default: return fail(Code::malformed, "not a name (RFC 5280 section 4.2.1.6)");
    }
    if (skip) return {};
    return fail(Code::unsupported, "a name of another kind than dns, ip, uri and email", "E-NAME",
                "otherName, directoryName and the like are not certified", "leave it out of the request");
}

}  // namespace

Status check_names(const std::vector<SubjectName>& names) {
    std::size_t size = 0;
    for (const auto& name : names) {
        const auto again = SubjectName::parse(name.tagged());
        if (!again) return pass(again.error());
        if (again->text != name.text)
            return fail(Code::malformed, "the name " + printable(name.text) + " is not in canonical form", "E-NAME",
                        "it is " + again->text, {});
        size += name.text.size() + 8;
    }
    if (size > kLongestNames)
        return fail(Code::malformed, "the names together are longer than 32 KiB", "E-NAMES-LARGE", {}, "ask for fewer");
    return {};
}

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
        if (auto ok = read_general_name(*element, others, names); !ok) return pass(ok.error(), "subjectAltName");
    }
    return names;
}

}  // namespace mayfly::wire::detail
