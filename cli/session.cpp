// bootstrap, context, login, logout, status: who we trust and who we are.
#include <cstdlib>
#include <filesystem>

#include "cli/verbs.h"
#include "lib/client/ssh_agent.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kMostAgentKeys = 5;
constexpr std::int64_t kSkewWorthSaying = 60;

Result<int> bootstrap(const Globals& globals, const std::string& url, const std::string& fingerprint) {
    const auto digest = wire::parse_fingerprint(fingerprint);
    if (!digest) return pass(digest.error());
    const auto reply = client::fetch_bundle(url, *digest);
    if (!reply) return pass(reply.error());
    const client::Context context{globals.context.empty() ? "default" : globals.context, url, reply->bundle};
    if (auto ok = client::save_context(context); !ok) return pass(ok.error());
    if (auto ok = client::use_context(context.name); !ok) return pass(ok.error());
    say("✓ trust bundle " + std::to_string(reply->bundle.version) + " of " + reply->bundle.trust_domain +
        " verified (X.509 root, SSH user CA, SSH host CA, log key)");
    say("next: mayfly login");
    return 0;
}

/// The keys worth trying, best first: the one named, else the agent's, else the usual files.
std::vector<client::Prover> candidates(const std::string& key_file) {
    std::vector<client::Prover> out;
    if (!key_file.empty()) {
        if (auto prover = client::prove_with_file(key_file)) out.push_back(std::move(*prover));
        return out;
    }
    if (auto agent = client::SshAgent::connect()) {
        const auto keys = agent->list();
        for (std::size_t i = 0; keys && i < keys->size() && i < kMostAgentKeys; ++i)
            if (auto prover = client::prove_with_agent((*keys)[i].key, (*keys)[i].comment))
                out.push_back(std::move(*prover));
    }
    const char* home = std::getenv("HOME");
    for (const auto* name : {"id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa"}) {
        const std::string path = std::string(home == nullptr ? "" : home) + "/.ssh/" + name;
        if (!std::filesystem::exists(path + ".pub")) continue;
        if (auto prover = client::prove_with_file(path)) out.push_back(std::move(*prover));
    }
    return out;
}

Result<int> login(const Globals& globals, const std::string& key_file, const std::string& ttl) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    auto ca = client::CaClient::connect(context->url, context->bundle, nullptr);
    if (!ca) return pass(ca.error());
    const auto provers = candidates(key_file);
    if (provers.empty())
        return fail(Code::not_found, "there is no SSH key to log in with", "E-LOGIN-KEY",
                    "the CA knows people by an enrolled SSH key",
                    "ssh-keygen -t ed25519, and ask a platform owner to enrol the .pub");
    Result<api::CertificateReply> reply = fail(Code::unauthenticated, "no key was accepted");
    for (const auto& prover : provers) {
        reply = ca->mint("/v1/login", api::LoginRequest{*csr, ttl}, &prover);
        if (reply) {
            if (auto ok = context->save_session(*key, *reply); !ok) return pass(ok.error());
            say("✓ " + reply->identity + " (key " + wire::fingerprint(crypto::ssh_fingerprint(prover.key)) +
                ")   session until " + reply->valid_before);
            return 0;
        }
        if (reply.error().code != Code::unauthenticated) break;
    }
    return pass(reply.error());
}

Result<int> logout(const Globals& globals) {
    auto session = open_session(globals);
    if (session) {
        const auto done = session->ca.post<api::RevokeReply>("/v1/logout", api::List<api::Token>{});
        if (!done) say("warning: the CA could not be told: " + done.error().message);
    }
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    if (auto ok = context->forget_session(); !ok) return pass(ok.error());
    say("✓ logged out of " + context->name);
    return 0;
}

Result<int> status(const Globals& globals) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto me = session->ca.get<api::WhoAmI>("/v1/whoami");
    if (!me) return pass(me.error());
    const auto server = Instant::parse(me->now);
    const std::int64_t skew = server ? SystemClock().now().seconds() - server->seconds() : 0;
    if (skew > kSkewWorthSaying || skew < -kSkewWorthSaying)
        say("warning: your clock is " + std::to_string(std::abs(skew)) + " s " + (skew > 0 ? "ahead of" : "behind") +
            " the CA's");
    if (globals.format() == Output::json) {
        print_json(wire::to_json(*me));
        return 0;
    }
    print_table(
        {"CONTEXT", "IDENTITY", "OWNER", "ROLES", "DUTIES", "SESSION UNTIL"},
        {{session->context.name, me->identity, me->owner, joined(me->roles), joined(me->duties), me->session_until}});
    return 0;
}

Result<int> context_list(const Globals& globals) {
    const std::string current = client::current_context();
    std::vector<std::vector<std::string>> rows;
    wire::Json::Array items;
    for (const auto& name : client::list_contexts()) {
        const auto context = client::load_context(name);
        if (!context) continue;
        rows.push_back({name == current ? "*" : "", name, context->url, context->bundle.trust_domain});
        items.emplace_back(wire::Json::Object{{"name", name},
                                              {"url", context->url},
                                              {"trust_domain", context->bundle.trust_domain},
                                              {"current", name == current}});
    }
    if (globals.format() == Output::json)
        print_json(wire::Json(std::move(items)));
    else
        print_table({"", "NAME", "URL", "TRUST DOMAIN"}, rows);
    return 0;
}

Result<int> context_show(const Globals& globals, const std::string& name) {
    const auto context = client::load_context(name.empty() ? globals.context : name);
    if (!context) return pass(context.error());
    print_json(
        wire::Json(wire::Json::Object{{"name", context->name},
                                      {"url", context->url},
                                      {"fingerprint", wire::fingerprint(client::fingerprint_of(context->bundle))},
                                      {"bundle", wire::to_json(context->bundle)}}));
    return 0;
}

}  // namespace

void add_session_verbs(Cli& cli) {
    auto words = std::make_shared<std::array<std::string, 8>>();
    auto& [url, fingerprint, key, ttl, name, used, removed, unused] = *words;
    auto* boot = cli.verb(&cli.app, "bootstrap", "pin a CA by its fingerprint",
                          [&cli, words] { return bootstrap(cli.globals, (*words)[0], (*words)[1]); });
    boot->add_option("url", url, "https://host[:port]")->required();
    boot->add_option("--fingerprint", fingerprint, "SHA256:… as mayfly-ca init printed it")->required();
    auto* in = cli.verb(&cli.app, "login", "get a session with the CA",
                        [&cli, words] { return login(cli.globals, (*words)[2], (*words)[3]); });
    in->add_option("--key", key, "SSH key file; else the agent's keys and ~/.ssh/id_*");
    in->add_option("--ttl", ttl, "how long; the policy's limit when absent");
    cli.verb(&cli.app, "logout", "revoke and forget the session", [&cli, words] { return logout(cli.globals); });
    cli.verb(&cli.app, "status", "who you are to the CA", [&cli, words] { return status(cli.globals); });
    auto* context = cli.app.add_subcommand("context", "the CAs that you trust")->require_subcommand(1);
    context->fallthrough();
    cli.verb(context, "list", "all of them", [&cli, words] { return context_list(cli.globals); });
    cli.verb(context, "show", "one, with its bundle", [&cli, words] { return context_show(cli.globals, (*words)[4]); })
        ->add_option("name", name);
    cli.verb(context, "use", "make one the current",
             [words]() -> Result<int> {
                 if (auto ok = client::use_context((*words)[5]); !ok) return pass(ok.error());
                 return 0;
             })
        ->add_option("name", used)
        ->required();
    cli.verb(context, "remove", "forget one and its session",
             [words]() -> Result<int> {
                 if (auto ok = client::remove_context((*words)[6]); !ok) return pass(ok.error());
                 return 0;
             })
        ->add_option("name", removed)
        ->required();
    (void)unused;
}

}  // namespace mayfly::cli
