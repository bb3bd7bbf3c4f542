// What the signer may answer: the CA reads it without trusting its child's bytes.
#include <cstdint>

#include "ca/signer/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    using signer::Verb;
    const ByteView body(data, size);
    for (const auto verb : {Verb::ready, Verb::describe, Verb::sign_certificates, Verb::sign_checkpoint}) {
        const auto payload = signer::open_reply(verb, body);
        if (!payload) continue;
        if (verb == Verb::describe)
            if (const auto description = signer::parse_description(*payload))
                ensure(signer::encode_description_reply(*description) == to_bytes(body), "it reads back");
        if (verb == Verb::sign_certificates)
            if (const auto results = signer::parse_certificates(*payload, 2))
                ensure(results->size() == 2, "an answer for each order");
        if (verb == Verb::sign_checkpoint) (void)signer::parse_note_reply(*payload);
    }
    return 0;
}
