#pragma once
// Policies: every version that was ever in force, and the changes that people propose and sign off. What Store says of
// its verbs holds for these: one transaction each, with its events.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/people.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class Effect;

struct PolicyRecord {
    std::string version;  ///< "<n>:<first 12 hex of hash>"
    std::string toml;     ///< as join_files made it; empty in lists
    Instant applied = Instant(0);
    std::string sha256{};                 ///< hex, of `toml`
    std::string source{};                 ///< init, file, change or rollback
    std::string change{};                 ///< "p-3", when people signed it off
    std::string by{};                     ///< identity that proposed or applied it
    std::vector<std::string> signed_off;  ///< owners
    bool alone = false;                   ///< of some of it nobody but the proposer could say yes
};

/// PolicyWord is one person's word on a proposed change.
struct PolicyWord {
    OwnerName by;
    IdentityName identity;
    policy::Verdict verdict = policy::Verdict::approve;
    std::string comment;
    Instant at = Instant(0);
};

/// PolicyChange is a policy that somebody proposed. What is signed off is exactly this text against exactly this base.
struct PolicyChange {
    std::string id{};  ///< "p-3"
    OwnerName by;
    IdentityName identity;
    std::string toml, reason;
    bool rollback = false;
    Instant expires = Instant(0);
    std::string sha256{}, base{};   ///< hex; the version that was in force when it was proposed
    std::string risk{}, asked{};    ///< who signs off, in words
    std::string state = "pending";  ///< pending, applied, denied, expired, cancelled, overtaken
    bool alone = false;
    Instant created = Instant(0), decided = Instant(0);
    std::string version{};  ///< the one it became
    std::vector<PolicyWord> words{};
};

/// Settled is what the rules say about a change as it stands now.
struct Settled {
    enum class Outcome { pending, applied, denied };
    Outcome outcome = Outcome::pending;
    std::string risk, asked;
    bool alone = false;
};
/// Settle decides inside the transaction, from what stands there; its error undoes everything.
using Settle = std::function<Result<Settled>(const PolicyChange& change, const PolicyRecord& in_force,
                                             const policy::People& people)>;

class Policies {
public:
    virtual ~Policies() = default;
    /// apply_policy makes a text the policy in force, without anybody's sign-off: at init.
    virtual Status apply_policy(std::string_view toml, const IdentityName& actor, Instant now) = 0;
    /// take_policy_file applies the file beside ca.toml when it is another one than was last taken, so that a restart
    /// undoes nothing. True when it became the policy in force: marked, and owed a review. `check` may refuse it.
    virtual Result<bool> take_policy_file(std::string_view toml,
                                          const std::function<Status(const policy::People&)>& check,
                                          const IdentityName& actor, Instant now) = 0;
    virtual Result<PolicyRecord> current_policy() = 0;
    /// By version ("3:0af…", or its number alone); not_found (E-POLICY-VERSION).
    virtual Result<PolicyRecord> find_policy(std::string_view version) = 0;
    /// The one that was in force at a moment; not_found when none was.
    virtual Result<PolicyRecord> policy_at(Instant time) = 0;
    /// The newest thousand, newest first, without their texts.
    virtual Result<std::vector<PolicyRecord>> list_policies() = 0;

    /// propose_policy keeps a change and settles it at once: what needs nobody else is applied in the same transaction.
    virtual Result<PolicyChange> propose_policy(PolicyChange change, const Settle& settle, Instant now,
                                                Effect effect) = 0;
    /// sign_policy adds a word and settles. conflict when the change is no longer open (E-POLICY-CLOSED), when
    /// `sha256` is not what was proposed (E-POLICY-DIGEST), when another policy is in force than the one it was
    /// proposed against (E-POLICY-MOVED). The same word by the same person twice is once.
    virtual Result<PolicyChange> sign_policy(std::string_view id, PolicyWord word, std::string_view sha256,
                                             const Settle& settle, Instant now, Effect effect) = 0;
    virtual Result<PolicyChange> cancel_policy(std::string_view id, const IdentityName& actor, Instant now,
                                               Effect effect) = 0;
    virtual Result<std::optional<PolicyChange>> find_policy_change(std::string_view id) = 0;
    /// The newest hundred, newest first, without their texts.
    virtual Result<std::vector<PolicyChange>> list_policy_changes() = 0;
    /// Silence ends in denial: closes what nobody signed off in time.
    virtual Status close_policy_changes(Instant now) = 0;
    virtual Result<policy::People> list_people() = 0;
};

}  // namespace mayfly::store
