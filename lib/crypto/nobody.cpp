#include "lib/crypto/nobody.h"

#include "lib/crypto/crypto.h"

namespace mayfly::crypto {

PublicKey nobodys_key(const NodeName& node) {
    const Digest bytes = sha256(view("mayfly canary: nobody holds this key\n" + node.text()));
    PublicKey key;
    key.algorithm = KeyAlgorithm::ed25519;
    key.point.assign(bytes.begin(), bytes.end());
    return key;
}

}  // namespace mayfly::crypto
