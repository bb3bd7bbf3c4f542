#include "ca/notify/config.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "ca/notify/egress.h"
#include "lib/config/table.h"

namespace mayfly::notify {

namespace {

using mayfly::config::Table;

/// Each target has a thread and a connection of its own.
constexpr std::size_t kMostWebhooks = 32;

bool is_target_name(std::string_view name) {
    return !name.empty() && name.size() <= 32 && name != "mail" && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

/// "*", "request.*" or "request.opened".
bool is_pattern(std::string_view pattern) {
    if (pattern == "*") return true;
    const auto dot = pattern.find('.');
    const auto word = [](std::string_view text) {
        return !text.empty() &&
               std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    };
    if (dot == std::string_view::npos || !word(pattern.substr(0, dot))) return false;
    return pattern.substr(dot + 1) == "*" || word(pattern.substr(dot + 1));
}

std::string in_folder(const std::string& folder, const std::string& path) {
    return path.empty() ? path : (std::filesystem::path(folder) / path).string();
}

/// What webhooks and mail have in common.
template <class Target>
void read_common(Table& table, const toml::table& toml, const std::string& folder, Target& target) {
    target.events = table.texts("events");
    if (target.events.empty()) table.refuse(nullptr, "events is empty: it would be told of nothing");
    for (const auto& pattern : target.events)
        if (!is_pattern(pattern))
            table.refuse(toml.get("events"),
                         "\"" + printable(pattern) + "\" is not a type of event, \"kind.*\" or \"*\"",
                         "docs/events.md");
    target.roots = in_folder(folder, table.text("roots"));
    target.reach.private_networks = table.flag("allow_private");
    table.lifetime("first_retry", target.patience.first);
    table.lifetime("longest_retry", target.patience.most);
    table.lifetime("deadline", target.patience.deadline);
    if (target.patience.first > target.patience.most)
        table.refuse(toml.get("first_retry"), "first_retry is longer than longest_retry");
}

void check(Table& table, const toml::node* at, const Status& status) {
    if (!status) table.refuse(at, status.error().message, status.error().why);
}

Webhook read_webhook(const toml::table& toml, const std::string& path, const std::string& folder, Status& status) {
    Webhook hook;
    hook.name = toml["name"].value_or(std::string());
    Table table(toml, path + ": webhook \"" + printable(hook.name) + "\"", status);
    hook.name = table.text("name");
    if (!is_target_name(hook.name))
        table.refuse(toml.get("name"), "name is 1 to 32 of a-z, 0-9 and \"-\", and not \"mail\"");
    hook.url = table.text("url");
    hook.secret_file = in_folder(folder, table.text("secret_file"));
    if (hook.secret_file.empty())
        table.refuse(nullptr, "secret_file is missing: an unsigned webhook could be anybody's");
    read_common(table, toml, folder, hook);
    hook.reach.plain_text = table.flag("allow_http");
    check(table, toml.get("url"), check_url(hook.url, "https", hook.reach.plain_text ? "http" : "", hook.reach));
    table.finish();
    return hook;
}

Mail read_mail(const toml::table& toml, const std::string& path, const std::string& folder, Status& status) {
    Mail mail;
    Table table(toml, path + ": mail", status);
    mail.server = table.text("server");
    mail.from = table.text("from");
    if (!is_mail_address(mail.from)) table.refuse(toml.get("from"), "from is a plain address, name@host");
    mail.user = table.text("user");
    mail.password_file = in_folder(folder, table.text("password_file"));
    if (mail.user.empty() != mail.password_file.empty())
        table.refuse(nullptr, "user and password_file come together or not at all");
    mail.security = table.parsed<policy::Party>("security");
    if (!table.has("security")) mail.security = {*policy::Party::parse("group:security")};
    for (const auto& party : mail.security)
        if (party.name().empty()) table.refuse(toml.get("security"), "security names groups and persons");
    read_common(table, toml, folder, mail);
    mail.reach.plain_text = table.flag("allow_plain");
    check(table, toml.get("server"), check_url(mail.server, "smtp", "smtps", mail.reach));
    if (mail.reach.plain_text && !mail.user.empty())
        table.refuse(toml.get("allow_plain"), "allow_plain would send the password without TLS");
    table.finish();
    return mail;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& path, const std::string& folder) {
    const auto parsed = config::parse(text);
    if (!parsed) return pass(parsed.error(), path);
    Status status;
    Table top(*parsed, path, status);
    Config out;
    if (const auto* hooks = top.node("webhook")) {
        const auto* array = hooks->as_array();
        std::set<std::string> names;
        if (array == nullptr || !array->is_array_of_tables())
            top.refuse(hooks, "webhooks are written [[webhook]]");
        else if (array->size() > kMostWebhooks)
            top.refuse(hooks, "more than 32 webhooks");
        else
            for (const auto& hook : *array) {
                out.webhooks.push_back(read_webhook(*hook.as_table(), path, folder, status));
                if (!names.insert(out.webhooks.back().name).second)
                    top.refuse(&hook, "webhook \"" + printable(out.webhooks.back().name) + "\" is there twice");
            }
    }
    if (const auto* mail = top.table("mail")) out.mail = read_mail(*mail, path, folder, status);
    if (!status) return pass(status.error());
    return out;
}

bool wanted(const std::vector<std::string>& patterns, std::string_view type) {
    return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
        if (!pattern.ends_with('*')) return pattern == type;
        pattern.remove_suffix(1);
        return type.starts_with(pattern);
    });
}

bool is_mail_address(std::string_view text) {
    const auto at = text.find('@');
    if (at == 0 || at == std::string_view::npos || text.size() > 254) return false;
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto local = text.substr(0, at), host = text.substr(at + 1);
    // RFC 5321 section 4.1.2: Dot-string, of the atoms that need no quotes.
    const auto in_local = [&](char c) {
        return plain(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
    };
    const auto in_host = [&](char c) { return plain(c) || c == '-' || c == '.'; };
    return std::all_of(local.begin(), local.end(), in_local) && !host.empty() && plain(host.front()) &&
           std::all_of(host.begin(), host.end(), in_host) && local.front() != '-';
}

}  // namespace mayfly::notify
