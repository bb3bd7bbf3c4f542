#include "ca/store/promises.h"

namespace mayfly::store {

Result<std::optional<Digest>> promised(Database& database, const signer::JournalEntry& entry) {
    const bool list = entry.serial.starts_with("crl/");
    Query find(database, list ? "SELECT spec FROM crl_promise WHERE name = ? AND spec = ?"
                              : "SELECT spec FROM certificate WHERE serial = ? AND issuer = ?");
    if (list)
        find.with(entry.serial, ByteView(entry.to_be_signed));
    else
        find.with(entry.serial, static_cast<std::int64_t>(entry.issuer));
    const auto row = find.row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<Digest>();
    return std::optional(find.digest(0));
}

}  // namespace mayfly::store
