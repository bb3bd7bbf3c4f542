#pragma once
// OpenSSL for handshakes with strangers: as much of it as they need. Private to ca/http.
#include <openssl/types.h>

namespace mayfly::http {

/// tls_library is the library context of the server's TLS. OpenSSL 3.0 and 3.1 look through all of some forty decoders
/// and twenty kinds of key for each certificate that a client presents, under locks that all connections share, which
/// takes four times as long as to decode it. This context knows what TLS 1.3 needs and the public keys that a caller of
/// ours can have (RSA, ECDSA, Ed25519, as DER), and nothing else, so a stranger reaches little code. Null stands for
/// OpenSSL's own context: from 3.2 on, which remembers what it found, and where the system demands FIPS. Thread-safe.
OSSL_LIB_CTX* tls_library();

}  // namespace mayfly::http
