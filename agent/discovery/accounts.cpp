#include "agent/discovery/accounts.h"

#include <algorithm>
#include <charconv>

#include "agent/discovery/lines.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostAccounts = 20000, kMostMembers = 20000, kLongestLine = 65536;

bool number(const std::string& text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// The fields of each line that has as many as it should, and a name.
template <class Use>
void each_line(std::string_view text, std::size_t fields, Use use) {
    while (!text.empty()) {
        const auto line = take_line(text);
        if (line.empty() || line.size() > kLongestLine || line.front() == '#') continue;
        const auto parts = split(line, ':');
        if (parts.size() >= fields && !parts[0].empty()) use(parts);
    }
}

}  // namespace

bool Account::logs_in() const {
    const auto program = shell.substr(shell.rfind('/') + 1);
    return program != "nologin" && program != "false" && program != "sync";
}

std::vector<Account> parse_passwd(std::string_view text) {
    std::vector<Account> out;
    each_line(text, 7, [&](const std::vector<std::string>& parts) {
        Account account{parts[0], parts[5], parts[6]};
        if (out.size() < kMostAccounts && number(parts[2], account.uid) && number(parts[3], account.gid))
            out.push_back(std::move(account));
    });
    return out;
}

std::vector<Group> parse_group(std::string_view text) {
    std::vector<Group> out;
    each_line(text, 4, [&](const std::vector<std::string>& parts) {
        Group group{parts[0]};
        if (out.size() == kMostAccounts || !number(parts[2], group.gid)) return;
        for (auto& member : split(parts[3], ','))
            if (!member.empty() && group.members.size() < kMostMembers) group.members.push_back(std::move(member));
        out.push_back(std::move(group));
    });
    return out;
}

std::map<std::string, PasswordState> parse_shadow(std::string_view text) {
    std::map<std::string, PasswordState> out;
    each_line(text, 2, [&](const std::vector<std::string>& parts) {
        // crypt(5): a hash never begins with '!' or '*'; shadow(5): either keeps everybody out.
        const auto& field = parts[1];
        const auto state = field.empty()                                  ? PasswordState::empty
                           : field.front() == '!' || field.front() == '*' ? PasswordState::locked
                                                                          : PasswordState::set;
        if (out.size() < kMostAccounts) out.insert_or_assign(parts[0], state);
    });
    return out;
}

std::vector<std::string> members_of(const Group& group, const std::vector<Account>& accounts) {
    std::vector<std::string> out = group.members;
    for (const auto& account : accounts)
        if (account.gid == group.gid) out.push_back(account.name);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace mayfly::agent
