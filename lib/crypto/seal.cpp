#include "lib/crypto/seal.h"

#include <botan/aead.h>
#include <botan/pwdhash.h>
#include <botan/version.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/wire/text.h"

namespace mayfly::crypto {

namespace {

constexpr std::string_view kMagic = "mayfly-sealed-v1";
constexpr std::size_t kSalt = 16, kNonce = 12, kKey = 32, kTag = 16;
constexpr std::uint32_t kMostMemoryKib = 1024 * 1024, kMostPasses = 32, kMostLanes = 16;
constexpr const char* kAead = "ChaCha20Poly1305";

#if BOTAN_VERSION_MAJOR >= 3
constexpr auto kEncrypt = Botan::Cipher_Dir::Encryption, kDecrypt = Botan::Cipher_Dir::Decryption;
#else
constexpr auto kEncrypt = Botan::ENCRYPTION, kDecrypt = Botan::DECRYPTION;
#endif

/// What stands in a sealed file: parameters in the clear, then salt, nonce and ciphertext in base64.
struct Sealed {
    SealCost cost;
    Bytes salt, nonce, ciphertext;
};

/// The header is associated data too: nobody can weaken the parameters of a file and have it still open.
std::string header(const SealCost& cost, std::string_view label) {
    return std::string(kMagic) + "\nlabel " + std::string(label) + "\nargon2id " + std::to_string(cost.memory_kib) +
           " " + std::to_string(cost.passes) + " " + std::to_string(cost.lanes) + "\n";
}

Botan::secure_vector<std::uint8_t> derive(const SealCost& cost, const Secret& passphrase, ByteView salt) {
    const auto family = Botan::PasswordHashFamily::create_or_throw("Argon2id");
    const auto hash = family->from_params(cost.memory_kib, cost.passes, cost.lanes);
    Botan::secure_vector<std::uint8_t> key(kKey);
    const auto text = text_of(passphrase.reveal());
    hash->derive_key(key.data(), key.size(), text.data(), text.size(), salt.data(), salt.size());
    return key;
}

template <class Direction>
Botan::secure_vector<std::uint8_t> run(Direction direction, const Sealed& box, const Secret& passphrase,
                                       std::string_view label, ByteView input) {
    const auto aead = Botan::AEAD_Mode::create_or_throw(kAead, direction);
    aead->set_key(derive(box.cost, passphrase, box.salt));
    const std::string associated = header(box.cost, label);
#if BOTAN_VERSION_MAJOR >= 3
    aead->set_associated_data(view(associated));
#else
    aead->set_associated_data(view(associated).data(), associated.size());
#endif
    aead->start(box.nonce.data(), box.nonce.size());
    Botan::secure_vector<std::uint8_t> data(input.begin(), input.end());
    aead->finish(data);
    return data;
}

bool number(std::string_view& rest, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out);
    if (error != std::errc{}) return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    return true;
}

Result<Sealed> parse(std::string_view text) {
    const auto bad = [](const char* why) {
        return fail(Code::malformed, std::string("not a sealed file: ") + why, "E-SEALED", {}, {});
    };
    std::array<std::string_view, 5> lines;
    for (auto& line : lines) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return bad("it ends too early");
        line = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    if (!text.empty() || lines[0] != kMagic || !lines[1].starts_with("label ") || !lines[2].starts_with("argon2id "))
        return bad("unknown form");
    Sealed box;
    std::string_view numbers = lines[2].substr(9);
    if (!number(numbers, box.cost.memory_kib) || !number(numbers, box.cost.passes) ||
        !number(numbers, box.cost.lanes) || !numbers.empty())
        return bad("bad parameters");
    if (box.cost.memory_kib < 8 || box.cost.memory_kib > kMostMemoryKib || box.cost.passes < 1 ||
        box.cost.passes > kMostPasses || box.cost.lanes < 1 || box.cost.lanes > kMostLanes)
        return bad("parameters beyond 1 GiB, 32 passes or 16 lanes");
    auto public_part = wire::parse_base64(lines[3]);
    auto secret_part = wire::parse_base64(lines[4]);
    if (!public_part || public_part->size() != kSalt + kNonce || !secret_part || secret_part->size() < kTag)
        return bad("damaged contents");
    box.salt.assign(public_part->begin(), public_part->begin() + kSalt);
    box.nonce.assign(public_part->begin() + kSalt, public_part->end());
    box.ciphertext = std::move(*secret_part);
    return box;
}

}  // namespace

Result<std::string> seal(const Secret& secret, const Secret& passphrase, std::string_view label, Rng& rng,
                         SealCost cost) {
    if (passphrase.empty()) return fail(Code::malformed, "the passphrase is empty", "E-PASSPHRASE", {}, {});
    Sealed box{cost, Bytes(kSalt), Bytes(kNonce), {}};
    rng.fill(box.salt);
    rng.fill(box.nonce);
    try {
        const auto ciphertext = run(kEncrypt, box, passphrase, label, secret.reveal());
        Bytes public_part = box.salt;
        public_part.insert(public_part.end(), box.nonce.begin(), box.nonce.end());
        return header(cost, label) + wire::base64(public_part) + "\n" +
               wire::base64(ByteView(ciphertext.data(), ciphertext.size())) + "\n";
    } catch (const std::exception& error) {
        return fail(Code::internal, std::string("cannot seal: ") + error.what());
    }
}

Result<Secret> unseal(std::string_view sealed, const Secret& passphrase, std::string_view label) {
    const auto box = parse(sealed);
    if (!box) return pass(box.error());
    try {
        const auto plain = run(kDecrypt, *box, passphrase, label, box->ciphertext);
        return Secret(Bytes(plain.begin(), plain.end()));
    } catch (const std::exception&) {
        // Botan throws for a failed tag; what exactly was wrong is nobody's business.
        return fail(
            Code::denied, "the sealed key does not open", "E-UNSEAL",
            "the passphrase is wrong, or the file is not the one that was sealed as \"" + std::string(label) + "\"",
            "check the passphrase file");
    }
}

}  // namespace mayfly::crypto
