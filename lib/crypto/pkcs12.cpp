#include "lib/crypto/pkcs12.h"

#include <openssl/pkcs12.h>

#include <algorithm>

#include "lib/crypto/x509_handles.h"

namespace mayfly::crypto {

namespace {

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>>;
using Pkcs12 = std::unique_ptr<PKCS12, Freer<PKCS12_free>>;
/// For both the encryption's PBKDF2 and the MAC's derivation (RFC 7292 appendix B). Every guess costs as much.
constexpr int kIterations = 100'000;
constexpr std::size_t kLongestPassword = 128;

KeyHandle load_key(const PrivateKey& key) {
    const Secret secret = key.export_secret();
    const unsigned char* at = secret.reveal().data();
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(secret.reveal().size())));
    return KeyHandle(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
}

}  // namespace

Status check_password(const Secret& password) {
    const auto bytes = password.reveal();
    const bool plain = std::all_of(bytes.begin(), bytes.end(), [](auto c) { return c >= 0x20 && c < 0x7f; });
    if (plain && !bytes.empty() && bytes.size() <= kLongestPassword) return {};
    return fail(Code::malformed, "the password of a PKCS#12 file is empty, too long or not plain ASCII", "E-PASSWORD",
                "1 to 128 printable ASCII characters: programs disagree on how others are encoded",
                "head -c 24 /dev/urandom | base64 > FILE");
}

Result<Secret> encode_pkcs12(const PrivateKey& key, ByteView certificate, const std::vector<Bytes>& chain,
                             const Secret& password, const std::string& friendly_name) {
    if (auto ok = check_password(password); !ok) return pass(ok.error());
    const KeyHandle own = load_key(key);
    const CertificateHandle leaf = load_certificate(certificate);
    const CertificateStack above = load_certificates(chain);
    if (!own || !leaf || !above) return openssl_failure(Code::malformed, "key or certificate cannot be read");
    // OpenSSL wants a terminated string; it wipes as ours does.
    Bytes terminated(password.reveal().begin(), password.reveal().end());
    terminated.push_back(0);
    const Secret text(std::move(terminated));
    const auto* secret = reinterpret_cast<const char*>(text.reveal().data());
    // PBES2 with AES takes HMAC-SHA-256 as PBKDF2's function, in every OpenSSL from 1.1 on. The MAC is set apart, so
    // that its hash and its work are said here rather than by a default.
    const Pkcs12 made(PKCS12_create(secret, friendly_name.c_str(), own.get(), leaf.get(), above.get(), NID_aes_256_cbc,
                                    NID_aes_256_cbc, kIterations, -1, 0));
    if (!made) return openssl_failure(Code::malformed, "cannot make a PKCS#12 file of this key and certificate");
    if (PKCS12_set_mac(made.get(), secret, -1, nullptr, 0, kIterations, EVP_sha256()) != 1)
        return openssl_failure(Code::internal, "cannot make the PKCS#12 file's MAC");
    const int size = i2d_PKCS12(made.get(), nullptr);
    if (size <= 0) return openssl_failure(Code::internal, "cannot encode the PKCS#12 file");
    Secret out = Secret::of_size(static_cast<std::size_t>(size));
    unsigned char* at = out.writable().data();
    i2d_PKCS12(made.get(), &at);
    return out;
}

}  // namespace mayfly::crypto
