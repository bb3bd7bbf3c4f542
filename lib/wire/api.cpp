#include "lib/wire/api.h"

#include <algorithm>

#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::wire {

std::string proof_message(std::string_view method, std::string_view path, std::string_view trust_domain,
                          std::string_view nonce, const Digest& body_hash) {
    std::string message = "mayfly-proof-v1\n";
    message.append(method).append(" ").append(path).append("\n");
    message.append(trust_domain).append("\n");
    message.append(nonce).append("\n");
    message.append(hex(body_hash)).append("\n");
    return message;
}

namespace detail {

Status refuse_unknown(const Json::Object& members, const std::vector<std::string>& known, std::string_view what) {
    for (const auto& [member, value] : members) {
        if (std::find(known.begin(), known.end(), member) != known.end()) continue;
        const std::string close = nearest(member, known);
        return fail(Code::malformed, std::string(what) + " has an unknown member \"" + printable(member) + "\"",
                    "E-BODY", {}, close.empty() ? std::string() : "did you mean \"" + close + "\"?");
    }
    return {};
}

}  // namespace detail

}  // namespace mayfly::wire
