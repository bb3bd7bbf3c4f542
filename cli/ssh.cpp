// ssh cert, ssh connect: certificates for logging in to nodes.
#include <unistd.h>

#include <filesystem>

#include "cli/verbs.h"
#include "lib/client/run.h"
#include "lib/client/ssh_agent.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

struct CertFlags {
    api::SshUserRequest request;
    std::string key_file, out;
    std::vector<std::string> extensions;
};

struct ConnectFlags {
    std::string target, role, host, ttl;
    int port = 22;
    std::vector<std::string> command;
};

Result<Lifetime> remaining(const api::CertificateReply& reply) {
    const auto until = Instant::parse(reply.valid_before);
    if (!until) return pass(until.error());
    return Lifetime::of_seconds(until->seconds() - SystemClock().now().seconds());
}

void tell(const Globals& globals, const api::CertificateReply& reply, const std::string& where) {
    if (globals.format() == Output::json) return print_json(wire::to_json(reply));
    say("✓ " + reply.key_id + " (serial " + reply.serial + ") until " + reply.valid_before + "   " + where);
}

Result<int> dry_run(Session& session, const Globals& globals, const api::SshUserRequest& request,
                    const client::Prover& prover) {
    const auto would = session.ca.post<api::DryRunReply>("/v1/ssh/user-certificates", request, &prover);
    if (!would) return pass(would.error());
    if (globals.format() == Output::json)
        print_json(wire::to_json(*would));
    else
        say("would be minted: " + joined(would->names) + " until " + would->valid_before);
    return 0;
}

/// A certificate for a key that exists already: its certificate goes beside it.
Result<int> certify_file(Session& session, const Globals& globals, CertFlags flags) {
    const auto prover = client::prove_with_file(flags.key_file);
    if (!prover) return pass(prover.error());
    flags.request.public_key = wire::encode_ssh_key_line(prover->key, "");
    if (globals.dry_run) return dry_run(session, globals, flags.request, *prover);
    const auto reply = session.ca.mint("/v1/ssh/user-certificates", flags.request, &*prover);
    if (!reply) return pass(reply.error());
    const std::string base =
        flags.key_file.ends_with(".pub") ? flags.key_file.substr(0, flags.key_file.size() - 4) : flags.key_file;
    const std::string path = flags.out.empty() ? base + "-cert.pub" : flags.out;
    if (auto ok = files::write(path, view(reply->certificate + "\n"), 0644); !ok) return pass(ok.error());
    tell(globals, *reply, path);
    return 0;
}

Result<int> cert(const Globals& globals, CertFlags flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    flags.request.dry_run = globals.dry_run;
    if (!flags.extensions.empty()) flags.request.extensions = flags.extensions;
    if (!flags.key_file.empty()) return certify_file(*session, globals, std::move(flags));

    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    flags.request.public_key = wire::encode_ssh_key_line(key->public_key(), "");
    const auto prover = client::prove_with(*key);
    if (globals.dry_run) return dry_run(*session, globals, flags.request, prover);
    if (flags.out.empty())
        if (const auto agent = client::SshAgent::connect(); !agent)
            return pass(agent.error());  // before anything is minted
    const auto reply = session->ca.mint("/v1/ssh/user-certificates", flags.request, &prover);
    if (!reply) return pass(reply.error());
    if (!flags.out.empty()) {
        if (auto ok = write_ssh_files(flags.out, *key, *reply); !ok) return pass(ok.error());
        tell(globals, *reply, flags.out);
        return 0;
    }
    auto agent = client::SshAgent::connect();
    if (!agent) return pass(agent.error());
    const auto blob = wire::parse_ssh_certificate_line(reply->certificate);
    if (!blob) return pass(blob.error());
    const auto left = remaining(*reply);
    if (!left) return pass(left.error());
    if (auto ok = agent->add_certificate(*blob, *key, reply->key_id, *left); !ok) return pass(ok.error());
    tell(globals, *reply, "in ssh-agent until then");
    return 0;
}

/// The role to use: the one named, or the only one held that opens the account.
Result<std::string> pick_role(Session& session, const ConnectFlags& flags, const std::string& account) {
    if (!flags.role.empty()) return flags.role;
    const auto roles = session.ca.get<api::List<api::Role>>("/v1/roles");
    if (!roles) return pass(roles.error());
    std::vector<std::string> fitting;
    for (const auto& role : roles->items)
        if (!role.held_until.empty() && !role.accounts.empty() &&
            (account.empty() || std::find(role.accounts.begin(), role.accounts.end(), account) != role.accounts.end()))
            fitting.push_back(role.name);
    if (fitting.size() == 1) return fitting.front();
    return fail(Code::malformed,
                fitting.empty() ? "you hold no role that opens this account"
                                : "several roles open this account: " + joined(fitting, ", "),
                "E-ROLE-PICK", {}, "name one with --role");
}

Result<std::string> first_account(Session& session, const std::string& wanted) {
    const auto roles = session.ca.get<api::List<api::Role>>("/v1/roles");
    if (!roles) return pass(roles.error());
    for (const auto& role : roles->items)
        if (role.name == wanted && !role.accounts.empty()) return role.accounts.front();
    return fail(Code::not_found, "role \"" + wanted + "\" opens no account", "E-ROLE-SCOPE", {}, "mayfly role list");
}

Result<int> connect(const Globals& globals, const ConnectFlags& flags) {
    const auto at = flags.target.find('@');
    std::string account = at == std::string::npos ? "" : flags.target.substr(0, at);
    const auto node = HostName::parse(at == std::string::npos ? flags.target : flags.target.substr(at + 1));
    if (!node) return pass(node.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto role = pick_role(*session, flags, account);
    if (!role) return pass(role.error());
    if (account.empty()) {
        auto first = first_account(*session, *role);
        if (!first) return pass(first.error());
        account = std::move(*first);
    }
    const auto name = AccountName::parse(account);
    if (!name) return pass(name.error());

    const auto folder = client::PrivateFolder::make();
    if (!folder) return pass(folder.error());
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    api::SshUserRequest request;
    request.role = *role;
    request.ttl = flags.ttl;
    request.public_key = wire::encode_ssh_key_line(key->public_key(), "");
    const auto prover = client::prove_with(*key);
    const auto reply = session->ca.mint("/v1/ssh/user-certificates", request, &prover);
    if (!reply) return pass(reply.error());
    const std::string identity = folder->path() + "/id", hosts = folder->path() + "/known_hosts";
    if (auto ok = write_ssh_files(identity, *key, *reply); !ok) return pass(ok.error());
    std::string known;
    for (const auto& line : session->context.bundle.ssh_host_cas)
        known += "@cert-authority " + node->text() + " " + line + "\n";
    if (auto ok = files::write(hosts, view(known), 0600); !ok) return pass(ok.error());

    std::vector<std::string> argv = {"ssh",
                                     "-i",
                                     identity,
                                     "-o",
                                     "CertificateFile=" + identity + "-cert.pub",
                                     "-o",
                                     "IdentitiesOnly=yes",
                                     "-o",
                                     "UserKnownHostsFile=" + hosts,
                                     "-o",
                                     "GlobalKnownHostsFile=/dev/null",
                                     "-o",
                                     "StrictHostKeyChecking=yes",
                                     "-o",
                                     "HostKeyAlias=" + node->text(),
                                     "-o",
                                     "UpdateHostKeys=no",
                                     "-p",
                                     std::to_string(flags.port),
                                     "-l",
                                     account,
                                     flags.host.empty() ? node->text() : flags.host};
    argv.insert(argv.end(), flags.command.begin(), flags.command.end());
    return client::run_attached(argv);
}

}  // namespace

Status write_ssh_files(const std::string& path, const crypto::PrivateKey& key, const api::CertificateReply& reply) {
    const auto seed = key.ed25519_seed();
    if (!seed) return pass(seed.error());
    std::array<std::uint8_t, 4> random{};
    crypto::SystemRng().fill(random);
    const auto check =
        static_cast<std::uint32_t>((random[0] << 24U) | (random[1] << 16U) | (random[2] << 8U) | random[3]);
    const Secret text = wire::encode_openssh_private_ed25519(key.public_key(), seed->reveal(), check, reply.key_id);
    if (auto ok = files::write(path, text.reveal(), 0600); !ok) return ok;
    if (auto ok =
            files::write(path + ".pub", view(wire::encode_ssh_key_line(key.public_key(), reply.key_id) + "\n"), 0644);
        !ok)
        return ok;
    return files::write(path + "-cert.pub", view(reply.certificate + "\n"), 0644);
}

void add_ssh_verbs(Cli& cli) {
    auto* ssh = cli.app.add_subcommand("ssh", "SSH certificates")->require_subcommand(1);
    ssh->fallthrough();
    auto cert_flags = std::make_shared<CertFlags>();
    auto* get = cli.verb(ssh, "cert", "get a user certificate, into ssh-agent unless --out",
                         [&cli, cert_flags] { return cert(cli.globals, *cert_flags); });
    get->add_option("--role", cert_flags->request.role, "role to hold")->required();
    get->add_option("--node", cert_flags->request.node, "for one node only");
    get->add_option("--ttl", cert_flags->request.ttl, "lifetime; the role's maximum when absent");
    get->add_option("--principal", cert_flags->request.principals, "principal (repeat); the role's name when absent");
    get->add_option("--extension", cert_flags->extensions, "extension (repeat); the role's when absent");
    get->add_option("--force-command", cert_flags->request.force_command, "command that the certificate forces");
    get->add_option("--source-address", cert_flags->request.source_addresses, "CIDR block (repeat)");
    get->add_option("--reason", cert_flags->request.reason, "why");
    get->add_option("--key", cert_flags->key_file, "certify this key instead of a new one");
    get->add_option("--out", cert_flags->out,
                    "write PATH, PATH.pub and PATH-cert.pub (with --key: the certificate's file)");

    auto connect_flags = std::make_shared<ConnectFlags>();
    auto* go = cli.verb(ssh, "connect", "log in to a node with a fresh certificate",
                        [&cli, connect_flags] { return connect(cli.globals, *connect_flags); });
    go->add_option("target", connect_flags->target, "[account@]node")->required();
    go->add_option("--role", connect_flags->role, "role to hold; found when only one fits");
    go->add_option("--ttl", connect_flags->ttl, "lifetime of the certificate");
    go->add_option("--host", connect_flags->host, "address to connect to; the node's name when absent");
    go->add_option("--port", connect_flags->port, "port of its sshd")->check(CLI::Range(1, 65535));
    go->add_option("command", connect_flags->command, "command to run, after --");
}

}  // namespace mayfly::cli
