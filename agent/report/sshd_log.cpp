#include "agent/report/sshd_log.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLongestMessage = 8192, kLongestKeyId = 255, kLongestMethod = 40, kLongestAccount = 64;

/// Takes `word` off the front.
bool skip(std::string_view& rest, std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
}

/// Takes what stands before the next space off the front, and the space.
std::string_view next(std::string_view& rest) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

/// Takes what stands after the last space off the end, and the space.
std::string_view last(std::string_view& rest) {
    const auto space = rest.rfind(' ');
    const auto from = space == std::string_view::npos ? 0 : space + 1;
    const auto word = rest.substr(from);
    rest = rest.substr(0, space == std::string_view::npos ? 0 : space);
    return word;
}

bool drop_last(std::string_view& rest, std::string_view word) { return last(rest) == word; }

template <class Integer>
bool number(std::string_view text, Integer& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool is_address(const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> out{};
    const auto zone = text.find('%');  // fe80::1%eth0
    const std::string bare = text.substr(0, zone);
    return ::inet_pton(AF_INET, bare.c_str(), out.data()) == 1 || ::inet_pton(AF_INET6, bare.c_str(), out.data()) == 1;
}

/// "ADDRESS port N" at the front.
std::optional<std::string> take_source(std::string_view& rest) {
    const std::string address(next(rest));
    std::uint16_t port = 0;
    if (!is_address(address) || next(rest) != "port" || !number(next(rest), port)) return std::nullopt;
    return printable(address) + " port " + std::to_string(port);
}

bool is_fingerprint(std::string_view text) { return wire::parse_fingerprint(text).has_value(); }

/// sshd prints the type without "ssh-": "ED25519-CERT", "ECDSA-CERT", "RSA-CERT", "ED25519-SK-CERT".
bool is_type(std::string_view text) {
    return !text.empty() && text.size() < 32 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
}

/// auth.c, auth_log: "Accepted publickey for ACCOUNT from ADDRESS port N ssh2: " and, of auth2-pubkey.c, format_key:
/// "TYPE FINGERPRINT ID KEYID (serial N) CA TYPE FINGERPRINT".
std::optional<LogFact> parse_opened(std::string_view rest) {
    const auto account = AccountName::parse(next(rest));
    if (!account || !skip(rest, "from ")) return std::nullopt;
    const auto source = take_source(rest);
    if (!source || !skip(rest, "ssh2: ")) return std::nullopt;
    const auto type = next(rest);
    const std::string key(next(rest));
    if (!is_type(type) || !type.ends_with("-CERT") || !is_fingerprint(key) || !skip(rest, "ID ")) return std::nullopt;
    // The rest is the key id and then four fixed fields; from the end, so that nothing in the key id can stand for
    // them.
    const std::string ca(last(rest));
    const auto ca_type = last(rest);
    if (!is_fingerprint(ca) || !is_type(ca_type) || !drop_last(rest, "CA")) return std::nullopt;
    auto serial_text = last(rest);
    std::uint64_t serial = 0;
    if (!serial_text.ends_with(')') || !number(serial_text.substr(0, serial_text.size() - 1), serial) ||
        !drop_last(rest, "(serial"))
        return std::nullopt;
    return Opened{account->text(), *source, key, printable(rest).substr(0, kLongestKeyId), serial, ca};
}

/// auth.c, auth_log: "Accepted METHOD for ACCOUNT from ADDRESS port N ssh2", and ": TYPE FINGERPRINT" for a bare key.
std::optional<LogFact> parse_old_way(std::string_view rest) {
    const std::string how = printable(next(rest));
    if (how.empty() || how.size() > kLongestMethod || !skip(rest, "for ")) return std::nullopt;
    // Accounts that certificates cannot name are let in as well.
    const std::string account = printable(next(rest)).substr(0, kLongestAccount);
    if (account.empty() || !skip(rest, "from ")) return std::nullopt;
    const auto source = take_source(rest);
    if (!source || !skip(rest, "ssh2")) return std::nullopt;
    if (!skip(rest, ": ")) return OldWay{account, *source, how, ""};
    const auto type = next(rest);
    const std::string key(next(rest));
    if (!is_type(type) || type.ends_with("-CERT") || !is_fingerprint(key)) return std::nullopt;
    return OldWay{account, *source, how, key};
}

/// "ACCOUNT ADDRESS port N", and for some more after it.
std::optional<LogFact> parse_closed(std::string_view rest) {
    const auto account = AccountName::parse(next(rest));
    if (!account) return std::nullopt;
    const auto source = take_source(rest);
    if (!source) return std::nullopt;
    return Closed{account->text(), *source};
}

}  // namespace

std::optional<LogFact> parse_sshd_message(std::string_view message) {
    while (!message.empty() && (message.back() == '\n' || message.back() == '\r')) message.remove_suffix(1);
    if (message.size() > kLongestMessage) return std::nullopt;
    if (skip(message, "Accepted ")) {
        auto rest = message;
        if (skip(rest, "publickey for "))
            if (const auto opened = parse_opened(rest)) return opened;
        return parse_old_way(message);
    }
    // packet.c, sshpkt_vfatal and serverloop.c: somebody who is logged in is "user NAME", all others are something
    // else.
    for (const auto* start :
         {"Disconnected from user ", "Connection closed by user ", "Connection reset by user ",
          "Timeout, client not responding from user ", "Disconnecting user ", "Connection from user "})
        if (skip(message, start)) {
            // "Disconnecting user NAME ADDRESS port N: reason"
            const auto colon = message.find(": ");
            const bool reasoned = std::string_view(start) == "Disconnecting user ";
            return parse_closed(reasoned && colon != std::string_view::npos ? message.substr(0, colon) : message);
        }
    return std::nullopt;
}

std::optional<SyslogLine> split_syslog(std::string_view line) {
    constexpr std::size_t kOldTime = 16;  // "Nov 21 10:28:23 "
    if (line.size() < kOldTime) return std::nullopt;
    if (line[0] >= '0' && line[0] <= '9')
        (void)next(line);
    else if (line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == ' ')
        line.remove_prefix(kOldTime);
    else
        return std::nullopt;
    (void)next(line);  // the host
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) return std::nullopt;
    auto tag = line.substr(0, colon);
    if (tag.find(' ') != std::string_view::npos) return std::nullopt;
    const auto bracket = tag.find('[');
    if (bracket == std::string_view::npos || !tag.ends_with(']')) return std::nullopt;
    std::uint32_t process = 0;
    if (!number(tag.substr(bracket + 1, tag.size() - bracket - 2), process)) return std::nullopt;
    return SyslogLine{tag.substr(0, bracket), line.substr(colon + 2)};
}

}  // namespace mayfly::agent
