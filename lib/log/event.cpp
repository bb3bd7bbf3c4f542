#include "lib/log/event.h"

#include <utility>

#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::log {

namespace {

constexpr int kVersion = 1;

}  // namespace

// Written member by member, in the order of RFC 8785: as a Json::Object it would first be copied, members and all, and
// two leaves are written for each certificate.
Bytes encode_event(const Event& event) {
    std::string out;
    out.reserve(1024);
    const auto member = [&out](std::string_view name, const wire::Json& value) {
        out.append(out.empty() ? "{" : ",").append("\"").append(name).append("\":");
        value.append_canonical(out);
    };
    member("actor", event.actor);
    out += ",\"data\":{";
    bool first = true;
    for (const auto& [name, value] : event.data) {
        if (!std::exchange(first, false)) out += ',';
        wire::Json(name).append_canonical(out);
        out += ':';
        value.append_canonical(out);
    }
    out += '}';
    member("owner", event.owner);
    member("subject", event.subject);
    member("time", event.time.text());
    member("type", event.type);
    member("v", kVersion);
    out += '}';
    return to_bytes(out);
}

Result<Event> parse_event(ByteView leaf) {
    const auto json = wire::parse_json(text_of(leaf));
    if (!json) return pass(json.error(), "log entry");
    wire::Fields fields(*json, "log entry");
    Event event;
    event.type = fields.text("type");
    event.actor = fields.text("actor");
    event.owner = fields.text("owner");
    event.subject = fields.text("subject");
    const std::string time = fields.text("time");
    const auto version = fields.integer("v");
    const auto* data = fields.member("data");
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (version != kVersion) return fail(Code::unsupported, "log entry: version " + std::to_string(version));
    const auto instant = Instant::parse(time);
    if (!instant) return pass(instant.error(), "log entry");
    event.time = *instant;
    if (data == nullptr || data->object() == nullptr) return fail(Code::malformed, "log entry: no data");
    event.data = *data->object();
    if (encode_event(event) != to_bytes(leaf)) return fail(Code::malformed, "log entry: not in canonical form");
    return event;
}

std::string salted_text(ByteView salt, std::string_view text) {
    Bytes both = to_bytes(salt);
    both.insert(both.end(), text.begin(), text.end());
    return wire::hex(crypto::sha256(both));
}

}  // namespace mayfly::log
