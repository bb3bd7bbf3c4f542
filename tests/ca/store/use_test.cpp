// What was used stands once; what the emergency key did is matched with its records; broken glass is broken once.
#include <atomic>
#include <thread>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

OwnerName owner(const char* name) { return *OwnerName::parse(name); }

struct Emergency : fakes::Authority {
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    crypto::PrivateKey login = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    NodeName node = *NodeName::parse("db-7");
    IdentityName glass = *IdentityName::parse("breakglass/alice");
    breakglass::SignedEnvelope envelope = *breakglass::sign_envelope({*TrustDomain::parse("corp.example"),
                                                                      key.public_key(),
                                                                      2,
                                                                      {owner("alice"), owner("bob")},
                                                                      {*AccountName::parse("root")},
                                                                      {},
                                                                      *Lifetime::of_seconds(900),
                                                                      "",
                                                                      {},
                                                                      now(),
                                                                      now() + *Lifetime::of_seconds(86400)},
                                                                     key);
    std::vector<breakglass::SignedRecord> chain;

    Emergency() {
        for (const auto* name : {"bob", "carol"})
            REQUIRE(
                store->create_owner({owner(name), "", "", {}, {}, policy::State::active}, alice, now(), Effect::apply));
        REQUIRE(store->create_identity({glass, owner("alice"), "", policy::State::active, {}, {}, {}, now()}, alice,
                                       now(), Effect::apply));
        for (const auto* name : {"node/db-7", "node/db-8"})
            REQUIRE(store->create_identity({*IdentityName::parse(name),
                                            owner("alice"),
                                            "",
                                            policy::State::active,
                                            {},
                                            {{"env", "dev"}},
                                            {},
                                            now()},
                                           alice, now(), Effect::apply));
        REQUIRE(store->publish_envelope(envelope, alice, now(), Effect::apply));
    }
    breakglass::SignedRecord record(std::uint64_t serial, const std::string& id) {
        const auto made = breakglass::sign_record({id,
                                                   chain.size() + 1,
                                                   chain.empty() ? envelope.hash : chain.back().hash,
                                                   envelope.hash,
                                                   serial,
                                                   breakglass::key_id_of(owner("alice"), node, id),
                                                   node,
                                                   *AccountName::parse("root"),
                                                   login.public_key(),
                                                   owner("alice"),
                                                   {owner("alice"), owner("bob")},
                                                   "down",
                                                   now(),
                                                   Instant(now().seconds() - 30),
                                                   now() + *Lifetime::of_seconds(600),
                                                   Digest{}},
                                                  key);
        REQUIRE(made);
        chain.push_back(*made);
        return *made;
    }
    [[nodiscard]] store::ReportedUse use(const std::string& id, std::uint64_t serial,
                                         const std::string& record_id) const {
        return {id + std::string(32 - id.size(), '0'),
                std::to_string(serial),
                breakglass::key_id_of(owner("alice"), node, record_id),
                crypto::ssh_fingerprint(login.public_key()),
                crypto::ssh_fingerprint(key.public_key()),
                *AccountName::parse("root"),
                "192.0.2.1 port 5",
                now()};
    }
    Status report(const std::vector<store::ReportedUse>& uses) const {
        return store->record_uses(node, uses, 0, {}, {"alice"}, now());
    }
    [[nodiscard]] std::size_t count(const std::string& type) const {
        std::size_t out = 0;
        const auto entries = *store->read_entries(0, 1000);
        for (const auto& entry : entries) out += log::parse_event(entry)->type == type ? 1 : 0;
        return out;
    }
    [[nodiscard]] store::GlassOrder order() const {
        return {glass,
                owner("alice"),
                *RoleName::parse("ops"),
                policy.current->policy.roles.at("ops").version,
                "home",
                node,
                "disk full",
                {},
                *Lifetime::of_seconds(600),
                *Lifetime::of_seconds(86400),
                {owner("bob")},
                {"bob"}};
    }
};

const Instant kDue(fakes::kNow + 86400);

}  // namespace

TEST_CASE("a use that is reported twice stands once, and its end once") {
    Emergency e;
    auto one = e.use("a1", 7, "b-0000000000000007");
    REQUIRE(e.report({one, one}));
    REQUIRE(e.report({one}));
    CHECK(e.count("session.opened") == 1);
    CHECK(e.count("session.closed") == 0);
    one.closed = Instant(e.now().seconds() + 5);
    one.end = "disconnected";
    REQUIRE(e.report({one}));
    REQUIRE(e.report({one, e.use("a1", 7, "b-0000000000000007")}));
    CHECK(e.count("session.opened") == 1);
    CHECK(e.count("session.closed") == 1);
    const auto listed = e.store->list_sessions({});
    REQUIRE(listed->size() == 1);
    CHECK(listed->front().use.closed == one.closed);
    // Another node may have chosen the same id.
    REQUIRE(e.store->record_uses(*NodeName::parse("db-8"), {one}, 0, {}, {}, e.now()));
    CHECK(e.count("session.opened") == 2);
}

TEST_CASE("a use of our own certificates is known by identity, role and grant") {
    Emergency e;
    const auto issued = std::get<steps::Issued>(*e.mint->mint(e.ssh_request()));
    auto used = e.use("b2", 1, "x");
    used.serial = issued.serial();
    used.key_id = issued.key_id();
    used.ca = crypto::sha256(view("our CA"));
    REQUIRE(e.store->record_uses(e.node, {used}, 0, {used.ca}, {}, e.now()));
    const auto found = e.store->list_sessions({});
    REQUIRE(found->size() == 1);
    CHECK(found->front().identity == "human/alice");
    CHECK(found->front().role == "ops");
    CHECK(found->front().authority == store::UseAuthority::mayfly);
    // The same serial under another key id is not that certificate.
    used.id = std::string(32, 'c');
    used.key_id = "human/eve/ops/g-1";
    REQUIRE(e.store->record_uses(e.node, {used}, 0, {used.ca}, {}, e.now()));
    store::SessionQuery query;
    query.id = used.id;
    CHECK(e.store->list_sessions(query)->front().authority == store::UseAuthority::unknown);
}

TEST_CASE("a record before the use, and a record after it, both explain it; none is an alarm, once") {
    Emergency e;
    const auto early = e.record(11, "b-0000000000000011");
    REQUIRE(e.store->record_emergency({early}, kDue, {}, e.alice, e.now(), Effect::apply));
    REQUIRE(e.report({e.use("a", 11, "b-0000000000000011"), e.use("b", 12, "b-0000000000000012"),
                      e.use("c", 13, "b-0000000000000013")}));
    CHECK(e.store->list_sessions({})->size() == 3);
    const auto late = e.record(12, "b-0000000000000012");
    const auto done = e.store->record_emergency({early, late}, kDue, {}, e.alice, e.now(), Effect::apply);
    REQUIRE(done);
    CHECK(done->added == 1);
    CHECK(done->known == 1);
    CHECK(done->matched == 1);
    CHECK(*e.store->alarm_unrecorded(e.now(), {"alice"}, e.now()) == 0);  // still within the grace
    CHECK(*e.store->alarm_unrecorded(Instant(e.now().seconds() + 1), {"alice"}, e.now()) == 1);
    CHECK(*e.store->alarm_unrecorded(Instant(e.now().seconds() + 1), {"alice"}, e.now()) == 0);
    CHECK(e.count("breakglass.unrecorded") == 1);
    CHECK(e.store->list_glass(true, 10)->size() == 2);
}

TEST_CASE("a use that its record does not describe is an alarm at once") {
    Emergency e;
    REQUIRE(e.store->record_emergency({e.record(11, "b-0000000000000011")}, kDue, {}, e.alice, e.now(), Effect::apply));
    auto elsewhere = e.use("a", 11, "b-0000000000000011");
    elsewhere.account = *AccountName::parse("deploy");
    REQUIRE(e.report({elsewhere}));
    CHECK(e.count("breakglass.unrecorded") == 1);
    CHECK(e.store->list_sessions({})->front().record.empty());
}

TEST_CASE("records that do not follow one another are refused, and nothing of the upload is kept") {
    Emergency e;
    const auto first = e.record(1, "b-0000000000000001"), second = e.record(2, "b-0000000000000002"),
               third = e.record(3, "b-0000000000000003");
    const auto upload = [&](const std::vector<breakglass::SignedRecord>& records) {
        return e.store->record_emergency(records, kDue, {}, e.alice, e.now(), Effect::apply);
    };
    CHECK(upload({first, third}).error().id == "E-BREAKGLASS-RECORD");
    CHECK(upload({second}).error().id == "E-BREAKGLASS-RECORD");
    CHECK(e.store->list_glass(false, 10)->empty());
    REQUIRE(upload({first, second, third}));
    // A second record under the id or the serial of the first is no second use.
    e.chain.clear();
    CHECK(upload({e.record(1, "b-00000000000000ff")}).error().id == "E-BREAKGLASS-RECORD");
    e.chain.clear();
    CHECK(upload({e.record(99, "b-0000000000000001")}).error().id == "E-BREAKGLASS-RECORD");
    CHECK(e.store->list_glass(false, 10)->size() == 3);
    REQUIRE(e.store->record_emergency({}, kDue, {}, e.alice, e.now(), Effect::apply));
}

TEST_CASE("an envelope is in force until another is, it was withdrawn, or it ended; and never again") {
    Emergency e;
    CHECK((*e.store->current_envelope(e.now()))->envelope.hash == e.envelope.hash);
    CHECK_FALSE(*e.store->current_envelope(e.envelope.envelope.expires));
    CHECK(e.store->publish_envelope(e.envelope, e.alice, e.now(), Effect::apply).error().id ==
          "E-BREAKGLASS-PUBLISHED");
    CHECK(e.store->load_revocations(e.now(), e.now())->ssh_keys.empty());
    const auto before = *e.store->revocations_recorded();
    REQUIRE(e.store->withdraw_envelope("lost", e.alice, e.now(), Effect::apply));
    CHECK_FALSE(*e.store->current_envelope(e.now()));
    CHECK(*e.store->revocations_recorded() > before);
    CHECK(e.store->load_revocations(e.now(), e.now())->ssh_keys ==
          std::vector<Digest>{crypto::ssh_fingerprint(e.key.public_key())});
    CHECK(e.store->withdraw_envelope("again", e.alice, e.now(), Effect::apply).error().id == "E-BREAKGLASS-NONE");
    CHECK(e.store->publish_envelope(e.envelope, e.alice, e.now(), Effect::apply).error().id ==
          "E-BREAKGLASS-PUBLISHED");
    CHECK(*e.store->find_envelope(e.envelope.hash));  // its records are still understood
    // Its key stays in the list until the envelope's end.
    CHECK(e.store->load_revocations(e.envelope.envelope.expires, e.now())->ssh_keys.empty());
}

TEST_CASE("glass carries one role on one node until it closes, and only the identity that it was opened for") {
    Emergency e;
    auto asked = e.ssh_request();
    asked.identity = e.glass;
    asked.ask.node = e.node;
    const auto outcome = [&] {
        asked.ask.key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key();
        const auto done = e.mint->mint(asked);
        REQUIRE(done);
        const auto* denied = std::get_if<mint::Denied>(&*done);
        return denied == nullptr ? std::string("minted") : denied->reasons.front().rule;
    };
    CHECK(outcome() == "E-BREAKGLASS-CLOSED");
    const auto opened = e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply);
    REQUIRE(opened);
    CHECK(outcome() == "minted");
    asked.ask.node = *NodeName::parse("db-8");
    CHECK(outcome() == "E-GRANT-NODE");
    asked.ask.node = e.node;
    REQUIRE(e.store->close_glass(opened->id, e.alice, e.now(), Effect::apply));
    CHECK(outcome() == "E-BREAKGLASS-CLOSED");
    CHECK(e.store->close_glass(opened->id, e.alice, e.now(), Effect::apply).error().id == "E-BREAKGLASS-CLOSED");
    REQUIRE(e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply));
    CHECK(outcome() == "minted");
    e.clock.set(e.now().seconds() + 600);
    CHECK(outcome() == "E-BREAKGLASS-CLOSED");
    CHECK(e.store->find_glass("o-99")->has_value() == false);
}

TEST_CASE("nobody reviews themselves, a review is done once, and overdue it blocks the person and the role") {
    Emergency e;
    const auto opened = *e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply);
    CHECK(opened.reviewer == "bob");
    const auto review = [&](const char* by, const std::string& id) {
        return e.store->review_glass({id, owner(by), "justified", "seen"}, e.alice, e.now(), Effect::apply);
    };
    CHECK(review("alice", opened.id).error().id == "E-REVIEW-SELF");
    REQUIRE(e.store->close_glass(opened.id, e.alice, e.now(), Effect::apply));
    e.clock.set(e.now().seconds() + 86400);
    CHECK(*e.store->note_overdue(e.now()) == 1);
    CHECK(*e.store->note_overdue(e.now()) == 0);
    CHECK(e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply).error().id == "E-REVIEW-OVERDUE");
    auto other_role = e.order();
    other_role.role = *RoleName::parse("web");
    CHECK(e.store->open_glass(other_role, e.alice, e.now(), Effect::apply).error().id == "E-REVIEW-OVERDUE");
    CHECK(e.store->ask_second(e.order(), {}, e.alice, e.now(), Effect::apply).error().id == "E-REVIEW-OVERDUE");
    REQUIRE(review("bob", opened.id));
    CHECK(review("bob", opened.id).error().id == "E-REVIEW-DONE");
    REQUIRE(e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply));
    CHECK(e.store->open_glass(e.order(), e.alice, e.now(), Effect::apply).error().id == "E-BREAKGLASS-OPEN");
}

TEST_CASE("with nobody else there the review stays owed, and still nobody closes their own") {
    fakes::Authority a;
    const IdentityName glass = *IdentityName::parse("breakglass/alice");
    REQUIRE(a.store->create_identity({glass, owner("alice"), "", policy::State::active, {}, {}, {}, a.now()}, a.alice,
                                     a.now(), Effect::apply));
    const auto opened = a.store->open_glass({glass,
                                             owner("alice"),
                                             *RoleName::parse("ops"),
                                             "v",
                                             "home",
                                             *NodeName::parse("db-7"),
                                             "alone",
                                             {},
                                             *Lifetime::of_seconds(60),
                                             *Lifetime::of_seconds(60),
                                             {owner("alice")},
                                             {"alice"}},
                                            a.alice, a.now(), Effect::apply);
    REQUIRE(opened);
    CHECK(opened->reviewer == "alice");
    CHECK(a.store->review_glass({opened->id, owner("alice"), "justified", "x"}, a.alice, a.now(), Effect::apply)
              .error()
              .id == "E-REVIEW-SELF");
}

TEST_CASE("of many who join at once one is the second person, and glass that waits is broken once") {
    Emergency e;
    for (int round = 0; round < 20; ++round) {
        const auto wait = e.store->ask_second(e.order(), {}, e.alice, e.now(), Effect::apply);
        REQUIRE(wait);
        std::atomic<int> opened = 0;
        std::string id;
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&, i] {
                auto order = e.order();
                order.second = owner(i % 2 == 0 ? "bob" : "carol");
                order.wait = *wait;
                if (const auto done = e.store->open_glass(order, e.alice, e.now(), Effect::apply)) {
                    ++opened;
                    id = done->id;
                }
            });
        for (auto& thread : threads) thread.join();
        CHECK(opened == 1);
        REQUIRE(e.store->close_glass(id, e.alice, e.now(), Effect::apply));
        auto again = e.order();
        again.wait = *wait;
        CHECK(e.store->open_glass(again, e.alice, e.now(), Effect::apply).error().id == "E-BREAKGLASS-WAIT");
    }
    const auto wait = *e.store->ask_second(e.order(), owner("bob"), e.alice, e.now(), Effect::apply);
    CHECK((*e.store->find_wait(wait, e.now()))->second == owner("bob"));
    e.clock.set(e.now().seconds() + 901);
    CHECK_FALSE(*e.store->find_wait(wait, e.now()));
}

TEST_CASE("what a node noticed is told once, with the node's owner, however often it is said") {
    Emergency e;
    const std::vector<store::ReportedNotice> notices = {
        {std::string(32, '1'), store::ReportedNotice::Kind::drift, e.now(), "somebody changed it", {}, {}, "reported"},
        {std::string(32, '2'), store::ReportedNotice::Kind::mode, e.now(), "both"}};
    REQUIRE(e.store->record_notices(e.node, notices, 0, e.now()));
    REQUIRE(e.store->record_notices(e.node, notices, 3, e.now()));
    CHECK(e.count("node.drift") == 1);
    CHECK(e.count("node.mode") == 1);
    CHECK(e.count("node.lost") == 1);
    // Another node may say the same.
    REQUIRE(e.store->record_notices(*NodeName::parse("db-8"), notices, 0, e.now()));
    CHECK(e.count("node.drift") == 2);
    const auto entries = *e.store->read_entries(0, 1000);
    CHECK(log::parse_event(entries.back())->owner == "alice");
}
