#include "ca/mint/check_path.h"

#include <botan/certstor.h>
#include <botan/data_src.h>
#include <botan/version.h>
#include <botan/x509cert.h>
#include <botan/x509path.h>

#include "lib/crypto/path.h"

namespace mayfly::mint {

namespace {

tl::unexpected<Error> refused(const std::string& by, const std::string& why) {
    return fail(Code::corrupt, by + " refuses the path to the root: " + why, "E-CHECK", "nothing is released", {});
}

Botan::X509_Certificate load(ByteView der) {
    Botan::DataSource_Memory source(der.data(), der.size());
    return Botan::X509_Certificate(source);
}

Status judge_by_botan(const Authority& authority, ByteView der, Instant at) {
    const std::vector<Botan::X509_Certificate> chain = {load(der), load(authority.issuer_certificate_der)};
    Botan::Certificate_Store_In_Memory anchors;
    anchors.add_certificate(load(authority.root_certificate_der.empty() ? authority.issuer_certificate_der
                                                                        : authority.root_certificate_der));
    const Botan::Path_Validation_Restrictions restrictions(false, 110);
    const auto when = std::chrono::system_clock::time_point(std::chrono::seconds(at.seconds()));
    const auto result =
        Botan::x509_path_validate(chain, restrictions, anchors, "", Botan::Usage_Type::UNSPECIFIED, when);
    if (result.successful_validation()) return {};
    return refused("Botan", result.result_string());
}

}  // namespace

Status check_path(const Authority& authority, ByteView der, Instant at) {
    if (authority.issuer_names.empty()) return {};
    const bool is_root = authority.root_certificate_der.empty();
    const auto by_openssl =
        crypto::verify_path(der, {authority.issuer_certificate_der},
                            {is_root ? authority.issuer_certificate_der : authority.root_certificate_der}, at);
    if (!by_openssl) return refused("OpenSSL", by_openssl.error().message);
    try {
        return judge_by_botan(authority, der, at);
    } catch (const std::exception& error) {
        return refused("Botan", error.what());
    }
}

}  // namespace mayfly::mint
