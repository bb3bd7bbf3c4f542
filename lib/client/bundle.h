#pragma once
// Bundle: the trust anchors of one CA, pinned once by fingerprint, and from then on updated by proof of its log.
#include <string>

#include "lib/client/transport.h"
#include "lib/log/note.h"
#include "mayfly/api.h"
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::client {

/// fingerprint_of is SHA-256 of the bundle's canonical JSON.
Digest fingerprint_of(const api::Bundle& bundle);
/// verify_bundle checks that the log published exactly this bundle, under that log key. Otherwise corrupt (exit 10).
Status verify_bundle(const api::BundleReply& reply, const log::VerifierKey& key);
/// verify_update checks a later bundle against the pinned one: the same trust domain and log key, not an older version,
/// published in the log. Who pinned the log key needs no other signature.
Status verify_update(const api::Bundle& pinned, const api::BundleReply& reply);

/// fetch_bundle trusts nothing but the fingerprint: for bootstrap. Another fingerprint is untrusted (exit 9).
Result<api::BundleReply> fetch_bundle(const std::string& url, const Digest& fingerprint);
/// The same over a transport that was made without roots; `url` is for messages.
Result<api::BundleReply> fetch_bundle(Transport& transport, const std::string& url, const Digest& fingerprint);

}  // namespace mayfly::client
