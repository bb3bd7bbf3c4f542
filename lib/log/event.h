#pragma once
// Event: one leaf of the log. Canonical JSON (RFC 8785) with a closed set of members:
//   {"actor":…,"data":{…},"owner":…,"subject":…,"time":…,"type":…,"v":1}
// Free text by people never stands in a leaf, only its salted hash (`salted_text`): erasing the text under a retention
// policy then leaves the log whole.
#include <string>
#include <string_view>

#include "lib/wire/json.h"
#include "mayfly/time.h"

namespace mayfly::log {

struct Event {
    std::string type;  ///< "certificate.intent", …: docs/events.md lists them
    Instant time = Instant(0);
    std::string actor;    ///< identity that acted, "kind/name"; "" when nobody is known
    std::string owner;    ///< owner who answers for the subject; "" when none
    std::string subject;  ///< what it is about: an identity, a role, a token id, "policy", "bundle"
    wire::Json::Object data;
    bool operator==(const Event&) const = default;
};

/// A leaf is no longer than this: tlog-tiles entries carry a 16-bit length. The store refuses what is.
inline constexpr std::size_t kLargestEntry = 65535;

/// encode_event is the leaf's bytes.
Bytes encode_event(const Event& event);
/// parse_event is strict: unknown members, another version or non-canonical text fail.
Result<Event> parse_event(ByteView leaf);

/// salted_text is hex(SHA-256(salt || text)), what a leaf says of free text.
std::string salted_text(ByteView salt, std::string_view text);

}  // namespace mayfly::log
