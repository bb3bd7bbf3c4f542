#pragma once
// Graph: who answers for what, and who holds what, as a drawing in Graphviz' language.
#include <string>

#include "mayfly/api_people.h"
#include "mayfly/result.h"

namespace mayfly::cli {

/// What is drawn. Roles are those of the policy; grants the active and the suspended ones.
struct Holdings {
    std::vector<api::Owner> owners{};
    std::vector<api::Identity> identities{};
    std::vector<api::Grant> grants{};
    std::vector<api::Role> roles{};
};

/// Keeps what touches `centre` (an identity, "owner/NAME", "role/NAME" or "tenant/NAME"): for an owner all they answer
/// for, for a role all who hold it, and in each case who answers for those. not_found when nothing has that name.
Result<Holdings> around(const Holdings& all, const std::string& centre);

/// draw_dot writes a digraph (graphviz.org, "The DOT Language"): a cluster for each tenant; whatever is not active, and
/// identities without an active owner, stand out. The same holdings always give the same text.
std::string draw_dot(const Holdings& holdings);

}  // namespace mayfly::cli
