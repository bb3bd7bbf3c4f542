#include "ca/auth/nonces.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/buffer.h"
#include "lib/wire/text.h"

namespace mayfly::auth {

namespace {

constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kBodyBytes = 16;  // u64 counter, u64 seconds

tl::unexpected<Error> refused(std::string message) {
    return fail(Code::unauthenticated, std::move(message), "E-NONCE",
                "a nonce is used once, within " + std::to_string(Nonces::kLifeSeconds) + " seconds",
                "ask for a new one (GET /v1/nonce) and sign again");
}

}  // namespace

Nonces::Nonces(Rng& rng) : key_(Secret::of_size(32)) { rng.fill(key_.writable()); }

std::string Nonces::issue(Instant now) {
    std::uint64_t counter = 0;
    {
        const std::lock_guard lock(mutex_);
        forget_old(now);
        counter = next_++;
        if (counter / 64 >= first_word_ + words_.size()) words_.push_back({});
        words_.back().last_issued = now.seconds();
    }
    wire::Writer nonce;
    nonce.u64(counter).u64(static_cast<std::uint64_t>(now.seconds()));
    nonce.raw(authenticate(nonce.bytes()));
    return wire::base64url(nonce.bytes());
}

Status Nonces::burn(std::string_view nonce, Instant now) {
    const auto bytes = wire::parse_base64url(nonce);
    if (!bytes || bytes->size() != kBodyBytes + kMacBytes) return refused("the nonce is not one of ours");
    const auto body = ByteView(*bytes).first(kBodyBytes);
    if (!crypto::equal_constant_time(authenticate(body), ByteView(*bytes).subspan(kBodyBytes)))
        return refused("the nonce is not one of ours");

    wire::Reader reader(body);
    const auto counter = reader.u64("counter");
    const auto issued = reader.u64("time");
    if (!counter || !issued) return refused("the nonce is not one of ours");
    if (now.seconds() - static_cast<std::int64_t>(*issued) > kLifeSeconds) return refused("the nonce is too old");

    const std::lock_guard lock(mutex_);
    const std::uint64_t word = *counter / 64;
    if (word < first_word_ || word >= first_word_ + words_.size()) return refused("the nonce is too old");
    auto& used = words_[static_cast<std::size_t>(word - first_word_)].used;
    const std::uint64_t bit = std::uint64_t{1} << (*counter % 64);
    if ((used & bit) != 0) return refused("the nonce was used before");
    used |= bit;
    return {};
}

Bytes Nonces::authenticate(ByteView counter_and_time) const {
    const Digest mac = crypto::hmac_sha256(key_.reveal(), counter_and_time);
    return {mac.begin(), mac.begin() + kMacBytes};
}

void Nonces::forget_old(Instant now) {
    // The newest word always stays: its counters are still being handed out.
    while (words_.size() > 1 && words_.front().last_issued + kLifeSeconds < now.seconds()) {
        words_.pop_front();
        ++first_word_;
    }
}

}  // namespace mayfly::auth
