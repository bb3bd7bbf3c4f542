#include <algorithm>

#include "ca/auth/knocks.h"

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using auth::Knocks;

namespace {

constexpr Instant kNow(fakes::kNow);

std::vector<log::Event> closed_doors(store::Store& store) {
    std::vector<log::Event> out;
    const auto entries = store.read_entries(0, 1000);
    for (const auto& entry : *entries) {
        const auto event = log::parse_event(entry);
        if (event->type == "door.refused") out.push_back(*event);
    }
    return out;
}

}  // namespace

TEST_CASE("the first refusal is told at once, the others are counted") {
    Knocks knocks;
    const auto first = knocks.knock("enrolled-key", "192.0.2.1", kNow);
    REQUIRE(first);
    CHECK(first->count == 1);
    CHECK(first->address == "192.0.2.1");
    for (int i = 1; i <= 1000; ++i)
        CHECK_FALSE(knocks.knock("enrolled-key", "192.0.2.1", Instant(kNow.seconds() + i / 100)));
    const auto counted = knocks.collect();
    REQUIRE(counted.size() == 1);
    CHECK(counted[0].count == 1000);
    CHECK(counted[0].first == kNow);
    CHECK(counted[0].last.seconds() == kNow.seconds() + 10);
}

TEST_CASE("who goes on is counted on; who came back after a quiet minute is told at once") {
    Knocks knocks;
    REQUIRE(knocks.knock("join-token", "192.0.2.1", kNow));
    CHECK_FALSE(knocks.knock("join-token", "192.0.2.1", kNow));
    CHECK(knocks.collect().size() == 1);
    CHECK_FALSE(knocks.knock("join-token", "192.0.2.1", kNow));
    CHECK(knocks.collect().front().count == 1);
    CHECK(knocks.collect().empty());
    CHECK(knocks.knock("join-token", "192.0.2.1", kNow));
}

TEST_CASE("doors and addresses are told apart") {
    Knocks knocks;
    CHECK(knocks.knock("join-token", "192.0.2.1", kNow));
    CHECK(knocks.knock("enrolled-key", "192.0.2.1", kNow));
    CHECK(knocks.knock("join-token", "2001:db8::/64", kNow));
    CHECK_FALSE(knocks.knock("join-token", "192.0.2.1", kNow));
}

TEST_CASE("a hundred thousand addresses leave as many entries as thirty-two, and one for the rest") {
    Knocks knocks;
    std::size_t at_once = 0;
    std::int64_t all = 0;
    for (int i = 0; i < 100000; ++i)
        if (knocks.knock("certificate", std::to_string(i % 50000), kNow)) ++at_once;
    CHECK(at_once == Knocks::kMostWatched);
    const auto counted = knocks.collect();
    CHECK(counted.size() == Knocks::kMostWatched + 1);
    for (const auto& door : counted) all += door.count;
    CHECK(all + static_cast<std::int64_t>(at_once) == 100000);  // nothing is lost from the count
    CHECK(std::count_if(counted.begin(), counted.end(),
                        [](const auto& door) { return door.address == Knocks::kElsewhere; }) == 1);
}

TEST_CASE("a closed door is a leaf that names nobody") {
    fakes::Authority a;
    const auto size = *a.store->log_size();
    REQUIRE(a.store->record_closed_doors({}, a.now()));
    CHECK(*a.store->log_size() == size);
    REQUIRE(a.store->record_closed_doors({{"enrolled-key", "192.0.2.1", 1, kNow, kNow},
                                          {"join-token", "2001:db8::/64", 17, kNow, Instant(fakes::kNow + 9)}},
                                         a.now()));
    const auto events = closed_doors(*a.store);
    REQUIRE(events.size() == 2);
    CHECK(events[0].actor.empty());
    CHECK(events[0].owner.empty());
    CHECK(events[0].subject == "door/enrolled-key");
    CHECK(events[1].data.at("address") == wire::Json("2001:db8::/64"));
    CHECK(events[1].data.at("count") == wire::Json(17));
    CHECK(events[1].data.at("last") == wire::Json(Instant(fakes::kNow + 9).text()));
}
