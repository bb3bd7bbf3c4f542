#include "lib/log/audit.h"

#include <algorithm>
#include <optional>

namespace mayfly::log {

namespace {

constexpr std::size_t kHash = 32;

tl::unexpected<Error> damaged(std::string what, std::string why = {}) {
    return fail(Code::corrupt, std::move(what), "E-LOG-DAMAGED", std::move(why),
                "keep this copy, fetch another one, and tell whoever answers for the CA");
}

std::string entries_named(std::uint64_t first, std::uint64_t last) {
    return last - first == 1 ? "entry " + std::to_string(first)
                             : "entries " + std::to_string(first) + " to " + std::to_string(last - 1);
}

/// Auditor rebuilds the tree bundle by bundle and compares what is published with what follows from the entries.
class Auditor {
public:
    Auditor(const FileReader& files, const AuditOptions& options)
        : files_(files), options_(options), older_(options.older) {
        std::sort(older_.begin(), older_.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
    }

    Status take(const TileFile& file) {
        return file.kind == TileFile::Kind::entries ? take_bundle(file) : take_hashes(file);
    }
    [[nodiscard]] const Tree& tree() const { return tree_; }
    /// The smallest head verified earlier that these entries do not lead to. Says nothing as long as they may just be
    /// damaged: only a copy that its own signed head vouches for is a fork.
    [[nodiscard]] const std::optional<Checkpoint>& contradicted() const { return contradicted_; }

private:
    Result<Bytes> read(const TileFile& file) {
        auto bytes = files_(file.path());
        if (!bytes && bytes.error().code == Code::not_found)
            return damaged(file.path() + " is missing: " + entries_named(file.tile.index * kTileWidth, file.end()) +
                           " cannot be checked");
        return bytes;
    }

    Status take_bundle(const TileFile& file) {
        bundle_path_ = file.path();
        first_ = file.tile.index * kTileWidth;
        auto bytes = read(file);
        if (!bytes) return pass(bytes.error());
        bundle_ = std::move(*bytes);
        const auto entries = parse_bundle(bundle_);
        if (!entries) return damaged(bundle_path_ + ": " + entries.error().message, first_wrong(file));
        if (entries->size() != file.width)
            return damaged(bundle_path_ + " holds " + std::to_string(entries->size()) + " entries, not " +
                               std::to_string(file.width),
                           first_wrong(file));
        entries_ = *entries;
        for (const auto entry : entries_) {
            tree_.append(leaf_hash(entry));
            compare_older();
        }
        for (auto& [tile, hashes] : tree_.take_changed()) rebuilt_[tile] = std::move(hashes);
        return {};
    }

    /// Of a bundle that cannot be taken as it is: the first entry that is not whole, or that its published hash denies.
    std::string first_wrong(const TileFile& bundle) {
        const auto hashes = files_(path(Tile{0, bundle.tile.index}, bundle.width));
        ByteView rest = bundle_;
        std::size_t at = 0;
        for (; at < bundle.width; ++at) {
            const auto entry = take_entry(rest);
            if (!entry) break;
            if (!hashes || hashes->size() < (at + 1) * kHash) continue;
            const auto leaf = leaf_hash(*entry);
            if (!std::equal(leaf.begin(), leaf.end(), hashes->begin() + static_cast<std::ptrdiff_t>(at * kHash))) break;
        }
        return "the first that is wrong or missing is entry " + std::to_string(first_ + at);
    }

    Status take_hashes(const TileFile& file) {
        const auto published = read(file);
        if (!published) return pass(published.error());
        const auto found = rebuilt_.find(file.tile);
        ensure(found != rebuilt_.end(), "the tree has made every tile that the log publishes");
        const Bytes made = std::move(found->second);
        rebuilt_.erase(found);
        if (published->size() != made.size())
            return damaged(file.path() + " is " + std::to_string(published->size()) + " bytes long, not " +
                           std::to_string(made.size()));
        const auto [theirs, ours] = std::mismatch(published->begin(), published->end(), made.begin());
        if (theirs != published->end()) {
            const auto at = static_cast<std::uint64_t>(ours - made.begin()) / kHash;
            const std::uint64_t span = std::uint64_t{1} << (8 * file.tile.level);
            const std::uint64_t bad = (file.tile.index * kTileWidth + at) * span;
            return damaged(
                entries_named(bad, bad + span) + " and the hash in " + file.path() + " do not belong together",
                span == 1 ? "" : "the hashes below follow from the entries: whoever changed one changed all");
        }
        if (file.tile.level > 0) return {};
        return show_entries();
    }

    /// The entries of the newest bundle, whose hashes stood the comparison.
    Status show_entries() {
        if (!options_.entry) return {};
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (auto ok = options_.entry(first_ + i, entries_[i]); !ok) return ok;
        return {};
    }

    void compare_older() {
        for (; next_older_ < older_.size() && older_[next_older_].size <= tree_.size(); ++next_older_) {
            const auto& older = older_[next_older_];
            if (older.size < tree_.size() || tree_.root() == older.root || contradicted_) continue;
            contradicted_ = older;
        }
    }

    const FileReader& files_;
    const AuditOptions& options_;
    std::vector<Checkpoint> older_;
    std::size_t next_older_ = 0;
    std::optional<Checkpoint> contradicted_;
    Tree tree_;
    std::map<Tile, Bytes> rebuilt_;  ///< tiles that follow from the entries and were not compared yet
    Bytes bundle_;
    std::vector<ByteView> entries_;  ///< into bundle_
    std::string bundle_path_;
    std::uint64_t first_ = 0;
};

}  // namespace

TileReader tiles_of(const FileReader& files, std::uint64_t size) {
    return [&files, size](const Tile& tile) -> Result<Bytes> {
        const std::uint64_t hashes = size >> (8 * tile.level);
        if (hashes <= tile.index * kTileWidth) return damaged("a proof asks for a hash that the log does not have");
        const auto width = std::min<std::uint64_t>(kTileWidth, hashes - tile.index * kTileWidth);
        auto bytes = files(path(tile, static_cast<unsigned>(width)));
        if (bytes && bytes->size() != width * kHash)
            return damaged(path(tile, static_cast<unsigned>(width)) + " has another length than its name says");
        return bytes;
    };
}

Result<Checkpoint> audit(const FileReader& files, const VerifierKey& key, const AuditOptions& options) {
    const auto note = files(kCheckpointPath);
    if (!note) return pass(note.error());
    const auto head = open_checkpoint(text_of(*note), key);
    if (!head)
        return fail(Code::corrupt, head.error().message, "E-LOG-HEAD", "the head must be signed by the pinned log key",
                    "keep this copy, and tell whoever answers for the CA");
    for (const auto& older : options.older)
        if (older.size > head->size)
            return fail(Code::corrupt,
                        "the log has shrunk from " + std::to_string(older.size) + " to " + std::to_string(head->size) +
                            " entries",
                        "E-LOG-BEHIND", "a head that was verified earlier is larger",
                        "keep both, and tell whoever answers for the CA");
    Auditor auditor(files, options);
    Status status;
    files_of(head->size, [&](const TileFile& file) {
        status = auditor.take(file);
        return status.has_value();
    });
    if (!status) return pass(status.error());
    if (auditor.tree().root() != head->root)
        return damaged("the " + std::to_string(head->size) + " entries do not lead to the signed head",
                       "entries and hash tiles agree with each other: all were changed, and the head was not");
    if (const auto& older = auditor.contradicted())
        return fail(Code::corrupt,
                    "the log has rewritten entries before " + std::to_string(older->size) + ": it is a fork",
                    "E-LOG-FORK", "a head that was verified earlier covers other entries",
                    "keep both, and tell whoever answers for the CA");
    return *head;
}

}  // namespace mayfly::log
