#pragma once
// What is in effect in sshd, as `sshd -T` prints it. Pure.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/discovery/accounts.h"

namespace mayfly::agent {

class SshdSettings {
public:
    static SshdSettings parse(std::string_view text);
    /// The first value of a setting, in lower case as sshd prints its name; "" when there is none.
    [[nodiscard]] std::string value(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> values(const std::string& name) const;
    [[nodiscard]] bool empty() const { return values_.empty(); }

    /// AuthorizedKeysFile for one account: tokens put in, relative names below its home. None when it says "none".
    [[nodiscard]] std::vector<std::string> key_files(const Account& account) const;
    /// Whether a password opens an account by ssh.
    [[nodiscard]] bool takes_passwords() const;

    /// Settings that open doors beside certificates, with their value: "passwordauthentication" → "yes".
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> doors() const;

private:
    std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace mayfly::agent
