#include "lib/wire/distinguished_name.h"

#include <algorithm>
#include <array>

#include "lib/wire/der.h"
#include "lib/wire/oids.h"
#include "mayfly/names.h"

namespace mayfly::wire::detail {

namespace {

constexpr std::size_t kLongestCommonName = 64;  // ub-common-name
constexpr std::uint8_t kBmpString = 0x1e;

std::string attribute_name(const std::string& id) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {
        {{"2.5.4.3", "CN"},
         {"2.5.4.6", "C"},
         {"2.5.4.7", "L"},
         {"2.5.4.8", "ST"},
         {"2.5.4.10", "O"},
         {"2.5.4.11", "OU"},
         {"2.5.4.5", "serialNumber"}}};
    for (const auto& [oid, name] : kNames)
        if (oid == id) return std::string(name);
    return id;
}

/// Counts the characters of UTF-8 as RFC 3629 defines it (shortest form, no surrogates, up to U+10FFFF); -1: it is
/// none.
std::ptrdiff_t utf8_length(std::string_view text) {
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++count) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t size = lead < 0x80                   ? 1
                                 : lead >= 0xc2 && lead < 0xe0 ? 2
                                 : lead >= 0xe0 && lead < 0xf0 ? 3
                                                               : 4;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() - i < size) return -1;
        for (std::size_t k = 1; k < size; ++k)
            if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return -1;
        const auto second = size > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return -1;
        if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return -1;
        i += size;
    }
    return count;
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// BMPString is UCS-2, big endian: old authorities still have their names in it.
Result<std::string> utf8_of_bmp(ByteView contents) {
    if (contents.size() % 2 != 0) return fail(Code::malformed, "a name with half a character");
    std::string out;
    for (std::size_t i = 0; i < contents.size(); i += 2) {
        const unsigned c = (static_cast<unsigned>(contents[i]) << 8U) | contents[i + 1];
        if (c >= 0xd800 && c < 0xe000) return fail(Code::malformed, "a name with a surrogate in it");
        if (c < 0x80) {
            out += static_cast<char>(c);
            continue;
        }
        if (c < 0x800)
            out += static_cast<char>(0xc0U | (c >> 6U));
        else
            out += static_cast<char>(0xe0U | (c >> 12U)), out += static_cast<char>(0x80U | ((c >> 6U) & 0x3fU));
        out += static_cast<char>(0x80U | (c & 0x3fU));
    }
    return out;
}

Result<std::string> attribute_text(const der::Element& value) {
    if (value.tag == kBmpString) return utf8_of_bmp(value.contents);
    std::string text(text_of(value.contents));
    if (value.tag == der::kUtf8String && utf8_length(text) < 0)
        return fail(Code::malformed, "a name that is not UTF-8");
    return text;
}

/// RFC 4514 section 2.4, on top of what printable() does to quotes, backslashes and foreign bytes.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        if (std::string_view(",+;<>=").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

Status read_attribute(ByteView contents, char separator, Name& out) {
    der::Reader fields(contents);
    const auto id_element = fields.any("name attribute type");
    if (!id_element) return pass(id_element.error());
    const auto id = der::parse_oid(*id_element);
    if (!id) return pass(id.error());
    const auto value = fields.any("name attribute value");
    if (!value) return pass(value.error());
    if (auto ok = fields.finish("name attribute"); !ok) return ok;
    auto text = attribute_text(*value);
    if (!text) return pass(text.error());
    if (!out.text.empty()) out.text += separator;
    out.text += attribute_name(*id) + "=" + escaped(*text);
    if (*id != oid::kCommonName) return {};
    if (has_control(*text)) return fail(Code::malformed, "a common name with control characters");
    out.common_name = std::move(*text);
    ++out.common_names;
    return {};
}

}  // namespace

Result<Name> read_name(ByteView rdn_sequence) {
    Name out;
    der::Reader rdns(rdn_sequence);
    while (!rdns.empty()) {
        const auto rdn = rdns.expect(der::kSet, "name");
        if (!rdn) return pass(rdn.error());
        if (rdn->contents.empty()) return fail(Code::malformed, "name: an empty part");
        der::Reader set(rdn->contents);
        for (char separator = ','; !set.empty(); separator = '+') {
            const auto attribute = set.expect(der::kSequence, "name attribute");
            if (!attribute) return pass(attribute.error());
            if (auto ok = read_attribute(attribute->contents, separator, out); !ok) return pass(ok.error());
        }
    }
    return out;
}

Status check_common_name(std::string_view text, std::string_view whose) {
    const auto refused = [&](std::string_view why) {
        return fail(Code::malformed, "the " + std::string(whose) + "'s common name " + std::string(why), "E-NAME",
                    "RFC 5280 appendix A: at most 64 characters of UTF-8", "use a shorter or plainer name");
    };
    const auto length = utf8_length(text);
    if (length < 0) return refused("is not UTF-8");
    if (length > static_cast<std::ptrdiff_t>(kLongestCommonName)) return refused("is longer than 64 characters");
    if (has_control(text)) return refused("has control characters");
    return {};
}

Bytes encode_common_name(const std::string& text) {
    if (text.empty()) return der::sequence({});
    return der::sequence(
        {der::tlv(der::kSet, der::sequence({der::oid(oid::kCommonName), der::tlv(der::kUtf8String, view(text))}))});
}

}  // namespace mayfly::wire::detail
