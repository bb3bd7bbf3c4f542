#pragma once
// What the audit verbs share.
#include <optional>

#include "cli/verbs.h"
#include "lib/log/audit.h"

namespace mayfly::cli {

/// PinnedLog is whose log is checked: by default the context's, or a key given on the command line.
struct PinnedLog {
    std::string vkey;    ///< --log-key
    std::string policy;  ///< --witness-policy: a file that says whose cosignatures are needed
    void add_options(Verb verb);
    void add_policy(Verb verb);
    [[nodiscard]] Result<log::VerifierKey> key(const Globals& globals) const;
    /// Needs the quorum when a policy was given; names who cosigned.
    [[nodiscard]] Result<std::vector<std::string>> cosigned(std::string_view signed_checkpoint) const;
};

/// What `verify --proof` is told.
struct IssuedFlags {
    PinnedLog log;
    std::string certificate, proof, leaf;
};
/// verify_issued checks offline that the log says of exactly this certificate that it was issued, whenever that was.
Result<int> verify_issued(const Globals& globals, const IssuedFlags& flags);

/// The log as the CA publishes it: the newest head, tiles and entries.
log::FileReader published(Session& session);
/// Entries with their places, as `audit tail` shows them.
Answer answer_of(const std::vector<std::pair<std::int64_t, Bytes>>& entries);

void add_audit_check_verbs(Verb audit, Cli& cli);  ///< audit verify, export
void add_audit_proof_verbs(Verb audit, Cli& cli);  ///< audit prove, consistency
void add_audit_read_verbs(Verb audit, Cli& cli);   ///< audit search, show

}  // namespace mayfly::cli
