#pragma once
// Who called a moment ago. Private to ca/store.
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "ca/store/store.h"

namespace mayfly::store {

/// KnownCallers remembers who presented a certificate a moment ago, for as long as nothing was changed by which that
/// could be otherwise (Writer::generation). Thread-safe.
class KnownCallers {
public:
    /// Nothing when it is not known, or was read under another generation.
    std::optional<CertificateCaller> find(const Digest& certificate, std::uint64_t generation);
    /// `generation` is that of before the caller was read.
    void keep(const Digest& certificate, std::uint64_t generation, const CertificateCaller& caller);

private:
    static constexpr std::size_t kMost = 1024;  ///< then it begins anew
    std::mutex mutex_;
    std::map<Digest, CertificateCaller> known_;  ///< guarded by mutex_
    std::uint64_t generation_ = 0;               ///< of all that is known; guarded by mutex_
};

}  // namespace mayfly::store
