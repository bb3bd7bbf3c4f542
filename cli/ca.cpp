// ca bundle: the trust anchors, for programs that are not ours.
#include "cli/verbs.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

/// The pinned bundle, from this machine: what is printed is what is trusted, not what somebody answers today.
Result<int> bundle(const Globals& globals) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto& pinned = context->bundle;
    const std::string fingerprint = wire::fingerprint(client::fingerprint_of(pinned));
    if (!for_people(globals.output))
        return show(
            globals,
            {wire::Json::Object{{"trust_domain", pinned.trust_domain},
                                {"version", pinned.version},
                                {"fingerprint", fingerprint},
                                {"x509_roots", json_of(pinned.x509_roots)},
                                {"ssh_user_cas", json_of(pinned.ssh_user_cas)},
                                {"ssh_host_cas", json_of(pinned.ssh_host_cas)},
                                {"log", wire::Json::Object{{"vkey", pinned.log_key}, {"url", context->url + "/log/"}}}},
             {fingerprint}});
    std::printf("%s", joined(pinned.x509_roots, "").c_str());  // a file for other programs
    return 0;
}

}  // namespace

void add_ca_verbs(Cli& cli) {
    auto* ca = cli.group("ca", "the CA itself");
    cli.verb(ca, "bundle", "the pinned trust anchors: X.509 roots as PEM, everything with -o json",
             [&cli] { return bundle(cli.globals); });
}

}  // namespace mayfly::cli
