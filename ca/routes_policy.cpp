// Policies: what is in force and was, what a change would mean, proposing, signing off, going back.
#include "ca/access/policy_change.h"
#include "ca/access/replay.h"
#include "ca/answers.h"
#include "ca/policy/diff.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "mayfly/api_policy.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kLargestPolicy = 4 << 20;
constexpr std::size_t kMostValues = 700, kMostListed = 60;

std::string text(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? "" : found->second;
}

api::PolicyVersion body_of(const store::PolicyRecord& record) {
    return {record.version, record.sha256, record.applied.text(), record.source, record.change,
            record.by,      record.toml,   record.signed_off,     record.alone};
}

std::vector<api::PolicyDifference> body_of(const std::vector<policy::Change>& changes) {
    // An answer holds at most 2,000 values (lib/wire/json.h).
    std::vector<api::PolicyDifference> out;
    std::size_t values = 0;
    for (const auto& change : changes) {
        values += 7 + change.differences.size();
        if (values > kMostValues) break;
        api::PolicyDifference one{change.subject,
                                  std::string(policy::name(change.kind)),
                                  std::string(policy::name(change.risk)),
                                  change.narrows() ? "narrower" : "wider",
                                  {}};
        for (const auto& difference : change.differences) one.differences.push_back(difference.what);
        out.push_back(std::move(one));
    }
    return out;
}

api::PolicyChange body_of(const store::PolicyChange& change) {
    api::PolicyChange out;
    out.id = change.id;
    out.by = change.identity.text();
    out.state = change.state;
    out.risk = change.risk;
    out.asked = change.asked;
    out.reason = change.reason;
    out.sha256 = change.sha256;
    out.base = change.base;
    out.created = change.created.text();
    out.expires = change.expires.text();
    if (change.decided.seconds() > 0) out.decided = change.decided.text();
    out.version = change.version;
    out.rollback = change.rollback;
    out.alone = change.alone;
    for (const auto& word : change.words)
        out.words.push_back({word.by.text(), word.identity.text(),
                             word.verdict == policy::Verdict::deny ? "deny" : "approve", word.comment, word.at.text()});
    return out;
}

Response show(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_read_policy(caller); !ok) return http::problem(ok.error(), request.request_id);
    const std::string version = text(request, "version"), at = text(request, "at");
    const auto answer_with = [&](const Result<store::PolicyRecord>& record) {
        return on_success(record, request, [](const auto& found) { return answer(body_of(found)); });
    };
    if (!version.empty()) return answer_with(app.store->find_policy(version));
    if (at.empty()) return answer_with(app.store->current_policy());
    const auto time = Instant::parse(at);
    if (!time) return http::problem(time.error(), request.request_id);
    return answer_with(app.store->policy_at(*time));
}

Response versions(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_read_policy(caller); !ok) return http::problem(ok.error(), request.request_id);
    return on_success(app.store->list_policies(), request, [](const auto& records) {
        api::List<api::PolicyVersion> list;
        for (const auto& record : records)
            if (list.items.size() < kMostListed) list.items.push_back(body_of(record));
        return answer(list);
    });
}

/// What an author should know and nobody refuses.
std::vector<std::string> warnings_of(const policy::Policy& policy, const policy::People& people) {
    std::vector<std::string> out;
    const auto there = [&](const OwnerName& name) {
        const auto* person = policy::find_person(people, name);
        return person != nullptr && person->active;
    };
    for (const auto& [name, role] : policy.roles)
        if (!there(role.owner))
            out.push_back("role " + name + " is owned by " + role.owner.text() + ", who is not there: nobody gives it");
    for (const auto& [name, group] : policy.groups)
        for (const auto& member : group.members)
            if (!there(member)) out.push_back("group " + name + " names " + member.text() + ", who is not there");
    if (out.size() > 100) out.resize(100);
    return out;
}

Response differ(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::PolicyDiffRequest>(request, [&](const api::PolicyDiffRequest& body) {
        if (auto ok = access::may_read_policy(caller); !ok) return http::problem(ok.error(), request.request_id);
        const auto candidate = policy::parse_policy(body.toml);
        if (!candidate) return http::problem(candidate.error(), request.request_id);
        const auto people = app.store->list_people();
        if (!people) return http::problem(people.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto changes = policy::diff(in_force->policy, *candidate);
        const auto needs = policy::sign_offs(in_force->policy, changes, *people, caller.owner(), {});
        api::PolicyDiffReply reply;
        reply.base = in_force->version;
        reply.sha256 = wire::hex(crypto::sha256(view(body.toml)));
        reply.changes = body_of(changes);
        reply.more = static_cast<std::int64_t>(changes.size() - reply.changes.size());
        reply.risk = policy::name(policy::risk_of(changes));
        reply.narrower = policy::narrows(changes);
        reply.asked = needs.text;
        reply.alone = needs.alone;
        reply.warnings = warnings_of(*candidate, *people);
        if (!body.replay.empty()) {
            const auto length = Lifetime::parse(body.replay);
            if (!length) return http::problem(length.error(), request.request_id);
            const Instant now = app.clock.now();
            auto replayed = access::replay(
                *app.store, {in_force->policy, *candidate, app.config.trust_domain,
                             Instant(now.seconds() - length->seconds()), now, app.mint->authority().backdate_seconds});
            if (!replayed) return http::problem(replayed.error(), request.request_id);
            reply.replay = std::move(*replayed);
        }
        if (auto locked = policy::lockout(*candidate, *people); !locked)
            reply.warnings.insert(reply.warnings.begin(), "it would be refused: " + locked.error().message);
        return answer(reply);
    });
}

/// What became of a change; the policy that it brought is in force before the answer says so.
Response settled(App& app, const Request& request, const Result<store::PolicyChange>& change) {
    if (change && change->state == "applied" && effect_of(request) == store::Effect::apply) {
        if (auto ok = app.policy.load(*app.store); !ok) return http::problem(ok.error(), request.request_id);
        app.log.write("policy.applied", {{"policy_version", change->version}, {"change", change->id}});
    }
    return on_success(change, request, [](const auto& found) { return answer(body_of(found)); });
}

Response propose(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::PolicyProposal>(request, [&](const api::PolicyProposal& body) {
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        return settled(
            app, request,
            access::propose_policy({context, in_force->version}, body.toml, body.reason, access::Why::change));
    });
}

/// The version before the one in force: rolling back twice goes on backwards, not to and fro.
Result<store::PolicyRecord> version_before(store::Store& store) {
    const auto list = store.list_policies();
    if (!list) return pass(list.error());
    const auto& current = list->front();
    std::string below = current.version;
    // What a rollback brought back is the version of the same text; what stood before that one is where to go on.
    for (const auto& record : *list)
        if (current.source == "rollback" && record.sha256 == current.sha256) below = record.version;
    bool beyond = false;
    for (const auto& record : *list) {
        if (beyond && record.sha256 != current.sha256) return store.find_policy(record.version);
        beyond = beyond || record.version == below;
    }
    return fail(Code::not_found, "no other policy was in force before this one", "E-POLICY-VERSION", {},
                "mayfly policy list");
}

Response roll_back(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::PolicyRollback>(request, [&](const api::PolicyRollback& body) {
        if (auto ok = access::may_read_policy(caller); !ok) return http::problem(ok.error(), request.request_id);
        const auto target = body.version.empty() ? version_before(*app.store) : app.store->find_policy(body.version);
        if (!target) return http::problem(target.error(), request.request_id);
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        return settled(
            app, request,
            access::propose_policy({context, in_force->version}, target->toml, body.reason, access::Why::rollback));
    });
}

Response decide(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::PolicyDecision>(request, [&](const api::PolicyDecision& body) {
        const auto in_force = app.policy.in_force();
        const auto context = context_of(app, request, caller, in_force->policy);
        const access::PolicyContext about{context, in_force->version};
        if (body.verdict == "cancel") return settled(app, request, access::cancel_policy(about, body.id));
        if (body.verdict != "approve" && body.verdict != "deny")
            return http::problem(Error{Code::malformed, "verdict is approve, deny or cancel", "E-BODY", {}, {}},
                                 request.request_id);
        const auto verdict = body.verdict == "deny" ? policy::Verdict::deny : policy::Verdict::approve;
        return settled(app, request, access::sign_policy(about, body.id, body.sha256, verdict, body.comment));
    });
}

Response one_change(App& app, const Request& request, const std::string& id) {
    const auto change = app.store->find_policy_change(id);
    if (!change) return http::problem(change.error(), request.request_id);
    if (!*change)
        return http::problem(Error{Code::not_found,
                                   "there is no proposed change \"" + printable(id.substr(0, 32)) + "\"",
                                   "E-POLICY-CHANGE",
                                   {},
                                   "mayfly policy changes"},
                             request.request_id);
    api::PolicyChange body = body_of(**change);
    body.toml = (*change)->toml;
    const auto base = app.store->find_policy((*change)->base);
    const auto before = base ? policy::parse_policy(base->toml) : pass(base.error());
    const auto after = policy::parse_policy((*change)->toml);
    if (before && after) body.changes = body_of(policy::diff(*before, *after));
    api::List<api::PolicyChange> list{{std::move(body)}};
    return answer(list);
}

Response changes(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_read_policy(caller); !ok) return http::problem(ok.error(), request.request_id);
    if (const std::string id = text(request, "id"); !id.empty()) return one_change(app, request, id);
    return on_success(app.store->list_policy_changes(), request, [](const auto& records) {
        api::List<api::PolicyChange> list;
        for (const auto& record : records)
            if (list.items.size() < kMostListed) list.items.push_back(body_of(record));
        return answer(list);
    });
}

}  // namespace

void add_policy_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person);
    routes.get("/v1/policy", "a policy with its text: in force, by version, or at a time",
               wire::schema<api::PolicyVersion>(), show);
    routes.get("/v1/policy/versions", "every policy that was in force", wire::schema<api::List<api::PolicyVersion>>(),
               versions);
    routes.post("/v1/policy/diff", "what a policy would change", wire::schema<api::PolicyDiffRequest>(),
                wire::schema<api::PolicyDiffReply>(), differ, kLargestPolicy);
    routes.get("/v1/policy/changes", "proposed changes", wire::schema<api::List<api::PolicyChange>>(), changes);
    routes.post("/v1/policy/changes", "propose a policy", wire::schema<api::PolicyProposal>(),
                wire::schema<api::PolicyChange>(), propose, kLargestPolicy);
    routes.post("/v1/policy/decisions", "sign off a proposed change, or deny it", wire::schema<api::PolicyDecision>(),
                wire::schema<api::PolicyChange>(), decide, 8192);
    routes.post("/v1/policy/rollback", "go back to a policy that was in force", wire::schema<api::PolicyRollback>(),
                wire::schema<api::PolicyChange>(), roll_back, 8192);
}

}  // namespace mayfly::ca
