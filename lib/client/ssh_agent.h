#pragma once
// SshAgent: a client of ssh-agent (draft-miller-ssh-agent). Replies are bounded and read strictly. Not thread-safe.
#include <string>
#include <vector>

#include "lib/crypto/crypto.h"
#include "mayfly/keys.h"
#include "mayfly/time.h"

namespace mayfly::client {

class SshAgent {
public:
    /// Connects to $SSH_AUTH_SOCK. not_found when there is no agent.
    static Result<SshAgent> connect();
    /// Connects to a socket of this user's own; whoever else listens there is not talked to.
    static Result<SshAgent> connect_to(const std::string& path);
    SshAgent(SshAgent&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    SshAgent& operator=(SshAgent&&) = delete;
    ~SshAgent();

    struct Entry {
        PublicKey key;
        std::string comment;
    };
    /// Plain keys that Mayfly supports; certificates and others are skipped.
    Result<std::vector<Entry>> list();
    /// The SSH signature blob over `data` (rsa-sha2-512 for RSA).
    Result<Bytes> sign(const PublicKey& key, ByteView data);
    /// Adds an Ed25519 key with its certificate; the agent forgets it after `lifetime`.
    Status add_certificate(ByteView certificate, const crypto::PrivateKey& ed25519, const std::string& comment,
                           Lifetime lifetime);

    /// Sends one message and wants "success".
    Status tell(ByteView message);

private:
    explicit SshAgent(int socket) : socket_(socket) {}
    Result<Bytes> ask(ByteView request);
    int socket_;
};

}  // namespace mayfly::client
