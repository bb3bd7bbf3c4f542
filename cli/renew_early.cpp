// ca renew-early: certificates are replaced before they are due, because their issuer changes, or a role did.
#include "cli/change.h"
#include "cli/verbs.h"
#include "mayfly/api_workload.h"

namespace mayfly::cli {

void add_renew_early_verb(Verb ca, Cli& cli) {
    auto body = std::make_shared<api::RenewalOrder>();
    const auto verb =
        cli.verb(ca, "renew-early", "have agents renew certificates sooner than they are due", [&cli, body] {
            return change<api::RenewalOrder>(
                cli.globals, "/v1/renewal", *body, &api::RenewalOrder::issued_before,
                [](const api::RenewalOrder& order) {
                    return "certificates " + (order.role.empty() ? "" : "of role " + order.role + " ") +
                           "that began before " + order.issued_before + " are renewed until " + order.until;
                });
        });
    verb.add_option("--role", body->role, "only those of this role");
    verb.add_option("--within", body->within, "how long the renewals are spread over, 1m to 7d").required();
    verb.add_option("--reason", body->reason, "why").required();
}

}  // namespace mayfly::cli
