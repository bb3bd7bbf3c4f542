#include "lib/crypto/revocation.h"

#include <openssl/evp.h>

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::crypto {

namespace {

/// Old lists name keys by SHA-1; to find a key in a list of revoked ones that is as good as any name.
std::array<std::uint8_t, 20> sha1(ByteView bytes) {
    std::array<std::uint8_t, 20> out{};
    unsigned size = 0;
    const int done = EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha1(), nullptr);
    ensure(done == 1 && size == out.size(), "SHA-1 works");
    return out;
}

bool lists_key(const wire::Krl& krl, const Bytes& blob) {
    const auto has = [](const auto& list, const auto& item) {
        return std::binary_search(list.begin(), list.end(), item);
    };
    return has(krl.keys, blob) || (!krl.sha1.empty() && has(krl.sha1, sha1(blob))) || has(krl.sha256, sha256(blob));
}

}  // namespace

std::string why_revoked(const wire::Krl& krl, const wire::SshCertificate& certificate) {
    const Bytes signer = wire::encode_ssh_key(certificate.signer);
    if (lists_key(krl, wire::encode_ssh_key(certificate.subject))) return "its key is revoked";
    if (lists_key(krl, signer)) return "its issuer's key is revoked";
    for (const auto& one : krl.certificates) {
        if (!one.authority.empty() && one.authority != signer) continue;
        if (std::binary_search(one.key_ids.begin(), one.key_ids.end(), certificate.key_id))
            return "its key id is revoked";
        if (wire::holds(one.serials, certificate.serial)) return "its serial is revoked";
    }
    return {};
}

Status verify(const wire::CrlView& crl, const PublicKey& issuer) {
    return verify_x509(issuer, crl.signature_oid, crl.to_be_signed, crl.signature);
}

}  // namespace mayfly::crypto
