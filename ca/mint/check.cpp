#include "ca/mint/check.h"
#include "ca/mint/check_path.h"

#include <algorithm>

#include "lib/crypto/crypto.h"

namespace mayfly::mint {

namespace {

tl::unexpected<Error> differs(const std::string& what) {
    return fail(Code::corrupt, "the signer returned another certificate than was meant: " + what, "E-CHECK",
                "nothing is released", {});
}

}  // namespace

Status check_ssh(const wire::SshCertificate& meant, ByteView to_be_signed, ByteView blob) {
    const auto read = wire::parse_ssh_certificate(blob);
    if (!read) return differs(read.error().message);
    if (!(read->fields == meant)) return differs("a field is not as specified");
    if (!std::equal(to_be_signed.begin(), to_be_signed.end(), read->to_be_signed.begin(), read->to_be_signed.end()))
        return differs("other bytes were signed");
    if (const auto good = crypto::verify(*read); !good) return differs(good.error().message);
    if (const auto findings = wire::lint(read->fields); !findings.empty()) return differs(findings.front());
    return {};
}

namespace {

/// What an end entity's keyUsage says: it signs, and RSA keys of TLS servers take part in key transport.
std::vector<std::string> key_usages_meant(const wire::X509Certificate& meant) {
    if (meant.subject.algorithm == KeyAlgorithm::rsa && meant.usage != wire::X509Usage::client)
        return {"digitalSignature", "keyEncipherment"};
    return {"digitalSignature"};
}

std::vector<std::string> purposes_meant(wire::X509Usage usage) {
    switch (usage) {
        case wire::X509Usage::server: return {"serverAuth"};
        case wire::X509Usage::client: return {"clientAuth"};
        case wire::X509Usage::server_and_client: return {"serverAuth", "clientAuth"};
        case wire::X509Usage::authority: break;
    }
    return {};
}

/// basicConstraints, keyUsage, extKeyUsage, the two key identifiers, subjectAltName, and noRevAvail or the pointer to
/// a revocation list: nothing else.
std::size_t extensions_meant(const wire::X509Certificate& meant) {
    return 5 + (meant.names.empty() ? 0U : 1U) + (meant.no_revocation ? 1U : 0U) + (meant.crl_url.empty() ? 0U : 1U);
}

/// What a leaf of ours says beside its fields: exactly these extensions, and nothing in them that was not meant.
Status check_extensions(const wire::X509Certificate& meant, const wire::X509View& read) {
    if (read.is_ca || meant.usage == wire::X509Usage::authority) return differs("it is a CA");
    if (read.key_usages != key_usages_meant(meant)) return differs("key usage");
    if (read.extended_key_usages != purposes_meant(meant.usage)) return differs("extended key usage");
    if (read.names != meant.names) return differs("subject alternative names");
    if (read.no_revocation != meant.no_revocation) return differs("noRevAvail");
    if (read.crl_urls != (meant.crl_url.empty() ? std::vector<std::string>{} : std::vector{meant.crl_url}))
        return differs("where its revocation list is");
    if (const auto why = wire::against_no_revocation(read); !why.empty()) return differs("noRevAvail, and " + why);
    if (read.extension_oids.size() != extensions_meant(meant)) return differs("an extension too many or too few");
    return {};
}

}  // namespace

Status check_x509(const Authority& authority, const Issuer& issuer, const wire::X509Certificate& meant,
                  ByteView to_be_signed, ByteView der) {
    const auto read = wire::parse_x509(der);
    if (!read) return differs(read.error().message);
    const auto rebuilt = wire::encode_signed(to_be_signed, authority.x509.algorithm, read->signature);
    if (!rebuilt || !std::equal(rebuilt->begin(), rebuilt->end(), der.begin(), der.end()))
        return differs("other bytes, or another signature algorithm");
    if (const auto good = issuer.key.verify_x509(read->signature_oid, read->to_be_signed, read->signature); !good)
        return differs(good.error().message);
    if (auto same = check_extensions(meant, *read); !same) return same;
    if (meant.validity.before() > authority.issuer_ends) return differs("it outlives its issuer");
    if (auto same = check_by_botan(issuer, meant, der); !same) return same;
    return check_path(authority, der, meant.validity.after());
}

Result<steps::Checked> Checker::check(steps::Signed result) const {
    const auto& spec = result.spec();
    Status ok;
    if (const auto* ssh = std::get_if<wire::SshCertificate>(&spec.facts()))
        ok = check_ssh(*ssh, spec.to_be_signed(), result.certificate());
    else if (!issuer_)
        ok = pass(issuer_.error());
    else
        ok = check_x509(authority_, *issuer_, std::get<wire::X509Certificate>(spec.facts()), spec.to_be_signed(),
                        result.certificate());
    if (!ok) return pass(ok.error());
    Bytes certificate = std::move(result).certificate();
    return steps::Checked(std::move(result).spec(), std::move(certificate));
}

}  // namespace mayfly::mint
