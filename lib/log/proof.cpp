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
    std::string out(kFirstLine);
    out += "index " + std::to_string(proof.index) + "\n";
    for (const auto& hash : proof.hashes) out += wire::base64(hash) + "\n";
    return out + "\n" + proof.signed_checkpoint;
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
        if (!indexed && line.starts_with("extra ")) continue;  // not authenticated, not used
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

}  // namespace mayfly::log
