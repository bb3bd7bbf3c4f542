#pragma once
// RevocationLists: the KRL and the CRLs in force, kept in step with what is revoked.
//
// A list is made again when the count of recorded revocations rose and it would say something new, and on schedule at
// half of its time. Whoever asks for a list first makes sure of that, so a revocation is in the list that the next
// poll fetches, whichever way it was recorded. Thread-safe; many askers wait for one publication.
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ca/mint/mint.h"
#include "ca/signer/crl_order.h"
#include "ca/store/store.h"

namespace mayfly::ca {

class RevocationLists {
public:
    struct Options {
        Lifetime crl_lifetime = *Lifetime::of_seconds(24 * 3600);
        std::uint32_t crl_shards = 1;
        std::string crl_url;  ///< "" or where shards are served: <crl_url>/<shard>
        Lifetime longest_ssh = *Lifetime::of_seconds(7 * 24 * 3600);  ///< a revoked key stays listed for this long
    };
    using Lists = std::shared_ptr<const std::vector<store::RevocationList>>;
    /// `report` is told of what was published, and of what failed.
    using Report = std::function<void(std::string_view event, const std::string& what)>;

    RevocationLists(Options options, const mint::Authority& authority, store::Store& store, signer::Signer& signer,
                    const Clock& clock, Report report)
        : options_(std::move(options)),
          authority_(authority),
          store_(store),
          signer_(signer),
          clock_(clock),
          report_(std::move(report)) {}

    /// The lists in force, made anew first where that is due. When that fails, those before are still in force.
    Result<Lists> current();

private:
    Status load();
    Status publish(Instant now);
    Status publish_krl(const store::RevocationFacts& facts, Instant now);
    Status publish_crl(std::uint32_t shard, const store::RevocationFacts& facts, Instant now);
    Status keep(store::RevocationList list, Instant now);
    [[nodiscard]] const store::RevocationList* find(store::ListKind kind, std::uint32_t shard) const;
    /// The next number of a list: time, so that it rises even across a restored database.
    [[nodiscard]] std::uint64_t next_number(const store::RevocationList* before, Instant now) const;
    [[nodiscard]] bool due(const store::RevocationList* list, Instant now) const;
    [[nodiscard]] bool all_fresh(Instant now) const;

    Options options_;
    const mint::Authority& authority_;
    store::Store& store_;
    signer::Signer& signer_;
    const Clock& clock_;
    Report report_;
    std::mutex mutex_;
    Lists lists_;                 ///< guarded by mutex_, as what follows
    std::uint64_t seen_ = 0;      ///< count of revocations that the lists know of
    bool compared_ = false;       ///< since start
    Instant retry_ = Instant(0);  ///< after a failure
};

}  // namespace mayfly::ca
