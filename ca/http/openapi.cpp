#include "ca/http/route.h"

#include "lib/wire/api.h"

namespace mayfly::http {

namespace {

using wire::Json;

Json content(const Json& schema) { return Json::Object{{"application/json", Json::Object{{"schema", schema}}}}; }

Json operation(const Route& route) {
    Json::Object ok{{"description", "success"}};
    if (!route.reply_schema.is_null()) ok.emplace("content", content(route.reply_schema));
    const Json problem = Json::Object{
        {"description", "RFC 9457 problem"},
        {"content",
         Json::Object{{"application/problem+json", Json::Object{{"schema", wire::schema<api::Problem>()}}}}}};
    Json::Object out{{"summary", route.summary},
                     {"x-mayfly-who", std::string(name(route.who))},
                     {"x-mayfly-largest-body", static_cast<std::int64_t>(route.largest_body)},
                     {"responses", Json::Object{{"200", Json(std::move(ok))}, {"default", problem}}}};
    if (!route.request_schema.is_null())
        out.emplace("requestBody", Json::Object{{"required", true}, {"content", content(route.request_schema)}});
    if (route.who != Who::anyone)
        out.emplace("security", Json::Array{Json(Json::Object{{"mutualTLS", Json::Array{}}})});
    return Json(std::move(out));
}

std::string lower(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

std::string_view name(Who who) {
    switch (who) {
        case Who::anyone: return "anyone";
        case Who::person: return "person with a session";
        case Who::asker: return "person, workload or agent with a session";
        case Who::node: return "node";
        case Who::certificate: return "any certificate holder";
    }
    return "nobody";
}

Json openapi(const std::vector<Route>& routes, const std::string& version) {
    std::map<std::string, Json::Object> paths;
    for (const auto& route : routes) paths[route.path].emplace(lower(route.method), operation(route));
    Json::Object all;
    for (auto& [path, methods] : paths) all.emplace(path, Json(std::move(methods)));
    return Json::Object{
        {"openapi", "3.1.0"},
        {"info", Json::Object{{"title", "Mayfly certificate authority"}, {"version", version}}},
        {"components",
         Json::Object{{"securitySchemes", Json::Object{{"mutualTLS", Json::Object{{"type", "mutualTLS"}}}}}}},
        {"paths", Json(std::move(all))}};
}

}  // namespace mayfly::http
