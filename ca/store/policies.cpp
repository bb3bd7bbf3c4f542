// The versions of the policy: what is and was in force, from a file or by hand.
#include <algorithm>

#include "ca/store/policy_rows.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr const char* kPolicyColumns =
    "SELECT version, applied, sha256, source, change, by_identity, signed_off, alone, toml FROM policy ";
constexpr const char* kPolicyHeads =
    "SELECT version, applied, sha256, source, change, by_identity, signed_off, alone, '' FROM policy ";

PolicyRecord read_policy(const Query& row) {
    PolicyRecord out{row.text(0), row.text(8), row.time(1), row.text(2), row.text(3), change_name(row.integer(4)),
                     row.text(5), {}};
    out.signed_off = list_of_text(row.text(6));
    out.alone = row.integer(7) != 0;
    return out;
}

Result<PolicyRecord> one_policy(Query& query, std::string_view what) {
    const auto row = query.row();
    if (!row) return pass(row.error());
    if (!*row) return fail(Code::not_found, std::string(what), "E-POLICY-VERSION", {}, "mayfly policy list");
    return read_policy(query);
}

}  // namespace

Result<PolicyRecord> in_force(Database& database) {
    Query query(database, std::string(kPolicyColumns) + "ORDER BY n DESC LIMIT 1");
    return one_policy(query, "no policy was ever applied");
}

Status SqliteStore::apply_policy(std::string_view toml, const IdentityName& actor, Instant now) {
    if (const auto parsed = policy::parse_policy(toml); !parsed) return pass(parsed.error());
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        const auto version = put_policy(transaction, toml, {"init"}, actor, "", now);
        if (!version) return pass(version.error());
        return {};
    });
}

Result<bool> SqliteStore::take_policy_file(std::string_view toml,
                                           const std::function<Status(const policy::People&)>& check,
                                           const IdentityName& actor, Instant now) {
    const std::string hash = wire::hex(crypto::sha256(view(toml)));
    return writer_->change<bool>(Effect::apply, [&](Transaction& transaction) -> Result<bool> {
        Database& database = transaction.database();
        Query last(database, "SELECT value FROM meta WHERE key = 'policy_file'");
        const auto taken = last.row();
        if (!taken) return pass(taken.error());
        if (*taken && last.text(0) == hash) return false;
        const auto current = in_force(database);
        if (!current && current.error().code != Code::not_found) return pass(current.error());
        const bool news = !current || current->sha256 != hash;
        if (news) {
            const auto people = people_of(database);
            if (!people) return pass(people.error());
            if (auto ok = check(*people); !ok) return pass(ok.error());
            const bool owed = !people->empty();
            const auto version = put_policy(transaction, toml, {"file", 0, {}, false, owed}, actor, "", now);
            if (!version) return pass(version.error());
            // Nobody is known to have written the file; those who run the machine could, so the first of them answers.
            const auto platform = std::find_if(people->begin(), people->end(),
                                               [](const auto& person) { return person.active && person.platform; });
            const auto& about = platform != people->end() ? platform : people->begin();
            if (owed)
                if (auto ok = owe_review(database, *people, *version, about->name, "policy file", now); !ok)
                    return pass(ok.error());
        }
        Query keep(database,
                   "INSERT INTO meta(key, value) VALUES ('policy_file', ?) ON CONFLICT DO UPDATE SET value = "
                   "excluded.value");
        if (auto ok = keep.with(hash).run(); !ok) return pass(ok.error());
        return news;
    });
}

Result<PolicyRecord> SqliteStore::current_policy() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return in_force(**lease);
}

Result<PolicyRecord> SqliteStore::find_policy(std::string_view version) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    const bool number = !version.empty() && version.size() < 16 &&
                        std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
    Query query(**lease, std::string(kPolicyColumns) + (number ? "WHERE n = CAST(? AS INTEGER)" : "WHERE version = ?"));
    query.with(version);
    return one_policy(query, "there is no policy version \"" + printable(version.substr(0, 64)) + "\"");
}

Result<PolicyRecord> SqliteStore::policy_at(Instant time) {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kPolicyColumns) + "WHERE applied <= ? ORDER BY n DESC LIMIT 1");
    query.with(time);
    return one_policy(query, "no policy was in force at " + time.text());
}

Result<std::vector<PolicyRecord>> SqliteStore::list_policies() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease, std::string(kPolicyHeads) + "ORDER BY n DESC LIMIT 1000");
    std::vector<PolicyRecord> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read_policy(query));
    }
}

Result<policy::People> SqliteStore::list_people() {
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    return people_of(**lease);
}

}  // namespace mayfly::store
