#include "lib/crypto/weak_keys.h"

#include <openssl/evp.h>

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::crypto {

namespace {

constexpr std::size_t kMostDigests = 8'000'000;

int value_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

template <std::size_t N>
bool read_hex(std::string_view line, std::array<std::uint8_t, N>& out) {
    if (line.size() != 2 * N) return false;
    for (std::size_t i = 0; i < N; ++i) {
        const int high = value_of(line[2 * i]), low = value_of(line[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return true;
}

template <class List>
void sort_unique(List& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    list.shrink_to_fit();
}

/// The last 80 bits of a hash that is no longer good for anything else: here it only finds a line in a list.
std::array<std::uint8_t, 10> tail_of(const char* algorithm, ByteView bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    std::array<std::uint8_t, 10> out{};
    const bool ok = EVP_Q_digest(nullptr, algorithm, nullptr, bytes.data(), bytes.size(), digest.data(), &size) == 1;
    if (ok && size >= out.size()) std::copy_n(digest.begin() + static_cast<std::ptrdiff_t>(size) - 10, 10, out.begin());
    return out;
}

}  // namespace

Status WeakKeys::add(std::string_view text, std::string_view name) {
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        Short tail{};
        Digest digest{};
        if (read_hex(line, tail))
            short_.push_back(tail);
        else if (read_hex(line, digest))
            long_.push_back(digest);
        else
            return fail(Code::malformed, std::string(name) + ", line " + std::to_string(number) + ": not a digest",
                        "E-WEAK-LIST", "20 or 64 hexadecimal digits a line, or a comment after #",
                        "mend the file that weak_keys in ca.toml names");
        if (size() > kMostDigests)
            return fail(Code::malformed, std::string(name) + ": more than 8,000,000 digests", "E-WEAK-LIST", {}, {});
    }
    sort_unique(short_);
    sort_unique(long_);
    return {};
}

bool WeakKeys::contains(const PublicKey& key) const {
    if (!long_.empty() && std::binary_search(long_.begin(), long_.end(), key_id(key))) return true;
    if (short_.empty()) return false;
    const auto listed = [this](const Short& tail) { return std::binary_search(short_.begin(), short_.end(), tail); };
    if (listed(tail_of("MD5", wire::encode_ssh_key(key)))) return true;
    if (key.algorithm != KeyAlgorithm::rsa) return false;
    // What "openssl rsa -noout -modulus" prints, line break and all.
    std::string line = "Modulus=" + wire::hex(key.modulus) + "\n";
    for (std::size_t i = 8; i < line.size(); ++i)
        if (line[i] >= 'a' && line[i] <= 'f') line[i] = static_cast<char>(line[i] - 'a' + 'A');
    return listed(tail_of("SHA1", view(line)));
}

}  // namespace mayfly::crypto
