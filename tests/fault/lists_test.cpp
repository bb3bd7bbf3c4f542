// The process ends while revocation lists are published: at each step of the KRL's and the CRL's, and again after that.
#include "ca/revocation_lists.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"
#include "tests/fault/crash_world.h"

using namespace mayfly;
using crash::Estate, crash::Point, crash::Running;
using store::ListKind, store::RevokeBy;

namespace {

struct Where {
    const char* point;
    int nth;
    const char* means;
    std::size_t krls, crls;  ///< published by then
};

// The KRL comes first: its leaf, then its head. Then the CRL is promised, signed, checked, and gets its leaf and head.
constexpr Where kPoints[] = {
    {"leaf written", 1, "inside the KRL's transaction", 0, 0},
    {"head signed", 1, "before the KRL's commit, its head signed", 0, 0},
    {"before the list", 1, "the KRL published, the CRL promised", 1, 0},
    {"list signed", 1, "the CRL signed, before it is checked", 1, 0},
    {"leaf written", 2, "inside the CRL's transaction", 1, 0},
    {"head signed", 2, "before the CRL's commit, its head signed", 1, 0},
    {"lists made", 1, "both published", 1, 1},
};

struct Lists {
    Running& ca;
    FixedClock clock{fakes::kNow};
    ca::RevocationLists::Options options;
    std::string failed;
    ca::RevocationLists lists{options,
                              ca.mint->authority(),
                              *ca.store,
                              *ca.signer,
                              clock,
                              [this](std::string_view event, const std::string& what) {
                                  if (event == "revocation.lists_failed") failed = what;
                              }};
    explicit Lists(Running& running) : ca(running) {}
};

void found(const Estate& estate) {
    Running::found(estate);
    const Point never;
    Running ca(estate, never);
    const auto keys = *ca.signer->describe();
    api::Bundle bundle;
    bundle.trust_domain = "corp.example";
    bundle.version = 1;
    bundle.ssh_user_cas = {wire::encode_ssh_key_line(keys.ssh_user, "user")};
    bundle.ssh_host_cas = {wire::encode_ssh_key_line(keys.ssh_host, "host")};
    bundle.log_key = estate.log_key().text();
    ensure(ca.store->publish_bundle(bundle, ca.alice, Instant(fakes::kNow)).has_value(), "bundle");
}

/// Mints one certificate of each kind and takes both back.
void revoke_two(const Estate& estate) {
    const Point never;
    Running ca(estate, never);
    for (const bool x509 : {false, true}) {
        ca.clock.next_request();
        const auto outcome = ca.mint->mint(ca.request(x509));
        REQUIRE(outcome);
        const auto serial = std::get<steps::Issued>(*outcome).serial();
        REQUIRE(ca.store->revoke(
            {RevokeBy::serial, serial, {}, {}, "test", {}, x509 ? steps::IssuerId::x509 : steps::IssuerId::ssh_user},
            ca.alice, Instant(fakes::kNow), store::Effect::apply));
    }
}

/// What the log says was published, in its order.
std::vector<std::uint64_t> numbers_of(store::Store& store, const std::string& type) {
    std::vector<std::uint64_t> out;
    const auto entries = store.read_entries(0, 1000);
    REQUIRE(entries);
    for (const auto& entry : *entries)
        if (const auto event = log::parse_event(entry); event->type == type)
            out.push_back(static_cast<std::uint64_t>(*event->data.find("number")->second.integer()));
    return out;
}

/// After any end: the CA starts, publishes both lists, and they name what was taken back, under numbers that only rise.
void check_lists(const Estate& estate, std::size_t serials, std::size_t certificates) {
    const Point never;
    Running ca(estate, never);
    const auto recovered = ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
    INFO((recovered ? "" : recovered.error().message));
    REQUIRE(recovered);
    Lists world(ca);
    const auto lists = world.lists.current();
    INFO(world.failed);
    REQUIRE(lists);
    CHECK(world.failed.empty());
    REQUIRE((*lists)->size() == 2);
    for (const auto& list : **lists) {
        const bool krl = list.kind == ListKind::krl;
        if (krl)
            CHECK(wire::count_serials(*wire::parse_krl(list.bytes)) == serials);
        else
            CHECK(wire::parse_crl(list.bytes)->entries.size() == certificates);
        const auto numbers = numbers_of(*ca.store, krl ? "krl.published" : "crl.published");
        CHECK(std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) == numbers.end());
        REQUIRE_FALSE(numbers.empty());
        CHECK(numbers.back() == list.number);  // what is served is what the log published last
    }
    const auto again = ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
    INFO((again ? "" : again.error().message));
    CHECK(again);
}

int publish_until(const Estate& estate, const Where& where) {
    return crash::in_child([&] {
        const Point point(where.point, where.nth);
        Running ca(estate, point);
        Lists world(ca);
        (void)world.lists.current();
        point.reached("lists made");
    });
}

}  // namespace

TEST_CASE("wherever the process ends, the next one publishes lists that name all that was taken back") {
    for (const auto& where : kPoints) {
        INFO(where.means);
        const Estate estate;
        found(estate);
        revoke_two(estate);
        REQUIRE(publish_until(estate, where) == crash::kCrashed);
        {
            const Point never;
            Running ca(estate, never);
            CHECK(numbers_of(*ca.store, "krl.published").size() == where.krls);
            CHECK(numbers_of(*ca.store, "crl.published").size() == where.crls);
        }
        check_lists(estate, 1, 1);
    }
}

TEST_CASE("more is taken back between an end and the next start, within the same second") {
    for (const auto& where : kPoints) {
        INFO(where.means);
        const Estate estate;
        found(estate);
        revoke_two(estate);
        REQUIRE(publish_until(estate, where) == crash::kCrashed);
        revoke_two(estate);
        check_lists(estate, 2, 2);
        revoke_two(estate);
        check_lists(estate, 3, 3);
    }
}

TEST_CASE("publishing may itself be ended, again and again") {
    const Estate estate;
    found(estate);
    std::size_t taken = 0;
    for (int round = 0; round < 2; ++round)
        for (const auto& where : kPoints) {
            INFO(where.means);
            revoke_two(estate);
            ++taken;
            CHECK(publish_until(estate, where) == crash::kCrashed);
        }
    check_lists(estate, taken, taken);
}
