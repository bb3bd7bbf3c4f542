// Who is calling: found by what they present, with what they are and who answers for them.
#include <algorithm>

#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

constexpr const char* kCallerColumns =
    "i.name, i.state, o.name, o.state, o.duties, i.labels, i.hosts, i.tenant, i.duties";
CallerRecord read_caller(const Query& row) {
    CallerRecord out{stored<IdentityName>(row.text(0)),
                     state_of_text(row.text(1)),
                     stored<OwnerName>(row.text(2)),
                     state_of_text(row.text(3)),
                     {},
                     map_of_text(row.text(5)),
                     hosts_of_text(row.text(6)),
                     row.text(7)};
    // Duties belong to the person, not to the machines they answer for; a machine that was given one has it no longer
    // than its owner.
    const auto owners = duties_of_text(row.text(4));
    if (out.identity.kind() == Kind::human) out.duties = owners;
    for (const auto duty : duties_of_text(row.text(8)))
        if (std::find(owners.begin(), owners.end(), duty) != owners.end()) out.duties.push_back(duty);
    return out;
}

}  // namespace

Result<std::optional<CertificateCaller>> SqliteStore::find_certificate(const Digest& sha256_of_der) {
    const std::uint64_t generation = writer_->generation();  // before anything is read
    if (auto known = callers_.find(sha256_of_der, generation)) return known;
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    static const std::string kSql =
        std::string("SELECT ") + kCallerColumns +
        ", c.issuer, c.kind, c.serial, c.role, c.grant_id, c.key, c.valid_after, c.valid_before, c.revoked, c.strong "
        "FROM certificate c JOIN identity i ON i.name = c.identity JOIN owner o ON o.name = i.owner WHERE c.sha256 = ? "
        "AND c.kind IN ('session', 'node') AND c.state = 'issued'";
    Query query(**lease, kSql);
    const auto row = query.with(ByteView(sha256_of_der)).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<CertificateCaller>();
    CallerRecord caller = read_caller(query);
    const auto validity = Validity::between(query.time(15), query.time(16));
    if (!validity) return pass(validity.error());
    CertificateRow certificate{static_cast<steps::IssuerId>(query.integer(9)),
                               query.text(10),
                               query.text(11),
                               query.text(12),
                               query.text(13),
                               caller.identity,
                               caller.owner,
                               query.digest(14),
                               *validity,
                               query.integer(17) != 0,
                               query.integer(18) != 0};
    CertificateCaller found{std::move(caller), std::move(certificate)};
    callers_.keep(sha256_of_der, generation, found);
    return std::optional(std::move(found));
}

Result<std::optional<CallerRecord>> SqliteStore::find_enrolled_key(const Digest& key) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                std::string("SELECT ") + kCallerColumns +
                    " FROM enrolled_key k JOIN identity i ON i.name = k.identity JOIN owner o ON o.name = i.owner "
                    "WHERE k.key = ?1 AND NOT EXISTS (SELECT 1 FROM revoked_key r WHERE r.key = ?1)");
    const auto row = query.with(ByteView(key)).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(read_caller(query)) : std::nullopt;
}

Status SqliteStore::record_closed_doors(const std::vector<ClosedDoor>& doors, Instant now) {
    if (doors.empty()) return {};
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        for (const auto& door : doors)
            if (auto ok = append(transaction, {"door.refused",
                                               now,
                                               "",
                                               "",
                                               "door/" + door.door,
                                               {{"address", door.address},
                                                {"count", door.count},
                                                {"first", door.first.text()},
                                                {"last", door.last.text()}}});
                !ok)
                return ok;
        return {};
    });
}

Status SqliteStore::record_login(const IdentityName& who, std::string_view door, bool success, std::string_view remote,
                                 Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) {
        return append(transaction, {success ? "login.accepted" : "login.refused",
                                    now,
                                    who.text(),
                                    "",
                                    who.text(),
                                    {{"door", std::string(door)}, {"remote", std::string(remote)}}});
    });
}

}  // namespace mayfly::store
