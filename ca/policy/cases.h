#pragma once
// Cases: a table of questions to a policy with the answers that its authors expect, in TOML beside the policy. Asked of
// the same decide() and tally() that the CA asks; nothing else is needed, no CA, no clock.
#include <string>
#include <string_view>
#include <vector>

#include "ca/policy/policy.h"

namespace mayfly::policy {

/// CaseResult is how one of them came out.
struct CaseResult {
    std::string name, place;             ///< place: "tests.cases.toml:12"
    std::string expected, said;          ///< "permit", "approval", "refuse"; approvals: "approved", "pending", "denied"
    std::vector<std::string> reasons{};  ///< every rule that spoke, with its message
    std::vector<std::string> wrong{};    ///< what is not as expected; empty: it passed
};

/// run_cases reads `[[case]]` and `[[approval]]` tables strictly and asks them. Fails for a file that cannot be read;
/// docs/policy.md describes its members.
Result<std::vector<CaseResult>> run_cases(const Policy& policy, std::string_view toml, const std::string& file);

}  // namespace mayfly::policy
