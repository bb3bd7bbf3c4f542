#include "agent/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace mayfly::agent {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string value_of(const Settings& settings, const char* keyword) {
    const auto found = settings.find(keyword);
    if (found == settings.end()) return {};
    std::string out;
    for (const auto& value : found->second) out += (out.empty() ? "" : " ") + value;
    return out;
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

bool unset(const std::string& value) { return value.empty() || value == "none"; }

struct Rule {
    const char* keyword;
    const char* wanted;
    const char* means;
};

}  // namespace

Settings parse_settings(std::string_view printed) {
    Settings out;
    while (!printed.empty()) {
        const auto end = std::min(printed.find('\n'), printed.size());
        const auto line = printed.substr(0, end);
        printed.remove_prefix(std::min(end + 1, printed.size()));
        const auto space = line.find(' ');
        if (space == std::string_view::npos || space == 0) continue;
        out[lower(line.substr(0, space))].emplace_back(line.substr(space + 1));
    }
    return out;
}

std::optional<Address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) host = host.substr(1, host.size() - 2);
    // It becomes an argument of ssh.
    const bool plain = !host.empty() && host.front() != '-' && std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ':' ||
               c == '-' || c == '%';
    });
    if (!plain) return std::nullopt;
    return Address{std::string(host), std::string(text.substr(colon + 1))};
}

std::optional<Address> reach(const Settings& settings) {
    const auto listed = settings.find("listenaddress");
    if (listed == settings.end()) return std::nullopt;
    for (const auto& text : listed->second) {
        // "127.0.0.1:22", "[::]:22", and "… rdomain NAME" for routing domains that we are not in.
        if (text.find(' ') != std::string::npos) continue;
        auto address = parse_address(text);
        if (!address) continue;
        if (address->host == "0.0.0.0") address->host = "127.0.0.1";
        if (address->host == "::") address->host = "::1";
        return address;
    }
    return std::nullopt;
}

std::vector<std::string> against(const Settings& settings, Mode mode, const std::string& current) {
    if (mode == Mode::observe) return {};
    std::vector<std::string> out;
    const auto want = [&](const char* keyword, const std::string& wanted, const char* means) {
        const auto value = value_of(settings, keyword);
        if (value != wanted)
            out.push_back(std::string(keyword) + " is \"" + value.substr(0, 200) + "\", not \"" + wanted +
                          "\": " + means);
    };
    want("trustedusercakeys", current + "/user_ca.pub", "sshd does not trust the CA's certificates");
    want("authorizedprincipalsfile", current + "/principals/%u", "sshd does not read which roles open which account");
    want("pubkeyauthentication", "yes", "certificates open nothing");
    if (const auto revoked = value_of(settings, "revokedkeys"); revoked != current + "/revoked.krl" && !unset(revoked))
        out.push_back("revokedkeys is \"" + revoked.substr(0, 200) + "\": sshd does not read the CA's revocation list");
    if (mode == Mode::both) return out;
    static constexpr std::array kOnly = {
        Rule{"passwordauthentication", "no", "passwords open accounts"},
        Rule{"kbdinteractiveauthentication", "no", "passwords open accounts through PAM"},
        Rule{"hostbasedauthentication", "no", "other hosts vouch for their users"},
        Rule{"authorizedkeyscommand", "none", "a command names further keys"},
        Rule{"authorizedprincipalscommand", "none", "a command names further principals"},
    };
    for (const auto& rule : kOnly) want(rule.keyword, rule.wanted, rule.means);
    // An sshd that was built without GSSAPI does not print it.
    if (settings.contains("gssapiauthentication")) want("gssapiauthentication", "no", "Kerberos tickets open accounts");
    const auto keys = value_of(settings, "authorizedkeysfile");
    if (!unset(keys) && keys != current + "/breakglass/%u")
        out.push_back("authorizedkeysfile is \"" + keys.substr(0, 200) + "\": plain keys open accounts");
    return out;
}

std::vector<std::string> in_the_way(const Settings& before) {
    std::vector<std::string> out;
    const auto is_set = [&](const char* keyword, const char* means) {
        if (const auto value = value_of(before, keyword); !unset(value))
            out.push_back(std::string(keyword) + " is \"" + value.substr(0, 200) + "\": " + means);
    };
    if (value_of(before, "pubkeyauthentication") == "no")
        out.emplace_back("pubkeyauthentication is \"no\": plain keys would open accounts that they do not open now");
    is_set("trustedusercakeys", "certificates of that CA would open nothing any more");
    is_set("authorizedprincipalsfile", "its principals would not be read any more");
    is_set("authorizedprincipalscommand", "its principals would open accounts to the CA's certificates");
    is_set("revokedkeys", "what it revokes would be accepted again");
    return out;
}

}  // namespace mayfly::agent
