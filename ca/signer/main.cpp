// mayfly-signer: holds the issuer keys and the log key, and nothing else. Started by mayfly-ca over two socketpairs.
//
// Order of life: harden, open and unseal what it needs, drop root, close everything else, install the filter, say
// ready, answer the closed table of verbs until the sockets close.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ca/signer/key_files.h"
#include "ca/signer/sandbox.h"
#include "ca/signer/serve.h"

namespace {

using namespace mayfly;

constexpr int kBadFrame = 3;

Result<signer::Core> prepare(const signer::ChildOptions& options, const Clock& clock) {
    if (auto ok = signer::harden(); !ok) return pass(ok.error());
    auto keys = signer::load_keys(options.keys_dir, options.passphrase_file);
    if (!keys) return pass(keys.error());
    std::ifstream file(options.issuer_certificate, std::ios::binary);
    const std::string pem{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.good() && pem.empty())
        return fail(Code::not_found, "cannot read the issuing certificate " + options.issuer_certificate, "E-ISSUER",
                    {}, {});
    auto journal = signer::JournalWriter::open(options.journal);
    if (!journal) return pass(journal.error());
    auto core =
        signer::Core::make(std::move(*keys), pem, options.log_origin, options.envelope, clock, std::move(*journal));
    if (!core) return core;
    if (auto ok = core->warm_up(); !ok) return pass(ok.error());
    return core;
}

}  // namespace

int main(int argc, char** argv) {
    signer::Sockets sockets;
    const auto options = signer::parse_arguments({argv + 1, argv + argc}, sockets);
    if (!options) {
        std::fprintf(stderr, "error: %s\n  fix: %s\n", options.error().message.c_str(), options.error().fix.c_str());
        return 2;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGINT, SIG_IGN);  // the CA stops first and closes the sockets; that is our sign
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);

    const SystemClock clock;
    auto core = prepare(*options, clock);
    Status locked;
    if (core) locked = signer::become(options->user);
    if (core && locked) locked = signer::lock_in({sockets.orders, sockets.heads, core->journal_descriptor()});
    if (!core || !locked) {
        const Error& error = core ? locked.error() : core.error();
        const auto told = signer::write_frame(sockets.orders, signer::encode_error_reply(signer::Verb::ready, error));
        if (!told) std::fprintf(stderr, "error: %s\n", error.message.c_str());
        return 1;
    }
    if (auto ok = signer::write_frame(sockets.orders, signer::encode_ready_reply()); !ok) return 1;
    if (auto ok = signer::serve(*core, sockets); !ok) {
        std::fprintf(stderr, "mayfly-signer: %s; ending\n", ok.error().message.c_str());
        return kBadFrame;
    }
    return 0;
}
