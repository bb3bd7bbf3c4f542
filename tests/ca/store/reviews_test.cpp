// Reviews, campaigns and the sweep, as the store keeps them.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;
using store::ReviewState;

namespace {

constexpr std::int64_t kDay = 86400;

/// alice's workload holds ops by g-N; bob reviews, carol owns nothing.
struct World {
    fakes::Authority a;
    OwnerName alice = *OwnerName::parse("alice"), bob = *OwnerName::parse("bob"), carol = *OwnerName::parse("carol");
    IdentityName shop = *IdentityName::parse("workload/shop");
    std::string grant;

    World() {
        for (const auto& name : {bob, carol})
            REQUIRE(
                a.store->create_owner({name, "", "", {}, {}, policy::State::active}, a.alice, a.now(), Effect::apply));
        store::IdentityRecord identity{shop, alice, "", policy::State::active, {}, {}, {}, a.now()};
        identity.review_by = later(90);
        REQUIRE(a.store->create_identity(identity, a.alice, a.now(), Effect::apply));
        store::GrantRecord record{{}, shop, *RoleName::parse("ops"), alice, a.now(), later(180), "test", false};
        record.review_by = later(90);
        grant = a.store->create_grant(record, a.alice, a.now(), Effect::apply)->id;
    }
    [[nodiscard]] Instant later(std::int64_t days) const { return Instant(a.now().seconds() + days * kDay); }
    void pass_days(std::int64_t days) { a.clock.set(a.now().seconds() + days * kDay); }
    [[nodiscard]] store::ReviewRecord about_grant(policy::Lapse lapse = policy::Lapse::suspend) const {
        store::ReviewRecord review{{}, store::ReviewKind::grant, grant, alice, "ops", "home", bob};
        review.due = later(7);
        review.lapse_at = later(14);
        review.lapse = lapse;
        return review;
    }
    [[nodiscard]] std::string open(const store::ReviewRecord& review) const {
        const auto ids = a.store->open_reviews({review}, nullptr, a.alice, a.now(), Effect::apply);
        REQUIRE(ids);
        return ids->empty() ? "" : ids->front();
    }
    [[nodiscard]] Result<store::Ending> close(const std::string& id, const char* outcome, const OwnerName& by,
                                              bool revoke = false) const {
        return a.store->close_review(id, outcome, "said so", revoke, by, later(90), a.alice, a.now(), Effect::apply);
    }
    [[nodiscard]] store::GrantRecord held() const { return **a.store->find_grant(grant); }
    [[nodiscard]] bool mints() const {
        auto request = a.ssh_request();
        request.actor = request.identity = shop;
        const auto outcome = a.mint->mint(request);
        return outcome && std::holds_alternative<steps::Issued>(*outcome);
    }
    [[nodiscard]] store::ReviewRecord review(const std::string& id) const {
        return **a.store->find_review(id, {alice, true, {}});
    }
};

}  // namespace

TEST_CASE("nobody reviews what is their own, whoever it was made for") {
    World w;
    const auto id = w.open(w.about_grant());
    const auto own = w.close(id, "certified", w.alice);
    REQUIRE_FALSE(own);
    CHECK(own.error().id == "E-SELF-REVIEW");
    // It changed hands meanwhile: the reviewer became its owner, and is no reviewer any more.
    const Instant until = w.later(1);
    REQUIRE(w.a.store->offer_identities(w.alice, {w.shop}, w.bob, w.alice, until, w.a.alice, w.a.now(), Effect::apply));
    REQUIRE(w.a.store->adopt_identities(w.alice, {w.shop}, w.bob, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.close(id, "certified", w.bob).error().id == "E-SELF-REVIEW");
    CHECK(w.a.store->reassign_review(id, w.bob, w.a.alice, w.a.now(), Effect::apply).error().id == "E-SELF-REVIEW");
    CHECK(w.a.store->reassign_review(id, w.alice, w.a.alice, w.a.now(), Effect::apply).error().id == "E-SELF-REVIEW");
    REQUIRE(w.a.store->reassign_review(id, w.carol, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.close(id, "certified", w.carol));
}

TEST_CASE("a review is decided once, and certifying sets the next") {
    World w;
    const auto id = w.open(w.about_grant());
    CHECK(w.open(w.about_grant()).empty());  // nothing is asked about twice at once
    CHECK(w.close(id, "justified", w.bob).error().id == "E-REVIEW-OUTCOME");
    REQUIRE(w.close(id, "certified", w.bob));
    CHECK(w.held().review_by == w.later(90));
    CHECK(w.close(id, "revoked", w.bob).error().id == "E-REVIEW-CLOSED");
    CHECK(w.held().state == "active");
}

TEST_CASE("revoking ends the grant, and the end is proven by the last certificate") {
    World w;
    REQUIRE(w.mints());
    const auto id = w.open(w.about_grant());
    const auto ending = w.close(id, "revoked", w.bob);
    REQUIRE(ending);
    CHECK(ending->grants == 1);
    CHECK(ending->living == 1);
    CHECK(w.held().state == "ended");
    CHECK_FALSE(w.mints());
    auto closing = w.a.store->closing_of(w.review(id), w.a.now());
    CHECK(closing->state == "ended");
    CHECK(closing->living == 1);
    w.pass_days(1);
    closing = w.a.store->closing_of(w.review(id), w.a.now());
    CHECK(closing->living == 0);
    REQUIRE(closing->last_expires);
    CHECK(*closing->last_expires < w.a.now());
}

TEST_CASE("revoking may end the certificates too") {
    World w;
    REQUIRE(w.mints());
    const auto ending = w.close(w.open(w.about_grant()), "revoked", w.bob, true);
    CHECK(ending->revoked == 1);
    CHECK(ending->living == 0);
}

TEST_CASE("a decision can be taken back within its window, and not after") {
    World w;
    const auto id = w.open(w.about_grant());
    REQUIRE(w.close(id, "revoked", w.bob));
    w.pass_days(8);
    CHECK(w.a.store->undo_review(id, 7 * kDay, w.a.alice, w.a.now(), Effect::apply).error().code == Code::expired);
    w.pass_days(-1);
    REQUIRE(w.a.store->undo_review(id, 7 * kDay, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.held().state == "active");
    CHECK(w.review(id).state == ReviewState::open);
    CHECK(w.mints());
    CHECK_FALSE(w.a.store->undo_review(id, 7 * kDay, w.a.alice, w.a.now(), Effect::apply));
    CHECK(w.open(w.about_grant()).empty());  // it is under review again
}

TEST_CASE("silence suspends, keeps or removes, as the rule says, after a reminder") {
    World w;
    const auto lapse = GENERATE(policy::Lapse::suspend, policy::Lapse::keep, policy::Lapse::remove);
    const auto id = w.open(w.about_grant(lapse));
    CHECK(*w.a.store->remind_reviews(w.a.now(), 10) == 0);
    w.pass_days(7);
    CHECK(*w.a.store->remind_reviews(w.a.now(), 10) == 1);
    CHECK(*w.a.store->remind_reviews(w.a.now(), 10) == 0);  // once
    CHECK(*w.a.store->lapse_reviews(w.a.now(), 10) == 0);   // grace
    w.pass_days(7);
    CHECK(*w.a.store->lapse_reviews(w.a.now(), 10) == 1);
    CHECK(*w.a.store->lapse_reviews(w.a.now(), 10) == 0);
    CHECK(w.review(id).state == ReviewState::lapsed);
    const auto state = w.held().state;
    CHECK(state == (lapse == policy::Lapse::suspend ? "suspended" : lapse == policy::Lapse::keep ? "active" : "ended"));
    CHECK(w.mints() == (lapse == policy::Lapse::keep));
    if (lapse == policy::Lapse::keep) return;
    // The reviewer comes late: what lapsed stands again.
    REQUIRE(w.close(id, "certified", w.bob));
    CHECK(w.held().state == "active");
}

TEST_CASE("a decision that nobody looked at stays owed, and its abuse ends what it gave") {
    World w;
    store::ReviewRecord review{{}, store::ReviewKind::decision, w.grant, w.alice, "ops", "home", w.bob};
    review.due = review.lapse_at = w.later(1);
    const auto id = w.open(review);
    w.pass_days(2);
    CHECK(*w.a.store->lapse_reviews(w.a.now(), 10) == 1);
    CHECK(w.held().state == "active");
    CHECK(w.close(id, "justified", w.alice).error().id == "E-SELF-REVIEW");
    REQUIRE(w.close(id, "abuse", w.bob));
    CHECK(w.held().state == "ended");
}

TEST_CASE("a grant that nobody uses is suspended by itself, and one that is used is not") {
    World w;
    const auto idle = [&] {
        return *w.a.store->suspend_idle({{*RoleName::parse("ops"), Instant(w.a.now().seconds() - 30 * kDay)}},
                                        w.a.now(), 10);
    };
    // The founder's own grant of ops ended after a day; only the workload's is left.
    w.pass_days(29);
    CHECK(*w.a.store->end_expired(w.a.now(), 10) == 2);
    CHECK(idle() == 0);
    REQUIRE(w.mints());
    w.pass_days(29);
    CHECK(idle() == 0);
    w.pass_days(2);
    CHECK(idle() == 1);
    CHECK(w.held().state == "suspended");
    CHECK(w.held().why == "dormant");
    CHECK_FALSE(w.mints());
    // Asked for again, and certified: it stands, and does not fall to the same clock.
    const auto item = w.a.store->suspended_item(w.grant, w.a.now());
    REQUIRE(*item);
    auto review = w.about_grant(policy::Lapse::keep);
    review.why = "asked";
    REQUIRE(w.close(w.open(review), "certified", w.bob));
    CHECK(w.mints());
    CHECK(idle() == 0);
}

TEST_CASE("the first use of a standing grant asks for a look, and so does a change of owner") {
    World w;
    CHECK(w.a.store->due_items(w.a.now(), 10)->empty());
    REQUIRE(w.mints());
    auto due = w.a.store->due_items(w.a.now(), 10);
    REQUIRE(due->size() == 1);
    CHECK(due->front().why == "first-use");
    CHECK(due->front().subject == w.grant);
    (void)w.open(w.about_grant());
    CHECK(w.a.store->due_items(w.a.now(), 10)->empty());
    w.pass_days(1);
    REQUIRE(w.mints());
    CHECK(w.a.store->due_items(w.a.now(), 10)->empty());  // not the first any more
    const Instant until = w.later(1);
    REQUIRE(w.a.store->offer_identities(w.alice, {w.shop}, w.bob, w.alice, until, w.a.alice, w.a.now(), Effect::apply));
    REQUIRE(w.a.store->adopt_identities(w.alice, {w.shop}, w.bob, w.a.alice, w.a.now(), Effect::apply));
    due = w.a.store->due_items(w.a.now(), 10);
    REQUIRE(due->size() == 1);
    CHECK(due->front().why == "owner-changed");
    CHECK(due->front().about == w.bob);
}

TEST_CASE("what has to be looked at comes when its date does") {
    World w;
    CHECK(w.a.store->due_items(w.later(89), 10)->empty());
    const auto due = w.a.store->due_items(w.later(90), 10);
    REQUIRE(due->size() == 2);
    CHECK((*due)[0].kind == store::ReviewKind::grant);
    CHECK((*due)[1].kind == store::ReviewKind::identity);
    REQUIRE(w.a.store->postpone_item((*due)[0], w.later(100)));
    CHECK(w.a.store->due_items(w.later(90), 10)->size() == 1);
}

TEST_CASE("a role is looked at when its time comes, and when it changed") {
    World w;
    const auto ops = *RoleName::parse("ops");
    const auto roles = [&](const char* version, std::int64_t days) {
        return *w.a.store->due_roles({{ops, version, w.later(90)}}, w.later(days), 10);
    };
    CHECK(roles("one", 1).empty());  // taken down
    CHECK(roles("one", 1).empty());
    const auto changed = roles("two", 1);
    REQUIRE(changed.size() == 1);
    CHECK(changed.front().why == "role-changed");
    CHECK(roles("two", 1).empty());  // said once
    CHECK(roles("two", 90).size() == 1);
}

TEST_CASE("evidence says how a grant was used, and by how many") {
    World w;
    REQUIRE(w.mints());
    store::ReviewItem item{store::ReviewKind::grant, w.grant, w.alice, "ops", "home", "cadence"};
    item.identity = w.shop.text();
    const auto evidence = w.a.store->evidence_of(item, w.later(-1), w.a.now());
    REQUIRE(evidence);
    CHECK_THAT(*evidence, Contains("\"uses\":1"));
    CHECK_THAT(*evidence, Contains("\"holders\":2"));
    CHECK_THAT(*evidence, Contains("\"holders_using\":1"));
}

TEST_CASE("a campaign is closed when everything in it was decided, or lapses") {
    World w;
    store::CampaignRecord campaign{{}, "spring", "all", w.alice, w.a.now(), w.later(7)};
    const auto ids = w.a.store->open_reviews({w.about_grant()}, &campaign, w.a.alice, w.a.now(), Effect::apply);
    REQUIRE(ids->size() == 1);
    const auto close = [&](bool lapse) {
        return w.a.store->close_campaign(campaign.id, lapse, w.a.alice, w.a.now(), Effect::apply);
    };
    CHECK(close(false).error().id == "E-CAMPAIGN-OPEN");
    REQUIRE(close(true));
    CHECK(*w.a.store->lapse_reviews(w.a.now(), 10) == 1);
    CHECK(w.held().state == "suspended");
    CHECK(close(false).error().id == "E-CAMPAIGN-CLOSED");
    CHECK(w.a.store->list_campaigns()->front().lapsed == 1);
}
