#pragma once
// How handlers answer, and how they get their caller. Shared by the route files.
#include "ca/access/access.h"
#include "ca/app.h"
#include "ca/http/problem.h"
#include "lib/wire/api.h"

namespace mayfly::ca {

template <class Body>
http::Response answer(const Body& body) {
    http::Response response;
    response.body = wire::to_json(body).canonical();
    return response;
}

/// on_success makes the answer from a value, or the problem from its error.
template <class T, class Make>
http::Response on_success(const Result<T>& result, const http::Request& request, Make make) {
    if (!result) return http::problem(result.error(), request.request_id);
    return make(*result);
}

/// A handler that knows its caller. The door decides who that is; `who` says which kinds may pass.
using CallerHandler = std::function<http::Response(const http::Request&, const auth::Caller&)>;
std::function<http::Response(const http::Request&)> with_caller(App& app, http::Who who, CallerHandler handler);
/// As with_caller, for nodes whose certificate may have ended as long ago as the policy allows (limits.renew_grace).
std::function<http::Response(const http::Request&)> with_late_node(App& app, CallerHandler handler);

/// Reads the body, or answers with what is wrong with it.
template <class Body, class Use>
http::Response with_body(const http::Request& request, Use use) {
    auto body = wire::parse_body<Body>(request.body, "request");
    if (!body) return http::problem(body.error(), request.request_id);
    return use(std::move(*body));
}

/// ?dry_run=true evaluates a change and undoes it.
store::Effect effect_of(const http::Request& request);
/// The context of an access story.
access::Context context_of(App& app, const http::Request& request, const auth::Caller& caller,
                           const policy::Policy& policy);
/// Idempotency-Key, with the hash of what it stands for. Fails for keys of another shape.
Result<store::Idempotency> idempotency_of(const http::Request& request);

/// Routes adds routes whose handlers know their caller: for `who`, with bodies of at most `largest` bytes, unless the
/// route says otherwise.
class Routes {
public:
    using Handler = std::function<http::Response(App&, const http::Request&, const auth::Caller&)>;
    Routes(App& app, std::vector<http::Route>& table, http::Who who, std::size_t largest = 32768)
        : app_(app), table_(table), who_(who), largest_(largest) {}
    void get(const char* path, const char* summary, wire::Json reply, Handler handler);
    void get(const char* path, http::Who who, const char* summary, wire::Json reply, Handler handler);
    void post(const char* path, const char* summary, wire::Json body, wire::Json reply, Handler handler,
              std::optional<std::size_t> largest = {});
    void post(const char* path, http::Who who, const char* summary, wire::Json body, wire::Json reply, Handler handler,
              std::optional<std::size_t> largest = {});

private:
    void add(http::Route route, Handler handler);
    App& app_;
    std::vector<http::Route>& table_;
    http::Who who_;
    std::size_t largest_;
};

/// The parts of the table, one file each.
void add_public_routes(App& app, std::vector<http::Route>& table);
void add_mint_routes(App& app, std::vector<http::Route>& table);
void add_access_routes(App& app, std::vector<http::Route>& table);
void add_request_routes(App& app, std::vector<http::Route>& table);
void add_people_routes(App& app, std::vector<http::Route>& table);
void add_review_routes(App& app, std::vector<http::Route>& table);
void add_renewal_routes(App& app, std::vector<http::Route>& table);
void add_log_routes(App& app, std::vector<http::Route>& table);
void add_revocation_routes(App& app, std::vector<http::Route>& table);
void add_notify_routes(App& app, std::vector<http::Route>& table);
void add_use_routes(App& app, std::vector<http::Route>& table);
void add_breakglass_routes(App& app, std::vector<http::Route>& table);
void add_node_routes(App& app, std::vector<http::Route>& table);
void add_found_routes(App& app, std::vector<http::Route>& table);
void add_policy_routes(App& app, std::vector<http::Route>& table);
void add_explain_routes(App& app, std::vector<http::Route>& table);
void add_report_routes(App& app, std::vector<http::Route>& table);

/// LeafProof is a leaf of the log and its proof, as bodies carry both: base64 and tlog-proof text.
struct LeafProof {
    std::string log_entry, log_proof;
};
Result<LeafProof> prove_leaf(App& app, std::uint64_t leaf);

/// The revocation lists in force, by name and hash; none when there is trouble with them (the CA's log says which).
std::vector<api::RevocationList> list_names(App& app);
/// The envelope of the emergency key that this node should trust, by hash; "" for none.
std::string envelope_for(App& app, const NodeName& node);

}  // namespace mayfly::ca
