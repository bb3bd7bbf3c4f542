#pragma once
// Verbs: each file adds its group to the command line; the chosen verb's action runs after parsing.
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/render.h"
#include "lib/client/context.h"

namespace mayfly::cli {

/// Globals are the flags that every verb knows, before or after it.
struct Globals {
    std::string context;
    std::string output = "table";
    bool dry_run = false;
    [[nodiscard]] Output format() const { return output == "json" ? Output::json : Output::table; }
    /// "?dry_run=true" when a change is only to be tried.
    [[nodiscard]] std::string query() const { return dry_run ? "?dry_run=true" : ""; }
};

/// Action does the verb's work. An error is reported by main; the int is the exit code.
using Action = std::function<Result<int>()>;

struct Cli {
    CLI::App app{"mayfly: short-lived certificates for people and machines"};
    Globals globals;
    Action action;
    /// Adds a verb whose action runs when it was chosen.
    CLI::App* verb(CLI::App* parent, const std::string& name, const std::string& help, Action run);
};

/// A client that is logged in to the context in use.
struct Session {
    client::Context context;
    client::CaClient ca;
};
Result<Session> open_session(const Globals& globals);

void add_session_verbs(Cli& cli);  ///< bootstrap, context, login, logout, status
void add_ssh_verbs(Cli& cli);      ///< ssh cert, ssh connect
void add_cert_verbs(Cli& cli);     ///< cert issue
void add_people_verbs(Cli& cli);   ///< role, owner, identity, token, revoke
void add_audit_verbs(Cli& cli);    ///< audit tail, verify, prove
void add_inspect_verbs(Cli& cli);  ///< inspect, version

/// list_verb prints a list: as a table through `row`, or as JSON.
template <class Body, class Row>
Result<int> print_list(const Globals& globals, const std::string& path, const std::vector<std::string>& headings,
                       Row row) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto list = session->ca.get<api::List<Body>>(path);
    if (!list) return pass(list.error());
    if (globals.format() == Output::json) {
        wire::Json::Array items;
        for (const auto& item : list->items) items.push_back(wire::to_json(item));
        print_json(wire::Json(std::move(items)));
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : list->items) rows.push_back(row(item));
    print_table(headings, rows);
    return 0;
}

/// write_new_key writes an Ed25519 key pair and its certificate as PATH, PATH.pub, PATH-cert.pub.
Status write_ssh_files(const std::string& path, const crypto::PrivateKey& key, const api::CertificateReply& reply);

}  // namespace mayfly::cli
