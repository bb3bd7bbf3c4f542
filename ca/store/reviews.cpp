// Reviews: what could be looked at, what there is to see, and what became of it.
#include <algorithm>
#include <set>

#include "ca/store/review_rows.h"

namespace mayfly::store {

namespace {

constexpr std::int64_t kMostCounted = 1000;

constexpr const char* kItemColumns =
    "i.owner, i.tenant, o.backup, o.manager, t.owner, i.name FROM identity i JOIN owner o ON o.name = i.owner JOIN "
    "tenant t ON t.name = i.tenant";

/// Columns 0 subject, 1 role, 2 due, 3 why, then those above.
ReviewItem read_item(ReviewKind kind, const Query& row) {
    ReviewItem item{kind,
                    kind == ReviewKind::grant ? "g-" + std::to_string(row.integer(0)) : row.text(0),
                    stored<OwnerName>(row.text(4)),
                    row.text(1),
                    row.text(5),
                    row.text(3)};
    item.due = row.time(2);
    if (!row.null(6)) item.backup = stored<OwnerName>(row.text(6));
    if (!row.null(7)) item.manager = stored<OwnerName>(row.text(7));
    if (!row.null(8)) item.tenant_owner = stored<OwnerName>(row.text(8));
    item.identity = row.text(9);
    return item;
}

std::string grant_items() {
    return std::string("SELECT g.id, g.role, g.review_by, CASE WHEN g.look <> '' THEN g.look ELSE 'cadence' END, ") +
           kItemColumns + " JOIN role_grant g ON g.identity = i.name";
}

std::string identity_items() {
    return std::string("SELECT i.name, '', i.review_by, CASE WHEN i.look <> '' THEN i.look ELSE 'cadence' END, ") +
           kItemColumns;
}

Status take(Query& query, ReviewKind kind, std::vector<ReviewItem>& out) {
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        out.push_back(read_item(kind, query));
    }
}

wire::Json json_of(const std::set<std::string>& words) { return json_list({words.begin(), words.end()}); }

}  // namespace

Result<std::vector<ReviewItem>> SqliteStore::items_of(const ItemQuery& asked, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::vector<std::string> owners;
    for (const auto& owner : asked.owners) owners.push_back(owner.text());
    std::string narrowed = " AND ?3 IS NOT NULL";
    if (!asked.tenant.empty()) narrowed += " AND i.tenant = ?4";
    if (!asked.owner.empty()) narrowed += " AND i.owner = ?5";
    if (!asked.kind.empty()) narrowed += " AND i.name GLOB ?6 || '/*'";
    if (!owners.empty()) narrowed += " AND i.owner IN (SELECT value FROM json_each(?7))";
    const auto limited = [&](Query& query) {
        bind_sight(query, asked.sight);
        query.with(now, asked.tenant, asked.owner, asked.kind, text_of_list(owners), asked.role,
                   static_cast<std::int64_t>(asked.limit));
    };
    // The unused numbers are named once, so that every form of the statement takes the same values.
    const std::string named =
        " AND ?4 IS NOT NULL AND ?5 IS NOT NULL AND ?6 IS NOT NULL AND ?7 IS NOT NULL AND ?8 IS NOT NULL";
    std::vector<ReviewItem> out;
    if (asked.grants) {
        Query query(**lease, grant_items() + " WHERE " + visible(asked.sight) + narrowed + named +
                                 (asked.role.empty() ? "" : " AND g.role = ?8") +
                                 " AND g.state = 'active' AND g.how IN ('standing', 'eligible') AND g.ends > ?3 AND "
                                 "g.review = 0 ORDER BY g.id LIMIT ?9");
        limited(query);
        if (auto ok = take(query, ReviewKind::grant, out); !ok) return pass(ok.error());
    }
    if (asked.identities && asked.role.empty()) {
        Query query(**lease, identity_items() + " WHERE " + visible(asked.sight) + narrowed + named +
                                 " AND i.state = 'active' AND i.review = 0 AND i.name NOT GLOB 'human/*' AND i.name "
                                 "NOT GLOB 'ca/*' ORDER BY i.name LIMIT ?9");
        limited(query);
        if (auto ok = take(query, ReviewKind::identity, out); !ok) return pass(ok.error());
    }
    return out;
}

Result<std::optional<ReviewItem>> SqliteStore::suspended_item(const std::string& grant, Instant now) {
    const auto number = number_of("g-", grant);
    if (!number) return std::optional<ReviewItem>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                grant_items() +
                    " WHERE g.id = ? AND g.state = 'suspended' AND g.review = 0 AND g.ends > ? AND (g.why_ended "
                    "= 'dormant' OR g.why_ended GLOB 'lapsed *')");
    std::vector<ReviewItem> out;
    if (auto ok = take(query.with(*number, now), ReviewKind::grant, out); !ok) return pass(ok.error());
    return out.empty() ? std::nullopt : std::optional(std::move(out.front()));
}

Result<std::string> SqliteStore::evidence_of(const ReviewItem& item, Instant since, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Database& database = **lease;
    const bool grant = item.kind == ReviewKind::grant;
    Query used(database,
               std::string("SELECT c.valid_after, json_extract(t.terms, '$.names'), c.role FROM certificate c JOIN "
                           "certificate_terms t ON t.id = c.terms WHERE c.identity = ?1 AND c.valid_before > ?2 AND "
                           "c.state <> 'void'") +
                   (grant ? " AND c.grant_id = ?3" : " AND ?3 IS NOT NULL") + " ORDER BY c.valid_before DESC LIMIT ?4");
    used.with(item.identity, since, item.subject, kMostCounted);
    std::int64_t uses = 0;
    std::string last;
    std::set<std::string> nodes, roles;
    for (;;) {
        const auto row = used.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        if (uses++ == 0) last = used.time(0).text();
        if (!used.text(2).empty()) roles.insert(used.text(2));
        for (const auto& principal : list_of_text(used.text(1)))
            if (const auto at = principal.find('@'); at != std::string::npos) nodes.insert(principal.substr(at + 1));
    }
    wire::Json::Object out{{"since", since.text()}, {"uses", uses}, {"last_used", last}};
    if (!nodes.empty()) out.emplace("nodes", json_of(nodes));
    if (!grant && !roles.empty()) out.emplace("roles", json_of(roles));
    Query seen(database, "SELECT what FROM seen WHERE identity = ? ORDER BY what LIMIT 20");
    const auto from = collect<std::string>(seen.with(item.identity), [](const Query& row) { return row.text(0); });
    if (!from) return pass(from.error());
    if (!from->empty()) out.emplace("seen_with", json_list(*from));
    if (grant) {
        Query peers(
            database,
            "SELECT count(*), coalesce(sum(last_used > ?3), 0) FROM (SELECT last_used FROM role_grant WHERE role "
            "= ?1 AND ends > ?2 AND state = 'active' AND how IN ('standing', 'eligible') LIMIT ?4)");
        const auto row = peers.with(item.role, now, since, kMostCounted).row();
        if (!row) return pass(row.error());
        out.emplace("holders", peers.integer(0));
        out.emplace("holders_using", peers.integer(1));
    }
    return wire::Json(std::move(out)).canonical();
}

Result<std::vector<std::string>> SqliteStore::open_reviews(const std::vector<ReviewRecord>& reviews,
                                                           CampaignRecord* campaign, const IdentityName& actor,
                                                           Instant now, Effect effect) {
    using List = std::vector<std::string>;
    return writer_->change<List>(effect, [&](Transaction& transaction) -> Result<List> {
        Database& database = transaction.database();
        if (campaign != nullptr) {
            Query insert(
                database,
                "INSERT INTO campaign(name, scope, by_owner, opened, due, state) VALUES (?, ?, ?, ?, ?, 'open') "
                "RETURNING id");
            const auto made =
                insert.with(campaign->name, campaign->scope, campaign->by.text(), now, campaign->due).row();
            if (!made) return pass(made.error());
            campaign->id = "c-" + std::to_string(insert.integer(0));
        }
        List ids;
        for (auto review : reviews) {
            if (campaign != nullptr) review.campaign = campaign->id;
            const auto id = open_review(transaction, review, actor, now);
            if (!id) return pass(id.error());
            if (*id > 0) ids.push_back("v-" + std::to_string(*id));
        }
        if (campaign != nullptr) {
            campaign->items = campaign->waiting = static_cast<std::int64_t>(ids.size());
            const auto ok = append(transaction, {"campaign.opened",
                                                 now,
                                                 actor.text(),
                                                 campaign->by.text(),
                                                 "campaign/" + campaign->id,
                                                 {{"name", campaign->name},
                                                  {"scope", campaign->scope},
                                                  {"items", campaign->items},
                                                  {"due", campaign->due.text()}}});
            if (!ok) return pass(ok.error());
        }
        return ids;
    });
}

Result<std::vector<ReviewRecord>> SqliteStore::list_reviews(const ReviewQuery& asked) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::string where =
        asked.sight.everything
            ? " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL"
            : " WHERE (v.tenant IN (SELECT value FROM json_each(?1)) OR v.reviewer = ?2 OR v.about = ?2)";
    where += " AND v.id > ?3";
    if (asked.open_only) where += " AND v.state <> 'closed'";
    if (asked.reviewer) where += " AND v.reviewer = ?";
    if (!asked.campaign.empty()) where += " AND v.campaign = ? AND v.campaign > 0";
    if (!asked.subject.empty()) where += " AND v.subject = ?";
    Query query(**lease, std::string(kReviewColumns) + where + " ORDER BY v.id LIMIT ?");
    bind_sight(query, asked.sight);
    query.with(number_of("v-", asked.after).value_or(0));
    if (asked.reviewer) query.bind(asked.reviewer->text());
    if (!asked.campaign.empty()) query.bind(number_of("c-", asked.campaign).value_or(-1));
    if (!asked.subject.empty()) query.bind(asked.subject);
    query.bind(static_cast<std::int64_t>(asked.limit));
    return collect<ReviewRecord>(query, read_review);
}

Result<std::optional<ReviewRecord>> SqliteStore::find_review(const std::string& id, const Sight& sight) {
    const auto number = number_of("v-", id);
    if (!number) return std::optional<ReviewRecord>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kReviewColumns) + " WHERE v.id = ?");
    const auto row = query.with(*number).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<ReviewRecord>();
    auto review = read_review(query);
    if (!sight.sees(review.tenant) && review.reviewer != sight.who && review.about != sight.who)
        return std::optional<ReviewRecord>();
    return std::optional(std::move(review));
}

Result<Closing> SqliteStore::closing_of(const ReviewRecord& review, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const bool grant = review.subject.starts_with("g-");
    Closing closing;
    std::string identity = review.subject;
    Query state(**lease, grant ? "SELECT state, identity FROM role_grant WHERE id = ?1"
                               : "SELECT state, name FROM identity WHERE name = ?1");
    if (grant)
        state.with(number_of("g-", review.subject).value_or(0));
    else
        state.with(review.subject);
    const auto row = state.row();
    if (!row) return pass(row.error());
    if (!*row) return closing;
    closing.state = state.text(0);
    identity = state.text(1);
    // Newest first: the living ones are at the front, and one that has expired is enough to prove the end.
    Query certificates(
        **lease, std::string("SELECT valid_before, revoked FROM certificate WHERE identity = ?1 AND state <> "
                             "'void'") +
                     (grant ? " AND grant_id = ?2" : " AND ?2 IS NOT NULL") + " ORDER BY valid_before DESC LIMIT 1000");
    certificates.with(identity, review.subject);
    for (;;) {
        const auto next = certificates.row();
        if (!next) return pass(next.error());
        if (!*next) return closing;
        const Instant ends = certificates.time(0);
        if (!closing.last_expires) closing.last_expires = ends;
        if (ends <= now) return closing;
        if (certificates.integer(1) == 0) ++closing.living;
    }
}

}  // namespace mayfly::store
