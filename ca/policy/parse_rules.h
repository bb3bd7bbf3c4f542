#pragma once
// The tables of a policy that are about people. Internal to ca/policy; parse_policy is the door.
#include "ca/policy/policy.h"
#include "lib/config/table.h"

namespace mayfly::policy {

/// `approve`, `open_to` and `[role.request]`.
void read_request_rule(config::Table& role, const toml::table& toml, const std::string& label, Role& out,
                       Status& status);
Conditions read_conditions(const toml::table& toml, const std::string& label, Status& status);
ReviewRule read_review(const toml::table& toml, const std::string& label, Status& status);
BreakGlass read_breakglass(const toml::table& toml, const std::string& label, Status& status);
/// `[[group]]`: before anything that speaks of one.
void read_groups(config::Table& top, Policy& policy, Status& status);
/// `[[conflict]]` and `[change]`, after the roles are known.
void read_people(config::Table& top, Policy& policy, Status& status);
/// Whether every group that somebody speaks of exists and is large enough. Fails into `top`.
void check_parties(const Policy& policy, config::Table& top);

}  // namespace mayfly::policy
