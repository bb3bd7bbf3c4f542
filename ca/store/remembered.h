#pragma once
// What was read a moment ago. Private to ca/store.
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace mayfly::store {

/// Remembered keeps what was read for as long as nothing was changed by which it could be otherwise
/// (Writer::generation). Thread-safe.
template <class Key, class Value>
class Remembered {
public:
    /// Nothing when it is not known, or was read under another generation.
    std::optional<Value> find(const Key& key, std::uint64_t generation) {
        const std::lock_guard lock(mutex_);
        if (generation != generation_) return std::nullopt;
        const auto found = known_.find(key);
        return found == known_.end() ? std::nullopt : std::optional(found->second);
    }
    /// `generation` is that of before it was read.
    void keep(const Key& key, std::uint64_t generation, const Value& value) {
        const std::lock_guard lock(mutex_);
        if (generation < generation_) return;
        if (generation > generation_ || known_.size() == kMost) known_.clear();
        generation_ = generation;
        known_.insert_or_assign(key, value);
    }

private:
    static constexpr std::size_t kMost = 1024;  ///< then it begins anew
    std::mutex mutex_;
    std::map<Key, Value> known_;    ///< guarded by mutex_
    std::uint64_t generation_ = 0;  ///< of all that is known; guarded by mutex_
};

}  // namespace mayfly::store
