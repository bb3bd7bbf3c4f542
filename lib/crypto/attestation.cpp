#include "lib/crypto/attestation.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "lib/crypto/path.h"
#include "lib/crypto/x509_handles.h"

namespace mayfly::crypto {

namespace {

tl::unexpected<Error> refuse(const std::string& why) {
    return fail(Code::denied, "the attestation does not hold: " + why, "E-ATTESTATION",
                "a device signs authenticator data and challenge when it makes a key",
                "ssh-keygen -t ed25519-sk -O challenge=FILE -O write-attestation=FILE, and give both files");
}

Status is_about(const wire::AuthenticatorData& data, const PublicKey& key) {
    if (!key.hardware_backed()) return refuse("the key is not a FIDO key");
    if (data.key.algorithm != key.algorithm || data.key.point != key.point) return refuse("it is about another key");
    if (data.application_hash != sha256(view(key.application)))
        return refuse("it is about another application than the key's");
    // WebAuthn section 7.1 step 13 (the user was present): nobody made this key from afar.
    if (!data.user_present) return refuse("nobody touched the device when the key was made");
    return {};
}

/// Section 8.2.1: where the certificate names the model, it MUST be the one in the data.
Status same_model(X509* certificate, const wire::AuthenticatorData& data) {
    const std::unique_ptr<ASN1_OBJECT, Freer<ASN1_OBJECT_free>> id(OBJ_txt2obj("1.3.6.1.4.1.45724.1.1.4", 1));
    const int at = id ? X509_get_ext_by_OBJ(certificate, id.get(), -1) : -1;
    if (at < 0) return {};
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    const ByteView bytes(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
    constexpr std::uint8_t kOctetString = 4;
    const bool same = bytes.size() == 2 + data.aaguid.size() && bytes[0] == kOctetString &&
                      bytes[1] == data.aaguid.size() &&
                      std::equal(data.aaguid.begin(), data.aaguid.end(), bytes.begin() + 2);
    return same ? Status{} : refuse("it is about another model than its certificate");
}

Status signed_by(X509* certificate, const wire::FidoAttestation& attestation, ByteView challenge) {
    EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) return refuse("its certificate has no key that can be used");
    const bool edwards = EVP_PKEY_is_a(key, "ED25519") == 1;
    if (!edwards && EVP_PKEY_is_a(key, "EC") != 1 && EVP_PKEY_is_a(key, "RSA") != 1)
        return refuse("its certificate has a key of another kind");
    Bytes message = attestation.authenticator_data;
    const Digest hash = sha256(challenge);
    message.insert(message.end(), hash.begin(), hash.end());
    const DigestContext context(EVP_MD_CTX_new());
    if (!context ||
        EVP_DigestVerifyInit(context.get(), nullptr, edwards ? nullptr : sha256_method(), nullptr, key) != 1)
        return openssl_failure(Code::internal, "cannot verify");
    const int verdict = EVP_DigestVerify(context.get(), attestation.signature.data(), attestation.signature.size(),
                                         message.data(), message.size());
    ERR_clear_error();
    return verdict == 1 ? Status{} : refuse("its signature is not over this data and challenge");
}

}  // namespace

Result<std::vector<Bytes>> attested_by(const wire::FidoAttestation& attestation, ByteView challenge,
                                       const PublicKey& key, const std::vector<Bytes>& roots, Instant now) {
    const auto data = wire::parse_authenticator_data(attestation.authenticator_data);
    if (!data) return pass(data.error());
    if (auto ok = is_about(*data, key); !ok) return pass(ok.error());
    if (attestation.certificate.empty()) return refuse("it has no certificate: the key speaks for itself");
    const CertificateHandle certificate = load_certificate(attestation.certificate);
    ERR_clear_error();
    if (!certificate) return refuse("its certificate cannot be read");
    if (auto ok = same_model(certificate.get(), *data); !ok) return pass(ok.error());
    if (auto ok = signed_by(certificate.get(), attestation, challenge); !ok) return pass(ok.error());
    std::vector<Bytes> out;
    for (const auto& root : roots)
        if (verify_path(attestation.certificate, {}, {root}, now)) out.push_back(root);
    return out;
}

}  // namespace mayfly::crypto
