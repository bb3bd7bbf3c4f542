#pragma once
// Standing: how this node stands with its CA, in one word, and what to do about it. Pure.
//
// A node goes on with what it has when the CA is away; what changes is how long that will do. So health turns red while
// there is time: when what should have been renewed is in the last quarter of its life, not when it has ended.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::agent {

/// offline: the CA is away, and everything goes on. expired: the identity has ended and the CA was not there to renew
/// it, or did not. evicted: the CA is there and does not take this node. clock_skewed: the clocks are too far apart for
/// certificates to mean the same on both sides. trouble: something else, in `why`.
enum class Standing { ok, offline, expired, evicted, clock_skewed, trouble };
std::string_view name(Standing standing);
std::optional<Standing> parse_standing(std::string_view word);
/// Of `mayfly-agent status`: 0 ok, 1 trouble, 4 expired, 5 evicted, 8 offline, 9 clock-skewed.
int exit_code(Standing standing);

enum class Health { ok, warning, trouble };
std::string_view name(Health health);

/// Beyond this, certificates that begin a moment ago are not valid yet here, or those of the CA no more.
inline constexpr std::int64_t kMostSkew = 60;
/// … and from here on somebody should look.
inline constexpr std::int64_t kOddSkew = 20;

/// Lasting is something that ends when it is not renewed.
struct Lasting {
    std::string what;  ///< "this node's identity", "the host certificate of ssh_host_ed25519_key"
    Validity validity;
};

/// Signs are what a round leaves to judge by.
struct Signs {
    std::optional<Error> error{};         ///< of the round; none: it went well
    std::optional<Validity> identity{};   ///< none: there is none that can be read
    std::optional<std::int64_t> ahead{};  ///< seconds by which our clock is ahead of the CA's, as last measured
    bool cloned = false;                  ///< the CA said that another holder goes on
    std::optional<Instant> last_contact{};
    std::vector<Lasting> lasting{};
};

struct Verdict {
    Standing standing = Standing::ok;
    Health health = Health::ok;
    std::string why, fix;  ///< empty when all is well
};

Verdict judge(const Signs& signs, Instant now);

}  // namespace mayfly::agent
