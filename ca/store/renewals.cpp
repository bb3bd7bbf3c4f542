// Renewals that the CA wants sooner, and what nodes say of the certificates they keep.
#include "ca/store/rows.h"
#include "lib/wire/json.h"

namespace mayfly::store {

namespace {

constexpr const char* kOrders = "renewal_orders";
constexpr std::size_t kMostOrders = 100;

wire::Json json_of(const RenewalOrder& order) {
    return wire::Json(wire::Json::Object{{"role", order.role ? order.role->text() : ""},
                                         {"ordered", order.ordered.seconds()},
                                         {"until", order.until.seconds()},
                                         {"reason", order.reason}});
}

/// What we wrote ourselves: a member that is missing is damage.
Result<RenewalOrder> order_of(const wire::Json& json) {
    wire::Fields fields(json, "renewal order");
    const auto role = fields.text("role");
    const auto ordered = fields.integer("ordered"), until = fields.integer("until");
    RenewalOrder out{{}, Instant(ordered), Instant(until), fields.text("reason")};
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (!role.empty()) out.role = stored<RoleName>(role);
    return out;
}

Result<std::vector<RenewalOrder>> load_orders(Database& database, Instant now) {
    Query query(database, "SELECT value FROM meta WHERE key = ?");
    const auto row = query.with(std::string_view(kOrders)).row();
    if (!row) return pass(row.error());
    std::vector<RenewalOrder> out;
    if (!*row) return out;
    const auto json = wire::parse_json(query.text(0));
    if (!json || json->array() == nullptr) return fail(Code::corrupt, "the renewal orders in the store cannot be read");
    for (const auto& item : *json->array()) {
        const auto order = order_of(item);
        if (!order) return pass(order.error());
        if (order->until > now) out.push_back(*order);
    }
    return out;
}

}  // namespace

Status SqliteStore::order_renewal(const RenewalOrder& order, const IdentityName& actor, Instant now, Effect effect) {
    return writer_->change(effect, [&](Transaction& transaction) -> Status {
        auto orders = load_orders(transaction.database(), now);
        if (!orders) return pass(orders.error());
        std::erase_if(*orders, [&](const RenewalOrder& one) { return one.role == order.role; });
        if (orders->size() >= kMostOrders)
            return fail(Code::conflict, "a hundred renewal orders stand already", "E-RENEWAL", {},
                        "order the renewal of all roles");
        orders->push_back(order);
        wire::Json::Array items;
        for (const auto& one : *orders) items.push_back(json_of(one));
        Query keep(transaction.database(),
                   "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2");
        if (auto ok = keep.with(std::string_view(kOrders), wire::Json(std::move(items)).canonical()).run(); !ok)
            return pass(ok.error());
        const auto reason = keep_text(transaction, order.reason);
        if (!reason) return pass(reason.error());
        return append(transaction, {"renewal.ordered",
                                    now,
                                    actor.text(),
                                    "",
                                    order.role ? "role/" + order.role->text() : "certificates",
                                    {{"role", order.role ? order.role->text() : ""},
                                     {"issued_before", order.ordered.text()},
                                     {"until", order.until.text()},
                                     {"reason_hash", *reason}}});
    });
}

Result<std::vector<RenewalOrder>> SqliteStore::renewal_orders(Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return load_orders(**lease, now);
}

Result<std::vector<std::string>> SqliteStore::revoked_of(const IdentityName& actor, Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    // Revoked certificates that live on are few; who asked for each is looked up by its serial.
    Query query(**lease,
                "SELECT r.serial FROM revocation r JOIN certificate c ON c.serial = r.serial AND c.issuer = r.issuer "
                "JOIN certificate_body b ON b.n = c.n WHERE r.ends > ? AND r.issuer = ? AND b.actor = ? LIMIT 1000");
    query.with(now, static_cast<std::int64_t>(steps::IssuerId::x509), actor.text());
    return collect<std::string>(query, [](const Query& row) { return row.text(0); });
}

Status SqliteStore::record_workload_trouble(const NodeName& node, const WorkloadTrouble& trouble, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        Query placed(transaction.database(),
                     "SELECT i.owner FROM role_grant g JOIN identity i ON i.name = g.identity WHERE g.identity = ? AND "
                     "g.role = ? AND g.ends > ? AND g.node = ? AND g.state = 'active' LIMIT 1");
        const auto row = placed.with(trouble.identity.text(), trouble.role.text(), now, node.text()).row();
        if (!row) return pass(row.error());
        if (!*row)
            return fail(Code::not_found, trouble.identity.text() + " is not placed on this node", "E-WORKLOAD-PLACE",
                        {}, {});
        const auto detail = keep_text(transaction, trouble.detail);
        if (!detail) return pass(detail.error());
        return append(transaction, {"workload.trouble",
                                    now,
                                    "node/" + node.text(),
                                    placed.text(0),
                                    trouble.identity.text(),
                                    {{"node", node.text()},
                                     {"role", trouble.role.text()},
                                     {"what", trouble.what},
                                     {"serial", trouble.serial},
                                     {"detail_hash", *detail}}});
    });
}

}  // namespace mayfly::store
