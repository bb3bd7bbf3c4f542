// What strangers' certificates meet in the server's handshakes: the keys that callers of ours can have, and no others.
#include "ca/http/tls_library.h"

#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"

using namespace mayfly;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key make_key(const char* type, const char* curve = nullptr) {
    EVP_PKEY* key = curve != nullptr             ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, curve)
                    : std::string(type) == "RSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, std::size_t{2048})
                                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, type);
    REQUIRE(key != nullptr);
    return {key, EVP_PKEY_free};
}

/// A certificate about this key, signed by whom does not matter.
std::vector<unsigned char> certificate_of(EVP_PKEY* subject) {
    const Key signer = make_key("ED25519");
    const Certificate made(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 60);
    REQUIRE(X509_set_pubkey(made.get(), subject) == 1);
    REQUIRE(X509_sign(made.get(), signer.get(), nullptr) > 0);
    std::vector<unsigned char> der(static_cast<std::size_t>(i2d_X509(made.get(), nullptr)));
    unsigned char* at = der.data();
    i2d_X509(made.get(), &at);
    return der;
}

/// Read with the server's library: the same key?
bool reads(EVP_PKEY* subject) {
    const auto der = certificate_of(subject);
    X509* read = X509_new_ex(http::tls_library(), nullptr);
    const unsigned char* at = der.data();
    if (d2i_X509(&read, &at, static_cast<long>(der.size())) == nullptr) return false;
    const Certificate owned(read, X509_free);
    const EVP_PKEY* key = X509_get0_pubkey(owned.get());
    return key != nullptr && EVP_PKEY_eq(key, subject) == 1;
}

}  // namespace

TEST_CASE("keys that callers can have are read as OpenSSL's own context reads them") {
    CHECK(reads(make_key("RSA").get()));
    CHECK(reads(make_key("EC", "P-256").get()));
    CHECK(reads(make_key("EC", "P-384").get()));
    CHECK(reads(make_key("ED25519").get()));
}

#if !OPENSSL_VERSION_PREREQ(3, 2)
TEST_CASE("no other key is decoded for a stranger") {
    CHECK_FALSE(reads(make_key("ED448").get()));
    CHECK_FALSE(reads(make_key("X448").get()));
}
#endif

TEST_CASE("the server's library has the handshake's groups, ciphers and random numbers, from any thread") {
    std::vector<std::thread> threads;
    std::vector<int> good(4);
    for (auto& one : good)
        threads.emplace_back([&one] {
            const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
                SSL_CTX_new_ex(http::tls_library(), nullptr, TLS_server_method()), SSL_CTX_free);
            one = context != nullptr && SSL_CTX_set1_groups_list(context.get(), "X25519:P-256") == 1 &&
                  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1;
        });
    for (auto& thread : threads) thread.join();
    CHECK(good == std::vector<int>(4, 1));
}
