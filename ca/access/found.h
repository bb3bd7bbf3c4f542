#pragma once
// Found: the stories about what stands on nodes beside certificates: who sees it, who says whose it is.
#include "ca/access/access.h"

namespace mayfly::access {

/// One thing by "node/id", where the id may be cut short as far as it tells it apart; not_found (E-FOUND-GONE) when
/// there is none that the caller sees.
Result<store::FoundRecord> seen_found(const Context& context, const std::string& id);
/// Who answers for the node, or the duty platform, says whose a thing is. Returns it as it stands then.
Result<store::FoundRecord> accept_found(const Context& context, const std::string& id,
                                        const std::optional<OwnerName>& owner, const std::string& reason);
/// … or that it is nobody's business, and why.
Result<store::FoundRecord> dismiss_found(const Context& context, const std::string& id, const std::string& reason);

}  // namespace mayfly::access
