#pragma once
// Letter: one entry of the log, ready to be told.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/log/event.h"

namespace mayfly::notify {

/// Letter's id is the same whenever and to whomever the entry is told: "msg_<index>_<32 hex of its leaf hash>", so that
/// a receiver can drop what it has, and find it in the log.
struct Letter {
    std::uint64_t index = 0;
    log::Event event;
    std::string id;
    std::string leaf_hash;  ///< hex of RFC 6962 section 2.1: SHA-256(0x00 || entry)
};
Result<Letter> read_letter(std::uint64_t index, ByteView entry);

/// summary is one line for people; commands are what they can do about it, with nothing in them but names.
std::string summary(const log::Event& event);
std::vector<std::string> commands(const log::Event& event);

/// webhook_body is the JSON that is signed and sent: type, timestamp and data, as Standard Webhooks has them.
std::string webhook_body(const Letter& letter, const std::string& log_origin);
/// mail_message is RFC 5322 text, lines ended by CRLF. It says nothing that the log does not say: what people wrote (a
/// reason, a comment) stays behind the CA's door, where the recipient may read it as themselves.
std::string mail_message(const Letter& letter, const std::string& log_origin, const std::string& from,
                         const std::string& to, Instant now);

}  // namespace mayfly::notify
