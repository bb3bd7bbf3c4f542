// cert issue: X.509 certificates for services.
#include "cli/verbs.h"
#include "lib/files/files.h"
#include "lib/wire/spki.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

struct IssueFlags {
    api::X509Request request;
    std::string csr_file, out, key_type = "p256";
};

Result<KeyAlgorithm> algorithm_of(const std::string& word) {
    if (word == "p256") return KeyAlgorithm::ecdsa_p256;
    if (word == "p384") return KeyAlgorithm::ecdsa_p384;
    if (word == "ed25519") return KeyAlgorithm::ed25519;
    return KeyAlgorithm::rsa;
}

Result<std::string> csr_for(const crypto::PrivateKey& key, const std::vector<std::string>& names) {
    std::vector<wire::SubjectName> parsed;
    for (const auto& text : names) {
        auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error());
        parsed.push_back(std::move(*name));
    }
    return crypto::make_csr(key, parsed);
}

Status write_all(const std::string& dir, const crypto::PrivateKey* key, const api::CertificateReply& reply,
                 const api::Bundle& bundle) {
    if (auto ok = files::make_private_dir(dir); !ok) return ok;
    if (key != nullptr) {
        const Secret pem = key->export_pem();
        if (auto ok = files::write(dir + "/key.pem", pem.reveal(), 0600); !ok) return ok;
    }
    const auto entry = wire::parse_base64(reply.log_entry);
    if (!entry) return pass(entry.error());
    const std::vector<std::pair<const char*, std::string>> all = {{"cert.pem", reply.certificate},
                                                                  {"chain.pem", reply.chain},
                                                                  {"fullchain.pem", reply.certificate + reply.chain},
                                                                  {"ca.pem", joined(bundle.x509_roots, "")},
                                                                  {"cert.leaf", std::string(text_of(*entry))},
                                                                  {"cert.tlog-proof", reply.log_proof}};
    for (const auto& [name, contents] : all)
        if (auto ok = files::write(dir + "/" + name, view(contents), 0644); !ok) return ok;
    return {};
}

Result<int> issue(const Globals& globals, IssueFlags flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    flags.request.dry_run = globals.dry_run;
    std::optional<crypto::PrivateKey> key;
    if (flags.csr_file.empty()) {
        auto made = crypto::PrivateKey::generate(*algorithm_of(flags.key_type));
        if (!made) return pass(made.error());
        key = std::move(*made);
        auto csr = csr_for(*key, flags.request.names);
        if (!csr) return pass(csr.error());
        flags.request.csr = std::move(*csr);
    } else {
        const auto file = files::read(flags.csr_file, 64 * 1024);
        if (!file) return pass(file.error());
        flags.request.csr = std::string(text_of(*file));
    }
    // Names are sent tagged, so that the server never has to guess.
    for (auto& text : flags.request.names) {
        const auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error());
        text = name->tagged();
    }
    if (globals.dry_run) {
        const auto would = session->ca.post<api::DryRunReply>("/v1/x509/certificates", flags.request);
        if (!would) return pass(would.error());
        say("would be minted: " + joined(would->names) + " until " + would->valid_before);
        return 0;
    }
    const auto reply = session->ca.mint("/v1/x509/certificates", flags.request);
    if (!reply) return pass(reply.error());
    if (auto ok = write_all(flags.out, key ? &*key : nullptr, *reply, session->context.bundle); !ok)
        return pass(ok.error());
    if (globals.format() == Output::json)
        print_json(wire::to_json(*reply));
    else
        say("✓ " + joined(reply->names) + " (serial " + reply->serial + ") until " + reply->valid_before + "   " +
            flags.out);
    return 0;
}

}  // namespace

void add_cert_verbs(Cli& cli) {
    auto* cert = cli.app.add_subcommand("cert", "X.509 certificates")->require_subcommand(1);
    cert->fallthrough();
    auto flags = std::make_shared<IssueFlags>();
    auto* verb = cli.verb(cert, "issue", "get a certificate", [&cli, flags] { return issue(cli.globals, *flags); });
    verb->add_option("--role", flags->request.role, "role whose x509 scope applies")->required();
    verb->add_option("--name", flags->request.names, "dns:…, ip:…, uri:… or email:… (repeat)")->required();
    verb->add_option("--ttl", flags->request.ttl, "lifetime; the role's maximum when absent");
    verb->add_option("--reason", flags->request.reason, "why");
    verb->add_option("--csr", flags->csr_file, "use this PKCS#10 request; its key stays where it is");
    verb->add_option("--key-type", flags->key_type, "key to make")
        ->check(CLI::IsMember({"p256", "p384", "ed25519", "rsa"}));
    verb->add_option("--out", flags->out,
                     "folder for key.pem, cert.pem, chain.pem, fullchain.pem, ca.pem and the log proof")
        ->required();
}

}  // namespace mayfly::cli
