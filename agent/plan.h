#pragma once
// Plan: what sshd should read, and when what we hold is due. Pure: no files, no network, no clock.
#include <map>
#include <string>
#include <vector>

#include "agent/config.h"
#include "mayfly/api.h"
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

/// plan_trust parses everything again before it goes into a file: CA keys, account names, principals, certificates.
/// What the CA sends can therefore never become sshd syntax (auth2-pubkeyfile.c reads options before a principal).
/// `krl` is the revocation list, accepted before; "" when there is none yet.
Result<TrustSet> plan_trust(const api::NodeTrust& trust, const std::vector<HostCertificate>& certificates,
                            const std::string& krl = {});
/// sshd_snippet is the configuration that points at `dir`: only certificates, no passwords, no key files.
std::string sshd_snippet(const std::string& dir, const TrustSet& set);
/// renew_at is a point between one half and three quarters of a validity, drawn once per certificate: many nodes that
/// started together do not renew together.
Instant renew_at(Instant after, Instant before, Rng& rng);

}  // namespace mayfly::agent
