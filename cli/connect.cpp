// ssh connect: one login with a certificate of its own, which nobody has to keep.
#include <algorithm>

#include "cli/out_files.h"
#include "cli/verbs.h"
#include "lib/client/run.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_key.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

struct ConnectFlags {
    std::string target, role, host, ttl;
    int port = 22;
    std::vector<std::string> rest;
};

/// Where to, as whom, in which role: settled before anything is minted.
struct Destination {
    HostName node;
    AccountName account;
    std::string role;
};

bool opens(const api::Role& role, const std::string& account) {
    return account.empty() ? !role.accounts.empty()
                           : std::find(role.accounts.begin(), role.accounts.end(), account) != role.accounts.end();
}

/// The role to use: the one named, or the only one held that opens the account.
Result<api::Role> pick_role(const std::vector<api::Role>& roles, const std::string& wanted,
                            const std::string& account) {
    std::vector<api::Role> fitting;
    std::vector<std::string> names;
    for (const auto& role : roles) {
        if (wanted.empty() ? role.held_until.empty() || !opens(role, account) : role.name != wanted) continue;
        fitting.push_back(role);
        names.push_back(role.name);
    }
    if (fitting.size() == 1) return fitting.front();
    if (!wanted.empty())
        return fail(Code::not_found, "there is no role \"" + wanted + "\"", "E-ROLE-UNKNOWN", {}, "mayfly role list");
    return fail(Code::malformed,
                names.empty() ? "you hold no role that opens this account"
                              : "several roles open this account: " + joined(names, ", "),
                "E-ROLE-PICK", {}, names.empty() ? "mayfly role list" : "name one with --role");
}

Result<Destination> find_destination(Session& session, const ConnectFlags& flags) {
    const auto at = flags.target.find('@');
    const std::string account = at == std::string::npos ? "" : flags.target.substr(0, at);
    auto node = HostName::parse(at == std::string::npos ? flags.target : flags.target.substr(at + 1));
    if (!node) return pass(node.error());
    const auto roles = session.ca.get<api::List<api::Role>>("/v1/roles");
    if (!roles) return pass(roles.error());
    const auto role = pick_role(roles->items, flags.role, account);
    if (!role) return pass(role.error());
    if (account.empty() && role->accounts.empty())
        return fail(Code::not_found, "role \"" + role->name + "\" opens no account", "E-ROLE-SCOPE", {},
                    "mayfly role list");
    auto name = AccountName::parse(account.empty() ? role->accounts.front() : account);
    if (!name) return pass(name.error());
    return Destination{std::move(*node), std::move(*name), role->name};
}

std::vector<std::string> ssh_command(const Globals& globals, const ConnectFlags& flags, const Destination& to,
                                     const std::string& identity, const std::string& hosts) {
    std::vector<std::string> argv = {"ssh", "-i", identity};
    // ssh keeps the first value of each option, so what follows -- cannot take the host's proof away by the way.
    for (const auto& option :
         {"CertificateFile=" + identity + "-cert.pub", std::string("IdentitiesOnly=yes"), "UserKnownHostsFile=" + hosts,
          std::string("GlobalKnownHostsFile=/dev/null"), std::string("StrictHostKeyChecking=yes"),
          "HostKeyAlias=" + to.node.text(), std::string("UpdateHostKeys=no"),
          std::string("BatchMode=") + (globals.no_input ? "yes" : "no")})
        argv.insert(argv.end(), {"-o", option});
    argv.insert(argv.end(), {"-p", std::to_string(flags.port), "-l", to.account.text(),
                             flags.host.empty() ? to.node.text() : flags.host});
    // ssh goes on reading options after the host, up to the first word that is none: the command.
    argv.insert(argv.end(), flags.rest.begin(), flags.rest.end());
    return argv;
}

Result<int> connect(const Globals& globals, const ConnectFlags& flags) {
    if (flags.host.starts_with('-'))
        return fail(Code::malformed, "--host is an address, not an option", "E-USAGE", {},
                    "options of ssh go after --");
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto to = find_destination(*session, flags);
    if (!to) return pass(to.error());
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    api::SshUserRequest request;
    request.role = to->role;
    request.ttl = flags.ttl;
    request.public_key = wire::encode_ssh_key_line(key->public_key(), "");
    request.dry_run = globals.dry_run;
    const auto prover = client::prove_with(*key);
    if (globals.dry_run) return try_ssh(*session, globals, request, prover);

    const auto folder = client::PrivateFolder::make();
    if (!folder) return pass(folder.error());
    const auto reply = session->ca.mint("/v1/ssh/user-certificates", request, &prover);
    if (!reply) return pass(reply.error());
    const std::string identity = folder->path() + "/id", hosts = folder->path() + "/known_hosts";
    if (auto ok = write_ssh_files(identity, *key, *reply); !ok) return pass(ok.error());
    std::string known;
    for (const auto& line : session->context.bundle.ssh_host_cas)
        known += "@cert-authority " + to->node.text() + " " + line + "\n";
    if (auto ok = files::write(hosts, view(known), 0600); !ok) return pass(ok.error());
    return client::run_attached(ssh_command(globals, flags, *to, identity, hosts));
}

}  // namespace

void add_connect_verb(Verb ssh, Cli& cli) {
    auto flags = std::make_shared<ConnectFlags>();
    const auto go = cli.verb(ssh, "connect", "log in to a node with a fresh certificate",
                             [&cli, flags] { return connect(cli.globals, *flags); });
    go.add_option("target", flags->target, "[account@]node").required();
    go.add_option("--role", flags->role, "role to hold; found when only one fits");
    go.add_option("--ttl", flags->ttl, "lifetime of the certificate");
    go.add_option("--host", flags->host, "address to connect to; the node's name when absent");
    go.add_option("--port", flags->port, "port of its sshd").between(1, 65535);
    go.add_option("ssh", flags->rest, "after --: options for ssh, then a command to run");
}

}  // namespace mayfly::cli
