#pragma once
// Ed25519 by libsodium: it takes two fifths of what OpenSSL 3.0 takes (docs/decisions/002).
#include <cstdint>
#include <memory>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// ed25519_holds says whether `signature` is one over `message` by `public_key` (RFC 8032 section 5.1.7). Keys of small
/// order, keys and points that are not written in the one canonical way, and an S of the group's order or more: no.
/// Thread-safe.
bool ed25519_holds(ByteView public_key, ByteView message, ByteView signature);

/// Ed25519Secret is a private key in the one place where it is kept: in the secure heap where there is one
/// (locked_memory.h), wiped when it goes. Move-only; signing is thread-safe.
class Ed25519Secret {
public:
    static Result<Ed25519Secret> generate();
    /// Fails with malformed unless these are the 32 bytes of a seed (RFC 8032 section 5.1.5).
    static Result<Ed25519Secret> of_seed(ByteView seed);
    [[nodiscard]] ByteView seed() const;
    /// Always the one that belongs to the seed: a signature with any other would give the key away.
    [[nodiscard]] ByteView public_key() const;
    /// RFC 8032 section 5.1.6: the same 64 bytes for the same message, whoever computes them.
    [[nodiscard]] Bytes sign(ByteView message) const;

private:
    struct Wipe {
        std::size_t size;
        void operator()(std::uint8_t* bytes) const;
    };
    using Locked = std::unique_ptr<std::uint8_t, Wipe>;
    static Locked allocate(std::size_t size);
    explicit Ed25519Secret(Locked bytes) : bytes_(std::move(bytes)) {}
    Locked bytes_;  ///< the seed, then the public key
};

}  // namespace mayfly::crypto
