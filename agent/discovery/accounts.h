#pragma once
// Accounts of this host, from its own files: passwd(5), group(5), shadow(5). Pure: text in, values out. Lines that are
// none are left out; every list is bounded.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::agent {

struct Account {
    std::string name, home, shell;
    std::uint64_t uid = 0, gid = 0;
    /// Whether its shell lets anybody in.
    [[nodiscard]] bool logs_in() const;
};
std::vector<Account> parse_passwd(std::string_view text);

struct Group {
    std::string name;
    std::uint64_t gid = 0;
    std::vector<std::string> members{};
};
std::vector<Group> parse_group(std::string_view text);

/// A password that is set, an empty one (no password is asked), or none that could match. The hash itself is not kept.
enum class PasswordState { set, empty, locked };
std::map<std::string, PasswordState> parse_shadow(std::string_view text);

/// Who is in a group: by its list, and by having it as the first group.
std::vector<std::string> members_of(const Group& group, const std::vector<Account>& accounts);

}  // namespace mayfly::agent
