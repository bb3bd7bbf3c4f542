// Revocation lists, for whoever relies on certificates: public, and cached by their hash.
#include "ca/answers.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

std::string path_of(const store::RevocationList& list) {
    if (list.kind == store::ListKind::krl) return "/v1/krl";
    return list.shard == 0 ? "/v1/crl" : "/v1/crl/" + std::to_string(list.shard);
}

Response serve_list(App& app, const Request& request, store::ListKind kind, std::uint32_t shard) {
    return on_success(app.revocation->current(), request, [&](const RevocationLists::Lists& lists) {
        for (const auto& list : *lists) {
            if (list.kind != kind || list.shard != shard) continue;
            Response response;
            const std::string tag = "\"" + wire::hex(list.sha256) + "\"";
            response.headers = {{"ETag", tag}, {"Cache-Control", "no-cache"}};
            // RFC 2585 section 4.2 for CRLs; KRLs have no type of their own.
            response.content_type = kind == store::ListKind::crl ? "application/pkix-crl" : "application/octet-stream";
            if (request.header("if-none-match") == tag)
                response.status = 304;
            else
                response.body = std::string(text_of(list.bytes));
            return response;
        }
        return http::problem(Error{Code::not_found, "this list is not published", "E-LIST", {}, {}},
                             request.request_id);
    });
}

/// The root's list, as the last ceremony left it.
Response serve_root_list(App& app, const Request& request) {
    constexpr std::size_t kLargest = 1 << 20;
    const auto list = files::read(app.config.root_crl(), kLargest);
    if (!list)
        return http::problem(
            Error{
                Code::not_found, "the root's list is not published here", "E-LIST", {}, "mayfly-ca root-crl makes one"},
            request.request_id);
    Response response;
    response.headers = {{"ETag", "\"" + wire::hex(crypto::sha256(*list)) + "\""}, {"Cache-Control", "no-cache"}};
    response.content_type = "application/pkix-crl";
    response.body = std::string(text_of(*list));
    return response;
}

api::RevocationList named(const store::RevocationList& list) {
    api::RevocationList out;
    out.kind = std::string(store::name(list.kind));
    out.shard = list.shard;
    out.number = static_cast<std::int64_t>(list.number);
    out.sha256 = wire::hex(list.sha256);
    out.path = path_of(list);
    out.entries = static_cast<std::int64_t>(list.entries);
    out.this_update = list.this_update.text();
    out.next_update = list.next_update.text();
    return out;
}

Result<api::RevocationList> proven(App& app, const store::RevocationList& list) {
    auto proof = prove_leaf(app, list.leaf);
    if (!proof) return pass(proof.error());
    auto out = named(list);
    out.log_entry = std::move(proof->log_entry);
    out.log_proof = std::move(proof->log_proof);
    return out;
}

Response name_lists(App& app, const Request& request) {
    const auto lists = app.revocation->current();
    if (!lists) return http::problem(lists.error(), request.request_id);
    api::List<api::RevocationList> out;
    for (const auto& list : **lists) {
        auto item = proven(app, list);
        if (!item) return http::problem(item.error(), request.request_id);
        out.items.push_back(std::move(*item));
    }
    return answer(out);
}

}  // namespace

std::vector<api::RevocationList> list_names(App& app) {
    std::vector<api::RevocationList> out;
    if (const auto lists = app.revocation->current())
        for (const auto& list : **lists) out.push_back(named(list));
    return out;
}

void add_revocation_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    const auto add = [&](std::string path, const char* summary, store::ListKind kind, std::uint32_t shard) {
        table.push_back(
            {"GET", std::move(path), Who::anyone, summary, {}, {}, 0, [&app, kind, shard](const Request& request) {
                 return serve_list(app, request, kind, shard);
             }});
    };
    table.push_back({"GET",
                     "/v1/revocation",
                     Who::anyone,
                     "which revocation lists are in force, with their log proofs",
                     {},
                     wire::schema<api::List<api::RevocationList>>(),
                     0,
                     [&app](const Request& request) { return name_lists(app, request); }});
    add("/v1/krl", "OpenSSH key revocation list (PROTOCOL.krl)", store::ListKind::krl, 0);
    add("/v1/crl", "X.509 revocation list (RFC 5280), DER", store::ListKind::crl, 0);
    table.push_back({"GET",
                     "/v1/crl/root",
                     Who::anyone,
                     "the root's own revocation list (RFC 5280), DER",
                     {},
                     {},
                     0,
                     [&app](const Request& request) { return serve_root_list(app, request); }});
    for (std::uint32_t shard = 0; shard < app.config.crl_shards && app.config.crl_shards > 1; ++shard)
        add("/v1/crl/" + std::to_string(shard), "one shard of the X.509 revocation list", store::ListKind::crl, shard);
}

}  // namespace mayfly::ca
