// ssh cert: certificates for logging in to nodes.
#include "cli/keys.h"
#include "cli/out_files.h"
#include "cli/ssh_places.h"
#include "cli/ssh_verbs.h"
#include "lib/client/ssh_agent.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr const char* kPath = "/v1/ssh/user-certificates";

struct CertFlags {
    api::SshUserRequest request;
    std::string key, out, mode, owner, attestation, challenge;
    std::vector<std::string> extensions;
    bool force = false;
    [[nodiscard]] Existing existing() const { return force ? Existing::replace : Existing::keep; }
};

Result<Lifetime> remaining(const api::CertificateReply& reply) {
    const auto until = Instant::parse(reply.valid_before);
    if (!until) return pass(until.error());
    return Lifetime::of_seconds(until->seconds() - SystemClock().now().seconds());
}

Result<int> tell(const Globals& globals, const api::CertificateReply& reply, const std::string& where) {
    return show(globals,
                {wire::to_json(reply),
                 {reply.serial},
                 {},
                 {},
                 {},
                 {"✓ " + reply.key_id + " (serial " + reply.serial + ") until " + reply.valid_before + "   " + where}});
}

/// What ssh-keygen left when it had a security key made: both files, or neither.
Status read_attestation(CertFlags& flags) {
    constexpr std::size_t kLargest = 64 * 1024;
    if (flags.attestation.empty() != flags.challenge.empty())
        return fail(Code::malformed, "--attestation and --challenge belong together", "E-USAGE",
                    "the device signed the one together with the other", "give both files, or neither");
    if (flags.attestation.empty()) return {};
    for (const auto& [path, text] : {std::pair{&flags.attestation, &flags.request.attestation},
                                     std::pair{&flags.challenge, &flags.request.challenge}}) {
        const auto file = files::read(*path, kLargest);
        if (!file) return pass(file.error());
        *text = wire::base64(*file);
    }
    return {};
}

/// A certificate for a key that exists already: its certificate goes beside it.
Result<int> certify_named(Session& session, const Globals& globals, CertFlags flags) {
    const auto prover = named_prover(globals, flags.key);
    if (!prover) return pass(prover.error());
    flags.request.public_key = wire::encode_ssh_key_line(prover->key, "");
    if (globals.dry_run) return try_ssh(session, globals, flags.request, *prover);
    std::string path = flags.out;
    if (path.empty() && flags.key.starts_with("SHA256:"))
        return fail(Code::malformed, "a key in ssh-agent has no place for its certificate", "E-USAGE",
                    "ssh reads the certificate from a file", "--out FILE-cert.pub");
    if (path.empty()) {
        // Beside its key, where ssh looks for it. A later certificate of the same key takes its place: that is renewal.
        path = (flags.key.ends_with(".pub") ? flags.key.substr(0, flags.key.size() - 4) : flags.key) + "-cert.pub";
    } else if (auto ok = may_write({path}, flags.existing()); !ok) {
        return pass(ok.error());
    }
    const auto reply = session.ca.mint(kPath, flags.request, &*prover);
    if (!reply) return pass(reply.error());
    if (auto ok = files::write(path, view(reply->certificate + "\n"), 0644); !ok) return pass(ok.error());
    return tell(globals, *reply, path);
}

/// Where plain ssh was told to use the user's own agent, it is told that a certificate is there now.
Status note_at_hand(const Session& session, const api::CertificateReply& reply) {
    const SshPlaces places{session.context.name};
    if (written_keeping(places) != desk::Keeping::user_agent || reply.names.size() != 1) return {};
    const auto principal = Principal::parse(reply.names.front());
    const auto until = Instant::parse(reply.valid_before);
    if (!principal || !until) return {};
    if (auto ok = files::write(places.certificate(reply.role), view(reply.certificate + "\n"), 0644); !ok) return ok;
    const Instant now = SystemClock().now();
    return change_at_hand(places, [&](desk::AtHand& state) {
        std::erase_if(state.certificates, [&](const desk::HeldCertificate& one) {
            return one.until <= now || one.principal == *principal;
        });
        state.certificates.push_back({*until, *principal});
        state.session_until = session.context.session_until().value_or(Instant(0));
    });
}

Result<int> certify_into_agent(Session& session, const Globals& globals, const api::SshUserRequest& request,
                               const crypto::PrivateKey& key) {
    auto agent = client::SshAgent::connect();  // before anything is minted
    if (!agent) return pass(agent.error());
    const auto prover = client::prove_with(key);
    const auto reply = session.ca.mint(kPath, request, &prover);
    if (!reply) return pass(reply.error());
    const auto blob = wire::parse_ssh_certificate_line(reply->certificate);
    if (!blob) return pass(blob.error());
    const auto left = remaining(*reply);
    if (!left) return pass(left.error());
    if (auto ok = agent->add_certificate(*blob, key, reply->key_id, *left); !ok) return pass(ok.error());
    if (auto ok = note_at_hand(session, *reply); !ok)
        say("warning: ssh check will not know of it: " + ok.error().message);
    return tell(globals, *reply, "in ssh-agent until then");
}

Result<int> cert(const Globals& globals, CertFlags flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    flags.request.dry_run = globals.dry_run;
    if (auto ok = read_attestation(flags); !ok) return pass(ok.error());
    if (!flags.extensions.empty()) flags.request.extensions = flags.extensions;
    if (!flags.key.empty()) return certify_named(*session, globals, std::move(flags));

    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    flags.request.public_key = wire::encode_ssh_key_line(key->public_key(), "");
    const auto prover = client::prove_with(*key);
    if (globals.dry_run) return try_ssh(*session, globals, flags.request, prover);
    if (flags.out.empty()) return certify_into_agent(*session, globals, flags.request, *key);
    const auto hand_over = parse_hand_over(flags.mode, flags.owner);
    if (!hand_over) return pass(hand_over.error());
    if (auto ok = may_write(ssh_files(flags.out), flags.existing()); !ok) return pass(ok.error());
    const auto reply = session->ca.mint(kPath, flags.request, &prover);
    if (!reply) return pass(reply.error());
    if (auto ok = write_ssh_files(flags.out, *key, *reply, *hand_over); !ok) return pass(ok.error());
    return tell(globals, *reply, flags.out);
}

}  // namespace

Result<int> would_be_minted(const Globals& globals, const Result<api::DryRunReply>& would) {
    if (!would) return pass(would.error());
    return show(globals, {wire::to_json(*would),
                          would->names,
                          {},
                          {},
                          {},
                          {"would be minted: " + joined(would->names, ", ") + " until " + would->valid_before}});
}

Result<int> try_ssh(Session& session, const Globals& globals, const api::SshUserRequest& request,
                    const client::Prover& prover) {
    return would_be_minted(globals, session.ca.post<api::DryRunReply>(kPath, request, &prover));
}

void add_ssh_verbs(Cli& cli) {
    const auto ssh = cli.root.group("ssh", "SSH certificates");
    auto flags = std::make_shared<CertFlags>();
    const auto get = cli.verb(ssh, "cert", "get a user certificate, into ssh-agent unless --out",
                              [&cli, flags] { return cert(cli.globals, *flags); });
    get.add_option("--role", flags->request.role, "role to hold").required();
    get.add_option("--node", flags->request.node, "for one node only");
    get.add_option("--ttl", flags->request.ttl, "lifetime; the role's maximum when absent");
    get.add_option("--principal", flags->request.principals, "principal (repeat); the role's name when absent");
    get.add_option("--extension", flags->extensions, "extension (repeat); the role's when absent");
    get.add_option("--force-command", flags->request.force_command, "command that the certificate forces");
    get.add_option("--source-address", flags->request.source_addresses, "CIDR block (repeat)");
    get.add_option("--reason", flags->request.reason, "why");
    get.add_option("--key", flags->key,
                   "certify this key instead of a new one: a file, or SHA256:… of one in ssh-agent");
    get.add_option("--out", flags->out, "write PATH, PATH.pub and PATH-cert.pub (with --key: the certificate's file)");
    get.add_option("--attestation", flags->attestation,
                   "what ssh-keygen -O write-attestation wrote, for roles that ask in what device the key is");
    get.add_option("--challenge", flags->challenge, "what -O challenge named then");
    get.add_option("--mode", flags->mode, "mode of the private key that --out writes; 0600 when absent");
    get.add_option("--owner", flags->owner, "USER[:GROUP] for what --out writes; root only");
    get.add_flag("--force", flags->force, "replace files that --out names");
    add_connect_verb(ssh, cli);
    add_ssh_config_verb(ssh, cli);
    add_ssh_check_verbs(ssh, cli);
    add_ssh_agent_verbs(ssh, cli);
}

}  // namespace mayfly::cli
