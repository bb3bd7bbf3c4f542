#pragma once
// OpenSSL's C handles, owned. For lib/crypto and the client's TLS; nobody else sees OpenSSL.
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "mayfly/keys.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* handle) const {
        Free(handle);
    }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Freer<BN_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

/// openssl_failure drains the error queue into the message; the verdict itself always comes from a return value.
inline tl::unexpected<Error> openssl_failure(Code code, std::string message) {
    char text[256];
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        ERR_error_string_n(error, text, sizeof text);
        message.append("; ").append(text);
    }
    return fail(code, std::move(message));
}

/// The hash functions, looked up once in the life of the process.
const EVP_MD* sha256_method();
const EVP_MD* sha512_method();

/// load_public makes an EVP_PKEY without a decoder (d2i_PUBKEY takes thirty times as long on OpenSSL 3.0).
Result<KeyHandle> load_public(const PublicKey& key);

}  // namespace mayfly::crypto
