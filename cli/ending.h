#pragma once
// Verbs that stop something: what they ask before, and what they say they did.
#include "cli/change.h"
#include "mayfly/api_people.h"

namespace mayfly::cli {

/// A severe act is done when its name is said again; trying it needs no such word.
Status confirmed(const Globals& globals, const std::string& act, const std::string& name, const std::string& again);

/// Posts a Stop and shows what it ended, with the certificates that live on.
Result<int> stop_it(const Globals& globals, const std::string& path, const api::Stop& body, const std::string& done);

}  // namespace mayfly::cli
