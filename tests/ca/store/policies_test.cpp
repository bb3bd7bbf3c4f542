// Policies in the store: every version is kept, a change is decided once, and a file is taken once.
#include <thread>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;
using store::PolicyChange;
using store::Settled;

namespace {

const std::string kOther = "version = 1\n# another\n";

struct World : fakes::Authority {
    const OwnerName owner = *OwnerName::parse("alice");
    std::vector<std::string> others;

    /// People who may give words; the store asks nobody whether they may.
    void add(const std::string& name) {
        REQUIRE(store->create_owner({*OwnerName::parse(name), name, "", {}, {}, policy::State::active}, alice, now(),
                                    Effect::apply));
        REQUIRE(store->create_identity({*IdentityName::of(Kind::human, name),
                                        *OwnerName::parse(name),
                                        "",
                                        policy::State::active,
                                        {},
                                        {},
                                        {},
                                        now()},
                                       alice, now(), Effect::apply));
        others.push_back(name);
    }
    [[nodiscard]] Result<PolicyChange> propose(const std::string& toml, const store::Settle& settle,
                                               Effect effect = Effect::apply) const {
        PolicyChange change{{}, owner, alice, toml, "why"};
        change.expires = now() + *Lifetime::of_seconds(100);
        return store->propose_policy(change, settle, now(), effect);
    }
    [[nodiscard]] Result<PolicyChange> sign(const PolicyChange& change, const std::string& name,
                                            const store::Settle& settle,
                                            policy::Verdict verdict = policy::Verdict::approve) const {
        return store->sign_policy(change.id,
                                  {*OwnerName::parse(name), *IdentityName::of(Kind::human, name), verdict, ""},
                                  change.sha256, settle, now(), Effect::apply);
    }
};

/// Applied once so many words were given; denied by any denial.
store::Settle after_words(std::size_t count) {
    return [count](const PolicyChange& change, const store::PolicyRecord&, const policy::People&) -> Result<Settled> {
        Settled out{Settled::Outcome::pending, "low", "somebody", false};
        for (const auto& word : change.words)
            if (word.verdict == policy::Verdict::deny) out.outcome = Settled::Outcome::denied;
        if (out.outcome == Settled::Outcome::pending && change.words.size() >= count)
            out.outcome = Settled::Outcome::applied;
        return out;
    };
}
std::string id_of(const Result<PolicyChange>& result) { return result ? result->state : result.error().id; }

}  // namespace

TEST_CASE("every policy that was in force is found by its version, its number, and its time") {
    World world;
    const auto first = *world.store->current_policy();
    CHECK(first.source == "init");
    world.clock.advance(100);
    REQUIRE(id_of(world.propose(kOther, after_words(0))) == "applied");
    const auto second = *world.store->current_policy();
    CHECK(second.version.starts_with("2:"));
    CHECK(second.toml == kOther);
    CHECK(second.source == "change");
    CHECK(second.change == "p-1");
    CHECK(world.store->find_policy("1")->toml == first.toml);
    CHECK(world.store->find_policy(first.version)->toml == first.toml);
    CHECK_FALSE(world.store->find_policy("3"));
    CHECK_FALSE(world.store->find_policy(""));
    CHECK(world.store->policy_at(Instant(fakes::kNow + 99))->version == first.version);
    CHECK(world.store->policy_at(Instant(fakes::kNow + 100))->version == second.version);
    CHECK_FALSE(world.store->policy_at(Instant(fakes::kNow - 1)));
    CHECK(world.store->list_policies()->size() == 2);
}

TEST_CASE("a dry run leaves nothing") {
    World world;
    const auto size = *world.store->log_size();
    REQUIRE(id_of(world.propose(kOther, after_words(0), Effect::dry_run)) == "applied");
    CHECK(world.store->list_policies()->size() == 1);
    CHECK(world.store->list_policy_changes()->empty());
    CHECK(*world.store->log_size() == size);
}

TEST_CASE("a word holds for the text that was looked at, once, and only while the change is open") {
    World world;
    for (const auto* name : {"bob", "carol"}) world.add(name);
    const auto change = world.propose(kOther, after_words(2));
    REQUIRE(id_of(change) == "pending");
    auto edited = *change;
    edited.sha256[0] = edited.sha256[0] == '0' ? '1' : '0';
    CHECK(id_of(world.sign(edited, "bob", after_words(2))) == "E-POLICY-DIGEST");
    REQUIRE(id_of(world.sign(*change, "bob", after_words(2))) == "pending");
    CHECK(id_of(world.sign(*change, "bob", after_words(2))) == "pending");  // the same word is no second one
    CHECK(id_of(world.sign(*change, "bob", after_words(2), policy::Verdict::deny)) == "E-POLICY-SAID");
    SECTION("applied by the last word that it needs") {
        REQUIRE(id_of(world.sign(*change, "carol", after_words(2))) == "applied");
        CHECK(world.store->current_policy()->signed_off == std::vector<std::string>{"bob", "carol"});
        CHECK(id_of(world.sign(*change, "carol", after_words(2), policy::Verdict::deny)) == "E-POLICY-CLOSED");
    }
    SECTION("a denial closes it") {
        CHECK(id_of(world.sign(*change, "carol", after_words(2), policy::Verdict::deny)) == "denied");
        CHECK(world.store->list_policies()->size() == 1);
    }
    SECTION("silence closes it") {
        world.clock.advance(100);
        CHECK(id_of(world.sign(*change, "carol", after_words(2))) == "E-POLICY-CLOSED");
        REQUIRE(world.store->close_policy_changes(world.now()));
        CHECK((*world.store->find_policy_change(change->id))->state == "expired");
    }
    SECTION("another policy overtakes it") {
        REQUIRE(id_of(world.propose("version = 1\n", after_words(0))) == "applied");
        CHECK((*world.store->find_policy_change(change->id))->state == "overtaken");
        CHECK(id_of(world.sign(*change, "carol", after_words(2))) == "E-POLICY-CLOSED");
    }
    SECTION("who proposed it takes it back") {
        REQUIRE(world.store->cancel_policy(change->id, world.alice, world.now(), Effect::apply));
        CHECK(id_of(world.sign(*change, "carol", after_words(2))) == "E-POLICY-CLOSED");
    }
    SECTION("what the rules refuse leaves no word behind") {
        const store::Settle refuse = [](const PolicyChange&, const store::PolicyRecord&,
                                        const policy::People&) -> Result<Settled> {
            return fail(Code::denied, "no", "E-POLICY-NOT-ASKED", {}, {});
        };
        CHECK(id_of(world.sign(*change, "carol", refuse)) == "E-POLICY-NOT-ASKED");
        CHECK((*world.store->find_policy_change(change->id))->words.size() == 1);
    }
}

TEST_CASE("of many who approve and deny at the same time, exactly one decides") {
    World world;
    for (int i = 0; i < 16; ++i) world.add("p" + std::to_string(i));
    for (int round = 0; round < 10; ++round) {
        const auto change = world.propose(kOther + "# round " + std::to_string(round) + "\n", after_words(1));
        REQUIRE(id_of(change) == "pending");
        const auto versions = world.store->list_policies()->size();
        std::atomic<int> applied{0}, denied{0}, closed{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < world.others.size(); ++i)
            threads.emplace_back([&, i] {
                const auto verdict = i % 2 == 0 ? policy::Verdict::approve : policy::Verdict::deny;
                const auto said = id_of(world.sign(*change, world.others[i], after_words(1), verdict));
                if (said == "applied") ++applied;
                if (said == "denied") ++denied;
                if (said == "E-POLICY-CLOSED") ++closed;
            });
        for (auto& thread : threads) thread.join();
        CHECK(applied + denied == 1);
        CHECK(closed == 15);
        CHECK(world.store->list_policies()->size() == versions + (applied == 1 ? 1 : 0));
    }
}

TEST_CASE("a policy file is taken when it is another one than was last taken") {
    World world;
    const auto take = [&](const std::string& text) {
        const auto taken = world.store->take_policy_file(
            text, [](const policy::People&) { return Status(); }, world.alice, world.now());
        REQUIRE(taken);
        return *taken;
    };
    CHECK_FALSE(take(fakes::kPolicy));  // what init applied
    REQUIRE(id_of(world.propose(kOther, after_words(0))) == "applied");
    CHECK_FALSE(take(fakes::kPolicy));  // a restart: the file is the old one, and undoes nothing
    CHECK(world.store->current_policy()->toml == kOther);
    CHECK(take("version = 1\n# by root\n"));
    CHECK(world.store->current_policy()->source == "file");
    CHECK_FALSE(take("version = 1\n# by root\n"));
    CHECK(take(fakes::kPolicy));  // changed back
    SECTION("one that is refused is not taken, and may be mended") {
        const auto refused = world.store->take_policy_file(
            kOther,
            [](const policy::People&) -> Status { return fail(Code::conflict, "no", "E-POLICY-LOCKOUT", {}, {}); },
            world.alice, world.now());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().id == "E-POLICY-LOCKOUT");
        CHECK(take(kOther));
    }
}

TEST_CASE("nobody piles up changes") {
    World world;
    for (int i = 0; i < 20; ++i)
        REQUIRE(id_of(world.propose(kOther + std::to_string(i) + "=", after_words(1))) == "pending");
    CHECK(id_of(world.propose(kOther, after_words(1))) == "E-POLICY-PENDING");
}
