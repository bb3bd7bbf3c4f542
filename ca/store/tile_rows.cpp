#include "ca/store/tile_rows.h"

#include "lib/log/tiles.h"

namespace mayfly::store {

namespace {

bool grows_with_every_commit(const log::Tile& tile, std::size_t bytes) {
    return tile.level == 0 && bytes < log::kTileWidth * sizeof(Digest);
}

Result<Bytes> hash_entries(Database& database, const log::Tile& tile) {
    const auto first = static_cast<std::int64_t>(tile.index * log::kTileWidth);
    Query query(database, "SELECT entry FROM log_entry WHERE idx >= ? AND idx < ? ORDER BY idx");
    query.with(first, first + static_cast<std::int64_t>(log::kTileWidth));
    Bytes hashes;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        const auto hash = log::leaf_hash(query.blob(0));
        hashes.insert(hashes.end(), hash.begin(), hash.end());
    }
    if (hashes.empty()) return fail(Code::not_found, "there is no such hash tile");
    return hashes;
}

}  // namespace

log::TileReader tile_reader(Database& database) {
    return [&database](const log::Tile& tile) -> Result<Bytes> {
        Query query(database, "SELECT hashes FROM log_tile WHERE level = ? AND n = ?");
        query.with(static_cast<std::int64_t>(tile.level), static_cast<std::int64_t>(tile.index));
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (*row)
            if (auto hashes = query.blob(0); !grows_with_every_commit(tile, hashes.size())) return hashes;
        if (tile.level > 0) return fail(Code::not_found, "there is no such hash tile");
        return hash_entries(database, tile);
    };
}

Status write_tile(Database& database, const log::Tile& tile, ByteView hashes) {
    if (grows_with_every_commit(tile, hashes.size())) return {};
    return Query(database,
                 "INSERT INTO log_tile(level, n, hashes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = "
                 "excluded.hashes")
        .with(static_cast<std::int64_t>(tile.level), static_cast<std::int64_t>(tile.index), hashes)
        .run();
}

}  // namespace mayfly::store
