#include "ca/mint/check_crl.h"

#include <botan/data_src.h>
#include <botan/pk_keys.h>
#include <botan/pkix_types.h>
#include <botan/x509_crl.h>
#include <botan/x509_key.h>
#include <botan/x509cert.h>

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/crypto/revocation.h"

namespace mayfly::mint {

namespace {

tl::unexpected<Error> differs(const std::string& what) {
    return fail(Code::corrupt, "the signer returned another revocation list than was meant: " + what, "E-CHECK",
                "nothing is released", {});
}

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

Status compare_by_botan(const Authority& authority, const wire::Crl& meant, ByteView der) {
    Botan::DataSource_Memory source(der.data(), der.size());
    const Botan::X509_CRL crl(source);
    if (crl.issuer_dn().get_first_attribute("X520.CommonName") != meant.issuer_common_name) return differs("issuer");
    if (!same(crl.authority_key_id(), meant.authority_key_id)) return differs("authority key identifier");
    if (crl.crl_number() != meant.number) return differs("number");
    if (static_cast<std::int64_t>(crl.this_update().time_since_epoch()) != meant.this_update.seconds() ||
        static_cast<std::int64_t>(crl.next_update().time_since_epoch()) != meant.next_update.seconds())
        return differs("dates");
    const auto& entries = crl.get_revoked();
    if (entries.size() != meant.entries.size()) return differs("how many are revoked");
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!same(entries[i].serial_number(), meant.entries[i].serial)) return differs("a serial");
        if (static_cast<int>(entries[i].reason_code()) != static_cast<int>(meant.entries[i].reason))
            return differs("a reason");
    }
    Botan::DataSource_Memory issuer_source(authority.issuer_certificate_der.data(),
                                           authority.issuer_certificate_der.size());
    const Botan::X509_Certificate issuer(issuer_source);
    // Botan 2 and 3 name the key's reader differently; this one both have.
    const std::unique_ptr<Botan::Public_Key> key(Botan::X509::load_key(issuer.subject_public_key_info()));
    if (!crl.check_signature(*key)) return differs("the issuer's signature does not verify");
    return {};
}

}  // namespace

wire::Crl crl_meant(const Authority& authority, const signer::CrlOrder& order) {
    return {authority.issuer_common_name,
            authority.x509.algorithm,
            crypto::x509_key_identifier(authority.x509),
            order.number,
            order.this_update,
            order.next_update,
            order.entries,
            order.distribution_point};
}

Status check_crl(const Authority& authority, const wire::Crl& meant, ByteView der) {
    const auto read = wire::parse_crl(der);
    if (!read) return differs(read.error().message);
    const auto to_be_signed = wire::encode_to_be_signed(meant);
    if (!to_be_signed || !same(*to_be_signed, read->to_be_signed)) return differs("other bytes were signed");
    if (read->entries != meant.entries || !read->unusable.empty()) return differs("a field is not as specified");
    if (const auto good = crypto::verify(*read, authority.x509); !good) return differs(good.error().message);
    try {
        return compare_by_botan(authority, meant, der);
    } catch (const std::exception& error) {
        return differs(error.what());
    }
}

}  // namespace mayfly::mint
