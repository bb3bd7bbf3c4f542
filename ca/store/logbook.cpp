// Bundle versions, reading the log, and recovery at start.
#include <algorithm>

#include "ca/signer/journal.h"
#include "ca/store/promises.h"
#include "ca/store/sqlite_store.h"
#include "ca/store/tile_rows.h"
#include "lib/crypto/crypto.h"
#include "lib/log/proof.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::uint64_t kMostEntries = 1000;

Result<log::TlogProof> prove_in(Database& database, std::uint64_t index, Store::Head which = Store::Head::newest) {
    Query head(database, which == Store::Head::newest ? "SELECT size, note FROM log_head"
                                                      : "SELECT size, note FROM log_cosigned");
    const auto row = head.row();
    if (!row) return pass(row.error());
    if (!*row)
        return which == Store::Head::newest
                   ? fail(Code::not_found, "the log is empty")
                   : fail(Code::not_found, "no witness has cosigned this log yet", "E-QUORUM", {}, "ask again later");
    auto hashes = log::prove_inclusion(index, static_cast<std::uint64_t>(head.integer(0)), tile_reader(database));
    if (!hashes) return pass(hashes.error());
    return log::TlogProof{index, std::move(*hashes), head.text(1)};
}

}  // namespace

Status SqliteStore::publish_bundle(const api::Bundle& bundle, const IdentityName& actor, Instant now) {
    const std::string json = wire::to_json(bundle).canonical();
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        const auto leaf =
            transaction.append({"bundle.published",
                                now,
                                actor.text(),
                                "",
                                "bundle",
                                {{"version", bundle.version}, {"sha256", wire::hex(crypto::sha256(view(json)))}}});
        if (!leaf) return pass(leaf.error());
        return Query(transaction.database(), "INSERT INTO bundle(version, json, leaf) VALUES (?, ?, ?)")
            .with(bundle.version, json, static_cast<std::int64_t>(*leaf))
            .run();
    });
}

Result<api::BundleReply> SqliteStore::current_bundle() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                "SELECT b.json, b.leaf, l.entry FROM bundle b JOIN log_entry l ON l.idx = b.leaf ORDER BY b.version "
                "DESC LIMIT 1");
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, "no bundle was ever published");
    auto bundle = wire::parse_body<api::Bundle>(query.text(0), "bundle");
    if (!bundle) return pass(bundle.error());
    const auto proof = prove_in(**lease, static_cast<std::uint64_t>(query.integer(1)));
    if (!proof) return pass(proof.error());
    return api::BundleReply{std::move(*bundle), wire::base64(query.blob(2)), log::encode_proof(*proof)};
}

Result<std::string> SqliteStore::checkpoint() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT note FROM log_head");
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, "the log is empty");
    return query.text(0);
}

Result<std::uint64_t> SqliteStore::log_size() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT size FROM log_head");
    const auto row = query.row();
    if (!row) return pass(row.error());
    return *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

Result<std::vector<Bytes>> SqliteStore::read_entries(std::uint64_t start, std::uint64_t count) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT entry FROM log_entry WHERE idx >= ? ORDER BY idx LIMIT ?");
    query.with(static_cast<std::int64_t>(start), static_cast<std::int64_t>(std::min(count, kMostEntries)));
    std::vector<Bytes> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(query.blob(0));
    }
}

Result<Bytes> SqliteStore::read_tile(const log::Tile& tile) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return tile_reader(**lease)(tile);
}

Result<log::TlogProof> SqliteStore::prove(std::uint64_t index, Head head) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Head and tiles must be of one moment.
    if (auto ok = (**lease).run("BEGIN"); !ok) return pass(ok.error());
    auto proof = prove_in(**lease, index, head);
    (void)(**lease).run("ROLLBACK");
    return proof;
}

Result<Store::Recovery> SqliteStore::recover(const std::string& journal, Instant now) {
    Recovery recovery;
    std::uint64_t offset = 0;
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        Query position(**lease, "SELECT value FROM meta WHERE key = 'journal_offset'");
        const auto row = position.row();
        if (!row) return pass(row.error());
        if (*row) offset = static_cast<std::uint64_t>(position.integer(0));
        const auto end = signer::read_journal(journal, offset, [&](const signer::JournalEntry& entry) -> Status {
            const auto spec = promised(**lease, entry);
            if (!spec) return pass(spec.error());
            if (*spec != entry.to_be_signed)
                return fail(Code::corrupt,
                            "the signer made signature " + std::to_string(entry.sequence) + " (" +
                                std::string(steps::name(entry.issuer)) + " serial " + entry.serial +
                                ") that the store does not know",
                            "E-JOURNAL",
                            "the database is older than the journal, or somebody used the signer behind its back",
                            "restore the newest database; if this is it, treat the signer as misused, and "
                            "mayfly-ca restore says how to go on");
            ++recovery.journal_entries;
            return {};
        });
        if (!end) return pass(end.error());
        // Else a power cut could leave us with an offset behind the journal's end.
        if (auto ok = signer::sync_journal(journal); !ok) return pass(ok.error());
        offset = *end;
    }
    const auto kept = writer_->change(Effect::apply, [&](Transaction& transaction) {
        return Query(transaction.database(),
                     "INSERT INTO meta(key, value) VALUES ('journal_offset', ?) ON CONFLICT DO UPDATE SET value = "
                     "excluded.value")
            .with(static_cast<std::int64_t>(offset))
            .run();
    });
    if (!kept) return pass(kept.error());

    std::vector<steps::IntentId> open;
    {
        const auto lease = readers_.take();
        if (!lease) return pass(lease.error());
        Query query(**lease, "SELECT intent FROM certificate WHERE state = 'intent'");
        for (;;) {
            const auto row = query.row();
            if (!row) return pass(row.error());
            if (!*row) break;
            const Bytes id = query.blob(0);
            std::copy(id.begin(), id.end(), open.emplace_back().begin());
        }
    }
    for (const auto& id : open)
        if (auto ok = void_intent(id, "found without an outcome at start-up", now); !ok) return pass(ok.error());
    recovery.voided = open.size();
    return recovery;
}

}  // namespace mayfly::store
