// Step 5: exactly what. From the Permit alone; a request contributes a public key and nothing else.
#include <algorithm>

#include "ca/mint/mint.h"
#include "ca/steps/key_id.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/crl.h"
#include "lib/wire/text.h"

namespace mayfly::mint {

namespace {

constexpr std::size_t kNonceBytes = 32;
constexpr std::size_t kSerialBytes = 18, kSerialOrder = 7;  // 144 bits, the last 88 of them random
constexpr std::int64_t kShortLived = 7LL * 24 * 3600;  // RFC 9608 is for leaves that expire sooner than a CRL helps

wire::SshCertificate ssh_facts(const Authority& authority, const policy::Permit& permit, std::uint64_t serial,
                               std::string key_id, const Validity& validity, Rng& rng) {
    const bool user = permit.profile != policy::Profile::ssh_host;
    wire::SshCertificate facts;
    facts.subject = permit.key;
    facts.nonce.resize(kNonceBytes);
    rng.fill(facts.nonce);
    facts.serial = serial;
    facts.type = user ? wire::SshCertificateType::user : wire::SshCertificateType::host;
    facts.key_id = std::move(key_id);
    facts.principals = permit.principals;
    facts.valid_after = static_cast<std::uint64_t>(validity.after().seconds());
    facts.valid_before = static_cast<std::uint64_t>(validity.before().seconds());
    if (!permit.force_command.empty()) facts.critical_options.push_back({"force-command", permit.force_command});
    if (!permit.source_addresses.empty()) {
        std::string list;
        for (const auto& block : permit.source_addresses) list += (list.empty() ? "" : ",") + block;
        facts.critical_options.push_back({"source-address", list});
    }
    if (permit.verify_required) facts.critical_options.push_back({"verify-required", ""});
    for (const auto& [name, value] : permit.critical_options) facts.critical_options.push_back({name, value});
    std::sort(facts.critical_options.begin(), facts.critical_options.end());
    for (const auto& extension : permit.extensions) facts.extensions.push_back({extension, ""});
    facts.signer = user ? authority.ssh_user : authority.ssh_host;
    return facts;
}

/// Node, second, number, then as much at random as anybody asks for: in the order in which certificates are made, so
/// that who keeps millions of them by serial adds at one end of an index, and not somewhere in gigabytes
/// (docs/decisions/006).
Bytes x509_serial(const Authority& authority, std::uint64_t number, Rng& rng, Instant now) {
    Bytes serial(kSerialBytes);
    rng.fill(std::span(serial).subspan(kSerialOrder));
    serial[0] = authority.node;
    const auto second = static_cast<std::uint64_t>(now.seconds());
    const std::uint64_t order = second << 16U | (number & 0xffffU);
    for (std::size_t i = 1; i < kSerialOrder; ++i)
        serial[i] = static_cast<std::uint8_t>(order >> (8 * (kSerialOrder - 1 - i)));
    return serial;
}

wire::X509Certificate x509_facts(const Authority& authority, const policy::Permit& permit, const Validity& validity,
                                 Bytes serial) {
    wire::X509Certificate facts;
    facts.serial = std::move(serial);
    facts.issuer_common_name = authority.issuer_common_name;
    facts.subject_common_name = permit.common_name;
    facts.validity = validity;
    facts.subject = permit.key;
    facts.issuer_algorithm = authority.x509.algorithm;
    facts.authority_key_id = crypto::x509_key_identifier(authority.x509);
    facts.subject_key_id = crypto::x509_key_identifier(permit.key);
    facts.usage = permit.server && permit.client ? wire::X509Usage::server_and_client
                  : permit.server                ? wire::X509Usage::server
                                                 : wire::X509Usage::client;
    // RFC 9608 section 2: never both. ca.toml has a place for lists before it has lifetimes that need one.
    facts.no_revocation = permit.lifetime.seconds() <= kShortLived;
    if (!facts.no_revocation && !authority.crl_url.empty())
        facts.crl_url =
            authority.crl_shards < 2
                ? authority.crl_url
                : authority.crl_url + "/" + std::to_string(wire::shard_of(facts.serial, authority.crl_shards));
    facts.names = permit.names;
    return facts;
}

steps::IssuerId pick_issuer(policy::Profile profile) {
    switch (profile) {
        case policy::Profile::ssh_user:
        case policy::Profile::canary: return steps::IssuerId::ssh_user;
        case policy::Profile::ssh_host: return steps::IssuerId::ssh_host;
        case policy::Profile::session:
        case policy::Profile::node:
        case policy::Profile::ca_server:
        case policy::Profile::x509: break;
    }
    return steps::IssuerId::x509;
}

}  // namespace

Result<steps::Spec> Exactly::spec(const Authority& authority, const policy::Permit& permit, const policy::Ask& ask,
                                  const std::string& policy_version, std::uint64_t number, Rng& rng, Instant now) {
    const auto issuer = pick_issuer(permit.profile);
    const auto validity = Validity::between(Instant(now.seconds() - authority.backdate_seconds), now + permit.lifetime);
    if (!validity) return pass(validity.error());
    steps::IntentId id{};
    rng.fill(id);

    steps::Accountability whose{std::string(policy::name(permit.profile)),
                                permit.identity,
                                permit.owner,
                                permit.role ? permit.role->text() : "",
                                permit.grant,
                                permit.principals,
                                permit.reasons,
                                policy_version,
                                ask.reason,
                                permit.marks};
    if (issuer != steps::IssuerId::x509) {
        auto facts = ssh_facts(authority, permit, number, steps::ssh_key_id(whose), *validity, rng);
        Bytes bytes = wire::encode_to_be_signed(facts);
        const Digest digest = crypto::sha256(bytes);
        return steps::Spec(id, issuer, std::move(facts), std::move(bytes), digest, std::move(whose),
                           crypto::key_id(permit.key), std::to_string(number), *validity);
    }
    auto facts = x509_facts(authority, permit, *validity, x509_serial(authority, number, rng, now));
    for (const auto& name : facts.names) whose.names.push_back(name.tagged());
    auto bytes = wire::encode_to_be_signed(facts);
    if (!bytes) return pass(bytes.error());
    const Digest digest = crypto::sha256(*bytes);
    std::string serial = wire::hex(facts.serial);
    return steps::Spec(id, issuer, std::move(facts), std::move(*bytes), digest, std::move(whose),
                       crypto::key_id(permit.key), std::move(serial), *validity);
}

}  // namespace mayfly::mint
