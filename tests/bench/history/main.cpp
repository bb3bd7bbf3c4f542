// bench-history: gives a stopped CA a past. Rows and leaves are copies of ones that the CA itself wrote, with numbers
// of their own, put down in bulk; the head over them is signed with the CA's log key, so that everything verifies.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "ca/signer/key_files.h"
#include "ca/signer/spawn.h"
#include "ca/store/sqlite.h"
#include "ca/store/tile_rows.h"
#include "ca/store/writer.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/exit.h"

namespace {

using namespace mayfly;
using store::Database;
using store::Query;

constexpr std::uint64_t kPerCommit = 20000;

/// Template: a certificate as the CA recorded it, and its two leaves.
struct Template {
    std::int64_t n = 0, issuer = 0;
    std::string serial, intent, issued;
    Bytes id, key, spec, sha256;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
    return text;
}

Result<Template> find_template(Database& database) {
    Query row(
        database,
        "SELECT c.n, c.issuer, c.serial, c.key, c.spec, b.certificate, l.entry FROM certificate c JOIN "
        "certificate_body b ON b.n = c.n JOIN log_entry l ON l.idx = c.leaf WHERE c.kind = 'ssh-user' ORDER BY c.n "
        "DESC LIMIT 1");
    const auto found = row.row();
    if (!found) return pass(found.error());
    if (!*found) return fail(Code::not_found, "mint one SSH user certificate first: history is made of its copies");
    Template out{row.integer(0), row.integer(1), row.text(2), {}, std::string(text_of(row.blob(6))), {},
                 row.blob(3),    row.blob(4),    {}};
    const std::string before = "\"intent\":\"";
    const auto id = wire::parse_hex(out.issued.substr(out.issued.find(before) + before.size(), 32));
    if (!id) return pass(id.error(), "the template's leaf");
    out.id = *id;
    const auto sha256 = crypto::sha256(row.blob(5));
    out.sha256.assign(sha256.begin(), sha256.end());
    const std::string marker = "\"intent\":\"" + wire::hex(out.id) + "\"";
    Query entries(database, "SELECT entry FROM log_entry ORDER BY idx DESC LIMIT 1000");
    for (;;) {
        const auto more = entries.row();
        if (!more) return pass(more.error());
        if (!*more) return fail(Code::not_found, "the template's intent is not among the newest entries");
        out.intent = std::string(text_of(entries.blob(0)));
        if (out.intent.find(marker) != std::string::npos &&
            out.intent.find("\"certificate.intent\"") != std::string::npos)
            return out;
    }
}

/// Every column of the template's row as it is, but those that must differ.
Result<std::string> copying_insert(Database& database) {
    const std::map<std::string, std::string> own = {
        {"n", "NULL"}, {"serial", "?2"}, {"key", "?3"}, {"spec", "?4"}, {"leaf", "?5"}};
    std::string names, values;
    Query columns(database, "SELECT name FROM pragma_table_info('certificate')");
    for (;;) {
        const auto more = columns.row();
        if (!more) return pass(more.error());
        if (!*more) break;
        const std::string name = columns.text(0);
        const auto mine = own.find(name);
        names += (names.empty() ? "" : ",") + name;
        values += (values.empty() ? "" : ",") + (mine == own.end() ? name : mine->second);
    }
    return "INSERT INTO certificate(" + names + ") SELECT " + values + " FROM certificate WHERE n = ?1";
}

class Past {
public:
    Past(Database database, Template like, std::string insert, log::Tree tree, std::uint64_t serial)
        : database_(std::move(database)),
          like_(std::move(like)),
          insert_(std::move(insert)),
          tree_(std::move(tree)),
          serial_(serial) {}

    Status add(std::uint64_t count) {
        if (auto ok = database_.run("BEGIN"); !ok) return ok;
        for (std::uint64_t i = 0; i < count; ++i)
            if (auto ok = add_one(); !ok) return ok;
        for (const auto& [tile, hashes] : tree_.take_changed()) {
            if (auto ok = store::write_tile(database_, tile, hashes); !ok) return ok;
        }
        return database_.run("COMMIT");
    }
    Status sign(signer::Signer& signer, const log::Checkpoint& before) {
        const log::Checkpoint head{before.origin, tree_.size(), tree_.root()};
        const auto proof = log::prove_consistency(before.size, head.size, store::tile_reader(database_));
        if (!proof) return pass(proof.error());
        const auto note = signer.sign_checkpoint({before, head, *proof});
        if (!note) return pass(note.error());
        if (auto ok = Query(database_, "UPDATE serial_block SET next = ? WHERE issuer = ?")
                          .with(static_cast<std::int64_t>(serial_ + 1), like_.issuer)
                          .run();
            !ok)
            return ok;
        return Query(database_, "UPDATE log_head SET size = ?, note = ?")
            .with(static_cast<std::int64_t>(head.size), *note)
            .run();
    }

private:
    Status append(const std::string& entry) {
        const auto index = static_cast<std::int64_t>(tree_.size());
        tree_.append(log::leaf_hash(view(entry)));
        return Query(database_, "INSERT INTO log_entry(idx, entry) VALUES (?, ?)").with(index, view(entry)).run();
    }
    Bytes random(std::size_t size) {
        Bytes out(size);
        for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
        return out;
    }
    Status add_one() {
        const Bytes id = random(16), key = random(32), spec = random(32), sha256 = random(32);
        const std::string serial = std::to_string(++serial_), hex = wire::hex(id);
        const auto numbered = [&](const std::string& text) {
            return replaced(replaced(text, wire::hex(like_.id), hex), "\"serial\":\"" + like_.serial + "\"",
                            "\"serial\":\"" + serial + "\"");
        };
        std::string intent = replaced(numbered(like_.intent), wire::hex(like_.key), wire::hex(key));
        intent = replaced(std::move(intent), wire::hex(like_.spec), wire::hex(spec));
        if (auto ok = append(intent); !ok) return ok;
        const auto leaf = static_cast<std::int64_t>(tree_.size());
        if (auto ok = append(replaced(numbered(like_.issued), wire::hex(like_.sha256), wire::hex(sha256))); !ok)
            return ok;
        auto row = Query(database_, insert_).with(like_.n, serial, ByteView(key), ByteView(spec), leaf).run();
        if (!row) return row;
        return Query(
                   database_,
                   "INSERT INTO certificate_body(n, ends, certificate, actor, idempotency, request_hash) SELECT "
                   "last_insert_rowid(), ends, certificate, actor, ?2, request_hash FROM certificate_body WHERE n = ?1")
            .with(like_.n, hex)
            .run();
    }

    Database database_;
    Template like_;
    std::string insert_;
    log::Tree tree_;
    std::uint64_t serial_;
    std::mt19937_64 random_{std::random_device{}()};
};

Result<log::Checkpoint> find_head(Database& database) {
    Query head(database, "SELECT note FROM log_head");
    const auto row = head.row();
    if (!row) return pass(row.error());
    const auto note = log::parse_note(head.text(0));
    if (!note) return pass(note.error());
    return log::parse_checkpoint(note->text);
}

Result<std::uint64_t> find_serial(Database& database, std::int64_t issuer) {
    Query block(database, "SELECT next FROM serial_block WHERE issuer = ?");
    const auto row = block.with(issuer).row();
    if (!row) return pass(row.error());
    return static_cast<std::uint64_t>(block.integer(0));
}

Status make_past(const std::string& dir, const std::string& passphrase_file, std::uint64_t count) {
    auto keys = signer::load_keys(dir + "/keys", passphrase_file);
    if (!keys) return pass(keys.error());
    const auto pem = files::read(dir + "/issuing.pem", 1 << 20);
    if (!pem) return pass(pem.error());
    auto database = Database::open(dir + "/mayfly.db", Database::Mode::write);
    if (!database) return pass(database.error());
    // What is lost with the power here is made again; only the CA's own commits have to last.
    if (auto ok = database->execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000"); !ok) return ok;
    const auto like = find_template(*database);
    if (!like) return pass(like.error());
    const auto insert = copying_insert(*database);
    if (!insert) return pass(insert.error());

    const auto before = find_head(*database);
    if (!before) return pass(before.error());
    auto tree = log::Tree::resume(before->size, store::tile_reader(*database));
    if (!tree) return pass(tree.error());
    const auto serial = find_serial(*database, like->issuer);
    if (!serial) return pass(serial.error());

    const SystemClock clock;
    auto signer = signer::in_process(std::move(*keys), std::string(text_of(*pem)), before->origin, {}, clock, {});
    if (!signer) return pass(signer.error());
    Past past(std::move(*database), *like, *insert, std::move(*tree), *serial);
    for (std::uint64_t done = 0; done < count; done += kPerCommit)
        if (auto ok = past.add(std::min(kPerCommit, count - done)); !ok) return ok;
    return past.sign(**signer, *before);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: bench-history STATE_DIR PASSPHRASE_FILE CERTIFICATES\n");
        return 2;
    }
    const auto made = make_past(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10));
    return made ? 0 : mayfly::report(made.error());
}
