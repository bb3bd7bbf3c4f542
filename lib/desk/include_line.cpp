#include "lib/desk/include_line.h"

#include <algorithm>

#include "mayfly/names.h"

namespace mayfly::desk {

namespace {

/// The next line with its end.
std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const auto out = rest.substr(0, end == std::string_view::npos ? rest.size() : end + 1);
    rest.remove_prefix(out.size());
    return out;
}

/// As ssh reads it: white space around a line means nothing (readconf.c strips " \t\r\n\f").
std::string_view stripped(std::string_view line) {
    constexpr std::string_view kWhite = " \t\r\n\f";
    const auto first = line.find_first_not_of(kWhite);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(kWhite) - first + 1);
}

/// Whether a line begins a block: from there on, what is said holds for some hosts only.
bool begins_block(std::string_view line) {
    line = stripped(line);
    const auto word = line.substr(0, line.find_first_of(" \t=\""));
    const auto is = [&](std::string_view wanted) {
        return word.size() == wanted.size() && std::equal(word.begin(), word.end(), wanted.begin(), [](char a, char b) {
                   return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
               });
    };
    return is("host") || is("match");
}

}  // namespace

Result<std::string> include_line(const std::string& path) {
    // A "*" in it is ours: the files of all contexts. ssh expands ~, %, $ and what glob(7) takes for patterns.
    constexpr std::string_view kSyntax = "\"'\\?[]{}~%$`#";
    const auto bad = [&](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || kSyntax.find(c) != std::string_view::npos;
    };
    const bool ok = path.starts_with('/') && std::none_of(path.begin(), path.end(), bad) &&
                    std::count(path.begin(), path.end(), '*') <= 1 &&
                    (path.find('*') == std::string::npos || path.ends_with("/*.conf"));
    if (ok) return path.find(' ') == std::string::npos ? "Include " + path : "Include \"" + path + "\"";
    return fail(Code::unsupported, "the path \"" + printable(path) + "\" cannot stand in a configuration of ssh",
                "E-SSH-PATH", "ssh would take some of its characters for patterns or variables",
                "set XDG_CONFIG_HOME to a plain path");
}

std::string with_line(std::string_view file, std::string_view line) {
    for (std::string_view rest = file; !rest.empty();) {
        const auto one = take_line(rest);
        if (begins_block(one)) break;
        if (stripped(one) == line) return std::string(file);
    }
    std::string_view rest = file;
    const bool crlf = take_line(rest).ends_with("\r\n");
    return std::string(line) + (crlf ? "\r\n" : "\n") + without_line(file, line);
}

std::string without_line(std::string_view file, std::string_view line) {
    std::string out;
    while (!file.empty()) {
        const auto one = take_line(file);
        if (stripped(one) != line) out += one;
    }
    return out;
}

}  // namespace mayfly::desk
