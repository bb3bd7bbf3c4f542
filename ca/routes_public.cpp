// What anyone may ask: health, the trust bundle, a nonce, the log's head, the API's description.
#include "ca/answers.h"

namespace mayfly::ca {

void add_public_routes(App& app, std::vector<http::Route>& table) {
    using http::Request;
    using http::Who;
    table.push_back({"GET",
                     "/healthz",
                     Who::anyone,
                     "the process answers",
                     {},
                     {},
                     0,
                     [](const Request&) {
                         http::Response ok;
                         ok.body = R"({"status":"ok"})";
                         return ok;
                     },
                     http::Turn::always});
    table.push_back({"GET",
                     "/readyz",
                     Who::anyone,
                     "store writable, signer signs, clock sane, log appendable",
                     {},
                     {},
                     0,
                     [&app](const Request& request) {
                         const auto ready = app.ready();
                         http::Response ok;
                         ok.body = R"({"status":"ready"})";
                         if (ready) return ok;
                         return http::problem(Error{Code::unavailable, "not ready", "E-NOT-READY",
                                                    ready.error().message, ready.error().fix},
                                              request.request_id);
                     }});
    table.push_back(
        {"GET",
         "/v1/nonce",
         Who::anyone,
         "a single-use nonce for a proof of possession",
         {},
         {},
         0,
         [&app](const Request&) {
             http::Response ok;
             ok.body = wire::Json(wire::Json::Object{{"nonce", app.nonces.issue(app.clock.now())}}).canonical();
             return ok;
         }});
    table.push_back({"GET",
                     "/v1/bundle",
                     Who::anyone,
                     "the trust anchors, and where the log publishes them",
                     {},
                     wire::schema<api::BundleReply>(),
                     0,
                     [&app](const Request& request) {
                         return on_success(app.store->current_bundle(), request, [&](api::BundleReply reply) {
                             reply.revocation = list_names(app);
                             return answer(reply);
                         });
                     }});
    table.push_back({"GET",
                     "/v1/log/checkpoint",
                     Who::anyone,
                     "the log's signed head (C2SP tlog-checkpoint)",
                     {},
                     {},
                     0,
                     [&app](const Request& request) {
                         return on_success(app.store->checkpoint(), request, [](const std::string& note) {
                             http::Response ok;
                             ok.content_type = "text/plain; charset=utf-8";
                             ok.body = note;
                             return ok;
                         });
                     }});
    table.push_back(
        {"GET", "/v1/openapi.json", Who::anyone, "this API as OpenAPI 3.1", {}, {}, 0, [&app](const Request&) {
             http::Response ok;
             ok.body = http::openapi(routes(app), MAYFLY_VERSION).canonical();
             return ok;
         }});
}

}  // namespace mayfly::ca
