#pragma once
// Requests: asking for access, and deciding. Whoever asks never decides, compared by the owner who answers, whatever
// identity, group or delegation they come through. An approval mints nothing: it makes a grant, which a later call
// uses.
#include <optional>
#include <string>
#include <vector>

#include "ca/access/access.h"

namespace mayfly::access {

/// Desk is where requests are handled: a Context, the clock that transactions read, and the policy's version.
struct Desk {
    const Context& context;
    const Clock& clock;
    const std::string& policy_version;
};

/// AskOrder is what somebody wants.
struct AskOrder {
    std::optional<IdentityName> identity{};  ///< whom it is for; the caller when absent
    RoleName role;
    std::optional<Lifetime> window{};  ///< the role's longest when absent
    std::optional<NodeName> node{};
    std::optional<policy::Starts> starts{};
    Instant start_at = Instant(0);
    bool single_use = false;
    std::string reason{}, ticket{}, evidence{};
    std::int64_t extends = 0;
};

/// open_request asks. For oneself, for a machine one answers for, or, with the duty intake, on somebody's behalf.
/// Where the role asks for no approval, or says "automatic", it is approved at once, by rule.
Result<store::RequestRecord> open_request(const Desk& desk, AskOrder order);

/// DecideOrder is one person's word on one request.
struct DecideOrder {
    std::int64_t request = 0;
    policy::Verdict verdict = policy::Verdict::approve;
    Digest digest{};  ///< of the wish as the decider saw it
    std::string comment{};
    std::optional<Lifetime> window{};  ///< shorter than asked
    std::optional<NodeName> node{};    ///< for this node only
};
/// decide_request takes the word down and does what the words come to. The same word twice changes nothing.
Result<store::RequestRecord> decide_request(const Desk& desk, const DecideOrder& order);

/// cancel_request takes a pending request back; release_request ends an approved one before its time.
Result<store::RequestRecord> cancel_request(const Desk& desk, std::int64_t request);
Result<store::RequestRecord> release_request(const Desk& desk, std::int64_t request, const std::string& reason);
/// close_ticket ends what was asked under a ticket: duty intake, or whoever asked.
Result<std::vector<store::RequestRecord>> close_ticket(const Desk& desk, const std::string& ticket);

/// delegate_request lets `to` decide one request in the caller's place; delegate_role every request for a role, for at
/// most thirty days. Never passed on, never to somebody concerned.
Result<store::DelegationRecord> delegate_request(const Desk& desk, std::int64_t request, const OwnerName& to);
Result<store::DelegationRecord> delegate_role(const Desk& desk, const RoleName& role, const OwnerName& to,
                                              Lifetime length);

/// may_see says whether the caller may know of the request at all; to others it does not exist.
bool may_see(const Context& context, const store::RequestRecord& request);
Result<store::RequestRecord> show_request(const Context& context, std::int64_t request);

/// sweep_requests carries out what only time decides: silence is a denial, escalations, windows that ended. Returns how
/// many requests changed. Called from time to time; each change is judged at its own moment.
Result<std::size_t> sweep_requests(store::Store& store, const policy::Policy& policy, const Clock& clock);

}  // namespace mayfly::access
