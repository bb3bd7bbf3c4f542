#pragma once
// Merkle tree hashing and proofs (RFC 6962 section 2.1, SHA-256) over C2SP tlog-tiles storage.
//
// A tree is stored as hash tiles (tlog-tiles v0.1.0): tile (level, n) holds up to 256 hashes of 32 bytes, hash i being
// the root of the complete subtree of 256^level leaves at position n*256+i. Everything else is recomputed from tiles.
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::log {

Digest leaf_hash(ByteView entry);
Digest node_hash(const Digest& left, const Digest& right);
Digest empty_root();

/// Tile names one hash tile.
struct Tile {
    unsigned level = 0;
    std::uint64_t index = 0;
    auto operator<=>(const Tile&) const = default;
};
/// path in tlog-tiles form for a tile of `width` hashes (256 = full): "tile/0/x001/x234/067", "tile/0/001.p/44".
std::string path(const Tile& tile, unsigned width);
std::string entries_path(std::uint64_t index, unsigned width);

/// TileReader fetches the current bytes (32 * width) of a tile; fails with corrupt/unavailable.
using TileReader = std::function<Result<Bytes>(const Tile&)>;

/// Tree appends leaves and computes roots; it keeps only the right edge in memory, O(log n), with every node inside it:
/// each node is hashed once. Not thread-safe.
class Tree {
public:
    Tree() = default;
    /// Resumes a tree of `size` leaves from its stored tiles (reads the right edge only).
    static Result<Tree> resume(std::uint64_t size, const TileReader& tiles);
    void append(const Digest& leaf);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Digest root() const;
    /// Tiles changed since the last call, whole (their current width * 32 bytes), in order; resets the set. Tiles that
    /// were filled stay in memory until the next append, for proofs about the leaves that filled them.
    std::map<Tile, Bytes> take_changed();
    /// Root of the complete subtree of 2^height leaves that starts at `first`, when it is in memory.
    [[nodiscard]] const Digest* find(std::uint64_t first, unsigned height) const;

private:
    /// One tile with its inner nodes: layers[h] holds the roots of 2^h neighbouring hashes.
    struct Part {
        std::array<std::vector<Digest>, 9> layers;
        void push(const Digest& hash);
    };
    [[nodiscard]] const Part* part(const Tile& tile) const;

    std::uint64_t size_ = 0;
    std::map<unsigned, Part> edge_;  ///< level → the rightmost, partial tile
    std::map<Tile, Part> filled_;    ///< since the last take_changed, or those it returned
    std::set<Tile> changed_;
    bool taken_ = false;
};

/// root_of recomputes the root at an earlier or the current size.
Result<Digest> root_of(std::uint64_t size, const TileReader& tiles);
/// inclusion proof of leaf `index` in the tree of `size` leaves (RFC 6962 2.1.1), leaf sibling first. What `near` has
/// in memory is taken from there: proofs about the newest leaves then read nothing and hash next to nothing.
Result<std::vector<Digest>> prove_inclusion(std::uint64_t index, std::uint64_t size, const TileReader& tiles,
                                            const Tree* near = nullptr);
/// consistency proof from `old_size` to `size` (RFC 6962 2.1.2).
Result<std::vector<Digest>> prove_consistency(std::uint64_t old_size, std::uint64_t size, const TileReader& tiles,
                                              const Tree* near = nullptr);

/// Verifiers use no storage. Fail with Code::corrupt.
Status verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size, const std::vector<Digest>& proof,
                        const Digest& root);
Status verify_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t size, const Digest& root,
                          const std::vector<Digest>& proof);

}  // namespace mayfly::log
