#include "ca/witness/serve.h"

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "ca/http/problem.h"
#include "ca/http/server.h"
#include "ca/http/signals.h"
#include "ca/signer/key_files.h"
#include "ca/signer/sandbox.h"
#include "ca/witness/witness.h"
#include "lib/files/files.h"
#include "lib/log/cosignature.h"

namespace mayfly::witness {

namespace {

constexpr std::size_t kLargestPem = 256 * 1024;
constexpr auto kGrace = std::chrono::seconds(5);

Result<http::Identity> load_identity(const Config& config) {
    const auto chain = files::read(config.tls_certificate, kLargestPem);
    if (!chain) return pass(chain.error(), "tls_certificate");
    // A link is followed here: what writes TLS keys swaps whole sets of files by one.
    std::error_code unresolved;
    const auto path = std::filesystem::canonical(config.tls_key, unresolved);
    auto key = signer::read_secret_file(unresolved ? config.tls_key : path.string());
    if (!key) return pass(key.error(), "tls_key");
    return http::Identity{std::move(*key), std::string(text_of(*chain))};
}

http::Response response_of(Reply reply) {
    http::Response out;
    out.status = reply.status;
    out.content_type = std::move(reply.content_type);
    if (out.status != 200 && out.status != 409) out.note = reply.body;
    out.body = std::move(reply.body);
    return out;
}

std::vector<http::Route> routes(Witness& witness) {
    using http::Request;
    const auto route = [](const char* method, const char* path, const char* summary, std::size_t largest,
                          std::function<http::Response(const Request&)> handler) {
        return http::Route{method, path, http::Who::anyone, summary, {}, {}, largest, std::move(handler)};
    };
    return {route("GET", "/healthz", "the process answers", 0, [](const Request&) { return http::Response{}; }),
            route("POST", "/add-checkpoint", "cosign a checkpoint (C2SP tlog-witness)", 64 * 1024,
                  [&witness](const Request& request) { return response_of(witness.add_checkpoint(request.body)); }),
            route("GET", "/{path}", "/<hex SHA-256 of the origin>/checkpoint: the newest cosigned head", 0,
                  [&witness](const Request& request) {
                      constexpr std::string_view kEnd = "/checkpoint";
                      std::string_view hash = std::string_view(request.path).substr(1);
                      if (!hash.ends_with(kEnd))
                          return response_of({404, "text/plain; charset=utf-8", "no such path\n"});
                      hash.remove_suffix(kEnd.size());
                      return response_of(witness.checkpoint(hash));
                  })};
}

/// One line of text per request; foreign text is escaped.
void log_line(const http::AccessLine& line) {
    std::printf("%s %s %s %u %s\n", line.remote.c_str(), line.method.c_str(), printable(line.path).c_str(), line.status,
                printable(line.note).c_str());
    std::fflush(stdout);
}

}  // namespace

Result<std::string> init(const std::string& dir, const Config& config) {
    if (auto ok = files::make_private_dir(dir); !ok) return pass(ok.error());
    const std::string key_file = dir + "/witness.key", file = dir + "/witness.toml";
    if (std::filesystem::exists(key_file) || std::filesystem::exists(file))
        return fail(Code::conflict, "there is a witness in " + dir + " already", "E-INIT-TWICE",
                    "another key would make its past worthless", "choose an empty folder");
    auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    const auto own = log::WitnessKey::make(config.name, key->public_key());
    if (!own) return pass(own.error());
    const Secret pem = key->export_pem();
    if (auto ok = files::write(key_file, pem.reveal(), 0600); !ok) return pass(ok.error());
    if (auto ok = files::write(file, view(config_text(config)), 0644); !ok) return pass(ok.error());
    return own->text();
}

Status serve(const Config& config) {
    const sigset_t signals = http::block_signals();
    if (auto ok = signer::harden(); !ok) return ok;

    const SystemClock clock;
    const auto pem = signer::read_secret_file(config.key_file());
    if (!pem) return pass(pem.error());
    auto key = crypto::PrivateKey::import_pem(pem->reveal());
    if (!key) return pass(key.error(), config.key_file());
    auto witness = Witness::open({config.name, config.state_dir, config.logs}, std::move(*key), clock);
    if (!witness) return pass(witness.error());
    const auto identity = load_identity(config);
    if (!identity) return pass(identity.error());

    http::ServerOptions options;
    options.address = config.listen_address;
    options.port = config.listen_port;
    options.workers = 2;
    options.limits.json_bodies = false;  // its protocol is text
    options.limits.connections_per_address = config.connections_per_address;
    options.routes = routes(**witness);
    options.access_log = log_line;
    auto server = http::Server::start(std::move(options), *identity);
    if (!server) return pass(server.error());
    const std::string address = config.listen_address + ":" + std::to_string((*server)->port());
    if (auto ok = files::write(config.address_file(), view(address + "\n"), 0644); !ok) return ok;

    for (;;) {
        const int signal = sigwaitinfo(&signals, nullptr);
        if (signal == SIGTERM || signal == SIGINT) break;
        if (signal != SIGHUP) continue;
        const auto renewed = load_identity(config);
        if (const Status ok = renewed ? (*server)->replace(*renewed) : pass(renewed.error()); !ok)
            std::fprintf(stderr, "warning: the certificate stays: %s\n", ok.error().message.c_str());
    }
    (*server)->stop(kGrace);
    return {};
}

}  // namespace mayfly::witness
