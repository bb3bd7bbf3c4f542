#pragma once
// Bytes, borrowed bytes, and bytes that nobody else may see.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly {

using Bytes = std::vector<std::uint8_t>;
/// ByteView borrows bytes for the length of a call; it is never stored.
using ByteView = std::span<const std::uint8_t>;
/// Digest is the 32 bytes of a SHA-256.
using Digest = std::array<std::uint8_t, 32>;

inline ByteView view(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }
inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// Secret holds bytes that must not be copied, printed or left behind: it is move-only and wipes its memory.
class Secret {
public:
    Secret() = default;
    explicit Secret(Bytes&& bytes) noexcept : bytes_(std::move(bytes)) { bytes.clear(); }
    /// Allocates `size` zero bytes to be filled through `writable`.
    static Secret of_size(std::size_t size) { return Secret(Bytes(size)); }
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    [[nodiscard]] ByteView reveal() const { return bytes_; }
    [[nodiscard]] std::span<std::uint8_t> writable() { return bytes_; }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    void wipe() noexcept;

private:
    Bytes bytes_;
};

}  // namespace mayfly
