// bench-raw: what OpenSSL itself does on these cores, with nothing around it: two threads that sign, or verify, a few
// hundred bytes over and over. Prints operations per second as JSON.
#include <utility>

#include "tests/bench/signatures.h"

using namespace mayfly::bench;

int main(int argc, char** argv) {
    constexpr std::size_t kThreads = 2;
    const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 1;
    const Key edwards = ed25519(), nist = p256();
    const Bytes message(400, 0x5a);
    const char* before = "{";
    for (const auto& [name, key] : {std::pair{"ed25519", edwards.get()}, {"p256", nist.get()}}) {
        const auto signature = sign(key, message);
        const double signs = per_second(kThreads, seconds, [&, key = key] { sign(key, message); });
        const double verifies = per_second(kThreads, seconds, [&, key = key] { verify(key, message, signature); });
        std::printf("%s\"raw_%s_sign_per_s\":%.0f,\"raw_%s_verify_per_s\":%.0f", before, name, signs, name, verifies);
        before = ",";
    }
    std::printf("}\n");
}
