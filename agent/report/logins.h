#pragma once
// Logins: by what each account was last opened, so that whoever closes the old ways knows who would stand outside.
#include <map>
#include <string>
#include <vector>

#include "agent/report/reporter.h"

namespace mayfly::agent {

/// How an account was opened without a certificate.
struct OldUse {
    std::string how, key, seems;
    Instant last = Instant(0);
};
struct AccountUse {
    Instant certificate = Instant(0);  ///< last login by one
    std::vector<OldUse> old{};         ///< one for each key and method, newest last
};

class Logins {
public:
    static Result<Logins> load(const std::string& path);
    void note(const Login& login, const std::string& seems);
    Status save() const;
    [[nodiscard]] const std::map<std::string, AccountUse>& accounts() const { return accounts_; }

    /// would_break says, for each account, whose old way in was used since `since` and would no longer open it, and
    /// whether certificates do. Accounts that no certificate opened since then come first.
    struct Broken {
        std::string account, words;
        bool only_way = false;  ///< no certificate opened it since then
    };
    [[nodiscard]] std::vector<Broken> would_break(Instant since) const;

private:
    explicit Logins(std::string path) : path_(std::move(path)) {}
    std::string path_;
    std::map<std::string, AccountUse> accounts_;
};

}  // namespace mayfly::agent
