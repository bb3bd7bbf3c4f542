#pragma once
// Found: what stands on nodes and opens doors beside certificates: who can become root, keys, CA entries, passwords,
// settings of sshd. By fingerprint and place, never the secret. Part of Store; the same contract holds.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/store/people.h"

namespace mayfly::store {

/// FoundItem is one thing as its node describes it. Texts are printable and bounded by whoever made this.
struct FoundItem {
    std::string id;            ///< 32 hex digits of the node's; the same thing has the same id at every look
    std::string kind;          ///< root-account, authorized-key, private-key, user-ca, host-ca, password, sshd, unread
    std::string account;       ///< whose; "" for the host's own
    std::string place;         ///< file, setting or rule
    std::string fingerprint;   ///< SHA256:…; "" where there is no key
    std::string detail, hint;  ///< hint: what somebody wrote beside it, which proves nothing
    bool effective = true;     ///< it opens something as the node stands now
};

/// FoundReport is a part of one whole look at a node. What the look did not see any more is gone when it is complete.
struct FoundReport {
    std::string look;  ///< the parts of one look share it
    std::vector<FoundItem> items;
    bool last = false;
};

struct FoundRecord {
    NodeName node;
    FoundItem item;
    std::string tenant;
    std::optional<OwnerName> proposed{}, owner{};
    std::string basis{};  ///< of the proposal: enrolled-key, account, comment or node
    std::string state{};  ///< open, accepted or dismissed
    std::string reason{};
    Instant first = Instant(0), last = Instant(0);
    std::optional<Instant> gone{};
};

struct FoundQuery {
    Sight sight;
    std::string node{}, kind{}, state{}, prefix{};  ///< empty: any; the prefix is one of ids
    bool gone = false;                              ///< what is there no more, too
    std::string after{};                            ///< "node/id" that the page before ended with
    std::size_t limit = 200;
};

struct FoundCounts {
    std::int64_t open = 0, added = 0, gone = 0;
};

class FoundStore {
public:
    virtual ~FoundStore() = default;
    /// record_found takes a part of a look. New things get a proposed owner; what appears after the first whole look is
    /// drift, and `notify` is told.
    virtual Result<FoundCounts> record_found(const NodeName& node, const FoundReport& report,
                                             const std::vector<std::string>& notify, Instant now) = 0;
    /// By node and id, within a sight: of nodes one answers for, or everything with a duty for that.
    virtual Result<std::vector<FoundRecord>> list_found(const FoundQuery& query) = 0;
    /// accept_found says who answers for it from now on; not_found or conflict for an owner who cannot.
    virtual Status accept_found(const FoundRecord& found, const OwnerName& owner, const std::string& reason,
                                const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Status dismiss_found(const FoundRecord& found, const std::string& reason, const IdentityName& actor,
                                 Instant now, Effect effect) = 0;
};

}  // namespace mayfly::store
