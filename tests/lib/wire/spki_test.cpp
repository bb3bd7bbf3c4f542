// SubjectPublicKeyInfo as openssl writes it, and keys that no certificate of ours may carry.
#include <algorithm>

#include "lib/wire/spki.h"

#include "tests/lib/wire/foreign.h"

using namespace mayfly;
using namespace mayfly::wire;
using mayfly::test::make_key;
using mayfly::test::must_run;
using mayfly::test::unhex;

namespace {

/// The public half of a key of openssl's making.
Bytes public_der(const std::string& algorithm, const std::string& option, std::vector<std::string> how = {}) {
    const test::TemporaryFolder folder;
    std::vector<std::string> argv = {"openssl", "pkey",     "-in", make_key(folder, algorithm, option),
                                     "-pubout", "-outform", "DER"};
    argv.insert(argv.end(), how.begin(), how.end());
    return to_bytes(must_run(argv));
}

Bytes point(std::size_t size, std::uint8_t first = 0x04) {
    Bytes out(size, 0x21);
    out[0] = first;
    return out;
}

Bytes spki(ByteView algorithm, ByteView bits) {
    return der::sequence({der::tlv(der::kSequence, algorithm), der::bit_string(bits)});
}

const Bytes kEc256 = der::concat({der::oid("1.2.840.10045.2.1"), der::oid("1.2.840.10045.3.1.7")});
const Bytes kEd25519 = der::oid("1.3.101.112");
const Bytes kRsa = der::concat({der::oid("1.2.840.113549.1.1.1"), der::tlv(der::kNull, {})});

Bytes modulus(std::size_t bits) {
    Bytes out((bits + 7) / 8, 0x5b);
    out.front() = static_cast<std::uint8_t>(bits % 8 == 0 ? 0x80 : 1U << (bits % 8 - 1));
    return out;
}

Bytes rsa(ByteView n, ByteView e) { return der::sequence({der::integer(n), der::integer(e)}); }

}  // namespace

TEST_CASE("public keys of openssl's making are read and written byte for byte") {
    const auto [algorithm, option, expected] = GENERATE(
        table<std::string, std::string, KeyAlgorithm>({{"ed25519", "", KeyAlgorithm::ed25519},
                                                       {"EC", "ec_paramgen_curve:P-256", KeyAlgorithm::ecdsa_p256},
                                                       {"EC", "ec_paramgen_curve:P-384", KeyAlgorithm::ecdsa_p384},
                                                       {"EC", "ec_paramgen_curve:P-521", KeyAlgorithm::ecdsa_p521},
                                                       {"RSA", "rsa_keygen_bits:2048", KeyAlgorithm::rsa},
                                                       {"RSA", "rsa_keygen_bits:3072", KeyAlgorithm::rsa}}));
    const Bytes bytes = public_der(algorithm, option);
    const auto key = parse_spki(bytes);
    REQUIRE(key);
    CHECK(key->algorithm == expected);
    CHECK(*encode_spki(*key) == bytes);
    test::refuses_every_truncation(bytes, [](ByteView cut) { return parse_spki(cut).has_value(); });
    // One key has one encoding: whatever is accepted is what we would write.
    std::size_t accepted = 0;
    test::for_every_mutation(bytes, [&](ByteView changed) {
        const auto other = parse_spki(changed);
        if (!other) return;
        ++accepted;
        const auto again = encode_spki(*other);
        REQUIRE(again);
        REQUIRE(std::equal(again->begin(), again->end(), changed.begin(), changed.end()));
        REQUIRE_FALSE(*other == *key);
    });
    CHECK(accepted > 0);  // a changed coordinate or modulus is another key; whether it is on the curve is not seen here
}

TEST_CASE("keys of other kinds are called unsupported") {
    const auto [algorithm, option] =
        GENERATE(table<std::string, std::string>({{"ed448", ""},
                                                  {"x25519", ""},
                                                  {"RSA-PSS", "rsa_keygen_bits:2048"},
                                                  {"EC", "ec_paramgen_curve:secp256k1"},
                                                  {"EC", "ec_paramgen_curve:prime192v1"},
                                                  {"EC", "ec_paramgen_curve:P-224"},
                                                  {"EC", "ec_paramgen_curve:brainpoolP256r1"}}));
    INFO(algorithm << " " << option);
    const auto key = parse_spki(public_der(algorithm, option));
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Code::unsupported);
    CHECK(key.error().id == (algorithm == "EC" ? "E-KEY-CURVE" : "E-KEY-TYPE"));
}

TEST_CASE("a curve by its parameters is refused though they spell P-256") {
    const test::TemporaryFolder folder;
    must_run({"openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out",
              folder.file("k")});
    const Bytes bytes = to_bytes(must_run({"openssl", "pkey", "-in", folder.file("k"), "-pubout", "-outform", "DER"}));
    const auto key = parse_spki(bytes);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Code::malformed);
    CHECK(key.error().id == "E-KEY-CURVE");
}

TEST_CASE("points are uncompressed") {
    const Bytes bytes = public_der("EC", "ec_paramgen_curve:P-256", {"-ec_conv_form", "compressed"});
    CHECK(parse_spki(bytes).error().id == "E-KEY-POINT");
}

TEST_CASE("RSA keys have 2048 to 4096 bits and an odd exponent from 65537") {
    const auto [bits, exponent, good] = GENERATE(table<std::size_t, std::string, bool>({{1024, "010001", false},
                                                                                        {2047, "010001", false},
                                                                                        {2048, "010001", true},
                                                                                        {2049, "010001", true},
                                                                                        {4096, "010001", true},
                                                                                        {4097, "010001", false},
                                                                                        {16384, "010001", false},
                                                                                        {2048, "00", false},
                                                                                        {2048, "01", false},
                                                                                        {2048, "03", false},
                                                                                        {2048, "ffff", false},
                                                                                        {2048, "010000", false},
                                                                                        {2048, "010003", true},
                                                                                        {2048, "ffffffff", true},
                                                                                        {2048, "0100000001", false}}));
    INFO(bits << " bits, e = " << exponent);
    const Bytes bytes = spki(kRsa, rsa(modulus(bits), unhex(exponent)));
    const auto key = parse_spki(bytes);
    REQUIRE(key.has_value() == good);
    if (good)
        CHECK(*encode_spki(*key) == bytes);
    else
        CHECK(key.error().id == "E-KEY-WEAK");
}

TEST_CASE("an even RSA modulus is refused") {
    Bytes n = modulus(2048);
    n.back() = 0x5a;
    CHECK(parse_spki(spki(kRsa, rsa(n, unhex("010001")))).error().id == "E-KEY-WEAK");
}

TEST_CASE("key structures that stray from their definition are refused") {
    const Bytes n = modulus(2048), e = unhex("010001");
    const Bytes good_rsa = rsa(n, e);
    const Bytes null = der::tlv(der::kNull, {});
    Bytes padded = n;
    padded.insert(padded.begin(), {0, 0});
    Bytes negative = n;  // its top bit is set, so without a sign octet it is negative
    const auto [what, bytes] = GENERATE_COPY(table<std::string, Bytes>(
        {{"nothing", Bytes{}},
         {"not a sequence", der::octet_string(n)},
         {"an empty sequence", der::sequence({})},
         {"bits that are not whole bytes",
          der::sequence({der::tlv(der::kSequence, kEc256), der::bit_string(point(65), 1)})},
         {"no bits", der::sequence({der::tlv(der::kSequence, kEc256), der::bit_string({})})},
         {"a third element", der::sequence({der::tlv(der::kSequence, kEc256), der::bit_string(point(65)), null})},
         {"EC without a curve", spki(der::oid("1.2.840.10045.2.1"), point(65))},
         {"EC with implicitCurve", spki(der::concat({der::oid("1.2.840.10045.2.1"), null}), point(65))},
         {"EC with two curves", spki(der::concat({kEc256, der::oid("1.3.132.0.34")}), point(65))},
         {"a P-256 point too short", spki(kEc256, point(64))},
         {"a P-256 point too long", spki(kEc256, point(66))},
         {"the point of another curve", spki(kEc256, point(97))},
         {"a hybrid point", spki(kEc256, point(65, 0x06))},
         {"the point at infinity", spki(kEc256, point(1, 0x00))},
         {"Ed25519 with parameters (RFC 8410 section 3)", spki(der::concat({kEd25519, null}), Bytes(32, 9))},
         {"a short Ed25519 key", spki(kEd25519, Bytes(31, 9))},
         {"a long Ed25519 key", spki(kEd25519, Bytes(33, 9))},
         {"an Ed25519 key of small order", spki(kEd25519, Bytes(32, 0))},
         {"RSA without NULL", spki(der::oid("1.2.840.113549.1.1.1"), good_rsa)},
         {"RSA with a NULL that holds something",
          spki(der::concat({der::oid("1.2.840.113549.1.1.1"), der::tlv(der::kNull, e)}), good_rsa)},
         {"RSA with bytes behind the key", spki(kRsa, der::concat({good_rsa, null}))},
         {"RSA with a third number",
          spki(kRsa, der::sequence({der::integer(ByteView(n)), der::integer(ByteView(e)), null}))},
         {"RSA without an exponent", spki(kRsa, der::sequence({der::integer(ByteView(n))}))},
         {"RSA with a padded modulus",
          spki(kRsa, der::sequence({der::tlv(der::kInteger, padded), der::integer(ByteView(e))}))},
         {"RSA with a negative modulus",
          spki(kRsa, der::sequence({der::tlv(der::kInteger, negative), der::integer(ByteView(e))}))},
         {"RSA with an empty modulus",
          spki(kRsa, der::sequence({der::tlv(der::kInteger, {}), der::integer(ByteView(e))}))},
         {"an algorithm that is no OID", spki(null, good_rsa)}}));
    INFO(what);
    const auto key = parse_spki(bytes);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Code::malformed);
    CHECK_FALSE(key.error().message.empty());
}

TEST_CASE("a FIDO key has no SubjectPublicKeyInfo") {
    const auto algorithm = GENERATE(KeyAlgorithm::sk_ed25519, KeyAlgorithm::sk_ecdsa_p256);
    PublicKey key;
    key.algorithm = algorithm;
    key.point = algorithm == KeyAlgorithm::sk_ed25519 ? Bytes(32, 9) : point(65);
    key.application = "ssh:";
    const auto bytes = encode_spki(key);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().code == Code::unsupported);
}
