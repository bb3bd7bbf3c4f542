// What the signer's parent may say: a frame that reads as a request writes back to the same bytes, so nothing the
// signer acts on was said in two ways.
#include <cstdint>

#include "ca/signer/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView body(data, size);
    const auto verb = signer::request_verb(body);
    if (!verb) return 0;
    if (*verb == signer::Verb::sign_certificates)
        if (const auto orders = signer::parse_orders(body))
            ensure(signer::encode_orders(*orders) == to_bytes(body), "reader and writer of orders are inverses");
    if (*verb == signer::Verb::sign_checkpoint)
        if (const auto order = signer::parse_checkpoint_order(body))
            ensure(signer::encode_checkpoint_order(*order) == to_bytes(body), "reader and writer are inverses");
    if (*verb == signer::Verb::sign_crl)
        if (const auto order = signer::parse_crl_order(body))
            ensure(signer::encode_crl_order(*order) == to_bytes(body), "reader and writer of list orders are inverses");
    return 0;
}
