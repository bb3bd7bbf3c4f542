// What opens a node is said in the log when it changes, and only then.
#include <algorithm>
#include <thread>

#include "ca/store/rollback.h"
#include "lib/log/event.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using fakes::Authority;

namespace {

const IdentityName kNode = *IdentityName::parse("node/db-7"), kOther = *IdentityName::parse("node/db-8");
const OwnerName kAlice = *OwnerName::parse("alice");

void add(Authority& a, const IdentityName& node) {
    REQUIRE(a.store->create_identity({node, kAlice, "", policy::State::active, {}, {}, {}, a.now()}, a.alice, a.now(),
                                     store::Effect::apply));
}

std::uint64_t publish(Authority& a, const IdentityName& node, std::uint8_t what) {
    Digest sha256{};
    sha256[0] = what;
    const auto leaf = a.store->publish_trust({node, kAlice, sha256, 1, "1:test"}, a.now());
    REQUIRE(leaf);
    return *leaf;
}

}  // namespace

TEST_CASE("what opens a node stands in the log once for each change") {
    Authority a;
    add(a, kNode);
    add(a, kOther);
    const auto first = publish(a, kNode, 1);
    CHECK(publish(a, kNode, 1) == first);
    const auto other = publish(a, kOther, 1);
    CHECK(other > first);
    const auto second = publish(a, kNode, 2);
    CHECK(second > other);
    // What was before is said anew: a later word than both.
    CHECK(publish(a, kNode, 1) > second);
    CHECK(publish(a, kOther, 1) == other);
    const auto entry = a.store->read_entries(second, 1);
    REQUIRE(entry);
    const auto event = log::parse_event(entry->front());
    REQUIRE(event);
    CHECK(event->type == "node.trust");
    CHECK(event->subject == "node/db-7");
    CHECK(event->data.at("sha256") == wire::Json("02" + std::string(62, '0')));
}

TEST_CASE("many who ask at once are told by one entry") {
    Authority a;
    add(a, kNode);
    std::vector<std::uint64_t> leaves(8);
    std::vector<std::thread> pollers;
    for (auto& leaf : leaves)
        pollers.emplace_back([&a, &leaf] {
            leaf = a.store->publish_trust({kNode, kAlice, Digest{}, 1, "1:test"}, a.now()).value_or(0);
        });
    for (auto& poller : pollers) poller.join();
    CHECK(leaves.front() > 0);
    CHECK(std::count(leaves.begin(), leaves.end(), leaves.front()) == 8);
}

TEST_CASE("who is no node of this CA is told nothing") {
    Authority a;
    CHECK_FALSE(a.store->publish_trust({kNode, kAlice, Digest{}, 1, "1:test"}, a.now()));
}
