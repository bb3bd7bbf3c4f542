// Tenants: customers and environments, and who sees into them.
#include <algorithm>
#include <set>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

constexpr const char* kTenantColumns = "SELECT name, description, owner, state, created FROM tenant";

TenantRecord read_tenant(const Query& row) {
    TenantRecord tenant{row.text(0), row.text(1), {}, row.text(3) == "open", row.time(4)};
    if (!row.null(2)) tenant.owner = stored<OwnerName>(row.text(2));
    return tenant;
}

tl::unexpected<Error> unknown(const std::string& name) {
    return fail(Code::not_found, "there is no tenant \"" + printable(name) + "\"", "E-TENANT-UNKNOWN", {},
                "mayfly tenant list");
}

std::string tenant_and_roles(const std::string& tenant, const std::vector<RoleName>& roles) {
    std::vector<std::string> names;
    names.reserve(roles.size());
    for (const auto& role : roles) names.push_back(role.text());
    return wire::Json(wire::Json::Object{{"roles", json_list(names)}, {"tenant", tenant}}).canonical();
}

constexpr const char* kOfTenant =
    "(identity IN (SELECT name FROM identity WHERE tenant = json_extract(?1, '$.tenant')) OR role IN (SELECT value "
    "FROM "
    "json_each(?1, '$.roles')))";
constexpr const char* kCertificatesOfTenant =
    "(identity IN (SELECT name FROM identity WHERE tenant = json_extract(?2, '$.tenant')) OR role IN (SELECT value "
    "FROM "
    "json_each(?2, '$.roles')))";

}  // namespace

bool Sight::sees(const std::string& tenant) const {
    return everything || std::find(tenants.begin(), tenants.end(), tenant) != tenants.end();
}

Result<Sight> SqliteStore::load_sight(const IdentityName& identity, const OwnerName& owner, bool everything) {
    Sight sight{owner, everything, {}};
    if (everything) return sight;
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // A machine sees the tenant it stands in. A person sees those they belong to by any identity of theirs, or own.
    Query query(**lease,
                identity.kind() == Kind::human
                    ? "SELECT tenant FROM owner WHERE name = ?2 UNION SELECT tenant FROM identity WHERE owner "
                      "= ?2 AND (name = ?1 OR name GLOB 'human/*') UNION SELECT name FROM tenant WHERE owner = ?2"
                    : "SELECT tenant FROM identity WHERE name = ?1 AND owner = ?2");
    query.with(identity.text(), owner.text());
    auto tenants = collect<std::string>(query, [](const Query& row) { return row.text(0); });
    if (!tenants) return pass(tenants.error());
    sight.tenants = std::move(*tenants);
    return sight;
}

Status SqliteStore::create_tenant(const TenantRecord& tenant, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        Database& database = transaction.database();
        const auto exists = known(database, "SELECT 1 FROM tenant WHERE name = ?", tenant.name);
        if (!exists) return pass(exists.error());
        if (*exists)
            return fail(Code::conflict, "there is a tenant \"" + tenant.name + "\" already", "E-TENANT-EXISTS",
                        "a tenant that was closed keeps its name", "choose another name");
        if (!tenant.owner)
            return fail(Code::malformed, "a tenant has an owner", "E-TENANT-OWNER", "somebody answers for it",
                        "name one: --owner OWNER");
        if (auto ok = need_active_owner(database, *tenant.owner); !ok) return ok;
        Query insert(database,
                     "INSERT INTO tenant(name, description, owner, state, created) VALUES (?, ?, ?, 'open', ?)");
        if (auto ok = insert.with(tenant.name, tenant.description, tenant.owner->text(), now).run(); !ok) return ok;
        const auto description = keep_text(transaction, tenant.description);
        if (!description) return pass(description.error());
        return append(transaction, {"tenant.created",
                                    now,
                                    actor.text(),
                                    tenant.owner->text(),
                                    "tenant/" + tenant.name,
                                    {{"description_hash", *description}}});
    });
}

Result<std::vector<TenantRecord>> SqliteStore::list_tenants(const Sight& sight) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                std::string(kTenantColumns) +
                    (sight.everything ? " WHERE ?1 IS NOT NULL" : " WHERE name IN (SELECT value FROM json_each(?1))") +
                    " ORDER BY name");
    query.with(text_of_list(sight.tenants));
    return collect<TenantRecord>(query, read_tenant);
}

Result<std::optional<TenantRecord>> SqliteStore::find_tenant(const std::string& name, const Sight& sight) {
    if (!sight.sees(name)) return std::optional<TenantRecord>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kTenantColumns) + " WHERE name = ?");
    const auto row = query.with(name).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_tenant(query)) : std::nullopt;
}

Result<Ending> SqliteStore::close_tenant(const std::string& name, const std::vector<RoleName>& roles, bool revoke,
                                         std::string_view reason, const IdentityName& actor, Instant now,
                                         Effect effect) {
    return writer_->change<Ending>(effect, [&](Transaction& transaction) -> Result<Ending> {
        Database& database = transaction.database();
        if (name == policy::kHomeTenant)
            return fail(Code::conflict, "the tenant \"home\" is never closed", "E-TENANT-HOME",
                        "it is whoever runs this CA, the CA itself among them", "close a customer's tenant");
        Query close(database, "UPDATE tenant SET state = 'closed' WHERE name = ? AND state = 'open' RETURNING owner");
        const auto closed = close.with(name).row();
        if (!closed) return pass(closed.error());
        if (!*closed) return unknown(name);

        Ending ending;
        const Cause cause{"tenant closed", actor, now};
        const std::string both = tenant_and_roles(name, roles);
        const auto grants = end_grants(transaction, cause, kOfTenant, both);
        if (!grants) return pass(grants.error());
        const auto identities = suspend_identities(transaction, cause, "tenant = ?1", name);
        if (!identities) return pass(identities.error());
        Query tokens(database, "UPDATE token SET used = 1 WHERE tenant = ? AND used = 0");
        if (auto ok = tokens.with(name).run(); !ok) return pass(ok.error());
        ending.identities = *identities;
        ending.grants = *grants;
        ending.tokens = database.changes();
        if (revoke) {
            const auto revoked =
                revoke_where(database, kCertificatesOfTenant, both, wire::CrlReason::cessation_of_operation, now);
            if (!revoked) return pass(revoked.error());
            ending.revoked = static_cast<std::int64_t>(revoked->size());
            if (auto ok = count_revocation(database); !ok) return pass(ok.error());
        }
        if (auto ok = still_alive(database, kCertificatesOfTenant, both, now, ending); !ok) return pass(ok.error());
        const auto why = keep_text(transaction, reason);
        if (!why) return pass(why.error());
        const auto ok = append(transaction, {"tenant.closed",
                                             now,
                                             actor.text(),
                                             close.null(0) ? "" : close.text(0),
                                             "tenant/" + name,
                                             {{"identities", ending.identities},
                                              {"grants", ending.grants},
                                              {"tokens", ending.tokens},
                                              {"revoked", ending.revoked},
                                              {"living", ending.living},
                                              {"reason_hash", *why}}});
        if (!ok) return pass(ok.error());
        return ending;
    });
}

}  // namespace mayfly::store
