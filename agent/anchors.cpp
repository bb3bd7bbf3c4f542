#include "agent/anchors.h"

#include <algorithm>

#include "lib/client/bundle.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::agent {

Status check_anchors(const api::NodeTrust& trust, const api::Bundle& pinned) {
    std::vector<PublicKey> known;
    for (const auto& line : pinned.ssh_user_cas)
        if (auto key = wire::parse_ssh_key_line(line)) known.push_back(std::move(key->key));
    for (const auto& line : trust.ssh_user_cas) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error(), "user CA");
        if (std::find(known.begin(), known.end(), key->key) == known.end())
            return fail(Code::untrusted, "the CA names a user CA that the pinned bundle does not", "E-TRUST-CA",
                        "a key that the log never published must open nothing; the last good set stays",
                        "tell whoever answers for the CA, with this message");
    }
    return {};
}

Result<std::optional<api::Bundle>> newer_bundle(client::CaClient& ca, const api::NodeTrust& trust,
                                                const api::Bundle& pinned) {
    if (trust.bundle_version <= pinned.version) return std::optional<api::Bundle>();
    auto reply = ca.get<api::BundleReply>("/v1/bundle");
    if (!reply) return pass(reply.error());
    if (auto ok = client::verify_update(pinned, *reply); !ok) return pass(ok.error());
    if (reply->bundle.version == pinned.version) return std::optional<api::Bundle>();
    return std::optional(std::move(reply->bundle));
}

}  // namespace mayfly::agent
