#pragma once
// The requests that a client of ssh-agent makes (draft-ietf-sshm-ssh-agent; OpenSSH's PROTOCOL.agent), read strictly,
// and the replies. Our agent signs with certificates that it got itself: what would put other keys into it is known by
// name only, and refused.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::ssh_agent {

/// The longest message that is read, in either direction: OpenSSH's own limit (AGENT_MAX_LEN).
constexpr std::uint32_t kLongestMessage = 256 * 1024;

struct ListRequest {
    bool operator==(const ListRequest&) const = default;
};
struct SignRequest {
    Bytes key;   ///< blob of the key or certificate
    Bytes data;  ///< what is to be signed
    std::uint32_t flags = 0;
    bool operator==(const SignRequest&) const = default;
};
/// BindRequest says to which SSH session the connection belongs: session-bind@openssh.com, PROTOCOL.agent section 1.
struct BindRequest {
    Bytes host_key;    ///< blob of the host's key or certificate
    Bytes session_id;  ///< of the SSH transport
    Bytes signature;   ///< by the host key, over the session id
    bool forwarding = false;
    bool operator==(const BindRequest&) const = default;
};
struct RemoveAllRequest {
    bool operator==(const RemoveAllRequest&) const = default;
};
/// QueryRequest asks which extensions there are.
struct QueryRequest {
    bool operator==(const QueryRequest&) const = default;
};
/// RefreshRequest is ours, refresh@mayfly: look at the session, the roles and the revocation list at once.
struct RefreshRequest {
    bool operator==(const RefreshRequest&) const = default;
};
/// StopRequest is ours, stop@mayfly: forget all keys and end.
struct StopRequest {
    bool operator==(const StopRequest&) const = default;
};
/// OtherRequest is well formed as far as its type; what it asks for is not done here.
struct OtherRequest {
    std::uint8_t type = 0;
    bool extension = false;
    bool operator==(const OtherRequest&) const = default;
};
using Request = std::variant<ListRequest, SignRequest, BindRequest, RemoveAllRequest, QueryRequest, RefreshRequest,
                             StopRequest, OtherRequest>;

/// parse_request reads the bytes of one message, without its length. Fails with malformed: the connection ends.
Result<Request> parse_request(ByteView message);
/// encode_request is its inverse for what our own programs send. OtherRequest becomes its type alone.
Bytes encode_request(const Request& request);

/// Identity is one line of the answer to a ListRequest.
struct Identity {
    Bytes key;
    std::string comment;
};
Bytes identities(const std::vector<Identity>& list);
/// signature blob: string(algorithm) || string(signature).
Bytes signed_answer(ByteView signature_blob);
Bytes success();
Bytes failure();
/// The two ways to refuse an extension: not known, and known but not done.
Bytes extension_failure();
Bytes query_answer();

/// Authentication is what ssh has signed to log in (RFC 4252 section 7; publickey-hostbound-v00@openssh.com).
struct Authentication {
    Bytes session_id;
    std::string user;
    Bytes key;                      ///< blob of the key or certificate that is offered
    std::optional<Bytes> host_key;  ///< hostbound: the host that it is meant for
};
/// parse_authentication reads it strictly. Anything else that somebody wants signed is malformed.
Result<Authentication> parse_authentication(ByteView data);

}  // namespace mayfly::ssh_agent
