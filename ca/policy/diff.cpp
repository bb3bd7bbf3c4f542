#include "ca/policy/diff.h"

#include <algorithm>

#include "ca/policy/case.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::policy {

namespace {

std::string yes_no(bool value) { return value ? "true" : "false"; }
std::string text_of(const std::optional<Lifetime>& lifetime) { return lifetime ? lifetime->text() : "none"; }
template <class Name>
std::vector<std::string> texts_of(const std::vector<Name>& names) {
    std::vector<std::string> out;
    for (const auto& name : names) out.push_back(name.text());
    return out;
}
std::string text_of(const NodeSelector& nodes) {
    if (nodes.all) return "all";
    std::vector<std::string> out;
    for (const auto& [key, value] : nodes.labels) out.push_back(key + "=" + value);
    return joined(out);
}
std::string text_of(const std::map<std::string, std::string>& options) {
    std::string out;
    for (const auto& [name, value] : options) out += (out.empty() ? "" : ", ") + name + "=" + value;
    return out;
}
std::vector<std::string> digests_of(const std::vector<Bytes>& certificates) {
    std::vector<std::string> out;
    for (const auto& der : certificates) out.push_back("SHA-256 " + wire::hex(crypto::sha256(der)));
    return out;
}
std::string hours_of(const Conditions& rule) {
    if (!rule.from_minute || !rule.until_minute) return "any";
    const auto clock = [](int minute) {
        const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
        return two(minute / 60) + ":" + two(minute % 60);
    };
    return clock(*rule.from_minute) + "-" + clock(*rule.until_minute);
}
std::string days_of(const Conditions& rule) {
    static constexpr const char* kNames[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    std::vector<std::string> out;
    for (const int day : rule.days) out.emplace_back(kNames[day]);
    return out.empty() ? "any" : joined(out);
}

/// Collects differences of one thing.
struct Compare {
    std::vector<Difference>& out;

    void text(const std::string& name, const std::string& before, const std::string& after, bool narrower = false) {
        if (before != after)
            out.push_back({name + ": " + (before.empty() ? "none" : before) + " → " + (after.empty() ? "none" : after),
                           narrower ? Effect::narrower : Effect::wider});
    }
    void flag(const std::string& name, bool before, bool after, bool narrower_when) {
        text(name, yes_no(before), yes_no(after), after == narrower_when);
    }
    void most(const std::string& name, const Lifetime& before, const Lifetime& after) {
        text(name, before.text(), after.text(), after <= before);
    }
    /// A limit that, absent, limits nothing.
    void limit(const std::string& name, const std::optional<Lifetime>& before, const std::optional<Lifetime>& after) {
        text(name, text_of(before), text_of(after), after && (!before || *after <= *before));
    }
    /// A set of what is allowed; with `all_when_empty`, the empty set allows everything.
    void allowed(const std::string& name, std::vector<std::string> before, std::vector<std::string> after,
                 bool all_when_empty = false) {
        std::sort(before.begin(), before.end());
        std::sort(after.begin(), after.end());
        if (before == after) return;
        std::string words;
        for (const auto& item : after)
            if (!contains(before, item)) words += (words.empty() ? "" : ", ") + ("+ " + item);
        const bool adds = !words.empty();
        for (const auto& item : before)
            if (!contains(after, item)) words += (words.empty() ? "" : ", ") + ("− " + item);
        bool narrower = !adds;
        if (all_when_empty) narrower = (before.empty() || !adds) && !after.empty();
        if (words.empty()) words = "in another order";
        out.push_back({name + ": " + words, narrower ? Effect::narrower : Effect::wider});
    }
};

void compare_request(Compare compare, const RequestRule& a, const RequestRule& b) {
    compare.text("approve", text(a), text(b), !a.needed() && b.needed() && !b.automatic);
    compare.allowed("open_to", texts_of(a.open_to), texts_of(b.open_to));
    compare.flag("open to anyone", a.open_to_anyone, b.open_to_anyone, false);
    compare.text("reason_prompt", a.reason_prompt, b.reason_prompt, true);
    compare.text("reason_min", std::to_string(a.reason_min), std::to_string(b.reason_min),
                 b.reason_min >= a.reason_min);
    compare.text("ticket", a.ticket, b.ticket, a.ticket.empty());
    compare.limit("longest", a.longest, b.longest);
    compare.most("pending", a.pending, b.pending);
    compare.text("starts", std::string(name(a.starts)), std::string(name(b.starts)));
    compare.flag("single_use", a.single_use, b.single_use, true);
    const auto escalation = [](const RequestRule& rule) {
        return rule.escalate ? rule.escalate->to.text() + " after " + rule.escalate->after.text() : "none";
    };
    compare.text("escalate", escalation(a), escalation(b), !b.escalate);
    compare.limit("fresh", a.fresh, b.fresh);
    compare.flag("strong", a.strong, b.strong, true);
}

void compare_conditions(Compare compare, const Conditions& a, const Conditions& b) {
    compare.allowed("networks", a.networks, b.networks, true);
    compare.text("days", days_of(a), days_of(b), a.days.empty());
    compare.text("hours", hours_of(a), hours_of(b), !a.from_minute);
    compare.limit("login_age", a.login_age, b.login_age);
    compare.flag("strong_login", a.strong_login, b.strong_login, true);
    compare.text("first_time", std::string(name(a.first_time)), std::string(name(b.first_time)),
                 b.first_time >= a.first_time);
}

void compare_review(Compare compare, const Role& a, const Role& b) {
    compare.most("review.every", a.review.every, b.review.every);
    compare.most("review.grace", a.review.grace, b.review.grace);
    compare.text("review.lapse", std::string(name(a.review.lapse)), std::string(name(b.review.lapse)),
                 a.review.lapse == Lapse::keep || b.review.lapse == Lapse::remove);
    compare.limit("review.dormant_after", a.review.dormant_after, b.review.dormant_after);
    compare.text("review.reviewer", a.review.reviewer.text(), b.review.reviewer.text());
    const auto glass = [](const Role& role) {
        if (!role.breakglass) return std::string("closed");
        return "for " + role.breakglass->lifetime.text() + (role.breakglass->second_person ? ", by two persons" : "") +
               ", reviewed within " + role.breakglass->review_within.text();
    };
    const bool tighter = !b.breakglass || (a.breakglass && b.breakglass->lifetime <= a.breakglass->lifetime &&
                                           b.breakglass->second_person >= a.breakglass->second_person &&
                                           b.breakglass->review_within <= a.breakglass->review_within);
    compare.text("breakglass", glass(a), glass(b), tighter);
}

void compare_ssh(Compare compare, const std::optional<SshScope>& a, const std::optional<SshScope>& b) {
    if (!a && !b) return;
    if (!a || !b) return compare.text("ssh scope", a ? "there" : "none", b ? "there" : "none", !b);
    compare.allowed("ssh.accounts", texts_of(a->accounts), texts_of(b->accounts));
    const bool fewer = a->nodes.all || (!b->nodes.all && std::includes(b->nodes.labels.begin(), b->nodes.labels.end(),
                                                                       a->nodes.labels.begin(), a->nodes.labels.end()));
    compare.text("ssh.nodes", text_of(a->nodes), text_of(b->nodes), fewer);
    compare.allowed("ssh.extensions", a->extensions, b->extensions);
    compare.text("ssh.force_command", a->force_command, b->force_command, a->force_command.empty());
    compare.allowed("ssh.source_addresses", a->source_addresses, b->source_addresses, true);
    compare.flag("ssh.hardware_key", a->hardware_key, b->hardware_key, true);
    compare.flag("ssh.end_sessions", a->end_sessions, b->end_sessions, true);
    // Servers that know an option only restrict by it, and others refuse the certificate.
    const auto &before = a->critical_options, &after = b->critical_options;
    compare.text("ssh.critical_options", text_of(before), text_of(after),
                 std::includes(after.begin(), after.end(), before.begin(), before.end()));
    compare.allowed("ssh.attestation_roots", digests_of(a->attestation_roots), digests_of(b->attestation_roots), true);
}

void compare_x509(Compare compare, const std::optional<X509Scope>& a, const std::optional<X509Scope>& b) {
    if (!a && !b) return;
    if (!a || !b) return compare.text("x509 scope", a ? "there" : "none", b ? "there" : "none", !b);
    compare.flag("x509 server", a->server, b->server, false);
    compare.flag("x509 client", a->client, b->client, false);
    compare.flag("x509.wildcard", a->wildcard, b->wildcard, false);
    compare.flag("x509 role in subject", a->role_in_subject, b->role_in_subject, false);
    compare.allowed("x509.names", texts_of(a->names), texts_of(b->names));
}

std::vector<Difference> compare_roles(const Role& a, const Role& b) {
    std::vector<Difference> out;
    Compare compare{out};
    compare.text("owner", a.owner.text(), b.owner.text());
    compare.most("max_lifetime", a.max_lifetime, b.max_lifetime);
    compare.text("risk", std::string(name(a.risk)), std::string(name(b.risk)), b.risk > a.risk);
    compare.text("separation", std::string(name(a.separation)), std::string(name(b.separation)),
                 b.separation == Separation::strict);
    compare.text("tenant", a.tenant, b.tenant);
    compare.allowed("guests", a.guests, b.guests);
    compare_request(compare, a.request, b.request);
    compare_conditions(compare, a.conditions, b.conditions);
    compare_review(compare, a, b);
    compare_ssh(compare, a.ssh, b.ssh);
    compare_x509(compare, a.x509, b.x509);
    compare.text("description", a.description, b.description, true);
    // Whatever this file has forgotten to compare is no narrowing.
    if (out.empty() && a.version != b.version) out.push_back({"written differently", Effect::wider});
    return out;
}

void diff_roles(const Policy& before, const Policy& after, std::vector<Change>& out) {
    for (const auto& [name, role] : after.roles) {
        const auto known = before.roles.find(name);
        if (known == before.roles.end()) {
            out.push_back({Change::Kind::added,
                           "role " + name,
                           role.risk,
                           role.owner,
                           {{"new, owned by " + role.owner.text() + ", decided by " + text(role.request) +
                                 ", at most " + role.max_lifetime.text(),
                             Effect::wider}}});
        } else if (auto differences = compare_roles(known->second, role); !differences.empty()) {
            out.push_back({Change::Kind::changed, "role " + name, std::max(known->second.risk, role.risk),
                           known->second.owner, std::move(differences)});
        }
    }
    for (const auto& [name, role] : before.roles)
        if (after.roles.count(name) == 0)
            out.push_back({Change::Kind::removed,
                           "role " + name,
                           role.risk,
                           role.owner,
                           {{"nobody can use it any more", Effect::narrower}}});
}

void collect_groups(const Approvers& approvers, std::set<std::string>& out) {
    if (approvers.of && approvers.of->kind() == Party::Kind::group) out.insert(approvers.of->name());
    for (const auto& part : approvers.parts) collect_groups(part, out);
}

/// How grave a change of a group is: as grave as the gravest thing its people decide on or may ask for.
Risk risk_of_group(const Policy& policy, const std::string& group) {
    Risk out = Risk::low;
    const auto speaks = [&](const Party& party) { return party.kind() == Party::Kind::group && party.name() == group; };
    for (const auto& [name, role] : policy.roles) {
        std::set<std::string> asked;
        for (const auto& stage : role.request.stages) collect_groups(stage, asked);
        const bool touched = asked.count(group) != 0 || speaks(role.review.reviewer) ||
                             std::any_of(role.request.open_to.begin(), role.request.open_to.end(), speaks) ||
                             (role.request.escalate && speaks(role.request.escalate->to));
        if (touched) out = std::max(out, role.risk);
    }
    for (const auto& [risk, who] : policy.change) {
        std::set<std::string> asked;
        collect_groups(who, asked);
        if (asked.count(group) != 0) out = Risk::high;
    }
    return out;
}

void diff_groups(const Policy& before, const Policy& after, std::vector<Change>& out) {
    std::set<std::string> names;
    for (const auto& [name, group] : before.groups) names.insert(name);
    for (const auto& [name, group] : after.groups) names.insert(name);
    for (const auto& name : names) {
        const auto a = before.groups.find(name), b = after.groups.find(name);
        Change change{a == before.groups.end()  ? Change::Kind::added
                      : b == after.groups.end() ? Change::Kind::removed
                                                : Change::Kind::changed,
                      "group " + name,
                      std::max(risk_of_group(before, name), risk_of_group(after, name)),
                      {},
                      {}};
        Compare{change.differences}.allowed(
            "members", a == before.groups.end() ? std::vector<std::string>{} : texts_of(a->second.members),
            b == after.groups.end() ? std::vector<std::string>{} : texts_of(b->second.members));
        // Fewer people who decide is no narrowing: it may be how somebody gets a decision alone.
        for (auto& difference : change.differences) difference.effect = Effect::wider;
        if (!change.differences.empty()) out.push_back(std::move(change));
    }
}

std::vector<std::string> texts_of(const std::vector<Conflict>& conflicts) {
    std::vector<std::string> out;
    for (const auto& conflict : conflicts) {
        auto roles = texts_of(conflict.roles);
        std::sort(roles.begin(), roles.end());
        std::string text;
        for (const auto& role : roles) text += (text.empty() ? "" : " × ") + role;
        out.push_back(std::move(text));
    }
    return out;
}

void diff_conflicts(const Policy& before, const Policy& after, std::vector<Change>& out) {
    Change change{Change::Kind::changed, "conflicts", Risk::low, {}, {}};
    const auto a = texts_of(before.conflicts), b = texts_of(after.conflicts);
    Compare{change.differences}.allowed("pairs", a, b);
    if (change.differences.empty()) return;
    const bool drops = std::any_of(a.begin(), a.end(), [&](const auto& pair) { return !contains(b, pair); });
    for (auto& difference : change.differences) difference.effect = drops ? Effect::wider : Effect::narrower;
    for (const auto* policy : {&before, &after})
        for (const auto& conflict : policy->conflicts)
            for (const auto& name : conflict.roles)
                if (const auto* role = policy->find(name)) change.risk = std::max(change.risk, role->risk);
    out.push_back(std::move(change));
}

void diff_limits(const BuiltIn& a, const BuiltIn& b, std::vector<Change>& out) {
    Change change{Change::Kind::changed, "limits", Risk::high, {}, {}};
    Compare compare{change.differences};
    compare.most("session", a.session, b.session);
    compare.most("node", a.node, b.node);
    compare.most("host", a.host, b.host);
    compare.most("ca_server", a.ca_server, b.ca_server);
    compare.most("token", a.token, b.token);
    compare.most("token_max", a.token_max, b.token_max);
    compare.most("grant_max", a.grant_max, b.grant_max);
    compare.text("renew_grace", text_of(a.renew_grace), text_of(b.renew_grace),
                 !b.renew_grace || (a.renew_grace && *b.renew_grace <= *a.renew_grace));
    if (!change.differences.empty()) out.push_back(std::move(change));
}

void diff_change(const Policy& before, const Policy& after, std::vector<Change>& out) {
    Change change{Change::Kind::changed, "change", Risk::high, {}, {}};
    const auto rule = [](const Policy& policy, Risk risk) {
        const auto found = policy.change.find(risk);
        return found == policy.change.end() ? std::string() : text(found->second);
    };
    for (const auto risk : {Risk::low, Risk::medium, Risk::high})
        Compare{change.differences}.text("sign-off of " + std::string(name(risk)), rule(before, risk),
                                         rule(after, risk));
    Compare{change.differences}.limit("fresh", before.change_fresh, after.change_fresh);
    Compare{change.differences}.flag("strong", before.change_strong, after.change_strong, true);
    if (!change.differences.empty()) out.push_back(std::move(change));
}

}  // namespace

std::string_view name(Effect effect) { return effect == Effect::narrower ? "narrower" : "wider"; }

std::string_view name(Change::Kind kind) {
    switch (kind) {
        case Change::Kind::added: return "added";
        case Change::Kind::removed: return "removed";
        case Change::Kind::changed: return "changed";
    }
    return "changed";
}

bool Change::narrows() const {
    return std::all_of(differences.begin(), differences.end(),
                       [](const Difference& difference) { return difference.effect == Effect::narrower; });
}

std::vector<Change> diff(const Policy& before, const Policy& after) {
    std::vector<Change> out;
    diff_roles(before, after, out);
    diff_groups(before, after, out);
    diff_conflicts(before, after, out);
    diff_limits(before.built_in, after.built_in, out);
    diff_change(before, after, out);
    return out;
}

Risk risk_of(const std::vector<Change>& changes) {
    Risk out = Risk::low;
    for (const auto& change : changes) out = std::max(out, change.risk);
    return out;
}

bool narrows(const std::vector<Change>& changes) {
    return std::all_of(changes.begin(), changes.end(), [](const Change& change) { return change.narrows(); });
}

const Approvers* approvers_of(const Policy& in_force, Risk risk) {
    const auto found = in_force.change.lower_bound(risk);
    return found == in_force.change.end() ? nullptr : &found->second;
}

}  // namespace mayfly::policy
