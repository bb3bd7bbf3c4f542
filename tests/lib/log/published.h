#pragma once
// A log as files, for tests: whatever tlog-tiles names, in memory, and signed by a key of its own.
#include <map>

#include "lib/log/audit.h"

namespace mayfly {

struct Published {
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    log::VerifierKey verifier = *log::VerifierKey::make("test.example/log", key.public_key());
    std::vector<Bytes> entries;
    std::map<std::string, Bytes> files;

    explicit Published(std::size_t size, const std::string& word = "entry ") {
        for (std::size_t i = 0; i < size; ++i) entries.push_back(to_bytes(word + std::to_string(i)));
        publish();
    }
    [[nodiscard]] log::Tree tree(std::size_t size) const {
        log::Tree out;
        for (std::size_t i = 0; i < size; ++i) out.append(log::leaf_hash(entries[i]));
        return out;
    }
    [[nodiscard]] log::Checkpoint head(std::size_t size) const { return {verifier.name(), size, tree(size).root()}; }
    void publish() {
        files.clear();
        log::Tree grown = tree(entries.size());
        for (const auto& [tile, hashes] : grown.take_changed())
            files[log::path(tile, static_cast<unsigned>(hashes.size() / 32))] = hashes;
        for (std::size_t first = 0; first < entries.size(); first += log::kTileWidth) {
            const std::size_t width = std::min<std::size_t>(log::kTileWidth, entries.size() - first);
            const auto from = entries.begin() + static_cast<std::ptrdiff_t>(first);
            files[log::entries_path(first / log::kTileWidth, static_cast<unsigned>(width))] =
                log::encode_bundle({from, from + static_cast<std::ptrdiff_t>(width)});
        }
        sign(head(entries.size()));
    }
    void sign(const log::Checkpoint& checkpoint) {
        files["checkpoint"] = to_bytes(*log::sign_checkpoint(checkpoint, key));
    }
    [[nodiscard]] log::FileReader reader() const {
        return [this](const std::string& path) -> Result<Bytes> {
            const auto found = files.find(path);
            if (found == files.end()) return fail(Code::not_found, path + " is not there");
            return found->second;
        };
    }
    [[nodiscard]] Result<log::Checkpoint> audit(const log::AuditOptions& options = {}) const {
        return log::audit(reader(), verifier, options);
    }
};

}  // namespace mayfly
