// bench-load: asks a running CA for certificates, as fast as it answers or at a given rate, and says what it took.
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <boost/asio/ssl/host_name_verification.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "lib/client/context.h"
#include "mayfly/exit.h"
#include "tests/bench/load/traffic.h"
#include "tests/bench/load/verify.h"

namespace {

using namespace mayfly;
using namespace mayfly::bench;
namespace ssl = boost::asio::ssl;

struct Flags {
    std::string what = "ssh", role = "ops", name = "dns:a.test.internal", address;
    std::size_t connections = 16, threads = 2, keys = 64, verify = 1000;
    double seconds = 5, warm_up = 1, rate = 0;
    bool fresh = false;
};

What what_of(const std::string& word) {
    return word == "ssh" ? What::ssh : word == "x509" ? What::x509 : What::constant;
}

Result<boost::asio::ip::tcp::endpoint> endpoint_of(std::string address) {
    if (const auto scheme = address.find("://"); scheme != std::string::npos) address.erase(0, scheme + 3);
    const auto colon = address.rfind(':');
    boost::system::error_code error;
    const auto ip = boost::asio::ip::make_address(address.substr(0, colon), error);
    const auto port = colon == std::string::npos ? 0 : std::atoi(address.c_str() + colon + 1);
    if (error || port <= 0 || port > 65535)
        return fail(Code::malformed, "\"" + address + "\" is not an address like 127.0.0.1:8443");
    return boost::asio::ip::tcp::endpoint(ip, static_cast<std::uint16_t>(port));
}

/// What a careful client does: TLS 1.3, our certificate, and the server's chain and name verified against the roots.
Result<std::unique_ptr<ssl::context>> make_tls(const client::Context& known, Instant now) {
    const auto credential = known.session(now);
    if (!credential) return pass(credential.error());
    auto tls = std::make_unique<ssl::context>(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_3_VERSION);
    boost::system::error_code error;
    const auto key = credential->key_pem.reveal();
    tls->use_certificate_chain(boost::asio::buffer(credential->chain_pem), error);
    if (!error) tls->use_private_key(boost::asio::buffer(key.data(), key.size()), ssl::context::pem, error);
    for (const auto& root : known.bundle.x509_roots)
        if (!error) tls->add_certificate_authority(boost::asio::buffer(root), error);
    if (error) return fail(Code::malformed, "the session cannot be used: " + error.message());
    tls->set_verify_mode(ssl::verify_peer);
    tls->set_verify_callback(ssl::host_name_verification("127.0.0.1"));
    return tls;
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Checks what was kept, each thread's on a thread; how many there were.
Result<std::size_t> verify_all(const api::Bundle& bundle, const std::vector<Seen>& seen,
                               const std::vector<Asker>& askers) {
    std::vector<Result<Verifier>> verifiers;
    for (std::size_t i = 0; i < seen.size(); ++i) verifiers.push_back(Verifier::make(bundle));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i)
        threads.emplace_back([&, i] {
            auto& verifier = verifiers[i];
            for (const auto& kept : seen[i].kept)
                if (const auto ok = verifier->check(kept.body, askers[i].key(kept.key)); !ok) {
                    verifier = pass(ok.error());
                    return;
                }
        });
    for (auto& thread : threads) thread.join();
    auto all = Verifier::make(bundle);
    if (!all) return pass(all.error());
    for (auto& verifier : verifiers) {
        if (!verifier) return pass(verifier.error());
        if (auto ok = all->add(std::move(*verifier)); !ok) return pass(ok.error());
    }
    return all->checked();
}

Result<wire::Json::Object> measure(const Flags& flags) {
    const auto known = client::load_context({});
    if (!known) return pass(known.error());
    const auto tls = make_tls(*known, SystemClock().now());
    if (!tls) return pass(tls.error());
    const auto server = endpoint_of(flags.address.empty() ? known->url : flags.address);
    if (!server) return pass(server.error());

    std::vector<Asker> askers;
    for (std::size_t i = 0; i < flags.threads; ++i) {
        auto asker = Asker::make(what_of(flags.what), known->bundle.trust_domain, flags.role, flags.name, flags.keys);
        if (!asker) return pass(asker.error());
        askers.push_back(std::move(*asker));
    }
    const auto length = [](double seconds) {
        return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
    };
    Plan plan{*server, 0, flags.fresh, flags.rate / static_cast<double>(flags.threads), 1, Steady::now(), {}, {}, 0};
    plan.measure_from = plan.start + length(flags.warm_up);
    plan.end = plan.measure_from + length(flags.seconds);
    plan.keep = flags.what == "constant" ? 0 : flags.verify / flags.threads;

    const double cpu_before = cpu_seconds();
    std::vector<Seen> seen(flags.threads);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < flags.threads; ++i) {
        Plan mine = plan;
        mine.seed = static_cast<std::uint32_t>(i + 1);
        mine.connections = flags.connections / flags.threads + (i < flags.connections % flags.threads ? 1 : 0);
        threads.emplace_back([&, i, mine] { seen[i] = run_traffic(mine, askers[i], **tls); });
    }
    for (auto& thread : threads) thread.join();
    const double cpu = cpu_seconds() - cpu_before;

    Statistics all;
    for (const auto& one : seen) {
        if (one.trouble) return pass(*one.trouble);
        all.add(one.statistics);
    }
    const auto verified = verify_all(known->bundle, seen, askers);
    if (!verified) return pass(verified.error());
    auto report = all.report(plan.end - plan.measure_from);
    report.emplace("verified", static_cast<std::int64_t>(*verified));
    report.emplace("client_cpu_us", all.good() == 0
                                        ? std::int64_t{0}
                                        : static_cast<std::int64_t>(cpu * 1e6 / static_cast<double>(all.good())));
    return report;
}

}  // namespace

int main(int argc, char** argv) {
    Flags flags;
    CLI::App app{"bench-load: asks the CA of the current context for certificates and measures"};
    app.add_option("what", flags.what, "ssh, x509 or constant")->check(CLI::IsMember({"ssh", "x509", "constant"}));
    app.add_option("--address", flags.address, "HOST:PORT; that of the context when absent");
    app.add_option("--role", flags.role)->capture_default_str();
    app.add_option("--name", flags.name, "subject name of X.509 certificates")->capture_default_str();
    app.add_option("--connections", flags.connections)->check(CLI::Range(1, 4096))->capture_default_str();
    app.add_option("--threads", flags.threads)->check(CLI::Range(1, 64))->capture_default_str();
    app.add_option("--keys", flags.keys, "subject keys per thread")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    app.add_option("--seconds", flags.seconds)->capture_default_str();
    app.add_option("--warm-up", flags.warm_up)->capture_default_str();
    app.add_option("--rate", flags.rate, "requests per second, open loop; 0: closed loop")->capture_default_str();
    app.add_option("--verify", flags.verify, "check at most so many of the certificates")->capture_default_str();
    app.add_flag("--fresh", flags.fresh, "a new connection for every request");
    CLI11_PARSE(app, argc, argv);
    const auto report = measure(flags);
    if (!report) return mayfly::report(report.error());
    std::printf("%s\n", wire::Json(*report).canonical().c_str());
    return 0;
}
