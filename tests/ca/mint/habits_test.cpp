#include "ca/mint/habits.h"

#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using Words = std::vector<std::string>;

namespace {

policy::Role watched(policy::FirstTime first_time) {
    auto role = fakes::Authority().policy.current->policy.roles.at("ops");
    role.conditions.first_time = first_time;
    return role;
}

Words seen(std::string_view address, const char* time, const char* node = nullptr) {
    const auto role = watched(policy::FirstTime::mark);
    return mint::seen_with(&role, address, node != nullptr ? std::optional(*NodeName::parse(node)) : std::nullopt,
                           *Instant::parse(time));
}

}  // namespace

TEST_CASE("a use is seen with its network, its node and its hours") {
    CHECK(seen("192.0.2.77", "2026-11-21T04:26:02Z", "db-7") ==
          Words{"network 192.0.2.0/24", "node db-7", "Saturdays and Sundays, 00:00-06:00 UTC"});
    CHECK(seen("2001:db8:7:1::9", "2026-11-23T06:00:00Z") ==
          Words{"network 2001:db8:7::/48", "working days, 06:00-12:00 UTC"});
    CHECK(seen("::ffff:192.0.2.77", "2026-11-27T23:59:59Z") ==
          Words{"network 192.0.2.0/24", "working days, 18:00-24:00 UTC"});
    CHECK(seen("", "2026-11-22T12:00:00Z") == Words{"Saturdays and Sundays, 12:00-18:00 UTC"});
    CHECK(seen("192.0.2.0/24", "2026-11-22T12:00:00Z").size() == 1);
}

TEST_CASE("a role that does not ask is not watched") {
    const auto role = watched(policy::FirstTime::ignore);
    CHECK(mint::seen_with(&role, "192.0.2.7", {}, Instant(0)).empty());
    CHECK(mint::seen_with(nullptr, "192.0.2.7", {}, Instant(0)).empty());
}

TEST_CASE("what was seen once is not new again, and many within an hour are new once") {
    fakes::Authority a;
    auto current = std::make_shared<mint::CurrentPolicy::InForce>(*a.policy.current);
    current->policy.roles.at("ops").conditions.first_time = policy::FirstTime::mark;
    a.policy.current = current;
    std::vector<Words> marks;
    for (int i = 0; i < 18; ++i) {
        auto request = a.ssh_request();
        request.circumstances.address = i < 17 ? "192.0.2.7" : "198.51.100.7";
        request.dry_run = true;
        const auto would = a.mint->mint(request);
        REQUIRE(would);
        marks.push_back(std::get<mint::Would>(*would).permit.marks);
        request.dry_run = false;
        REQUIRE(std::holds_alternative<steps::Issued>(*a.mint->mint(request)));
    }
    CHECK(marks.at(0).size() == 2);
    for (std::size_t i = 1; i < 15; ++i) CHECK(marks.at(i).empty());
    CHECK(marks.at(15) == Words{"first time with 16 certificates or more within an hour"});
    CHECK(marks.at(16).empty());
    CHECK(marks.at(17) == Words{"first time with network 198.51.100.0/24"});
}
