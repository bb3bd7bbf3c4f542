#include "ca/access/past.h"

#include <algorithm>

namespace mayfly::access {

namespace {

using policy::State;
using store::PastEvent;
using store::PastGrant;

constexpr std::size_t kMostGrants = 16;  ///< of one identity for one role
constexpr std::size_t kMostIdentities = 1000;

void keep_owner(std::optional<OwnerName>& out, const std::string& text) {
    if (const auto name = OwnerName::parse(text)) out = *name;
}

std::int64_t number_in(const log::Event& event, const char* member) {
    const auto found = event.data.find(member);
    return found == event.data.end() || found->second.integer() == nullptr ? 0 : *found->second.integer();
}

/// What a join token carries: the node takes it over with the token.
struct Token {
    std::string tenant;
    std::map<std::string, std::string> labels;
};
Token token_of(const log::Event& event) {
    Token out{text_in(event, "tenant"), {}};
    const auto labels = event.data.find("labels");
    if (labels == event.data.end() || labels->second.object() == nullptr) return out;
    for (const auto& [key, value] : *labels->second.object())
        if (value.string() != nullptr) out.labels.emplace(key, *value.string());
    return out;
}

/// The one place that knows what each entry about somebody means for what they may.
Standing standing_of(const std::vector<PastEvent>& events) {
    Standing out;
    std::map<std::string, Token> tokens;
    for (const auto& [index, event] : events) {
        const std::string& type = event.type;
        const bool created = type == "identity.created" || type == "owner.created" || type == "node.joined";
        const bool ended = type == "identity.suspended" || type == "owner.left" || type == "owner.suspended" ||
                           type == "revocation.recorded";
        if (created || type == "identity.enabled" || type == "owner.enabled") out.state = State::active;
        if (ended) out.state = State::suspended;
        if (type == "owner.leaving") {
            out.state = State::leaving;
            if (const auto by = Instant::parse(text_in(event, "adopt_by"))) out.adopt_by = *by;
        }
        if (created) {
            out.known = true;
            if (const auto tenant = text_in(event, "tenant"); !tenant.empty()) out.tenant = tenant;
        }
        if (type == "token.created") tokens[text_in(event, "token")] = token_of(event);
        if (type == "node.joined") {
            const Token& token = tokens[text_in(event, "token")];
            if (!token.tenant.empty()) out.tenant = token.tenant;
            out.labels = token.labels;
        }
        if (created || type == "owner.changed") {
            keep_owner(out.backup, text_in(event, "backup"));
            keep_owner(out.manager, text_in(event, "manager"));
        }
        if (created || type.starts_with("identity.")) keep_owner(out.owner, event.owner);
        if (type == "identity.transferred") keep_owner(out.owner, text_in(event, "to"));
        if (created || ended || type.starts_with("identity.") || type.starts_with("owner."))
            out.entries.push_back(index);
    }
    return out;
}

Fate fate_of(const std::vector<PastEvent>& events) {
    Fate out;
    for (const auto& [index, event] : events) {
        const std::string& type = event.type;
        if (type == "grant.created" || type == "request.approved" || type == "breakglass.opened") {
            out.made = true;
            for (const auto* member : {"until", "ends"})
                if (const auto until = Instant::parse(text_in(event, member))) out.until = *until;
        }
        const bool ended = type.ends_with(".ended") || type == "breakglass.closed";
        const bool suspended = type == "grant.suspended";
        if (ended || suspended) {
            out.state = ended ? "ended" : "suspended";
            out.by = event.actor;
            out.at = event.time.text();
            out.why = text_in(event, "why");
        } else if (type == "grant.resumed") {
            out.state = "active";
            out.by = out.at = out.why = "";
        }
        out.entries.push_back(index);
    }
    return out;
}

/// How long a window was asked for, less what those who approved it cut off.
std::int64_t seconds_of(const std::vector<PastEvent>& about_request) {
    std::int64_t out = 0;
    for (const auto& [index, event] : about_request) {
        const std::int64_t seconds = number_in(event, "seconds");
        const bool counts =
            event.type == "request.opened" || (event.type == "request.word" && text_in(event, "verdict") == "approve");
        if (counts && seconds > 0) out = out == 0 ? seconds : std::min(out, seconds);
    }
    return out;
}

}  // namespace

std::string text_in(const log::Event& event, const char* name) {
    const auto found = event.data.find(name);
    return found == event.data.end() || found->second.string() == nullptr ? std::string() : *found->second.string();
}

Result<Standing> Past::standing(const std::string& subject) {
    const auto known = standings_.find(subject);
    if (known != standings_.end()) return known->second;
    const auto events = moment_.store.events_about(subject, moment_.log_size);
    if (!events) return pass(events.error());
    Standing out = standing_of(*events);
    const bool joined = std::any_of(events->begin(), events->end(),
                                    [](const PastEvent& one) { return one.event.type == "node.joined"; });
    if (const auto node = NodeName::parse(subject.substr(std::min<std::size_t>(5, subject.size())));
        subject.starts_with("node/") && !joined && node) {
        const auto labels = moment_.store.node_labels(*node);  // written down without a token: it keeps them
        if (!labels) return pass(labels.error());
        out.labels = labels->value_or(std::map<std::string, std::string>{});
    }
    return standings_.emplace(subject, std::move(out)).first->second;
}

Result<Fate> Past::fate(const std::string& grant) {
    const auto known = fates_.find(grant);
    if (known != fates_.end()) return known->second;
    const auto events = moment_.store.events_about("grant/" + grant, moment_.log_size);
    if (!events) return pass(events.error());
    return fates_.emplace(grant, fate_of(*events)).first->second;
}

void Past::know_holders(const RoleName& role, const std::vector<PastGrant>& grants) {
    if (holders_.count(role) == 1) return;
    auto& holders = holders_[role];
    for (const auto& grant : grants)
        if (auto& theirs = holders[grant.identity]; theirs.size() < kMostGrants) theirs.push_back(grant);
}

Result<std::vector<PastGrant>> Past::grants_of(const IdentityName& identity, const RoleName& role) {
    const auto known = holders_.find(role);
    if (known == holders_.end()) return moment_.store.grants_at(identity, role, moment_.at, kMostGrants);
    const auto theirs = known->second.find(identity);
    return theirs == known->second.end() ? std::vector<PastGrant>() : theirs->second;
}

Result<std::vector<IdentityName>> Past::identities_of(const OwnerName& owner) {
    const auto known = identities_.find(owner);
    if (known != identities_.end()) return known->second;
    auto names = moment_.store.identities_of(owner, kMostIdentities);
    if (!names) return names;
    return identities_.emplace(owner, std::move(*names)).first->second;
}

Result<Window> Past::window(const PastGrant& grant, const Fate& became) {
    Window out{became.until ? *became.until : grant.until, {}};
    if (grant.first_use == 0) return out;
    const auto about = moment_.store.events_about("request/" + grant.request, moment_.log_size);
    if (!about) return pass(about.error());
    const auto lasts = Lifetime::of_seconds(seconds_of(*about));
    if (!lasts) return out;
    const auto use = moment_.store.use_of(grant.identity, grant.id, moment_.log_size);
    if (!use) return pass(use.error());
    if (use->certificates == 0)
        out.first_use = *lasts;
    else
        out.until = Instant(use->first.seconds() + lasts->seconds());
    return out;
}

Result<std::vector<policy::GrantFact>> Past::facts(const IdentityName& identity, const RoleName& role) {
    const auto grants = grants_of(identity, role);
    if (!grants) return pass(grants.error());
    std::vector<policy::GrantFact> out;
    for (const auto& grant : *grants) {
        const auto became = fate(grant.id);
        if (!became) return pass(became.error());
        if (!became->made || became->state != "active") continue;
        auto fact = fact_of(grant, *became);
        if (!fact) return pass(fact.error());
        out.push_back(std::move(*fact));
    }
    return out;
}

Result<policy::GrantFact> Past::fact_of(const PastGrant& grant, const Fate& became) {
    const auto stood = window(grant, became);
    if (!stood) return pass(stood.error());
    policy::GrantFact out{grant.id,     grant.role, grant.by,           grant.from,
                          stood->until, grant.how,  grant.role_version, grant.node};
    out.first_use = stood->first_use;
    if (!grant.single_use) return out;
    const auto use = moment_.store.use_of(grant.identity, grant.id, moment_.log_size);
    if (!use) return pass(use.error());
    out.spent = use->certificates > 0;
    return out;
}

}  // namespace mayfly::access
