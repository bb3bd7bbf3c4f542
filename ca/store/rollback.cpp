#include "ca/store/rollback.h"

#include <algorithm>
#include <charconv>

#include "ca/store/promises.h"
#include "ca/store/schema.h"
#include "ca/store/writer.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::size_t kMostListed = 1000;

Result<std::uint64_t> number(Database& database, const char* sql) {
    Query query(database, sql);
    const auto row = query.row();
    if (!row) return pass(row.error());
    return *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

Result<std::uint64_t> promised_size(const std::string& head_file) {
    const auto kept = files::read(head_file, 1 << 20);
    if (!kept && kept.error().code == Code::not_found) return 0;
    if (!kept) return pass(kept.error());
    const auto note = log::parse_note(text_of(*kept));
    const auto head = note ? log::parse_checkpoint(note->text) : pass(note.error());
    if (!head) return pass(head.error(), head_file);
    return head->size;
}

/// SSH serials are counted up; the next one must lie above all that were ever signed.
Status skip_serials(Database& database, const Rollback& rollback) {
    for (const auto& entry : rollback.lost) {
        std::int64_t serial = 0;
        const auto [end, error] =
            std::from_chars(entry.serial.data(), entry.serial.data() + entry.serial.size(), serial);
        const bool counted = error == std::errc{} && end == entry.serial.data() + entry.serial.size() &&
                             entry.issuer != steps::IssuerId::x509;
        if (!counted) continue;  // X.509 serials are random
        if (auto ok = Query(database,
                            "INSERT INTO serial_block(issuer, next) VALUES (?1, ?2 + 1) ON CONFLICT DO UPDATE SET next "
                            "= max(next, ?2 + 1)")
                          .with(static_cast<std::int64_t>(entry.issuer), serial)
                          .run();
            !ok)
            return ok;
    }
    return {};
}

log::Event event_of(const Rollback& rollback, const std::string& head_sha256, Instant now) {
    wire::Json::Array serials;
    for (const auto& entry : rollback.lost)
        if (serials.size() < kMostListed)
            serials.emplace_back(std::string(steps::name(entry.issuer)) + " " + entry.serial);
    return {"log.rolled_back",
            now,
            "ca/server",
            "",
            "log",
            {{"size", static_cast<std::int64_t>(rollback.size)},
             {"promised", static_cast<std::int64_t>(rollback.promised)},
             {"promised_head_sha256", head_sha256},
             {"lost_signatures", static_cast<std::int64_t>(rollback.lost.size())},
             {"serials", std::move(serials)}}};
}

}  // namespace

Result<Rollback> find_rollback(const std::string& path, const std::string& journal) {
    auto database = Database::open(path, Database::Mode::read);
    if (!database) return pass(database.error());
    if (auto ok = check_schema(*database); !ok) return pass(ok.error(), path);
    Rollback out;
    const auto size = number(*database, "SELECT size FROM log_head");
    const auto promised = promised_size(path + ".head");
    const auto offset = number(*database, "SELECT value FROM meta WHERE key = 'journal_offset'");
    if (!size || !promised || !offset)
        return pass(!size ? size.error() : !promised ? promised.error() : offset.error());
    out.size = *size;
    out.promised = *promised;
    const auto end = signer::read_journal(journal, *offset, [&](const signer::JournalEntry& entry) -> Status {
        const auto spec = store::promised(*database, entry);
        if (!spec) return pass(spec.error());
        if (!*spec) out.lost.push_back(entry);
        return {};
    });
    if (!end) return pass(end.error());
    return out;
}

Status accept_rollback(const std::string& path, const std::string& origin, const std::string& journal,
                       signer::Signer& signer, const Rollback& rollback, Instant now) {
    const std::string head_file = path + ".head";
    std::string head_sha256;
    if (const auto kept = files::read(head_file, 1 << 20)) {
        head_sha256 = wire::hex(crypto::sha256(*kept));
        const std::string aside = head_file + ".rolled-back-" + std::to_string(rollback.promised);
        if (auto ok = files::write(aside, *kept, 0644); !ok) return ok;
    }
    const auto end = signer::read_journal(journal, 0, [](const signer::JournalEntry&) { return Status{}; });
    if (!end) return pass(end.error());
    if (auto ok = signer::sync_journal(journal); !ok) return ok;
    auto database = Database::open(path, Database::Mode::write);
    if (!database) return pass(database.error());
    auto writer = Writer::start(std::move(*database), origin, head_file, signer);
    if (!writer) return pass(writer.error());
    return (*writer)->change(Effect::apply, [&](Transaction& transaction) -> Status {
        if (auto ok = skip_serials(transaction.database(), rollback); !ok) return ok;
        if (auto ok = Query(transaction.database(),
                            "INSERT INTO meta(key, value) VALUES ('journal_offset', ?) ON CONFLICT DO UPDATE SET value "
                            "= excluded.value")
                          .with(static_cast<std::int64_t>(*end))
                          .run();
            !ok)
            return ok;
        // Nodes may hold something newer than this database knows: each is told anew, and later than all before.
        if (auto ok = Query(transaction.database(), "DELETE FROM node_trust").run(); !ok) return ok;
        const auto leaf = transaction.append(event_of(rollback, head_sha256, now));
        if (!leaf) return pass(leaf.error());
        return {};
    });
}

}  // namespace mayfly::store
