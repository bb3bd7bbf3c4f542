// What a revocation list costs: made by our writer, and asked by ssh-keygen -Q, which does what sshd does at a login.
//   bench-krl [REVOKED [AMONG]]     100000 among 10000000 when absent
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "lib/crypto/crypto.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

namespace {

using namespace mayfly;
using Steady = std::chrono::steady_clock;
using Serials = std::vector<std::uint64_t>;

double milliseconds_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

/// Runs of `run` serials each, `step` apart within a run, at places drawn evenly.
Serials pattern(std::uint64_t revoked, std::uint64_t among, std::uint64_t run, std::uint64_t step) {
    std::mt19937_64 random(1);
    Serials out;
    const std::uint64_t places = among / (run * step);
    std::vector<std::uint64_t> order(places);
    for (std::uint64_t i = 0; i < places; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (const auto place : order) {
        for (std::uint64_t i = 0; i < run && out.size() < revoked; ++i)
            out.push_back(1 + place * run * step + i * step);
        if (out.size() >= revoked) break;
    }
    return out;
}

double children_milliseconds() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

/// Processor time of ssh-keygen, the least of several runs: what the machine did meanwhile is not the list's.
double ask(const std::string& list, const std::string& certificate) {
    double best = 1e9;
    for (int i = 0; i < 15; ++i) {
        const double before = children_milliseconds();
        const auto done = test::run_command({"ssh-keygen", "-Q", "-f", list, certificate});
        best = std::min(best, children_milliseconds() - before);
        if (done.exit_code != 0) std::fprintf(stderr, "ssh-keygen -Q: %s%s\n", done.out.c_str(), done.err.c_str());
    }
    return best;
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t revoked = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    const std::uint64_t among = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000;
    const test::TemporaryFolder folder;
    const auto authority = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    wire::SshCertificate facts;
    facts.subject = key->public_key();
    facts.nonce = Bytes(32, 1);
    facts.serial = among + 1;  // not listed: all of the list is read in vain
    facts.key_id = "human/alice/ops/g-1";
    facts.principals = {"ops"};
    facts.valid_before = 4'000'000'000;
    facts.signer = authority->public_key();
    const Bytes tbs = wire::encode_to_be_signed(facts);
    const auto signature = authority->sign_ssh(tbs);
    const Bytes blob = wire::encode_signed(tbs, signature->algorithm, signature->signature);
    const auto certificate = folder.write("k-cert.pub", wire::encode_ssh_certificate_line(blob, "") + "\n");

    struct Row {
        const char* name;
        Serials serials;
    };
    const Row rows[] = {{"none", {}},
                        {"one in two, 2,500 at a time", pattern(revoked, among, 2500, 2)},
                        {"in runs of 40", pattern(revoked, among, 40, 1)},
                        {"one in eight, 5,000 at a time", pattern(revoked, among, 5000, 8)},
                        {"scattered without any pattern", pattern(revoked, among, 1, 1)}};
    std::printf("%llu revoked among %llu serials\n%-32s %10s %10s %14s %12s\n",
                static_cast<unsigned long long>(revoked), static_cast<unsigned long long>(among), "", "made, ms",
                "bytes", "-Q, CPU ms", "beyond none");
    double empty = 0;
    for (const auto& row : rows) {
        wire::Krl krl;
        krl.version = 1;
        krl.comment = "bench";
        const auto start = Steady::now();
        auto ranges = wire::serial_ranges(row.serials);
        if (!ranges.empty())
            krl.certificates = {{wire::encode_ssh_key(authority->public_key()), std::move(ranges), {}}};
        const Bytes bytes = wire::encode_krl(krl);
        const double made = milliseconds_since(start);
        const double asked = ask(folder.write("krl", bytes), certificate);
        if (row.serials.empty()) empty = asked;
        std::printf("%-32s %10.1f %10zu %14.1f %12.1f\n", row.name, made, bytes.size(), asked, asked - empty);
    }
    return 0;
}
