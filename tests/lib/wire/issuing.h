#pragma once
// Authorities and leaves for tests of certificates, at a time that stands still.
#include "lib/crypto/crypto.h"
#include "lib/wire/x509.h"
#include "tests/lib/wire/foreign.h"

namespace mayfly::test {

inline constexpr std::int64_t kNow = 1795235162;  // 2026-11-21T04:26:02Z
inline const std::string kNowText = "1795235162";

/// Issuer is a key and what its certificates say about it.
struct Issuer {
    crypto::PrivateKey key;
    std::string name;
    [[nodiscard]] Bytes id() const { return crypto::x509_key_identifier(key.public_key()); }
};

inline Issuer make_issuer(KeyAlgorithm algorithm, std::string name) {
    auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    return {std::move(*key), std::move(name)};
}

inline PublicKey make_subject(KeyAlgorithm algorithm) {
    const auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    return key->public_key();
}

/// A description that is complete but for what it is about.
inline wire::X509Certificate describe(const Issuer& issuer, const PublicKey& subject) {
    wire::X509Certificate out;
    out.serial = unhex("4a0102030405060708090a0b0c0d0e0f1011");
    out.issuer_common_name = issuer.name;
    out.validity = Validity::starting(Instant(kNow - 60), *Lifetime::of_seconds(86400));
    out.subject = subject;
    out.issuer_algorithm = issuer.key.public_key().algorithm;
    out.authority_key_id = issuer.id();
    out.subject_key_id = crypto::x509_key_identifier(subject);
    return out;
}

inline wire::X509Certificate describe_authority(const Issuer& issuer, const Issuer& subject, int path_length) {
    wire::X509Certificate out = describe(issuer, subject.key.public_key());
    out.subject_common_name = subject.name;
    out.usage = wire::X509Usage::authority;
    out.path_length = path_length;
    return out;
}

inline Bytes issue(const Issuer& issuer, const wire::X509Certificate& certificate) {
    const auto body = wire::encode_to_be_signed(certificate);
    REQUIRE(body);
    const auto signature = issuer.key.sign_x509(*body);
    REQUIRE(signature);
    const auto bytes = wire::encode_signed(*body, issuer.key.public_key().algorithm, *signature);
    REQUIRE(bytes);
    return *bytes;
}

inline std::string pem(const Bytes& der) { return wire::encode_pem("CERTIFICATE", der); }

/// What `openssl x509 -text` says about a certificate.
inline std::string shown_by_openssl(const Bytes& der) {
    return must_run({"openssl", "x509", "-inform", "DER", "-noout", "-text", "-nameopt", "RFC2253"}, text_of(der));
}

}  // namespace mayfly::test
