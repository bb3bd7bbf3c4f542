// login, logout, status: who we are to the CA.
#include <algorithm>
#include <cstdlib>

#include "cli/keys.h"
#include "cli/ssh_places.h"
#include "cli/verbs.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::int64_t kSkewWorthSaying = 60;

struct LoginFlags {
    std::string key, ttl;
};

Result<std::vector<client::Prover>> keys_to_try(const Globals& globals, const std::string& named) {
    if (named.empty()) return candidates(globals);
    auto prover = named_prover(globals, named);
    if (!prover) return pass(prover.error());
    std::vector<client::Prover> one;
    one.push_back(std::move(*prover));
    return one;
}

/// Another key may do where this one is not enrolled, or cannot sign (a passphrase that nobody gives).
bool worth_another_key(const Error& error) {
    return error.code == Code::unauthenticated || error.id == "E-SIGN" || error.id == "E-AGENT";
}

Result<int> welcome(const Globals& globals, const client::Context& context, const client::Prover& prover,
                    const api::CertificateReply& reply) {
    const std::string key = wire::fingerprint(crypto::ssh_fingerprint(prover.key));
    return show(globals, {wire::Json::Object{{"context", context.name},
                                             {"identity", reply.identity},
                                             {"owner", reply.owner},
                                             {"key", key},
                                             {"serial", reply.serial},
                                             {"session_until", reply.valid_before}},
                          {reply.identity},
                          {},
                          {},
                          {},
                          {"✓ " + reply.identity + " (key " + key + ")   session until " + reply.valid_before}});
}

/// Where plain ssh uses our agent, it hears of the session. That it cannot is no reason not to be logged in.
void tell_plain_ssh(const client::Context& context) {
    const SshPlaces places{context.name};
    const auto keeping = written_keeping(places);
    if (!keeping) return;
    Status done;
    if (*keeping == desk::Keeping::own_agent) {
        if (const auto started = start_agent(places); !started) done = pass(started.error());
    } else {
        done = change_at_hand(
            places, [&](desk::AtHand& state) { state.session_until = context.session_until().value_or(Instant(0)); });
    }
    if (!done) say("warning: plain ssh does not know of it: " + done.error().message);
}

Result<int> login(const Globals& globals, const LoginFlags& flags) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto provers = keys_to_try(globals, flags.key);
    if (!provers) return pass(provers.error());
    if (provers->empty())
        return fail(Code::not_found, "there is no SSH key to log in with", "E-LOGIN-KEY",
                    "the CA knows people by an enrolled SSH key",
                    "ssh-keygen -t ed25519, and ask a platform owner to enrol the .pub");
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return pass(key.error());
    const auto csr = crypto::make_csr(*key, {});
    if (!csr) return pass(csr.error());
    auto ca = client::CaClient::connect(context->url, context->bundle, nullptr);
    if (!ca) return pass(ca.error());
    std::vector<std::string> tried;
    Error last;
    for (const auto& prover : *provers) {
        const auto reply = ca->mint("/v1/login", api::LoginRequest{*csr, flags.ttl}, &prover);
        if (reply) {
            if (auto ok = context->save_session(*key, *reply); !ok) return pass(ok.error());
            tell_plain_ssh(*context);
            return welcome(globals, *context, prover, *reply);
        }
        last = reply.error();
        tried.push_back(wire::fingerprint(crypto::ssh_fingerprint(prover.key)) + " (" + prover.name + ")");
        if (!worth_another_key(last)) return pass(std::move(last));
    }
    last.why += (last.why.empty() ? "tried " : "; tried ") + joined(tried, ", ");
    return pass(std::move(last));
}

Result<int> logout(const Globals& globals) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    bool revoked = false;
    std::string warning;
    if (auto session = open_session(globals)) {
        const auto done = session->ca.send("/v1/logout", "{}", nullptr);
        revoked = done.has_value();
        if (!done) warning = "warning: the CA could not be told: " + done.error().message;
    }
    if (auto ok = context->forget_session(); !ok) return pass(ok.error());
    if (auto ok = tell_agent(SshPlaces{context->name}, Told::forget); !ok && warning.empty())
        warning = "warning: the agent could not be told: " + ok.error().message;
    if (!warning.empty()) say(warning);
    return show(globals, {wire::Json::Object{{"context", context->name}, {"revoked", revoked}},
                          {context->name},
                          {},
                          {},
                          {},
                          {"✓ logged out of " + context->name}});
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
    return show(
        globals,
        {wire::to_json(*me),
         {me->identity},
         {{"CONTEXT"}, {"IDENTITY"}, {"OWNER"}, {"ROLES"}, {"DUTIES"}, {"SESSION UNTIL"}, {"URL", Column::Shown::wide}},
         {{session->context.name, me->identity, me->owner, joined(me->roles), joined(me->duties), me->session_until,
           session->context.url}}});
}

}  // namespace

void add_session_verbs(Cli& cli) {
    auto flags = std::make_shared<LoginFlags>();
    const auto in = cli.verb(
        cli.root, "login", "get a session with the CA", [&cli, flags] { return login(cli.globals, *flags); },
        DryRun::refused);
    in.add_option("--key", flags->key,
                  "SSH key file, or SHA256:… of one in ssh-agent; else the agent's and ~/.ssh/id_*");
    in.add_option("--ttl", flags->ttl, "how long; the policy's limit when absent");
    cli.verb(
        cli.root, "logout", "revoke and forget the session", [&cli] { return logout(cli.globals); }, DryRun::refused);
    cli.verb(cli.root, "status", "who you are to the CA", [&cli] { return status(cli.globals); });
}

}  // namespace mayfly::cli
