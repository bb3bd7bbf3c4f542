#include "ca/root_crl.h"

#include <algorithm>

#include "ca/init.h"
#include "ca/signer/key_files.h"
#include "lib/crypto/seal.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

constexpr std::size_t kLargestCertificate = 64 * 1024;
constexpr std::size_t kLargestCrl = 1 << 20;

tl::unexpected<Error> refuse(std::string message, std::string why) {
    return fail(Code::denied, std::move(message), "E-ROOT-CRL", std::move(why),
                "docs/revocation.md, \"The root's list\"");
}

Result<wire::X509View> read_certificate(const std::string& path) {
    const auto file = files::read(path, kLargestCertificate);
    if (!file) return pass(file.error());
    const auto der = wire::parse_one_pem(text_of(*file), "CERTIFICATE");
    if (!der) return pass(der.error(), path);
    auto view = wire::parse_x509(*der);
    if (!view) return pass(view.error(), path);
    return view;
}

Result<crypto::PrivateKey> open_root_key(const RootCrlOptions& options) {
    const auto passphrase = read_passphrase(options.passphrase_file);
    if (!passphrase) return pass(passphrase.error());
    const auto sealed = signer::read_secret_file(options.root_key_file);
    if (!sealed) return pass(sealed.error());
    const auto secret = crypto::unseal(text_of(sealed->reveal()), *passphrase, "x509-root");
    if (!secret) return pass(secret.error(), options.root_key_file);
    return crypto::PrivateKey::import_secret(*secret);
}

/// The list that stands, believed only with the root's signature: what it lists must not be lost to a damaged file.
Result<wire::CrlView> list_before(const Config& config, const PublicKey& root) {
    const auto file = files::read(config.root_crl(), kLargestCrl);
    if (!file && file.error().code == Code::not_found) return wire::CrlView{};
    if (!file) return pass(file.error());
    auto read = wire::parse_crl(*file);
    if (!read) return pass(read.error(), config.root_crl());
    if (auto ok = crypto::verify_x509(root, read->signature_oid, read->to_be_signed, read->signature); !ok)
        return refuse(config.root_crl() + " is not signed by this root", ok.error().message);
    return read;
}

std::uint64_t number_of(const wire::CrlView& list) {
    std::uint64_t out = 0;
    for (const auto byte : list.number) out = out << 8U | byte;
    return list.number.size() > 8 ? 0 : out;
}

Status add_entry(const RootCrlOptions& options, const wire::X509View& root, Instant now,
                 std::vector<wire::CrlEntry>& entries) {
    const auto taken = read_certificate(options.revoke);
    if (!taken) return pass(taken.error());
    if (taken->serial == root.serial)
        return refuse("a root does not take itself back", "who trusts it has to stop: publish a new trust bundle");
    if (taken->issuer != root.subject ||
        !crypto::verify_x509(root.key, taken->signature_oid, taken->to_be_signed, taken->signature))
        return refuse(options.revoke + " is not signed by this root", "a list speaks of its own issuer's certificates");
    const bool known =
        std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.serial == taken->serial; });
    if (known) return {};
    entries.push_back({taken->serial, now, options.reason});
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return wire::serial_before(a.serial, b.serial); });
    return {};
}

}  // namespace

Result<Bytes> sign_root_crl(const crypto::PrivateKey& root, const std::string& root_name,
                            std::vector<wire::CrlEntry> entries, std::uint64_t last, Instant now, Lifetime lifetime) {
    const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(now.seconds(), 1));
    const wire::Crl crl{root_name,
                        root.public_key().algorithm,
                        crypto::x509_key_identifier(root.public_key()),
                        std::max(time, last + 1),
                        now,
                        now + lifetime,
                        std::move(entries),
                        {}};
    const auto to_be_signed = wire::encode_to_be_signed(crl);
    if (!to_be_signed) return pass(to_be_signed.error());
    const auto signature = root.sign_x509(*to_be_signed);
    if (!signature) return pass(signature.error());
    return wire::encode_signed_crl(*to_be_signed, crl.issuer_algorithm, *signature);
}

Result<RootCrlReport> publish_root_crl(const Config& config, const RootCrlOptions& options, Instant now) {
    const auto root = read_certificate(config.root_certificate());
    if (!root) return pass(root.error());
    const auto key = open_root_key(options);
    if (!key) return pass(key.error());
    if (key->public_key() != root->key)
        return refuse(options.root_key_file + " is another key than root.pem's", "the list would be nobody's");
    const auto before = list_before(config, root->key);
    if (!before) return pass(before.error());
    auto entries = before->entries;
    if (!options.revoke.empty())
        if (auto ok = add_entry(options, *root, now, entries); !ok) return pass(ok.error());
    const auto der = sign_root_crl(*key, root->subject_common_name, entries, number_of(*before), now, options.lifetime);
    if (!der) return pass(der.error());
    const auto read = wire::parse_crl(*der);
    if (!read || read->entries != entries) return fail(Code::internal, "the root's list does not read back");
    if (auto ok = files::write(config.root_crl(), *der, 0644); !ok) return pass(ok.error());
    return RootCrlReport{number_of(*read), entries.size(), *read->next_update};
}

}  // namespace mayfly::ca
