#include "lib/desk/ssh_config.h"

#include <algorithm>
#include <map>

namespace mayfly::desk {

namespace {

constexpr std::size_t kNamesPerLine = 20;
constexpr std::string_view kMatch = "Match originalhost ";

bool harmless(std::string_view text, std::string_view also) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               also.find(c) != std::string_view::npos;
    });
}

Status check_path(const std::string& path) {
    if (path.starts_with('/') && harmless(path, "/._+@-")) return {};
    return fail(Code::unsupported, "the path \"" + printable(path) + "\" cannot stand in a configuration of ssh",
                "E-SSH-PATH",
                "only full paths of letters, digits and / . _ + @ - mean the same to ssh and to every shell",
                "put it somewhere else: XDG_RUNTIME_DIR and XDG_STATE_HOME say where, and PATH which mayfly");
}

/// The account to log in as, when every role that opens the node opens the same one only.
std::string account_of(const SshConfig& config, const ReachedNode& node) {
    std::string only;
    for (const auto& name : node.roles)
        for (const auto& role : config.roles) {
            if (role.principal.role() != name) continue;
            for (const auto& account : role.accounts) {
                if (!only.empty() && only != account.text()) return {};
                only = account.text();
            }
        }
    return only;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string pattern_list(const std::vector<std::string>& hosts, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < std::min(from + kNamesPerLine, hosts.size()); ++i)
        out += (out.empty() ? "" : ",") + hosts[i];
    return out;
}

}  // namespace

Result<std::string> render(const SshConfig& config) {
    if (auto ok = word_rule("context name", config.context); !ok) return pass(ok.error());
    if (auto ok = check_path(config.mayfly); !ok) return pass(ok.error());
    if (!config.check.starts_with('/') || !harmless(config.check, "/._+@- "))
        return pass(check_path(config.check).error());
    if (auto ok = config.keeping == Keeping::own_agent ? check_path(config.socket) : Status(); !ok)
        return pass(ok.error());
    for (const auto& file : config.certificate_files)
        if (auto ok = check_path(file); !ok) return pass(ok.error());

    std::map<std::string, std::vector<std::string>> by_account;
    std::vector<std::string> all;
    for (const auto& node : config.nodes)
        for (const auto& host : node.hosts) {
            by_account[account_of(config, node)].push_back(host.text());
            all.push_back(host.text());
        }
    std::string out =
        "# Written by `mayfly ssh config --write`, and anew by the next one: changes are lost. docs/ssh.md says what "
        "it does.\n";
    const auto sorted = [](std::vector<std::string>& hosts) {
        std::sort(hosts.begin(), hosts.end());
        hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    };
    sorted(all);
    // ssh keeps the first value of each option. What needs a certificate stands under `exec`, which is asked only for
    // hosts that matched by name before it: no other text ever reaches the shell.
    for (auto& [account, hosts] : by_account) {
        sorted(hosts);
        for (std::size_t at = 0; at < hosts.size(); at += kNamesPerLine) {
            out += "\n" + std::string(kMatch) + pattern_list(hosts, at) + " exec \"" + config.check + " %n\"\n";
            if (config.keeping == Keeping::own_agent) out += "    IdentityAgent " + config.socket + "\n";
            for (const auto& file : config.certificate_files) out += "    CertificateFile " + file + "\n";
            out += "    IdentitiesOnly no\n    StrictHostKeyChecking yes\n";
            if (config.keeping == Keeping::own_agent) out += "    ForwardAgent no\n";
            if (!account.empty()) out += "    User " + account + "\n";
        }
    }
    for (std::size_t at = 0; at < all.size(); at += kNamesPerLine)
        out += "\n" + std::string(kMatch) + pattern_list(all, at) + "\n    KnownHostsCommand " + config.mayfly +
               " --context " + config.context + " ssh known-hosts %H --key %K\n    UpdateHostKeys no\n";
    return out;
}

std::vector<HostName> hosts_in(std::string_view file) {
    std::vector<HostName> out;
    for (const auto& line : lines_of(file)) {
        if (!line.starts_with(kMatch)) continue;
        std::string_view words = std::string_view(line).substr(kMatch.size());
        words = words.substr(0, words.find(' '));
        while (!words.empty()) {
            const auto end = std::min(words.find(','), words.size());
            if (auto host = HostName::parse(words.substr(0, end))) out.push_back(std::move(*host));
            words.remove_prefix(std::min(end + 1, words.size()));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::vector<std::string> difference(std::string_view before, std::string_view after) {
    auto old_lines = lines_of(before), new_lines = lines_of(after);
    std::size_t head = 0, tail = 0;
    const std::size_t shorter = std::min(old_lines.size(), new_lines.size());
    while (head < shorter && old_lines[head] == new_lines[head]) ++head;
    while (tail < shorter - head && old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail])
        ++tail;
    std::vector<std::string> out;
    for (std::size_t i = head; i < old_lines.size() - tail; ++i) out.push_back("-" + old_lines[i]);
    for (std::size_t i = head; i < new_lines.size() - tail; ++i) out.push_back("+" + new_lines[i]);
    if (out.empty()) return out;
    if (head > 0) out.insert(out.begin(), " " + old_lines[head - 1]);
    if (tail > 0) out.push_back(" " + old_lines[old_lines.size() - tail]);
    return out;
}

}  // namespace mayfly::desk
