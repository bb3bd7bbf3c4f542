// mayfly-agent: makes this node's sshd trust only certificates.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "agent/confinement.h"
#include "agent/doctor.h"
#include "agent/leave.h"
#include "agent/lock.h"
#include "agent/network/network.h"
#include "agent/node.h"
#include "agent/rest.h"
#include "agent/workload/workloads.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/exit.h"

namespace {

using namespace mayfly;

struct EnrollFlags {
    agent::Config config;
    std::string fingerprint, token_file = "/dev/stdin", mode = "observe";
};

int run_enroll(EnrollFlags flags) {
    const auto fingerprint = wire::parse_fingerprint(flags.fingerprint);
    if (!fingerprint) return report(fingerprint.error());
    auto file = files::read(flags.token_file, 4096);
    if (!file) return report(file.error());
    std::string token(text_of(*file));
    token = token.substr(0, token.find_first_of("\r\n"));
    const auto mode = agent::parse_mode(flags.mode);
    if (!mode) return report(mode.error());
    flags.config.mode = *mode;
    flags.config.state_dir = std::filesystem::absolute(flags.config.state_dir).string();
    agent::Network network({flags.config.url, flags.config.network_user});
    if (auto ok = agent::enroll(flags.config, *fingerprint, token, network); !ok) return report(ok.error());
    std::fprintf(stderr,
                 "✓ enrolled; wrote %s/agent.toml\n  mode %s: %s\nnext: mayfly-agent run --config %s/agent.toml\n",
                 flags.config.state_dir.c_str(), flags.mode.c_str(), std::string(agent::meaning(*mode)).c_str(),
                 flags.config.state_dir.c_str());
    if (*mode == agent::Mode::observe)
        std::fprintf(stderr, "then: mayfly-agent mode both --config %s/agent.toml\n", flags.config.state_dir.c_str());
    return 0;
}

void line(const char* what, const std::string& text) {
    std::printf("%s\n",
                wire::Json(wire::Json::Object{{"time", SystemClock().now().text()}, {"event", what}, {"text", text}})
                    .canonical()
                    .c_str());
    std::fflush(stdout);
}

std::string workload_status(const agent::Config& config) { return config.state_dir + "/workloads.json"; }

/// What runs on this node goes on whether sshd's trust is well or not, and the other way round.
void tend(agent::Workloads& workloads, agent::Node& node, Instant now, Rng& rng) {
    const auto before = workloads.troubles();
    const std::string done = workloads.round(
        now, rng, [&node] { return node.connect(); }, node.bundle());
    if (!done.empty()) line("workloads", done);
    for (const auto& trouble : workloads.troubles())
        if (std::find(before.begin(), before.end(), trouble) == before.end()) line("workload-trouble", trouble);
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
    const auto confined = agent::confine_root_part(*config);
    if (!once) line("confined", agent::in_words(confined));
    agent::Network network({config->url, config->network_user});
    auto node = agent::Node::load(*config, network, clock.now());
    if (!node) return report(node.error());
    agent::Workloads workloads({config->workload_dir, workload_status(*config), config->poll});
    crypto::SystemRng rng;
    bool told_ready = false;
    Instant node_due = clock.now();
    for (;;) {
        Result<std::string> done = std::string();
        if (node_due <= clock.now()) {
            done = node->round(clock.now(), rng);
            line(done ? "round" : "trouble", done ? *done : done.error().message);
            node_due = node->next(clock.now());
        }
        tend(workloads, *node, clock.now(), rng);
        network.rest();
        agent::give_back();
        if (once) return done ? 0 : report(done.error());
        if (done && !told_ready) {
            ::sd_notify(0, "READY=1");
            told_ready = true;
        }
        const Instant now = clock.now(), next = std::min(node_due, workloads.next(now).value_or(node_due));
        const std::timespec wait{std::max<std::int64_t>(0, next.seconds() - now.seconds()), 0};
        const int signal = sigtimedwait(&signals, nullptr, &wait);
        if (signal == SIGTERM || signal == SIGINT) return 0;
        if (signal == SIGHUP) node_due = clock.now();
    }
}

int run_status(const std::string& config_file, bool json) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    const auto status = agent::read_status(*config, SystemClock().now());
    if (!status) return report(status.error());
    if (json)
        std::printf("%s\n", status->json.pretty().c_str());
    else
        for (const auto& line : status->lines) std::printf("%s\n", line.c_str());
    return agent::exit_code(status->standing);
}

int run_doctor(const std::string& config_file, bool json) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    agent::Network network({config->url, config->network_user});
    const auto findings = agent::examine(*config, network, SystemClock().now());
    std::printf("%s\n",
                json ? agent::findings_json(findings).pretty().c_str() : agent::findings_text(findings).c_str());
    return agent::healthy(findings) ? 0 : 1;
}

/// The step itself is one line of agent.toml; the service takes it at its next round, `run --once` at once.
int run_mode(const std::string& config_file, const std::string& word, bool anyway) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    if (word.empty()) {
        std::printf("%s\n", std::string(agent::name(config->mode)).c_str());
        return 0;
    }
    const auto mode = agent::parse_mode(word);
    if (!mode) return report(mode.error());
    const auto logins = agent::Logins::load(config->state_dir + "/logins.json");
    if (!logins) return report(logins.error());
    if (*mode == agent::Mode::only && config->mode != agent::Mode::only) {
        bool outside = false;
        const Instant since(SystemClock().now().seconds() - config->recent.seconds());
        for (const auto& one : logins->would_break(since)) {
            std::fprintf(stderr, "%s %s: %s\n", one.only_way ? "✗" : "·", one.account.c_str(), one.words.c_str());
            outside = outside || one.only_way;
        }
        if (outside && !anyway)
            return report(Error{Code::conflict,
                                "accounts marked ✗ were opened by old keys or passwords only, which mode only ends",
                                "E-MODE-BREAKS", "within the last " + config->recent.text() + ", by sshd's log",
                                "let those people log in by certificate once, or add --anyway"});
    }
    const auto lock = agent::Lock::take(config->state_dir);
    if (!lock) return report(lock.error());
    if (auto ok = agent::set_mode(config_file, *mode); !ok) return report(ok.error());
    std::fprintf(stderr, "✓ mode %s: %s\n  at the next round (within %s); now: mayfly-agent run --once --config %s\n",
                 word.c_str(), std::string(agent::meaning(*mode)).c_str(), config->poll.text().c_str(),
                 config_file.c_str());
    return 0;
}

int run_leave(const std::string& config_file, const agent::Leaving& how) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    agent::Network network({config->url, config->network_user});
    const auto said = agent::leave(*config, how, network, SystemClock().now());
    if (!said) return report(said.error());
    for (const auto& words : *said) std::fprintf(stderr, "%s %s\n", how.dry_run ? "·" : "✓", words.c_str());
    return 0;
}

int show_workloads(const std::string& config_file, const std::string& file) {
    const auto status = files::read(file, 1 << 20);
    if (!status)
        return report(Error{
            Code::not_found, "the agent has not run yet", "E-STATUS", {}, "mayfly-agent run --config " + config_file});
    std::printf("%s", std::string(text_of(*status)).c_str());
    const auto json = wire::parse_json(text_of(*status));
    const auto* health = json && json->object() != nullptr ? json->object()->at("health").string() : nullptr;
    return health != nullptr && *health == "ok" ? 0 : 1;
}

int run_workloads(const std::string& config_file) {
    const auto config = agent::load_config(config_file);
    if (!config) return report(config.error());
    return show_workloads(config_file, workload_status(*config));
}

}  // namespace

int main(int argc, char** argv) {
    ::umask(077);
    if (argc > 1 && std::string_view(argv[1]) == agent::kNetworkPart)
        return agent::network_part({argv + 2, argv + argc});
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
    std::string output = "text";
    const auto add_output = [&](CLI::App* verb) {
        verb->add_option("--config", config_file)->capture_default_str();
        verb->add_option("-o,--output", output, "text or json")->check(CLI::IsMember({"text", "json"}));
    };
    auto* status_verb = app.add_subcommand("status",
                                           "how this node stands; exit 0 ok, 1 trouble, 4 expired, 5 evicted, 8 "
                                           "offline, 9 clock-skewed");
    add_output(status_verb);
    auto* doctor_verb = app.add_subcommand("doctor", "what is wrong here and how to mend it; exit 1 when anything is");
    add_output(doctor_verb);

    enroll_verb->add_option("--mode", enroll.mode, "observe (nothing in sshd changes), both, or only certificates")
        ->capture_default_str();
    std::string mode_word;
    bool anyway = false;
    auto* mode_verb = app.add_subcommand("mode", "say or change how far sshd is taken over: observe, both, only");
    mode_verb->add_option("mode", mode_word, "observe, both or only; what it is now when absent");
    mode_verb->add_flag("--anyway", anyway, "though accounts would have no way in");
    mode_verb->add_option("--config", config_file)->capture_default_str();
    agent::Leaving leaving;
    auto* leave_verb =
        app.add_subcommand("leave", "give sshd back what was there before, and forget this node's identity");
    leave_verb->add_flag("--keep-identity", leaving.keep_identity, "stay enrolled, in mode observe");
    leave_verb->add_flag("--dry-run", leaving.dry_run, "only say what would be done");
    leave_verb->add_option("--config", config_file)->capture_default_str();
    auto* workloads_verb =
        app.add_subcommand("workloads", "certificates kept for what runs here; exit 1 when there is trouble");
    workloads_verb->add_option("--config", config_file)->capture_default_str();

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : 2;
    }
    if (*enroll_verb) return run_enroll(std::move(enroll));
    if (*workloads_verb) return run_workloads(config_file);
    if (*mode_verb) return run_mode(config_file, mode_word, anyway);
    if (*leave_verb) return run_leave(config_file, leaving);
    if (*status_verb) return run_status(config_file, output == "json");
    if (*doctor_verb) return run_doctor(config_file, output == "json");
    return run_agent(config_file, once);
}
