// What explain and who_can say of past moments, held against what the mint said at the time; and how much of a long log
// they read.
#include "ca/access/explain.h"

#include "ca/access/replay.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

struct World : fakes::Authority {
    const RoleName ops = *RoleName::parse("ops");
    [[nodiscard]] access::Moment moment(Instant at) const {
        const auto in_force = policy.in_force();
        return {*store, in_force->policy, version_, domain_, at, *store->log_size_at(at)};
    }
    [[nodiscard]] std::string verdict(Instant at) const {
        const auto said = access::explain(moment(at), alice, ops, {});
        return said ? said->verdict : said.error().id;
    }
    /// The mint's own word, without leaving anything.
    [[nodiscard]] std::string minted() const {
        auto request = ssh_request();
        request.dry_run = true;
        const auto outcome = mint->mint(request);
        if (!outcome) return outcome.error().id;
        if (std::holds_alternative<mint::Would>(*outcome)) return "permit";
        return std::get<mint::Denied>(*outcome).code == Code::needs_approval ? "approval" : "refuse";
    }
    void after(std::int64_t seconds) { clock.set(clock.now().seconds() + seconds); }

private:
    const std::string version_ = "1:test";
    const TrustDomain domain_ = *TrustDomain::parse("corp.example");
};

}  // namespace

TEST_CASE("what is explained of a past moment is what the mint said then") {
    World world;
    std::vector<std::pair<Instant, std::string>> said;
    const auto note = [&] {
        said.emplace_back(world.now(), world.minted());
        world.after(100);
    };
    note();
    REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    note();
    world.after(86400);  // the grant is over
    note();
    REQUIRE(world.store->create_grant({{},
                                       world.alice,
                                       world.ops,
                                       *OwnerName::parse("alice"),
                                       world.now(),
                                       world.now() + *Lifetime::of_seconds(9000),
                                       "again",
                                       true},
                                      world.alice, world.now(), store::Effect::apply));
    note();
    REQUIRE(world.store->revoke({store::RevokeBy::identity, {}, world.alice, {}, "lost"}, world.alice, world.now(),
                                store::Effect::apply));
    note();
    CHECK(said.front().second == "permit");
    CHECK(said.back().second == "refuse");
    for (const auto& [at, verdict] : said) {
        INFO(at.text());
        CHECK(world.verdict(at) == verdict);
    }
    CHECK(world.verdict(Instant(fakes::kNow - 10)) == "E-IDENTITY-UNKNOWN");
}

TEST_CASE("an explanation names the grant, its uses until then, and the entries it rests on") {
    World world;
    REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    const Instant then = world.now();
    world.after(50);
    REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    const auto before = access::explain(world.moment(then), world.alice, world.ops, {});
    REQUIRE(before);
    REQUIRE(before->grants.size() == 1);
    CHECK(before->grants[0].certificates == 1);
    CHECK(before->grants[0].reason == "test");
    CHECK(before->grants[0].by == "alice");
    CHECK(before->owner == "alice");
    CHECK(before->lifetime == "1h");
    REQUIRE_FALSE(before->entries.empty());
    for (const auto index : before->entries) {
        const auto entries = world.store->read_entries(static_cast<std::uint64_t>(index), 1);
        const auto event = log::parse_event(entries->front());
        CHECK((event->type == "owner.created" || event->type == "identity.created" || event->type == "grant.created"));
    }
    const auto after = access::explain(world.moment(world.now()), world.alice, world.ops, {});
    CHECK(after->grants[0].certificates == 2);
}

TEST_CASE("who can is everybody who held it then, each with the verdict of then") {
    World world;
    const auto now = access::who_can(world.moment(world.now()), "role ops", {world.ops}, {});
    REQUIRE(now);
    REQUIRE(now->rows.size() == 1);
    CHECK(now->rows[0].identity == "human/alice");
    CHECK(now->rows[0].verdict == "permit");
    CHECK(now->more == 0);
    CHECK(access::who_can(world.moment(Instant(fakes::kNow - 10)), "role ops", {world.ops}, {})->rows.empty());
    world.after(90000);
    CHECK(access::who_can(world.moment(world.now()), "role ops", {world.ops}, {})->rows.empty());
}

TEST_CASE("entries are indexed by whom they are about when they change rights, and not when they do not") {
    World world;
    for (int i = 0; i < 20; ++i) REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    const auto about = world.store->events_about("human/alice", *world.store->log_size());
    REQUIRE(about);
    CHECK(about->size() == 3);  // created, and two grants; forty entries about certificates are not there
    CHECK(world.store->events_about("owner/alice", *world.store->log_size())->size() == 1);
    CHECK(world.store->events_about("grant/g-1", *world.store->log_size())->size() == 1);
    CHECK(world.store->events_about("policy", *world.store->log_size())->size() == 1);
    CHECK(world.store->events_about("human/alice", 1)->empty());
}

TEST_CASE("the log's size at a moment counts what was dated until then") {
    World world;
    const auto first = *world.store->log_size();
    CHECK(*world.store->log_size_at(Instant(fakes::kNow - 1)) == 0);
    CHECK(*world.store->log_size_at(world.now()) == first);
    world.after(10);
    REQUIRE(world.store->record_login(world.alice, "ssh-key", true, "192.0.2.1", world.now()));
    CHECK(*world.store->log_size_at(Instant(fakes::kNow + 9)) == first);
    CHECK(*world.store->log_size_at(Instant(fakes::kNow + 10)) == first + 1);
}

TEST_CASE("replay finds who loses and who gains") {
    World world;
    REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    REQUIRE(std::holds_alternative<steps::Issued>(*world.mint->mint(world.ssh_request())));
    const auto domain = *TrustDomain::parse("corp.example");
    const auto replayed = [&](const std::string& toml) {
        const auto after = policy::parse_policy(toml);
        REQUIRE(after);
        return *access::replay(*world.store, {world.policy.in_force()->policy, *after, domain,
                                              Instant(fakes::kNow - 3600), world.now(), 30});
    };
    const std::string same = fakes::kPolicy;
    CHECK(replayed(same).loses.empty());
    CHECK(replayed(same).certificates == 2);
    std::string shorter = same;
    shorter.replace(shorter.find("\"1h\""), 4, "\"5m\"");
    const auto loses = replayed(shorter).loses;
    REQUIRE(loses.size() == 1);
    CHECK(loses[0].times == 2);
    CHECK(loses[0].after == "refuse");
    CHECK_THAT(loses[0].why, Contains("E-ROLE-TTL"));
    std::string asking = same;
    asking.insert(asking.find("[role.ssh]"), "approve = \"owner\"\n");
    REQUIRE(replayed(asking).loses.size() == 1);
    CHECK(replayed(asking).loses[0].after == "approval");
    std::string gone = same;
    gone.replace(gone.find("\"ops\""), 5, "\"opz\"");
    CHECK_THAT(replayed(gone).loses.at(0).why, Contains("E-ROLE-UNKNOWN"));

    SECTION("and the same when the certificates' bytes are gone") {
        const auto login = [&] {
            return world.store->record_login(world.alice, "ssh-key", true, "192.0.2.1", world.now());
        };
        for (int day = 0; day < 4; ++day) {
            world.after(86400);
            REQUIRE(login());
        }
        CHECK(replayed(same).loses.empty());
        CHECK(replayed(same).certificates == 2);
        const auto then = replayed(shorter).loses;
        REQUIRE(then.size() == 1);
        CHECK(then[0].times == 2);
        CHECK(then[0].serial == loses[0].serial);
        CHECK(then[0].why == loses[0].why);
        const auto sized = access::right_size(*world.store, world.policy.in_force()->policy.roles.at("ops"),
                                              Instant(fakes::kNow - 3600), world.now(), 30);
        REQUIRE(sized);
        CHECK(sized->certificates == 2);
        CHECK(sized->extensions_used == std::vector<std::string>{"permit-pty"});
    }
    SECTION("a refusal that would not have been is a gain") {
        world.after(90000);  // the grants are over
        REQUIRE(std::holds_alternative<mint::Denied>(*world.mint->mint(world.ssh_request())));
        std::string open = same;
        open.insert(open.find("[role.ssh]"), "approve = \"owner\"\nopen_to = [\"anyone\"]\n");
        const auto gains = replayed(open).gains;
        REQUIRE(gains.size() == 1);
        CHECK(gains[0].before == "refuse");
        CHECK(gains[0].after == "approval");
        CHECK(replayed(same).gains.empty());
    }
}
