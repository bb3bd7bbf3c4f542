#include <algorithm>
#include <array>

#include "lib/wire/der.h"
#include "lib/wire/oids.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key_fields.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

struct NamedCurve {
    KeyAlgorithm algorithm;
    std::string_view oid;
};
constexpr std::array<NamedCurve, 3> kCurves = {{{KeyAlgorithm::ecdsa_p256, oid::kP256},
                                                {KeyAlgorithm::ecdsa_p384, oid::kP384},
                                                {KeyAlgorithm::ecdsa_p521, oid::kP521}}};

/// AlgorithmIdentifier, made once: keys are named by their SubjectPublicKeyInfo all the time.
const Bytes& algorithm_of(KeyAlgorithm algorithm) {
    static const auto on_curve = [](std::string_view curve) {
        return der::sequence({der::oid(oid::kEcPublicKey), der::oid(curve)});
    };
    static const Bytes ed25519 = der::sequence({der::oid(oid::kEd25519)}), p256 = on_curve(oid::kP256),
                       p384 = on_curve(oid::kP384), p521 = on_curve(oid::kP521),
                       rsa = der::sequence({der::oid(oid::kRsa), der::tlv(der::kNull, {})});
    switch (algorithm) {
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519: return ed25519;
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::sk_ecdsa_p256: return p256;
        case KeyAlgorithm::ecdsa_p384: return p384;
        case KeyAlgorithm::ecdsa_p521: return p521;
        case KeyAlgorithm::rsa: break;
    }
    return rsa;
}

Result<PublicKey> read_rsa(ByteView bits) {
    der::Reader outer(bits);
    const auto body = outer.expect(der::kSequence, "RSA key");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("RSA key"); !ok) return pass(ok.error());
    PublicKey key;
    key.algorithm = KeyAlgorithm::rsa;
    der::Reader fields(body->contents);
    for (auto* part : {&key.modulus, &key.exponent}) {
        const auto element = fields.expect(der::kInteger, "RSA number");
        if (!element) return pass(element.error());
        const auto number = der::parse_unsigned(*element, "RSA number");
        if (!number) return pass(number.error());
        *part = to_bytes(*number);
    }
    if (auto ok = fields.finish("RSA key"); !ok) return pass(ok.error());
    if (auto ok = detail::check_rsa(key); !ok) return pass(ok.error());
    return key;
}

/// RFC 5480 section 2.1.1: namedCurve MUST be used. Explicit parameters are refused here, before any library that would
/// try to make sense of them sees them (CVE-2020-0601, CVE-2022-0778, CVE-2024-34703).
Result<PublicKey> read_ec(der::Reader& algorithm, ByteView point) {
    const auto parameters = algorithm.any("curve");
    if (!parameters) return pass(parameters.error());
    if (parameters->tag != der::kOid)
        return fail(Code::malformed, "the curve is not given by name", "E-KEY-CURVE",
                    "RFC 5480: only named curves P-256, P-384 and P-521", "openssl ecparam -name prime256v1 -genkey");
    const auto curve = der::parse_oid(*parameters);
    if (!curve) return pass(curve.error());
    const auto found = std::find_if(kCurves.begin(), kCurves.end(), [&](const auto& c) { return c.oid == *curve; });
    if (found == kCurves.end())
        return fail(Code::unsupported, "curve " + *curve + " is not supported", "E-KEY-CURVE",
                    "only P-256, P-384 and P-521", "openssl ecparam -name prime256v1 -genkey");
    PublicKey key;
    key.algorithm = found->algorithm;
    key.point = to_bytes(point);
    if (key.point.empty()) return fail(Code::malformed, "the elliptic curve point is empty", "E-DER", {}, {});
    if (auto ok = detail::check_ec(key); !ok) return pass(ok.error());
    return key;
}

Result<PublicKey> read_ed25519(ByteView point) {
    PublicKey key;
    key.point = to_bytes(point);
    if (auto ok = detail::check_ed25519(key); !ok) return pass(ok.error());
    return key;
}

/// What the rest of AlgorithmIdentifier and the key's bits say, for the algorithms there are.
Result<PublicKey> read_key(const std::string& id, der::Reader& parameters, ByteView bits) {
    if (id == oid::kEcPublicKey) return read_ec(parameters, bits);
    if (id == oid::kEd25519) return read_ed25519(bits);
    if (id != oid::kRsa)
        return fail(Code::unsupported, "key algorithm " + id + " is not supported", "E-KEY-TYPE",
                    "P-256, P-384, P-521, Ed25519 and RSA are", {});
    const auto null = parameters.expect(der::kNull, "RSA parameters");  // RFC 3279 section 2.3.1: MUST be NULL
    if (!null) return pass(null.error());
    if (!null->contents.empty()) return fail(Code::malformed, "RSA parameters: not NULL", "E-DER", {}, {});
    return read_rsa(bits);
}

}  // namespace

Result<Bytes> encode_spki(const PublicKey& key) {
    if (key.hardware_backed())
        return fail(Code::unsupported, "a FIDO key has no SubjectPublicKeyInfo", "E-KEY-TYPE",
                    "FIDO keys hold SSH certificates only", {});
    if (key.algorithm == KeyAlgorithm::rsa)
        return der::sequence(
            {algorithm_of(key.algorithm), der::bit_string(der::sequence({der::integer(ByteView(key.modulus)),
                                                                         der::integer(ByteView(key.exponent))}))});
    return der::sequence({algorithm_of(key.algorithm), der::bit_string(key.point)});
}

Result<PublicKey> parse_spki(ByteView bytes) {
    der::Reader outer(bytes);
    const auto body = outer.expect(der::kSequence, "SubjectPublicKeyInfo");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("SubjectPublicKeyInfo"); !ok) return pass(ok.error());
    der::Reader fields(body->contents);
    const auto algorithm = fields.expect(der::kSequence, "key algorithm");
    if (!algorithm) return pass(algorithm.error());
    const auto bits = fields.expect(der::kBitString, "public key bits");
    if (!bits) return pass(bits.error());
    if (auto ok = fields.finish("SubjectPublicKeyInfo"); !ok) return pass(ok.error());
    const auto key_bytes = der::parse_bit_string(*bits, "public key bits");
    if (!key_bytes) return pass(key_bytes.error());

    der::Reader inside(algorithm->contents);
    const auto id = inside.any("key algorithm");
    if (!id) return pass(id.error());
    const auto name = der::parse_oid(*id);
    if (!name) return pass(name.error());
    auto key = read_key(*name, inside, *key_bytes);
    if (!key) return key;
    if (auto ok = inside.finish("key algorithm"); !ok) return pass(ok.error());
    return key;
}

}  // namespace mayfly::wire
