#pragma once
#include <cstdint>
#include <span>

namespace mayfly {

/// Rng is the one door to randomness. Implementations are thread-safe, and end the process rather than return
/// predictable bytes.
class Rng {
public:
    virtual ~Rng() = default;
    virtual void fill(std::span<std::uint8_t> out) = 0;
};

}  // namespace mayfly
