// role, token, revoke: who may have what.
#include "cli/change.h"
#include "cli/keys.h"
#include "cli/serial.h"
#include "mayfly/api_requests.h"
#include "mayfly/api_workload.h"

namespace mayfly::cli {

namespace {

void add_role_verbs(Cli& cli) {
    constexpr auto kWide = Column::Shown::wide;
    const auto role = cli.root.group("role", "roles and who holds them");
    cli.verb(role, "list", "roles of the policy in force", [&cli] {
        return print_list<api::Role>(
            cli.globals, "/v1/roles",
            {{"ROLE"},
             {"OWNER"},
             {"MAX"},
             {"RISK"},
             {"APPROVAL"},
             {"HELD UNTIL"},
             {"OPENS"},
             {"EXTENSIONS", kWide},
             {"DESCRIPTION", kWide}},
            [](const api::Role& r) {
                return std::vector<std::string>{r.name,
                                                r.owner,
                                                r.max_lifetime,
                                                r.risk,
                                                r.approval,
                                                or_dash(r.held_until),
                                                joined(r.accounts.empty() ? r.names : r.accounts),
                                                or_dash(joined(r.extensions)),
                                                r.description};
            },
            &api::Role::name);
    });
    cli.verb(role, "grants", "grants that stand", [&cli] {
        return print_pages<api::Grant>(
            cli.globals, Query{"/v1/grants"},
            {{"GRANT"},
             {"IDENTITY"},
             {"ROLE"},
             {"HOW"},
             {"STATE"},
             {"BY"},
             {"UNTIL"},
             {"NEXT REVIEW"},
             {"REVIEW OWED", kWide},
             {"LAST USED", kWide},
             {"FROM", kWide},
             {"REASON", kWide}},
            [](const api::Grant& g) {
                return std::vector<std::string>{g.id,
                                                g.identity,
                                                g.role,
                                                g.how,
                                                g.state + (g.why.empty() ? "" : " (" + g.why + ")"),
                                                g.granted_by,
                                                g.until,
                                                or_dash(g.review_by),
                                                g.review_owed ? "yes" : "-",
                                                or_dash(g.last_used),
                                                g.from,
                                                g.reason};
            },
            &api::Grant::id);
    });
    auto body = std::make_shared<api::PlacementRequest>();
    const auto grant = cli.verb(role, "grant", "let an identity hold a role (its control owner decides)", [&cli, body] {
        const auto told = [](const api::Grant& g) {
            return g.identity + (g.how == "eligible" ? " may ask for " : " holds ") + g.role +
                   (g.node.empty() ? "" : " on node " + g.node) + " until " + g.until + " (" + g.id + ")" +
                   (g.review_owed ? ", a review is owed" : "");
        };
        if (!body->node.empty()) return change<api::Grant>(cli.globals, "/v1/placements", *body, &api::Grant::id, told);
        const api::GrantRequest everywhere{body->identity, body->role, body->ttl, body->reason, body->eligible};
        return change<api::Grant>(cli.globals, "/v1/grants", everywhere, &api::Grant::id, told);
    });
    grant.add_option("role", body->role, "the role").required();
    grant.add_option("identity", body->identity, "kind/name").required();
    grant.add_option("--for", body->ttl, "how long; grants always end").required();
    grant.add_option("--reason", body->reason, "why").required();
    grant.add_option("--node", body->node, "good for this node only; its agent may ask on behalf of a workload");
    grant.add_flag("--eligible", body->eligible, "may ask for the role; each use needs a request");
}

Result<int> create_token(const Globals& globals, api::TokenRequest body, const std::vector<std::string>& labels) {
    for (const auto& label : labels) {
        const auto equals = label.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(Code::malformed, "a label reads key=value", "E-USAGE", {}, "--label env=dev");
        body.labels[label.substr(0, equals)] = label.substr(equals + 1);
    }
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<api::Token>("/v1/tokens" + globals.query(), body);
    if (!reply) return pass(reply.error());
    Answer answer{wire::to_json(*reply), {reply->id}};
    if (!globals.dry_run) answer.lines = {reply->token};  // the secret alone on stdout, for a file
    answer.messages = {(globals.dry_run ? "would be done: a token for node " : "✓ " + reply->id + " for node ") +
                       reply->node + ", once, until " + reply->expires};
    return show(globals, answer);
}

void add_token_verbs(Cli& cli) {
    const auto token = cli.root.group("token", "join tokens for nodes");
    cli.verb(token, "list", "without their secrets", [&cli] {
        return print_list<api::Token>(
            cli.globals, "/v1/tokens", {{"TOKEN"}, {"NODE"}, {"OWNER"}, {"BY"}, {"EXPIRES"}, {"STATE"}},
            [](const api::Token& t) {
                return std::vector<std::string>{t.id, t.node, t.owner, t.created_by, t.expires, t.state};
            },
            &api::Token::id);
    });
    auto body = std::make_shared<api::TokenRequest>();
    auto labels = std::make_shared<std::vector<std::string>>();
    const auto create = cli.verb(token, "create", "make one; prints the secret, once",
                                 [&cli, body, labels] { return create_token(cli.globals, *body, *labels); });
    create.add_option("--node", body->node, "name of the node that may join").required();
    create.add_option("--owner", body->owner, "who answers for the node").required();
    create.add_option("--tenant", body->tenant, "tenant the node belongs to; its owner's when absent");
    create.add_option("--ttl", body->ttl, "10m when absent");
    create.add_option("--host", body->hosts, "host name of the node (repeat); its name when absent");
    create.add_option("--label", *labels, "key=value that role selectors match (repeat)");
}

/// The one revocation that ends everybody's certificates asks for its name twice.
Status confirmed(const Globals& globals, const api::RevokeRequest& body, const std::string& confirm) {
    if (body.issuer.empty() || !body.serial.empty() || globals.dry_run || confirm == body.issuer) return {};
    return fail(Code::malformed, "revoking all that " + body.issuer + " ever signed must be confirmed", "E-CONFIRM",
                "every living certificate of this issuer ends, yours too if it is one",
                "try --dry-run first, then --confirm " + body.issuer);
}

Result<int> revoke(const Globals& globals, api::RevokeRequest body, const std::string& confirm) {
    if (auto ok = confirmed(globals, body, confirm); !ok) return pass(ok.error());
    if (!body.key.empty()) {
        auto key = public_key_text(body.key, Fingerprint::allowed);
        if (!key) return pass(key.error());
        body.key = std::move(*key);
    }
    body.serial = serial_as_kept(body.serial);
    return change<api::RevokeReply>(globals, "/v1/revocations", body, &api::RevokeReply::serials,
                                    [&globals](const api::RevokeReply& r) {
                                        return std::to_string(r.certificates) + " living certificate(s) " +
                                               (globals.dry_run ? "would be revoked" : "revoked");
                                    });
}

/// A request ends as its approver would end it: the grant that it made, and what was minted on that.
Result<int> revoke_request(const Globals& globals, const api::RevokeRequest& body, const std::string& request) {
    for (const auto* other :
         {&body.serial, &body.identity, &body.key, &body.role, &body.owner, &body.grant, &body.issuer, &body.code})
        if (!other->empty())
            return fail(Code::malformed, "--request stands alone", "E-REVOKE",
                        "name exactly one of serial, identity, key, role, owner, grant, request and issuer", {});
    return change<api::AccessRequest>(
        globals, "/v1/requests/" + in_query(request) + "/release", api::RequestEnd{body.reason},
        &api::AccessRequest::id,
        [](const api::AccessRequest& r) { return r.id + " is over, and every certificate minted on it is revoked"; });
}

}  // namespace

void add_people_verbs(Cli& cli) {
    add_role_verbs(cli);
    add_token_verbs(cli);
    auto body = std::make_shared<api::RevokeRequest>();
    auto confirm = std::make_shared<std::string>(), asked = std::make_shared<std::string>();
    const auto verb = cli.verb(
        cli.root, "revoke", "revoke certificates, by what they have in common; there is no way back",
        [&cli, body, confirm, asked] {
            return asked->empty() ? revoke(cli.globals, *body, *confirm) : revoke_request(cli.globals, *body, *asked);
        });
    verb.add_option("serial", body->serial, "serial, as inspect shows it");
    verb.add_option("--identity", body->identity, "suspend an identity and revoke all it holds");
    verb.add_option("--key", body->key, "SSH public key: a .pub file, the line, or its SHA256:… fingerprint");
    verb.add_option("--role", body->role, "every certificate that carries this role");
    verb.add_option("--owner", body->owner, "suspend an owner and revoke all that they answer for");
    verb.add_option("--grant", body->grant, "end a grant, g-7, and every certificate minted on it");
    verb.add_option("--request", *asked, "end what was approved, r-7, and every certificate minted on it");
    verb.add_option("--issuer", body->issuer, "all of x509, ssh-user or ssh-host; beside a serial: whose serial");
    verb.add_option("--code", body->code, "what CRLs say: key-compromise, superseded, cessation-of-operation, …");
    verb.add_option("--confirm", *confirm, "the issuer's name again, when all of it is revoked");
    verb.add_option("--reason", body->reason, "why").required();
}

}  // namespace mayfly::cli
