// What strangers' certificates meet in the server's handshakes: the keys that callers of ours can have, and no others.
#include "ca/http/tls_library.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ca/http/tls.h"
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
Certificate certificate_of(EVP_PKEY* subject) {
    static const Key signer = make_key("ED25519");
    Certificate made(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 60);
    REQUIRE(X509_set_pubkey(made.get(), subject) == 1);
    REQUIRE(X509_sign(made.get(), signer.get(), nullptr) > 0);
    return made;
}

Bytes der_of(const X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    REQUIRE(size > 0);
    const std::unique_ptr<unsigned char, decltype([](unsigned char* all) { OPENSSL_free(all); })> freed(der);
    return {der, der + size};
}

/// Read with the server's library.
Certificate read_by_server(const Bytes& der) {
    X509* read = X509_new_ex(http::tls_library(), nullptr);
    const unsigned char* at = der.data();
    REQUIRE(d2i_X509(&read, &at, static_cast<long>(der.size())) != nullptr);
    return {read, X509_free};
}

/// Is it the same key?
bool reads(EVP_PKEY* subject) {
    const Certificate certificate = read_by_server(der_of(certificate_of(subject).get()));
    const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
    return key != nullptr && EVP_PKEY_eq(key, subject) == 1;
}

/// The same certificate about a point beside the curve.
Certificate with_point_changed(const X509* certificate) {
    const unsigned char* point = X509_get0_pubkey_bitstr(certificate)->data;
    Bytes der = der_of(certificate);
    const auto at = std::search(der.begin(), der.end(), point, point + 65);
    REQUIRE(at != der.end());
    at[64] ^= 1;  // y
    return read_by_server(der);
}

}  // namespace

TEST_CASE("keys that callers can have are read as OpenSSL's own context reads them") {
    CHECK(reads(make_key("RSA").get()));
    CHECK(reads(make_key("EC", "P-256").get()));
    CHECK(reads(make_key("EC", "P-384").get()));
    CHECK(reads(make_key("ED25519").get()));
}

TEST_CASE("a key on P-256 in another form is read too") {
    const Key compressed = make_key("EC", "P-256");
    REQUIRE(EVP_PKEY_set_utf8_string_param(compressed.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED) == 1);
    CHECK(reads(compressed.get()));
    const Key explicit_curve = make_key("EC", "P-256");
    REQUIRE(EVP_PKEY_set_utf8_string_param(explicit_curve.get(), OSSL_PKEY_PARAM_EC_ENCODING,
                                           OSSL_PKEY_EC_ENCODING_EXPLICIT) == 1);
    CHECK(reads(explicit_curve.get()));
}

TEST_CASE("a point that is not on the curve is no key, and what comes after it is read") {
    const Key good = make_key("EC", "P-256");
    const Certificate certificate = certificate_of(good.get());
    const Certificate bad = with_point_changed(certificate.get());
    CHECK(X509_get0_pubkey(bad.get()) == nullptr);
    CHECK(reads(good.get()));
}

#if !OPENSSL_VERSION_PREREQ(3, 2)
TEST_CASE("no other key is decoded for a stranger") {
    CHECK_FALSE(reads(make_key("ED448").get()));
    CHECK_FALSE(reads(make_key("X448").get()));
}
#endif

namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::string pem_of(const std::function<int(BIO*)>& write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    REQUIRE(write(bio.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// A server as serve() makes it, with a key of this type.
std::shared_ptr<boost::asio::ssl::context> server_with(EVP_PKEY* key) {
    const Certificate certificate = certificate_of(key);
    const auto secret =
        pem_of([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
    const auto made = http::make_tls({Secret(Bytes(secret.begin(), secret.end())),
                                      pem_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); })});
    REQUIRE(made);
    return *made;
}

/// A client with OpenSSL's own context, these ciphers and groups, and a certificate about `key`. The name of the cipher
/// they agree on, or "" when they do not.
std::string shake_hands(SSL_CTX* server, const char* ciphers, const char* groups, EVP_PKEY* key) {
    const Context client(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    REQUIRE(SSL_CTX_set_ciphersuites(client.get(), ciphers) == 1);
    REQUIRE(SSL_CTX_set1_groups_list(client.get(), groups) == 1);
    REQUIRE(SSL_CTX_use_certificate(client.get(), certificate_of(key).get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(client.get(), key) == 1);
    const Connection one(SSL_new(client.get()), SSL_free), other(SSL_new(server), SSL_free);
    BIO *here = nullptr, *there = nullptr;
    REQUIRE(BIO_new_bio_pair(&here, 0, &there, 0) == 1);
    SSL_set_bio(one.get(), here, here);
    SSL_set_bio(other.get(), there, there);
    for (int round = 0; round < 10; ++round) {
        const int connected = SSL_connect(one.get()), accepted = SSL_accept(other.get());
        if (connected == 1 && accepted == 1)
            return http::peer_certificate(other.get()).empty() ? "" : SSL_get_cipher_name(other.get());
    }
    return "";
}

}  // namespace

TEST_CASE("hands are shaken with every cipher, group and kind of key that is offered") {
    const Key rsa = make_key("RSA"), p256 = make_key("EC", "P-256"), p384 = make_key("EC", "P-384"),
              ed25519 = make_key("ED25519");
    for (const auto* of_server : {&p256, &ed25519, &rsa}) {
        const auto server = server_with(of_server->get());
        for (const auto* of_client : {&rsa, &p256, &p384, &ed25519})
            for (const std::string cipher :
                 {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
                for (const auto* group : {"X25519", "P-256"})
                    CHECK(shake_hands(server->native_handle(), cipher.c_str(), group, of_client->get()) == cipher);
    }
}

#if !OPENSSL_VERSION_PREREQ(3, 2)
TEST_CASE("nobody connects with another kind of key") {
    const Key p256 = make_key("EC", "P-256"), ed448 = make_key("ED448");
    const auto server = server_with(p256.get());
    CHECK(shake_hands(server->native_handle(), "TLS_AES_128_GCM_SHA256", "X25519", ed448.get()).empty());
}
#endif

TEST_CASE("the library may be asked for first by many threads") {
    std::vector<OSSL_LIB_CTX*> got(4);
    std::vector<std::thread> threads;
    for (auto& one : got) threads.emplace_back([&one] { one = http::tls_library(); });
    for (auto& thread : threads) thread.join();
    CHECK(got == std::vector<OSSL_LIB_CTX*>(4, http::tls_library()));
}
