#include "ca/serve.h"

#include <malloc.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "ca/app.h"
#include "ca/http/signals.h"
#include "ca/signer/sandbox.h"
#include "lib/files/files.h"
#include "lib/wire/http_date.h"

namespace mayfly::ca {

namespace {

constexpr auto kGrace = std::chrono::seconds(5);

/// SQLite takes 64 KiB for each job's savepoint and gives them back with it. What glibc then returns to the system it
/// has to ask for again, page by page, for the next job: a seventh of the writer's time.
void keep_freed_memory() {
    constexpr int kKept = 1 << 20;  // for each thread that allocates, at most
    ::mallopt(M_TRIM_THRESHOLD, kKept);
}

/// Botan takes memory for what might be secret from one locked pool, and all workers meet at its lock. In this process
/// it reads certificates and nothing else: keys and passphrases are the signer's. Before there are threads.
void read_certificates_without_a_pool() { ::setenv("BOTAN_MLOCK_POOL_SIZE", "0", 0); }

std::optional<std::int64_t> end_of(const App& app, const Bytes& certificate) {
    const auto found = app.store->find_certificate(crypto::sha256(certificate));
    if (!found || !*found) return std::nullopt;
    const auto& row = (*found)->certificate;
    if (row.revoked || !row.validity.contains(app.clock.now())) return std::nullopt;
    return row.validity.before().seconds();
}

http::ServerOptions server_options(App& app) {
    http::ServerOptions options;
    options.address = app.config.listen_address;
    options.port = app.config.listen_port;
    options.workers = app.config.workers;
    options.limits.connections_per_address = app.config.connections_per_address;
    options.routes = routes(app);
    options.admit = [&app](const std::string& group) { return app.addresses.admit(group, http::ticks()); };
    options.certificate_ends = [&app](const Bytes& certificate) { return end_of(app, certificate); };
    options.access_log = [&app](const http::AccessLine& line) {
        app.log.write(line.status == 0 ? "connection.dropped" : "request",
                      {{"request_id", line.request_id},
                       {"remote", line.remote},
                       {"method", line.method},
                       {"path", line.path},
                       {"status", static_cast<std::int64_t>(line.status)},
                       {"bytes", static_cast<std::int64_t>(line.bytes)},
                       {"microseconds", line.microseconds},
                       {"caller", line.caller},
                       {"note", line.note}});
    };
    options.common_headers = [&app] {
        const Instant now = app.clock.now();  // callers measure their own clock against it
        return std::vector<std::pair<std::string, std::string>>{{api::kNonceHeader, app.nonces.issue(now)},
                                                                {"Date", wire::http_date(now)}};
    };
    return options;
}

void renew_identity(App& app, http::Server& server) {
    const auto identity = app.server_identity();
    const Status replaced = identity ? server.replace(*identity) : pass(identity.error());
    if (replaced)
        app.log.write("tls.renewed", {});
    else
        app.log.write("tls.renewal_failed", {{"why", replaced.error().message}});
}

/// Waits for signals, renews the TLS certificate at half of its life, keeps count of the doors, and sweeps.
void run_until_stopped(App& app, http::Server& server, const sigset_t& signals) {
    const std::int64_t half = app.policy.in_force()->policy.built_in.ca_server.seconds() / 2;
    std::int64_t renew_at = app.clock.now().seconds() + half;
    std::int64_t count_at = app.clock.now().seconds() + auth::Knocks::kCountSeconds;
    for (;;) {
        const std::timespec wait{
            std::clamp<std::int64_t>(std::min(renew_at, count_at) - app.clock.now().seconds(), 1, 60), 0};
        const int signal = sigtimedwait(&signals, nullptr, &wait);
        if (signal == SIGTERM || signal == SIGINT) return;
        if (app.clock.now().seconds() >= count_at) {
            app.keep_knocks();
            count_at = app.clock.now().seconds() + auth::Knocks::kCountSeconds;
        }
        if (signal == SIGHUP)
            if (auto ok = app.apply_policy_file(); !ok)
                app.log.write("policy.refused", {{"why", ok.error().message}, {"rule", ok.error().why}});
        app.sweep();
        app.watch_breakglass();
        (void)app.revocation->current();  // on schedule; what fails is in the log
        if (signal == SIGHUP || app.clock.now().seconds() >= renew_at) {
            renew_identity(app, server);
            renew_at = app.clock.now().seconds() + half;
        }
    }
}

}  // namespace

Status serve(const Config& config) {
    const sigset_t signals = http::block_signals();
    if (auto ok = signer::harden(); !ok) return ok;
    keep_freed_memory();
    read_certificates_without_a_pool();

    const SystemClock clock;
    App app(config, clock);
    if (auto ok = app.start(); !ok) return ok;
    const auto identity = app.server_identity();
    if (!identity) return pass(identity.error());
    auto server = http::Server::start(server_options(app), *identity);
    if (!server) return pass(server.error());
    const std::string address = config.listen_address + ":" + std::to_string((*server)->port());
    if (auto ok = files::write(config.address_file(), view(address + "\n"), 0644); !ok) return ok;
    app.log.write("ready", {{"address", address},
                            {"trust_domain", config.trust_domain.text()},
                            {"policy_version", app.policy.in_force()->version}});
    ::sd_notify(0, "READY=1");

    run_until_stopped(app, **server, signals);
    ::sd_notify(0, "STOPPING=1");
    app.log.write("stopping", {});
    (*server)->stop(kGrace);
    server->reset();
    app.keep_knocks();
    app.log.write("stopped", {});
    return {};
}

}  // namespace mayfly::ca
