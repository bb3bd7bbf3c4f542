#pragma once
// The past: what the log says about somebody or something up to a moment. Entries that change who may have what are
// indexed by whom they are about, so that a question about any past moment reads a few dozen of them, however long the
// log is. Certificates, logins and lists are not: they are many, and no grant hangs on them. Reads only.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/decide.h"
#include "lib/log/event.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// PastEvent is one entry with its place.
struct PastEvent {
    std::uint64_t index = 0;
    log::Event event;
};

/// PastGrant is a grant as it was written down; what became of it, its events say.
struct PastGrant {
    std::string id;
    IdentityName identity;
    RoleName role;
    OwnerName by;
    Instant from = Instant(0), until = Instant(0);  ///< as they stand today; what they were then, the log says
    std::string reason, role_version, request;
    policy::Activation how = policy::Activation::standing;
    std::optional<NodeName> node{};
    bool single_use = false;
    std::int64_t first_use = 0;  ///< not 0: its window begins, or began, with its first certificate
};

/// PastUse is what a grant was used for until a moment.
struct PastUse {
    std::int64_t certificates = 0;
    Instant first = Instant(0), last = Instant(0);  ///< when the first was promised, and the last made
    std::vector<std::string> serials{};             ///< the newest ten
};

/// What an entry is about, as `events_about` names it: "human/alice", "owner/alice", "grant/g-7", "request/r-7",
/// "node/db-7", "tenant/acme", "policy". Empty for entries that are not indexed: of requests, under who asked.
std::vector<std::string> subjects_of(const log::Event& event);

class Past {
public:
    virtual ~Past() = default;
    /// How many entries there were at a moment: all of them are dated at or before it, the next is not.
    virtual Result<std::uint64_t> log_size_at(Instant time) = 0;
    /// Oldest first; at most ten thousand, the newest.
    virtual Result<std::vector<PastEvent>> events_about(std::string_view subject, std::uint64_t below) = 0;
    /// Grants that had begun at a moment and were not over by their date, by role and perhaps by identity, whatever
    /// else became of them. At most `limit`, those that end last first.
    virtual Result<std::vector<PastGrant>> grants_at(const std::optional<IdentityName>& identity,
                                                     const std::optional<RoleName>& role, Instant time,
                                                     std::size_t limit) = 0;
    /// Grants that were over at a moment, the newest first: who had it before.
    virtual Result<std::vector<PastGrant>> grants_before(const IdentityName& identity, const RoleName& role,
                                                         Instant time, std::size_t limit) = 0;
    /// What was minted on a grant, by the entries below `below`.
    virtual Result<PastUse> use_of(const IdentityName& identity, std::string_view grant, std::uint64_t below) = 0;
    /// Machines and people that are an owner's today, or were before they were handed over, by name; at most `limit`.
    virtual Result<std::vector<IdentityName>> identities_of(const OwnerName& owner, std::size_t limit) = 0;
};

}  // namespace mayfly::store
