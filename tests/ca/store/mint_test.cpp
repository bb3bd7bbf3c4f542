// The whole path, in one process, on the real store: decide, promise, sign, check, keep.
#include <sqlite3.h>

#include <set>
#include <thread>

#include "lib/wire/ssh_certificate.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using fakes::Authority;

namespace {

/// Everything the log promises, checked from its entries alone.
void check_everything(store::Store& store, const log::VerifierKey& key) {
    const auto head = log::open_checkpoint(*store.checkpoint(), key);
    REQUIRE(head);
    log::Tree tree;
    std::map<std::uint64_t, Digest> roots;
    while (tree.size() < head->size) {
        const auto page = store.read_entries(tree.size(), 1000);
        REQUIRE(page);
        REQUIRE_FALSE(page->empty());
        for (const auto& entry : *page) {
            REQUIRE(log::parse_event(entry));
            tree.append(log::leaf_hash(entry));
            roots[tree.size()] = tree.root();
        }
    }
    REQUIRE(tree.root() == head->root);
    const auto reader = [&](const log::Tile& tile) { return store.read_tile(tile); };
    for (const auto& [size, root] : roots) {
        const auto proof = log::prove_consistency(size, head->size, reader);
        REQUIRE(proof);
        REQUIRE(log::verify_consistency(size, root, head->size, head->root, *proof));
    }
}

std::size_t leaves_of_type(store::Store& store, const std::string& type) {
    std::size_t count = 0;
    const auto entries = store.read_entries(0, 1000);
    REQUIRE(entries);
    for (const auto& entry : *entries)
        if (log::parse_event(entry)->type == type) ++count;
    return count;
}

const steps::Issued& issued(const Result<mint::Outcome>& outcome) {
    REQUIRE(outcome);
    const auto* certificate = std::get_if<steps::Issued>(&*outcome);
    REQUIRE(certificate != nullptr);
    return *certificate;
}

/// Changes the database behind our back.
void tamper(const std::string& path, const char* sql) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    REQUIRE(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
}

}  // namespace

TEST_CASE("a permitted request becomes a certificate that the log proves") {
    Authority a;
    const auto outcome = a.mint->mint(a.ssh_request());
    const auto& certificate = issued(outcome);
    const auto read = wire::parse_ssh_certificate(certificate.certificate());
    REQUIRE(read);
    CHECK(read->fields.key_id == "human/alice/ops/g-1");
    CHECK(read->fields.serial == 1);
    CHECK(crypto::verify(*read));
    const auto proof = log::parse_proof(certificate.log_proof());
    REQUIRE(proof);
    CHECK(log::verify_proof(*proof, certificate.log_entry(), a.log_key()));
    CHECK(leaves_of_type(*a.store, "certificate.intent") == 1);
    CHECK(leaves_of_type(*a.store, "certificate.issued") == 1);
    check_everything(*a.store, a.log_key());
}

TEST_CASE("X.509 takes the same path and is read back by Botan") {
    Authority a;
    mint::Request request{
        policy::Ask{policy::Profile::x509, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
        a.alice,
        a.alice,
        {},
        {},
        false};
    request.ask.role = *RoleName::parse("web");
    request.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    const auto outcome = a.mint->mint(request);
    const auto read = wire::parse_x509(issued(outcome).certificate());
    REQUIRE(read);
    CHECK(read->serial.size() == 18);
    CHECK(read->serial.front() == 1);
    CHECK(read->no_revocation);
}

TEST_CASE("a refusal leaves one leaf and no signature") {
    Authority a;
    auto request = a.ssh_request();
    request.ask.lifetime = *Lifetime::of_seconds(7200);
    const auto before = a.signatures();
    const auto outcome = a.mint->mint(request);
    REQUIRE(outcome);
    CHECK(std::get<mint::Denied>(*outcome).reasons.front().rule == "E-ROLE-TTL");
    CHECK(a.signatures() == before);
    CHECK(leaves_of_type(*a.store, "request.refused") == 1);
    CHECK(leaves_of_type(*a.store, "certificate.intent") == 0);
}

TEST_CASE("a dry run leaves no trace") {
    Authority a;
    auto request = a.ssh_request();
    request.dry_run = true;
    const auto size = *a.store->log_size();
    REQUIRE(std::holds_alternative<mint::Would>(*a.mint->mint(request)));
    CHECK(*a.store->log_size() == size);
    REQUIRE(a.store->create_owner({*OwnerName::parse("bob"), "", "", {}, {}, policy::State::active}, a.alice, a.now(),
                                  store::Effect::dry_run));
    CHECK(a.store->list_owners()->size() == 1);
    CHECK(*a.store->log_size() == size);
}

TEST_CASE("the same idempotency key gives the same bytes; another body is a conflict") {
    Authority a;
    const auto request = a.ssh_request("0123456789abcdef");
    const auto first = a.mint->mint(request), again = a.mint->mint(request);
    CHECK(issued(first).certificate() == issued(again).certificate());
    CHECK(a.signatures() == 1);
    auto other = request;
    other.idempotency.request_hash[0] ^= 1;
    CHECK(a.mint->mint(other).error().code == Code::conflict);
}

TEST_CASE("a repeated request gets its first answer, though a new one would be refused") {
    Authority a;
    const auto request = a.ssh_request("0123456789abcdef");
    const auto first = a.mint->mint(request);
    REQUIRE(first);
    const auto grants = *a.store->list_grants(a.alice, a.now());
    for (const auto& grant : grants)
        REQUIRE(a.store->revoke({store::RevokeBy::grant, {}, {}, {}, "over", grant.id}, a.alice, a.now(),
                                store::Effect::apply));
    const auto size = *a.store->log_size();
    const auto again = a.mint->mint(request);
    CHECK(issued(first).certificate() == issued(again).certificate());
    CHECK(*a.store->log_size() == size);
    CHECK(a.signatures() == 1);
    CHECK(std::holds_alternative<mint::Denied>(*a.mint->mint(a.ssh_request("another-key-1234"))));
    auto other = request;
    other.idempotency.request_hash[0] ^= 1;
    CHECK(a.mint->mint(other).error().id == "E-IDEMPOTENCY");
}

TEST_CASE("eight writers never share a serial, and the log holds every certificate") {
    Authority a;
    std::mutex mutex;
    std::set<std::string> serials;
    std::vector<std::thread> writers;
    for (int w = 0; w < 8; ++w)
        writers.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                const auto outcome = a.mint->mint(a.ssh_request());
                const std::lock_guard lock(mutex);
                if (outcome) serials.insert(std::get<steps::Issued>(*outcome).serial());
            }
        });
    for (auto& writer : writers) writer.join();
    CHECK(serials.size() == 160);
    check_everything(*a.store, a.log_key());
}

TEST_CASE("serials go on after a restart, never back") {
    Authority a;
    const auto first = a.mint->mint(a.ssh_request());
    a.reopen();
    const auto second = a.mint->mint(a.ssh_request());
    CHECK(std::stoull(issued(second).serial()) > std::stoull(issued(first).serial()));
}

TEST_CASE("a join token is consumed once, by one of many") {
    Authority a;
    const Digest token = crypto::sha256(view("secret"));
    REQUIRE(a.store->create_token({{},
                                   token,
                                   *NodeName::parse("db-7"),
                                   *OwnerName::parse("alice"),
                                   {{"env", "dev"}},
                                   {*HostName::parse("db-7")},
                                   *OwnerName::parse("alice"),
                                   a.now() + *Lifetime::of_seconds(600),
                                   false},
                                  a.alice, a.now(), store::Effect::apply));
    std::atomic<int> joined{0};
    std::vector<std::thread> nodes;
    for (int i = 0; i < 16; ++i)
        nodes.emplace_back([&] {
            const IdentityName node = *IdentityName::parse("node/db-7");
            const mint::Request request{
                policy::Ask{policy::Profile::node,
                            crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
                node,
                node,
                {},
                token,
                false};
            const auto outcome = a.mint->mint(request);
            if (outcome && std::holds_alternative<steps::Issued>(*outcome)) ++joined;
        });
    for (auto& node : nodes) node.join();
    CHECK(joined == 1);
    CHECK((*a.store->find_identity(*IdentityName::parse("node/db-7")))->labels.at("env") == "dev");
}

TEST_CASE("an expired token joins nobody") {
    Authority a;
    const Digest token = crypto::sha256(view("secret"));
    REQUIRE(a.store->create_token({{},
                                   token,
                                   *NodeName::parse("db-7"),
                                   *OwnerName::parse("alice"),
                                   {},
                                   {},
                                   *OwnerName::parse("alice"),
                                   a.now() + *Lifetime::of_seconds(10),
                                   false},
                                  a.alice, a.now(), store::Effect::apply));
    a.clock.set(fakes::kNow + 10);
    const IdentityName node = *IdentityName::parse("node/db-7");
    const mint::Request request{
        policy::Ask{policy::Profile::node, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()},
        node,
        node,
        {},
        token,
        false};
    CHECK(a.mint->mint(request).error().id == "E-TOKEN");
    CHECK(a.signatures() == 0);
}

TEST_CASE("what was revoked is minted no more") {
    Authority a;
    auto request = a.ssh_request();
    REQUIRE(a.store->revoke({store::RevokeBy::key, {}, {}, crypto::key_id(request.ask.key), "lost"}, a.alice, a.now(),
                            store::Effect::apply));
    CHECK(std::get<mint::Denied>(*a.mint->mint(request)).reasons.front().rule == "E-KEY-REVOKED");
    const auto living = a.mint->mint(a.ssh_request());
    const auto reply = a.store->revoke({store::RevokeBy::serial, issued(living).serial(), {}, {}, "test"}, a.alice,
                                       a.now(), store::Effect::apply);
    REQUIRE(reply);
    CHECK(reply->certificates == 1);
    CHECK_FALSE(a.store->revoke({store::RevokeBy::serial, issued(living).serial(), {}, {}, "twice"}, a.alice, a.now(),
                                store::Effect::apply));
    REQUIRE(
        a.store->revoke({store::RevokeBy::identity, {}, a.alice, {}, "left"}, a.alice, a.now(), store::Effect::apply));
    CHECK(std::get<mint::Denied>(*a.mint->mint(a.ssh_request())).reasons.front().rule == "E-IDENTITY-SUSPENDED");
}

TEST_CASE("a key belongs to one identity") {
    Authority a;
    const auto request = a.ssh_request();
    (void)issued(a.mint->mint(request));
    const IdentityName bob = *IdentityName::parse("human/bob");
    CHECK(a.store
              ->create_identity(
                  {bob, *OwnerName::parse("alice"), "", policy::State::active, {request.ask.key}, {}, {}, a.now()},
                  a.alice, a.now(), store::Effect::apply)
              .error()
              .id == "E-KEY-BOUND");
}

TEST_CASE("nothing exists without an owner who answers") {
    Authority a;
    const IdentityName bob = *IdentityName::parse("human/bob");
    CHECK(a.store
              ->create_identity({bob, *OwnerName::parse("nobody"), "", policy::State::active, {}, {}, {}, a.now()},
                                a.alice, a.now(), store::Effect::apply)
              .error()
              .id == "E-OWNER-UNKNOWN");
    CHECK(a.store
              ->create_owner({*OwnerName::parse("alice"), "", "", {}, {}, policy::State::active}, a.alice, a.now(),
                             store::Effect::apply)
              .error()
              .id == "E-OWNER-EXISTS");
}

TEST_CASE("a clock that ran back dates nothing") {
    Authority a;
    a.clock.set(fakes::kNow - 60);
    CHECK(a.mint->mint(a.ssh_request()).error().id == "E-CLOCK");
    CHECK(a.signatures() == 0);
}

TEST_CASE("free text never stands in the log") {
    Authority a;
    auto request = a.ssh_request();
    request.ask.reason = "canary-reason-text";
    (void)issued(a.mint->mint(request));
    const auto entries = a.store->read_entries(0, 1000);
    for (const auto& entry : *entries) CHECK(text_of(entry).find("canary-reason-text") == std::string_view::npos);
}

TEST_CASE("a log that was touched is found at start") {
    const auto* sql = GENERATE(
        "DROP TRIGGER log_entry_is_final; UPDATE log_entry SET entry = CAST(replace(CAST(entry AS TEXT), "
        "'alice', 'mallo') AS BLOB) WHERE idx = 2",
        "INSERT INTO log_tile(level, n, hashes) VALUES (0, 0, zeroblob(8192))",
        "UPDATE log_head SET note = replace(note, char(10) || size || char(10), char(10) || "
        "(size - 1) || char(10)), size = size - 1");
    Authority a;
    (void)issued(a.mint->mint(a.ssh_request()));
    a.mint.reset();
    a.store.reset();
    tamper(a.dir.path("db"), sql);
    const auto opened = store::open_sqlite(a.dir.path("db"), store::Create::no, "corp.example/log", *a.signer, a.rng);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Code::corrupt);
}

TEST_CASE("log entries cannot be changed or deleted through SQL") {
    Authority a;
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(a.dir.path("db").c_str(), &handle) == SQLITE_OK);
    CHECK(sqlite3_exec(handle, "UPDATE log_entry SET entry = x'00' WHERE idx = 1", nullptr, nullptr, nullptr) !=
          SQLITE_OK);
    CHECK(sqlite3_exec(handle, "DELETE FROM log_entry WHERE idx = 1", nullptr, nullptr, nullptr) != SQLITE_OK);
    sqlite3_close(handle);
}

TEST_CASE("a restored older database is refused") {
    Authority a;
    a.mint.reset();
    a.store.reset();
    std::filesystem::copy_file(a.dir.path("db"), a.dir.path("old"));
    a.reopen();
    (void)issued(a.mint->mint(a.ssh_request()));
    a.mint.reset();
    a.store.reset();
    std::filesystem::copy_file(a.dir.path("old"), a.dir.path("db"), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::remove(a.dir.path("db-wal"));
    CHECK(store::open_sqlite(a.dir.path("db"), store::Create::no, "corp.example/log", *a.signer, a.rng).error().id ==
          "E-LOG-BEHIND");
    // And with the head outside gone too, the signer's journal still knows.
    std::filesystem::remove(a.dir.path("db.head"));
    const auto opened = store::open_sqlite(a.dir.path("db"), store::Create::no, "corp.example/log", *a.signer, a.rng);
    REQUIRE(opened);
    CHECK((*opened)->recover(a.dir.path("journal"), a.now()).error().id == "E-JOURNAL");
}

TEST_CASE("an intent without an outcome is voided at start, and its serial stays used") {
    Authority a;
    const auto outcome = a.mint->mint(a.ssh_request());
    a.mint.reset();
    a.store.reset();
    tamper(a.dir.path("db"),
           "UPDATE certificate SET state = 'intent', intent = randomblob(16); UPDATE certificate_body SET certificate "
           "= NULL");
    a.reopen();
    const auto recovered = a.store->recover(a.dir.path("journal"), a.now());
    REQUIRE(recovered);
    CHECK(recovered->voided == 1);
    CHECK(recovered->journal_entries == 1);
    CHECK(leaves_of_type(*a.store, "certificate.void") == 1);
    CHECK(std::stoull(issued(a.mint->mint(a.ssh_request())).serial()) > 1);
    check_everything(*a.store, a.log_key());
}
