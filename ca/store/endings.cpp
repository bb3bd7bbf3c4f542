// Suspending, ending and resuming, many at once: one statement for all, and one leaf for each, so that what stood at
// any past moment can be read from the log alone.
#include "ca/store/rows.h"

namespace mayfly::store {

namespace {

struct Hit {
    std::string subject, owner, grant, role;
};

Result<std::int64_t> leaves(Transaction& transaction, const Cause& cause, const char* type,
                            const Result<std::vector<Hit>>& hits) {
    if (!hits) return pass(hits.error());
    for (const auto& hit : *hits) {
        log::Event event{type, cause.now, cause.actor.text(), hit.owner, hit.subject, {{"why", cause.why}}};
        if (!hit.grant.empty()) {
            event.data.emplace("grant", hit.grant);
            event.data.emplace("role", hit.role);
        }
        if (auto ok = append(transaction, event); !ok) return pass(ok.error());
    }
    return static_cast<std::int64_t>(hits->size());
}

Result<std::int64_t> change_identities(Transaction& transaction, const Cause& cause, const char* type,
                                       const std::string& set, std::string_view condition, std::string_view text) {
    Query update(transaction.database(),
                 "UPDATE identity SET " + set + " AND " + std::string(condition) + " RETURNING name, owner");
    update.with(text, cause.why);
    return leaves(transaction, cause, type, collect<Hit>(update, [](const Query& row) {
                      return Hit{row.text(0), row.text(1), {}, {}};
                  }));
}

Result<std::int64_t> change_grants(Transaction& transaction, const Cause& cause, const char* type,
                                   const std::string& set, std::string_view condition, std::string_view text) {
    Query update(transaction.database(), "UPDATE role_grant SET " + set + " AND " + std::string(condition) +
                                             " RETURNING id, identity, role, (SELECT owner FROM identity WHERE name = "
                                             "role_grant.identity)");
    update.with(text, cause.why, cause.now);
    return leaves(transaction, cause, type, collect<Hit>(update, [](const Query& row) {
                      return Hit{row.text(1), row.text(3), "g-" + std::to_string(row.integer(0)), row.text(2)};
                  }));
}

}  // namespace

Result<std::int64_t> suspend_identities(Transaction& transaction, const Cause& cause, std::string_view condition,
                                        std::string_view text) {
    return change_identities(transaction, cause, "identity.suspended",
                             "state = 'suspended', why_suspended = ?2 WHERE state = 'active' AND name <> 'ca/server'",
                             condition, text);
}

Result<std::int64_t> resume_identities(Transaction& transaction, const Cause& cause, std::string_view condition,
                                       std::string_view text) {
    return change_identities(transaction, cause, "identity.enabled",
                             "state = 'active', why_suspended = '' WHERE state = 'suspended' AND why_suspended = ?2",
                             condition, text);
}

Result<std::int64_t> suspend_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                    std::string_view text) {
    return change_grants(transaction, cause, "grant.suspended",
                         "state = 'suspended', why_ended = ?2 WHERE state = 'active' AND ends > ?3", condition, text);
}

Result<std::int64_t> end_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                std::string_view text) {
    return change_grants(transaction, cause, "grant.ended",
                         "state = 'ended', why_ended = ?2 WHERE state <> 'ended' AND ends > ?3", condition, text);
}

Result<std::int64_t> resume_grants(Transaction& transaction, const Cause& cause, std::string_view condition,
                                   std::string_view text) {
    return change_grants(transaction, cause, "grant.resumed",
                         "state = 'active', why_ended = '' WHERE state <> 'active' AND why_ended = ?2 AND ends > ?3",
                         condition, text);
}

}  // namespace mayfly::store
