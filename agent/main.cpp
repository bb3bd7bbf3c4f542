// mayfly-agent: makes this node's sshd trust only certificates.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "agent/node.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/exit.h"

namespace {

using namespace mayfly;

struct EnrollFlags {
    agent::Config config;
    std::string fingerprint, token_file = "/dev/stdin";
};

int run_enroll(EnrollFlags flags) {
    const auto fingerprint = wire::parse_fingerprint(flags.fingerprint);
    if (!fingerprint) return report(fingerprint.error());
    auto file = files::read(flags.token_file, 4096);
    if (!file) return report(file.error());
    std::string token(text_of(*file));
    token = token.substr(0, token.find_first_of("\r\n"));
    flags.config.state_dir = std::filesystem::absolute(flags.config.state_dir).string();
    if (auto ok = agent::enroll(flags.config, *fingerprint, token); !ok) return report(ok.error());
    std::fprintf(stderr, "✓ enrolled; wrote %s/agent.toml\nnext: mayfly-agent run --config %s/agent.toml\n",
                 flags.config.state_dir.c_str(), flags.config.state_dir.c_str());
    return 0;
}

void line(const char* what, const std::string& text) {
    std::printf("%s\n",
                wire::Json(wire::Json::Object{{"time", SystemClock().now().text()}, {"event", what}, {"text", text}})
                    .canonical()
                    .c_str());
    std::fflush(stdout);
}

int run_agent(const std::string& config_file, bool once) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    ::prctl(PR_SET_DUMPABLE, 0);

    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    const SystemClock clock;
    auto node = agent::Node::load(*config, clock.now());
    if (!node) return report(node.error());
    crypto::SystemRng rng;
    bool told_ready = false;
    for (;;) {
        const auto done = node->round(clock.now(), rng);
        line(done ? "round" : "trouble", done ? *done : done.error().message);
        if (once) return done ? 0 : report(done.error());
        if (done && !told_ready) {
            ::sd_notify(0, "READY=1");
            told_ready = true;
        }
        const Instant now = clock.now();
        const std::timespec wait{node->next(now).seconds() - now.seconds(), 0};
        const int signal = sigtimedwait(&signals, nullptr, &wait);
        if (signal == SIGTERM || signal == SIGINT) return 0;
    }
}

int run_status(const std::string& config_file) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    const auto status = files::read(config->state_dir + "/status.json", 1 << 20);
    if (!status)
        return report(Error{
            Code::not_found, "the agent has not run yet", "E-STATUS", {}, "mayfly-agent run --config " + config_file});
    std::printf("%s", std::string(text_of(*status)).c_str());
    const auto json = wire::parse_json(text_of(*status));
    const auto* health = json && json->object() != nullptr ? json->object()->at("health").string() : nullptr;
    return health != nullptr && *health == "ok" ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    ::umask(077);
    CLI::App app{"mayfly-agent: makes this node's sshd trust only certificates"};
    app.set_version_flag("--version", std::string("mayfly-agent ") + MAYFLY_VERSION);
    app.require_subcommand(1);

    EnrollFlags enroll;
    enroll.config.state_dir = "/var/lib/mayfly-agent";
    auto* enroll_verb = app.add_subcommand("enroll", "join a CA with a token");
    enroll_verb->add_option("url", enroll.config.url, "https://host[:port]")->required();
    enroll_verb->add_option("--fingerprint", enroll.fingerprint, "SHA256:… of the CA's bundle")->required();
    enroll_verb->add_option("--token-file", enroll.token_file, "file with the join token; standard input when absent");
    enroll_verb->add_option("--dir", enroll.config.state_dir, "folder for identity, bundle and agent.toml")
        ->capture_default_str();
    enroll_verb->add_option("--sshd-program", enroll.config.sshd_program)->capture_default_str();
    enroll_verb->add_option("--sshd-config", enroll.config.sshd_config)->capture_default_str();
    enroll_verb->add_option("--drop-in", enroll.config.drop_in, "file that sshd_config includes first")
        ->capture_default_str();
    enroll_verb->add_option("--trust-dir", enroll.config.trust_dir)->capture_default_str();
    enroll_verb->add_option("--host-key", enroll.config.host_keys, "private host key (repeat)")->capture_default_str();
    enroll_verb->add_option("--reload-pid-file", enroll.config.reload_pid_file,
                            "SIGHUP to this process instead of systemctl reload ssh");

    std::string config_file = "/var/lib/mayfly-agent/agent.toml";
    bool once = false;
    auto* run_verb = app.add_subcommand("run", "keep host certificates fresh and sshd's trust current");
    run_verb->add_option("--config", config_file)->capture_default_str();
    run_verb->add_flag("--once", once, "one round, then end");
    auto* status_verb = app.add_subcommand("status", "what the last round found; exit 1 when there is trouble");
    status_verb->add_option("--config", config_file)->capture_default_str();

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : 2;
    }
    if (*enroll_verb) return run_enroll(std::move(enroll));
    return *status_verb ? run_status(config_file) : run_agent(config_file, once);
}
