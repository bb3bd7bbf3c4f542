#pragma once
// What sshd says in its log about certificates: who got in, and when they left. Pure.
//
// The lines are foreign text: whoever logs in chooses parts of them (a key id may hold anything that its CA signed, and
// sshd writes it without quotes). They are read from both ends by fixed words, never searched for what one hopes to
// find.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace mayfly::agent {

/// Opened: sshd accepted a certificate.
struct Opened {
    std::string account;
    std::string source;  ///< "192.0.2.7 port 51234"
    std::string key;     ///< SHA256: fingerprint of the certified key
    std::string key_id;  ///< printable, at most 255 characters
    std::uint64_t serial = 0;
    std::string ca;  ///< SHA256: fingerprint of the CA key
    bool operator==(const Opened&) const = default;
};
/// Closed: the connection of somebody who was logged in has ended.
struct Closed {
    std::string account, source;
    bool operator==(const Closed&) const = default;
};
/// OldWay: sshd let somebody in without a certificate.
struct OldWay {
    std::string account;  ///< printable
    std::string source;
    std::string how;  ///< as sshd names it: "publickey", "password", "keyboard-interactive/pam", …
    std::string key;  ///< SHA256: fingerprint; "" where none was used
    bool operator==(const OldWay&) const = default;
};
using LogFact = std::variant<Opened, Closed, OldWay>;

/// parse_sshd_message reads one message of sshd, without time and tag. nullopt: it says nothing of this kind.
std::optional<LogFact> parse_sshd_message(std::string_view message);

/// SyslogLine is one line of a syslog file; `message` borrows from it.
struct SyslogLine {
    std::string_view tag;  ///< "sshd", "sshd-session", …
    std::string_view message;
};
/// split_syslog takes "Nov 21 10:28:23 host sshd[123]: …" or "2026-11-21T10:28:23.1+00:00 host sshd[123]: …" apart.
std::optional<SyslogLine> split_syslog(std::string_view line);

}  // namespace mayfly::agent
