#include "ca/signer/envelope.h"

#include <limits>

namespace mayfly::signer {

namespace {

tl::unexpected<Error> outside(std::string what) {
    return fail(Code::denied, "outside the signer's envelope: " + std::move(what), "E-ENVELOPE",
                "the signer refuses this whatever the rest of the CA asks for",
                "the limits stand under [signer] in ca.toml, owned by root");
}

Status check_times(const Envelope& envelope, std::int64_t after, std::int64_t before, Lifetime longest, Instant now) {
    if (before <= after) return outside("it ends before it starts");
    // The backdating of validity comes on top of the lifetime.
    if (before - after > longest.seconds() + envelope.clock_slack_seconds)
        return outside("it lives longer than " + longest.text());
    if (after > now.seconds() + envelope.clock_slack_seconds || after < now.seconds() - envelope.clock_slack_seconds)
        return outside("it does not start now");
    return {};
}

}  // namespace

Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::SshCertificate& facts,
                      Instant now) {
    using wire::SshCertificateType;
    const bool user = facts.type == SshCertificateType::user;
    if (issuer != (user ? steps::IssuerId::ssh_user : steps::IssuerId::ssh_host))
        return outside("a certificate of one type by the issuer of the other");
    const auto findings = wire::lint(facts);
    if (!findings.empty()) return outside(findings.front());
    constexpr auto kLast = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (facts.valid_after > kLast || facts.valid_before > kLast) return outside("it never ends");
    return check_times(envelope, static_cast<std::int64_t>(facts.valid_after),
                       static_cast<std::int64_t>(facts.valid_before),
                       user ? envelope.longest_ssh_user : envelope.longest_ssh_host, now);
}

Status check_envelope(const Envelope& envelope, steps::IssuerId issuer, const wire::X509Certificate& facts,
                      Instant issuer_ends, Instant now) {
    if (issuer != steps::IssuerId::x509) return outside("an X.509 certificate by an SSH issuer");
    if (facts.usage == wire::X509Usage::authority) return outside("it would be a CA");
    if (facts.names.empty()) return outside("it names nobody");
    if (facts.no_revocation == !facts.crl_url.empty())
        return outside("it says neither, or both, that it cannot be revoked and where that would be said");
    if (!facts.constraints.empty()) return outside("it constrains names, which CAs do");
    if (facts.names.size() > 100) return outside("more than 100 names");
    if (facts.serial.size() < 8 || facts.serial.size() > 20)
        return outside("the serial is shorter than 64 bits or too long");
    if (facts.validity.before() > issuer_ends) return outside("it would outlive its issuer");
    return check_times(envelope, facts.validity.after().seconds(), facts.validity.before().seconds(),
                       envelope.longest_x509, now);
}

Status check_envelope(const Envelope& envelope, const CrlOrder& order, std::uint64_t last, Instant now) {
    const std::int64_t slack = envelope.clock_slack_seconds;
    if (order.shard >= kMostShards) return outside("a shard beyond the last");
    if (order.entries.size() > kMostCrlEntries) return outside("a list that is too large");
    if (order.number <= last) return outside("a list whose number does not rise");
    // Numbers follow the clock, so that they rise across a restored database too; none may run away from it and leave
    // no number for the lists that follow.
    if (order.number > static_cast<std::uint64_t>(now.seconds() + slack))
        return outside("a list numbered ahead of time");
    if (order.this_update.seconds() > now.seconds() + slack || order.this_update.seconds() < now.seconds() - slack)
        return outside("a list that is not of now");
    if (order.next_update.seconds() - order.this_update.seconds() > envelope.longest_crl.seconds())
        return outside("a list that stands longer than " + envelope.longest_crl.text());
    for (const auto& entry : order.entries)
        if (entry.revoked.seconds() > now.seconds() + slack) return outside("a revocation in the future");
    return {};
}

}  // namespace mayfly::signer
