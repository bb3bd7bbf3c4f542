#pragma once
// C2SP tlog-tiles v0.1.0: what a log publishes as static files, its names and its entry bundles.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/event.h"
#include "lib/log/merkle.h"

namespace mayfly::log {

inline constexpr unsigned kTileWidth = 256;
inline constexpr const char* kCheckpointPath = "checkpoint";

/// TileFile is one static file of the log: a hash tile, or a bundle of entries, and how many of them it holds.
struct TileFile {
    enum class Kind { hashes, entries };
    Kind kind = Kind::hashes;
    Tile tile;                    ///< entries: level 0
    unsigned width = kTileWidth;  ///< 1..255 for a partial one
    bool operator==(const TileFile&) const = default;
    /// The name it is published under, as tlog-tiles spells it.
    [[nodiscard]] std::string path() const;
    /// Index one past the last leaf that it covers.
    [[nodiscard]] std::uint64_t end() const;
};

/// parse_tile_path reads "tile/0/x001/x234/067", "tile/1/000.p/17", "tile/entries/000". One file has one name: leading
/// zeros, needless groups, widths of 0 or 256 and levels above 7 (an index has 63 bits) are malformed.
Result<TileFile> parse_tile_path(std::string_view path);

/// files_of lists every file of a log of `size` entries, in the order in which a verifier wants them: bundle by bundle
/// from the left, each followed by the hash tiles that it completes; then the partial ones at the edge.
void files_of(std::uint64_t size, const std::function<bool(const TileFile&)>& visit);

/// encode_bundle: (uint16 length || entry)*. Entries above 65,535 bytes end the process: no event is that long.
Bytes encode_bundle(const std::vector<Bytes>& entries);
/// take_entry takes the next entry off the front of a bundle; nothing when there is no whole one.
std::optional<ByteView> take_entry(ByteView& bundle);

/// parse_bundle returns views into `bundle`. Corrupt when it ends in the middle of an entry or holds more than 256.
Result<std::vector<ByteView>> parse_bundle(ByteView bundle);

}  // namespace mayfly::log
