#pragma once
// Requests: the durable side of asking for access. A request changes in one transaction that reads everything a judge
// needs, lets the judge decide, and writes what follows together with its event: two deciders cannot race, and neither
// can a decision and the end of the waiting time. The clock is read inside that transaction.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/tally.h"
#include "ca/steps/steps.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class Effect;

/// Where a request stands. `approved` has a grant: active from its `starts` (or first use) until its end.
enum class RequestState { pending, approved, denied, expired, cancelled, ended };
std::string_view name(RequestState state);
Result<RequestState> parse_request_state(std::string_view text);

/// WordRecord is one person's decision as it was taken down. `seconds` and `node` narrow; 0 and "" leave as asked.
struct WordRecord {
    policy::Word word;
    IdentityName by_identity;
    std::string comment;
    std::int64_t seconds = 0;
    std::optional<NodeName> node{};
    Instant at = Instant(0);
};

/// What is asked for. Immutable once opened: `digest` binds every decision to exactly this.
struct Wish {
    IdentityName identity;  ///< for whom
    OwnerName owner;        ///< who answers for it
    IdentityName asked_by;
    OwnerName asked_by_owner;
    RoleName role;
    std::string role_version, policy_version, tenant;
    std::optional<NodeName> node{};
    Lifetime window;  ///< how long it may be used
    policy::Starts starts = policy::Starts::approval;
    Instant start_at = Instant(0);  ///< Starts::at
    bool single_use = false;
    std::string reason, ticket, evidence;
    std::int64_t extends = 0;  ///< the request whose window this one prolongs
};
/// digest_of is the SHA-256 of the wish in canonical JSON.
Digest digest_of(const Wish& wish);

struct RequestRecord {
    std::int64_t id = 0;
    Wish wish;
    RequestState state = RequestState::pending;
    std::size_t stage = 0;
    std::vector<OwnerName> asked{};  ///< who can decide the stage
    std::optional<Instant> escalate_at{};
    std::optional<std::size_t> escalated{};  ///< the stage for which the rule's escalation holds
    Instant created = Instant(0), expires = Instant(0), decided = Instant(0), ended = Instant(0);
    std::string grant{};               ///< "g-9" once approved
    std::optional<Validity> window{};  ///< of the grant; absent while it waits for its first use
    bool alone = false;                ///< decided by the only one there is, who is concerned: a review is owed
    std::string why_ended{};
    std::vector<WordRecord> words{};
    [[nodiscard]] std::string text() const { return "r-" + std::to_string(id); }
};
/// "r-7" → 7.
Result<std::int64_t> parse_request_id(std::string_view text);

/// Scene is what a judge sees, read in the transaction that carries out the judgement.
struct Scene {
    std::optional<RequestRecord> request;  ///< absent when one is about to be opened
    policy::Electorate electorate;
    std::vector<policy::HeldFact> beside;   ///< roles that conflict, held by the same owner
    std::vector<policy::GrantFact> grants;  ///< of the identity, for the role
    policy::State identity_state = policy::State::active, owner_state = policy::State::active;
    std::vector<OwnerName> delegated_to_actor;  ///< who lets the actor's owner decide this
    std::optional<std::int64_t> open_already;   ///< another pending request for the same identity, role and node
    Instant now = Instant(0);
};

/// What happened, as the log will name it.
enum class RequestAct { opened, word, approved, denied, expired, cancelled, escalated, ended };

/// GrantOrder is the grant that an approval makes.
struct GrantOrder {
    OwnerName by;
    Instant starts = Instant(0), ends = Instant(0);
    std::int64_t first_use = 0;  ///< seconds from the first certificate on
    std::optional<NodeName> node{};
    std::optional<Instant> review_by{};
};

/// ReviewOrder is a review that a decision owes.
struct ReviewOrder {
    std::string kind, subject, role, tenant, evidence;
    OwnerName about, reviewer;
    Instant due = Instant(0);
};

/// Judgement is what a judge wants done.
struct Judgement {
    std::vector<RequestAct> acts{};
    std::optional<Wish> open{};  ///< when the scene had no request
    std::optional<WordRecord> word{};
    std::optional<RequestState> state{};
    std::size_t stage = 0;
    std::vector<OwnerName> asked{};
    std::optional<Instant> escalate_at{};
    std::optional<std::size_t> escalated{};
    Instant expires = Instant(0);  ///< of a request that is opened
    bool alone = false;
    std::string why{};
    std::optional<GrantOrder> grant{};
    bool revoke = false;  ///< also revoke the certificates that live on the grant
    std::optional<ReviewOrder> review{};
};
using Judge = std::function<Result<Judgement>(const Scene&)>;

/// Whom and what a scene is about.
struct SceneQuery {
    std::int64_t request = 0;    ///< 0: one is about to be opened, for
    std::optional<Wish> wish{};  ///< this
    std::optional<OwnerName> actor{};
};

struct RequestFilter {
    std::optional<RequestState> state{};
    std::optional<IdentityName> identity{};  ///< asked for
    std::optional<OwnerName> asked{};        ///< pending, and this owner can decide (or somebody who delegated to them)
    std::optional<std::string> ticket{};
    std::optional<RoleName> role{};
    std::int64_t before = 0;
    std::size_t limit = 100;
};

/// DelegationRecord lets one owner decide in the place of another, for a role or for one request.
struct DelegationRecord {
    std::int64_t id = 0;
    OwnerName from, to;
    RoleName role;
    std::int64_t request = 0;  ///< 0: every request for the role
    Instant starts = Instant(0), ends = Instant(0);
};

class Requests {
public:
    virtual ~Requests() = default;
    /// judge_request reads the scene, asks the judge, and does what it says, all in one transaction. not_found
    /// (E-REQUEST-UNKNOWN) when there is no such request. Whatever the judge fails with is returned; nothing happens.
    virtual Result<RequestRecord> judge_request(const SceneQuery& query, const policy::Policy& policy,
                                                const IdentityName& actor, const Judge& judge, const Clock& clock,
                                                Effect effect) = 0;
    virtual Result<std::optional<RequestRecord>> find_request(std::int64_t id) = 0;
    /// Newest first.
    virtual Result<std::vector<RequestRecord>> list_requests(const RequestFilter& filter) = 0;
    /// Pending requests whose time is over or whose escalation is due, and approved ones whose grant has ended: at most
    /// `limit`, oldest first.
    virtual Result<std::vector<std::int64_t>> due_requests(Instant now, std::size_t limit) = 0;
    virtual Result<DelegationRecord> create_delegation(DelegationRecord delegation, const IdentityName& actor,
                                                       Instant now, Effect effect) = 0;
    virtual Result<std::vector<DelegationRecord>> list_delegations(Instant now) = 0;
};

}  // namespace mayfly::store
