#pragma once
// Random certificates and random damage, the same on every machine: std's distributions differ between libraries, so
// draws are made from the generator's numbers alone.
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lib/wire/ssh_certificate.h"

namespace mayfly::test {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : generator_(seed) {}
    std::uint64_t any() { return generator_(); }
    /// below(n) is one of 0 … n-1.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(generator_() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    Bytes bytes(std::size_t size) {
        Bytes out(size);
        for (auto& byte : out) byte = static_cast<std::uint8_t>(any());
        return out;
    }
    /// Text of any bytes but NUL, which no string of a certificate may hold.
    std::string text(std::size_t most) {
        std::string out(below(most + 1), ' ');
        for (auto& c : out) c = static_cast<char>(1 + below(255));
        return out;
    }
    template <class List>
    const auto& pick(const List& list) {
        return list[below(std::size(list))];
    }

private:
    std::mt19937_64 generator_;
};

/// A key of the right shape; its point need not lie on the curve, and nobody knows the private half.
inline PublicKey random_key(Dice& dice) {
    constexpr KeyAlgorithm kAll[] = {KeyAlgorithm::ed25519,      KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                                     KeyAlgorithm::ecdsa_p521,   KeyAlgorithm::rsa,        KeyAlgorithm::sk_ed25519,
                                     KeyAlgorithm::sk_ecdsa_p256};
    PublicKey key;
    key.algorithm = dice.pick(kAll);
    switch (key.algorithm) {
        case KeyAlgorithm::ed25519:
        case KeyAlgorithm::sk_ed25519: key.point = dice.bytes(32); break;
        case KeyAlgorithm::ecdsa_p256:
        case KeyAlgorithm::sk_ecdsa_p256: key.point = dice.bytes(65); break;
        case KeyAlgorithm::ecdsa_p384: key.point = dice.bytes(97); break;
        case KeyAlgorithm::ecdsa_p521: key.point = dice.bytes(133); break;
        case KeyAlgorithm::rsa:
            key.modulus = dice.bytes(256 + dice.below(257));
            key.modulus.front() |= 0x80U;
            key.modulus.back() |= 1U;
            key.exponent = {1, 0, 1};
            break;
    }
    const bool edwards = key.algorithm == KeyAlgorithm::ed25519 || key.algorithm == KeyAlgorithm::sk_ed25519;
    if (!key.point.empty() && !edwards) key.point.front() = 0x04;
    if (key.hardware_backed()) key.application = "ssh:" + dice.text(20);
    return key;
}

inline std::vector<wire::SshOption> random_options(Dice& dice) {
    std::vector<wire::SshOption> out(dice.one_in(4) ? dice.below(65) : dice.below(6));
    for (auto& option : out) {
        option.name = dice.text(24);
        if (dice.one_in(2)) option.value = dice.text(40);
    }
    return out;
}

/// Every field takes every value that the format has, sensible or not.
inline wire::SshCertificate random_certificate(Dice& dice) {
    wire::SshCertificate out;
    out.subject = random_key(dice);
    out.nonce = dice.bytes(dice.below(40));
    out.serial = dice.any() >> dice.below(64);
    out.type = dice.one_in(2) ? wire::SshCertificateType::user : wire::SshCertificateType::host;
    out.key_id = dice.text(60);
    out.principals.resize(dice.one_in(8) ? dice.below(257) : dice.below(5));
    for (auto& principal : out.principals) principal = dice.text(20);
    out.valid_after = dice.any() >> dice.below(64);
    out.valid_before = dice.any() >> dice.below(64);
    out.critical_options = random_options(dice);
    out.extensions = random_options(dice);
    out.signer = random_key(dice);
    return out;
}

/// One piece of damage: a byte, a length, a piece cut out, put in, doubled or moved.
inline void damage(Dice& dice, Bytes& bytes) {
    if (bytes.size() < 16) return;
    const auto at = [&](std::size_t place) { return bytes.begin() + static_cast<std::ptrdiff_t>(place); };
    const std::size_t place = dice.below(bytes.size() - 8), size = 1 + dice.below(8);
    switch (dice.below(7)) {
        case 0: bytes[place] = static_cast<std::uint8_t>(dice.any()); break;
        case 1: bytes[place] ^= static_cast<std::uint8_t>(1U << dice.below(8)); break;
        case 2: bytes[place] = static_cast<std::uint8_t>(bytes[place] + (dice.one_in(2) ? 1 : 255)); break;
        case 3: bytes.erase(at(place), at(place + size)); break;
        case 4: {
            const Bytes more = dice.one_in(2) ? dice.bytes(size) : Bytes(size, 0);
            bytes.insert(at(place), more.begin(), more.end());
            break;
        }
        case 5: {
            const Bytes again(at(place), at(place + size));
            bytes.insert(at(place), again.begin(), again.end());
            break;
        }
        default: std::fill(at(place), at(place + size), static_cast<std::uint8_t>(dice.one_in(2) ? 0 : 0xff));
    }
}

}  // namespace mayfly::test
