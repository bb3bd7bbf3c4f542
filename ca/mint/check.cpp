#include "ca/mint/check.h"

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

Status check_x509(const Authority& authority, const wire::X509Certificate& meant, ByteView to_be_signed, ByteView der) {
    const auto read = wire::parse_x509(der);
    if (!read) return differs(read.error().message);
    if (!std::equal(to_be_signed.begin(), to_be_signed.end(), read->to_be_signed.begin(), read->to_be_signed.end()))
        return differs("other bytes were signed");
    if (const auto good = crypto::verify_x509(authority.x509, read->signature_oid, read->to_be_signed, read->signature);
        !good)
        return differs(good.error().message);
    if (read->is_ca) return differs("it is a CA");
    return check_by_botan(authority, meant, der);
}

Result<steps::Checked> Checker::check(const Authority& authority, steps::Signed result) {
    const auto& spec = result.spec();
    Status ok;
    if (const auto* ssh = std::get_if<wire::SshCertificate>(&spec.facts()))
        ok = check_ssh(*ssh, spec.to_be_signed(), result.certificate());
    else
        ok = check_x509(authority, std::get<wire::X509Certificate>(spec.facts()), spec.to_be_signed(),
                        result.certificate());
    if (!ok) return pass(ok.error());
    return steps::Checked(spec, result.certificate());
}

}  // namespace mayfly::mint
