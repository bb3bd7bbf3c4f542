#include "lib/log/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "lib/crypto/crypto.h"

namespace mayfly::log {

namespace {

constexpr std::size_t kHash = 32;
constexpr unsigned kTileHeight = 8;
constexpr std::uint64_t kTileWidth = 1U << kTileHeight;

Digest digest_at(ByteView hashes, std::size_t index) {
    Digest out{};
    std::copy_n(hashes.begin() + static_cast<std::ptrdiff_t>(index * kHash), kHash, out.begin());
    return out;
}

/// Root of 2^n neighbouring hashes.
Digest fold(std::vector<Digest> hashes) {
    for (; hashes.size() > 1; hashes.resize(hashes.size() / 2))
        for (std::size_t i = 0; i < hashes.size() / 2; ++i) hashes[i] = node_hash(hashes[2 * i], hashes[2 * i + 1]);
    return hashes.front();
}

/// tlog-tiles: the index in groups of three digits, all but the last marked with x.
std::string index_path(std::uint64_t index) {
    std::string out = std::to_string(index % 1000);
    out.insert(0, 3 - out.size(), '0');
    for (index /= 1000; index > 0; index /= 1000) {
        std::string group = std::to_string(index % 1000);
        group.insert(0, 3 - group.size(), '0');
        out.insert(0, "x" + group + "/");
    }
    return out;
}

std::string with_width(const std::string& path, unsigned width) {
    return width == kTileWidth ? path : path + ".p/" + std::to_string(width);
}

/// Ranges reads roots of leaf ranges out of tiles, keeping the tiles it has fetched.
class Ranges {
public:
    explicit Ranges(const TileReader& tiles, const Tree* near = nullptr) : tiles_(tiles), near_(near) {}

    /// RFC 6962 section 2.1: MTH(D[first:last]) for a range that starts at a multiple of its largest power of two.
    Result<Digest> root(std::uint64_t first, std::uint64_t last) {
        const std::uint64_t size = last - first;
        if (std::has_single_bit(size)) return complete(first, static_cast<unsigned>(std::countr_zero(size)));
        const std::uint64_t split = std::bit_floor(size - 1);
        auto left = root(first, first + split);
        if (!left) return left;
        auto right = root(first + split, last);
        if (!right) return right;
        return node_hash(*left, *right);
    }

private:
    /// Root of the complete subtree of 2^height leaves that starts at `first`.
    Result<Digest> complete(std::uint64_t first, unsigned height) {
        if (const auto* known = near_ == nullptr ? nullptr : near_->find(first, height)) return *known;
        const unsigned level = height / kTileHeight;
        const std::uint64_t position = first >> (level * kTileHeight);
        const std::size_t offset = static_cast<std::size_t>(position % kTileWidth);
        const std::size_t count = std::size_t{1} << (height % kTileHeight);
        const auto bytes = fetch({level, position / kTileWidth});
        if (!bytes) return pass(bytes.error());
        if ((*bytes)->size() < (offset + count) * kHash)
            return fail(Code::corrupt, "a hash tile of the log is shorter than the log");
        std::vector<Digest> hashes;
        for (std::size_t i = 0; i < count; ++i) hashes.push_back(digest_at(**bytes, offset + i));
        return fold(std::move(hashes));
    }
    Result<const Bytes*> fetch(const Tile& tile) {
        const auto held = held_.find(tile);
        if (held != held_.end()) return &held->second;
        auto bytes = tiles_(tile);
        if (!bytes) return pass(bytes.error());
        return &held_.emplace(tile, std::move(*bytes)).first->second;
    }

    const TileReader& tiles_;
    const Tree* near_;
    std::map<Tile, Bytes> held_;
};

/// RFC 6962 section 2.1.2, SUBPROOF(m, D[first:last], whole).
Status subproof(Ranges& ranges, std::uint64_t m, std::uint64_t first, std::uint64_t last, bool whole,
                std::vector<Digest>& out) {
    const auto add = [&](std::uint64_t from, std::uint64_t to) -> Status {
        const auto root = ranges.root(from, to);
        if (!root) return pass(root.error());
        out.push_back(*root);
        return {};
    };
    const std::uint64_t size = last - first;
    if (m == size) return whole ? Status{} : add(first, last);
    const std::uint64_t split = std::bit_floor(size - 1);
    if (m <= split) {
        if (auto ok = subproof(ranges, m, first, first + split, whole, out); !ok) return ok;
        return add(first + split, last);
    }
    if (auto ok = subproof(ranges, m - split, first + split, last, false, out); !ok) return ok;
    return add(first, first + split);
}

tl::unexpected<Error> broken(const char* what) { return fail(Code::corrupt, what); }

}  // namespace

Digest leaf_hash(ByteView entry) {
    Bytes data{0x00};
    data.insert(data.end(), entry.begin(), entry.end());
    return crypto::sha256(data);
}

Digest node_hash(const Digest& left, const Digest& right) {
    std::array<std::uint8_t, 1 + 2 * kHash> data{0x01};
    std::copy(left.begin(), left.end(), data.begin() + 1);
    std::copy(right.begin(), right.end(), data.begin() + 1 + kHash);
    return crypto::sha256(data);
}

Digest empty_root() { return crypto::sha256({}); }

std::string path(const Tile& tile, unsigned width) {
    return with_width("tile/" + std::to_string(tile.level) + "/" + index_path(tile.index), width);
}

std::string entries_path(std::uint64_t index, unsigned width) {
    return with_width("tile/entries/" + index_path(index), width);
}

void Tree::Part::push(const Digest& hash) {
    layers[0].push_back(hash);
    for (std::size_t height = 0; height < kTileHeight && layers[height].size() % 2 == 0; ++height) {
        const auto& below = layers[height];
        layers[height + 1].push_back(node_hash(below[below.size() - 2], below.back()));
    }
}

Result<Tree> Tree::resume(std::uint64_t size, const TileReader& tiles) {
    Tree tree;
    tree.size_ = size;
    std::uint64_t hashes = size;
    for (unsigned level = 0; hashes > 0; ++level, hashes /= kTileWidth) {
        const auto width = static_cast<std::size_t>(hashes % kTileWidth);
        if (width == 0) continue;
        const auto bytes = tiles({level, hashes / kTileWidth});
        if (!bytes) return pass(bytes.error());
        if (bytes->size() < width * kHash) return broken("a hash tile at the edge of the log is too short");
        for (std::size_t i = 0; i < width; ++i) tree.edge_[level].push(digest_at(*bytes, i));
    }
    return tree;
}

void Tree::append(const Digest& leaf) {
    if (std::exchange(taken_, false)) filled_.clear();
    Digest hash = leaf;
    std::uint64_t position = size_++;
    for (unsigned level = 0;; ++level, position /= kTileWidth) {
        Part& edge = edge_[level];
        edge.push(hash);
        changed_.insert({level, position / kTileWidth});
        if (edge.layers[0].size() < kTileWidth) return;
        hash = edge.layers[kTileHeight].front();
        filled_[{level, position / kTileWidth}] = std::exchange(edge, {});
    }
}

Digest Tree::root() const {
    if (size_ == 0) return empty_root();
    // Each edge tile is a run of equal subtrees; its width in binary says which complete ones it is made of. From the
    // smallest on the right to the largest on the left, they join into the root.
    std::optional<Digest> right;
    for (const auto& [level, edge] : edge_) {
        const std::size_t width = edge.layers[0].size();
        for (unsigned height = 0; height < kTileHeight; ++height) {
            if ((width >> height) % 2 == 0) continue;
            const Digest& left = edge.layers[height][(width >> height) - 1];
            right = right ? node_hash(left, *right) : left;
        }
    }
    return *right;
}

std::map<Tile, Bytes> Tree::take_changed() {
    std::map<Tile, Bytes> out;
    for (const auto& tile : changed_) {
        const Part* held = part(tile);
        ensure(held != nullptr, "a tile that changed is in memory");
        Bytes& bytes = out[tile];
        bytes.reserve(held->layers[0].size() * kHash);
        for (const auto& hash : held->layers[0]) bytes.insert(bytes.end(), hash.begin(), hash.end());
    }
    changed_.clear();
    taken_ = true;
    return out;
}

const Tree::Part* Tree::part(const Tile& tile) const {
    if (const auto filled = filled_.find(tile); filled != filled_.end()) return &filled->second;
    const auto edge = edge_.find(tile.level);
    const bool rightmost = tile.index == size_ >> (kTileHeight * (tile.level + 1));
    return rightmost && edge != edge_.end() ? &edge->second : nullptr;
}

const Digest* Tree::find(std::uint64_t first, unsigned height) const {
    const unsigned level = height / kTileHeight;
    const std::uint64_t position = first >> (level * kTileHeight);
    const Part* held = part({level, position / kTileWidth});
    if (held == nullptr) return nullptr;
    const auto& layer = held->layers[height % kTileHeight];
    const auto index = static_cast<std::size_t>((position % kTileWidth) >> (height % kTileHeight));
    return index < layer.size() ? &layer[index] : nullptr;
}

Result<Digest> root_of(std::uint64_t size, const TileReader& tiles) {
    if (size == 0) return empty_root();
    return Ranges(tiles).root(0, size);
}

Result<std::vector<Digest>> prove_inclusion(std::uint64_t index, std::uint64_t size, const TileReader& tiles,
                                            const Tree* near) {
    if (index >= size) return fail(Code::not_found, "the log has no entry " + std::to_string(index) + " yet");
    Ranges ranges(tiles, near);
    std::vector<Digest> proof;
    std::uint64_t first = 0, last = size;
    while (last - first > 1) {
        const std::uint64_t split = first + std::bit_floor(last - first - 1);
        const bool left = index < split;
        const auto sibling = left ? ranges.root(split, last) : ranges.root(first, split);
        if (!sibling) return pass(sibling.error());
        proof.push_back(*sibling);
        (left ? last : first) = split;
    }
    std::reverse(proof.begin(), proof.end());
    return proof;
}

Result<std::vector<Digest>> prove_consistency(std::uint64_t old_size, std::uint64_t size, const TileReader& tiles,
                                              const Tree* near) {
    if (old_size > size) return fail(Code::not_found, "the log is smaller than " + std::to_string(old_size));
    std::vector<Digest> proof;
    if (old_size == 0 || old_size == size) return proof;
    Ranges ranges(tiles, near);
    if (auto ok = subproof(ranges, old_size, 0, size, true, proof); !ok) return pass(ok.error());
    return proof;
}

// RFC 9162 section 2.1.3.2 gives this verification for RFC 6962's proofs.
Status verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size, const std::vector<Digest>& proof,
                        const Digest& root) {
    if (index >= size) return broken("the proof is for an entry that the log does not have");
    std::uint64_t node = index, last = size - 1;
    Digest hash = leaf;
    for (const auto& sibling : proof) {
        if (last == 0) return broken("the inclusion proof is too long");
        if ((node & 1U) != 0 || node == last) {
            hash = node_hash(sibling, hash);
            while ((node & 1U) == 0 && node != 0) {
                node >>= 1U;
                last >>= 1U;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        node >>= 1U;
        last >>= 1U;
    }
    if (last != 0) return broken("the inclusion proof is too short");
    if (hash != root) return broken("the inclusion proof does not lead to the checkpoint's root");
    return {};
}

// RFC 9162 section 2.1.4.2.
Status verify_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t size, const Digest& root,
                          const std::vector<Digest>& proof) {
    if (old_size > size) return broken("the log has shrunk");
    if (old_size == size || old_size == 0) {
        if (!proof.empty()) return broken("the consistency proof should be empty");
        if (old_size == size && old_root != root) return broken("two checkpoints of one size have different roots");
        if (old_size == 0 && old_root != empty_root()) return broken("the empty log has another root");
        return {};
    }
    std::vector<Digest> path = proof;
    if (std::has_single_bit(old_size)) path.insert(path.begin(), old_root);
    if (path.empty()) return broken("the consistency proof is too short");
    std::uint64_t node = old_size - 1, last = size - 1;
    while ((node & 1U) != 0) {
        node >>= 1U;
        last >>= 1U;
    }
    Digest old_hash = path.front(), new_hash = path.front();
    for (std::size_t i = 1; i < path.size(); ++i) {
        if (last == 0) return broken("the consistency proof is too long");
        if ((node & 1U) != 0 || node == last) {
            old_hash = node_hash(path[i], old_hash);
            new_hash = node_hash(path[i], new_hash);
            while ((node & 1U) == 0 && node != 0) {
                node >>= 1U;
                last >>= 1U;
            }
        } else {
            new_hash = node_hash(new_hash, path[i]);
        }
        node >>= 1U;
        last >>= 1U;
    }
    if (last != 0) return broken("the consistency proof is too short");
    if (old_hash != old_root) return broken("the log has rewritten what an earlier checkpoint covered");
    if (new_hash != root) return broken("the consistency proof does not lead to the newer root");
    return {};
}

}  // namespace mayfly::log
