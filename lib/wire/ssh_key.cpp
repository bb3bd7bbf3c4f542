#include "lib/wire/ssh_key.h"

#include <algorithm>
#include <array>

#include "lib/wire/ssh_key_fields.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kLeastRsaBits = 2048, kMostRsaBits = 4096;
constexpr std::size_t kLongestApplication = 256;

struct Curve {
    KeyAlgorithm algorithm;
    std::string_view name;
    std::size_t point;
};
constexpr std::array<Curve, 4> kCurves = {{{KeyAlgorithm::ecdsa_p256, "nistp256", 65},
                                           {KeyAlgorithm::ecdsa_p384, "nistp384", 97},
                                           {KeyAlgorithm::ecdsa_p521, "nistp521", 133},
                                           {KeyAlgorithm::sk_ecdsa_p256, "nistp256", 65}}};

const Curve* curve_of(KeyAlgorithm algorithm) {
    for (const auto& curve : kCurves)
        if (curve.algorithm == algorithm) return &curve;
    return nullptr;
}

std::size_t bit_length(const Bytes& number) {
    if (number.empty()) return 0;
    std::size_t bits = (number.size() - 1) * 8;
    for (std::uint8_t top = number.front(); top != 0; top = static_cast<std::uint8_t>(top >> 1)) ++bits;
    return bits;
}

tl::unexpected<Error> weak(std::string message, std::string why) {
    return fail(Code::malformed, std::move(message), "E-KEY-WEAK", std::move(why),
                "make a new key: ssh-keygen -t ed25519");
}

/// The encodings of the eight points of small order on edwards25519, with and without the sign bit, canonical or not
/// (RFC 7748 section 7 and the usual list from the literature): a "key" for which anyone can make signatures.
bool small_order(const Bytes& point) {
    static constexpr std::array<std::string_view, 7> kSmall = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    Bytes without_sign = point;
    without_sign.back() &= 0x7f;
    const std::string text = hex(without_sign);
    return std::find(kSmall.begin(), kSmall.end(), text) != kSmall.end();
}

Result<KeyAlgorithm> parse_algorithm(const std::string& type) {
    for (const auto algorithm :
         {KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521,
          KeyAlgorithm::rsa, KeyAlgorithm::sk_ed25519, KeyAlgorithm::sk_ecdsa_p256})
        if (name(algorithm) == type) return algorithm;
    if (type.find("-cert-v") != std::string::npos)
        return fail(Code::malformed, "this is a certificate, not a public key", "E-KEY-NESTED",
                    "a certificate cannot be certified again", "pass the .pub file without -cert");
    return fail(Code::unsupported, "keys of type \"" + printable(type.substr(0, 64)) + "\" are not supported",
                "E-KEY-TYPE", "ed25519, ecdsa, rsa (2048 bits and more) and their FIDO forms are",
                "ssh-keygen -t ed25519");
}

}  // namespace

namespace detail {

/// The fields that follow the type name, in keys and (after the nonce) in certificates alike.
void write_key_fields(Writer& out, const PublicKey& key) {
    switch (key.algorithm) {
        case KeyAlgorithm::rsa: out.mpint(key.exponent).mpint(key.modulus); return;
        case KeyAlgorithm::ed25519: out.string(key.point); return;
        case KeyAlgorithm::sk_ed25519: out.string(key.point).string(key.application); return;
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::ecdsa_p384:
        case KeyAlgorithm::ecdsa_p521: out.string(curve_of(key.algorithm)->name).string(key.point); return;
        case KeyAlgorithm::sk_ecdsa_p256:
            out.string(curve_of(key.algorithm)->name).string(key.point).string(key.application);
            return;
    }
}

Status check_rsa(const PublicKey& key) {
    const std::size_t bits = bit_length(key.modulus);
    if (bits < kLeastRsaBits || bits > kMostRsaBits)
        return weak("an RSA key of " + std::to_string(bits) + " bits", "RSA keys have 2048 to 4096 bits");
    if ((key.modulus.back() & 1) == 0) return weak("an RSA modulus that is even", "it is a product of two odd primes");
    // FIPS 186-5 section A.1.1: 2^16 < e, e odd. Large exponents only slow verifiers down: at most 32 bits.
    if (bit_length(key.exponent) < 17 || bit_length(key.exponent) > 32 || (key.exponent.back() & 1) == 0)
        return weak("an RSA exponent that is too small, too large or even", "e is odd, from 65537 to 2^32");
    return {};
}

Status check_ec(const PublicKey& key) {
    if (key.point.size() != curve_of(key.algorithm)->point || key.point.front() != 0x04)
        return fail(Code::malformed, "the elliptic curve point does not fit its curve", "E-KEY-POINT",
                    "an uncompressed point (SEC 1) of that curve", {});
    return {};
}

Status check_ed25519(const PublicKey& key) {
    if (key.point.size() != 32) return fail(Code::malformed, "an Ed25519 key has 32 bytes", "E-KEY-POINT", {}, {});
    if (small_order(key.point)) return weak("an Ed25519 key of small order", "anyone could sign for it");
    return {};
}

Result<PublicKey> read_key_fields(Reader& in, KeyAlgorithm algorithm) {
    PublicKey key;
    key.algorithm = algorithm;
    if (algorithm == KeyAlgorithm::rsa) {
        auto exponent = in.mpint("RSA exponent");
        if (!exponent) return pass(exponent.error());
        auto modulus = in.mpint("RSA modulus");
        if (!modulus) return pass(modulus.error());
        key.exponent = std::move(*exponent);
        key.modulus = std::move(*modulus);
        if (key.modulus.empty() || key.exponent.empty()) return weak("an RSA key with a zero", "neither n nor e is 0");
        if (auto ok = check_rsa(key); !ok) return pass(ok.error());
        return key;
    }
    if (const Curve* curve = curve_of(algorithm)) {
        const auto name = in.string("curve name");
        if (!name) return pass(name.error());
        if (text_of(*name) != curve->name) return fail(Code::malformed, "the curve does not match the key type");
    }
    const auto point = in.string("public key");
    if (!point) return pass(point.error());
    key.point = to_bytes(*point);
    if (key.hardware_backed()) {
        auto application = in.text("application");
        if (!application) return pass(application.error());
        if (application->empty() || application->size() > kLongestApplication)
            return fail(Code::malformed, "the FIDO application string is empty or too long");
        key.application = std::move(*application);
    }
    const auto ok = curve_of(algorithm) != nullptr ? check_ec(key) : check_ed25519(key);
    if (!ok) return pass(ok.error());
    return key;
}

Result<KeyAlgorithm> read_algorithm(const std::string& type) { return parse_algorithm(type); }

}  // namespace detail

Bytes encode_ssh_key(const PublicKey& key) {
    Writer out;
    out.string(name(key.algorithm));
    detail::write_key_fields(out, key);
    return out.take();
}

Result<PublicKey> parse_ssh_key(ByteView blob) {
    Reader in(blob);
    const auto type = in.text("key type");
    if (!type) return pass(type.error());
    const auto algorithm = parse_algorithm(*type);
    if (!algorithm) return pass(algorithm.error());
    auto key = detail::read_key_fields(in, *algorithm);
    if (!key) return key;
    if (auto ok = in.finish("public key"); !ok) return pass(ok.error());
    return key;
}

Result<SshKeyLine> parse_ssh_key_line(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    const auto refused = [&](const char* why) {
        return fail(Code::malformed, "not an SSH public key line", "E-KEY-LINE", why,
                    "it reads \"ssh-ed25519 AAAA… comment\", as in a .pub file");
    };
    if (line.find('\n') != std::string_view::npos) return refused("it is more than one line");
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return refused("there is no space between type and key");
    const std::string_view type = line.substr(0, space);
    std::string_view rest = line.substr(space + 1);
    const auto end = rest.find(' ');
    const auto blob = parse_base64(rest.substr(0, end));
    if (!blob) return refused("the key is not base64");
    auto key = parse_ssh_key(*blob);
    if (!key) return pass(key.error());
    if (name(key->algorithm) != type) return refused("the type before the key is not the type inside it");
    return SshKeyLine{std::move(*key), end == std::string_view::npos ? "" : printable(rest.substr(end + 1))};
}

std::string encode_ssh_key_line(const PublicKey& key, std::string_view comment) {
    std::string line = std::string(name(key.algorithm)) + " " + base64(encode_ssh_key(key));
    if (!comment.empty()) line.append(" ").append(comment);
    return line;
}

Secret encode_openssh_private_ed25519(const PublicKey& key, ByteView seed, std::uint32_t check,
                                      std::string_view comment) {
    // PROTOCOL.key: the private section is padded with 1, 2, 3 … to the cipher's block size, 8 for "none".
    Bytes both = to_bytes(seed);
    both.insert(both.end(), key.point.begin(), key.point.end());
    Writer inner;
    inner.u32(check).u32(check).string(name(KeyAlgorithm::ed25519)).string(key.point).string(both).string(comment);
    for (std::uint8_t pad = 1; inner.bytes().size() % 8 != 0; ++pad) inner.u8(pad);
    Writer outer;
    static constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
    outer.raw(view(kMagic)).string("none").string("none").string("").u32(1);
    const Secret private_section(inner.take()), pair(std::move(both));
    outer.string(encode_ssh_key(key)).string(private_section.reveal());
    const Secret blob(outer.take());
    std::string pem = encode_pem("OPENSSH PRIVATE KEY", blob.reveal());
    Secret out(to_bytes(pem));
    std::fill(pem.begin(), pem.end(), '\0');
    return out;
}

}  // namespace mayfly::wire
