// A strict reader for CRLs from anywhere (RFC 5280 section 5).
#include <algorithm>

#include "lib/wire/crl.h"
#include "lib/wire/der.h"
#include "lib/wire/distinguished_name.h"
#include "lib/wire/distribution_point.h"
#include "lib/wire/general_names.h"
#include "lib/wire/oids.h"
#include "lib/wire/x509_fields.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kLargest = 8U << 20U;
constexpr std::size_t kLongestSerial = 20;

tl::unexpected<Error> bad(std::string why) { return fail(Code::malformed, "CRL: " + std::move(why), "E-CRL", {}, {}); }

void hinder(CrlView& out, std::string why) {
    if (out.unusable.empty()) out.unusable = std::move(why);
}

Result<Instant> read_time(der::Reader& in, std::string_view what) {
    const auto element = in.any(what);
    if (!element) return pass(element.error());
    const auto seconds = der::parse_time(*element);
    if (!seconds) return pass(seconds.error(), what);
    return Instant(*seconds);
}

Status read_reason(ByteView value, CrlEntry& entry) {
    der::Reader in(value);
    const auto code = in.expect(der::kEnumerated, "reasonCode");
    if (!code) return pass(code.error());
    if (code->contents.size() != 1 || code->contents[0] > 10 || code->contents[0] == 7)
        return bad("a reason that RFC 5280 does not know");
    const auto reason = static_cast<CrlReason>(code->contents[0]);
    if (name(reason) != "unspecified") entry.reason = reason;
    return in.finish("reasonCode");
}

Status read_entry(ByteView contents, CrlView& out) {
    der::Reader in(contents);
    const auto element = in.expect(der::kInteger, "CRL serial");
    if (!element) return pass(element.error());
    const auto number = der::parse_unsigned(*element, "CRL serial");
    if (!number) return pass(number.error());
    if (number->size() > kLongestSerial) return bad("a serial longer than 20 octets");
    CrlEntry entry{to_bytes(*number), Instant(0), CrlReason::unspecified};
    const auto revoked = read_time(in, "revocation date");
    if (!revoked) return pass(revoked.error());
    entry.revoked = *revoked;
    const auto list = in.optional(der::kSequence, "CRL entry extensions");
    if (!list) return pass(list.error());
    if (!list->whole.empty()) {
        const auto read =
            detail::each_extension(list->contents, [&](const std::string& id, bool critical, ByteView value) -> Status {
                if (id == oid::kReasonCode) return read_reason(value, entry);
                if (id == oid::kCertificateIssuer) hinder(out, "it lists certificates of other issuers");
                if (critical) hinder(out, "an entry has the critical extension " + id + ", which is not understood");
                return {};
            });
        if (!read) return read;
    }
    out.entries.push_back(std::move(entry));
    return in.finish("CRL entry");
}

Status read_entries(ByteView contents, CrlView& out) {
    if (contents.empty()) return bad("a list of no revoked certificates is left out, not empty");
    der::Reader in(contents, kLargest);
    while (!in.empty()) {
        const auto one = in.expect(der::kSequence, "CRL entry");
        if (!one) return pass(one.error());
        if (auto ok = read_entry(one->contents, out); !ok) return ok;
    }
    auto& all = out.entries;
    std::sort(all.begin(), all.end(),
              [](const CrlEntry& a, const CrlEntry& b) { return serial_before(a.serial, b.serial); });
    const auto twice =
        std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.serial == b.serial; });
    // In an indirect list two issuers may have used the same serial; in a list of one issuer they are readers' doubts.
    if (twice != all.end()) return bad("a serial that stands there twice");
    return {};
}

Status read_number(ByteView value, CrlView& out) {
    der::Reader in(value);
    const auto element = in.expect(der::kInteger, "cRLNumber");
    if (!element) return pass(element.error());
    const auto number = der::parse_unsigned(*element, "cRLNumber");
    if (!number) return pass(number.error());
    // Section 5.2.3: readers MUST be able to handle 20 octets, and writers MUST NOT use more.
    if (number->size() > kLongestSerial) return bad("a number longer than 20 octets");
    out.number = to_bytes(*number);
    return in.finish("cRLNumber");
}

/// Section 5.2.5. What it narrows the list to only matters to those who look for a certificate in it: `partial`.
Status read_issuing_point(ByteView value, CrlView& out) {
    der::Reader outer(value);
    const auto body = outer.expect(der::kSequence, "issuingDistributionPoint");
    if (!body) return pass(body.error());
    if (body->contents.empty()) return bad("an issuingDistributionPoint that says nothing");
    out.partial = true;
    der::Reader in(body->contents);
    const auto point = in.optional(der::context(0), "distribution point");
    if (!point) return pass(point.error());
    if (!point->whole.empty())
        if (auto ok = detail::read_distribution_name(point->contents, out.distribution_points); !ok) return ok;
    for (std::uint8_t n = 1; n <= 5; ++n) {
        const auto flag = in.optional(der::context_primitive(n), "issuingDistributionPoint");
        if (!flag) return pass(flag.error());
        if (flag->whole.empty()) continue;
        const bool set = flag->contents.size() == 1 && flag->contents[0] == 0xff;
        if (n != 3 && !set) return bad("a flag of issuingDistributionPoint that is written and not TRUE");
        if (n == 2) hinder(out, "it speaks of CA certificates only");
        if (n == 3) hinder(out, "it speaks of some reasons only");
        if (n == 4) hinder(out, "it lists certificates of other issuers");
        if (n == 5) hinder(out, "it speaks of attribute certificates only");
    }
    if (auto ok = in.finish("issuingDistributionPoint"); !ok) return ok;
    return outer.finish("issuingDistributionPoint");
}

Status read_extension(const std::string& id, bool critical, ByteView value, CrlView& out) {
    if (id == oid::kAuthorityKeyId) {
        auto key = detail::parse_authority_key_id(value);
        if (!key) return pass(key.error());
        out.authority_key_id = std::move(*key);
        return {};
    }
    if (id == oid::kCrlNumber) return read_number(value, out);
    if (id == oid::kIssuingPoint) return read_issuing_point(value, out);
    if (id == oid::kDeltaCrl) hinder(out, "it is a delta list");
    if (critical) hinder(out, "it has the critical extension " + id + ", which is not understood");
    return {};
}

Status read_to_be_signed(ByteView contents, ByteView outer_algorithm, CrlView& out) {
    der::Reader in(contents, kLargest);
    const auto version = in.optional(der::kInteger, "version");
    if (!version) return pass(version.error());
    const bool second = version->contents.size() == 1 && version->contents[0] == 1;
    if (!version->whole.empty() && !second) return bad("neither version 1 nor 2");
    const auto algorithm = in.expect(der::kSequence, "signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    // Section 5.1.1.2: the same as outside.
    if (!std::equal(algorithm->whole.begin(), algorithm->whole.end(), outer_algorithm.begin(), outer_algorithm.end()))
        return bad("the signature algorithm inside differs from the one outside");
    const auto issuer = in.expect(der::kSequence, "issuer");
    if (!issuer) return pass(issuer.error());
    auto issuer_name = detail::read_name(issuer->contents);
    if (!issuer_name) return pass(issuer_name.error(), "issuer");
    out.issuer = std::move(issuer_name->text);
    out.issuer_common_name = std::move(issuer_name->common_name);
    const auto this_update = read_time(in, "thisUpdate");
    if (!this_update) return pass(this_update.error());
    out.this_update = *this_update;
    if (in.peek() == der::kUtcTime || in.peek() == der::kGeneralizedTime) {
        const auto next_update = read_time(in, "nextUpdate");
        if (!next_update) return pass(next_update.error());
        out.next_update = *next_update;
    }
    const auto list = in.optional(der::kSequence, "revokedCertificates");
    if (!list) return pass(list.error());
    if (!list->whole.empty())
        if (auto ok = read_entries(list->contents, out); !ok) return ok;
    const auto wrapped = in.optional(der::context(0), "crlExtensions");
    if (!wrapped) return pass(wrapped.error());
    if (!wrapped->whole.empty()) {
        if (!second) return bad("extensions in a list of version 1");
        der::Reader wrapper(wrapped->contents);
        const auto extensions = wrapper.expect(der::kSequence, "crlExtensions");
        if (!extensions) return pass(extensions.error());
        if (auto ok = wrapper.finish("crlExtensions"); !ok) return ok;
        const auto read =
            detail::each_extension(extensions->contents, [&](const std::string& id, bool critical, ByteView value) {
                return read_extension(id, critical, value, out);
            });
        if (!read) return read;
    }
    return in.finish("CRL");
}

}  // namespace

const CrlEntry* CrlView::find(ByteView serial) const {
    const auto at = std::lower_bound(entries.begin(), entries.end(), serial, [](const CrlEntry& entry, ByteView value) {
        return serial_before(entry.serial, value);
    });
    if (at == entries.end() || serial_before(serial, at->serial)) return nullptr;
    return &*at;
}

Result<CrlView> parse_crl(ByteView bytes) {
    der::Reader outer(bytes, kLargest);
    const auto body = outer.expect(der::kSequence, "CRL");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("CRL"); !ok) return pass(ok.error());
    CrlView out;
    der::Reader parts(body->contents, kLargest);
    const auto tbs = parts.expect(der::kSequence, "CRL");
    if (!tbs) return pass(tbs.error());
    out.to_be_signed = to_bytes(tbs->whole);
    auto signature = detail::read_signature(parts);
    if (!signature) return pass(signature.error(), "CRL");
    if (auto ok = read_to_be_signed(tbs->contents, signature->algorithm, out); !ok) return pass(ok.error());
    out.signature_oid = std::move(signature->oid);
    out.signature = std::move(signature->bytes);
    return out;
}

}  // namespace mayfly::wire
