// What is known before a mint is decided: one reading of the store, as of one moment.
#include <algorithm>

#include "ca/store/requests_rows.h"
#include "ca/store/rows.h"
#include "ca/store/standing.h"

namespace mayfly::store {

namespace {

/// How many certificates an identity had within the last hour, this one among them, in steps of two from sixteen on:
/// whoever never had so many does something new. Counting ends where it would cost more than it tells.
Result<std::string> rate_of(Database& database, const IdentityName& identity, Instant now) {
    constexpr std::int64_t kFirst = 16, kMost = 1024, kHour = 3600;
    Query query(database,
                "SELECT count(*) FROM (SELECT 1 FROM certificate WHERE identity = ?1 AND valid_before > ?2 AND "
                "valid_after > ?2 AND state <> 'void' LIMIT ?3)");
    const auto row = query.with(identity.text(), Instant(now.seconds() - kHour), kMost).row();
    if (!row) return pass(row.error());
    const std::int64_t count = (*row ? query.integer(0) : 0) + 1;
    if (count < kFirst) return std::string();
    std::int64_t step = kFirst;
    while (step * 2 <= count) step *= 2;
    return std::to_string(step) + " certificates or more within an hour";
}

/// A certificate on its way may use up a grant that was asked for, or begin its window; to others it does nothing that
/// a decision sees.
bool minting_changes(const policy::GrantFact& grant) {
    return grant.how == policy::Activation::request || grant.how == policy::Activation::breakglass;
}

/// Several statements as of one moment.
class Snapshot {
public:
    explicit Snapshot(Database& database) : database_(database) {}
    ~Snapshot() {
        if (begun_) (void)database_.run("ROLLBACK");
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    Status begin() {
        auto begun = database_.run("BEGIN");
        begun_ = begun.has_value();
        return begun;
    }

private:
    Database& database_;
    bool begun_ = false;
};

/// More than the key's own facts, which are one statement, when identity and grants are remembered.
bool asks_for_more(const FactsQuery& query, const Standing& standing) {
    return query.join_token || query.node || !query.against.empty() || !query.seen.empty() ||
           (!query.tenant.empty() && query.tenant != standing.tenant);
}

/// Of the node that is about to exist.
Status read_token(Database& database, const FactsQuery& query, Instant now, KnownFacts& facts) {
    Query token(database,
                "SELECT t.owner, o.state, t.hosts, t.tenant FROM token t JOIN owner o ON o.name = t.owner WHERE "
                "t.secret_hash = ?1 AND t.expires > ?2 AND (t.used = 0 OR EXISTS (SELECT 1 FROM node_generation g "
                "WHERE g.node = 'node/' || t.node AND g.token = t.id AND g.key = ?3))");
    const auto row = token.with(ByteView(*query.join_token), now, ByteView(query.key)).row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::unauthenticated, "the join token is not accepted", "E-TOKEN", {}, {});
    facts.owner = stored<OwnerName>(token.text(0));
    facts.owner_state = state_of_text(token.text(1));
    facts.hosts = hosts_of_text(token.text(2));
    facts.tenant = token.text(3);
    return {};
}

/// What of this use the identity was seen with before.
Status read_seen(Database& database, const FactsQuery& query, Instant now, KnownFacts& facts) {
    facts.seen = query.seen;
    if (!query.seen.empty()) {
        auto rate = rate_of(database, query.identity, now);
        if (!rate) return pass(rate.error());
        if (!rate->empty()) facts.seen.push_back(std::move(*rate));
    }
    for (const auto& what : facts.seen) {
        Query known(database, "SELECT 1 FROM seen WHERE identity = ? AND what = ?");
        const auto before = exists(known.with(query.identity.text(), what));
        if (!before) return pass(before.error());
        if (!*before) facts.new_to.push_back(what);
    }
    return {};
}

Status read_node(Database& database, const NodeName& name, KnownFacts& facts) {
    Query node(database, "SELECT labels, tenant FROM identity WHERE name = ? AND state = 'active'");
    const auto row = node.with("node/" + name.text()).row();
    if (!row) return pass(row.error());
    if (*row) {
        facts.target_labels = map_of_text(node.text(0));
        facts.target_tenant = node.text(1);
    }
    return {};
}

Status read_key(Database& database, const FactsQuery& query, KnownFacts& facts) {
    // Two ranges of the index, on either side of the caller: a key that is renewed every hour for years costs no more.
    Query key(database,
              "SELECT EXISTS (SELECT 1 FROM revoked_key WHERE key = ?1), "
              "(SELECT identity FROM enrolled_key WHERE key = ?1 AND identity <> ?2 UNION ALL "
              "SELECT identity FROM certificate WHERE substr(key, 1, 8) = substr(?1, 1, 8) AND key = ?1 AND identity "
              "< ?2 AND state <> 'void' UNION ALL "
              "SELECT identity FROM certificate WHERE substr(key, 1, 8) = substr(?1, 1, 8) AND key = ?1 AND identity "
              "> ?2 AND state <> 'void' LIMIT 1)");
    const auto row = key.with(ByteView(query.key), query.identity.text()).row();
    if (!row) return pass(row.error());
    facts.key_revoked = key.integer(0) != 0;
    if (!key.null(1)) facts.key_bound_to = stored<IdentityName>(key.text(1));
    return {};
}

}  // namespace

Result<std::optional<Standing>> find_standing(Database& database, const IdentityName& identity) {
    Query query(database,
                "SELECT i.owner, i.state, o.state, i.hosts, i.tenant, o.adopt_by FROM identity i JOIN owner o ON "
                "o.name = i.owner "
                "WHERE i.name = ?");
    query.with(identity.text());
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<Standing>();
    Standing standing{stored<OwnerName>(query.text(0)),
                      state_of_text(query.text(1)),
                      state_of_text(query.text(2)),
                      query.text(3),
                      query.text(4),
                      {}};
    if (query.integer(5) != 0) standing.adopt_by = query.time(5);
    return std::optional(std::move(standing));
}

Result<std::optional<Standing>> SqliteStore::read_standing(Database& database, const IdentityName& identity,
                                                           std::uint64_t generation) {
    auto standing = find_standing(database, identity);
    if (standing && *standing) standings_.keep(identity.text(), generation, **standing);
    return standing;
}

std::optional<std::vector<policy::GrantFact>> SqliteStore::remembered_grants(const FactsQuery& query,
                                                                             std::uint64_t generation, Instant now) {
    if (!query.role) return std::vector<policy::GrantFact>();
    auto known = grants_.find({query.identity.text(), query.role->text()}, generation);
    if (known) std::erase_if(*known, [&](const auto& grant) { return grant.until <= now; });
    return known;
}

Result<std::vector<policy::GrantFact>> SqliteStore::read_grants(Database& database, const FactsQuery& query,
                                                                std::uint64_t generation, Instant now) {
    auto grants = grants_of(database, query.identity, *query.role, now);
    if (grants && std::none_of(grants->begin(), grants->end(), minting_changes))
        grants_.keep({query.identity.text(), query.role->text()}, generation, *grants);
    return grants;
}

Result<KnownFacts> SqliteStore::load_facts(const FactsQuery& query, Instant now) {
    const std::uint64_t generation = writer_->generation();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Database& database = **lease;
    std::optional<Standing> standing = standings_.find(query.identity.text(), generation);
    auto grants = remembered_grants(query, generation, now);
    Snapshot snapshot(database);
    if (!standing || !grants || asks_for_more(query, *standing))
        if (auto ok = snapshot.begin(); !ok) return pass(ok.error());

    if (!standing) {
        auto read = read_standing(database, query.identity, generation);
        if (!read) return pass(read.error());
        standing = std::move(*read);
    }
    KnownFacts facts{policy::State::active, policy::State::active, stored<OwnerName>("nobody"), {}, false, {}, {}, {}};
    facts.as_of = generation;
    if (standing) {
        facts.identity_state = standing->identity;
        facts.owner_state = standing->owner_state;
        facts.owner = standing->owner;
        facts.hosts = hosts_of_text(standing->hosts);
        facts.tenant = standing->tenant;
        facts.adopt_by = standing->adopt_by;
    }
    if (query.join_token) {
        if (auto ok = read_token(database, query, now, facts); !ok) return pass(ok.error());
    } else if (!standing) {
        return fail(Code::not_found, "there is no identity " + query.identity.text(), "E-IDENTITY-UNKNOWN", {},
                    "mayfly identity list");
    }
    if (!grants) {
        auto read = read_grants(database, query, generation, now);
        if (!read) return pass(read.error());
        grants = std::move(*read);
    }
    facts.grants = std::move(*grants);
    if (!query.against.empty()) {
        auto beside = held_beside(database, facts.owner, query.against, now);
        if (!beside) return pass(beside.error());
        facts.beside = std::move(*beside);
    }
    if (auto ok = read_seen(database, query, now, facts); !ok) return pass(ok.error());
    if (!query.tenant.empty() && query.tenant != facts.tenant) {
        Query open(database, "SELECT 1 FROM tenant WHERE name = ? AND state = 'open'");
        const auto stands = exists(open.with(query.tenant));
        if (!stands) return pass(stands.error());
        facts.tenant_open = *stands;
    }
    if (auto ok = read_key(database, query, facts); !ok) return pass(ok.error());
    if (query.node) {
        if (auto ok = read_node(database, *query.node, facts); !ok) return pass(ok.error());
    }
    return facts;
}

}  // namespace mayfly::store
