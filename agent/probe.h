#pragma once
// Probe: ask the sshd that runs, over the network as a client would, what it would let in. Nobody logs in.
//
// ssh offers public keys without signing: RFC 4252 section 7, "publickey" with FALSE, which sshd answers with "would be
// acceptable" after every check of a login but the signature. So the probe needs no private key, and no account opens.
// The canary certificate is for a key that nobody holds (lib/crypto/nobody.h); beside it a key that was made this
// moment and thrown away is offered, which nothing may accept.
#include <cstdint>
#include <string>
#include <vector>

#include "agent/settings.h"
#include "mayfly/keys.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::agent {

/// Canary is the certificate that sshd is asked about, as the CA gave it and as our own reader understood it.
struct Canary {
    std::string line, principal;
    std::uint64_t serial = 0;
    Instant until;
    PublicKey authority;
    Bytes blob;
};
/// accept_canary decides whether what the CA sent may be one: a user certificate for nobody's key, one principal (this
/// node's), nothing that a session could use.
Result<Canary> accept_canary(const std::string& line, const NodeName& node);

/// Answer is what sshd said to one connection.
struct Answer {
    enum class Heard { refused_connection, nothing, all };
    Heard heard = Heard::nothing;        ///< nothing: it did not come to the question (busy, too slow, other protocol)
    bool certificate = false;            ///< the canary would be let in
    bool stranger = false;               ///< so would a key that was made this moment
    std::vector<std::string> methods{};  ///< "Authentications that can continue"
    std::string host_authority{};  ///< SHA256:… of the CA of the host certificate that sshd showed; "" for a bare key
    std::uint64_t host_serial = 0;
};
/// read_answer reads what `ssh -v` wrote. Pure.
Answer read_answer(std::string_view words, const std::string& canary_file, const std::string& stranger_file);

/// is_listening: somebody takes connections there.
bool is_listening(const Address& address);
/// ask_sshd makes one connection. `folder` is a private one for the files that ssh reads; "" for `canary` offers none.
Result<Answer> ask_sshd(const Address& address, const std::string& account, const std::string& canary,
                        const std::string& folder);

}  // namespace mayfly::agent
