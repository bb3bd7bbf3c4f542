#pragma once
// The log's hash tiles as rows. Private to ca/store, and to those who make a store to measure.
//
// The tile at the right edge of the leaves grows with every commit. It is not written until it is full: its hashes are
// those of entries that stand beside it, so that nothing is lost, and a commit has two pages less to write.
#include "ca/store/sqlite.h"
#include "lib/log/merkle.h"

namespace mayfly::store {

/// Tiles as they stand in the database behind this connection.
log::TileReader tile_reader(Database& database);
/// write_tile keeps a tile that changed, when it is one that is written.
Status write_tile(Database& database, const log::Tile& tile, ByteView hashes);

}  // namespace mayfly::store
