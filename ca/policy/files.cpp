#include "ca/policy/files.h"

#include <algorithm>

#include "mayfly/names.h"

namespace mayfly::policy {

namespace {

/// A comment to TOML, so that what is shown can be read by anything that reads TOML's lines.
constexpr std::string_view kMark = "##@ file ";
constexpr std::size_t kMostFiles = 2000, kLongestName = 200;

tl::unexpected<Error> refuse(std::string message, std::string why = {}) {
    return fail(Code::malformed, std::move(message), "E-POLICY-FILES", std::move(why), "mend the folder");
}

Status check_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.' || c == '/';
    };
    const bool good = !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), plain) &&
                      name.front() != '/' && ("/" + std::string(name)).find("/.") == std::string::npos &&
                      name.find("//") == std::string_view::npos;
    if (good) return {};
    return refuse("\"" + printable(name.substr(0, kLongestName)) + "\" is no name for a file of a policy",
                  "letters, digits, - _ . and / below the folder, nothing hidden, at most 200 characters");
}

/// Where the next file begins at or after `from`: at the start of a line.
std::size_t find_mark(std::string_view text, std::size_t from) {
    for (auto at = text.find(kMark, from); at != std::string_view::npos; at = text.find(kMark, at + 1))
        if (at == 0 || text[at - 1] == '\n') return at;
    return std::string_view::npos;
}

}  // namespace

Result<std::string> join_files(std::vector<PolicyFile> files) {
    if (files.empty()) return refuse("there is no policy", "a policy is one or more files that end in .toml");
    if (files.size() > kMostFiles) return refuse("more than 2,000 files");
    if (files.size() == 1 && files.front().name.empty()) return std::move(files.front().toml);
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    std::string out;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto& [name, toml] = files[i];
        if (auto ok = check_name(name); !ok) return pass(ok.error());
        if (i > 0 && files[i - 1].name == name) return refuse("two files are named " + name);
        if (find_mark(toml, 0) != std::string_view::npos)
            return refuse(name + " has a line that begins with \"" + std::string(kMark) + "\"",
                          "that is how the start of a file is marked");
        out += std::string(kMark) + name + "\n" + toml;
        if (!out.ends_with('\n')) out += '\n';
    }
    return out;
}

Result<std::vector<PolicyFile>> split_files(std::string_view text) {
    if (!text.starts_with(kMark)) return std::vector<PolicyFile>{{"", std::string(text)}};
    std::vector<PolicyFile> out;
    for (std::size_t at = 0; at < text.size();) {
        const auto line = text.find('\n', at);
        if (line == std::string_view::npos) return refuse("the text ends in the name of a file");
        const auto next = std::min(find_mark(text, line), text.size());
        out.push_back({std::string(text.substr(at + kMark.size(), line - at - kMark.size())),
                       std::string(text.substr(line + 1, next - line - 1))});
        if (auto ok = check_name(out.back().name); !ok) return pass(ok.error());
        if (out.size() > 1 && out[out.size() - 2].name >= out.back().name)
            return refuse("the files are not in the order of their names");
        if (out.size() > kMostFiles) return refuse("more than 2,000 files");
        at = next;
    }
    return out;
}

}  // namespace mayfly::policy
