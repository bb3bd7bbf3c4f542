#pragma once
// Standing: an identity and its owner as they stand at this moment, for the verbs of the minting path. Private to
// ca/store.
#include "ca/policy/decide.h"
#include "ca/store/sqlite.h"

namespace mayfly::store {

struct Standing {
    OwnerName owner;
    policy::State identity, owner_state;
    std::string hosts, tenant;
    std::optional<Instant> adopt_by;
    [[nodiscard]] bool may_have_certificates(Kind kind, Instant now) const {
        const bool handing_over =
            owner_state == policy::State::leaving && kind != Kind::human && adopt_by && now < *adopt_by;
        return identity == policy::State::active && (owner_state == policy::State::active || handing_over);
    }
};

/// Nothing for an identity that is not known.
Result<std::optional<Standing>> find_standing(Database& database, const IdentityName& identity);

}  // namespace mayfly::store
