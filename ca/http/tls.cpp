#include "ca/http/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "ca/http/tls_library.h"

namespace mayfly::http {

namespace {

constexpr int kLargestCertificate = 16 * 1024;

int accept_plausible(X509_STORE_CTX* context, void*) {
    X509* leaf = X509_STORE_CTX_get0_cert(context);
    const EVP_PKEY* key = leaf == nullptr ? nullptr : X509_get0_pubkey(leaf);
    const bool plausible =
        key != nullptr && i2d_X509(leaf, nullptr) <= kLargestCertificate && EVP_PKEY_get_bits(key) <= 4096;
    if (!plausible) X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_REJECTED);
    return plausible ? 1 : 0;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
    static constexpr unsigned char kHttp[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, kHttp, sizeof kHttp, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> make_tls(const Identity& identity) {
    namespace ssl = boost::asio::ssl;
    SSL_CTX* raw = SSL_CTX_new_ex(tls_library(), nullptr, TLS_server_method());
    if (raw == nullptr) return fail(Code::unavailable, "OpenSSL has no TLS for a server", "E-TLS", {}, {});
    auto context = std::make_shared<ssl::context>(raw);
    boost::system::error_code chain_error, key_error;
    const auto key = identity.key_pem.reveal();
    context->use_certificate_chain(boost::asio::buffer(identity.chain_pem), chain_error);
    context->use_private_key(boost::asio::buffer(key.data(), key.size()), ssl::context::pem, key_error);
    if (chain_error || key_error || SSL_CTX_check_private_key(raw) != 1)
        return fail(Code::malformed, "the server's key and certificate are not a pair", "E-TLS-IDENTITY", {}, {});
    SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
    SSL_CTX_set_security_level(raw, 2);
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(raw, 0);
    SSL_CTX_set1_groups_list(raw, "X25519:P-256");
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_verify_depth(raw, 2);
    SSL_CTX_set_cert_verify_callback(raw, accept_plausible, nullptr);
    return context;
}

Bytes peer_certificate(SSL* connection) {
    const X509* certificate = SSL_get0_peer_certificate(connection);
    if (certificate == nullptr) return {};
    const int size = i2d_X509(certificate, nullptr);
    if (size <= 0) return {};
    Bytes der(static_cast<std::size_t>(size));
    unsigned char* at = der.data();
    i2d_X509(certificate, &at);
    return der;
}

}  // namespace mayfly::http
