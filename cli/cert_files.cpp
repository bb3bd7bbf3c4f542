#include "cli/cert_files.h"

#include <algorithm>
#include <array>

#include "cli/render.h"
#include "lib/crypto/pkcs12.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestKey = 64 * 1024;
constexpr std::array<const char*, 7> kFiles = {"cert.pem",  "chain.pem",       "fullchain.pem",   "ca.pem",
                                               "cert.leaf", "cert.tlog-proof", renewal::kWishFile};
constexpr const char *kKey = "key.pem", *kCombined = "combined.pem", *kPkcs12 = "cert.p12";

Status keep_key(CertFiles& files, const PublicKey& key) {
    const std::string path = files.folder + "/" + kKey;
    auto there = files::read(path, kLargestKey);
    if (!there && there.error().code == Code::not_found) return {};
    if (!there) return pass(there.error());
    Secret pem(std::move(*there));
    const auto own = crypto::PrivateKey::import_pem(pem.reveal());
    if (!own || own->public_key() != key)
        return fail(Code::conflict, path + " is another key than the certificate would be for", "E-KEY-MISMATCH",
                    "a key and a certificate that do not belong together are never left side by side",
                    "another --out, or move " + path + " away");
    files.kept_key = std::move(pem);
    return {};
}

Secret joined_secret(ByteView a, ByteView b) {
    Secret out = Secret::of_size(a.size() + b.size());
    std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), out.writable().begin()));
    return out;
}

Result<Secret> pkcs12_of(const CertFiles& files, const crypto::PrivateKey& key, const api::CertificateReply& reply) {
    const auto leaf = wire::parse_one_pem(reply.certificate, "CERTIFICATE");
    if (!leaf) return pass(leaf.error());
    const auto blocks = wire::parse_pem(reply.chain);
    if (!blocks) return pass(blocks.error());
    std::vector<Bytes> chain;
    for (const auto& block : *blocks) chain.push_back(block.der);
    return crypto::encode_pkcs12(key, *leaf, chain, files.password,
                                 reply.names.empty() ? reply.identity : reply.names.front());
}

}  // namespace

const std::vector<std::string>& form_words() {
    static const std::vector<std::string> words = {"combined", "pkcs12"};
    return words;
}

bool CertFiles::has(Form form) const { return std::find(forms.begin(), forms.end(), form) != forms.end(); }

Status check_folder(CertFiles& files, const PublicKey& key, KeyIs where, Existing existing) {
    std::vector<std::string> paths;
    for (const auto* name : kFiles) paths.push_back(files.folder + "/" + name);
    if (where == KeyIs::made) paths.insert(paths.begin(), files.folder + "/" + kKey);
    if (files.has(Form::combined)) paths.push_back(files.folder + "/" + kCombined);
    if (files.has(Form::pkcs12)) paths.push_back(files.folder + "/" + kPkcs12);
    if (auto ok = may_write(paths, existing); !ok) return ok;
    return where == KeyIs::made ? Status{} : keep_key(files, key);
}

Status write_cert_files(const CertFiles& files, const crypto::PrivateKey* key, const api::CertificateReply& reply,
                        const api::Bundle& bundle) {
    const auto entry = wire::parse_base64(reply.log_entry);
    if (!entry) return pass(entry.error());
    const auto held = renewal::read_issued(reply);
    if (!held) return pass(held.error());
    const std::string chain = reply.certificate + reply.chain, roots = joined(bundle.x509_roots, ""),
                      wish = renewal::text_of_wish(files.wish);
    const Secret own = key == nullptr ? Secret() : key->export_pem();
    const ByteView pem = key == nullptr ? files.kept_key.reveal() : own.reveal();
    // Key first: Postfix wants it so, and nobody minds.
    const Secret combined = joined_secret(pem, view(chain));
    Secret pkcs12;
    if (files.has(Form::pkcs12) && key != nullptr) {
        auto made = pkcs12_of(files, *key, reply);
        if (!made) return pass(made.error());
        pkcs12 = std::move(*made);
    }
    const mode_t secret = files.hand_over.secret_mode;
    std::vector<files::SetFile> set;
    if (!pem.empty()) set.push_back({kKey, pem, secret});
    const std::array<ByteView, kFiles.size()> contents = {
        view(reply.certificate), view(reply.chain), view(chain), view(roots), *entry,
        view(reply.log_proof),   view(wish)};
    for (std::size_t i = 0; i < kFiles.size(); ++i) set.push_back({kFiles[i], contents[i], 0644});
    if (files.has(Form::combined) && key != nullptr) set.push_back({kCombined, combined.reveal(), secret});
    if (!pkcs12.empty()) set.push_back({kPkcs12, pkcs12.reveal(), secret});
    if (auto ok = make_folder(files.folder, files.hand_over); !ok) return ok;
    return renewal::install(files.folder, set, files.hand_over.owner, held->leaf, files.service);
}

}  // namespace mayfly::cli
