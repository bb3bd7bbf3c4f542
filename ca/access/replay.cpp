#include "ca/access/replay.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "lib/crypto/crypto.h"

namespace mayfly::access {

namespace {

using policy::Ask;
using policy::Facts;

constexpr std::size_t kMostMints = 100000, kMostRefusals = 2000, kMostCases = 50;
constexpr std::int64_t kDay = 86400;

/// The cases that came out otherwise, alike ones together, those that came most often first.
class Cases {
public:
    void add(api::ReplayedCase one) {
        auto& known = found_[{one.identity, one.role, one.after, one.why}];
        if (known.identity.empty())
            known = std::move(one);  // the newest comes first
        else
            ++known.times;
    }
    [[nodiscard]] std::vector<api::ReplayedCase> list() const {
        std::vector<api::ReplayedCase> out;
        for (const auto& [key, one] : found_) out.push_back(one);
        std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.times > b.times; });
        if (out.size() > kMostCases) out.resize(kMostCases);
        return out;
    }

private:
    std::map<std::tuple<std::string, std::string, std::string, std::string>, api::ReplayedCase> found_;
};

struct Said {
    std::string verdict, why;
};
Said said(const policy::Decision& decision) {
    const auto first = [](const std::vector<policy::Reason>& reasons) {
        return reasons.front().rule + ": " + reasons.front().message;
    };
    if (const auto* waits = std::get_if<policy::NeedsApproval>(&decision)) return {"approval", first(waits->reasons)};
    if (const auto* refusal = std::get_if<policy::Refusal>(&decision)) return {"refuse", first(refusal->reasons)};
    return {"permit", {}};
}

void read_options(const store::Terms& terms, Ask& ask) {
    ask.extensions = terms.extensions;
    for (const auto& option : terms.critical_options) {
        if (option.name == "force-command") ask.force_command = option.value;
        if (option.name != "source-address") continue;
        for (std::size_t at = 0; at < option.value.size();) {
            const auto end = std::min(option.value.find(',', at), option.value.size());
            ask.source_addresses.push_back(option.value.substr(at, end - at));
            at = end + 1;
        }
    }
}

/// What was asked for, as the certificate told it.
Result<Ask> ask_of(const store::PastMint& mint, std::int64_t backdate) {
    Ask ask{policy::Profile::x509, {}};
    ask.role = mint.role;
    const auto lifetime =
        Lifetime::of_seconds(mint.validity.before().seconds() - mint.validity.after().seconds() - backdate);
    if (!lifetime) return pass(lifetime.error());
    ask.lifetime = *lifetime;
    ask.key = mint.terms.key;
    if (mint.kind == "x509") {
        for (const auto& text : mint.terms.names) {
            auto name = wire::SubjectName::parse(text);
            if (!name) return pass(name.error());
            ask.names.push_back(std::move(*name));
        }
        if (mint.grant) ask.node = mint.grant->node;  // of a grant for one node, that node asked
        return ask;
    }
    ask.profile = policy::Profile::ssh_user;
    for (const auto& text : mint.terms.names)
        if (const auto principal = Principal::parse(text)) ask.principals.push_back(*principal);
    if (ask.principals.size() == 1) ask.node = ask.principals.front().node();
    read_options(mint.terms, ask);
    return ask;
}

Facts facts_of(const store::PastMint& mint, const policy::Role* role, Instant now) {
    Facts facts{mint.identity,
                policy::State::active,
                mint.owner,
                policy::State::active,
                {},
                false,
                false,
                {},
                {},
                {},
                Instant(now.seconds() + 3650 * kDay),
                *Lifetime::of_seconds(3650 * kDay)};
    facts.tenant = mint.tenant;
    facts.circumstances = met(role, now);
    if (!mint.grant) return facts;
    policy::GrantFact grant = *mint.grant;
    grant.until = std::max(grant.until, mint.validity.before());  // it stood then, whatever became of it
    grant.from = std::min(grant.from, now);
    if (role != nullptr && !grant.role_version.empty()) grant.role_version = role->version;
    facts.grants = {std::move(grant)};
    return facts;
}

/// Decides certificates again. What the certificate carries that only the old role gave (its forced command, its
/// addresses) was not asked for by anybody: where the new role says otherwise, that is no loss.
class Mints {
public:
    Mints(store::Store& store, const ReplayOrder& order) : store_(store), order_(order) {}
    Status operator()(const store::PastMint& mint) {
        const auto* after = order_.after.find(mint.role);
        auto ask = ask_of(mint, order_.backdate);
        if (!ask) return pass(ask.error(), "certificate " + mint.serial);
        const auto* before = order_.before.find(mint.role);
        if (before != nullptr && before->ssh) {
            if (ask->force_command == before->ssh->force_command) ask->force_command.clear();
            if (ask->source_addresses == before->ssh->source_addresses) ask->source_addresses.clear();
            if (ask->extensions == before->ssh->extensions) ask->extensions.reset();
        }
        const Instant then(mint.validity.after().seconds() + order_.backdate);
        Facts facts = facts_of(mint, after, then);
        if (ask->node) {
            const auto labels = labels_of(*ask->node);
            if (!labels) return pass(labels.error());
            facts.target_labels = *labels;
            if (before != nullptr) facts.target_tenant = before->tenant;
        }
        ++decided;
        const Said now = said(policy::decide(order_.after, order_.domain, *ask, facts, then));
        if (now.verdict != "permit")
            cases.add(
                {mint.identity.text(), mint.role.text(), mint.serial, then.text(), "permit", now.verdict, now.why});
        return {};
    }
    std::int64_t decided = 0;
    Cases cases;

private:
    using Labels = std::optional<std::map<std::string, std::string>>;
    Result<Labels> labels_of(const NodeName& node) {
        const auto known = labels_.find(node);
        if (known != labels_.end()) return known->second;
        auto labels = store_.node_labels(node);
        if (labels) labels_.emplace(node, *labels);
        return labels;
    }
    store::Store& store_;
    const ReplayOrder& order_;
    std::map<NodeName, Labels> labels_;
};

/// Facts about today, for the plainest question of somebody who was refused.
Result<std::optional<Facts>> facts_today(store::Store& store, const ReplayOrder& order, const Ask& ask,
                                         const IdentityName& identity, const policy::Role* role) {
    const auto against = role != nullptr ? order.after.against(role->name) : std::vector<RoleName>{};
    auto known = store.load_facts({identity, ask.role, {}, crypto::key_id(ask.key), {}, against, {}}, order.now);
    if (!known && known.error().code == Code::not_found) return std::optional<Facts>();
    if (!known) return pass(known.error());
    Facts facts{identity,
                known->identity_state,
                known->owner,
                known->owner_state,
                std::move(known->grants),
                false,
                false,
                {},
                {},
                {},
                Instant(order.now.seconds() + 3650 * kDay),
                *Lifetime::of_seconds(3650 * kDay)};
    facts.tenant = known->tenant;
    facts.beside = std::move(known->beside);
    facts.adopt_by = known->adopt_by;
    facts.circumstances = met(role, order.now);
    return std::optional(std::move(facts));
}

Status replay_refusal(store::Store& store, const ReplayOrder& order, const log::Event& event, api::Replay& out,
                      Cases& gains) {
    const auto text = [&](const char* name) {
        const auto found = event.data.find(name);
        return found == event.data.end() || found->second.string() == nullptr ? std::string() : *found->second.string();
    };
    const auto identity = IdentityName::parse(event.actor);
    const auto role = RoleName::parse(text("role"));
    if (!identity || !role || (text("kind") != "ssh-user" && text("kind") != "x509")) return {};
    const auto* after = order.after.find(*role);
    if (after == nullptr) return {};
    const auto* before = order.before.find(*role);
    const Ask ask = plain_ask(order.after, order.domain, *identity, *role);
    auto facts = facts_today(store, order, ask, *identity, after);
    if (!facts) return pass(facts.error());
    ++out.refusals;
    if (!*facts) return {};
    const Said now = said(policy::decide(order.after, order.domain, ask, **facts, order.now));
    if (before != nullptr) (*facts)->circumstances = met(before, order.now);
    const Said then = said(policy::decide(order.before, order.domain, ask, **facts, order.now));
    const auto rank = [](const Said& verdict) {
        return verdict.verdict == "permit" ? 2 : verdict.verdict == "approval" ? 1 : 0;
    };
    if (rank(now) > rank(then))
        gains.add({identity->text(), role->text(), {}, event.time.text(), then.verdict, now.verdict, then.why});
    return {};
}

}  // namespace

policy::Ask plain_ask(const policy::Policy& policy, const TrustDomain& domain, const IdentityName& identity,
                      const RoleName& role) {
    const auto* known = policy.find(role);
    Ask ask{known != nullptr && !known->ssh ? policy::Profile::x509 : policy::Profile::ssh_user, {}};
    ask.role = role;
    const bool hardware = known != nullptr && known->ssh && known->ssh->hardware_key;
    ask.key.algorithm = hardware ? KeyAlgorithm::sk_ed25519 : KeyAlgorithm::ed25519;
    ask.key.point = Bytes(32, 9);
    if (hardware) ask.key.application = "ssh:";
    if (ask.profile == policy::Profile::x509)
        ask.names = {{wire::SubjectName::Type::uri, spiffe_id(domain, identity)}};  // its own name is always allowed
    return ask;
}

policy::Circumstances met(const policy::Role* role, Instant now) {
    policy::Circumstances out{{}, now, true, {}};
    if (role != nullptr && !role->conditions.networks.empty())
        out.address = role->conditions.networks.front().substr(0, role->conditions.networks.front().find('/'));
    return out;
}

Result<api::Replay> replay(store::Store& store, const ReplayOrder& order) {
    api::Replay out;
    out.since = order.since.text();
    Mints mints(store, order);
    const auto all = store.visit_mints(order.since, kMostMints, [&](const auto& mint) { return mints(mint); });
    if (!all) return pass(all.error());
    out.complete = *all;
    out.certificates = mints.decided;
    out.loses = mints.cases.list();

    Cases gains;
    log::Search refusals;
    refusals.type = "request.refused";
    refusals.since = order.since;
    std::uint64_t before = 0;
    do {
        const auto found = store.search(refusals, before, 200);
        if (!found) return pass(found.error());
        for (const auto& [index, entry] : found->entries) {
            const auto event = log::parse_event(entry);
            if (!event) return pass(event.error());
            if (auto ok = replay_refusal(store, order, *event, out, gains); !ok) return pass(ok.error());
        }
        before = found->next;
    } while (before != 0 && out.refusals < static_cast<std::int64_t>(kMostRefusals));
    out.complete = out.complete && before == 0;
    out.gains = gains.list();
    return out;
}

}  // namespace mayfly::access
