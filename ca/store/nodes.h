#pragma once
// Nodes: which of a node's keys is the newest. Every renewal is a generation of its own, with a key of its own; two
// holders of one identity show when somebody comes with an older one. Part of Store; the same contract holds.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/names.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// NodeCertificate is the certificate that a node came with.
struct NodeCertificate {
    IdentityName node;
    OwnerName owner;
    std::string serial;
};

/// Generations is where a certificate stands among those of its node.
struct Generations {
    std::int64_t presented = 0;  ///< of the certificate; 0: older than anything that is remembered
    std::int64_t newest = 0;
    Digest newest_key{};                   ///< crypto::key_id
    std::optional<Instant> newest_seen{};  ///< when somebody first came with the newest; until then it may be lost
    bool key_revoked = false;              ///< the key of the certificate, by name
    bool newest_lost = false;  ///< nobody has it: no certificate was issued for it, or one that ended unseen
};

/// PublishedTrust is what opens a node, by the hash of its statement (lib/wire/node_trust.h).
struct PublishedTrust {
    IdentityName node;
    OwnerName owner;
    Digest sha256{};
    std::size_t accounts = 0;  ///< how many may be entered
    std::string policy_version;
};

class Nodes {
public:
    virtual ~Nodes() = default;
    virtual Result<Generations> generations_of(const NodeCertificate& certificate, Instant now) = 0;
    /// Somebody came with the newest generation.
    virtual Status see_generation(const IdentityName& node, std::int64_t generation, Instant now) = 0;
    /// begin_generation makes `key` the newest, after the generation `after`; in place of a newest one that is lost.
    /// conflict (E-NODE-RENEWING) when another key came first.
    virtual Status begin_generation(const IdentityName& node, std::int64_t after, const Digest& key, Instant now) = 0;
    /// stop_clone revokes this one certificate and alarms. The node's other holder goes on.
    virtual Status stop_clone(const NodeCertificate& certificate, const Generations& generations,
                              const std::vector<std::string>& notify, Instant now) = 0;
    /// A node came back with a certificate that ended a while ago.
    virtual Status record_return(const NodeCertificate& certificate, Instant ended, Instant now) = 0;
    /// publish_trust returns the leaf that says what opens this node; a new one when that has changed.
    virtual Result<std::uint64_t> publish_trust(const PublishedTrust& trust, Instant now) = 0;
};

}  // namespace mayfly::store
