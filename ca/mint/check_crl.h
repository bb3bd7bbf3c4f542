#pragma once
// A revocation list is checked like a certificate before anybody sees it: read back by our strict reader and by Botan,
// every field compared, the signature verified.
#include "ca/mint/mint.h"
#include "ca/signer/crl_order.h"

namespace mayfly::mint {

/// crl_meant is the list that an order will become, with what the signer adds.
wire::Crl crl_meant(const Authority& authority, const signer::CrlOrder& order);
/// Fails with corrupt when `der` is another list than was meant.
Status check_crl(const Authority& authority, const wire::Crl& meant, ByteView der);

}  // namespace mayfly::mint
