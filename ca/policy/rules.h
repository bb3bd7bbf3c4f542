#pragma once
// What a role asks of people: who decides, in which order, how long a request may wait, under which conditions it may
// be used, how often it is looked at again. Parsed with the policy; weighed by tally (approvals) and decide (the rest).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::policy {

/// Party is who can be asked: the role's control owner, that owner's backup, the asker's manager, a group of the policy
/// ("group:security"), or one person ("person:carol").
class Party {
public:
    enum class Kind { owner, backup_owner, manager, group, person };
    static Result<Party> parse(std::string_view text);
    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::string& name() const { return name_; }  ///< of the group or person; else empty
    [[nodiscard]] std::string text() const;
    auto operator<=>(const Party&) const = default;

private:
    Party(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}
    Kind kind_;
    std::string name_;
};

/// Approvers is one node of an approval tree: `need` different persons of one party, all of its parts, or any `need` of
/// its parts.
struct Approvers {
    enum class Kind { leaf, all_of, any_of };
    Kind kind = Kind::leaf;
    std::size_t need = 1;
    std::optional<Party> of{};       ///< leaves
    std::vector<Approvers> parts{};  ///< the others; never empty there
};

/// When the window of an approved request begins to run. Never at its creation: waiting must not eat it.
enum class Starts { approval, first_use, at };
/// What happens to what nobody looked at in time.
enum class Lapse { suspend, keep, remove };
/// What the first use from somewhere new means.
enum class FirstTime { ignore, mark, approve };
std::string_view name(Starts);
std::string_view name(Lapse);
std::string_view name(FirstTime);

/// Escalation: who is asked too when nobody has decided for so long.
struct Escalation {
    Lifetime after;
    Party to;
};

/// RequestRule says how a role is asked for and who decides.
struct RequestRule {
    std::vector<Approvers> stages{};  ///< in order, at most three; none: no approval is asked
    bool automatic = false;           ///< pre-approved by rule; recorded like any other decision
    std::vector<Party> open_to{};     ///< who may ask without an eligible grant
    bool open_to_anyone = false;
    std::string reason_prompt{};
    std::size_t reason_min = 1;         ///< characters
    std::string ticket{};               ///< pattern: '#' one or more digits, '*' anything; empty: none is needed
    std::optional<Lifetime> longest{};  ///< of the window asked for; the role's max_lifetime × 8 when absent
    Lifetime pending = *Lifetime::of_seconds(24LL * 3600);  ///< silence for so long is a denial
    Starts starts = Starts::approval;
    bool single_use = false;
    std::optional<Escalation> escalate{};
    std::optional<Lifetime> fresh{};  ///< an approver has logged in no longer ago than this
    bool strong = false;              ///< … with a hardware-backed key
    /// Whether holding the role by a standing grant is not enough.
    [[nodiscard]] bool needed() const { return automatic || !stages.empty(); }
};

/// Conditions bound the moment and the place of a use, beyond what sshd enforces later.
struct Conditions {
    std::vector<std::string> networks{};  ///< canonical CIDR of the asker; empty: from anywhere
    std::vector<int> days{};              ///< 0 = Monday; empty: every day
    std::optional<int> from_minute{};     ///< of the day, UTC; with until_minute; may wrap midnight
    std::optional<int> until_minute{};
    std::optional<Lifetime> login_age{};  ///< the asker's session is no older
    bool strong_login = false;            ///< … and began with a hardware-backed key
    FirstTime first_time = FirstTime::ignore;
};

/// ReviewRule: how often grants of the role are looked at again, by whom, and what silence means.
struct ReviewRule {
    Lifetime every = *Lifetime::of_seconds(90LL * 86400);  ///< at most 180 days
    Lifetime grace = *Lifetime::of_seconds(7LL * 86400);
    Lapse lapse = Lapse::suspend;
    std::optional<Lifetime> dormant_after{};
    Party reviewer = *Party::parse("owner");
};

/// BreakGlass: the role may be opened without asking, by identities made for that, with everybody told.
struct BreakGlass {
    Lifetime lifetime = *Lifetime::of_seconds(15LL * 60);
    bool second_person = false;
    Lifetime review_within = *Lifetime::of_seconds(24LL * 3600);
};

/// Group names people by their owner names.
struct Group {
    std::string name;
    std::vector<OwnerName> members;
};

/// Conflict: no identity and no owner holds two of these roles at once.
struct Conflict {
    std::vector<RoleName> roles;
    std::string why;
};

/// Who decides, in words: "owner, then 2 of group:security"; "none" when no approval is asked.
std::string text(const RequestRule& rule);
std::string text(const Approvers& approvers);

/// ticket_matches says whether a ticket has the shape a role wants.
bool ticket_matches(std::string_view pattern, std::string_view ticket);

}  // namespace mayfly::policy
