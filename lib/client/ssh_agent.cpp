#include "lib/client/ssh_agent.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::client {

namespace {

// draft-miller-ssh-agent section 6.
constexpr std::uint8_t kSuccess = 6, kRequestIdentities = 11, kIdentitiesAnswer = 12, kSignRequest = 13,
                       kSignResponse = 14, kAddIdConstrained = 25, kConstrainLifetime = 1;
constexpr std::uint32_t kRsaSha2_512 = 4;
constexpr std::uint32_t kLargestMessage = 256 * 1024;

tl::unexpected<Error> refused(const char* what) {
    return fail(Code::unavailable, std::string("ssh-agent ") + what, "E-AGENT", {}, "ssh-add -l shows what it holds");
}

}  // namespace

Result<SshAgent> SshAgent::connect() {
    const char* path = std::getenv("SSH_AUTH_SOCK");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof address.sun_path)
        return fail(Code::not_found, "no ssh-agent is running", "E-AGENT", "SSH_AUTH_SOCK is not set",
                    "eval $(ssh-agent), or write files with --out PATH");
    std::strcpy(address.sun_path, path);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SshAgent agent(socket);
    if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(Code::not_found, std::string("cannot reach ssh-agent: ") + std::strerror(errno), "E-AGENT", {},
                    "eval $(ssh-agent), or write files with --out PATH");
    return agent;
}

Result<SshAgent> SshAgent::connect_to(const std::string& path) {
    const auto unreachable = [&](const char* why) {
        return fail(Code::not_found, "no agent of ours answers at " + path, "E-AGENT", why, "mayfly ssh agent start");
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return unreachable("the path is too long for a socket");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SshAgent agent(socket);
    const timeval patience{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return unreachable(std::strerror(errno));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid())
        return unreachable("another user's program listens there");
    return agent;
}

Status SshAgent::tell(ByteView message) {
    const auto reply = ask(message);
    if (!reply) return pass(reply.error());
    if (reply->size() != 1 || reply->front() != kSuccess) return refused("refused");
    return {};
}

SshAgent::~SshAgent() {
    if (socket_ >= 0) ::close(socket_);
}

Result<Bytes> SshAgent::ask(ByteView request) {
    wire::Writer framed;
    framed.string(request);
    ByteView rest = framed.bytes();
    while (!rest.empty()) {
        const ssize_t put = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return refused("does not answer");
        rest = rest.subspan(static_cast<std::size_t>(put));
    }
    const auto receive = [&](std::size_t size) -> Result<Bytes> {
        Bytes out(size);
        for (std::size_t have = 0; have < size;) {
            const ssize_t got = ::recv(socket_, out.data() + have, size - have, 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return refused("closed the connection");
            have += static_cast<std::size_t>(got);
        }
        return out;
    };
    const auto header = receive(4);
    if (!header) return header;
    wire::Reader reader(*header);
    const auto length = reader.u32("length");
    if (!length || *length == 0 || *length > kLargestMessage) return refused("sent a message that is not one");
    return receive(*length);
}

Result<std::vector<SshAgent::Entry>> SshAgent::list() {
    const auto reply = ask(Bytes{kRequestIdentities});
    if (!reply) return pass(reply.error());
    wire::Reader in(*reply);
    const auto type = in.u8("type");
    const auto count = in.u32("count");
    if (!type || *type != kIdentitiesAnswer || !count || *count > 2048) return refused("did not list its keys");
    std::vector<Entry> out;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto blob = in.string("key");
        const auto comment = in.text("comment");
        if (!blob || !comment) return refused("sent a list that is not one");
        if (auto key = wire::parse_ssh_key(*blob)) out.push_back({std::move(*key), *comment});
    }
    if (!in.empty()) return refused("sent a list that is not one");
    return out;
}

Result<Bytes> SshAgent::sign(const PublicKey& key, ByteView data) {
    wire::Writer request;
    request.u8(kSignRequest)
        .string(wire::encode_ssh_key(key))
        .string(data)
        .u32(key.algorithm == KeyAlgorithm::rsa ? kRsaSha2_512 : 0);
    const auto reply = ask(request.bytes());
    if (!reply) return reply;
    wire::Reader in(*reply);
    const auto type = in.u8("type");
    if (!type || *type != kSignResponse) return refused("refused to sign");
    const auto signature = in.string("signature");
    if (!signature || !in.empty()) return refused("sent a signature that is not one");
    return to_bytes(*signature);
}

Status SshAgent::add_certificate(ByteView certificate, const crypto::PrivateKey& key, const std::string& comment,
                                 Lifetime lifetime) {
    const auto seed = key.ed25519_seed();
    if (!seed) return pass(seed.error());
    Bytes both = to_bytes(seed->reveal());
    both.insert(both.end(), key.public_key().point.begin(), key.public_key().point.end());
    const Secret pair(std::move(both));
    wire::Writer request;
    request.u8(kAddIdConstrained)
        .string("ssh-ed25519-cert-v01@openssh.com")
        .string(certificate)
        .string(key.public_key().point);
    request.string(pair.reveal())
        .string(comment)
        .u8(kConstrainLifetime)
        .u32(static_cast<std::uint32_t>(lifetime.seconds()));
    const Secret message(request.take());
    const auto reply = ask(message.reveal());
    if (!reply) return pass(reply.error());
    if (reply->size() != 1 || reply->front() != kSuccess) return refused("refused the certificate");
    return {};
}

}  // namespace mayfly::client
