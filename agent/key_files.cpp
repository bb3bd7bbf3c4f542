#include "agent/key_files.h"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lib/crypto/crypto.h"
#include "lib/files/untrusted.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 1 << 20, kLongestComment = 100, kMostFiles = 8;

/// The file belongs to somebody who may want us to hang or to read something else.
std::string read_foreign(const std::string& path) {
    const auto bytes = files::read_untrusted(path, kLargest);
    return bytes ? std::string(text_of(*bytes)) : std::string();
}

/// Where each word of a line begins, with quoted spaces inside words (options may stand before the key).
std::vector<std::size_t> word_starts(std::string_view line) {
    std::vector<std::size_t> out;
    bool quoted = false, between = true;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
        const bool blank = !quoted && (c == ' ' || c == '\t');
        if (between && !blank) out.push_back(i);
        between = blank;
    }
    return out;
}

/// sshd_config(5), TOKENS: %h, %u, %U and %%.
std::string expanded(std::string_view pattern, const std::string& account, const passwd& entry) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%' || i + 1 == pattern.size()) {
            out += pattern[i];
            continue;
        }
        switch (pattern[++i]) {
            case 'h': out += entry.pw_dir; break;
            case 'u': out += account; break;
            case 'U': out += std::to_string(entry.pw_uid); break;
            default: out += pattern[i];
        }
    }
    return out.starts_with('/') ? out : std::string(entry.pw_dir) + "/" + out;
}

}  // namespace

std::string find_key_line(std::string_view text, const std::string& fingerprint) {
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        for (const auto start : word_starts(line)) {
            const auto key = wire::parse_ssh_key_line(line.substr(start));
            if (!key) continue;
            if (wire::fingerprint(crypto::ssh_fingerprint(key->key)) != fingerprint) break;
            const std::string comment = printable(key->comment).substr(0, kLongestComment);
            return "line " + std::to_string(number) + (comment.empty() ? "" : ", " + comment);
        }
    }
    return {};
}

std::string whose_key(const Settings& settings, const std::string& account, const std::string& fingerprint) {
    const auto* entry = ::getpwnam(account.c_str());
    const auto patterns = settings.find("authorizedkeysfile");
    if (entry == nullptr || patterns == settings.end()) return {};
    std::size_t files = 0;
    for (const auto& list : patterns->second) {
        std::string_view rest = list;
        while (!rest.empty() && files++ < kMostFiles) {
            const auto end = std::min(rest.find(' '), rest.size());
            const auto pattern = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (pattern.empty() || pattern == "none") continue;
            const std::string path = expanded(pattern, account, *entry);
            if (const auto found = find_key_line(read_foreign(path), fingerprint); !found.empty())
                return printable(path) + " " + found;
        }
    }
    return {};
}

}  // namespace mayfly::agent
