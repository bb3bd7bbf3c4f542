// inspect, for X.509: certificates and requests of anybody, and what is odd about them.
#include <algorithm>

#include "cli/finding.h"
#include "cli/render.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/der.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::cli {

namespace {

void add_constraints(const wire::NameConstraints& names, Finding& out) {
    for (const auto& subtree : names.permitted) out.add("may certify", subtree.tagged());
    for (const auto& subtree : names.excluded) out.add("may not", subtree.tagged());
    for (const auto& other : names.others) out.add("constrains", other);
}

bool has(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

/// What a careful issuer would not have written, whoever it was.
void add_oddities(const wire::X509View& read, Finding& out) {
    constexpr std::int64_t kLong = 398LL * 86400;
    const bool sha1 = read.signature_oid == "1.2.840.113549.1.1.5" || read.signature_oid == "1.2.840.10045.4.1";
    if (sha1 || read.signature_oid == "1.2.840.113549.1.1.4")
        out.warnings.emplace_back("its signature uses SHA-1 or MD5, which can be forged");
    if (const auto why = wire::against_no_revocation(read); !why.empty())
        out.warnings.push_back("it says that there is no revocation, and " + why + " (RFC 9608 section 2)");
    if (!read.key_supported) out.warnings.emplace_back("its key is too weak, or of a kind that Mayfly does not know");
    if (read.subject == read.issuer && !read.is_ca)
        out.warnings.emplace_back("it is self-signed: nobody vouches for it");
    if (has(read.extended_key_usages, "2.5.29.37.0")) out.warnings.emplace_back("it is good for any purpose");
    if (!read.is_ca && has(read.key_usages, "keyCertSign"))
        out.warnings.emplace_back("it may sign certificates, and is no CA's");
    if (read.is_ca && !has(read.key_usages, "keyCertSign"))
        out.warnings.emplace_back("it is a CA's, and may not sign certificates");
    if (read.name_constraints && !read.is_ca) out.warnings.emplace_back("it constrains names, and is no CA's");
    const auto uris = std::count_if(read.names.begin(), read.names.end(),
                                    [](const auto& name) { return name.type == wire::SubjectName::Type::uri; });
    const bool spiffe = std::any_of(read.names.begin(), read.names.end(),
                                    [](const auto& name) { return name.text.starts_with("spiffe://"); });
    if (spiffe && uris > 1) out.warnings.emplace_back("a SPIFFE ID beside another URI: SPIFFE validators refuse it");
    if (!read.is_ca && read.not_after.seconds() - read.not_before.seconds() > kLong)
        out.warnings.emplace_back("it lives for more than 398 days");
    if (read.serial.size() < 8) out.warnings.emplace_back("its serial is shorter than 64 bits");
}

}  // namespace

std::string key_text(const PublicKey& key) {
    return std::string(name(key.algorithm)) + " " + wire::fingerprint(crypto::ssh_fingerprint(key));
}

std::string time_left(Instant until, Instant now) {
    if (until <= now) return "expired";
    const auto left = Lifetime::of_seconds(until.seconds() - now.seconds());
    return left ? left->text() + " left" : "more than ten years left";
}

Result<Finding> inspect_x509(ByteView der, Instant now) {
    const auto read = wire::parse_x509(der);
    if (!read) return pass(read.error());
    Finding out{read->is_ca ? "X.509 CA certificate" : "X.509 certificate", {}, {}};
    out.add("subject", read->subject.empty() ? "(empty)" : read->subject);
    out.add("issuer", read->issuer);
    out.add("serial", wire::hex(read->serial));
    for (const auto& subject : read->names) out.add("name", subject.tagged());
    out.add("valid", read->not_before.text() + " to " + read->not_after.text() + " inclusive");
    out.add("time", time_left(Instant(read->not_after.seconds() + 1), now));
    out.add("usage", joined(read->key_usages, ", "));
    if (!read->extended_key_usages.empty()) out.add("purpose", joined(read->extended_key_usages, ", "));
    if (read->no_revocation) out.add("revocation", "none: short-lived (RFC 9608)");
    for (const auto& url : read->crl_urls) out.add("revocation", "list at " + url);
    if (read->ocsp) out.add("revocation", "an OCSP responder");
    if (read->name_constraints) add_constraints(*read->name_constraints, out);
    out.add("key", read->key_supported ? key_text(read->key) : "of a kind that Mayfly does not certify");
    out.add("sha256", wire::hex(crypto::sha256(der)));
    if (read->not_after < now) out.warnings.emplace_back("it has expired");
    if (read->not_before > now) out.warnings.emplace_back("it is not yet valid");
    add_oddities(*read, out);
    if (!read->is_ca && read->names.empty()) out.warnings.emplace_back("it names nobody in subjectAltName");
    return out;
}

Result<Finding> inspect_csr(ByteView der) {
    const auto read = wire::parse_csr(der);
    if (!read) return pass(read.error());
    Finding out{"PKCS#10 request", {}, {}};
    if (!read->common_name.empty()) out.add("common name", read->common_name);
    for (const auto& subject : read->names) out.add("name", subject.tagged());
    out.add("key", key_text(read->key));
    if (const auto good = crypto::verify(*read); !good) out.warnings.push_back(good.error().message);
    return out;
}

bool looks_like_pkcs12(ByteView bytes) {
    // PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo … } (RFC 7292 section 4).
    wire::der::Reader outer(bytes, bytes.size());
    const auto body = outer.expect(wire::der::kSequence, "PKCS#12");
    if (!body) return false;
    wire::der::Reader in(body->contents, bytes.size());
    const auto version = in.expect(wire::der::kInteger, "version");
    const auto safe = version ? in.expect(wire::der::kSequence, "authSafe") : pass(version.error());
    if (!safe || version->contents.size() != 1 || version->contents[0] != 3) return false;
    wire::der::Reader inside(safe->contents, bytes.size());
    const auto id = inside.expect(wire::der::kOid, "content type");
    const auto name = id ? wire::der::parse_oid(*id) : pass(id.error());
    return name && name->starts_with("1.2.840.113549.1.7.");
}

Finding inspect_pkcs12(ByteView bytes) {
    Finding out{"PKCS#12 file", {}, {}};
    out.add("size", std::to_string(bytes.size()) + " bytes");
    out.add("contents", "not looked at: they are under a password. openssl pkcs12 -info -nokeys -in FILE shows them");
    out.add("sha256", wire::hex(crypto::sha256(bytes)));
    return out;
}

}  // namespace mayfly::cli
