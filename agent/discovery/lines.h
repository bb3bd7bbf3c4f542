#pragma once
// Lines of foreign text, taken apart without surprises.
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::agent {

/// The next line, without its end; takes it off the front.
inline std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

inline std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

inline std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> out;
    for (;;) {
        const auto end = text.find(at);
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

/// The next word, up to a blank; takes it and the blanks off the front.
inline std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    const auto end = text.find_first_of(" \t");
    const auto word = text.substr(0, end);
    text.remove_prefix(word.size());
    text = trimmed(text);
    return word;
}

}  // namespace mayfly::agent
