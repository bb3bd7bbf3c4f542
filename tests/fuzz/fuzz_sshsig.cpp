#include <cstdint>

#include "lib/wire/sshsig.h"

#include "lib/crypto/crypto.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto signature = wire::parse_sshsig(input);
    if (signature) ensure(!crypto::verify(*signature, "fuzz", view("fuzz")), "nobody signed this");
    (void)wire::parse_sshsig_armor(text_of(input));
    return 0;
}
