#include "lib/crypto/path.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "lib/crypto/openssl_handles.h"
#include "lib/crypto/x509_handles.h"

namespace mayfly::crypto {

namespace {

using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

}  // namespace

Status verify_path(ByteView leaf, const std::vector<Bytes>& between, const std::vector<Bytes>& anchors, Instant at) {
    const CertificateHandle judged = load_certificate(leaf);
    const CertificateStack untrusted = load_certificates(between);
    const Store trusted(X509_STORE_new());
    const StoreContext context(X509_STORE_CTX_new());
    if (!judged || !untrusted || !trusted || !context) return openssl_failure(Code::malformed, "not a certificate");
    for (const auto& der : anchors) {
        const CertificateHandle anchor = load_certificate(der);
        if (!anchor || X509_STORE_add_cert(trusted.get(), anchor.get()) != 1)
            return openssl_failure(Code::malformed, "an anchor is not a certificate");
    }
    if (X509_STORE_CTX_init(context.get(), trusted.get(), judged.get(), untrusted.get()) != 1)
        return openssl_failure(Code::internal, "cannot set up path validation");
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(at.seconds()));
    const int verdict = X509_verify_cert(context.get());
    ERR_clear_error();
    if (verdict == 1) return {};
    return fail(Code::untrusted, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

}  // namespace mayfly::crypto
