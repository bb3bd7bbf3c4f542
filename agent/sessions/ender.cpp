#include "agent/sessions/ender.h"

#include <unistd.h>
#include <csignal>

#include <algorithm>

#include "lib/client/run.h"

namespace mayfly::agent {

namespace {

constexpr int kPatience = 2000;     // milliseconds for a process to end by itself
constexpr std::int64_t kSlack = 2;  // seconds: sshd's log has whole ones

/// The sshd processes that hold this connection, and began before the session was opened.
std::vector<Process> find(const api::NodeUse& use) {
    const auto far = parse_far(use.source);
    const auto opened = Instant::parse(use.opened);
    if (!far || !opened) return {};
    std::vector<Process> out;
    for (const auto& process : sshd_processes(*far)) {
        const auto start = began(process);
        if (start && start->seconds() <= opened->seconds() + kSlack) out.push_back(process);
    }
    return out;
}

std::vector<Process> still_there(const std::vector<Process>& processes) {
    std::vector<Process> out;
    for (const auto& process : processes)
        if (const auto now = process_of(process.pid); now && *now == process) out.push_back(process);
    return out;
}

void stop(const std::vector<Process>& processes, int signal) {
    for (const auto& process : processes) (void)signal_process(process, signal);
    if (wait_gone(processes, kPatience)) return;
    for (const auto& process : still_there(processes)) (void)signal_process(process, SIGKILL);
    (void)wait_gone(processes, kPatience);
}

}  // namespace

void Ender::observe(const std::map<std::string, api::NodeUse>& open) {
    std::map<std::string, std::vector<Process>> now;
    for (const auto& [key, use] : open) {
        const auto known = held_.find(use.id);
        now.emplace(use.id, known != held_.end() && !known->second.empty() ? known->second : find(use));
    }
    held_ = std::move(now);
}

Status Ender::end(const api::NodeUse& use, const api::SessionEnd& order, Reporter& reporter, Instant now) {
    auto processes = still_there(held_[use.id]);
    if (processes.empty()) processes = find(use);
    const std::string what = "the session of " + use.account + " from " + use.source + " (" + order.why + ")";
    if (processes.empty() && ::geteuid() != 0)
        return fail(Code::unavailable, "cannot end " + what, "E-SESSION-END", "only root sees other people's processes",
                    "run the agent as root");
    // Nobody holds the connection: it is over, and nobody saw it end.
    if (processes.empty()) return reporter.ended(use, now, "unknown");
    // What it started first, while it can still be told whose it is.
    auto started = children_of(processes);
    // Whoever tries the agent by hand in such a session still gets its word about the others.
    std::erase_if(started, [](const Process& process) { return process.pid == ::getpid(); });
    if (const auto session = login_session(processes); !session.empty())
        (void)client::run({"loginctl", "terminate-session", session});
    stop(processes, SIGTERM);
    stop(started, SIGHUP);
    if (!still_there(processes).empty())
        return fail(Code::unavailable, "cannot end " + what, "E-SESSION-END", "its sshd does not end",
                    "kill it by hand");
    ++ended_;
    return reporter.ended(use, now, "ended");
}

Status Ender::apply(client::CaClient& ca, Reporter& reporter, Instant now) {
    const auto orders = ca.get<api::SessionEnds>("/v1/node/ends");
    if (!orders) return pass(orders.error());
    Status out;
    for (const auto& order : orders->sessions) {
        const auto open = reporter.spool().open();
        const auto use = std::find_if(open.begin(), open.end(), [&](const auto& entry) {
            return entry.second.id == order.id && entry.second.serial == order.serial;
        });
        if (use == open.end()) continue;  // its end waits in the spool
        if (auto ok = end(use->second, order, reporter, now); !ok && out) out = ok;
    }
    return out;
}

}  // namespace mayfly::agent
