#pragma once
// The words between the root part and the network part: a closed table, each a length-prefixed frame on a socketpair.
//
//   frame = u32 length || u8 version || u8 verb || payload       length <= kLargestFrame
//
// Encoding is RFC 4251's. The root part asks, the network part answers each question once, in order. A frame that is
// not in the table, or has a byte too many, ends the network part; at the root part it ends the conversation, and the
// network part with it.
#include <chrono>
#include <cstdint>
#include <variant>

#include "lib/client/http.h"

namespace mayfly::agent {

inline constexpr std::uint8_t kNetworkFrameVersion = 1;
/// An answer of the CA is at most 8 MiB (lib/client/http.cpp), and what goes with it is small.
inline constexpr std::uint32_t kLargestNetworkFrame = 9U << 20;

/// What the root part asks.
struct OpenPeer {
    client::Peer peer;
    bool known = false;  ///< with a credential
    client::Credential credential;
};
struct Get {
    std::string path;
};
/// Post sends JSON. `idempotency_key` and `proof` are the two headers that our requests have ("" for none).
struct Post {
    std::string path, body, idempotency_key, proof;
};
using Question = std::variant<OpenPeer, Get, Post>;

/// What the network part answers.
struct Ready {
    bool landlock = false;  ///< what the kernel lent to its confinement
};
struct PeerOpened {};
/// Answered is what the server said. `date` is its Date header, "" when it sent none.
struct Answered {
    int status = 0;
    std::string body, date;
};
using NetworkAnswer = std::variant<Ready, PeerOpened, Answered, Error>;

/// The bytes hold a private key when the question is OpenPeer.
Secret encode_question(const Question& question);
Result<Question> parse_question(ByteView frame);
Bytes encode_answer(const NetworkAnswer& answer);
/// What the network part says about failures is for people: it is cut short and made printable, and its code is one of
/// those that a transport has.
Result<NetworkAnswer> parse_answer(ByteView frame);

/// Frame I/O. `until` bounds the whole frame; end of file and lateness are unavailable, a length out of bounds is
/// malformed.
using Deadline = std::chrono::steady_clock::time_point;
Status send_frame(int socket, ByteView frame, Deadline until);
Result<Secret> receive_frame(int socket, Deadline until);

}  // namespace mayfly::agent
