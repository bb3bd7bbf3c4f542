#include <cstdint>

#include "lib/log/proof.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto proof = log::parse_proof(text_of(input));
    if (!proof) return 0;
    const auto again = log::parse_proof(log::encode_proof(*proof));
    ensure(again && again->hashes == proof->hashes && again->index == proof->index, "a proof reads back");
    return 0;
}
