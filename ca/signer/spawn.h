#pragma once
// How the CA gets its signer: a child process over a socketpair, or (tests, init) the same core in this process.
#include <memory>
#include <optional>
#include <string>

#include "ca/signer/signer.h"
#include "lib/crypto/crypto.h"
#include "mayfly/time.h"

namespace mayfly::signer {

/// Envelope is what this signer would ever sign, from root-owned configuration, whatever the CA asks for.
struct Envelope {
    Lifetime longest_ssh_user = *Lifetime::of_seconds(24 * 3600);
    Lifetime longest_ssh_host = *Lifetime::of_seconds(7 * 24 * 3600);
    Lifetime longest_x509 = *Lifetime::of_seconds(7 * 24 * 3600);
    Lifetime longest_crl = *Lifetime::of_seconds(7 * 24 * 3600);  ///< until a list's next update
    std::int64_t clock_slack_seconds = 300;  ///< valid_after may not lie further from the signer's clock
};

/// ChildOptions says where the child finds what it opens before it locks itself in.
struct ChildOptions {
    std::string program;             ///< path of mayfly-signer
    std::string keys_dir;            ///< *.sealed
    std::string passphrase_file;     ///< read by the child; never seen by the CA's process
    std::string journal;             ///< append-only, created if absent, mode 0600
    std::string issuer_certificate;  ///< issuing CA certificate (PEM): name, key identifier, end of validity
    std::string log_origin;
    std::string user;  ///< account to become when started as root; "" keeps the user
    Envelope envelope;
};

/// spawn_child forks and execs the signer, waits until it says that it is locked in, and returns the client. Call it
/// before any listener opens and before threads start. Distinct errors: wrong passphrase (denied, E-UNSEAL), key file
/// readable by others (untrusted, E-KEY-MODE, names the path), same key twice (E-KEY-REUSE), cannot start
/// (unavailable). The child dies with the CA (PR_SET_PDEATHSIG) and when the socket closes.
Result<std::unique_ptr<Signer>> spawn_child(const ChildOptions& options);

/// Keys of the in-process signer.
struct Keys {
    crypto::PrivateKey x509, ssh_user, ssh_host, log;
};
/// in_process runs the same core without a child: for init and for tests. `journal` empty: none is kept.
Result<std::unique_ptr<Signer>> in_process(Keys keys, std::string issuer_certificate_pem, std::string log_origin,
                                           Envelope envelope, const Clock& clock, const std::string& journal);

}  // namespace mayfly::signer
