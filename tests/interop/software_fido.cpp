// A FIDO authenticator made of software, for tests only: what OpenSSH loads in place of its own USB code, so that tests
// can make sk-* keys and log in with them. The interface is the one that OpenSSH's PROTOCOL.u2f describes, version 10.
//
// A key handle is the private key itself. With SOFTWARE_FIDO_VERIFIES=1 in the environment the "user" is verified at
// every signature; otherwise only present, unless OpenSSH asks for more; with SOFTWARE_FIDO_UNTOUCHED=1 not even that.
// SOFTWARE_FIDO_ATTESTS names a PEM file with a maker's key and certificate: new keys are attested with them
// ("packed").
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint32_t kVersion = 0x000a0000;
constexpr std::uint32_t kEcdsa = 0, kEd25519 = 1;
constexpr std::uint8_t kPresent = 0x01, kVerified = 0x04;
constexpr int kGeneralError = -1, kUnsupported = -2;

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct SignatureDeleter {
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

/// Memory that OpenSSH frees.
std::uint8_t* given_away(const std::vector<std::uint8_t>& bytes) {
    auto* out = static_cast<std::uint8_t*>(std::malloc(bytes.size()));
    if (out != nullptr) std::memcpy(out, bytes.data(), bytes.size());
    return out;
}

std::vector<std::uint8_t> public_bytes(EVP_PKEY* key) {
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size) != 1) return {};
    std::vector<std::uint8_t> out(size);
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out.data(), out.size(), &size) != 1) return {};
    return out;
}

std::vector<std::uint8_t> sign(EVP_PKEY* key, std::uint32_t algorithm, const std::vector<std::uint8_t>& message) {
    const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
    const EVP_MD* digest = algorithm == kEcdsa ? EVP_sha256() : nullptr;
    std::size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
        return {};
    std::vector<std::uint8_t> out(size);
    if (EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) return {};
    out.resize(size);
    return out;
}

struct FileDeleter {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
struct CertificateDeleter {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using File = std::unique_ptr<std::FILE, FileDeleter>;

/// COSE_Key of the new key (RFC 9053 sections 7.1 and 7.2).
std::vector<std::uint8_t> cose_key(std::uint32_t algorithm, const std::vector<std::uint8_t>& point) {
    const bool ec = algorithm == kEcdsa;
    std::vector<std::uint8_t> out = ec ? std::vector<std::uint8_t>{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}
                                       : std::vector<std::uint8_t>{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32};
    const auto x = point.begin() + (ec ? 1 : 0);
    out.insert(out.end(), x, x + 32);
    if (!ec) return out;
    for (const std::uint8_t byte : {0x22, 0x58, 32}) out.push_back(byte);
    out.insert(out.end(), x + 32, x + 64);
    return out;
}

/// Authenticator data of an enrolment (WebAuthn section 6.1): present, with an attested credential.
std::vector<std::uint8_t> authenticator_data(std::string_view application, std::uint32_t algorithm,
                                             const std::vector<std::uint8_t>& handle,
                                             const std::vector<std::uint8_t>& point) {
    std::vector<std::uint8_t> out(SHA256_DIGEST_LENGTH);
    SHA256(reinterpret_cast<const unsigned char*>(application.data()), application.size(), out.data());
    out.push_back(0x41);
    out.resize(out.size() + 4);      // the counter
    out.resize(out.size() + 16, 7);  // the model
    out.push_back(static_cast<std::uint8_t>(handle.size() >> 8U));
    out.push_back(static_cast<std::uint8_t>(handle.size() & 0xffU));
    out.insert(out.end(), handle.begin(), handle.end());
    const auto cose = cose_key(algorithm, point);
    out.insert(out.end(), cose.begin(), cose.end());
    return out;
}

/// FIDO's signed bytes: SHA-256 of the application, flags, counter, SHA-256 of the message (PROTOCOL.u2f).
std::vector<std::uint8_t> signed_bytes(std::string_view application, std::uint8_t flags, const std::uint8_t* data,
                                       std::size_t size) {
    std::vector<std::uint8_t> out(SHA256_DIGEST_LENGTH + 5 + SHA256_DIGEST_LENGTH);
    SHA256(reinterpret_cast<const unsigned char*>(application.data()), application.size(), out.data());
    out[SHA256_DIGEST_LENGTH] = flags;
    out[SHA256_DIGEST_LENGTH + 4] = 1;  // the counter, big endian
    SHA256(data, size, out.data() + SHA256_DIGEST_LENGTH + 5);
    return out;
}

std::vector<std::uint8_t> number(const BIGNUM* value) {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(BN_num_bytes(value)));
    BN_bn2bin(value, out.data());
    return out;
}

}  // namespace

extern "C" {

struct sk_enroll_response {
    std::uint8_t flags;
    std::uint8_t* public_key;
    std::size_t public_key_len;
    std::uint8_t* key_handle;
    std::size_t key_handle_len;
    std::uint8_t* signature;
    std::size_t signature_len;
    std::uint8_t* attestation_cert;
    std::size_t attestation_cert_len;
    std::uint8_t* authdata;
    std::size_t authdata_len;
};
struct sk_sign_response {
    std::uint8_t flags;
    std::uint32_t counter;
    std::uint8_t* sig_r;
    std::size_t sig_r_len;
    std::uint8_t* sig_s;
    std::size_t sig_s_len;
};
struct sk_option;
struct sk_resident_key;

/// Fills in what the maker says of the key; false when its file cannot be used.
static bool attest(sk_enroll_response& response, const char* path, const std::vector<std::uint8_t>& data,
                   const std::uint8_t* challenge, std::size_t challenge_size) {
    const File file(std::fopen(path, "r"));
    if (!file) return false;
    const Key key(PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr));
    std::rewind(file.get());
    const std::unique_ptr<X509, CertificateDeleter> certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
    unsigned char* der = nullptr;
    const int size = certificate ? i2d_X509(certificate.get(), &der) : 0;
    if (!key || size <= 0) return false;
    const std::vector<std::uint8_t> bytes(der, der + size);
    OPENSSL_free(der);
    std::vector<std::uint8_t> message = data;
    message.resize(data.size() + SHA256_DIGEST_LENGTH);
    SHA256(challenge, challenge_size, message.data() + data.size());
    const auto signature = sign(key.get(), kEcdsa, message);
    // CBOR: a byte string, its head as short as can be.
    std::vector<std::uint8_t> wrapped = {0x58};
    if (data.size() > 0xff) wrapped = {0x59, static_cast<std::uint8_t>(data.size() >> 8U)};
    wrapped.push_back(static_cast<std::uint8_t>(data.size() & 0xffU));
    wrapped.insert(wrapped.end(), data.begin(), data.end());
    response.attestation_cert = given_away(bytes);
    response.attestation_cert_len = bytes.size();
    response.signature = given_away(signature);
    response.signature_len = signature.size();
    response.authdata = given_away(wrapped);
    response.authdata_len = wrapped.size();
    return true;
}

__attribute__((visibility("default"))) std::uint32_t sk_api_version() { return kVersion; }

__attribute__((visibility("default"))) int sk_enroll(std::uint32_t algorithm, const std::uint8_t* challenge,
                                                     std::size_t challenge_size, const char* application,
                                                     std::uint8_t flags, const char*, sk_option**,
                                                     sk_enroll_response** out) {
    if (algorithm != kEcdsa && algorithm != kEd25519) return kUnsupported;
    const Key key(algorithm == kEcdsa ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key) return kGeneralError;
    unsigned char* der = nullptr;
    const int size = i2d_PrivateKey(key.get(), &der);
    if (size <= 0) return kGeneralError;
    const std::vector<std::uint8_t> handle(der, der + size), point = public_bytes(key.get());
    OPENSSL_free(der);
    auto* response = static_cast<sk_enroll_response*>(std::calloc(1, sizeof(sk_enroll_response)));
    if (response == nullptr || point.empty()) return kGeneralError;
    response->flags = flags;
    response->public_key = given_away(point);
    response->public_key_len = point.size();
    response->key_handle = given_away(handle);
    response->key_handle_len = handle.size();
    const char* maker = std::getenv("SOFTWARE_FIDO_ATTESTS");
    if (maker != nullptr &&
        !attest(*response, maker, authenticator_data(application, algorithm, handle, point), challenge, challenge_size))
        return kGeneralError;
    *out = response;
    return 0;
}

__attribute__((visibility("default"))) int sk_sign(std::uint32_t algorithm, const std::uint8_t* data, std::size_t size,
                                                   const char* application, const std::uint8_t* handle,
                                                   std::size_t handle_size, std::uint8_t flags, const char*,
                                                   sk_option**, sk_sign_response** out) {
    const Key key(d2i_AutoPrivateKey(nullptr, &handle, static_cast<long>(handle_size)));
    if (!key) return kGeneralError;
    const char* verifies = std::getenv("SOFTWARE_FIDO_VERIFIES");
    const char* untouched = std::getenv("SOFTWARE_FIDO_UNTOUCHED");
    const bool absent = untouched != nullptr && std::string_view(untouched) == "1";
    std::uint8_t said = static_cast<std::uint8_t>(absent ? flags : flags | kPresent);
    if (verifies != nullptr && std::string_view(verifies) == "1") said = static_cast<std::uint8_t>(said | kVerified);
    const auto signature = sign(key.get(), algorithm, signed_bytes(application, said, data, size));
    auto* response = static_cast<sk_sign_response*>(std::calloc(1, sizeof(sk_sign_response)));
    if (response == nullptr || signature.empty()) return kGeneralError;
    std::vector<std::uint8_t> r = signature, s;
    if (algorithm == kEcdsa) {
        const unsigned char* at = signature.data();
        const std::unique_ptr<ECDSA_SIG, SignatureDeleter> parts(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())));
        if (!parts) return kGeneralError;
        r = number(ECDSA_SIG_get0_r(parts.get()));
        s = number(ECDSA_SIG_get0_s(parts.get()));
    }
    response->flags = said;
    response->counter = 1;
    response->sig_r = given_away(r);
    response->sig_r_len = r.size();
    if (!s.empty()) {
        response->sig_s = given_away(s);
        response->sig_s_len = s.size();
    }
    *out = response;
    return 0;
}

__attribute__((visibility("default"))) int sk_load_resident_keys(const char*, sk_option**, sk_resident_key***,
                                                                 std::size_t* count) {
    *count = 0;
    return kUnsupported;
}

}  // extern "C"
