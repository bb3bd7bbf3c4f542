#pragma once
// Who may become root by sudo, from the text of sudoers(5). Pure. Read to report, not to decide: where the grammar
// leaves room, a rule counts as one that makes root.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::agent {

/// SudoRule is one rule that lets somebody act as root.
struct SudoRule {
    std::vector<std::string> who;  ///< account, "%group", "%#gid", "#uid", "ALL"; aliases are put in by resolve
    bool all_commands = false;
    bool without_password = false;
    std::string place;  ///< file
};

class Sudoers {
public:
    /// Reads one file, of this name. Returns the files and folders that it includes, in order: a folder ends in '/'.
    std::vector<std::string> read(std::string_view text, const std::string& place);
    /// The rules with every User_Alias replaced by its members. An unknown alias stays as it is written.
    [[nodiscard]] std::vector<SudoRule> rules() const;

private:
    void read_alias(std::string_view text);
    void read_rule(std::string_view text, const std::string& place);
    std::vector<SudoRule> rules_;
    std::map<std::string, std::vector<std::string>> aliases_;
};

/// Whether sudo reads a file of this name in an included folder: not with a '.' in it, nor ending in '~'.
bool sudo_reads(std::string_view file_name);

}  // namespace mayfly::agent
