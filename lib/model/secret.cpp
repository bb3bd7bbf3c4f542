#include <cstring>

#include "mayfly/bytes.h"

namespace mayfly {

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
    return *this;
}

void Secret::wipe() noexcept {
    // explicit_bzero is the one memset that a compiler may not drop because the memory is freed next.
    if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
    bytes_.clear();
}

}  // namespace mayfly
