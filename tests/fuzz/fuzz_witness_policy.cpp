#include <cstdint>

#include "lib/log/witness_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto policy = log::WitnessPolicy::parse(text_of(ByteView(data, size)));
    if (!policy) return 0;
    std::set<std::string> all;
    for (const auto& witness : policy->witnesses()) all.insert(witness.name);
    ensure(policy->satisfied_by(all), "everybody together is always a quorum");
    return 0;
}
