#include "lib/client/bundle.h"

#include "lib/client/ca_client.h"
#include "lib/client/http.h"
#include "lib/log/published.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"

namespace mayfly::client {

namespace {

tl::unexpected<Error> dishonest(const std::string& what) {
    return fail(Code::corrupt, "the trust bundle contradicts the CA's log: " + what, "E-BUNDLE-PROOF",
                "a bundle that the log did not publish must not be trusted",
                "tell whoever answers for the CA, with this message");
}

}  // namespace

Digest fingerprint_of(const api::Bundle& bundle) { return crypto::sha256(view(wire::to_json(bundle).canonical())); }

Status verify_bundle(const api::BundleReply& reply, const log::VerifierKey& key) {
    const auto event = log::read_published(reply.log_entry, reply.log_proof, "bundle.published", key);
    if (!event) return dishonest(event.error().message);
    if (!log::says(*event, "sha256", wire::hex(fingerprint_of(reply.bundle))))
        return dishonest("the log published another bundle");
    return {};
}

Status verify_update(const api::Bundle& pinned, const api::BundleReply& reply) {
    const auto& next = reply.bundle;
    if (next.trust_domain != pinned.trust_domain || next.log_key != pinned.log_key)
        return fail(Code::untrusted, "the CA offers a bundle of another authority", "E-BUNDLE-OTHER",
                    "trust domain and log key cannot change by an update",
                    "ask whoever runs the CA for the new fingerprint, then bootstrap again");
    if (next.version < pinned.version)
        return fail(Code::corrupt,
                    "the CA offers bundle " + std::to_string(next.version) + ", older than the pinned " +
                        std::to_string(pinned.version),
                    "E-BUNDLE-OLD", "versions only rise", "tell whoever answers for the CA, with this message");
    if (next.version == pinned.version && fingerprint_of(next) != fingerprint_of(pinned))
        return dishonest("there are two bundles of version " + std::to_string(next.version));
    const auto key = log::VerifierKey::parse(pinned.log_key);
    if (!key) return pass(key.error(), "pinned log key");
    return verify_bundle(reply, *key);
}

Result<api::BundleReply> fetch_bundle(const std::string& url, const Digest& fingerprint) {
    auto http = HttpClient::make({url, {}}, nullptr);
    if (!http) return pass(http.error());
    return fetch_bundle(*http, url, fingerprint);
}

Result<api::BundleReply> fetch_bundle(Transport& transport, const std::string& url, const Digest& fingerprint) {
    const auto reply = transport.get("/v1/bundle");
    if (!reply) return pass(reply.error());
    const auto body = body_of(*reply);
    if (!body) return pass(body.error());
    auto bundle = wire::parse_body<api::BundleReply>(*body, "bundle");
    if (!bundle)
        return fail(Code::untrusted, "what answers at " + url + " is not a Mayfly CA: " + bundle.error().message,
                    "E-NOT-A-CA", {}, "check the URL");
    const Digest found = fingerprint_of(bundle->bundle);
    if (found != fingerprint)
        return fail(Code::untrusted, "the CA at " + url + " has another fingerprint: " + wire::fingerprint(found),
                    "E-FINGERPRINT", "somebody else may be answering, or the fingerprint is of another CA",
                    "ask whoever runs the CA for the fingerprint, over another channel");
    // From here on the log key is pinned, and the log must say the same.
    const auto key = log::VerifierKey::parse(bundle->bundle.log_key);
    if (!key) return pass(key.error(), "log key of the bundle");
    if (auto ok = verify_bundle(*bundle, *key); !ok) return pass(ok.error());
    return bundle;
}

}  // namespace mayfly::client
