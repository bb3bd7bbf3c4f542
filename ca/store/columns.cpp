#include "ca/store/sqlite_store.h"
#include "lib/wire/json.h"

namespace mayfly::store {

namespace {

wire::Json stored_json(const std::string& text) {
    auto json = wire::parse_json(text);
    ensure(json.has_value(), "JSON in the store is valid");
    return std::move(*json);
}

}  // namespace

std::string_view name(Duty duty) {
    switch (duty) {
        case Duty::platform: return "platform";
        case Duty::auditor: return "auditor";
        case Duty::intake: return "intake";
    }
    return "unknown";
}

Result<Duty> parse_duty(std::string_view text) {
    for (const auto duty : {Duty::platform, Duty::auditor, Duty::intake})
        if (name(duty) == text) return duty;
    return fail(Code::malformed, "\"" + printable(text) + "\" is not a duty", "E-NAME", "platform, auditor or intake",
                {});
}

std::string text_of_map(const std::map<std::string, std::string>& labels) {
    wire::Json::Object object;
    for (const auto& [key, value] : labels) object.emplace(key, value);
    return wire::Json(std::move(object)).canonical();
}

std::map<std::string, std::string> map_of_text(const std::string& json) {
    std::map<std::string, std::string> out;
    if (json == "{}") return out;  // most are empty, and every request reads some
    const wire::Json value = stored_json(json);
    for (const auto& [key, item] : *value.object()) out.emplace(key, *item.string());
    return out;
}

wire::Json json_list(const std::vector<std::string>& words) {
    wire::Json::Array array;
    for (const auto& word : words) array.emplace_back(word);
    return wire::Json(std::move(array));
}

std::string text_of_list(const std::vector<std::string>& words) { return json_list(words).canonical(); }

std::vector<std::string> list_of_text(const std::string& json) {
    std::vector<std::string> out;
    if (json == "[]") return out;
    const wire::Json value = stored_json(json);
    for (const auto& item : *value.array()) out.push_back(*item.string());
    return out;
}

std::vector<std::string> texts(const std::vector<HostName>& hosts) {
    std::vector<std::string> out;
    out.reserve(hosts.size());
    for (const auto& host : hosts) out.push_back(host.text());
    return out;
}

std::vector<HostName> hosts_of_text(const std::string& json) {
    std::vector<HostName> out;
    for (const auto& text : list_of_text(json)) out.push_back(stored<HostName>(text));
    return out;
}

policy::Activation activation_of_text(std::string_view text) {
    using policy::Activation;
    for (const auto how : {Activation::standing, Activation::request, Activation::breakglass})
        if (policy::name(how) == text) return how;
    return Activation::eligible;
}

policy::State state_of_text(std::string_view text) {
    if (text == "active") return policy::State::active;
    return text == "leaving" ? policy::State::leaving : policy::State::suspended;
}

}  // namespace mayfly::store
