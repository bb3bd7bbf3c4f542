#include "lib/crypto/attestation.h"

#include "lib/crypto/path.h"
#include "lib/wire/buffer.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

constexpr Instant kNow(1800000000);

Bytes certificate_for(const PublicKey& subject, const std::string& name, const crypto::PrivateKey& issuer,
                      wire::X509Usage usage) {
    wire::X509Certificate facts;
    facts.serial = {0x41, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(usage)};
    facts.issuer_common_name = "maker root";
    facts.subject_common_name = name;
    facts.validity = Validity::starting(Instant(1700000000), *Lifetime::of_seconds(300000000));
    facts.subject = subject;
    facts.issuer_algorithm = issuer.public_key().algorithm;
    facts.authority_key_id = crypto::x509_key_identifier(issuer.public_key());
    facts.subject_key_id = crypto::x509_key_identifier(subject);
    facts.usage = usage;
    const auto tbs = wire::encode_to_be_signed(facts);
    REQUIRE(tbs);
    return *wire::encode_signed(*tbs, issuer.public_key().algorithm, *issuer.sign_x509(*tbs));
}

/// A device of a maker, and a key that it made.
struct Device {
    crypto::PrivateKey root = *crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    crypto::PrivateKey own = *crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    Bytes root_der = certificate_for(root.public_key(), "maker root", root, wire::X509Usage::authority);
    Bytes certificate = certificate_for(own.public_key(), "model 7", root, wire::X509Usage::client);
    Bytes challenge = to_bytes(view("thirty-two bytes of a challenge."));
    PublicKey key;
    std::string extensions{};  ///< hexadecimal

    explicit Device(KeyAlgorithm algorithm = KeyAlgorithm::ed25519) {
        key = crypto::PrivateKey::generate(algorithm)->public_key();
        key.algorithm = algorithm == KeyAlgorithm::ed25519 ? KeyAlgorithm::sk_ed25519 : KeyAlgorithm::sk_ecdsa_p256;
        key.application = "ssh:";
    }
    [[nodiscard]] Bytes data(std::uint8_t flags) const {
        wire::Writer out;
        out.raw(crypto::sha256(view(key.application))).u8(flags).u32(0).raw(Bytes(16, 7));
        out.u8(0).u8(4).raw(Bytes(4, 9));
        const ByteView point(key.point);
        if (key.algorithm == KeyAlgorithm::sk_ecdsa_p256)
            out.raw(*wire::parse_hex("a5010203262001215820"))
                .raw(point.subspan(1, 32))
                .raw(*wire::parse_hex("225820"))
                .raw(point.subspan(33));
        else
            out.raw(*wire::parse_hex("a4010103272006215820")).raw(point);
        if (!extensions.empty()) out.raw(*wire::parse_hex(extensions));
        return out.take();
    }
    [[nodiscard]] wire::FidoAttestation attest(std::uint8_t flags = 0x41) const {
        wire::FidoAttestation out{certificate, {}, data(flags)};
        Bytes message = out.authenticator_data;
        const Digest hash = crypto::sha256(challenge);
        message.insert(message.end(), hash.begin(), hash.end());
        out.signature = *own.sign_x509(message);
        return out;
    }
    [[nodiscard]] Result<std::vector<Bytes>> judge(const wire::FidoAttestation& attestation) const {
        return crypto::attested_by(attestation, challenge, key, {root_der}, kNow);
    }
};

}  // namespace

TEST_CASE("a maker's device that made the key is recognised by the maker's root") {
    Device device(GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256));
    const Device other;
    CHECK(crypto::verify_path(device.certificate, {}, {device.root_der}, kNow));
    CHECK(device.judge(device.attest()) == std::vector<Bytes>{device.root_der});
    CHECK(crypto::attested_by(device.attest(), device.challenge, device.key, {other.root_der, device.root_der}, kNow) ==
          std::vector<Bytes>{device.root_der});
    CHECK(crypto::attested_by(device.attest(), device.challenge, device.key, {other.root_der}, kNow)->empty());
    CHECK(crypto::attested_by(device.attest(), device.challenge, device.key, {device.root_der}, Instant(2100000000))
              ->empty());
    device.extensions = "a16b686d61632d736563726574f5";  // {"hmac-secret": true}
    CHECK(device.judge(device.attest(0xc5)));
}

TEST_CASE("an attestation of another key, application, challenge or touch does not hold") {
    Device device;
    const auto good = device.attest();
    const Device other;
    CHECK(crypto::attested_by(good, device.challenge, other.key, {}, kNow).error().id == "E-ATTESTATION");
    CHECK_FALSE(crypto::attested_by(good, other.challenge, other.key, {}, kNow));
    PublicKey elsewhere = device.key;
    elsewhere.application = "ssh:other";
    CHECK_FALSE(crypto::attested_by(good, device.challenge, elsewhere, {}, kNow));
    PublicKey soft = device.key;
    soft.algorithm = KeyAlgorithm::ed25519;
    CHECK_FALSE(crypto::attested_by(good, device.challenge, soft, {}, kNow));
    CHECK_FALSE(device.judge(device.attest(0x40)));
    auto self = good;
    self.certificate.clear();
    CHECK_THAT(device.judge(self).error().message, Contains("speaks for itself"));
    auto foreign = good;
    foreign.certificate = other.certificate;
    CHECK_FALSE(device.judge(foreign));
}

TEST_CASE("no byte of an attestation can be changed") {
    Device device(GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256));
    const auto good = device.attest();
    REQUIRE(device.judge(good)->size() == 1);
    for (std::size_t i = 0; i < good.authenticator_data.size(); ++i) {
        auto changed = good;
        changed.authenticator_data[i] ^= 1;
        INFO("byte " << i);
        CHECK_FALSE(device.judge(changed));
    }
    auto longer = good;
    longer.authenticator_data.push_back(0);
    CHECK_FALSE(device.judge(longer));
    for (std::size_t size = 0; size < good.authenticator_data.size(); size += 7) {
        auto cut = good;
        cut.authenticator_data.resize(size);
        CHECK_FALSE(device.judge(cut));
    }
}

TEST_CASE("authenticator data is read strictly") {
    const auto [cose, why] =
        GENERATE(table<const char*, const char*>({{"a4030101032720062158", "out of order"},
                                                  {"a501010327200620062158", "a member twice"},
                                                  {"a5010103272006040021", "a member of another kind"},
                                                  {"a401020326200121", "no y"},
                                                  {"a4010103272007215820", "another curve"},
                                                  {"a4010103382f2006215820", "another algorithm"},
                                                  {"a40101032720062142", "a short point"},
                                                  {"bf010103272006215820", "indefinite"},
                                                  {"a418010103272006215820", "a head that is too long"}}));
    INFO(why);
    wire::Writer out;
    out.raw(Bytes(32, 1)).u8(0x41).u32(0).raw(Bytes(16, 7)).u8(0).u8(1).u8(9);
    out.raw(*wire::parse_hex(cose)).raw(Bytes(32, 5));
    CHECK_FALSE(wire::parse_authenticator_data(out.bytes()));
}

TEST_CASE("the file that ssh-keygen writes is read strictly") {
    const Device device;
    const auto file = [&](std::string_view magic, std::uint32_t flags, std::string_view reserved,
                          std::string_view tail) {
        const auto attestation = device.attest();
        wire::Writer wrapped;
        wrapped.u8(0x58).u8(static_cast<std::uint8_t>(attestation.authenticator_data.size()));
        wrapped.raw(attestation.authenticator_data);
        wire::Writer out;
        out.string(magic).string(attestation.certificate).string(attestation.signature).string(wrapped.bytes());
        out.u32(flags).string(reserved).raw(view(tail));
        return out.take();
    };
    const auto read = wire::parse_fido_attestation(file("ssh-sk-attest-v01", 0, "", ""));
    REQUIRE(read);
    CHECK(device.judge(*read)->size() == 1);
    CHECK_FALSE(wire::parse_fido_attestation(file("ssh-sk-attest-v00", 0, "", "")));
    CHECK_FALSE(wire::parse_fido_attestation(file("ssh-sk-attest-v01", 1, "", "")));
    CHECK_FALSE(wire::parse_fido_attestation(file("ssh-sk-attest-v01", 0, "x", "")));
    CHECK_FALSE(wire::parse_fido_attestation(file("ssh-sk-attest-v01", 0, "", "x")));
    CHECK_FALSE(wire::parse_fido_attestation({}));
}
