#include "cli/yaml.h"

#include <algorithm>
#include <array>

namespace mayfly::cli {

namespace {

using wire::Json;

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Plain only where no reader could see anything but a string: letters first, and no word that YAML 1.1 or 1.2 takes
/// for a boolean or for nothing.
bool is_plain(const std::string& text) {
    static constexpr std::array<std::string_view, 9> kReserved = {"y",  "n",   "yes",   "no",  "true",
                                                                  "on", "off", "false", "null"};
    if (text.empty() || !letter(text.front())) return false;
    std::string lower;
    for (const char c : text) {
        if (!letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '/' && c != '.') return false;
        lower += static_cast<char>(c | 0x20);
    }
    return std::find(kReserved.begin(), kReserved.end(), lower) == kReserved.end();
}

/// YAML 1.2 section 5.7: a double-quoted scalar takes JSON's escapes. Its section 5.1 allows fewer characters unescaped
/// than JSON does (not DEL, not the C1 controls), and YAML 1.1 breaks lines at U+2028 and U+2029.
std::string scalar(const std::string& text) {
    if (is_plain(text)) return text;
    static constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    const std::string json = Json(text).canonical();
    for (std::string_view rest = json; !rest.empty();) {
        const auto next = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : 0);
        std::size_t taken = 1;
        if (rest.front() == 0x7f)
            out += "\\x7f";
        else if (rest.starts_with('\xc2') && next >= 0x80 && next <= 0x9f)  // U+0080 to U+009F
            out += std::string("\\x") + kHex[next >> 4U] + kHex[next & 15U], taken = 2;
        else if (rest.starts_with("\u2028"))
            out += "\\u2028", taken = 3;
        else if (rest.starts_with("\u2029"))
            out += "\\u2029", taken = 3;
        else if (rest.starts_with("\ufeff"))
            out += "\\ufeff", taken = 3;
        else
            out += rest.front();
        rest.remove_prefix(taken);
    }
    return out;
}

void write(std::string& out, const Json& json, std::size_t depth);

/// A value after "key:" or "-": small ones on the same line.
void write_nested(std::string& out, const Json& json, std::size_t depth) {
    const bool block =
        (json.array() != nullptr && !json.array()->empty()) || (json.object() != nullptr && !json.object()->empty());
    out += block ? "\n" : " ";
    write(out, json, depth);
}

void write(std::string& out, const Json& json, std::size_t depth) {
    const std::string indent(depth * 2, ' ');
    if (const auto* items = json.array(); items != nullptr && !items->empty()) {
        for (const auto& item : *items) {
            out += indent + "-";
            write_nested(out, item, depth + 1);
        }
    } else if (const auto* members = json.object(); members != nullptr && !members->empty()) {
        for (const auto& [name, value] : *members) {
            out += indent + scalar(name) + ":";
            write_nested(out, value, depth + 1);
        }
    } else if (const auto* text = json.string()) {
        out += scalar(*text) + "\n";
    } else {
        out += json.canonical() + "\n";  // null, true, false, integers, [] and {} are written as in JSON
    }
}

}  // namespace

std::string yaml(const Json& json) {
    std::string out;
    write(out, json, 0);
    return out;
}

}  // namespace mayfly::cli
