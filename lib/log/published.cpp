#include "lib/log/published.h"

#include "lib/wire/text.h"

namespace mayfly::log {

Result<Published> read_published(std::string_view entry, std::string_view proof, std::string_view type,
                                 const VerifierKey& key) {
    const auto leaf = wire::parse_base64(entry);
    const auto place = parse_proof(proof);
    if (!leaf || !place) return fail(Code::corrupt, "its log proof is not one");
    if (const auto head = verify_proof(*place, *leaf, key); !head) return fail(Code::corrupt, head.error().message);
    auto event = parse_event(*leaf);
    if (!event || event->type != type) return fail(Code::corrupt, "the log entry is about something else");
    return Published{std::move(*event), place->index};
}

bool says(const Published& published, const char* member, const wire::Json& value) {
    const auto& data = published.event.data;
    const auto found = data.find(member);
    return found != data.end() && found->second == value;
}

}  // namespace mayfly::log
