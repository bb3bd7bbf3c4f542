// Writing a CRL (RFC 5280 section 5.1).
#include <algorithm>
#include <array>

#include "lib/wire/crl.h"
#include "lib/wire/der.h"
#include "lib/wire/distinguished_name.h"
#include "lib/wire/distribution_point.h"
#include "lib/wire/oids.h"
#include "lib/wire/x509_fields.h"

namespace mayfly::wire {

namespace {

using detail::Critical;
using detail::extension;

constexpr std::size_t kKeyIdSize = 20;
constexpr std::int64_t k1950 = -631152000, k10000 = 253402300800;

constexpr std::array<std::pair<CrlReason, std::string_view>, 7> kReasons = {
    {{CrlReason::unspecified, "unspecified"},
     {CrlReason::key_compromise, "key-compromise"},
     {CrlReason::ca_compromise, "ca-compromise"},
     {CrlReason::affiliation_changed, "affiliation-changed"},
     {CrlReason::superseded, "superseded"},
     {CrlReason::cessation_of_operation, "cessation-of-operation"},
     {CrlReason::privilege_withdrawn, "privilege-withdrawn"}}};

Bytes entry(const CrlEntry& one) {
    if (one.reason == CrlReason::unspecified)
        return der::sequence({der::integer(ByteView(one.serial)), der::time(one.revoked.seconds())});
    const auto code = static_cast<std::uint8_t>(one.reason);
    const Bytes reason = extension(oid::kReasonCode, Critical::no, der::tlv(der::kEnumerated, ByteView(&code, 1)));
    return der::sequence(
        {der::integer(ByteView(one.serial)), der::time(one.revoked.seconds()), der::sequence({reason})});
}

Bytes extensions(const Crl& crl) {
    Bytes all = der::concat({extension(oid::kAuthorityKeyId, Critical::no,
                                       der::sequence({der::tlv(der::context_primitive(0), crl.authority_key_id)})),
                             extension(oid::kCrlNumber, Critical::no, der::integer(crl.number))});
    // Section 5.2.5: a critical extension, so that nobody takes a part for the whole.
    if (!crl.distribution_point.empty())
        all = der::concat({all, extension(oid::kIssuingPoint, Critical::yes,
                                          der::sequence({detail::encode_distribution_name(crl.distribution_point)}))});
    return der::tlv(der::context(0), der::tlv(der::kSequence, all));
}

bool is_time(Instant at) { return at.seconds() >= k1950 && at.seconds() < k10000; }

Status check(const Crl& crl) {
    if (crl.issuer_common_name.empty()) return fail(Code::malformed, "the issuer has no name");
    if (auto ok = detail::check_common_name(crl.issuer_common_name, "issuer"); !ok) return ok;
    if (crl.authority_key_id.size() != kKeyIdSize)
        return fail(Code::malformed, "the issuer's key identifier is not 20 bytes (RFC 7093 section 2)");
    if (crl.number == 0) return fail(Code::malformed, "a list has a number above 0");
    if (!is_time(crl.this_update) || !is_time(crl.next_update) || crl.next_update <= crl.this_update)
        return fail(Code::malformed, "the next update is not later than this one");
    for (const auto& one : crl.entries) {
        if (auto ok = detail::check_serial(one.serial); !ok) return ok;
        if (!is_time(one.revoked)) return fail(Code::malformed, "a revocation outside the years 1950 to 9999");
    }
    const auto unsorted = std::adjacent_find(crl.entries.begin(), crl.entries.end(), [](const auto& a, const auto& b) {
        return !serial_before(a.serial, b.serial);
    });
    if (unsorted != crl.entries.end()) return fail(Code::malformed, "the serials are not sorted, each once");
    return crl.distribution_point.empty() ? Status{} : detail::check_distribution_url(crl.distribution_point);
}

}  // namespace

std::string_view name(CrlReason reason) {
    for (const auto& [value, word] : kReasons)
        if (value == reason) return word;
    return "unspecified";
}

Result<CrlReason> parse_crl_reason(std::string_view word) {
    std::string known;
    for (const auto& [value, text] : kReasons) {
        if (text == word) return value;
        known += (known.empty() ? "" : ", ") + std::string(text);
    }
    return fail(Code::malformed, "that is not a reason for a revocation", "E-REVOKE-CODE", "one of " + known, {});
}

bool serial_before(ByteView a, ByteView b) {
    if (a.size() != b.size()) return a.size() < b.size();
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

std::uint32_t shard_of(ByteView serial, std::uint32_t shards) {
    std::uint64_t rest = 0;
    for (const std::uint8_t byte : serial) rest = (rest * 256 + byte) % std::max(shards, 1U);
    return static_cast<std::uint32_t>(rest);
}

Result<Bytes> encode_to_be_signed(const Crl& crl) {
    if (auto ok = check(crl); !ok) return pass(ok.error());
    const auto algorithm = detail::signature_algorithm(crl.issuer_algorithm);
    if (!algorithm) return pass(algorithm.error());
    Bytes entries;
    for (const auto& one : crl.entries) {
        const Bytes der = entry(one);
        entries.insert(entries.end(), der.begin(), der.end());
    }
    // Section 5.1.2.6: when nothing is revoked, the list of revoked certificates MUST be absent.
    const Bytes list = entries.empty() ? Bytes{} : der::tlv(der::kSequence, entries);
    return der::sequence({der::integer(std::uint64_t{1}), *algorithm,
                          detail::encode_common_name(crl.issuer_common_name), der::time(crl.this_update.seconds()),
                          der::time(crl.next_update.seconds()), list, extensions(crl)});
}

Result<Bytes> encode_signed_crl(ByteView to_be_signed, KeyAlgorithm issuer, ByteView signature) {
    return detail::encode_with_signature(to_be_signed, issuer, signature);
}

}  // namespace mayfly::wire
