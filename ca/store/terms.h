#pragma once
// Terms: what a certificate says besides whose it is, its serial, its key and its times. Thousands have them in common,
// so they stand once in certificate_terms, and in each certificate's row their number. They stay when the certificate's
// own bytes go (thinning.h): whoever decides about a certificate again, or asks what a role is used for, reads them.
#include <cstdint>
#include <string>
#include <vector>

#include "ca/steps/steps.h"
#include "ca/store/sqlite.h"

namespace mayfly::store {

struct Terms {
    PublicKey key;                                  ///< algorithm, size, application: what kind of key; not which
    std::vector<std::string> names;                 ///< principals, or names as SubjectName::tagged writes them
    std::vector<wire::SshOption> critical_options;  ///< SSH
    std::vector<std::string> extensions;            ///< SSH
    std::string usage;                              ///< X.509: "server", "client", "server, client"
    std::string policy_version;
    bool operator==(const Terms&) const = default;
};

Terms terms_of(const steps::Spec& spec);
/// One text for equal terms, and back.
std::string encode_terms(const Terms& terms);
Result<Terms> parse_terms(std::string_view text);

/// Where terms stand in the store: `hash` finds them.
struct TermsText {
    explicit TermsText(const Terms& terms);
    std::string text;
    Digest hash;
};
/// keep_terms returns the number under which these terms stand, in a transaction that is open.
Result<std::int64_t> keep_terms(Database& database, const TermsText& terms);

}  // namespace mayfly::store
