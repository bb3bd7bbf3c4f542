#pragma once
// Published: what a CA hands out and its log answers for: a bundle, a revocation list, an envelope, what a node trusts.
// It comes with the leaf that published it and that leaf's proof, as the API carries both.
#include <string_view>

#include "lib/log/proof.h"

namespace mayfly::log {

/// What was published, and the leaf's place: later leaves of one log stand further on.
struct Published {
    Event event;
    std::uint64_t index = 0;
};
/// read_published holds the leaf (base64) and its proof (tlog-proof text) against the pinned log, and reads the event,
/// which must be of this type. The message of an error says what is wrong; whoever asked says with what.
Result<Published> read_published(std::string_view entry, std::string_view proof, std::string_view type,
                                 const VerifierKey& key);
/// Whether the event's data has this member with this value.
bool says(const Published& published, const char* member, const wire::Json& value);

}  // namespace mayfly::log
