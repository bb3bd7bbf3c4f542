#pragma once
// Nonces: single-use numbers that make a proof of possession worth one request (RFC 8555 section 6.5 in spirit).
//
// A nonce is its counter and time, authenticated by HMAC under a key of this process: nothing is stored when one is
// issued, and whether it was used is one bit. After a restart old nonces are unknown; clients then ask for another.
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/rng.h"
#include "mayfly/time.h"

namespace mayfly::auth {

/// Thread-safe.
class Nonces {
public:
    static constexpr std::int64_t kLifeSeconds = 300;
    explicit Nonces(Rng& rng);
    std::string issue(Instant now);
    /// burn accepts a nonce once. Fails with unauthenticated (E-NONCE) when it is not ours, too old or used.
    Status burn(std::string_view nonce, Instant now);

private:
    struct Word {
        std::uint64_t used = 0;  ///< one bit per counter
        std::int64_t last_issued = 0;
    };
    [[nodiscard]] Bytes authenticate(ByteView counter_and_time) const;
    void forget_old(Instant now);

    Secret key_;
    std::mutex mutex_;
    std::deque<Word> words_;
    std::uint64_t first_word_ = 0;  ///< index of words_.front()
    std::uint64_t next_ = 0;        ///< next counter
};

}  // namespace mayfly::auth
