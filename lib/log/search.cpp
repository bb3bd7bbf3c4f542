#include "lib/log/search.h"

#include <algorithm>

namespace mayfly::log {

namespace {

std::string quoted(const std::string& text) { return wire::Json(text).canonical(); }

bool says(const Event& event, const char* member, const std::string& wanted) {
    const auto found = event.data.find(member);
    return found != event.data.end() && found->second.string() != nullptr && *found->second.string() == wanted;
}

bool lists(const Event& event, const char* member, const std::string& wanted) {
    const auto found = event.data.find(member);
    if (found == event.data.end() || found->second.array() == nullptr) return false;
    const auto& list = *found->second.array();
    return std::any_of(list.begin(), list.end(),
                       [&](const wire::Json& item) { return item.string() != nullptr && *item.string() == wanted; });
}

bool is_of_type(const Event& event, const std::string& type) {
    return type.ends_with('.') ? event.type.starts_with(type) : event.type == type;
}

}  // namespace

bool matches(const Event& event, const Search& search) {
    if (search.since && event.time < *search.since) return false;
    if (search.until && event.time >= *search.until) return false;
    if (!search.type.empty() && !is_of_type(event, search.type)) return false;
    if (!search.actor.empty() && event.actor != search.actor) return false;
    if (!search.owner.empty() && event.owner != search.owner) return false;
    if (!search.identity.empty() && event.actor != search.identity && event.subject != search.identity) return false;
    if (!search.role.empty() && !says(event, "role", search.role)) return false;
    if (!search.serial.empty() && !says(event, "serial", search.serial) && !lists(event, "serials", search.serial))
        return false;
    if (!search.request.empty() && !says(event, "request", search.request) && !says(event, "intent", search.request) &&
        !says(event, "request_sha256", search.request))
        return false;
    const std::string node = "node/" + search.node;
    return search.node.empty() || event.actor == node || event.subject == node || says(event, "node", search.node);
}

std::vector<std::string> texts_of(const Search& search) {
    std::vector<std::string> out;
    if (!search.actor.empty()) out.push_back("\"actor\":" + quoted(search.actor));
    if (!search.owner.empty()) out.push_back("\"owner\":" + quoted(search.owner));
    if (!search.role.empty()) out.push_back("\"role\":" + quoted(search.role));
    for (const auto& text : {search.identity, search.serial, search.request})
        if (!text.empty()) out.push_back(quoted(text));
    if (!search.node.empty()) {
        const std::string inner = quoted(search.node);
        out.push_back(inner.substr(1, inner.size() - 1));  // …name": of "node/name" and of "name"
    }
    if (!search.type.empty()) {
        const std::string start = "\"type\":" + quoted(search.type);
        out.push_back(search.type.ends_with('.') ? start.substr(0, start.size() - 1) : start);
    }
    return out;
}

}  // namespace mayfly::log
