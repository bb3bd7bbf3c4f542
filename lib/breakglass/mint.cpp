#include "lib/breakglass/mint.h"

#include <algorithm>

#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"

namespace mayfly::breakglass {

namespace {

// A node whose clock runs a little behind must not refuse the certificate; the same as for all others.
constexpr std::int64_t kBackdate = 30;
constexpr std::size_t kMostReason = 1000;

tl::unexpected<Error> outside(const char* rule, std::string message, std::string why, std::string fix) {
    return fail(Code::denied, std::move(message), rule, std::move(why), std::move(fix));
}

template <class Name>
std::string list(const std::vector<Name>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ", ") + name.text();
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
    return out;
}

/// 63 random bits, never 0: there is no counter that all offline machines could share.
std::uint64_t random_serial(Rng& rng) {
    for (;;) {
        std::array<std::uint8_t, 8> bytes{};
        rng.fill(bytes);
        std::uint64_t serial = 0;
        for (const auto byte : bytes) serial = (serial << 8U) | byte;
        serial >>= 1U;
        if (serial != 0) return serial;
    }
}

std::string random_id(Rng& rng) {
    std::array<std::uint8_t, 8> bytes{};
    rng.fill(bytes);
    return "b-" + wire::hex(bytes);
}

Status check(const wire::SshCertificate& meant, ByteView blob) {
    const auto differs = [](const std::string& what) {
        return fail(Code::corrupt, "the certificate is not the one that was meant: " + what, "E-CHECK",
                    "nothing is released", {});
    };
    const auto read = wire::parse_ssh_certificate(blob);
    if (!read) return differs(read.error().message);
    if (!(read->fields == meant)) return differs("a field is not as specified");
    if (auto good = crypto::verify(*read); !good) return differs(good.error().message);
    if (const auto findings = wire::lint(read->fields); !findings.empty()) return differs(findings.front());
    return {};
}

}  // namespace

Status within(const Envelope& envelope, const Wish& wish, const std::vector<SignedRecord>& before, Instant now) {
    if (now < envelope.created || (!before.empty() && now < before.back().record.minted))
        return fail(Code::unavailable, "this machine's clock is behind: it says " + now.text(), "E-CLOCK",
                    "the envelope or the last record is of " +
                        (before.empty() ? envelope.created : before.back().record.minted).text(),
                    "set the clock, and compare it with the node's");
    if (now >= envelope.expires)
        return fail(Code::expired, "the envelope ended at " + envelope.expires.text(), "E-BREAKGLASS-EXPIRED",
                    "nodes no longer trust its key", "mayfly breakglass shares create makes a new one");
    if (!opens(envelope, wish.node))
        return outside("E-BREAKGLASS-NODE", "the envelope does not reach the node \"" + wish.node.text() + "\"",
                       "it reaches " + list(envelope.nodes), "--node one of these");
    if (!std::binary_search(envelope.accounts.begin(), envelope.accounts.end(), wish.account))
        return outside("E-BREAKGLASS-ACCOUNT", "the envelope does not open the account \"" + wish.account.text() + "\"",
                       "it opens " + list(envelope.accounts), "--account one of these");
    if (wish.ttl > envelope.longest)
        return outside("E-BREAKGLASS-TTL", "the envelope does not allow certificates of " + wish.ttl.text(),
                       "at most " + envelope.longest.text(), "--ttl " + envelope.longest.text());
    if (wish.reason.empty() || wish.reason.size() > kMostReason)
        return fail(Code::malformed, "a break-glass use needs a reason of at most 1,000 bytes", "E-REASON",
                    "the review holds it against what was done", "--reason \"…\"");
    if (wish.key == envelope.key)
        return outside("E-BREAKGLASS-KEY", "the emergency key does not certify itself", {}, "--key of your own key");
    return {};
}

Result<Minted> mint(const SignedEnvelope& envelope, const crypto::PrivateKey& key, const Wish& wish,
                    const std::vector<OwnerName>& holders, const std::vector<SignedRecord>& before, Instant now,
                    Rng& rng) {
    // 1. Within the envelope, whatever was asked before.
    if (auto ok = within(envelope.envelope, wish, before, now); !ok) return pass(ok.error());
    // 2. Exactly what.
    const std::string id = random_id(rng);
    wire::SshCertificate meant;
    meant.subject = wish.key;
    meant.nonce.resize(32);
    rng.fill(meant.nonce);
    meant.serial = random_serial(rng);
    meant.key_id = key_id_of(wish.by, wish.node, id);
    meant.principals = {principal_of(wish.account, wish.node).text()};
    meant.valid_after = static_cast<std::uint64_t>(now.seconds() - kBackdate);
    meant.valid_before = static_cast<std::uint64_t>((now + wish.ttl).seconds());
    if (!envelope.envelope.force_command.empty())
        meant.critical_options.push_back({"force-command", envelope.envelope.force_command});
    if (!envelope.envelope.source_addresses.empty())
        meant.critical_options.push_back({"source-address", joined(envelope.envelope.source_addresses)});
    meant.extensions.push_back({"permit-pty", ""});
    meant.signer = envelope.envelope.key;
    // 3. Sign, read back, lint.
    const Bytes to_be_signed = wire::encode_to_be_signed(meant);
    const auto signature = key.sign_ssh(to_be_signed);
    if (!signature) return pass(signature.error());
    Bytes blob = wire::encode_signed(to_be_signed, signature->algorithm, signature->signature);
    if (auto ok = check(meant, blob); !ok) return pass(ok.error());
    // 4. Its record, chained to the one before.
    auto sorted = holders;
    std::sort(sorted.begin(), sorted.end());
    auto record = sign_record(
        {id, before.empty() ? 1 : before.back().record.number + 1, before.empty() ? envelope.hash : before.back().hash,
         envelope.hash, meant.serial, meant.key_id, wish.node, wish.account, wish.key, wish.by, std::move(sorted),
         wish.reason, now, Instant(now.seconds() - kBackdate), now + wish.ttl, crypto::sha256(blob)},
        key);
    if (!record) return pass(record.error());
    if (auto again = read_record(record->line, envelope); !again) return pass(again.error());
    return Minted{std::move(blob), std::move(*record)};
}

}  // namespace mayfly::breakglass
