#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::crypto {

Result<std::string> make_csr(const PrivateKey& key, const std::vector<wire::SubjectName>& names) {
    const auto to_be_signed = wire::encode_csr_to_be_signed(key.public_key(), names);
    if (!to_be_signed) return pass(to_be_signed.error());
    const auto signature = key.sign_x509(*to_be_signed);
    if (!signature) return pass(signature.error());
    const auto der = wire::encode_csr(*to_be_signed, key.public_key().algorithm, *signature);
    if (!der) return pass(der.error());
    return wire::encode_pem("CERTIFICATE REQUEST", *der);
}

}  // namespace mayfly::crypto
