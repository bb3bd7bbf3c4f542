#pragma once
// Past: what the log says about identities, owners, nodes and grants up to a moment, as decide() knows such things.
// Only what stood in the log then counts: what came later changes no answer about it.
#include <map>

#include "ca/access/explain.h"

namespace mayfly::access {

/// Standing is what the log says of an identity, an owner or a node, up to a moment.
struct Standing {
    bool known = false;
    policy::State state = policy::State::suspended;
    std::optional<OwnerName> owner{};
    std::string tenant = policy::kHomeTenant;
    std::optional<Instant> adopt_by{};
    std::optional<OwnerName> backup{}, manager{};
    std::map<std::string, std::string> labels{};  ///< of a node: those of the token that it last joined with
    std::vector<std::uint64_t> entries{};
};

/// Fate is what became of a grant until the moment.
struct Fate {
    std::string state = "active", by, at, why;
    bool made = false;               ///< there is an entry that made it
    std::optional<Instant> until{};  ///< as it was made for
    std::vector<std::uint64_t> entries{};
};

/// Window is until when a grant stood, as far as was known at the moment.
struct Window {
    Instant until = Instant(0);
    std::optional<Lifetime> first_use{};  ///< it had not begun yet: it lasts so long from the first certificate on
};

/// Member `name` of an entry's data when it is a text; "" otherwise.
std::string text_in(const log::Event& event, const char* name);

/// Past reads the log, each identity, owner and node once.
class Past {
public:
    explicit Past(const Moment& moment) : moment_(moment) {}
    Result<Standing> standing(const std::string& subject);
    Result<Fate> fate(const std::string& grant);
    /// Whoever asks about all holders of a role has read their grants: what is asked next about one of them, and about
    /// what else they hold, is looked up here.
    void know_holders(const RoleName& role, const std::vector<store::PastGrant>& grants);
    Result<Window> window(const store::PastGrant& grant, const Fate& became);
    /// The grants of an identity for a role that stood at the moment, as decide() knows them.
    Result<std::vector<policy::GrantFact>> facts(const IdentityName& identity, const RoleName& role);
    /// Whoever the owner may have answered for at the moment, and perhaps before or since.
    Result<std::vector<IdentityName>> identities_of(const OwnerName& owner);
    [[nodiscard]] const Moment& moment() const { return moment_; }

private:
    Result<policy::GrantFact> fact_of(const store::PastGrant& grant, const Fate& became);
    Result<std::vector<store::PastGrant>> grants_of(const IdentityName& identity, const RoleName& role);

    const Moment& moment_;
    std::map<std::string, Standing> standings_;
    std::map<std::string, Fate> fates_;
    std::map<RoleName, std::map<IdentityName, std::vector<store::PastGrant>>> holders_;
    std::map<OwnerName, std::vector<IdentityName>> identities_;
};

}  // namespace mayfly::access
