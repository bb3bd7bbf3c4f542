#include "lib/log/proof.h"

#include <algorithm>
#include <charconv>

#include "lib/log/merkle.h"
#include "lib/wire/text.h"

namespace mayfly::log {

namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1\n";
constexpr std::size_t kMostHashes = 64;  // a tree of 2^64 leaves has paths of 64

}  // namespace

std::string encode_proof(const TlogProof& proof) {
    constexpr std::size_t kHashLine = 45, kNumberLine = 32;
    const std::string extra = proof.extra ? "extra " + wire::base64(*proof.extra) + "\n" : std::string();
    std::string out;
    out.reserve(kFirstLine.size() + extra.size() + kNumberLine + proof.hashes.size() * kHashLine +
                proof.signed_checkpoint.size());
    out.append(kFirstLine).append(extra).append("index ").append(std::to_string(proof.index)).append("\n");
    for (const auto& hash : proof.hashes) out.append(wire::base64(hash)).append("\n");
    return out.append("\n").append(proof.signed_checkpoint);
}

Result<TlogProof> parse_proof(std::string_view text) {
    const auto bad = [](const char* why) { return fail(Code::malformed, std::string("not a tlog-proof: ") + why); };
    if (!text.starts_with(kFirstLine)) return bad("unknown first line");
    text.remove_prefix(kFirstLine.size());
    TlogProof out;
    bool indexed = false;
    for (;;) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return bad("it ends too early");
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.empty()) break;
        if (!indexed && !out.extra && line.starts_with("extra ")) {
            auto extra = wire::parse_base64(line.substr(6));
            if (!extra) return bad("the extra data is not base64");
            out.extra = std::move(*extra);
            continue;
        }
        if (!indexed) {
            if (!line.starts_with("index ")) return bad("no index");
            const auto digits = line.substr(6);
            const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.index);
            if (error != std::errc{} || stop != digits.data() + digits.size() ||
                (digits.size() > 1 && digits[0] == '0'))
                return bad("the index is not a plain number");
            indexed = true;
            continue;
        }
        const auto hash = wire::parse_base64(line);
        if (!hash || hash->size() != 32) return bad("a hash is not 32 bytes of base64");
        if (out.hashes.size() == kMostHashes) return bad("more than 64 hashes");
        std::copy(hash->begin(), hash->end(), out.hashes.emplace_back().begin());
    }
    if (!indexed) return bad("no index");
    out.signed_checkpoint = std::string(text);
    return out;
}

Result<Checkpoint> verify_proof(const TlogProof& proof, ByteView entry, const VerifierKey& key) {
    const auto checkpoint = open_checkpoint(proof.signed_checkpoint, key);
    if (!checkpoint) return checkpoint;
    if (auto ok = verify_inclusion(leaf_hash(entry), proof.index, checkpoint->size, proof.hashes, checkpoint->root);
        !ok)
        return pass(ok.error());
    return checkpoint;
}

Result<Event> verify_issued(ByteView certificate, const TlogProof& proof, ByteView entry, const VerifierKey& key) {
    const auto bad = [](const std::string& what) {
        return fail(Code::corrupt, "the log does not say that this certificate was issued: " + what, "E-LOG-PROOF",
                    "a certificate that is not in the log must not be used",
                    "tell whoever answers for the CA, with this message");
    };
    if (const auto head = verify_proof(proof, entry, key); !head) return bad(head.error().message);
    auto event = parse_event(entry);
    if (!event || event->type != "certificate.issued") return bad("the entry is not about an issued certificate");
    const auto hash = event->data.find("certificate_sha256");
    if (hash == event->data.end() || hash->second != wire::Json(wire::hex(crypto::sha256(certificate))))
        return bad("the entry is about another certificate");
    return event;
}

}  // namespace mayfly::log
