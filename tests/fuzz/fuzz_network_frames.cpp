// What the agent's parts say to each other: either may have been taken over, and the other one reads its frames.
#include <cstdint>

#include "agent/network/frames.h"
#include "mayfly/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView frame(data, size);
    const auto bytes = to_bytes(frame);
    if (const auto question = agent::parse_question(frame))
        ensure(to_bytes(agent::encode_question(*question).reveal()) == bytes, "a question has one form");
    const auto answer = agent::parse_answer(frame);
    if (!answer) return 0;
    if (const auto* error = std::get_if<Error>(&*answer))
        for (const auto* words : {&error->message, &error->id, &error->why, &error->fix})
            for (const char c : *words) ensure(c >= 0x20 && c < 0x7f, "what it says is printable");
    else
        ensure(agent::encode_answer(*answer) == bytes, "an answer has one form");
    return 0;
}
