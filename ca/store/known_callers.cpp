#include "ca/store/known_callers.h"

namespace mayfly::store {

std::optional<CertificateCaller> KnownCallers::find(const Digest& certificate, std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return std::nullopt;
    const auto found = known_.find(certificate);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void KnownCallers::keep(const Digest& certificate, std::uint64_t generation, const CertificateCaller& caller) {
    const std::lock_guard lock(mutex_);
    if (generation < generation_) return;
    if (generation > generation_ || known_.size() == kMost) known_.clear();
    generation_ = generation;
    known_.insert_or_assign(certificate, caller);
}

}  // namespace mayfly::store
