#include "lib/renewal/wish.h"

#include "lib/files/untrusted.h"
#include "lib/renewal/plan.h"
#include "lib/wire/api.h"
#include "lib/wire/spki.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::renewal {

namespace {

constexpr std::size_t kLargestFile = 256 * 1024;

KeyAlgorithm algorithm_of(const std::string& word) {
    if (word == "p384") return KeyAlgorithm::ecdsa_p384;
    if (word == "ed25519") return KeyAlgorithm::ed25519;
    return word == "rsa" ? KeyAlgorithm::rsa : KeyAlgorithm::ecdsa_p256;
}

Result<Held> held_of(Bytes leaf) {
    const auto read = wire::parse_x509(leaf);
    if (!read) return pass(read.error());
    const Instant after = read->not_before, before(read->not_after.seconds() + 1);
    const Instant due = renew_at(after, before, draw_of(leaf));
    return Held{std::move(leaf), after, before, due, wire::hex(read->serial)};
}

}  // namespace

std::string text_of_wish(const Wish& wish) { return wire::to_json(wish).pretty(); }

Result<Wish> read_wish(const std::string& folder) {
    const std::string path = folder + "/" + kWishFile;
    const auto file = files::read_regular(path, kLargestFile);
    if (!file)
        return fail(file.error().code,
                    "nothing says what the certificate in " + folder + " was asked for with: " + file.error().message,
                    "E-WISH", "request.json stands beside the certificate",
                    "mayfly cert issue … --out " + folder + " --force");
    return wire::parse_body<Wish>(text_of(*file), path);
}

Status tag_names(std::vector<std::string>& names) {
    for (auto& text : names) {
        const auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error());
        text = name->tagged();
    }
    return {};
}

const std::vector<std::string>& key_types() {
    static const std::vector<std::string> words = {"p256", "p384", "ed25519", "rsa"};
    return words;
}

Result<FreshKey> make_key(const std::string& key_type, const std::vector<std::string>& names) {
    std::vector<wire::SubjectName> parsed;
    for (const auto& text : names) {
        auto name = wire::SubjectName::parse(text);
        if (!name) return pass(name.error());
        parsed.push_back(std::move(*name));
    }
    auto key = crypto::PrivateKey::generate(algorithm_of(key_type));
    if (!key) return pass(key.error());
    auto csr = crypto::make_csr(*key, parsed);
    if (!csr) return pass(csr.error());
    return FreshKey{std::move(*key), std::move(*csr)};
}

Status is_for(const PublicKey& key, const api::CertificateReply& reply) {
    const auto der = wire::parse_one_pem(reply.certificate, "CERTIFICATE");
    const auto read = der ? wire::parse_x509(*der) : pass(der.error());
    if (!read) return pass(read.error());
    if (read->key == key) return {};
    return fail(Code::corrupt, "the CA certified another key than the one asked for", "E-KEY-MISMATCH",
                "nothing was written", "tell whoever answers for the CA, with this message");
}

Result<Held> read_held(const std::string& path) {
    const auto file = files::read_regular(path, kLargestFile);
    if (!file) return pass(file.error());
    constexpr std::uint8_t kSequence = 0x30;  // DER begins with it; PEM never does
    if (!file->empty() && file->front() == kSequence) return held_of(*file);
    const auto blocks = wire::parse_pem(text_of(*file));
    if (!blocks) return pass(blocks.error(), path);
    for (const auto& block : *blocks) {
        if (block.label != "CERTIFICATE") continue;
        auto held = held_of(block.der);
        if (!held) return pass(held.error(), path);
        return held;
    }
    return fail(Code::malformed, path + " holds no certificate", "E-PEM", {}, {});
}

Result<Held> read_issued(const api::CertificateReply& reply) {
    auto leaf = wire::parse_one_pem(reply.certificate, "CERTIFICATE");
    if (!leaf) return pass(leaf.error());
    return held_of(std::move(*leaf));
}

}  // namespace mayfly::renewal
