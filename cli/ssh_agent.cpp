// ssh agent: our own small ssh-agent, which holds certificates and nothing else.
#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "cli/ssh_keeper.h"
#include "cli/ssh_verbs.h"
#include "lib/crypto/locked_memory.h"
#include "lib/desk/check.h"
#include "lib/desk/folder.h"
#include "lib/ssh_agent/server.h"

namespace mayfly::cli {

namespace {

/// Signals that end us arrive as something to read, in the server's own thread.
struct Signals {
    int descriptor = -1;
    Signals() {
        sigset_t ending;
        sigemptyset(&ending);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
        ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before there is another thread
        descriptor = ::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
        std::signal(SIGPIPE, SIG_IGN);
    }
    ~Signals() { ::close(descriptor); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
};

void tell_starter(int ready, const std::string& what) {
    if (ready < 0) return;
    (void)!::write(ready, what.data(), what.size());
    ::close(ready);
}

Result<SshPlaces> places_of(const Globals& globals) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    return SshPlaces{context->name};
}

Result<int> serve(const SshPlaces& places, int ready) {
    if (auto ok = crypto::keep_keys_private(); !ok) return pass(ok.error());
    if (auto ok = desk::own_folder(places.runtime()); !ok) return pass(ok.error());
    const auto lock = desk::Lock::take(places.lock(), desk::Lock::Wait::no);
    if (!lock && lock.error().code == Code::conflict)
        return fail(Code::conflict, "the agent of context " + places.context + " runs already", "E-AGENT-RUNS", {},
                    "mayfly ssh agent show");
    if (!lock) return pass(lock.error());
    auto server = ssh_agent::Server::listen(places.socket());
    if (!server) return pass(server.error());
    const Signals signals;
    const SystemClock clock;
    bool stop = false;
    Courier courier(places, [wake = server->wake_descriptor()] { ssh_agent::Server::wake(wake); });
    Keeper keeper(places, courier, clock, stop);
    ssh_agent::Connection first;
    (void)keeper.answer(first, ssh_agent::RefreshRequest{}, ssh_agent::Answerer::Patience::more);
    keeper.tend();  // what is at hand is true from the first moment on
    tell_starter(ready, "ok\n");
    if (auto ok = server->run(keeper, stop, signals.descriptor); !ok) return pass(ok.error());
    (void)::unlink(places.at_hand().c_str());
    return 0;
}

Result<int> run_agent(const Globals& globals, int ready) {
    if (ready >= 0) ::fcntl(ready, F_SETFD, FD_CLOEXEC);
    const auto places = places_of(globals);
    auto done = places ? serve(*places, ready) : Result<int>(pass(places.error()));
    if (!done) tell_starter(ready, done.error().message + "\n");
    return done;
}

Result<int> start(const Globals& globals) {
    const auto places = places_of(globals);
    if (!places) return pass(places.error());
    const auto started = globals.dry_run ? Result<bool>(desk::is_running(places->runtime()) == desk::Agent::absent)
                                         : start_agent(*places);
    if (!started) return pass(started.error());
    return show(globals,
                {wire::Json::Object{{"context", places->context}, {"socket", places->socket()}, {"started", *started}},
                 {places->socket()},
                 {},
                 {},
                 {},
                 {std::string(globals.dry_run ? "would be done: " : "✓ ") +
                  (*started ? "agent started, at " : "the agent that runs looked at the session anew, at ") +
                  places->socket()}});
}

Result<int> stop(const Globals& globals) {
    const auto places = places_of(globals);
    if (!places) return pass(places.error());
    const bool runs = desk::is_running(places->runtime()) == desk::Agent::running;
    if (runs && !globals.dry_run) {
        if (auto ok = tell_agent(*places, Told::stop); !ok) return pass(ok.error());
        // Its lock goes with its process: then its keys are gone.
        if (const auto gone = desk::Lock::take(places->lock(), desk::Lock::Wait::yes); !gone) return pass(gone.error());
    }
    return show(globals, {wire::Json::Object{{"context", places->context}, {"stopped", runs && !globals.dry_run}},
                          {places->context},
                          {},
                          {},
                          {},
                          {!runs             ? "no agent was running"
                           : globals.dry_run ? "would be done: the agent stops"
                                             : "✓ the agent and its keys are gone"}});
}

/// What is at hand, as `ssh check` sees it.
Result<int> show_held(const Globals& globals) {
    const auto places = places_of(globals);
    if (!places) return pass(places.error());
    const auto state = load_at_hand(*places).value_or(desk::AtHand{});
    const bool runs = desk::is_running(places->runtime()) == desk::Agent::running;
    Answer answer{{}, {}, {{"PRINCIPAL"}, {"VALID UNTIL"}}};
    wire::Json::Array items;
    for (const auto& one : state.certificates) {
        items.emplace_back(wire::Json::Object{{"principal", one.principal.text()}, {"valid_before", one.until.text()}});
        answer.names.push_back(one.principal.text());
        answer.rows.push_back({one.principal.text(), one.until.text()});
    }
    wire::Json::Array troubles;
    for (const auto& one : state.troubles) {
        troubles.emplace_back(
            wire::Json::Object{{"message", one.message}, {"fix", one.fix}, {"until", one.until.text()}});
        answer.messages.push_back("trouble: " + one.message + (one.fix.empty() ? "" : "   fix: " + one.fix));
    }
    answer.data = wire::Json::Object{{"context", places->context},
                                     {"running", runs},
                                     {"keeping", std::string(desk::name(state.keeping))},
                                     {"socket", places->socket()},
                                     {"session_until", state.session_until.text()},
                                     {"nodes", static_cast<std::int64_t>(state.nodes.size())},
                                     {"certificates", std::move(items)},
                                     {"troubles", std::move(troubles)}};
    if (!runs && state.keeping == desk::Keeping::own_agent)
        answer.messages.push_back("the agent is not running: mayfly ssh agent start");
    return show(globals, answer);
}

}  // namespace

void add_ssh_agent_verbs(Verb ssh, Cli& cli) {
    const auto agent = ssh.group("agent", "our own ssh-agent: certificates only, for the hosts they open");
    cli.verb(agent, "start", "start it in the background, or have it look at the session anew",
             [&cli] { return start(cli.globals); });
    cli.verb(agent, "stop", "end it; its keys go with it", [&cli] { return stop(cli.globals); });
    cli.verb(agent, "show", "what it holds", [&cli] { return show_held(cli.globals); });
    auto ready = std::make_shared<int>(-1);
    const auto run = cli.verb(
        agent, "run", "run it here, for a supervisor", [&cli, ready] { return run_agent(cli.globals, *ready); },
        DryRun::refused);
    run.add_option("--ready-fd", *ready, "say \"ok\" on this descriptor when it listens").between(3, 1023);
}

}  // namespace mayfly::cli
