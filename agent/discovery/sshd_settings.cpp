#include "agent/discovery/sshd_settings.h"

#include <array>

#include "agent/discovery/lines.h"

namespace mayfly::agent {

namespace {

struct Door {
    const char* name;
    const char* closed;  ///< the value that opens nothing
};
constexpr std::array kDoors = {Door{"passwordauthentication", "no"},  Door{"kbdinteractiveauthentication", "no"},
                               Door{"permitemptypasswords", "no"},    Door{"hostbasedauthentication", "no"},
                               Door{"gssapiauthentication", "no"},    Door{"kerberosauthentication", "no"},
                               Door{"permituserenvironment", "no"},   Door{"strictmodes", "yes"},
                               Door{"authorizedkeyscommand", "none"}, Door{"authorizedprincipalscommand", "none"}};
constexpr std::size_t kMostFiles = 16;

/// sshd_config(5), TOKENS: %h home, %u name, %U uid, %% itself.
std::string with_tokens(std::string_view pattern, const Account& account) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c != '%' || i + 1 == pattern.size()) {
            out += c;
            continue;
        }
        const char token = pattern[++i];
        if (token == 'h')
            out += account.home;
        else if (token == 'u')
            out += account.name;
        else if (token == 'U')
            out += std::to_string(account.uid);
        else
            out += token;
    }
    return out;
}

}  // namespace

SshdSettings SshdSettings::parse(std::string_view text) {
    SshdSettings out;
    while (!text.empty()) {
        auto line = take_line(text);
        const std::string name(take_word(line));
        if (!name.empty()) out.values_[name].emplace_back(line);
    }
    return out;
}

std::string SshdSettings::value(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> SshdSettings::values(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::vector<std::string> SshdSettings::key_files(const Account& account) const {
    std::vector<std::string> out;
    const std::string setting = value("authorizedkeysfile");
    std::string_view rest = setting;
    while (!rest.empty() && out.size() < kMostFiles) {
        std::string path = with_tokens(take_word(rest), account);
        if (path.empty() || path == "none") continue;
        if (path.front() != '/') path = account.home + "/" + path;
        out.push_back(std::move(path));
    }
    return out;
}

bool SshdSettings::takes_passwords() const {
    return value("passwordauthentication") == "yes" || value("kbdinteractiveauthentication") == "yes";
}

std::vector<std::pair<std::string, std::string>> SshdSettings::doors() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& door : kDoors)
        if (const auto set = value(door.name); !set.empty() && set != door.closed) out.emplace_back(door.name, set);
    // root by key is what certificates do, too; by password it is not.
    if (value("permitrootlogin") == "yes" && takes_passwords()) out.emplace_back("permitrootlogin", "yes");
    return out;
}

}  // namespace mayfly::agent
