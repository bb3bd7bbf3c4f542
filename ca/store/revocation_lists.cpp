// Revocation lists: what they are made of, and the ones in force.
#include <algorithm>
#include <charconv>

#include "ca/store/sqlite_store.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

std::uint64_t ssh_serial(const std::string& text) {
    std::uint64_t serial = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), serial);
    ensure(error == std::errc{} && end == text.data() + text.size(), "an SSH serial in the store is a number");
    return serial;
}

Status add(Query& row, RevocationFacts& out) {
    switch (static_cast<steps::IssuerId>(row.integer(0))) {
        case steps::IssuerId::ssh_user: out.ssh_user.push_back(ssh_serial(row.text(1))); return {};
        case steps::IssuerId::ssh_host: out.ssh_host.push_back(ssh_serial(row.text(1))); return {};
        case steps::IssuerId::x509: break;
    }
    auto serial = wire::parse_hex(row.text(1));
    if (!serial) return pass(serial.error(), "a serial in the store");
    out.x509.push_back({std::move(*serial), row.time(2), static_cast<wire::CrlReason>(row.integer(3))});
    return {};
}

log::Event publication(const RevocationList& list, Instant now) {
    wire::Json::Object data{{"number", static_cast<std::int64_t>(list.number)},
                            {"sha256", wire::hex(list.sha256)},
                            {"entries", static_cast<std::int64_t>(list.entries)},
                            {"this_update", list.this_update.text()},
                            {"next_update", list.next_update.text()}};
    const bool crl = list.kind == ListKind::crl;
    if (crl) data.emplace("shard", static_cast<std::int64_t>(list.shard));
    return {
        crl ? "crl.published" : "krl.published", now, "ca/server", "", std::string(name(list.kind)), std::move(data)};
}

}  // namespace

std::string_view name(ListKind kind) { return kind == ListKind::krl ? "krl" : "crl"; }

Result<std::uint64_t> SqliteStore::revocations_recorded() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, "SELECT value FROM meta WHERE key = 'revocations'");
    const auto row = query.row();
    if (!row) return pass(row.error());
    return *row ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

Result<RevocationFacts> SqliteStore::load_revocations(Instant ended, Instant keys_since) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    RevocationFacts out;
    Query query(**lease, "SELECT issuer, serial, at, reason FROM revocation WHERE ends > ?");
    query.with(ended);
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (auto ok = add(query, out); !ok) return pass(ok.error());
    }
    std::sort(out.x509.begin(), out.x509.end(),
              [](const auto& a, const auto& b) { return wire::serial_before(a.serial, b.serial); });
    Query keys(**lease, "SELECT DISTINCT ssh FROM revoked_key WHERE ssh IS NOT NULL AND at > ? ORDER BY ssh");
    keys.with(keys_since);
    for (;;) {
        const auto row = keys.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        out.ssh_keys.push_back(keys.digest(0));
    }
    // A CA key in the list ends every certificate that it signed (PROTOCOL.krl section 4): an emergency key that was
    // withdrawn stays there for as long as some node may still trust it.
    Query emergency(**lease, "SELECT DISTINCT key FROM envelope WHERE withdrawn > 0 AND expires > ?");
    emergency.with(ended);
    for (;;) {
        const auto row = emergency.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        out.ssh_keys.push_back(emergency.digest(0));
    }
    std::sort(out.ssh_keys.begin(), out.ssh_keys.end());
    out.ssh_keys.erase(std::unique(out.ssh_keys.begin(), out.ssh_keys.end()), out.ssh_keys.end());
    return out;
}

Status SqliteStore::forget_revocations(Instant ended) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return Query(transaction.database(), "DELETE FROM revocation WHERE ends <= ?").with(ended).run();
    });
}

Result<std::vector<RevocationList>> SqliteStore::current_lists() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                "SELECT kind, shard, number, bytes, sha256, entries, this_update, next_update, leaf FROM "
                "revocation_list ORDER BY kind, shard");
    std::vector<RevocationList> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back({query.text(0) == "krl" ? ListKind::krl : ListKind::crl,
                       static_cast<std::uint32_t>(query.integer(1)), static_cast<std::uint64_t>(query.integer(2)),
                       query.blob(3), query.digest(4), static_cast<std::uint64_t>(query.integer(5)), query.time(6),
                       query.time(7), static_cast<std::uint64_t>(query.integer(8))});
    }
}

Status SqliteStore::promise_crl(const std::string& journal_serial, const Digest& to_be_signed) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return Query(transaction.database(), "INSERT INTO crl_promise(name, spec) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .with(journal_serial, ByteView(to_be_signed))
            .run();
    });
}

Result<std::uint64_t> SqliteStore::publish_list(const RevocationList& list, Instant now) {
    return writer_->change<std::uint64_t>(Effect::apply, [&](Transaction& transaction) -> Result<std::uint64_t> {
        auto leaf = transaction.append(publication(list, now));
        if (!leaf) return leaf;
        Query put(transaction.database(),
                  "INSERT INTO revocation_list(kind, shard, number, bytes, sha256, entries, this_update, next_update, "
                  "leaf) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT(kind, shard) DO UPDATE SET number = excluded.number, "
                  "bytes = excluded.bytes, sha256 = excluded.sha256, entries = excluded.entries, this_update = "
                  "excluded.this_update, next_update = excluded.next_update, leaf = excluded.leaf WHERE number < "
                  "excluded.number");
        put.with(name(list.kind), static_cast<std::int64_t>(list.shard), static_cast<std::int64_t>(list.number),
                 ByteView(list.bytes), ByteView(list.sha256), static_cast<std::int64_t>(list.entries));
        put.with(list.this_update, list.next_update, static_cast<std::int64_t>(*leaf));
        if (auto ok = put.run(); !ok) return pass(ok.error());
        if (transaction.database().changes() == 1) return leaf;
        return fail(Code::conflict,
                    "a " + std::string(name(list.kind)) + " of number " + std::to_string(list.number) +
                        " or later is published already",
                    "E-LIST-NUMBER", "an older list must never replace a newer one", {});
    });
}

}  // namespace mayfly::store
