#pragma once
// Doors: every way to become a Caller. All failures look alike outside; what really was wrong goes to the `notice`
// hook.
#include <functional>
#include <string>
#include <string_view>

#include "ca/auth/caller.h"
#include "ca/auth/nonces.h"
#include "lib/crypto/crypto.h"
#include "mayfly/keys.h"

namespace mayfly::auth {

/// ProofClaim is the Mayfly-Proof header beside what it must cover.
struct ProofClaim {
    std::string_view header;  ///< "<nonce> <base64 SSHSIG>"
    std::string_view method, path;
    ByteView body;
};

/// Thread-safe, as far as `notice` is.
class Doors {
public:
    using Notice = std::function<void(std::string_view what_was_wrong)>;
    Doors(store::Store& store, TrustDomain domain, Nonces& nonces, Notice notice);

    /// The certificate of a mutual-TLS handshake. The handshake proved possession of its key; here its exact bytes are
    /// looked up among those we minted: status of row, identity and owner, validity. Nothing of its text is trusted.
    /// `late`: the certificate of a node may have ended this many seconds ago; it opens renewal only.
    Result<Caller> by_certificate(ByteView der, Instant now, std::int64_t late = 0) const;
    /// A proof by an SSH key that is enrolled for a human identity.
    Result<Caller> by_enrolled_key(const ProofClaim& claim, Instant now) const;
    /// A join token. It is not consumed here: that happens in the transaction of the intent (Store::record_intent).
    struct Joining {
        Caller caller;
        Digest token;
        std::optional<Digest> used_by;  ///< the only key that it is still good for: the answer to it may be lost
    };
    Result<Joining> by_join_token(std::string_view token, Instant now) const;
    /// The CA, when it mints its own server certificate; `owner` answers for it.
    static Caller itself(OwnerName owner);

    /// proven_key verifies a proof and returns the key that made it. The nonce is burned whatever the outcome. FIDO
    /// keys have to be touched, unless `touch` says that they need not.
    Result<PublicKey> proven_key(const ProofClaim& claim, Instant now,
                                 crypto::Touch touch = crypto::Touch::required) const;

private:
    store::Store& store_;
    TrustDomain domain_;
    Nonces& nonces_;
    Notice notice_;
};

/// token_text makes the secret of a join token: "mayfly-join-" and 32 random bytes in base64url.
std::string token_text(Rng& rng);
/// token_hash is what is stored and looked up.
Digest token_hash(std::string_view token);

}  // namespace mayfly::auth
