#include "ca/mint/mint.h"

#include "ca/mint/habits.h"
#include "lib/crypto/crypto.h"
#include "lib/fibers/awaited.h"

namespace mayfly::mint {

namespace {

/// A process that was stopped between deciding and signing must not act on what it knew before.
constexpr std::int64_t kLongestPause = 60;

policy::Facts facts_for(const Authority& authority, const Request& request, store::KnownFacts known) {
    bool ours = false;
    for (const auto* mine : {&authority.x509, &authority.ssh_user, &authority.ssh_host, &authority.log})
        if (*mine == request.ask.key) ours = true;
    // The root's key is not here, its identifier is: in every certificate that it signed.
    if (crypto::x509_key_identifier(request.ask.key) == authority.root_key_id) ours = true;
    return {request.identity,
            known.identity_state,
            std::move(known.owner),
            known.owner_state,
            std::move(known.grants),
            known.key_revoked,
            ours,
            std::move(known.key_bound_to),
            std::move(known.hosts),
            std::move(known.target_labels),
            authority.issuer_ends,
            authority.issuer_longest,
            std::move(known.tenant),
            std::move(known.target_tenant),
            std::move(known.beside),
            known.adopt_by,
            {request.circumstances.address, request.circumstances.login, request.circumstances.strong_login,
             std::move(known.new_to)},
            authority.issuer_names,
            known.tenant_open};
}

/// The certificate will not be: its intent is voided, and the reason is what the caller learns. An outcome that was
/// kept after all (the store failed only to prove it) stays kept: voiding touches intents without an outcome only.
template <class T>
Result<Outcome> give_up(store::Store& store, const steps::IntentId& id, const Result<T>& failed, Instant now) {
    const auto voided = store.void_intent(id, failed.error().message, now);
    if (!voided) return pass(voided.error(), failed.error().message);
    return pass(failed.error());
}

}  // namespace

Mint::Mint(Authority authority, const CurrentPolicy& policy, store::Store& store, signer::Signer& signer, Rng& rng,
           const Clock& clock)
    : authority_(std::move(authority)),
      checker_(authority_),
      policy_(policy),
      store_(store),
      signer_(signer),
      rng_(rng),
      clock_(clock) {}

// Few requests are repetitions, so nobody looks for an earlier answer until there is none to give: the store refuses
// to promise twice under one idempotency key.
std::optional<Result<Outcome>> Mint::before(const Request& request) {
    auto earlier = store_.find_issued(request.actor, request.idempotency);
    if (!earlier) return pass(earlier.error());
    if (*earlier) return Outcome(std::move(**earlier));
    return std::nullopt;
}

// The order to sign leaves from the thread that made the promise durable: all promises of one commit reach the signer
// together, and nobody is woken only to pass one on.
Result<steps::Signed> Mint::promise_and_sign(store::IntentRequest request, Instant now, bool& durable) {
    struct Order {
        bool durable = false;
        fibers::Awaited<Result<steps::Signed>> made;
    };
    const auto order = std::make_shared<Order>();
    store_.record_intent(std::move(request), now, [this, order, now](Result<steps::Intent> intent) {
        if (!intent) return order->made.set(pass(intent.error()));
        order->durable = true;
        if (clock_.now().seconds() - now.seconds() > kLongestPause)
            return order->made.set(
                fail(Code::unavailable, "too long between deciding and signing", "E-PAUSED", {}, "ask again"));
        signer_.sign(std::move(*intent), [order](Result<steps::Signed> result) { order->made.set(std::move(result)); });
    });
    auto result = order->made.get();
    durable = order->durable;
    return result;
}

// Steps 1 (read) and 2 (who) lie before this function, step 10 (answer) after it.
Result<Outcome> Mint::mint(const Request& request) {
    const Instant now = clock_.now();
    const auto policy = policy_.in_force();

    // Step 3: know.
    const auto* role = request.ask.role ? policy->policy.find(*request.ask.role) : nullptr;
    const store::FactsQuery query{request.identity,
                                  request.ask.role,
                                  request.ask.node,
                                  crypto::key_id(request.ask.key),
                                  request.join_token,
                                  role != nullptr ? policy->policy.against(role->name) : std::vector<RoleName>{},
                                  seen_with(role, request.circumstances.address, request.ask.node, now),
                                  role != nullptr ? role->tenant : std::string()};
    auto known = store_.load_facts(query, now);
    if (!known) return before(request).value_or(pass(known.error()));
    auto seen = std::move(known->seen);
    const auto as_of = known->as_of;
    const policy::Facts facts = facts_for(authority_, request, std::move(*known));

    // Step 4: may they. A refusal leaves one leaf and no signature.
    const auto decision = policy::decide(policy->policy, authority_.domain, request.ask, facts, now);
    const auto* permit = std::get_if<policy::Permit>(&decision);
    if (permit == nullptr) {
        const auto* waits = std::get_if<policy::NeedsApproval>(&decision);
        Denied denied{waits != nullptr ? Code::needs_approval : Code::denied,
                      waits != nullptr ? waits->reasons : std::get<policy::Refusal>(decision).reasons};
        if (request.dry_run) return Outcome(std::move(denied));
        if (auto answer = before(request)) return std::move(*answer);
        const auto recorded = store_.record_refusal(
            {request.actor.text(), facts.owner.text(), std::string(policy::name(request.ask.profile)),
             request.ask.role ? request.ask.role->text() : "", denied.reasons, request.idempotency.request_hash, now});
        if (!recorded) return pass(recorded.error());
        return Outcome(std::move(denied));
    }
    if (request.dry_run) return Outcome(Would{*permit});

    // Step 5: exactly what.
    std::uint64_t number = made_.fetch_add(1, std::memory_order_relaxed);
    const bool host = permit->profile == policy::Profile::ssh_host;
    if (host || permit->profile == policy::Profile::ssh_user || permit->profile == policy::Profile::canary) {
        const auto next = store_.next_serial(host ? steps::IssuerId::ssh_host : steps::IssuerId::ssh_user);
        if (!next) return pass(next.error());
        number = *next;
    }
    auto spec = Exactly::spec(authority_, *permit, request.ask, policy->version, number, rng_, now);
    if (!spec) return pass(spec.error());
    const steps::IntentId id = spec->id();

    // Step 6: promise. Durable, and in a committed checkpoint, before anything is signed. Step 7: sign.
    bool durable = false;
    auto made =
        promise_and_sign({std::move(*spec), request.actor, request.idempotency, request.join_token,
                          request.strong_login, std::move(seen), now + policy->policy.built_in.identity_review, as_of},
                         now, durable);
    if (!made && !durable) return before(request).value_or(pass(made.error()));
    if (!made) return give_up(store_, id, made, clock_.now());

    // Step 8: check. A crash since the promise leaves an intent without an outcome: voided at start-up.
    auto checked = checker_.check(std::move(*made));
    if (!checked) return give_up(store_, id, checked, clock_.now());

    // Step 9: keep. Dated when it happens: the log refuses what is older than its newest entry, and a slow disk must
    // not look like a clock that ran back.
    auto issued = store_.record_outcome(std::move(*checked), clock_.now());
    if (!issued) return give_up(store_, id, issued, clock_.now());
    return Outcome(std::move(*issued));
}

}  // namespace mayfly::mint
