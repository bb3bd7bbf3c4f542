#include "lib/log/event.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::log {

namespace {

constexpr int kVersion = 1;

}  // namespace

Bytes encode_event(const Event& event) {
    const wire::Json json(wire::Json::Object{{"v", kVersion},
                                             {"type", event.type},
                                             {"time", event.time.text()},
                                             {"actor", event.actor},
                                             {"owner", event.owner},
                                             {"subject", event.subject},
                                             {"data", event.data}});
    return to_bytes(json.canonical());
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
