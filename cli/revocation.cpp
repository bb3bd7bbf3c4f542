// ca krl, ca crl, ca bundle: what those who rely on certificates need, as files.
#include <unistd.h>

#include "cli/out_files.h"
#include "cli/verbs.h"
#include "lib/client/revocation.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

struct ListFlags {
    std::string kind, out = "-";
    std::int64_t shard = 0;
    bool pem = false, force = false, x509 = false;
};

/// A list on standard output is data: nothing else may stand there, and no terminal shows it.
Result<int> write_out(const Globals& globals, const ListFlags& flags, const std::string& bytes, Answer answer) {
    if (flags.out == "-") {
        if (::isatty(STDOUT_FILENO) != 0 && !bytes.starts_with("-----") && !bytes.starts_with("{"))
            return fail(Code::malformed, "a list is not text: it is not written to a terminal", "E-USAGE", {},
                        "--out FILE, or a pipe");
        std::fwrite(bytes.data(), 1, bytes.size(), stdout);
        return 0;
    }
    if (auto ok = may_write({flags.out}, flags.force ? Existing::replace : Existing::keep); !ok)
        return pass(ok.error());
    if (auto ok = files::write(flags.out, view(bytes), 0644); !ok) return pass(ok.error());
    answer.names = {flags.out};
    answer.messages.front() += "   " + flags.out;
    return show(globals, answer);
}

Result<int> get_list(const Globals& globals, const ListFlags& flags) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    // Lists are public: a pinned CA is enough, no session.
    auto ca = client::CaClient::connect(context->url, context->bundle, nullptr);
    if (!ca) return pass(ca.error());
    const auto list = client::fetch_list(*ca, flags.kind, flags.shard);
    if (!list) return pass(list.error());
    const auto& named = list->named;
    Answer answer{wire::to_json(named), {}};
    answer.messages = {"✓ " + named.kind + " " + std::to_string(named.number) + ", " + std::to_string(named.entries) +
                       " entries, the next before " + named.next_update};
    return write_out(globals, flags, flags.pem ? wire::encode_pem("X509 CRL", view(list->bytes)) : list->bytes, answer);
}

/// The pinned bundle, from this machine: what is written is what is trusted, not what somebody answers today.
Result<int> get_bundle(const Globals& globals, const ListFlags& flags) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto& pinned = context->bundle;
    const std::string fingerprint = wire::fingerprint(client::fingerprint_of(pinned));
    Answer answer{
        wire::Json::Object{{"trust_domain", pinned.trust_domain},
                           {"version", pinned.version},
                           {"fingerprint", fingerprint},
                           {"x509_roots", json_of(pinned.x509_roots)},
                           {"ssh_user_cas", json_of(pinned.ssh_user_cas)},
                           {"ssh_host_cas", json_of(pinned.ssh_host_cas)},
                           {"log", wire::Json::Object{{"vkey", pinned.log_key}, {"url", context->url + "/log/"}}}},
        {fingerprint}};
    if (flags.out == "-" && !flags.x509 && !for_people(globals.output)) return show(globals, answer);
    answer.messages = {"✓ trust bundle " + std::to_string(pinned.version) + " of " + pinned.trust_domain};
    const std::string document = answer.data.pretty();
    return write_out(globals, flags, flags.x509 ? joined(pinned.x509_roots, "") : document, answer);
}

}  // namespace

void add_revocation_verbs(Cli& cli) {
    const auto ca =
        cli.root.group("ca", "what the CA publishes, as files for others; and renewals that it wants sooner");
    const auto add = [&](const char* name, const char* help, Result<int> (*run)(const Globals&, const ListFlags&)) {
        auto flags = std::make_shared<ListFlags>();
        flags->kind = name;
        const auto verb = cli.verb(ca, name, help, [&cli, flags, run] { return run(cli.globals, *flags); });
        verb.add_option("--out", flags->out, "file; standard output when absent");
        verb.add_flag("--force", flags->force, "write over a file that is there");
        return std::pair(verb, flags);
    };
    add("krl", "the revocation list for sshd's RevokedKeys", get_list);
    const auto [crl, crl_flags] = add("crl", "the X.509 revocation list", get_list);
    crl.add_flag("--pem", crl_flags->pem, "PEM instead of DER");
    crl.add_option("--shard", crl_flags->shard, "which shard, where the list is cut into some");
    const auto [bundle, bundle_flags] = add("bundle", "the pinned trust anchors", get_bundle);
    bundle.add_flag("--x509", bundle_flags->x509, "only the X.509 roots, as PEM");
    add_renew_early_verb(ca, cli);
}

}  // namespace mayfly::cli
