// What the path does when a step after the promise fails.
#include "tests/ca/mint/faulty.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

/// A clock that says something else at one of its calls. The path asks it: first of all, after the promise (was it
/// stopped for long?), and when it keeps the outcome.
class ScriptedClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        ++calls_;
        return Instant(fakes::kNow + (calls_ == at_ ? shift_ : 0));
    }
    void shift(int call, std::int64_t seconds) {
        calls_ = 0;
        at_ = call;
        shift_ = seconds;
    }

private:
    mutable int calls_ = 0;
    int at_ = 0;
    std::int64_t shift_ = 0;
};

struct World {
    fakes::Authority authority;
    ScriptedClock clock;
    mint::Mint mint{authority.mint->authority(), authority.policy, *authority.store,
                    *authority.signer,           authority.rng,    clock};
    [[nodiscard]] std::size_t leaves(const std::string& type) const {
        std::size_t count = 0;
        const auto entries = authority.store->read_entries(0, 1000);
        for (const auto& entry : *entries)
            if (log::parse_event(entry)->type == type) ++count;
        return count;
    }
};

}  // namespace

TEST_CASE("a process that was stopped between promise and signature signs nothing") {
    World world;
    world.clock.shift(2, 61);
    const auto request = world.authority.ssh_request("0123456789abcdef");
    CHECK(world.mint.mint(request).error().id == "E-PAUSED");
    CHECK(world.authority.signatures() == 0);
    CHECK(world.leaves("certificate.intent") == 1);
    CHECK(world.leaves("certificate.void") == 1);
    world.clock.shift(2, 60);
    CHECK(world.mint.mint(request));
}

TEST_CASE("an outcome that cannot be kept voids its intent, and the request may be made again") {
    World world;
    world.clock.shift(3, -3600);  // the log refuses to be dated back
    const auto request = world.authority.ssh_request("0123456789abcdef");
    const auto outcome = world.mint.mint(request);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().id == "E-CLOCK");
    CHECK(world.authority.signatures() == 1);
    CHECK(world.leaves("certificate.issued") == 0);
    CHECK(world.leaves("certificate.void") == 1);
    CHECK(world.mint.mint(request));
    CHECK(world.leaves("certificate.issued") == 1);
}

TEST_CASE("a disk that takes ten seconds is not a clock that ran back") {
    World world;
    world.clock.shift(3, 10);
    REQUIRE(world.mint.mint(world.authority.ssh_request()));
    // Meanwhile others wrote what is dated later; an outcome dated at its request would lie behind them.
    const auto entries = world.authority.store->read_entries(0, 1000);
    CHECK(log::parse_event(entries->back())->time.seconds() == fakes::kNow + 10);
}
