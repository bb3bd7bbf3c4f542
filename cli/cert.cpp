// cert issue: X.509 certificates for services.
#include "cli/out_files.h"
#include "cli/verbs.h"
#include "lib/files/files.h"
#include "lib/wire/spki.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::cli {

namespace {

struct IssueFlags {
    api::X509Request request;
    std::string csr_file, out, key_type = "p256";
    bool force = false;
};

constexpr std::size_t kLargestCsr = 64 * 1024;

KeyAlgorithm algorithm_of(const std::string& word) {
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

/// A PKCS#10 request in PEM or DER; PEM is what the CA takes.
Result<std::string> read_csr(const std::string& path) {
    const auto file = files::read(path == "-" ? "/dev/stdin" : path, kLargestCsr);
    if (!file) return pass(file.error());
    constexpr std::uint8_t kSequence = 0x30;  // DER begins with it; PEM never does
    if (!file->empty() && file->front() == kSequence) {
        if (const auto read = wire::parse_csr(*file); !read) return pass(read.error(), path);
        return wire::encode_pem("CERTIFICATE REQUEST", *file);
    }
    const auto der = wire::parse_one_pem(text_of(*file), "CERTIFICATE REQUEST");
    if (!der)
        return fail(Code::malformed, path + " holds no PKCS#10 request: " + der.error().message, "E-CSR-FILE",
                    "a request is DER, or PEM between BEGIN and END CERTIFICATE REQUEST",
                    "openssl req -new -key KEY -out FILE");
    if (const auto read = wire::parse_csr(*der); !read) return pass(read.error(), path);
    return std::string(text_of(*file));
}

constexpr std::array<const char*, 6> kFiles = {"cert.pem", "chain.pem", "fullchain.pem",
                                               "ca.pem",   "cert.leaf", "cert.tlog-proof"};

std::vector<std::string> files_of(const IssueFlags& flags) {
    std::vector<std::string> out;
    if (flags.csr_file.empty()) out.push_back(flags.out + "/key.pem");
    for (const auto* name : kFiles) out.push_back(flags.out + "/" + name);
    return out;
}

Status write_all(const std::string& dir, const crypto::PrivateKey* key, const api::CertificateReply& reply,
                 const api::Bundle& bundle) {
    if (auto ok = make_folder(dir); !ok) return ok;
    if (key != nullptr) {
        const Secret pem = key->export_pem();
        if (auto ok = files::write(dir + "/key.pem", pem.reveal(), 0600); !ok) return ok;
    }
    const auto entry = wire::parse_base64(reply.log_entry);
    if (!entry) return pass(entry.error());
    const std::array<std::string, kFiles.size()> contents = {reply.certificate,
                                                             reply.chain,
                                                             reply.certificate + reply.chain,
                                                             joined(bundle.x509_roots, ""),
                                                             std::string(text_of(*entry)),
                                                             reply.log_proof};
    for (std::size_t i = 0; i < kFiles.size(); ++i)
        if (auto ok = files::write(dir + "/" + kFiles[i], view(contents[i]), 0644); !ok) return ok;
    return {};
}

/// Names are sent tagged, so that the server never has to guess.
Status tag_names(std::vector<std::string>& names) {
    for (auto& text : names) {
        const auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error());
        text = name->tagged();
    }
    return {};
}

Result<int> issue(const Globals& globals, IssueFlags flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    if (auto ok = tag_names(flags.request.names); !ok) return pass(ok.error());
    if (!globals.dry_run)
        if (auto ok = may_write(files_of(flags), flags.force ? Existing::replace : Existing::keep); !ok)
            return pass(ok.error());
    flags.request.dry_run = globals.dry_run;
    std::optional<crypto::PrivateKey> key;
    if (flags.csr_file.empty()) {
        auto made = crypto::PrivateKey::generate(algorithm_of(flags.key_type));
        if (!made) return pass(made.error());
        key = std::move(*made);
    }
    auto csr = key ? csr_for(*key, flags.request.names) : read_csr(flags.csr_file);
    if (!csr) return pass(csr.error());
    flags.request.csr = std::move(*csr);
    if (globals.dry_run)
        return would_be_minted(globals, session->ca.post<api::DryRunReply>("/v1/x509/certificates", flags.request));
    const auto reply = session->ca.mint("/v1/x509/certificates", flags.request);
    if (!reply) return pass(reply.error());
    if (auto ok = write_all(flags.out, key ? &*key : nullptr, *reply, session->context.bundle); !ok)
        return pass(ok.error());
    return show(globals, {wire::to_json(*reply),
                          {reply->serial},
                          {},
                          {},
                          {},
                          {"✓ " + joined(reply->names, ", ") + " (serial " + reply->serial + ") until " +
                           reply->valid_before + "   " + flags.out}});
}

}  // namespace

void add_cert_verbs(Cli& cli) {
    auto* cert = cli.group("cert", "X.509 certificates");
    auto flags = std::make_shared<IssueFlags>();
    auto* verb = cli.verb(cert, "issue", "get a certificate", [&cli, flags] { return issue(cli.globals, *flags); });
    verb->add_option("--role", flags->request.role, "role whose x509 scope applies")->required();
    verb->add_option("--name", flags->request.names, "dns:…, ip:…, uri:… or email:… (repeat)")->required();
    verb->add_option("--ttl", flags->request.ttl, "lifetime; the role's maximum when absent");
    verb->add_option("--reason", flags->request.reason, "why");
    verb->add_option("--csr", flags->csr_file,
                     "use this PKCS#10 request (PEM or DER, - for standard input); its key stays where it is");
    verb->add_option("--key-type", flags->key_type, "key to make")
        ->check(CLI::IsMember({"p256", "p384", "ed25519", "rsa"}));
    verb->add_option("--out", flags->out,
                     "folder for key.pem, cert.pem, chain.pem, fullchain.pem, ca.pem and the log proof")
        ->required();
    verb->add_flag("--force", flags->force, "replace files that are there already");
}

}  // namespace mayfly::cli
