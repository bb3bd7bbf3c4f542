#pragma once
// What the files about people share: reading rows, asking whether something stands, and adding leaves. Private to
// ca/store.
#include "ca/store/sqlite_store.h"

namespace mayfly::store {

Status append(Transaction& transaction, const log::Event& event);

/// Whether the query, which binds one name, has a row.
Result<bool> known(Database& database, const char* sql, const std::string& name);

/// An owner who is to answer for something must exist and be active.
Status need_active_owner(Database& database, const OwnerName& owner);
/// Nothing new belongs to a tenant that is closed.
Status need_open_tenant(Database& database, const std::string& tenant);
/// Somebody with the duty platform is left, or `gone` was the last one.
Status need_platform_left(Database& database, const std::string& gone);

template <class Record, class Read>
Result<std::vector<Record>> collect(Query& query, Read read) {
    std::vector<Record> out;
    for (;;) {
        const auto row = query.row();
        if (!row) return pass(row.error());
        if (!*row) return out;
        out.push_back(read(query));
    }
}

std::vector<Duty> duties_of_text(const std::string& json);
std::vector<std::string> texts_of(const std::vector<Duty>& duties);

/// "g-7" → 7; nullopt for what is no id of that kind.
std::optional<std::int64_t> number_of(std::string_view prefix, std::string_view id);

/// Identities as they stand in columns, without their keys.
extern const char* const kIdentityColumns;
IdentityRecord read_identity(const Query& row);
Status read_keys(Database& database, IdentityRecord& identity);
extern const char* const kGrantColumns;
GrantRecord read_grant(const Query& row);

/// visible is the condition that a row of `identity i` lies in a Sight, which bind_sight binds as ?1 and ?2. The text
/// has two forms only, so that each is prepared once.
std::string visible(const Sight& sight);
void bind_sight(Query& query, const Sight& sight);

/// still_alive counts and names the certificates that live on, of what the condition (?1 = now, ?2 = text) names.
Status still_alive(Database& database, std::string_view condition, std::string_view text, Instant now, Ending& ending);

/// Cause is why something is stopped, by whom, when.
struct Cause {
    std::string why;
    const IdentityName& actor;
    Instant now;
};
/// What the condition names (with ?1 = text) and still stands, with one leaf for each. They return how many.
Result<std::int64_t> suspend_identities(Transaction& transaction, const Cause& cause, std::string_view condition,
                                        std::string_view text);
Result<std::int64_t> suspend_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                    std::string_view text);
Result<std::int64_t> end_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                std::string_view text);
/// What the condition names, was suspended for the very reason `cause.why` and has not ended, stands again.
Result<std::int64_t> resume_identities(Transaction& transaction, const Cause& cause, std::string_view condition,
                                       std::string_view text);
Result<std::int64_t> resume_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                   std::string_view text);

/// revoke_where marks what the condition (with ?1 = now, ?2 = text) names and still lives as revoked, for the lists
/// too.
Result<std::vector<std::string>> revoke_where(Database& database, std::string_view condition, std::string_view text,
                                              wire::CrlReason code, Instant now);

/// Whether a statement finds any row.
inline Result<bool> exists(Query& query) { return query.row(); }

}  // namespace mayfly::store
