#include "ca/http/problem.h"

#include "lib/wire/api.h"

namespace mayfly::http {

unsigned status_of(Code code) {
    switch (code) {
        case Code::malformed: return 400;
        case Code::unauthenticated: return 401;
        case Code::denied:
        case Code::needs_approval:
        case Code::untrusted: return 403;
        case Code::not_found: return 404;
        case Code::conflict: return 409;
        case Code::expired: return 410;
        case Code::rate_limited: return 429;
        case Code::unavailable: return 503;
        case Code::unsupported: return 422;
        case Code::corrupt:
        case Code::internal: return 500;
    }
    return 500;
}

Error too_many_from_address() {
    return {Code::rate_limited, "too many requests from this address", "E-RATE",
            "requests without a certificate are counted by the address they come from",
            "wait a second; the limits stand under [rates] in ca.toml"};
}

Response problem(const Error& error, const std::string& request_id, std::vector<std::string> reasons) {
    const bool ours = error.code == Code::internal || error.code == Code::corrupt;
    api::Problem body;
    body.code = std::string(name(ours ? Code::internal : error.code));
    body.type = "urn:mayfly:error:" + body.code;
    body.title = body.code;
    body.status = status_of(error.code);
    body.detail = ours ? "the CA failed; its log says why" : error.message;
    if (!ours) {
        body.id = error.id;
        body.why = error.why;
        body.remedy = error.fix;
        body.reasons = std::move(reasons);
    } else {
        body.remedy = "give the request id to whoever runs the CA";
    }
    body.request_id = request_id;
    Response response;
    response.status = status_of(error.code);
    response.content_type = "application/problem+json";
    response.body = wire::to_json(body).canonical();
    response.note = error.id.empty() ? error.message : error.id + ": " + error.message;
    if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "1");
    return response;
}

}  // namespace mayfly::http
