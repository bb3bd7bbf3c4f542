#pragma once
#include "ca/store/sqlite.h"

namespace mayfly::store {

/// The schema this build reads and writes; stands in PRAGMA user_version.
inline constexpr std::int64_t kSchemaVersion = 6;

Status create_schema(Database& database);
/// Refuses a newer or foreign schema (unsupported).
Status check_schema(Database& database);

}  // namespace mayfly::store
