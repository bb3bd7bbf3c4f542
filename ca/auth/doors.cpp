#include "ca/auth/doors.h"

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/wire/api.h"
#include "lib/wire/sshsig.h"
#include "lib/wire/text.h"

namespace mayfly::auth {

namespace {

constexpr std::string_view kTokenPrefix = "mayfly-join-";

tl::unexpected<Error> stranger(std::string fix) {
    return fail(Code::unauthenticated, "who is asking could not be established", "E-WHO",
                "the credential is unknown here, expired, revoked, or its owner is not active", std::move(fix));
}

Status still_active(const store::CallerRecord& record) {
    if (record.identity_state != policy::State::active) return fail(Code::denied, "the identity is suspended");
    const bool handing_over = record.owner_state == policy::State::leaving && record.identity.kind() != Kind::human;
    if (record.owner_state != policy::State::active && !handing_over)
        return fail(Code::denied, "the owner is not active");
    return {};
}

}  // namespace

bool Caller::has(store::Duty duty) const { return std::find(duties().begin(), duties().end(), duty) != duties().end(); }

Doors::Doors(store::Store& store, TrustDomain domain, Nonces& nonces, Notice notice)
    : store_(store), domain_(std::move(domain)), nonces_(nonces), notice_(std::move(notice)) {}

Result<Caller> Doors::by_certificate(ByteView der, Instant now, std::int64_t late) const {
    const auto refuse = [&](std::string_view what) {
        notice_(what);
        return stranger("mayfly login (people), or mayfly-agent enroll with a new join token (nodes)");
    };
    const auto found = store_.find_certificate(crypto::sha256(der));
    if (!found) return pass(found.error());
    if (!*found) return refuse("the client certificate is none that this CA minted for calling it");
    const auto& [record, certificate] = **found;
    if (certificate.revoked) return refuse("certificate " + certificate.serial + " is revoked");
    const bool ended = now >= certificate.validity.before();
    const bool may_be_late =
        certificate.kind == "node" && now < Instant(certificate.validity.before().seconds() + late);
    if (!certificate.validity.contains(now) && !(ended && may_be_late))
        return refuse("certificate " + certificate.serial + " is expired");
    if (const auto active = still_active(record); !active) return refuse(active.error().message);
    return Caller(record, "certificate", certificate.serial, certificate.validity.before(),
                  certificate.validity.after(), certificate.strong);
}

Result<Caller> Doors::by_enrolled_key(const ProofClaim& claim, Instant now) const {
    const auto refuse = [&](std::string_view what) {
        notice_(what);
        return stranger("ask a platform owner whether your SSH public key is enrolled: mayfly identity list");
    };
    const auto key = proven_key(claim, now);
    if (!key) {
        if (key.error().id == "E-NONCE") return pass(key.error());
        return refuse(key.error().message);
    }
    const auto found = store_.find_enrolled_key(crypto::key_id(*key));
    if (!found) return pass(found.error());
    if (!*found) return refuse("the key " + wire::fingerprint(crypto::ssh_fingerprint(*key)) + " is not enrolled");
    if (const auto active = still_active(**found); !active) return refuse(active.error().message);
    return Caller(**found, "enrolled-key", {}, now + *Lifetime::of_seconds(60), now, key->hardware_backed());
}

Result<Doors::Joining> Doors::by_join_token(std::string_view token, Instant now) const {
    const auto refuse = [&](std::string_view what) {
        notice_(what);
        return fail(Code::unauthenticated, "the join token is not accepted", "E-TOKEN",
                    "a join token works once, for one node, until it expires",
                    "ask for a new one: mayfly token create --node NODE --owner OWNER");
    };
    if (!token.starts_with(kTokenPrefix)) return refuse("this is not a join token");
    const Digest hash = token_hash(token);
    const auto found = store_.find_token(hash);
    if (!found) return pass(found.error());
    if (!*found) return refuse("the join token is unknown");
    const auto& record = **found;
    if (record.used && !record.used_by)
        return refuse("the join token of node " + record.node.text() + " was used before");
    if (record.expires <= now) return refuse("the join token of node " + record.node.text() + " is expired");
    const auto identity = IdentityName::of(Kind::node, record.node.text());
    if (!identity) return pass(identity.error());
    store::CallerRecord caller{*identity, policy::State::active, record.owner, policy::State::active,
                               {},        record.labels,         record.hosts, record.tenant};
    return Joining{Caller(std::move(caller), "join-token", {}, record.expires), hash, record.used_by};
}

Caller Doors::itself(OwnerName owner) {
    auto identity = IdentityName::of(Kind::ca, "server");
    ensure(identity.has_value(), "the CA's own name is valid");
    store::CallerRecord record{*identity, policy::State::active, std::move(owner), policy::State::active, {}, {}, {}};
    return Caller(std::move(record), "itself", {}, Instant(0));
}

Result<PublicKey> Doors::proven_key(const ProofClaim& claim, Instant now, crypto::Touch touch) const {
    const auto space = claim.header.find(' ');
    if (space == std::string_view::npos)
        return fail(Code::unauthenticated, std::string("the header ") + api::kProofHeader + " is missing or malformed",
                    "E-PROOF", "it reads \"<nonce> <base64 SSHSIG>\"", {});
    const auto nonce = claim.header.substr(0, space);
    if (auto burned = nonces_.burn(nonce, now); !burned) return pass(burned.error());

    const auto refuse = [](const Error& error) {
        return fail(Code::unauthenticated, "the proof of possession does not hold: " + error.message, "E-PROOF",
                    "it must sign method, path, trust domain, nonce and body hash in namespace " +
                        std::string(api::kProofNamespace),
                    {});
    };
    const auto blob = wire::parse_base64(claim.header.substr(space + 1));
    if (!blob) return refuse(blob.error());
    const auto signature = wire::parse_sshsig(*blob);
    if (!signature) return refuse(signature.error());
    const std::string message =
        wire::proof_message(claim.method, claim.path, domain_.text(), nonce, crypto::sha256(claim.body));
    if (auto good = crypto::verify(*signature, api::kProofNamespace, view(message), touch); !good)
        return refuse(good.error());
    return signature->key;
}

std::string token_text(Rng& rng) {
    Bytes secret(32);
    rng.fill(secret);
    return std::string(kTokenPrefix) + wire::base64url(secret);
}

Digest token_hash(std::string_view token) { return crypto::sha256(view(token)); }

}  // namespace mayfly::auth
