#pragma once
// Route: one line of the table that is the API. The OpenAPI document is made from the same table.
#include <functional>
#include <string>
#include <vector>

#include "ca/http/request.h"
#include "lib/wire/json.h"

namespace mayfly::http {

/// Who may call: anyone (front doors and what is public), people with a session, those who ask for access (people,
/// workloads, agents), nodes, or whoever has a certificate.
enum class Who { anyone, person, asker, node, certificate };
std::string_view name(Who who);

/// Turn says which requests go first when some have to wait.
enum class Turn {
    in_order,
    renewals_first,  ///< callers come to renew: those whose own certificate ends first go first; a handler that waits
                     ///< gives its thread away, and must hold no lock then (Workers)
    always,          ///< answered whatever the rates say, by the network's own thread; for handlers that touch nothing
};

struct Route {
    std::string method, path;  ///< a path that ends in "{path}" stands for all that begin as it does
    Who who = Who::certificate;
    std::string summary;
    wire::Json request_schema;  ///< null: no body
    wire::Json reply_schema;    ///< null: not JSON
    std::size_t largest_body = 64 * 1024;
    std::function<Response(const Request&)> handler;
    Turn turn = Turn::in_order;
};

/// openapi is the OpenAPI 3.1 document of a table of routes.
wire::Json openapi(const std::vector<Route>& routes, const std::string& version);

}  // namespace mayfly::http
