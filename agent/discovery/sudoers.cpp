#include "agent/discovery/sudoers.h"

#include <algorithm>

#include "agent/discovery/lines.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostRules = 5000, kMostIncludes = 100, kMostWho = 1000, kDeepest = 8, kLongestLine = 65536;

/// sudoers(5): a backslash at the end goes on with the next line.
std::string take_logical_line(std::string_view& text) {
    std::string out;
    for (;;) {
        const auto line = take_line(text);
        if (out.size() + line.size() > kLongestLine) continue;
        out += line;
        if (out.empty() || out.back() != '\\' || text.empty()) return out;
        out.back() = ' ';
    }
}

/// Without what follows a '#' that begins a comment: "#1000" and "%#1000" are ids, and quotes keep what is in them.
std::string_view without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == '#' && !quoted) {
            const bool id = i + 1 < line.size() && line[i + 1] >= '0' && line[i + 1] <= '9';
            if (!id) return line.substr(0, i);
        }
    }
    return line;
}

/// A list up to the first blank that follows no comma: "alice, bob ALL=…" is alice and bob.
std::vector<std::string> take_list(std::string_view& text) {
    std::vector<std::string> out;
    for (;;) {
        text = trimmed(text);
        std::string word;
        bool quoted = false;
        std::size_t used = 0;
        for (; used < text.size(); ++used) {
            const char c = text[used];
            if (c == '"') {
                quoted = !quoted;
                continue;
            }
            if (c == '\\' && used + 1 < text.size()) {
                word += text[++used];
                continue;
            }
            if (!quoted && (c == ' ' || c == '\t' || c == ',' || c == '=' || c == ':')) break;
            word += c;
        }
        text.remove_prefix(used);
        if (!word.empty() && out.size() < kMostWho) out.push_back(std::move(word));
        text = trimmed(text);
        if (text.empty() || text.front() != ',') return out;
        text.remove_prefix(1);
    }
}

bool alias_name(std::string_view text) {
    return !text.empty() && text.front() >= 'A' && text.front() <= 'Z' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// "(root : adm)": whom it may run as. None given is root; a list that could hold root counts.
bool could_be_root(std::string_view runas) {
    const auto users = runas.substr(0, runas.find(':'));
    if (trimmed(users).empty()) return runas.find(':') == std::string_view::npos;
    for (const auto& part : split(users, ',')) {
        const auto word = trimmed(part);
        if (word == "root" || word == "ALL" || word == "#0" || word.starts_with('%') || alias_name(word)) return true;
    }
    return false;
}

}  // namespace

std::vector<std::string> Sudoers::read(std::string_view text, const std::string& place) {
    std::vector<std::string> includes;
    const auto include = [&](std::string_view rest, bool folder) {
        std::string path(trimmed(rest));
        path.erase(std::remove(path.begin(), path.end(), '"'), path.end());
        if (path.empty() || includes.size() == kMostIncludes) return;
        if (path.front() != '/') path = place.substr(0, place.rfind('/') + 1) + path;
        includes.push_back(path + (folder ? "/" : ""));
    };
    while (!text.empty()) {
        const std::string whole = take_logical_line(text);
        const auto line = trimmed(whole);
        bool included = false;
        for (const auto* word : {"#includedir", "@includedir", "#include", "@include"}) {
            const std::string_view keyword(word);
            if (included || !line.starts_with(keyword) || line.size() == keyword.size()) continue;
            const char after = line[keyword.size()];
            if (after != ' ' && after != '\t') continue;
            include(line.substr(keyword.size()), keyword.ends_with("dir"));
            included = true;
        }
        if (included) continue;
        const auto statement = trimmed(without_comment(line));
        if (statement.empty() || statement.starts_with("Defaults")) continue;
        if (statement.starts_with("User_Alias"))
            read_alias(statement.substr(10));
        else if (!statement.starts_with("Host_Alias") && !statement.starts_with("Runas_Alias") &&
                 !statement.starts_with("Cmnd_Alias") && !statement.starts_with("Cmd_Alias"))
            read_rule(statement, place);
    }
    return includes;
}

void Sudoers::read_alias(std::string_view text) {
    // NAME = a, b : OTHER = c
    for (;;) {
        auto name = take_list(text);
        if (name.size() != 1 || text.empty() || text.front() != '=') return;
        text.remove_prefix(1);
        aliases_[name.front()] = take_list(text);
        if (text.empty() || text.front() != ':') return;
        text.remove_prefix(1);
    }
}

void Sudoers::read_rule(std::string_view text, const std::string& place) {
    SudoRule rule{take_list(text), false, false, place};
    const auto equals = text.find('=');
    if (rule.who.empty() || equals == std::string_view::npos || rules_.size() == kMostRules) return;
    auto rest = trimmed(text.substr(equals + 1));
    bool root = true;
    if (rest.starts_with('(')) {
        const auto end = rest.find(')');
        root = could_be_root(rest.substr(1, end == std::string_view::npos ? end : end - 1));
        rest = end == std::string_view::npos ? std::string_view() : trimmed(rest.substr(end + 1));
    }
    // A second command of the list may be for another user; it counts when it says root.
    root = root || rest.find("(root") != std::string_view::npos || rest.find("(ALL") != std::string_view::npos;
    if (!root) return;
    rule.without_password = rest.find("NOPASSWD:") != std::string_view::npos;
    for (const auto& part : split(rest, ',')) {
        auto word = trimmed(part);
        while (word.find(':') != std::string_view::npos && word.front() >= 'A' && word.front() <= 'Z')
            word = trimmed(word.substr(word.find(':') + 1));
        if (word == "ALL") rule.all_commands = true;
    }
    rules_.push_back(std::move(rule));
}

std::vector<SudoRule> Sudoers::rules() const {
    std::vector<SudoRule> out = rules_;
    for (auto& rule : out) {
        for (std::size_t depth = 0; depth < kDeepest; ++depth) {
            std::vector<std::string> who;
            bool replaced = false;
            for (const auto& word : rule.who) {
                const auto alias = aliases_.find(word);
                if (alias == aliases_.end()) {
                    who.push_back(word);
                    continue;
                }
                replaced = true;
                who.insert(who.end(), alias->second.begin(), alias->second.end());
            }
            if (who.size() > kMostWho) who.resize(kMostWho);
            rule.who = std::move(who);
            if (!replaced) break;
        }
        std::sort(rule.who.begin(), rule.who.end());
        rule.who.erase(std::unique(rule.who.begin(), rule.who.end()), rule.who.end());
    }
    return out;
}

bool sudo_reads(std::string_view file_name) {
    return !file_name.empty() && !file_name.ends_with('~') && file_name.find('.') == std::string_view::npos;
}

}  // namespace mayfly::agent
