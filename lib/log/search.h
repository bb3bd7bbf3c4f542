#pragma once
// Search: which events of the log somebody asks for. Pure; a leaf is canonical, so some of it can be asked of the
// bytes.
#include <optional>
#include <string>
#include <vector>

#include "lib/log/event.h"

namespace mayfly::log {

/// Every field that is set must hold.
struct Search {
    std::string actor{};                      ///< "human/alice"
    std::string owner{};                      ///< "alice"
    std::string identity{};                   ///< actor or subject
    std::string role{};                       ///< data.role
    std::string serial{};                     ///< data.serial, or one of data.serials
    std::string request{};                    ///< data.request, data.intent or data.request_sha256
    std::string node{};                       ///< "db-7": the node itself, or data.node
    std::string type{};                       ///< "certificate.issued", or all of a kind: "certificate."
    std::optional<Instant> since{}, until{};  ///< since <= time < until
};

bool matches(const Event& event, const Search& search);
/// texts_of are byte strings that every leaf of the answer contains: a scan may skip what lacks one without parsing.
std::vector<std::string> texts_of(const Search& search);

}  // namespace mayfly::log
