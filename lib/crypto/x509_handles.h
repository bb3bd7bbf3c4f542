#pragma once
// OpenSSL's certificates, owned. Private to lib/crypto.
#include <openssl/x509.h>

#include <vector>

#include "lib/crypto/openssl_handles.h"

namespace mayfly::crypto {

using CertificateHandle = std::unique_ptr<X509, Freer<X509_free>>;
struct FreeCertificates {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using CertificateStack = std::unique_ptr<STACK_OF(X509), FreeCertificates>;

/// Null when the bytes are not one certificate and nothing else.
inline CertificateHandle load_certificate(ByteView der) {
    const unsigned char* at = der.data();
    CertificateHandle made(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return at == der.data() + der.size() ? std::move(made) : nullptr;
}

inline CertificateStack load_certificates(const std::vector<Bytes>& all) {
    CertificateStack out(sk_X509_new_null());
    for (const auto& der : all) {
        auto one = load_certificate(der);
        if (!out || !one || sk_X509_push(out.get(), one.get()) <= 0) return nullptr;
        (void)one.release();  // the stack's now
    }
    return out;
}

}  // namespace mayfly::crypto
