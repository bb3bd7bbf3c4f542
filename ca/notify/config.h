#pragma once
// Config: who is told, from ca.toml: [[webhook]] and [mail]. No API can add a target or move one.
#include <optional>
#include <string>
#include <vector>

#include "ca/notify/address.h"
#include "ca/policy/rules.h"
#include "mayfly/time.h"

namespace mayfly::notify {

/// Patience is how long a target that does not take an entry is asked again.
struct Patience {
    Lifetime first = *Lifetime::of_seconds(5);         ///< wait after the first failure; doubled each time
    Lifetime most = *Lifetime::of_seconds(3600);       ///< the longest wait
    Lifetime deadline = *Lifetime::of_seconds(86400);  ///< from the first failure; then it is a dead letter
};

struct Webhook {
    std::string name;  ///< [a-z0-9-], unique, not "mail"
    std::string url;
    std::string secret_file;          ///< Standard Webhooks secrets, one or two lines
    std::vector<std::string> events;  ///< "request.opened", "request.*" or "*"
    std::string roots;                ///< PEM roots; "" for the system's
    Reach reach{};
    Patience patience{};
};

struct Mail {
    std::string server;  ///< smtp://HOST:PORT (STARTTLS, always) or smtps://HOST:PORT
    std::string from;
    std::string user, password_file;  ///< both or neither
    std::vector<std::string> events;
    std::vector<policy::Party> security;  ///< "group:…" and "person:…", told of what concerns everybody
    std::string roots;
    Reach reach{};
    Patience patience{};
};

struct Config {
    std::vector<Webhook> webhooks;
    std::optional<Mail> mail;
    [[nodiscard]] bool empty() const { return webhooks.empty() && !mail; }
};

/// parse_config reads those parts of ca.toml's text; paths in it are relative to `folder`. Fails with malformed
/// (E-CONFIG, with line and column).
Result<Config> parse_config(std::string_view text, const std::string& path, const std::string& folder);

/// wanted says whether one of the patterns fits this type of event.
bool wanted(const std::vector<std::string>& patterns, std::string_view type);
/// is_mail_address accepts plain ASCII name@host and nothing that could end a line or begin another address.
bool is_mail_address(std::string_view text);

}  // namespace mayfly::notify
