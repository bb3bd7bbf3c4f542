// Requests: what is read, by whoever lists them and by the transaction that judges one.
#include "ca/store/requests_rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr const char* kColumns =
    "SELECT r.id, r.identity, r.owner, r.asked_by, r.asked_by_owner, r.role, r.role_version, r.policy_version, "
    "r.tenant, "
    "r.node, r.seconds, r.starts, r.start_at, r.single_use, r.reason, r.ticket, r.evidence, r.extends, r.state, "
    "r.stage, "
    "r.asked, r.escalate_at, r.created, r.expires, r.decided, r.ended, r.grant_id, r.alone, r.why_ended, g.starts, "
    "g.ends, "
    "g.first_use, r.escalated FROM request r LEFT JOIN role_grant g ON g.id = r.grant_id";

policy::Starts starts_of_text(std::string_view text) {
    for (const auto starts : {policy::Starts::approval, policy::Starts::first_use})
        if (policy::name(starts) == text) return starts;
    return policy::Starts::at;
}

RequestRecord read_request(const Query& row) {
    const auto window = Lifetime::of_seconds(row.integer(10));
    ensure(window.has_value(), "a request in the store has a window");
    Wish wish{stored<IdentityName>(row.text(1)),
              stored<OwnerName>(row.text(2)),
              stored<IdentityName>(row.text(3)),
              stored<OwnerName>(row.text(4)),
              stored<RoleName>(row.text(5)),
              row.text(6),
              row.text(7),
              row.text(8),
              {},
              *window,
              starts_of_text(row.text(11)),
              row.time(12),
              row.integer(13) != 0,
              row.text(14),
              row.text(15),
              row.text(16),
              row.integer(17)};
    if (!row.text(9).empty()) wish.node = stored<NodeName>(row.text(9));
    RequestRecord request{row.integer(0), std::move(wish)};
    const auto state = parse_request_state(row.text(18));
    ensure(state.has_value(), "a request in the store has a state");
    request.state = *state;
    request.stage = static_cast<std::size_t>(row.integer(19));
    for (const auto& owner : list_of_text(row.text(20))) request.asked.push_back(stored<OwnerName>(owner));
    if (row.integer(21) > 0) request.escalate_at = row.time(21);
    request.created = row.time(22);
    request.expires = row.time(23);
    request.decided = row.time(24);
    request.ended = row.time(25);
    if (row.integer(26) > 0) request.grant = "g-" + std::to_string(row.integer(26));
    request.alone = row.integer(27) != 0;
    request.why_ended = row.text(28);
    if (row.integer(32) > 0) request.escalated = static_cast<std::size_t>(row.integer(32) - 1);
    if (!row.null(29) && row.integer(31) == 0)
        if (const auto window_of = Validity::between(row.time(29), row.time(30))) request.window = *window_of;
    return request;
}

Status read_words(Database& database, RequestRecord& request) {
    Query query(
        database,
        "SELECT stage, by_owner, stands_for, by_identity, verdict, comment, seconds, node, at FROM request_word "
        "WHERE request = ? ORDER BY n");
    query.with(request.id);
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        WordRecord word{{stored<OwnerName>(query.text(1)), stored<OwnerName>(query.text(2)),
                         static_cast<std::size_t>(query.integer(0)),
                         query.text(4) == "deny" ? policy::Verdict::deny : policy::Verdict::approve},
                        stored<IdentityName>(query.text(3)),
                        query.text(5),
                        query.integer(6)};
        if (!query.text(7).empty()) word.node = stored<NodeName>(query.text(7));
        word.at = query.time(8);
        request.words.push_back(std::move(word));
    }
}

Result<std::optional<OwnerName>> one_owner(Database& database, const char* sql, const std::string& name) {
    Query query(database, sql);
    const auto row = query.with(name).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(stored<OwnerName>(query.text(0))) : std::nullopt;
}

/// An owner who is active; of one who is leaving, the backup, if that one is.
Result<std::optional<OwnerName>> acting(Database& database, const std::string& name) {
    auto self = one_owner(database, "SELECT name FROM owner WHERE name = ? AND state = 'active'", name);
    if (!self || *self) return self;
    return one_owner(
        database,
        "SELECT b.name FROM owner o JOIN owner b ON b.name = o.backup WHERE o.name = ? AND b.state = 'active'", name);
}

/// Every person whom the words of a policy name, as far as they are active.
Result<std::vector<OwnerName>> active_among(Database& database, const std::vector<OwnerName>& members) {
    std::vector<OwnerName> out;
    for (const auto& member : members) {
        const auto found =
            one_owner(database, "SELECT name FROM owner WHERE name = ? AND state = 'active'", member.text());
        if (!found) return pass(found.error());
        if (*found) out.push_back(member);
    }
    return out;
}

void persons_in(const policy::Approvers& node, std::vector<OwnerName>& persons, std::vector<std::string>& groups) {
    if (node.of && node.of->kind() == policy::Party::Kind::group) groups.push_back(node.of->name());
    if (node.of && node.of->kind() == policy::Party::Kind::person)
        if (auto name = OwnerName::parse(node.of->name())) persons.push_back(std::move(*name));
    for (const auto& part : node.parts) persons_in(part, persons, groups);
}

}  // namespace

Result<std::optional<RequestRecord>> read_request(Database& database, std::int64_t id) {
    Query query(database, std::string(kColumns) + " WHERE r.id = ?");
    const auto row = query.with(id).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<RequestRecord>();
    auto request = read_request(query);
    if (auto ok = read_words(database, request); !ok) return pass(ok.error());
    return std::optional(std::move(request));
}

Result<policy::Electorate> read_electorate(Database& database, const policy::Policy& policy, const policy::Role& role,
                                           const OwnerName& asker) {
    policy::Electorate out;
    auto owner = acting(database, role.owner.text());
    if (!owner) return pass(owner.error());
    out.role_owner = std::move(*owner);
    auto backup = one_owner(
        database,
        "SELECT b.name FROM owner o JOIN owner b ON b.name = o.backup WHERE o.name = ? AND b.state = 'active'",
        role.owner.text());
    if (!backup) return pass(backup.error());
    out.backup_owner = std::move(*backup);
    auto manager = one_owner(
        database,
        "SELECT m.name FROM owner o JOIN owner m ON m.name = o.manager WHERE o.name = ? AND m.state = 'active'",
        asker.text());
    if (!manager) return pass(manager.error());
    out.manager = std::move(*manager);

    std::vector<OwnerName> persons;
    std::vector<std::string> groups;
    for (const auto& stage : role.request.stages) persons_in(stage, persons, groups);
    if (role.request.escalate)
        persons_in({policy::Approvers::Kind::leaf, 1, role.request.escalate->to, {}}, persons, groups);
    auto active = active_among(database, persons);
    if (!active) return pass(active.error());
    out.active = std::move(*active);
    for (const auto& name : groups) {
        const auto group = policy.groups.find(name);
        if (group == policy.groups.end()) continue;
        auto members = active_among(database, group->second.members);
        if (!members) return pass(members.error());
        out.groups.emplace(name, std::move(*members));
    }
    return out;
}

Result<std::vector<OwnerName>> read_delegators(Database& database, const OwnerName& to, const RoleName& role,
                                               std::int64_t request, Instant now) {
    Query query(
        database,
        "SELECT DISTINCT from_owner FROM delegation WHERE to_owner = ? AND starts <= ? AND ends > ? AND role = ? "
        "AND (request = 0 OR request = ?)");
    query.with(to.text(), now, now, role.text(), request);
    std::vector<OwnerName> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(stored<OwnerName>(query.text(0)));
    }
}

std::string_view name(RequestState state) {
    switch (state) {
        case RequestState::pending: return "pending";
        case RequestState::approved: return "approved";
        case RequestState::denied: return "denied";
        case RequestState::expired: return "expired";
        case RequestState::cancelled: return "cancelled";
        case RequestState::ended: return "ended";
    }
    return "ended";
}

Result<RequestState> parse_request_state(std::string_view text) {
    for (const auto state : {RequestState::pending, RequestState::approved, RequestState::denied, RequestState::expired,
                             RequestState::cancelled, RequestState::ended})
        if (name(state) == text) return state;
    return fail(Code::malformed, "\"" + printable(text.substr(0, 40)) + "\" is no state of a request", "E-NAME",
                "pending, approved, denied, expired, cancelled or ended", {});
}

Result<std::int64_t> parse_request_id(std::string_view text) {
    const bool good = text.size() > 2 && text.size() < 20 && text.starts_with("r-") && text[2] != '0' &&
                      text.find_first_not_of("0123456789", 2) == std::string_view::npos;
    if (!good)
        return fail(Code::not_found, "there is no request \"" + printable(text.substr(0, 40)) + "\"",
                    "E-REQUEST-UNKNOWN", "a request's id reads r-7", "mayfly request list");
    return std::stoll(std::string(text.substr(2)));
}

Digest digest_of(const Wish& wish) {
    const wire::Json::Object body{{"identity", wish.identity.text()},
                                  {"owner", wish.owner.text()},
                                  {"asked_by", wish.asked_by.text()},
                                  {"role", wish.role.text()},
                                  {"role_version", wish.role_version},
                                  {"policy_version", wish.policy_version},
                                  {"tenant", wish.tenant},
                                  {"node", wish.node ? wish.node->text() : ""},
                                  {"seconds", wish.window.seconds()},
                                  {"starts", std::string(policy::name(wish.starts))},
                                  {"start_at", wish.start_at.seconds()},
                                  {"single_use", wish.single_use},
                                  {"reason", wish.reason},
                                  {"ticket", wish.ticket},
                                  {"evidence", wish.evidence},
                                  {"extends", wish.extends}};
    return crypto::sha256(view(wire::Json(body).canonical()));
}

Result<std::optional<RequestRecord>> SqliteStore::find_request(std::int64_t id) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return read_request(**lease, id);
}

Result<std::vector<RequestRecord>> SqliteStore::list_requests(const RequestFilter& filter) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    std::string sql = std::string(kColumns) + " WHERE (?1 = 0 OR r.id < ?1)";
    if (filter.state) sql += " AND r.state = ?2";
    if (filter.identity) sql += " AND r.identity = ?3";
    if (filter.ticket) sql += " AND r.ticket = ?4";
    if (filter.role) sql += " AND r.role = ?5";
    if (filter.asked)
        sql +=
            " AND r.state = 'pending' AND (EXISTS (SELECT 1 FROM json_each(r.asked) WHERE value = ?6) OR EXISTS "
            "(SELECT "
            "1 FROM delegation d, json_each(r.asked) a WHERE d.to_owner = ?6 AND d.from_owner = a.value AND d.role = "
            "r.role AND (d.request = 0 OR d.request = r.id)))";
    Query query(**lease, sql + " ORDER BY r.id DESC LIMIT ?7");
    query.with(filter.before, filter.state ? name(*filter.state) : "", filter.identity ? filter.identity->text() : "",
               filter.ticket.value_or(""), filter.role ? filter.role->text() : "",
               filter.asked ? filter.asked->text() : "", static_cast<std::int64_t>(filter.limit));
    std::vector<RequestRecord> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) break;
        out.push_back(read_request(query));
    }
    for (auto& request : out)
        if (auto ok = read_words(**lease, request); !ok) return pass(ok.error());
    return out;
}

Result<std::vector<std::int64_t>> SqliteStore::due_requests(Instant now, std::size_t limit) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT id FROM request WHERE state = 'pending' AND expires <= ?1 UNION SELECT id FROM request WHERE state "
        "= 'pending' AND escalate_at > 0 AND escalate_at <= ?1 UNION SELECT r.id FROM request r JOIN role_grant g "
        "ON g.id = r.grant_id WHERE r.state = 'approved' AND (g.ends <= ?1 OR g.state = 'ended') LIMIT ?2");
    query.with(now, static_cast<std::int64_t>(limit));
    std::vector<std::int64_t> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(query.integer(0));
    }
}

Result<std::vector<DelegationRecord>> SqliteStore::list_delegations(Instant now) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(
        **lease,
        "SELECT id, from_owner, to_owner, role, request, starts, ends FROM delegation WHERE ends > ? ORDER BY id");
    query.with(now);
    std::vector<DelegationRecord> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back({query.integer(0), stored<OwnerName>(query.text(1)), stored<OwnerName>(query.text(2)),
                       stored<RoleName>(query.text(3)), query.integer(4), query.time(5), query.time(6)});
    }
}

}  // namespace mayfly::store
