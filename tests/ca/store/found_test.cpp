// What nodes found on themselves: kept once, proposed to somebody, decided on, and gone.
#include "lib/wire/ssh_key.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

std::string hex_id(char digit) { return std::string(32, digit); }

store::FoundItem thing(char id, const char* kind, const char* account, std::string fingerprint = {},
                       const char* hint = "") {
    return {hex_id(id),    kind, account, "/home/somebody/.ssh/authorized_keys", std::move(fingerprint),
            "ssh-ed25519", hint, true};
}

/// alice runs the CA; bob answers for db-7; carol has a key enrolled.
struct World {
    fakes::Authority authority;
    crypto::PrivateKey carols = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    NodeName node = *NodeName::parse("db-7");
    OwnerName bob = *OwnerName::parse("bob"), carol = *OwnerName::parse("carol"), alice = *OwnerName::parse("alice");

    World() {
        own(bob, "home");
        own(carol, "home");
        REQUIRE(authority.store->create_tenant({"acme", "", bob, true, authority.now()}, authority.alice,
                                               authority.now(), Effect::apply));
        own(*OwnerName::parse("mallory"), "acme");
        add("human/carol", carol, {carols.public_key()});
        add("human/deploy", carol, {});
        add("node/db-7", bob, {});
    }
    void own(const OwnerName& name, const char* tenant) const {
        store::OwnerRecord owner{name, "", "", {}, {}, policy::State::active};
        owner.tenant = tenant;
        REQUIRE(authority.store->create_owner(owner, authority.alice, authority.now(), Effect::apply));
    }
    void add(const char* name, const OwnerName& owner, std::vector<PublicKey> keys) const {
        REQUIRE(authority.store->create_identity(
            {*IdentityName::parse(name), owner, "", policy::State::active, std::move(keys), {}, {}, authority.now()},
            authority.alice, authority.now(), Effect::apply));
    }
    [[nodiscard]] store::FoundCounts look(char id, std::vector<store::FoundItem> items, bool last = true) const {
        const auto counts = authority.store->record_found(node, {hex_id(id), std::move(items), last}, {"alice", "bob"},
                                                          authority.now());
        REQUIRE(counts);
        return *counts;
    }
    [[nodiscard]] std::vector<store::FoundRecord> list(const OwnerName& who, bool everything = false,
                                                       bool gone = false) const {
        store::FoundQuery query{{who, everything}};
        query.gone = gone;
        const auto found = authority.store->list_found(query);
        REQUIRE(found);
        return *found;
    }
    [[nodiscard]] std::vector<std::string> events() const {
        std::vector<std::string> out;
        const auto entries = authority.store->read_entries(0, *authority.store->log_size());
        for (const auto& entry : *entries)
            if (const auto type = log::parse_event(entry)->type; type.starts_with("found.")) out.push_back(type);
        return out;
    }
};

}  // namespace

TEST_CASE("what was found is proposed to whoever it seems to belong to, and says why") {
    World world;
    const auto fingerprint = wire::fingerprint(crypto::ssh_fingerprint(world.carols.public_key()));
    (void)world.look('1', {thing('a', "authorized-key", "postgres", fingerprint, "alice@laptop"),
                           thing('b', "authorized-key", "deploy", "SHA256:unknown", "alice@laptop"),
                           thing('c', "authorized-key", "postgres", "SHA256:unknown", "alice@laptop"),
                           thing('d', "authorized-key", "postgres", "SHA256:unknown", "mallory@acme"),
                           thing('e', "root-account", "", "", "")});
    const auto found = world.list(world.alice, true);
    REQUIRE(found.size() == 5);
    const auto basis = [&](std::size_t n) { return found[n].proposed->text() + " by " + found[n].basis; };
    CHECK(basis(0) == "carol by enrolled-key");  // a fingerprint outweighs what is written beside it
    CHECK(basis(1) == "carol by account");
    CHECK(basis(2) == "alice by comment");
    CHECK(basis(3) == "bob by node");  // somebody of another tenant is nobody here
    CHECK(basis(4) == "bob by node");
    for (const auto& one : found) CHECK(one.state == "open");
}

TEST_CASE("the same look twice is told once; what comes after the first is drift, with who is told") {
    World world;
    CHECK(world.look('1', {thing('a', "authorized-key", "deploy")}).added == 1);
    CHECK(world.look('1', {thing('a', "authorized-key", "deploy")}).added == 0);
    CHECK(world.look('2', {thing('a', "authorized-key", "deploy")}).added == 0);
    CHECK(world.events() == std::vector<std::string>{"found.reported"});
    const auto counts = world.look('3', {thing('a', "authorized-key", "deploy"), thing('b', "user-ca", "")});
    CHECK(counts.added == 1);
    CHECK(counts.open == 2);
    CHECK(world.events() == std::vector<std::string>{"found.reported", "found.drift"});
}

TEST_CASE("parts of one look make nothing go; a complete one does") {
    World world;
    (void)world.look('1', {thing('a', "authorized-key", "deploy"), thing('b', "password", "deploy")});
    CHECK(world.look('2', {thing('a', "authorized-key", "deploy")}, false).gone == 0);
    CHECK(world.look('2', {}, true).gone == 1);
    CHECK(world.list(world.alice, true).size() == 1);
    CHECK(world.list(world.alice, true, true).size() == 2);
    CHECK(world.events() == std::vector<std::string>{"found.reported", "found.gone"});
}

TEST_CASE("what comes back after it was gone is open again, whatever was decided") {
    World world;
    const auto item = thing('a', "authorized-key", "deploy");
    (void)world.look('1', {item});
    const auto found = world.list(world.alice, true);
    REQUIRE(world.authority.store->accept_found(found.front(), world.carol, "hers", world.authority.alice,
                                                world.authority.now(), Effect::apply));
    CHECK(world.list(world.alice, true).front().owner == world.carol);
    (void)world.look('2', {});
    (void)world.look('3', {item});
    const auto back = world.list(world.alice, true);
    REQUIRE(back.size() == 1);
    CHECK(back.front().state == "open");
    CHECK_FALSE(back.front().owner);
    CHECK(world.events().back() == "found.drift");
}

TEST_CASE("who answers for a node sees what is on it, and nobody else of their rank does") {
    World world;
    (void)world.look('1', {thing('a', "authorized-key", "deploy")});
    CHECK(world.list(world.bob).size() == 1);
    CHECK(world.list(world.carol).empty());
    const auto found = world.list(world.bob);
    REQUIRE(world.authority.store->accept_found(found.front(), world.carol, "", world.authority.alice,
                                                world.authority.now(), Effect::apply));
    CHECK(world.list(world.carol).size() == 1);  // what she answers for
    CHECK(world.list(*OwnerName::parse("mallory")).empty());
}

TEST_CASE("nobody who is not there can be made to answer for a thing, and a dry run changes nothing") {
    World world;
    (void)world.look('1', {thing('a', "authorized-key", "deploy")});
    const auto found = world.list(world.bob).front();
    auto& store = *world.authority.store;
    const auto now = world.authority.now();
    CHECK_FALSE(store.accept_found(found, *OwnerName::parse("nobody"), "", world.authority.alice, now, Effect::apply));
    CHECK(store.dismiss_found(found, "a test", world.authority.alice, now, Effect::dry_run));
    CHECK(world.list(world.bob).front().state == "open");
    CHECK(store.dismiss_found(found, "a test", world.authority.alice, now, Effect::apply));
    CHECK(world.list(world.bob).front().state == "dismissed");
}
