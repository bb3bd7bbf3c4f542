#pragma once
// The stable words by which errors name the rule that spoke: one table for all programs. tests/lib/model holds it
// against the sources: a word that is used stands here, and a word that stands here is used.
#include <span>
#include <string_view>

namespace mayfly {

struct ErrorCode {
    std::string_view id;       ///< "E-ROLE-TTL"
    std::string_view meaning;  ///< what it says about the world, and where to look; for people
};

/// error_codes are all of them, in the order of their ids.
std::span<const ErrorCode> error_codes();
/// find_error_code returns nullptr for an id that is none.
const ErrorCode* find_error_code(std::string_view id);

}  // namespace mayfly
