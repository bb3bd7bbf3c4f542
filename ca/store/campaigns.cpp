// Campaigns: many reviews opened at once, and closed when each has been decided.
#include "ca/store/review_rows.h"

namespace mayfly::store {

namespace {

constexpr const char* kCampaignColumns =
    "SELECT c.id, c.name, c.scope, c.by_owner, c.opened, c.due, c.state, (SELECT count(*) FROM review v WHERE "
    "v.campaign = "
    "c.id AND v.campaign > 0), (SELECT count(*) FROM review v WHERE v.campaign = c.id AND v.campaign > 0 AND v.state = "
    "'open'), (SELECT count(*) FROM review v WHERE v.campaign = c.id AND v.campaign > 0 AND v.state = 'lapsed') FROM "
    "campaign c";

CampaignRecord read_campaign(const Query& row) {
    return {"c-" + std::to_string(row.integer(0)),
            row.text(1),
            row.text(2),
            stored<OwnerName>(row.text(3)),
            row.time(4),
            row.time(5),
            row.text(6) == "open",
            row.integer(7),
            row.integer(8),
            row.integer(9)};
}

}  // namespace

Result<std::vector<CampaignRecord>> SqliteStore::list_campaigns() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kCampaignColumns) + " ORDER BY c.id DESC LIMIT 100");
    return collect<CampaignRecord>(query, read_campaign);
}

Result<CampaignRecord> SqliteStore::close_campaign(const std::string& id, bool lapse, const IdentityName& actor,
                                                   Instant now, Effect effect) {
    return writer_->change<CampaignRecord>(effect, [&](Transaction& transaction) -> Result<CampaignRecord> {
        Database& database = transaction.database();
        const auto number = number_of("c-", id).value_or(0);
        Query find(database, std::string(kCampaignColumns) + " WHERE c.id = ?");
        const auto row = find.with(number).row();
        if (!row) return pass(row.error());
        if (!*row)
            return fail(Code::not_found, "there is no campaign \"" + printable(id) + "\"", "E-CAMPAIGN-UNKNOWN", {},
                        "mayfly review campaign list");
        CampaignRecord campaign = read_campaign(find);
        if (!campaign.open) return fail(Code::conflict, "campaign " + id + " is closed", "E-CAMPAIGN-CLOSED", {}, {});
        if (campaign.waiting > 0 && !lapse)
            return fail(Code::conflict,
                        std::to_string(campaign.waiting) + " item(s) of campaign " + id + " wait for a decision",
                        "E-CAMPAIGN-OPEN", "a campaign is closed when everything in it was decided",
                        "mayfly review list --campaign " + id + ", or --lapse to treat silence as its rule says");
        if (campaign.waiting > 0) {
            Query due(database,
                      "UPDATE review SET due = min(due, ?1), lapse_at = ?1 WHERE campaign = ?2 AND campaign > 0 "
                      "AND state = 'open'");
            if (auto ok = due.with(now, number).run(); !ok) return pass(ok.error());
        }
        if (auto ok = Query(database, "UPDATE campaign SET state = 'closed' WHERE id = ?").with(number).run(); !ok)
            return pass(ok.error());
        campaign.open = false;
        const auto ok = append(transaction, {"campaign.closed",
                                             now,
                                             actor.text(),
                                             campaign.by.text(),
                                             "campaign/" + id,
                                             {{"name", campaign.name},
                                              {"items", campaign.items},
                                              {"waiting", campaign.waiting},
                                              {"lapsed", campaign.lapsed}}});
        if (!ok) return pass(ok.error());
        return campaign;
    });
}

}  // namespace mayfly::store
