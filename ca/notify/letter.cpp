#include "ca/notify/letter.h"

#include <array>

#include "lib/log/merkle.h"
#include "lib/wire/http_date.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::notify {

namespace {

/// What is said of an event. {actor}, {owner}, {subject} and {member of data} stand for the event's own words.
struct Saying {
    std::string_view type, summary, command;
};
constexpr std::array kSayings = {
    Saying{"breakglass.asked",
           "{actor} wants to break the glass of {role} on {node} and waits for a second person: {second}",
           "mayfly breakglass join {wait}"},
    Saying{"breakglass.closed", "{glass} ({role}) was closed before its end", "mayfly breakglass show {glass}"},
    Saying{"breakglass.opened",
           "ALARM: {actor} broke the glass of {role} on {node}, until {until}; {reviewer} reviews it by {review_due}",
           "mayfly breakglass show {glass}"},
    Saying{"breakglass.overdue", "nobody reviewed {subject} ({role}) in time; {reviewer} was asked until {due}",
           "mayfly breakglass list --unreviewed"},
    Saying{"breakglass.recorded", "a use of the emergency key by {by} on {node} came in with its record",
           "mayfly breakglass list --unreviewed"},
    Saying{"breakglass.reviewed", "{subject} ({role}) was reviewed by {reviewer}: {outcome}", ""},
    Saying{"breakglass.unrecorded", "ALARM: the emergency key was used as {account}, and no record explains it: {why}",
           "mayfly session show {session}"},
    Saying{"breakglass.used", "ALARM: the emergency key opened a session as {account} on {subject}",
           "mayfly session show {session}"},
    Saying{"breakglass.withdrawn", "nodes trust the emergency key no longer", ""},
    Saying{"certificate.issued", "certificate {serial} of {subject} was issued",
           "mayfly audit search --serial {serial}"},
    Saying{"door.refused", "{count} credentials from {address} were refused at the door {subject}", ""},
    Saying{"found.drift", "ALARM: something that opens doors beside certificates appeared on {subject}",
           "mayfly inventory found"},
    Saying{"found.reported", "{subject} looked at itself for the first time", "mayfly inventory found"},
    Saying{"grant.created", "{by} granted {role} to {subject} until {until}", "mayfly role grants"},
    Saying{"identity.created", "{actor} created {subject}; {owner} answers for it", "mayfly identity list"},
    Saying{"log.rolled_back", "the CA went on with an older database: the log forked at {size}", "mayfly audit verify"},
    Saying{"login.refused", "a session was refused to {subject} at {door}", ""},
    Saying{"node.cloned",
           "ALARM: two machines hold the identity {subject}; the one with certificate {serial} was stopped",
           "mayfly identity show {subject}"},
    Saying{"node.joined", "{subject} joined", ""},
    Saying{"node.returned", "{subject} came back with a certificate that had ended at {ended}", ""},
    Saying{"notify.dead", "{subject} did not take entry {entry} ({event}) after {tries} attempts: {why}",
           "mayfly notify show {letter}"},
    Saying{"owner.created", "{actor} made {subject} an owner", "mayfly owner list"},
    Saying{"policy.applied", "policy {policy_version} is in force", "mayfly role list"},
    Saying{"renewal.ordered", "{actor} has {subject} renewed until {until}", ""},
    Saying{"request.approved", "{request} of {subject} for {role} was approved by {by}, until {ends}",
           "mayfly request show {request}"},
    Saying{"request.cancelled", "{request} of {subject} for {role} was taken back", "mayfly request show {request}"},
    Saying{"request.denied", "{request} of {subject} for {role} was denied", "mayfly request show {request}"},
    Saying{"request.ended", "{request} of {subject} for {role} ended: {why}", "mayfly request show {request}"},
    Saying{"request.escalated", "{request} of {subject} for {role} still waits; now asked: {asked}",
           "mayfly request show {request}"},
    Saying{"request.expired", "{request} of {subject} for {role} ended in silence, which is a denial",
           "mayfly request show {request}"},
    Saying{"request.opened",
           "{subject} asks for {role} ({request} {ticket}); asked: {asked}; silence until {expires} is a denial",
           "mayfly request show {request}"},
    Saying{"request.word", "{by} says {verdict} to {request} of {subject} for {role}", "mayfly request show {request}"},
    Saying{"request.refused", "{actor} asked for what they may not have: {kind} {role}",
           "mayfly audit search --identity {actor} --type request.refused"},
    Saying{"revocation.recorded", "{actor} revoked {certificates} certificates of {subject}",
           "mayfly audit search --type revocation.recorded"},
    Saying{"token.created", "{actor} made a join token for {subject}", "mayfly token list"},
    Saying{"workload.trouble", "ALARM: the certificate of {subject} ({role}) on {node} is {what}",
           "mayfly-agent workloads"},
};

std::string text_of_value(const wire::Json& value) {
    if (const auto* text = value.string()) return printable(*text);
    if (const auto* number = value.integer()) return std::to_string(*number);
    if (const auto* flag = value.boolean()) return *flag ? "true" : "false";
    std::string out;
    if (const auto* list = value.array())
        for (const auto& item : *list) out += (out.empty() ? "" : ", ") + text_of_value(item);
    return out;
}

std::string word_of(const log::Event& event, std::string_view name) {
    if (name == "actor") return printable(event.actor.empty() ? "somebody unknown" : event.actor);
    if (name == "owner") return printable(event.owner);
    if (name == "subject") return printable(event.subject);
    const auto found = event.data.find(std::string(name));
    return found == event.data.end() ? std::string() : text_of_value(found->second);
}

std::string filled(std::string_view pattern, const log::Event& event) {
    std::string out;
    while (!pattern.empty()) {
        const auto open = pattern.find('{');
        out += pattern.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = pattern.find('}', open);
        out += word_of(event, pattern.substr(open + 1, close - open - 1));
        pattern.remove_prefix(close + 1);
    }
    return out;
}

const Saying* saying_of(const log::Event& event) {
    for (const auto& saying : kSayings)
        if (saying.type == event.type) return &saying;
    return nullptr;
}

/// "Sat, 21 Nov 2026 04:26:02 +0000" (RFC 5322 section 3.3).
std::string mail_date(Instant at) {
    const std::string text = wire::http_date(at);  // the same but for the zone's name
    return text.substr(0, text.rfind(' ')) + " +0000";
}

/// A header line of at most 998 bytes (RFC 5322 section 2.1.1); printable() has left nothing that could end it.
std::string header_text(std::string text) {
    constexpr std::size_t kLongest = 200;
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    return text;
}

}  // namespace

Result<Letter> read_letter(std::uint64_t index, ByteView entry) {
    auto event = log::parse_event(entry);
    if (!event) return pass(event.error(), "log entry " + std::to_string(index));
    Letter out{index, std::move(*event), {}, wire::hex(log::leaf_hash(entry))};
    out.id = "msg_" + std::to_string(index) + "_" + out.leaf_hash.substr(0, 32);
    return out;
}

std::string summary(const log::Event& event) {
    const Saying* saying = saying_of(event);
    return filled(saying == nullptr ? "{actor}: " + event.type + " {subject}" : std::string(saying->summary), event);
}

std::vector<std::string> commands(const log::Event& event) {
    const Saying* saying = saying_of(event);
    if (saying == nullptr || saying->command.empty()) return {};
    return {filled(saying->command, event)};
}

std::string webhook_body(const Letter& letter, const std::string& log_origin) {
    wire::Json::Array act;
    for (auto& command : commands(letter.event)) act.emplace_back(std::move(command));
    const auto event = wire::parse_json(text_of(log::encode_event(letter.event)));
    return wire::Json(wire::Json::Object{{"type", letter.event.type},
                                         {"timestamp", letter.event.time.text()},
                                         {"data", wire::Json::Object{{"log", log_origin},
                                                                     {"index", static_cast<std::int64_t>(letter.index)},
                                                                     {"leaf_sha256", letter.leaf_hash},
                                                                     {"summary", summary(letter.event)},
                                                                     {"commands", std::move(act)},
                                                                     {"event", event ? *event : wire::Json()}}}})
        .canonical();
}

std::string mail_message(const Letter& letter, const std::string& log_origin, const std::string& from,
                         const std::string& to, Instant now) {
    const std::string domain = log_origin.substr(0, log_origin.find('/'));
    const std::string line = summary(letter.event);
    std::string out = "From: Mayfly <" + from + ">\r\nTo: <" + to + ">\r\nSubject: [" + domain + "] " +
                      header_text(line) + "\r\nDate: " + mail_date(now) + "\r\nMessage-ID: <" + letter.id + "@" +
                      domain +
                      ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=us-ascii\r\n\r\n";
    std::string text = line + "\n\n  when     " + letter.event.time.text() + "\n  who      " +
                       word_of(letter.event, "actor") + "\n  what     " + letter.event.type + "\n  about    " +
                       word_of(letter.event, "subject") + "\n  entry    " + std::to_string(letter.index) + " of " +
                       log_origin + "\n";
    for (const auto& command : commands(letter.event))
        text += "\nTo see it or to act, as yourself:\n  " + command + "\n";
    text += "\nWhat is decided is decided with your own credential, never by an answer to this mail.\n";
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        // RFC 5322 section 2.1.1: at most 998 bytes to a line.
        out += text.substr(at, std::min<std::size_t>(end - at, 900)) + "\r\n";
        at = end + 1;
    }
    return out;
}

}  // namespace mayfly::notify
