#include "ca/access/explain.h"

#include <algorithm>
#include <set>

#include "ca/access/past.h"
#include "ca/access/replay.h"
#include "ca/policy/people.h"

namespace mayfly::access {

namespace {

using policy::Activation;
using policy::State;
using store::PastGrant;

constexpr std::int64_t kDay = 86400;
constexpr std::size_t kMostGrants = 100000, kMostRows = 1000, kMostOver = 5, kMostNamed = 10;

/// What the identity's owner held of the roles that conflict.
Result<std::vector<policy::HeldFact>> beside(Past& past, const OwnerName& owner, const RoleName& role) {
    std::vector<policy::HeldFact> out;
    const auto against = past.moment().policy.against(role);
    if (against.empty()) return out;
    const auto identities = past.identities_of(owner);
    if (!identities) return pass(identities.error());
    for (const auto& identity : *identities)
        for (const auto& other : against) {
            const auto grants = past.facts(identity, other);
            if (!grants) return pass(grants.error());
            if (grants->empty()) continue;
            const auto whose = past.standing(identity.text());
            if (!whose) return pass(whose.error());
            if (whose->owner != owner) continue;  // it was somebody else's then
            for (const auto& grant : *grants)
                if (grant.how != Activation::eligible && !grant.spent)
                    out.push_back({identity, other, grant.id, grant.until});
        }
    return out;
}

struct Question {
    policy::Ask ask;
    policy::Facts facts;
    bool known = false;  ///< the identity was there
    Standing identity, owner;
};

Result<Question> question_of(Past& past, const IdentityName& identity, const RoleName& role,
                             const std::optional<NodeName>& node) {
    const Moment& moment = past.moment();
    auto who = past.standing(identity.text());
    if (!who) return pass(who.error());
    Standing owner;
    if (who->owner) {
        const auto found = past.standing("owner/" + who->owner->text());
        if (!found) return pass(found.error());
        owner = *found;
    }
    policy::Ask ask = plain_ask(moment.policy, moment.domain, identity, role);
    policy::Facts facts{identity,
                        who->known ? who->state : State::suspended,
                        who->owner ? *who->owner : *OwnerName::parse("nobody"),
                        owner.known ? owner.state : State::suspended,
                        {},
                        false,
                        false,
                        {},
                        {},
                        {},
                        Instant(moment.at.seconds() + 3650 * kDay),
                        *Lifetime::of_seconds(3650 * kDay)};
    facts.tenant = who->tenant;
    facts.adopt_by = owner.adopt_by;
    facts.circumstances = met(moment.policy.find(role), moment.at);
    auto grants = past.facts(identity, role);
    if (!grants) return pass(grants.error());
    facts.grants = std::move(*grants);
    auto held = beside(past, facts.owner, role);
    if (!held) return pass(held.error());
    facts.beside = std::move(*held);
    if (node) {
        ask.node = *node;
        const auto machine = past.standing("node/" + node->text());
        if (!machine) return pass(machine.error());
        if (machine->known) {
            facts.target_labels = machine->labels;
            facts.target_tenant = machine->tenant;
        }
    }
    return Question{std::move(ask), std::move(facts), who->known, std::move(*who), std::move(owner)};
}

void collect_names(const policy::Approvers& who, const policy::Policy& policy, std::set<OwnerName>& out) {
    if (who.of && who.of->kind() == policy::Party::Kind::group) {
        const auto group = policy.groups.find(who.of->name());
        if (group != policy.groups.end()) out.insert(group->second.members.begin(), group->second.members.end());
    }
    if (who.of && who.of->kind() == policy::Party::Kind::person)
        if (const auto name = OwnerName::parse(who.of->name())) out.insert(*name);
    for (const auto& part : who.parts) collect_names(part, policy, out);
}

/// The people behind the words of a rule at the moment; nobody else is looked at.
Result<policy::People> people_of(Past& past, const policy::Role& role, const OwnerName& asker) {
    std::set<OwnerName> names = {role.owner, asker};
    for (const auto& stage : role.request.stages) collect_names(stage, past.moment().policy, names);
    policy::People out;
    const auto add = [&](const OwnerName& name) -> Result<Standing> {
        auto standing = past.standing("owner/" + name.text());
        if (standing && policy::find_person(out, name) == nullptr)
            out.push_back({name, standing->state == State::active, false, true, standing->backup, standing->manager});
        return standing;
    };
    for (const auto& name : names) {
        const auto standing = add(name);
        if (!standing) return pass(standing.error());
        for (const auto& other : {standing->backup, standing->manager})
            if (other)
                if (const auto also = add(*other); !also) return pass(also.error());
    }
    return out;
}

/// What nobody has said yet, stage by stage.
Result<std::vector<api::ExplainedMissing>> missing(Past& past, const policy::Role& role, const OwnerName& asker) {
    const auto people = people_of(past, role, asker);
    if (!people) return pass(people.error());
    const auto electorate = policy::electorate_of(past.moment().policy, *people, role.owner, asker);
    std::vector<api::ExplainedMissing> out;
    for (std::size_t stage = 0; stage < role.request.stages.size(); ++stage) {
        policy::RequestRule only;
        only.stages = {role.request.stages[stage]};
        const auto tally = policy::tally(only, electorate, {asker}, {});
        const auto* pending = std::get_if<policy::Pending>(&tally);
        if (pending == nullptr) continue;
        for (const auto& lacking : pending->lacking) {
            api::ExplainedMissing one{static_cast<std::int64_t>(stage) + 1,
                                      static_cast<std::int64_t>(lacking.count),
                                      lacking.party.text(),
                                      {}};
            for (const auto& who : lacking.who)
                if (one.who.size() < kMostNamed) one.who.push_back(who.text());
            out.push_back(std::move(one));
        }
    }
    return out;
}

/// A grant for people who ask: by whose word, for what, used how often, removed by whom.
Result<api::ExplainedGrant> told(Past& past, const PastGrant& grant, Fate became, std::vector<std::int64_t>& entries) {
    const Moment& moment = past.moment();
    api::ExplainedGrant out;
    out.id = grant.id;
    out.how = policy::name(grant.how);
    const auto window = past.window(grant, became);
    if (!window) return pass(window.error());
    out.state = became.state == "active" && window->until <= moment.at ? "over" : became.state;
    out.by = grant.by.text();
    out.from = grant.from.text();
    out.until = window->until.text();
    out.reason = grant.reason;
    out.request = grant.request;
    if (grant.node) out.node = grant.node->text();
    out.ended_by = became.by;
    out.ended_at = became.at;
    out.why_ended = became.why;
    const auto use = moment.store.use_of(grant.identity, grant.id, moment.log_size);
    if (!use) return pass(use.error());
    out.certificates = use->certificates;
    if (use->certificates > 0) out.last_used = use->last.text();
    out.serials = use->serials;
    for (const auto index : became.entries) entries.push_back(static_cast<std::int64_t>(index));
    if (grant.request.empty()) return out;
    const auto words = moment.store.events_about("request/" + grant.request, moment.log_size);
    if (!words) return pass(words.error());
    for (const auto& [index, event] : *words) {
        entries.push_back(static_cast<std::int64_t>(index));
        if (event.type != "request.word") continue;
        const std::string by = text_in(event, "by"), other = text_in(event, "stands_for");
        out.words.push_back((by.empty() ? event.actor : by) + (other.empty() || other == by ? "" : " for " + other) +
                            ": " + text_in(event, "verdict") + " at " + event.time.text());
    }
    return out;
}

std::vector<std::string> conditions_of(const policy::Role& role) {
    std::vector<std::string> out;
    for (const auto& block : role.conditions.networks) out.push_back("from " + block);
    if (role.conditions.login_age) out.push_back("login no older than " + role.conditions.login_age->text());
    if (role.conditions.strong_login) out.emplace_back("login with a hardware key");
    if (role.conditions.first_time != policy::FirstTime::ignore)
        out.push_back("first time from somewhere new: " + std::string(policy::name(role.conditions.first_time)));
    return out;
}

void tell(const policy::Decision& decision, api::Explanation& out) {
    const auto rules = [&](const std::vector<policy::Reason>& reasons) {
        for (const auto& reason : reasons)
            if (out.rules.size() < 16) out.rules.push_back({reason.rule, reason.message, reason.why, reason.fix});
    };
    out.verdict = "refuse";
    if (const auto* permit = std::get_if<policy::Permit>(&decision)) {
        out.verdict = "permit";
        out.lifetime = permit->lifetime.text();
        out.allowed = permit->reasons;
    } else if (const auto* waits = std::get_if<policy::NeedsApproval>(&decision)) {
        out.verdict = "approval";
        rules(waits->reasons);
    } else {
        rules(std::get<policy::Refusal>(decision).reasons);
    }
}

/// "g-7" → 7; 0 for what is none.
std::int64_t number_of(std::string_view id) {
    std::int64_t out = 0;
    if (!id.starts_with("g-") || id.size() > 18) return 0;
    for (const char c : id.substr(2)) {
        if (c < '0' || c > '9') return 0;
        out = out * 10 + (c - '0');
    }
    return out;
}

/// Who may ask for a role, in words.
std::string may_ask(const policy::RequestRule& rule) {
    std::string out = rule.open_to_anyone ? "anyone" : "";
    for (const auto& party : rule.open_to) out += (out.empty() ? "" : ", ") + party.text();
    return out;
}

/// A holder with the verdict of the moment; nothing for a grant that had ended, or that another of the same holder
/// outlasts.
Result<std::optional<api::WhoCanRow>> row_of(Past& past, const PastGrant& grant, const std::optional<NodeName>& node) {
    const Moment& moment = past.moment();
    const auto became = past.fate(grant.id);
    if (!became) return pass(became.error());
    if (!became->made || became->state == "ended") return std::optional<api::WhoCanRow>();
    const auto window = past.window(grant, *became);
    if (!window) return pass(window.error());
    const auto question = question_of(past, grant.identity, grant.role, node ? node : grant.node);
    if (!question) return pass(question.error());
    for (const auto& other : question->facts.grants) {
        if (other.id == grant.id || (other.node && other.node != grant.node)) continue;
        const bool outlasts =
            std::pair(other.until, number_of(grant.id)) > std::pair(window->until, number_of(other.id));
        if (outlasts || became->state != "active") return std::optional<api::WhoCanRow>();
    }
    api::Explanation verdict;
    tell(policy::decide(moment.policy, moment.domain, question->ask, question->facts, moment.at), verdict);
    return std::optional(api::WhoCanRow{grant.identity.text(), question->facts.owner.text(), grant.role.text(),
                                        verdict.verdict, std::string(policy::name(grant.how)), window->until.text(),
                                        grant.id, grant.by.text(),
                                        verdict.rules.empty() ? "" : verdict.rules.front().rule});
}

}  // namespace

Result<api::Explanation> explain(const Moment& moment, const IdentityName& identity, const RoleName& role,
                                 const std::optional<NodeName>& node) {
    Past past(moment);
    const auto question = question_of(past, identity, role, node);
    if (!question) return pass(question.error());
    if (!question->known)
        return fail(Code::not_found, "there was no identity " + identity.text() + " at " + moment.at.text(),
                    "E-IDENTITY-UNKNOWN", {}, "mayfly identity list");
    api::Explanation out;
    out.identity = identity.text();
    out.role = role.text();
    if (node) out.node = node->text();
    out.at = moment.at.text();
    out.policy_version = moment.version;
    out.owner = question->facts.owner.text();
    out.owner_state = policy::name(question->facts.owner_state);
    out.identity_state = policy::name(question->facts.identity_state);
    out.tenant = question->facts.tenant;
    const auto decision = policy::decide(moment.policy, moment.domain, question->ask, question->facts, moment.at);
    tell(decision, out);
    for (const auto* whose : {&question->identity, &question->owner})
        for (const auto index : whose->entries) out.entries.push_back(static_cast<std::int64_t>(index));

    if (const auto* known = moment.policy.find(role)) {
        out.approval = policy::text(known->request);
        out.conditions = conditions_of(*known);
        if (known->ssh)
            for (const auto& account : known->ssh->accounts) out.accounts.push_back(account.text());
        if (known->x509)
            for (const auto& pattern : known->x509->names) out.names.push_back(pattern.text());
        if (std::holds_alternative<policy::NeedsApproval>(decision)) {
            auto lacks = missing(past, *known, question->facts.owner);
            if (!lacks) return pass(lacks.error());
            out.missing = std::move(*lacks);
        }
    }
    auto grants = moment.store.grants_at(identity, role, moment.at, 16);
    if (!grants) return pass(grants.error());
    const auto over = moment.store.grants_before(identity, role, moment.at, kMostOver);
    if (!over) return pass(over.error());
    grants->insert(grants->end(), over->begin(), over->end());
    for (const auto& grant : *grants) {
        auto became = past.fate(grant.id);
        if (!became) return pass(became.error());
        if (!became->made) continue;  // it was made later
        auto one = told(past, grant, std::move(*became), out.entries);
        if (!one) return pass(one.error());
        out.grants.push_back(std::move(*one));
    }
    std::sort(out.entries.begin(), out.entries.end());
    out.entries.erase(std::unique(out.entries.begin(), out.entries.end()), out.entries.end());
    if (out.entries.size() > 200) out.entries.resize(200);
    return out;
}

Result<api::WhoCan> who_can(const Moment& moment, std::string subject, const std::vector<RoleName>& roles,
                            const std::optional<NodeName>& node, std::string_view after) {
    Past past(moment);
    api::WhoCan out;
    out.subject = std::move(subject);
    out.at = moment.at.text();
    out.policy_version = moment.version;
    for (const auto& role : roles) {
        if (out.roles.size() < 100) out.roles.push_back(role.text());
        const auto* known = moment.policy.find(role);
        if (known == nullptr || out.may_ask.size() >= 100) continue;
        const auto open = may_ask(known->request);
        if (!open.empty()) out.may_ask.push_back(role.text() + ": " + open);
    }
    // A page goes on behind "ROLE:g-7", so that a role with thousands of holders is told to its end.
    const auto colon = std::min(after.find(':'), after.size());
    std::int64_t last = colon < after.size() ? number_of(after.substr(colon + 1)) : 0;
    auto role = after.empty() ? roles.begin() : std::find_if(roles.begin(), roles.end(), [&](const auto& one) {
        return one.text() == after.substr(0, colon);
    });
    if (!after.empty() && (last == 0 || role == roles.end()))
        return fail(Code::malformed, "?after= is not what a page named", "E-QUERY", {}, {});
    for (; role != roles.end(); ++role, last = 0) {
        auto grants = moment.store.grants_at(std::nullopt, *role, moment.at, kMostGrants);
        if (!grants) return pass(grants.error());
        past.know_holders(*role, *grants);
        for (const auto& other : moment.policy.against(*role)) {
            const auto theirs = moment.store.grants_at(std::nullopt, other, moment.at, kMostGrants);
            if (!theirs) return pass(theirs.error());
            past.know_holders(other, *theirs);
        }
        std::sort(grants->begin(), grants->end(),
                  [](const auto& a, const auto& b) { return number_of(a.id) < number_of(b.id); });
        for (const auto& grant : *grants) {
            if (number_of(grant.id) <= last || (node && grant.node && *grant.node != *node)) continue;
            if (out.rows.size() >= kMostRows) {
                ++out.more;
                continue;
            }
            auto row = row_of(past, grant, node);
            if (!row) return pass(row.error());
            if (*row) out.rows.push_back(std::move(**row));
            out.next = role->text() + ":" + grant.id;
        }
        if (out.more > 0) return out;
    }
    out.next.clear();
    return out;
}

Result<std::vector<RoleName>> roles_of_node(const Moment& moment, const NodeName& node) {
    Past past(moment);
    const auto machine = past.standing("node/" + node.text());
    if (!machine) return pass(machine.error());
    if (!machine->known)
        return fail(Code::not_found, "there was no node \"" + node.text() + "\" at " + moment.at.text(), "E-NODE", {},
                    "mayfly identity list");
    std::vector<RoleName> out;
    for (const auto& [name, role] : moment.policy.roles)
        if (role.ssh && role.tenant == machine->tenant && role.ssh->nodes.matches(machine->labels))
            out.push_back(role.name);
    return out;
}

std::vector<RoleName> roles_of_tenant(const policy::Policy& policy, const std::string& tenant) {
    std::vector<RoleName> out;
    for (const auto& [name, role] : policy.roles)
        if (role.tenant == tenant) out.push_back(role.name);
    return out;
}

}  // namespace mayfly::access
