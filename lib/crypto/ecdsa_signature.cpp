#include "lib/crypto/ecdsa_signature.h"

#include "lib/wire/buffer.h"
#include "lib/wire/der.h"

namespace mayfly::crypto {

Result<Bytes> ecdsa_der_to_ssh(ByteView der) {
    wire::der::Reader outer(der);
    const auto body = outer.expect(wire::der::kSequence, "ECDSA signature");
    if (!body) return pass(body.error());
    wire::der::Reader numbers(body->contents);
    wire::Writer out;
    for (const auto* what : {"ECDSA r", "ECDSA s"}) {
        const auto number = numbers.expect(wire::der::kInteger, what);
        if (!number) return pass(number.error());
        out.mpint(number->contents);
    }
    return out.take();
}

Result<Bytes> ecdsa_ssh_to_der(ByteView ssh) {
    wire::Reader in(ssh);
    const auto r = in.mpint("ECDSA r");
    if (!r) return pass(r.error());
    const auto s = in.mpint("ECDSA s");
    if (!s) return pass(s.error());
    if (auto ok = in.finish("ECDSA signature"); !ok) return pass(ok.error());
    return wire::der::sequence({wire::der::integer(ByteView(*r)), wire::der::integer(ByteView(*s))});
}

}  // namespace mayfly::crypto
