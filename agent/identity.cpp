#include "agent/identity.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 64 * 1024;

std::string key_file(const Config& config) { return config.state_dir + "/node.key"; }
std::string next_key_file(const Config& config) { return config.state_dir + "/node.next.key"; }
std::string certificate_file(const Config& config) { return config.state_dir + "/node.pem"; }

Result<crypto::PrivateKey> read_key(const std::string& path) {
    auto pem = files::read(path, kLargest);
    if (!pem) return pass(pem.error());
    const Secret secret(std::move(*pem));
    auto key = crypto::PrivateKey::import_pem(secret.reveal());
    if (!key) return pass(key.error(), path);
    return key;
}

/// The new key takes the old one's name. Renaming replaces it at once, or not at all.
Status promote(const Config& config) {
    if (std::rename(next_key_file(config).c_str(), key_file(config).c_str()) == 0) return {};
    return fail(Code::unavailable, "cannot replace " + key_file(config) + ": " + std::strerror(errno), "E-NODE",
                "the certificate is new and its key still has another name", "is the disk full, or read-only?");
}

struct Pair {
    std::string chain_pem;
    wire::X509View leaf;
};

Result<Pair> read_certificate(const Config& config) {
    const auto pem = files::read(certificate_file(config), kLargest);
    if (!pem)
        return fail(Code::unauthenticated, "this node is not enrolled", "E-NODE", {},
                    "mayfly-agent enroll URL --fingerprint SHA256:… --token-file FILE");
    const auto blocks = wire::parse_pem(text_of(*pem));
    if (!blocks || blocks->empty())
        return fail(Code::corrupt, certificate_file(config) + " is damaged", "E-NODE", {}, "enrol again");
    auto leaf = wire::parse_x509(blocks->front().der);
    if (!leaf) return pass(leaf.error(), certificate_file(config));
    return Pair{std::string(text_of(*pem)), std::move(*leaf)};
}

/// The name in its SPIFFE ID (names.h, spiffe_id).
Result<IdentityName> name_in(const wire::X509View& leaf) {
    constexpr std::string_view kScheme = "spiffe://";
    for (const auto& name : leaf.names) {
        if (name.type != wire::SubjectName::Type::uri || !name.text.starts_with(kScheme)) continue;
        const auto path = name.text.find('/', kScheme.size());
        if (path == std::string::npos) continue;
        if (auto identity = IdentityName::parse(name.text.substr(path + 1)); identity && identity->kind() == Kind::node)
            return identity;
    }
    return fail(Code::corrupt, "this node's certificate names no node", "E-NODE", {}, "enrol again");
}

bool fits(const Result<crypto::PrivateKey>& key, const wire::X509View& leaf) {
    return key && crypto::key_id(key->public_key()) == crypto::key_id(leaf.key);
}

}  // namespace

Result<IdentityCertificate> read_identity(const Config& config) {
    const auto pair = read_certificate(config);
    if (!pair) return pass(pair.error());
    const auto der = wire::parse_pem(pair->chain_pem);
    if (!der || der->empty()) return fail(Code::corrupt, "the identity changed while it was read");
    auto validity = Validity::between(pair->leaf.not_before, Instant(pair->leaf.not_after.seconds() + 1));
    if (!validity) return pass(validity.error(), certificate_file(config));
    auto node = name_in(pair->leaf);
    if (!node) return pass(node.error(), certificate_file(config));
    return IdentityCertificate{*validity, wire::hex(pair->leaf.serial), std::move(*node), der->front().der};
}

Result<client::Credential> load_credential(const Config& config) {
    const auto pair = read_certificate(config);
    if (!pair) return pass(pair.error());
    auto key = read_key(key_file(config));
    if (!fits(key, pair->leaf)) {
        // Interrupted after the certificate was replaced: its key is there under the other name.
        key = read_key(next_key_file(config));
        if (!fits(key, pair->leaf))
            return fail(Code::corrupt, "node.key and node.pem in " + config.state_dir + " do not belong together",
                        "E-NODE", "one of the two was replaced by hand, or comes from another machine",
                        "enrol again with a new join token");
        if (auto ok = promote(config); !ok) return pass(ok.error());
    }
    return client::Credential{pair->chain_pem, key->export_pem()};
}

Result<crypto::PrivateKey> next_key(const Config& config) {
    if (auto asked_before = read_key(next_key_file(config)); asked_before) return asked_before;
    auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    if (!key) return key;
    const Secret pem = key->export_pem();
    if (auto ok = files::write(next_key_file(config), pem.reveal(), 0600); !ok) return pass(ok.error());
    return key;
}

Result<Validity> validity_of(std::string_view line) {
    const auto blob = wire::parse_ssh_certificate_line(line.substr(0, line.find('\n')));
    if (!blob) return pass(blob.error());
    const auto read = wire::parse_ssh_certificate(*blob);
    if (!read) return pass(read.error());
    const auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return Validity::between(Instant(static_cast<std::int64_t>(std::min(read->fields.valid_after, last))),
                             Instant(static_cast<std::int64_t>(std::min(read->fields.valid_before, last))));
}

Status save_identity(const Config& config, const api::CertificateReply& reply) {
    if (auto ok = files::write(certificate_file(config), view(reply.certificate + reply.chain), 0644); !ok) return ok;
    return promote(config);
}

}  // namespace mayfly::agent
