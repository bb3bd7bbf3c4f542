#pragma once
// Verbs: each file adds its group to the command line; the chosen verb's action runs after parsing.
#include <functional>
#include <memory>
#include <string>

#include "cli/render.h"
#include "cli/words.h"
#include "lib/client/context.h"

namespace mayfly::cli {

/// Globals are the flags that every verb knows, before or after it.
struct Globals {
    std::string context;
    Output output = Output::table;
    bool dry_run = false;
    bool no_input = false;
    /// "?dry_run=true" when a change is only to be tried.
    [[nodiscard]] std::string query() const { return dry_run ? "?dry_run=true" : ""; }
    /// Whether somebody sits there who can be asked: never with --no-input, never without a terminal.
    [[nodiscard]] client::Asking asking() const;
};

/// Action does the verb's work. An error is reported by main; the int is the exit code.
using Action = std::function<Result<int>()>;

/// DryRun says what --dry-run means to a verb: it tries, or only reads anyway; or it cannot but do it, and refuses.
enum class DryRun { fits, refused };

/// Cli is the whole command line. Its verbs refer to it: it stays where it is.
class Cli {
    std::unique_ptr<CLI::App> parser_;

public:
    const Verb root;
    Globals globals;
    Action action;  ///< of the verb that was chosen
    Cli();
    ~Cli();
    Cli(const Cli&) = delete;
    Cli& operator=(const Cli&) = delete;
    /// Adds a verb whose action runs when it was chosen.
    Verb verb(Verb parent, const std::string& name, const std::string& help, Action run, DryRun dry_run = DryRun::fits);
};

/// run parses the arguments, does what they say, and returns the exit code.
int run(Cli& cli, int argc, const char* const* argv);

/// A client that is logged in to the context in use.
struct Session {
    client::Context context;
    client::CaClient ca;
};
Result<Session> open_session(const Globals& globals);

void add_context_verbs(Cli& cli);                ///< bootstrap, context, config
void add_session_verbs(Cli& cli);                ///< login, logout, status
void add_ssh_verbs(Cli& cli);                    ///< ssh cert
void add_connect_verb(Verb ssh, Cli& cli);       ///< ssh connect
void add_cert_verbs(Cli& cli);                   ///< cert issue
void add_renew_verbs(Verb cert, Cli& cli);       ///< cert renew, needs-renewal, run
void add_tenant_verbs(Cli& cli);                 ///< tenant
void add_owner_verbs(Cli& cli);                  ///< owner
void add_identity_verbs(Cli& cli);               ///< identity
void add_graph_verb(Verb identity, Cli& cli);    ///< identity graph
void add_people_verbs(Cli& cli);                 ///< role, token, revoke
void add_request_verbs(Cli& cli);                ///< request
void add_policy_verbs(Cli& cli);                 ///< policy
void add_explain_verbs(Cli& cli);                ///< explain, who-can, role usage
void add_report_verbs(Cli& cli);                 ///< report
void add_inventory_verbs(Cli& cli);              ///< inventory
void add_found_verbs(Verb inventory, Cli& cli);  ///< inventory found, accept, dismiss
void add_review_verbs(Cli& cli);                 ///< review
void add_audit_verbs(Cli& cli);                  ///< audit
void add_tail_verb(Verb audit, Cli& cli);        ///< audit tail
void add_inspect_verbs(Cli& cli);                ///< inspect
void add_revocation_verbs(Cli& cli);             ///< ca krl, crl, bundle
void add_renew_early_verb(Verb ca, Cli& cli);    ///< ca renew-early
void add_notify_verbs(Cli& cli);                 ///< notify
void add_verify_verbs(Cli& cli);                 ///< verify
void add_breakglass_verbs(Cli& cli);             ///< breakglass
void add_use_verbs(Cli& cli);                    ///< session
void add_api_verb(Cli& cli);                     ///< api
void add_help_verbs(Cli& cli);                   ///< help, completion, version

/// show prints an answer and succeeds.
inline Result<int> show(const Globals& globals, const Answer& answer) {
    print(globals.output, answer);
    return 0;
}

/// would_be_minted tells what a dry run of a certificate answered; try_ssh makes that dry run for an SSH certificate.
Result<int> would_be_minted(const Globals& globals, const Result<api::DryRunReply>& would);
Result<int> try_ssh(Session& session, const Globals& globals, const api::SshUserRequest& request,
                    const client::Prover& prover);

/// print_list prints a list that the CA gives, each body through `row` and named by `name`.
template <class Body, class Row, class Name>
Result<int> print_list(const Globals& globals, const std::string& path, std::vector<Column> columns, Row row,
                       Name name) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto list = session->ca.get<api::List<Body>>(path);
    if (!list) return pass(list.error());
    Answer answer{{}, {}, std::move(columns)};
    wire::Json::Array items;
    for (const auto& item : list->items) {
        items.push_back(wire::to_json(item));
        answer.names.push_back(std::invoke(name, item));
        answer.rows.push_back(row(item));
    }
    answer.data = std::move(items);
    return show(globals, answer);
}

}  // namespace mayfly::cli
