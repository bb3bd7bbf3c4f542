// role, owner, identity, token, revoke: who may have what.
#include "cli/verbs.h"
#include "lib/files/files.h"

namespace mayfly::cli {

namespace {

/// A key given as a line, or as the name of a file that holds one.
Result<std::string> key_line(const std::string& text) {
    if (text.find(' ') != std::string::npos) return text;
    const auto file = files::read(text, 16 * 1024);
    if (!file) return pass(file.error());
    const auto line = text_of(*file);
    return std::string(line.substr(0, line.find('\n')));
}

template <class Reply, class Body>
Result<int> change(const Globals& globals, const std::string& path, const Body& body,
                   const std::function<std::string(const Reply&)>& message) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<Reply>(path + globals.query(), body);
    if (!reply) return pass(reply.error());
    if (globals.format() == Output::json)
        print_json(wire::to_json(*reply));
    else
        say((globals.dry_run ? "would be done: " : "✓ ") + message(*reply));
    return 0;
}

void add_role_verbs(Cli& cli) {
    auto* role = cli.app.add_subcommand("role", "roles and who holds them")->require_subcommand(1);
    role->fallthrough();
    cli.verb(role, "list", "roles of the policy in force", [&cli] {
        return print_list<api::Role>(
            cli.globals, "/v1/roles", {"ROLE", "OWNER", "MAX", "RISK", "APPROVAL", "HELD UNTIL", "OPENS"},
            [](const api::Role& r) {
                return std::vector<std::string>{r.name,
                                                r.owner,
                                                r.max_lifetime,
                                                r.risk,
                                                r.approval,
                                                r.held_until.empty() ? "-" : r.held_until,
                                                joined(r.accounts.empty() ? r.names : r.accounts)};
            });
    });
    cli.verb(role, "grants", "grants that stand", [&cli] {
        return print_list<api::Grant>(
            cli.globals, "/v1/grants", {"GRANT", "IDENTITY", "ROLE", "BY", "UNTIL", "REVIEW OWED"},
            [](const api::Grant& g) {
                return std::vector<std::string>{g.id,         g.identity, g.role,
                                                g.granted_by, g.until,    g.review_owed ? "yes" : "-"};
            });
    });
    auto body = std::make_shared<api::GrantRequest>();
    auto* grant = cli.verb(role, "grant", "let an identity hold a role (its control owner decides)", [&cli, body] {
        return change<api::Grant>(cli.globals, "/v1/grants", *body, [](const api::Grant& g) {
            return g.identity + " holds " + g.role + " until " + g.until + " (" + g.id + ")" +
                   (g.review_owed ? ", a review is owed" : "");
        });
    });
    grant->add_option("role", body->role, "the role")->required();
    grant->add_option("identity", body->identity, "kind/name")->required();
    grant->add_option("--for", body->ttl, "how long; grants always end")->required();
    grant->add_option("--reason", body->reason, "why")->required();
}

void add_owner_verbs(Cli& cli) {
    auto* owner = cli.app.add_subcommand("owner", "people who answer")->require_subcommand(1);
    owner->fallthrough();
    cli.verb(owner, "list", "all owners", [&cli] {
        return print_list<api::Owner>(
            cli.globals, "/v1/owners", {"OWNER", "BACKUP", "DUTIES", "STATE", "NAME"}, [](const api::Owner& o) {
                return std::vector<std::string>{o.name, o.backup.empty() ? "-" : o.backup,
                                                o.duties.empty() ? "-" : joined(o.duties), o.state, o.full_name};
            });
    });
    auto body = std::make_shared<api::Owner>();
    auto* create = cli.verb(owner, "create", "add an owner (duty platform)", [&cli, body] {
        return change<api::Owner>(cli.globals, "/v1/owners", *body,
                                  [](const api::Owner& o) { return "owner " + o.name; });
    });
    create->add_option("name", body->name)->required();
    create->add_option("--full-name", body->full_name);
    create->add_option("--email", body->email);
    create->add_option("--backup", body->backup, "owner who takes over");
    create->add_option("--duty", body->duties, "platform, auditor or intake (repeat)");
}

void add_identity_verbs(Cli& cli) {
    auto* identity = cli.app.add_subcommand("identity", "who certificates are minted for")->require_subcommand(1);
    identity->fallthrough();
    cli.verb(identity, "list", "all identities", [&cli] {
        return print_list<api::Identity>(
            cli.globals, "/v1/identities", {"IDENTITY", "OWNER", "STATE", "KEYS", "PURPOSE"},
            [](const api::Identity& i) {
                return std::vector<std::string>{i.name, i.owner, i.state, std::to_string(i.keys.size()), i.purpose};
            });
    });
    auto body = std::make_shared<api::Identity>();
    auto* create = cli.verb(identity, "create", "add a person, workload or agent", [&cli, body]() -> Result<int> {
        for (auto& key : body->keys) {
            auto line = key_line(key);
            if (!line) return pass(line.error());
            key = std::move(*line);
        }
        return change<api::Identity>(cli.globals, "/v1/identities", *body, [](const api::Identity& i) {
            return i.name + ", " + i.owner + " answers for it";
        });
    });
    create->add_option("name", body->name, "kind/name, e.g. human/bob or workload/shop")->required();
    create->add_option("--owner", body->owner, "who answers for it")->required();
    create->add_option("--purpose", body->purpose, "what it is for");
    create->add_option("--key", body->keys, "SSH public key to log in with: a .pub file or the line itself (repeat)");
}

void add_token_verbs(Cli& cli) {
    auto* token = cli.app.add_subcommand("token", "join tokens for nodes")->require_subcommand(1);
    token->fallthrough();
    cli.verb(token, "list", "without their secrets", [&cli] {
        return print_list<api::Token>(
            cli.globals, "/v1/tokens", {"TOKEN", "NODE", "OWNER", "BY", "EXPIRES", "STATE"}, [](const api::Token& t) {
                return std::vector<std::string>{t.id, t.node, t.owner, t.created_by, t.expires, t.state};
            });
    });
    auto body = std::make_shared<api::TokenRequest>();
    auto labels = std::make_shared<std::vector<std::string>>();
    auto* create =
        cli.verb(token, "create", "make one; prints the secret, once", [&cli, body, labels]() -> Result<int> {
            for (const auto& label : *labels) {
                const auto equals = label.find('=');
                if (equals == std::string::npos || equals == 0)
                    return fail(Code::malformed, "a label reads key=value", "E-USAGE", {}, "--label env=dev");
                body->labels[label.substr(0, equals)] = label.substr(equals + 1);
            }
            auto session = open_session(cli.globals);
            if (!session) return pass(session.error());
            const auto reply = session->ca.post<api::Token>("/v1/tokens" + cli.globals.query(), *body);
            if (!reply) return pass(reply.error());
            if (cli.globals.format() == Output::json)
                print_json(wire::to_json(*reply));
            else
                std::puts(reply->token.c_str());
            say("✓ " + reply->id + " for node " + reply->node + ", once, until " + reply->expires);
            return 0;
        });
    create->add_option("--node", body->node, "name of the node that may join")->required();
    create->add_option("--owner", body->owner, "who answers for the node")->required();
    create->add_option("--ttl", body->ttl, "10m when absent");
    create->add_option("--host", body->hosts, "host name of the node (repeat); its name when absent");
    create->add_option("--label", *labels, "key=value that role selectors match (repeat)");
}

}  // namespace

void add_people_verbs(Cli& cli) {
    add_role_verbs(cli);
    add_owner_verbs(cli);
    add_identity_verbs(cli);
    add_token_verbs(cli);
    auto body = std::make_shared<api::RevokeRequest>();
    auto* revoke = cli.verb(&cli.app, "revoke", "revoke a certificate, an identity or a key; there is no way back",
                            [&cli, body]() -> Result<int> {
                                if (!body->key.empty()) {
                                    auto line = key_line(body->key);
                                    if (!line) return pass(line.error());
                                    body->key = std::move(*line);
                                }
                                return change<api::RevokeReply>(
                                    cli.globals, "/v1/revocations", *body, [](const api::RevokeReply& r) {
                                        return std::to_string(r.certificates) + " living certificate(s) revoked";
                                    });
                            });
    revoke->add_option("serial", body->serial, "serial, as inspect shows it");
    revoke->add_option("--identity", body->identity, "suspend an identity and revoke all it holds");
    revoke->add_option("--key", body->key, "SSH public key: a .pub file or the line");
    revoke->add_option("--reason", body->reason, "why")->required();
}

}  // namespace mayfly::cli
