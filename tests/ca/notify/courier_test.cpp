// In order, at least once, never before it is committed, and given up in the end: with a clock that the test moves.
#include "ca/notify/courier.h"

#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using notify::Delivery;

namespace {

constexpr std::int64_t kFirst = 4, kMost = 32, kDeadline = 600;

/// What the other side does, and what it saw.
struct Receiver {
    std::vector<std::string> patterns{"owner.*", "notify.*"};
    std::vector<std::string> recipients{"desk"};
    std::set<std::string> failing;  ///< recipients that answer `verdict`
    Delivery::Verdict verdict = Delivery::Verdict::later;
    std::int64_t retry_after = 0;
    std::function<void()> on_carry = [] {};
    std::vector<std::string> got;  ///< "<id> <recipient>"
};

class FakeCarrier final : public notify::Carrier {
public:
    FakeCarrier(Receiver& receiver, std::string name) : receiver_(receiver), name_(std::move(name)) {}
    [[nodiscard]] const std::string& target() const override { return name_; }
    [[nodiscard]] const notify::Patience& patience() const override { return patience_; }
    Result<std::vector<std::string>> recipients(const notify::Letter& letter) override {
        if (!notify::wanted(receiver_.patterns, letter.event.type)) return std::vector<std::string>();
        return receiver_.recipients;
    }
    Delivery carry(const notify::Letter& letter, const std::string& recipient, Instant) override {
        receiver_.on_carry();
        receiver_.got.push_back(letter.id + " " + recipient);
        if (receiver_.failing.count(recipient) == 0) return {};
        return {receiver_.verdict, "it fails", receiver_.retry_after};
    }

private:
    Receiver& receiver_;
    std::string name_;
    notify::Patience patience_{*Lifetime::of_seconds(kFirst), *Lifetime::of_seconds(kMost),
                               *Lifetime::of_seconds(kDeadline)};
};

struct World {
    fakes::Authority ca;
    Receiver receiver;
    std::vector<std::string> said;
    notify::Courier courier(const std::string& name = "desk") {
        return {std::make_unique<FakeCarrier>(receiver, name), *ca.store, ca.rng,
                [this](std::string_view event, const std::string& target, const std::string&) {
                    said.push_back(std::string(event) + " " + target);
                }};
    }
    void make_owner(const std::string& name) {
        REQUIRE(ca.store->create_owner({*OwnerName::parse(name), "", "", {}, {}, policy::State::active}, ca.alice,
                                       ca.now(), store::Effect::apply));
    }
    /// Steps until there is nothing to do now.
    std::optional<Instant> run(notify::Courier& courier) {
        for (;;) {
            const auto next = courier.step(ca.now());
            REQUIRE(next);
            if (!*next || **next > ca.now()) return *next;
        }
    }
    [[nodiscard]] std::string id_of_last() const {
        const auto size = *ca.store->log_size();
        return notify::read_letter(size - 1, ca.store->read_entries(size - 1, 1)->front())->id;
    }
    [[nodiscard]] std::vector<std::string> types() const {
        std::vector<std::string> out;
        const auto entries = *ca.store->read_entries(0, 1000);
        for (const auto& entry : entries) out.push_back(log::parse_event(entry)->type);
        return out;
    }
    void later(std::int64_t seconds) { ca.clock.set(ca.now().seconds() + seconds); }
};

}  // namespace

TEST_CASE("a target is told of what happens from its first day on, in order, once each") {
    World world;
    world.make_owner("before");
    auto courier = world.courier();
    CHECK(world.run(courier) == std::nullopt);
    CHECK(world.receiver.got.empty());
    std::vector<std::string> expected;
    for (const char* name : {"bob", "carol", "dave"}) {
        world.make_owner(name);
        expected.push_back(world.id_of_last() + " desk");
    }
    world.run(courier);
    CHECK(world.receiver.got == expected);
    world.run(courier);
    CHECK(world.receiver.got == expected);
    CHECK(world.said.empty());
}

TEST_CASE("what is told is in a committed head of the log already") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.on_carry = [&] {
        const auto size = *world.ca.store->log_size();
        const auto proof = world.ca.store->prove(size - 1);
        REQUIRE(proof);
    };
    world.make_owner("bob");
    world.run(courier);
    CHECK(world.receiver.got.size() == 1);
}

TEST_CASE("a crash between the telling and the cursor's move tells it again, under the same id") {
    World world;
    {
        auto first = world.courier();
        world.run(first);
    }
    const auto before = *world.ca.store->load_cursor("desk");
    world.make_owner("bob");
    world.make_owner("carol");
    auto courier = world.courier();
    REQUIRE(courier.step(world.ca.now()));
    REQUIRE(world.receiver.got.size() == 1);
    // As if the process had died after the receiver's answer and before the commit.
    REQUIRE(world.ca.store->keep_cursor("desk", before));
    world.ca.reopen();
    auto again = world.courier();
    world.run(again);
    REQUIRE(world.receiver.got.size() == 3);
    CHECK(world.receiver.got[0] == world.receiver.got[1]);
    CHECK(world.receiver.got[2] == world.id_of_last() + " desk");
}

TEST_CASE("a restart goes on where the target is, with its count of failures") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.failing = {"desk"};
    world.make_owner("bob");
    const auto retry = world.run(courier);
    REQUIRE(retry);
    const auto kept = *world.ca.store->load_cursor("desk");
    CHECK(kept.tries == 1);
    CHECK(kept.retry_at == *retry);
    CHECK(kept.trouble == "it fails");
    world.ca.reopen();
    auto again = world.courier();
    CHECK(world.run(again) == retry);
    CHECK(world.receiver.got.size() == 1);
    world.receiver.failing.clear();
    world.later(kFirst + 1);
    world.run(again);
    CHECK(world.receiver.got.size() == 2);
    CHECK(world.ca.store->load_cursor("desk")->tries == 0);
    CHECK(world.said == std::vector<std::string>{"notify.failing desk", "notify.back desk"});
}

TEST_CASE("a target that fails holds up what comes after, and no other target") {
    World world;
    Receiver healthy;
    healthy.recipients = {"other"};
    auto slow = world.courier("desk");
    notify::Courier quick(std::make_unique<FakeCarrier>(healthy, "other"), *world.ca.store, world.ca.rng,
                          [](auto, const auto&, const auto&) {});
    world.run(slow);
    world.run(quick);
    world.receiver.failing = {"desk"};
    world.make_owner("bob");
    const std::string first = world.id_of_last();
    world.make_owner("carol");
    const std::string second = world.id_of_last();
    world.run(slow);
    world.run(quick);
    CHECK(world.receiver.got == std::vector<std::string>{first + " desk"});
    CHECK(healthy.got == std::vector<std::string>{first + " other", second + " other"});
    world.receiver.failing.clear();
    world.later(kMost);
    world.run(slow);
    CHECK(world.receiver.got == std::vector<std::string>{first + " desk", first + " desk", second + " desk"});
}

TEST_CASE("waits grow, within their bounds, with a random half") {
    const notify::Patience patience{*Lifetime::of_seconds(kFirst), *Lifetime::of_seconds(kMost),
                                    *Lifetime::of_seconds(kDeadline)};
    crypto::SystemRng rng;
    std::set<std::int64_t> seen;
    for (int round = 0; round < 200; ++round) {
        std::int64_t whole = kFirst;
        for (std::int64_t tries = 1; tries < 70; ++tries) {
            const auto wait = notify::next_try(patience, tries, Instant(1000), rng).seconds() - 1000;
            CHECK(wait >= whole / 2);
            CHECK(wait <= whole);
            if (tries > 4) seen.insert(wait);
            whole = std::min(whole * 2, kMost);
        }
    }
    CHECK(seen.size() == kMost / 2 + 1);
}

TEST_CASE("a Retry-After is heeded, for at most an hour") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.failing = {"desk"};
    world.receiver.retry_after = 500;
    world.make_owner("bob");
    CHECK(world.run(courier) == Instant(world.ca.now().seconds() + 500));
    world.later(500);
    world.receiver.retry_after = 1000000;
    CHECK(world.run(courier) == Instant(world.ca.now().seconds() + 3600));
}

TEST_CASE("what is not taken by the deadline becomes a dead letter, with its event, and the next one is told") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.patterns = {"owner.*"};
    world.receiver.failing = {"desk"};
    world.make_owner("bob");
    const auto entry = *world.ca.store->log_size() - 1;
    const Instant begun = world.ca.now();
    std::size_t rounds = 0;
    while (world.ca.store->list_dead(store::Outbox::Which::open)->empty()) {
        const auto next = world.run(courier);
        REQUIRE(++rounds < 1000);
        if (next) world.ca.clock.set(next->seconds());
    }
    CHECK(world.ca.now() >= begun + *Lifetime::of_seconds(kDeadline));
    CHECK(world.ca.now().seconds() <= begun.seconds() + kDeadline + kMost);
    const auto dead = world.ca.store->list_dead(store::Outbox::Which::open);
    REQUIRE(dead->size() == 1);
    CHECK(dead->front().entry == entry);
    CHECK(dead->front().type == "owner.created");
    CHECK(dead->front().recipients == std::vector<std::string>{"desk"});
    CHECK(dead->front().why == "it fails");
    CHECK(dead->front().tries == static_cast<std::int64_t>(world.receiver.got.size()));
    CHECK(world.types().back() == "notify.dead");
    CHECK(world.ca.store->load_cursor("desk")->next == entry + 1);
}

TEST_CASE("a receiver that says no is asked six times, not until the deadline") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.patterns = {"owner.*"};
    world.receiver.failing = {"desk"};
    world.receiver.verdict = Delivery::Verdict::refused;
    world.make_owner("bob");
    for (int i = 0; i < 6; ++i) {
        CHECK(world.ca.store->list_dead(store::Outbox::Which::open)->empty());
        world.run(courier);
        world.later(kMost);
    }
    CHECK(world.receiver.got.size() == 6);
    CHECK(world.ca.store->list_dead(store::Outbox::Which::open)->size() == 1);
}

TEST_CASE("two targets that are gone do not tell each other of it for ever") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.failing = {"desk"};
    world.receiver.verdict = Delivery::Verdict::refused;
    world.make_owner("bob");
    for (int i = 0; i < 100; ++i) {
        world.run(courier);
        world.later(kMost);
    }
    const auto types = world.types();
    CHECK(std::count(types.begin(), types.end(), "notify.dead") == 1);
    CHECK(world.ca.store->list_dead(store::Outbox::Which::open)->size() == 2);
    CHECK(world.receiver.got.size() == 12);
}

TEST_CASE("a recipient who has it does not get it again because another has not") {
    World world;
    world.receiver.recipients = {"a", "b", "c"};
    world.receiver.failing = {"b"};
    auto courier = world.courier();
    world.run(courier);
    world.make_owner("bob");
    const std::string id = world.id_of_last();
    world.run(courier);
    CHECK(world.receiver.got == std::vector<std::string>{id + " a", id + " b", id + " c"});
    world.ca.reopen();
    auto again = world.courier();
    world.receiver.got.clear();
    world.later(kMost);
    world.run(again);
    CHECK(world.receiver.got == std::vector<std::string>{id + " b"});
    world.receiver.failing.clear();
    world.later(kMost);
    world.run(again);
    CHECK(world.ca.store->load_cursor("desk")->served.empty());
    CHECK(world.receiver.got.size() == 2);
}

TEST_CASE("a dead letter is told again when somebody with a name asks for it, and that is in the log") {
    World world;
    auto courier = world.courier();
    world.run(courier);
    world.receiver.patterns = {"owner.*"};
    world.receiver.failing = {"desk"};
    world.receiver.verdict = Delivery::Verdict::refused;
    world.make_owner("bob");
    const std::string id = world.id_of_last();
    for (int i = 0; i < 6; ++i) world.run(courier), world.later(kMost);
    const auto letter = world.ca.store->list_dead(store::Outbox::Which::open)->front().id;
    world.receiver.got.clear();

    REQUIRE(world.ca.store->ask_again(letter, world.ca.alice, world.ca.now(), store::Effect::apply));
    CHECK(world.types().back() == "notify.retried");
    const auto twice = world.ca.store->ask_again(letter, world.ca.alice, world.ca.now(), store::Effect::apply);
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code == Code::conflict);
    world.run(courier);
    CHECK(world.receiver.got == std::vector<std::string>{id + " desk"});
    CHECK(world.ca.store->list_dead(store::Outbox::Which::open)->front().state == store::LetterState::dead);

    world.receiver.failing.clear();
    REQUIRE(world.ca.store->ask_again(letter, world.ca.alice, world.ca.now(), store::Effect::apply));
    world.run(courier);
    CHECK(world.receiver.got == std::vector<std::string>{id + " desk", id + " desk"});
    CHECK(world.ca.store->list_dead(store::Outbox::Which::open)->empty());
    CHECK(world.ca.store->list_dead(store::Outbox::Which::all)->front().state == store::LetterState::delivered);
    for (const char* none : {"n-99", "7", "n-", "n-1x", "n--1", ""}) {
        INFO(none);
        const auto missing = world.ca.store->ask_again(none, world.ca.alice, world.ca.now(), store::Effect::apply);
        REQUIRE_FALSE(missing);
        CHECK(missing.error().id == "E-LETTER");
    }
}
