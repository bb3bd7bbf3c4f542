#pragma once
// Plan: what sshd should read, what must be done until it does, and when what we hold is due. Pure: no files, no
// network, no clock.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/probe.h"
#include "mayfly/api_node.h"
#include "mayfly/rng.h"

namespace mayfly::agent {

/// HostCertificate is one certificate line for one of sshd's host keys.
struct HostCertificate {
    std::string host_key;  ///< path of the private key
    std::string line;
};

/// TrustSet is everything that sshd reads from us, by file name inside one generation's folder.
struct TrustSet {
    std::map<std::string, std::string> files;
    bool operator==(const TrustSet&) const = default;
};

/// The drop-in as it was with this generation, kept inside it so that both go back together. No part of the TrustSet.
inline constexpr const char* kDropInFile = "drop-in.conf";

/// plan_trust parses everything again before it goes into a file: CA keys, account names, principals, certificates.
/// What the CA sends can therefore never become sshd syntax (auth2-pubkeyfile.c reads options before a principal).
/// `krl` is the revocation list, accepted before; "" when there is none yet.
Result<TrustSet> plan_trust(const api::NodeTrust& trust, const std::vector<HostCertificate>& certificates,
                            const std::string& krl = {});
/// add_canary lets sshd accept the canary certificate for the accounts of the set, with a command that does nothing.
/// False when the set would refuse it (its CA is none of the set's, or the set's list revokes it): then it is not
/// asked.
bool add_canary(const Canary& canary, TrustSet& set);
/// sshd_snippet is the configuration that points at `dir`. Mode only: certificates, no passwords, no key files, also
/// where a Match block further on would say otherwise. Mode both: certificates beside what there is; `keys_before` are
/// the key files that sshd read before us.
std::string sshd_snippet(const std::string& dir, const TrustSet& set, Mode mode = Mode::only,
                         const std::string& keys_before = {});

/// Observed is what there is on this host.
struct Observed {
    std::string current, proven;         ///< generations, "gen-7"; "" for none
    std::optional<TrustSet> set;         ///< of `current`; nullopt when it cannot be read
    std::optional<std::string> drop_in;  ///< where sshd includes it
    std::vector<std::string> written{};  ///< drop-ins as we wrote them, of the generations that are kept
    bool recorded = false;               ///< what was there before us is written down
    bool altered = false;                ///< the files of `current` are not as we wrote them
};

/// What is done, in this order. Each step leaves sshd in a state that lets in what the state before or the state after
/// lets in.
enum class Act {
    record,     ///< write down what was there before us
    write,      ///< a new generation, flushed
    judge,      ///< by sshd -t and ssh-keygen, with the whole of sshd's configuration
    switch_to,  ///< the link is renamed over
    put,        ///< the drop-in
    reload,     ///< sshd
    prove,      ///< ask sshd, and remember the generation as good
    forget,     ///< generations that nobody goes back to
    restore,    ///< what was there before us
};
struct Plan {
    std::vector<Act> acts;
    std::vector<std::string> mended{};  ///< what somebody changed and the acts undo, in words
    std::vector<std::string> left{};    ///< what somebody changed and stays
};
/// plan_acts decides from what there is and what should be. `wanted_drop_in` is for `current`.
Plan plan_acts(const Observed& observed, const TrustSet& wanted, const std::string& wanted_drop_in, Mode mode);
/// next_generation is the name after `current` ("gen-7" → "gen-8").
std::string next_generation(const std::string& current);

/// renew_at is a point between one half and three quarters of a validity, drawn once per certificate: many nodes that
/// started together do not renew together.
Instant renew_at(Instant after, Instant before, Rng& rng);

}  // namespace mayfly::agent
