#pragma once
// WitnessPolicy: whose word about a log counts, as a file in the C2SP tlog-policy form:
//   log <vkey> [<url>]
//   witness <name> <vkey> [<url>]
//   group <name> all|any|<k> <names…>
//   quorum <name>|none
// Exactly one quorum line. Names are defined before they are used, each is a member of at most one group.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/cosignature.h"

namespace mayfly::log {

class WitnessPolicy {
public:
    struct Log {
        VerifierKey key;
        std::string url;
    };
    struct Witness {
        std::string name;  ///< within the policy
        WitnessKey key;
        std::string url;  ///< submission prefix; "" when none
    };
    /// Malformed (E-WITNESS-POLICY) with the line's number.
    static Result<WitnessPolicy> parse(std::string_view text);

    [[nodiscard]] const std::vector<Log>& logs() const { return logs_; }
    [[nodiscard]] const std::vector<Witness>& witnesses() const { return witnesses_; }
    /// Whether these witnesses (by their names in the policy) make up the quorum. `quorum none` always holds.
    [[nodiscard]] bool satisfied_by(const std::set<std::string>& names) const;

private:
    struct Group {
        std::size_t need = 0;
        std::vector<std::string> members;
    };
    friend class PolicyReader;
    [[nodiscard]] bool holds(const std::string& name, const std::set<std::string>& names) const;
    std::vector<Log> logs_;
    std::vector<Witness> witnesses_;
    std::map<std::string, Group> groups_;
    std::string quorum_;  ///< "none", or the name of a witness or group
};

/// check_quorum verifies the cosignatures on a checkpoint note: untrusted (E-QUORUM) when too few of them count,
/// corrupt when one that should count fails. Returns the names that cosigned. The log's own signature is not looked at.
Result<std::set<std::string>> check_quorum(const Note& note, const WitnessPolicy& policy);

}  // namespace mayfly::log
