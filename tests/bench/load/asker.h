#pragma once
// Asker: makes the requests. Every mint is a real one: proof of possession by the key to be certified, over this very
// request and a nonce of the server's, and an idempotency key of its own.
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/crypto.h"

namespace mayfly::bench {

enum class What { ssh, x509, constant };

/// Wanted is one request, ready to be framed.
struct Wanted {
    std::string method, path, body, idempotency, proof;
    std::size_t key = 0;  ///< which of the keys it is for
};

/// One per thread; not thread-safe.
class Asker {
public:
    /// `keys` subject keys are made; certificates are asked for them in turn.
    static Result<Asker> make(What what, std::string trust_domain, const std::string& role, const std::string& name,
                              std::size_t keys);
    [[nodiscard]] bool needs_nonce() const { return what_ == What::ssh; }
    [[nodiscard]] Result<Wanted> next(std::string_view nonce);
    [[nodiscard]] const PublicKey& key(std::size_t index) const { return keys_[index].public_key(); }

private:
    Asker(What what, std::string trust_domain) : what_(what), trust_domain_(std::move(trust_domain)) {}
    What what_;
    std::string trust_domain_;
    std::vector<crypto::PrivateKey> keys_;
    std::vector<std::string> bodies_;  ///< one per key; a request's signature needs no nonce
    std::size_t turn_ = 0;
};

}  // namespace mayfly::bench
