#include "ca/policy/parse_rules.h"

#include <algorithm>
#include <array>
#include <functional>

namespace mayfly::policy {

namespace {

using config::Table;

constexpr std::size_t kMostStages = 3, kMostParts = 16, kMostMembers = 10000;
constexpr int kDeepest = 4;
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::optional<Party> read_party(Table& table, const toml::node* at, std::string_view text) {
    auto party = Party::parse(text);
    if (party) return std::move(*party);
    table.refuse(at, party.error().message, party.error().why);
    return {};
}

/// One node of the tree: "owner", { any = 2, of = "group:x" }, { all_of = […] } or { any_of = […], need = 2 }.
std::optional<Approvers> read_approvers(Table& outer, const toml::node& node, const std::string& label, int depth,
                                        Status& status) {
    if (const auto word = node.value_exact<std::string>()) {
        auto party = read_party(outer, &node, *word);
        if (!party) return {};
        return Approvers{Approvers::Kind::leaf, 1, std::move(party), {}};
    }
    const auto* toml = node.as_table();
    if (toml == nullptr || depth > kDeepest) {
        outer.refuse(&node, depth > kDeepest ? "the approval tree is deeper than four levels"
                                             : "an approver is a word or a table: { any = 2, of = \"group:x\" }");
        return {};
    }
    Table table(*toml, label + ": approve", status);
    Approvers out;
    std::int64_t need = 1;
    const auto* all = table.node("all_of");
    const auto* any = table.node("any_of");
    const auto* parts = all != nullptr ? all : any;
    if (parts == nullptr) {
        table.integer("any", need, 1, 16);
        const std::string of = table.text("of");
        if (of.empty()) table.finish();  // "off" is told as what it is, not as a party without a name
        out.of = read_party(table, toml->get("of"), of);
    } else {
        out.kind = all != nullptr ? Approvers::Kind::all_of : Approvers::Kind::any_of;
        const auto* list = parts->as_array();
        if (list == nullptr || list->empty() || list->size() > kMostParts || (all != nullptr && any != nullptr)) {
            table.refuse(parts, "all_of or any_of is a list of 1 to 16 approvers");
            return {};
        }
        for (const auto& item : *list)
            if (auto part = read_approvers(table, item, label, depth + 1, status))
                out.parts.push_back(std::move(*part));
        if (any != nullptr)
            table.integer("need", need, 1, static_cast<std::int64_t>(list->size()));
        else
            need = static_cast<std::int64_t>(list->size());
    }
    table.finish();
    out.need = static_cast<std::size_t>(need);
    if (!status) return {};
    return out;
}

void read_approve(Table& role, const toml::table& toml, const std::string& label, Role& out, Status& status) {
    const auto* node = role.node("approve");
    if (node == nullptr) return;
    const auto word = node->value_exact<std::string>();
    if (word == "none") return;
    if (word == "automatic") {
        out.request.automatic = true;
        if (out.risk != Risk::low)
            role.refuse(node, "only roles of risk \"low\" may be approved automatically",
                        "the higher the risk, the more somebody has to answer for it");
        return;
    }
    const auto* list = node->as_array();
    if (list == nullptr) {
        if (auto stage = read_approvers(role, *node, label, 1, status)) out.request.stages = {std::move(*stage)};
        return;
    }
    if (list->empty() || list->size() > kMostStages) return role.refuse(toml.get("approve"), "one to three stages");
    for (const auto& item : *list)
        if (auto stage = read_approvers(role, item, label, 1, status)) out.request.stages.push_back(std::move(*stage));
}

template <class Limit>
void optional_lifetime(Table& table, const char* key, std::optional<Limit>& out) {
    Lifetime value = *Lifetime::of_seconds(1);
    const bool given = table.has(key);
    table.lifetime(key, value);
    if (given) out = value;
}

void read_request(const toml::table& toml, const std::string& label, RequestRule& rule, Status& status) {
    Table table(toml, label + ".request", status);
    rule.reason_prompt = table.text("reason_prompt");
    std::int64_t least = 1;
    table.integer("reason_min", least, 0, 500);
    rule.reason_min = static_cast<std::size_t>(least);
    rule.ticket = table.text("ticket");
    if (rule.ticket.size() > 64) table.refuse(toml.get("ticket"), "a ticket's pattern has at most 64 characters");
    optional_lifetime(table, "longest", rule.longest);
    table.lifetime("pending", rule.pending);
    if (rule.pending.seconds() > 30LL * 86400) table.refuse(toml.get("pending"), "nothing waits longer than 30d");
    rule.starts = table.word("starts", Starts::approval, {Starts::approval, Starts::first_use, Starts::at});
    rule.single_use = table.flag("single_use");
    if (const auto* escalate = table.table("escalate")) {
        Table inner(*escalate, label + ".request.escalate", status);
        Lifetime after = *Lifetime::of_seconds(900);
        inner.lifetime("after", after);
        if (auto to = read_party(inner, escalate->get("to"), inner.text("to", "backup-owner")))
            rule.escalate = Escalation{after, std::move(*to)};
        inner.finish();
    }
    optional_lifetime(table, "fresh", rule.fresh);
    rule.strong = table.flag("strong");
    table.finish();
}

/// "08:00" as a minute of the day; "24:00" is the end of it.
std::optional<int> minute_of(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return {};
    for (const std::size_t i : {0U, 1U, 3U, 4U})
        if (text[i] < '0' || text[i] > '9') return {};
    const int hour = (text[0] - '0') * 10 + (text[1] - '0'), minute = (text[3] - '0') * 10 + (text[4] - '0');
    if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) return {};
    return hour * 60 + minute;
}

void read_change(const toml::table& toml, Policy& policy, Status& status) {
    Table table(toml, "change", status);
    optional_lifetime(table, "fresh", policy.change_fresh);
    if (table.flag("strong")) policy.change_strong = true;
    for (const auto& [risk, key] : {std::pair{Risk::low, "low"}, {Risk::medium, "medium"}, {Risk::high, "high"}}) {
        const auto* node = table.node(key);
        if (node == nullptr) continue;
        auto who = read_approvers(table, *node, "change", 1, status);
        if (who && !policy.change.emplace(risk, *who).second)
            table.refuse(node, "[change] says this in another file too", "two answers to one question");
    }
    table.finish();
}

template <class Name>
bool repeated(std::vector<Name> names) {
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) != names.end();
}

void read_group(const toml::table& toml, Policy& policy, Status& status) {
    Table table(toml, "group \"" + printable(toml["name"].value_or(std::string("?"))) + "\"", status);
    Group group{table.text("name"), table.parsed<OwnerName>("members")};
    if (auto ok = word_rule("group name", group.name); !ok)
        return table.refuse(toml.get("name"), ok.error().message, ok.error().why);
    if (group.members.size() > kMostMembers) table.refuse(toml.get("members"), "more than 10,000 members");
    if (repeated(group.members)) table.refuse(toml.get("members"), "somebody stands there twice");
    table.finish();
    const std::string name = group.name;
    if (!policy.groups.emplace(name, std::move(group)).second) table.refuse(toml.get("name"), "defined twice");
}

void read_conflict(const toml::table& toml, Policy& policy, Status& status) {
    Table table(toml, "conflict", status);
    Conflict conflict{table.parsed<RoleName>("roles"), table.text("why")};
    table.finish();
    if (conflict.roles.size() < 2) table.refuse(toml.get("roles"), "a conflict names at least two roles");
    if (repeated(conflict.roles)) table.refuse(toml.get("roles"), "a role stands there twice");
    for (const auto& role : conflict.roles)
        if (policy.find(role) == nullptr)
            table.refuse(toml.get("roles"), "there is no role \"" + role.text() + "\" in this policy");
    policy.conflicts.push_back(std::move(conflict));
}

template <class Read>
void read_tables(Table& top, const char* key, Read read) {
    const auto* node = top.node(key);
    if (node == nullptr) return;
    const auto* array = node->as_array();
    if (array == nullptr || !array->is_array_of_tables() || array->size() > 10000)
        return top.refuse(node, std::string("written [[") + key + "]], at most 10,000");
    for (const auto& item : *array) read(*item.as_table());
}

}  // namespace

void read_request_rule(Table& role, const toml::table& toml, const std::string& label, Role& out, Status& status) {
    read_approve(role, toml, label, out, status);
    for (const auto& word : role.texts("open_to")) {
        if (word == "anyone")
            out.request.open_to_anyone = true;
        else if (auto party = read_party(role, toml.get("open_to"), word))
            out.request.open_to.push_back(std::move(*party));
    }
    if (const auto* request = role.table("request")) read_request(*request, label, out.request, status);
}

Conditions read_conditions(const toml::table& toml, const std::string& label, Status& status) {
    Table table(toml, label + ".conditions", status);
    Conditions out;
    for (const auto& text : table.texts("networks")) {
        if (const auto block = parse_cidr(text))
            out.networks.push_back(*block);
        else
            table.refuse(toml.get("networks"), block.error().message, block.error().why);
    }
    for (const auto& word : table.texts("days")) {
        const auto* day = std::find(kDays.begin(), kDays.end(), word);
        if (day == kDays.end())
            table.refuse(toml.get("days"), "a day is one of mon, tue, wed, thu, fri, sat, sun");
        else
            out.days.push_back(static_cast<int>(day - kDays.begin()));
    }
    if (table.has("hours")) {
        const std::string hours = table.text("hours");
        const auto dash = hours.find('-');
        if (dash != std::string::npos) {
            out.from_minute = minute_of(std::string_view(hours).substr(0, dash));
            out.until_minute = minute_of(std::string_view(hours).substr(dash + 1));
        }
        if (!out.from_minute || !out.until_minute || out.from_minute == out.until_minute)
            table.refuse(toml.get("hours"), "hours reads \"08:00-18:00\", in UTC");
    }
    optional_lifetime(table, "login_age", out.login_age);
    out.strong_login = table.flag("strong_login");
    out.first_time =
        table.word("first_time", FirstTime::ignore, {FirstTime::ignore, FirstTime::mark, FirstTime::approve});
    table.finish();
    return out;
}

ReviewRule read_review(const toml::table& toml, const std::string& label, Status& status) {
    Table table(toml, label + ".review", status);
    ReviewRule out;
    table.lifetime("every", out.every);
    if (out.every.seconds() > 180LL * 86400) table.refuse(toml.get("every"), "nothing goes unreviewed beyond 180d");
    table.lifetime("grace", out.grace);
    out.lapse = table.word("lapse", Lapse::suspend, {Lapse::suspend, Lapse::keep, Lapse::remove});
    optional_lifetime(table, "dormant_after", out.dormant_after);
    if (auto who = read_party(table, toml.get("reviewer"), table.text("reviewer", "owner"))) out.reviewer = *who;
    table.finish();
    return out;
}

BreakGlass read_breakglass(const toml::table& toml, const std::string& label, Status& status) {
    Table table(toml, label + ".breakglass", status);
    BreakGlass out;
    table.lifetime("lifetime", out.lifetime);
    if (out.lifetime.seconds() > 3600) table.refuse(toml.get("lifetime"), "broken glass closes within 1h");
    out.second_person = table.flag("second_person");
    table.lifetime("review_within", out.review_within);
    table.finish();
    return out;
}

void read_groups(Table& top, Policy& policy, Status& status) {
    read_tables(top, "group", [&](const toml::table& table) { read_group(table, policy, status); });
}

void read_people(Table& top, Policy& policy, Status& status) {
    read_tables(top, "conflict", [&](const toml::table& table) { read_conflict(table, policy, status); });
    if (const auto* change = top.table("change")) read_change(*change, policy, status);
}

void check_parties(const Policy& policy, Table& top) {
    const std::function<void(const Approvers&, const std::string&)> check = [&](const Approvers& who,
                                                                                const std::string& where) {
        if (who.of && who.of->kind() == Party::Kind::group) {
            const auto group = policy.groups.find(who.of->name());
            if (group == policy.groups.end())
                top.refuse(nullptr, where + " asks " + who.of->text() + ", which is not defined", "[[group]] names it");
            else if (group->second.members.size() < who.need)
                top.refuse(nullptr,
                           where + " asks for " + std::to_string(who.need) + " of " + who.of->text() + ", which has " +
                               std::to_string(group->second.members.size()) + " members",
                           "silence ends in denial: nobody could ever approve it");
        } else if (who.of && who.of->kind() != Party::Kind::group && who.need > 1) {
            top.refuse(nullptr, where + " asks for " + std::to_string(who.need) + " of " + who.of->text(),
                       "that is one person");
        }
        for (const auto& part : who.parts) check(part, where);
    };
    const auto check_party = [&](const Party& party, const std::string& where) {
        check({Approvers::Kind::leaf, 1, party, {}}, where);
    };
    for (const auto& [name, role] : policy.roles) {
        const std::string where = "role \"" + name + "\"";
        for (const auto& stage : role.request.stages) check(stage, where);
        for (const auto& party : role.request.open_to) check_party(party, where);
        if (role.request.escalate) check_party(role.request.escalate->to, where);
        check_party(role.review.reviewer, where);
    }
    for (const auto& [risk, who] : policy.change) check(who, "change");
}

}  // namespace mayfly::policy
