#pragma once
// The words between the CA and its signer: a closed table of verbs, each a length-prefixed frame on one of two
// socketpairs.
//
//   frame   = u32 length || body           length <= kLargestFrame
//   request = u8 version || u8 verb || payload
//   reply   = u8 version || u8 verb || u8 0 || payload     or     … || u8 1 || error
//
// Encoding is RFC 4251's. Facts do not carry the issuer's key or name: the signer adds its own.
#include <cstdint>
#include <span>
#include <vector>

#include "ca/signer/signer.h"

namespace mayfly::signer {

inline constexpr std::uint32_t kLargestFrame = 1 << 20;
inline constexpr std::size_t kMostPerFrame = 64;
inline constexpr std::uint8_t kFrameVersion = 1;

enum class Verb : std::uint8_t { ready = 0, describe = 1, sign_certificates = 2, sign_checkpoint = 3, sign_crl = 4 };

/// Sockets of one side: on `heads` the CA asks for checkpoints and nothing else, on `orders` for everything else.
struct Sockets {
    int orders = -1, heads = -1;
};

/// Order is one certificate to sign.
struct Order {
    steps::IssuerId issuer = steps::IssuerId::x509;
    steps::CertificateFacts facts;
};

Bytes encode_describe();
/// At most kMostPerFrame of them.
Bytes encode_orders(std::span<const Order> orders);
Bytes encode_checkpoint_order(const CheckpointOrder& order);

/// request_verb reads version and verb; the payload follows. Fails for versions and verbs that are not in the table.
Result<Verb> request_verb(ByteView body);
Result<std::vector<Order>> parse_orders(ByteView body);
Result<CheckpointOrder> parse_checkpoint_order(ByteView body);

Bytes encode_error_reply(Verb verb, const Error& error);
Bytes encode_ready_reply();
Bytes encode_description_reply(const Description& description);
Bytes encode_certificates_reply(const std::vector<Result<Bytes>>& results);
Bytes encode_checkpoint_reply(std::string_view note);
Bytes encode_crl_reply(ByteView crl);

/// The reply's payload after the status byte; an error reply becomes that Error. `verb` must match.
Result<ByteView> open_reply(Verb verb, ByteView body);
Result<Description> parse_description(ByteView payload);
Result<std::vector<Result<Bytes>>> parse_certificates(ByteView payload, std::size_t expected);
Result<std::string> parse_note_reply(ByteView payload);
Result<Bytes> parse_crl_reply(ByteView payload);

/// Blocking frame I/O on a socket; EINTR is retried. End of file is unavailable.
Status write_frame(int socket, ByteView body);
Result<Bytes> read_frame(int socket);

}  // namespace mayfly::signer
