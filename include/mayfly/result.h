#pragma once
// How Mayfly says that something failed: values, not exceptions.
//
// A function that can fail returns Result<T>. An exception means "this process is broken" (out of memory, a violated
// invariant) and ends it; libraries that throw are caught in the one file that wraps them.
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace mayfly {

/// Code is the closed set of ways in which Mayfly fails; one function each maps it to an HTTP status (ca/http/problem)
/// and to an exit code (cli/render).
enum class Code {
    malformed,        ///< the input is not what it claims to be
    unauthenticated,  ///< who is asking could not be established
    denied,           ///< who is asking is known, and may not
    needs_approval,   ///< it may become possible by another person's decision
    not_found,        ///< there is no such thing, or the caller may not know that there is
    conflict,         ///< it contradicts what is already recorded
    expired,          ///< it was valid once
    rate_limited,     ///< too much at once; ask again later
    unavailable,      ///< a part we depend on does not answer; retry
    untrusted,        ///< the other side could not prove that it is who we pinned
    corrupt,          ///< our own durable state contradicts itself
    unsupported,      ///< valid, and not something this build does
    internal,         ///< a defect of ours; details stand in the log only
};

/// name of a code as it stands in problem documents and logs, e.g. "needs_approval".
std::string_view name(Code code);

/// Error is why something failed, for a program (`code`, `id`) and for a person (`message`, `why`, `fix`).
/// `message` is one lower-case sentence without full stop. The other texts may be empty.
struct Error {
    Code code = Code::internal;
    std::string message;
    std::string id;   ///< stable machine word of the rule that spoke, "E-ROLE-TTL"; empty: only the code is known
    std::string why;  ///< the limit or the fact behind it
    std::string fix;  ///< what the reader can do now, a command where there is one
};

/// Result is either a T or the Error that prevented it.
template <class T>
using Result = tl::expected<T, Error>;

/// Status is a Result that carries nothing but success.
using Status = Result<void>;

/// fail makes the error half of any Result.
inline tl::unexpected<Error> fail(Code code, std::string message) {
    return tl::make_unexpected(Error{code, std::move(message), {}, {}, {}});
}

/// fail with a rule, its limit and the remedy, for errors that a person must act on.
inline tl::unexpected<Error> fail(Code code, std::string message, std::string id, std::string why, std::string fix) {
    return tl::make_unexpected(Error{code, std::move(message), std::move(id), std::move(why), std::move(fix)});
}

/// pass hands an error of one Result type on as another, unchanged.
inline tl::unexpected<Error> pass(Error error) { return tl::make_unexpected(std::move(error)); }

/// pass with context that the callee did not have: "cannot load issuer \"users\": …".
inline tl::unexpected<Error> pass(Error error, std::string_view context) {
    error.message = std::string(context) + ": " + error.message;
    return tl::make_unexpected(std::move(error));
}

/// ensure ends the process with a message when an invariant of ours does not hold. It stays on in release builds:
/// a CA that no longer knows what it is doing must not go on minting.
void ensure(bool invariant, const char* message, const char* file = __builtin_FILE(), int line = __builtin_LINE());

}  // namespace mayfly
