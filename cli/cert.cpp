// cert issue: X.509 certificates for services.
#include <algorithm>

#include "cli/cert_files.h"
#include "cli/keys.h"
#include "cli/password.h"
#include "cli/verbs.h"
#include "lib/crypto/pkcs12.h"
#include "lib/files/files.h"
#include "lib/wire/spki.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::cli {

namespace {

struct IssueFlags {
    api::X509Request request;
    std::string csr_file, public_key, out, key_type = "p256", mode, owner;
    std::vector<std::string> forms;
    PasswordFrom password;
    bool force = false;
    [[nodiscard]] Existing existing() const { return force ? Existing::replace : Existing::keep; }
};

constexpr const char* kPath = "/v1/x509/certificates";
constexpr std::size_t kLargestCsr = 64 * 1024;

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

tl::unexpected<Error> not_so(const std::string& message, const std::string& why, const std::string& fix) {
    return fail(Code::malformed, message, "E-USAGE", why, fix);
}

/// What the folder is to hold. Whatever is wrong with it is said before a password is asked for, and that before
/// anything is minted.
Result<CertFiles> read_files(const Globals& globals, const IssueFlags& flags, KeyIs where, const PublicKey& key) {
    CertFiles out{flags.out};
    out.wish = {"",
                flags.request.role,
                flags.request.ttl,
                where == KeyIs::made ? flags.key_type : "",
                flags.request.names,
                flags.forms};
    const auto& words = form_words();
    for (const auto& word : flags.forms)
        out.forms.push_back(static_cast<Form>(std::find(words.begin(), words.end(), word) - words.begin()));
    if (where == KeyIs::elsewhere && !out.forms.empty())
        return not_so("the key is not here, so it cannot go into a file", "--format needs a key that is made",
                      "leave --format out, or --csr and --public-key");
    if (flags.password.named() && !out.has(Form::pkcs12))
        return not_so("a password is for --format pkcs12", {}, "add --format pkcs12, or leave the password out");
    auto hand_over = parse_hand_over(flags.mode, flags.owner);
    if (!hand_over) return pass(hand_over.error());
    out.hand_over = *hand_over;
    if (auto ok = check_folder(out, key, where, flags.existing()); !ok) return pass(ok.error());
    if (!out.has(Form::pkcs12)) return out;
    auto password = read_password(flags.password, globals.asking(), flags.out + "/cert.p12");
    if (!password) return pass(password.error());
    if (auto ok = crypto::check_password(*password); !ok) return pass(ok.error());
    out.password = std::move(*password);
    return out;
}

/// Asked is the key to be certified, and what proves that its holder asks.
struct Asked {
    std::optional<crypto::PrivateKey> made;
    PublicKey key{};
    std::optional<client::Prover> prover{};
    [[nodiscard]] KeyIs where() const { return made ? KeyIs::made : KeyIs::elsewhere; }
};

Result<Asked> ask_for(const Globals& globals, IssueFlags& flags) {
    Asked out;
    if (!flags.public_key.empty()) {
        auto prover = keeper_of(globals, flags.public_key);
        if (!prover) return pass(prover.error());
        const auto spki = wire::encode_spki(prover->key);
        if (!spki) return pass(spki.error());
        flags.request.public_key = wire::encode_pem("PUBLIC KEY", *spki);
        out.key = prover->key;
        out.prover = std::move(*prover);
        return out;
    }
    if (!flags.csr_file.empty()) {
        auto pem = read_csr(flags.csr_file);
        if (!pem) return pass(pem.error());
        const auto csr = wire::parse_csr(*wire::parse_one_pem(*pem, "CERTIFICATE REQUEST"));
        if (!csr) return pass(csr.error());
        out.key = csr->key;
        flags.request.csr = std::move(*pem);
        return out;
    }
    auto made = renewal::make_key(flags.key_type, flags.request.names);
    if (!made) return pass(made.error());
    flags.request.csr = std::move(made->csr);
    out.key = made->key.public_key();
    out.made = std::move(made->key);
    return out;
}

Result<int> issue(const Globals& globals, IssueFlags flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    if (auto ok = renewal::tag_names(flags.request.names); !ok) return pass(ok.error());
    flags.request.dry_run = globals.dry_run;
    if (flags.csr_file == "-" && flags.password.file == "-")
        return not_so("standard input cannot be both request and password", {}, "--password-file FILE");
    auto asked = ask_for(globals, flags);
    if (!asked) return pass(asked.error());
    const client::Prover* prover = asked->prover ? &*asked->prover : nullptr;
    if (globals.dry_run)
        return would_be_minted(globals, session->ca.post<api::DryRunReply>(kPath, flags.request, prover));
    const auto files = read_files(globals, flags, asked->where(), asked->key);
    if (!files) return pass(files.error());
    const auto reply = session->ca.mint(kPath, flags.request, prover);
    if (!reply) return pass(reply.error());
    if (auto ok = renewal::is_for(asked->key, *reply); !ok) return pass(ok.error());
    if (auto ok = write_cert_files(*files, asked->made ? &*asked->made : nullptr, *reply, session->context.bundle); !ok)
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
    const auto cert = cli.root.group("cert", "X.509 certificates");
    auto flags = std::make_shared<IssueFlags>();
    const auto verb =
        cli.verb(cert, "issue", "get a certificate", [&cli, flags] { return issue(cli.globals, *flags); });
    verb.add_option("--role", flags->request.role, "role whose x509 scope applies").required();
    verb.add_option("--name", flags->request.names, "dns:…, ip:…, uri:… or email:… (repeat)").required();
    verb.add_option("--ttl", flags->request.ttl, "lifetime; the role's maximum when absent");
    verb.add_option("--reason", flags->request.reason, "why");
    const auto csr =
        verb.add_option("--csr", flags->csr_file,
                        "use this PKCS#10 request (PEM or DER, - for standard input); its key stays where it is");
    verb.add_option("--public-key", flags->public_key,
                    "certify this key, which signs by ssh-agent or ssh-keygen: a .pub, a PEM public key, or SHA256:…")
        .excludes(csr);
    verb.add_option("--key-type", flags->key_type, "key to make").one_of(renewal::key_types());
    verb.add_option("--out", flags->out,
                    "folder for key.pem, cert.pem, chain.pem, fullchain.pem, ca.pem and the log proof")
        .required();
    verb.add_option("--format", flags->forms,
                    "also write combined (key and chain in combined.pem) or pkcs12 (both in cert.p12); repeat for both")
        .one_of(form_words());
    verb.add_option("--password-file", flags->password.file,
                    "first line is the password of cert.p12; - for standard input");
    verb.add_option("--password-fd", flags->password.descriptor, "descriptor to read that password from");
    verb.add_option("--mode", flags->mode, "mode of files with the private key; 0600 when absent");
    verb.add_option("--owner", flags->owner, "USER[:GROUP] for the files; root only");
    verb.add_flag("--force", flags->force, "replace files that are there already");
    add_renew_verbs(cert, cli);
}

}  // namespace mayfly::cli
