#pragma once
// What the routes about people share: running a story with its context, who may be seen, and records from bodies.
#include "ca/access/people.h"
#include "ca/access/sight.h"
#include "ca/bodies.h"

namespace mayfly::ca {

/// Runs a story with its context; what it returns becomes the answer.
template <class Story, class Make>
http::Response tell(App& app, const http::Request& request, const auth::Caller& caller, Story story, Make make) {
    const auto in_force = app.policy.in_force();
    return on_success(story(context_of(app, request, caller, in_force->policy)), request, make);
}

/// As on_success, for stories that return nothing.
template <class Make>
http::Response after(const Status& done, const http::Request& request, Make make) {
    return done ? make() : http::problem(done.error(), request.request_id);
}

http::Response with_sight(App& app, const http::Request& request, const auth::Caller& caller,
                          const std::function<http::Response(const store::Sight&)>& use);

/// From bodies to records: everything that is wrong with a value is found here.
Result<std::optional<OwnerName>> owner_or_none(const std::string& text);
Result<store::OwnerRecord> record_of(const api::Owner& body);
Result<store::IdentityRecord> record_of(App& app, const api::Identity& body);

void add_owner_routes(Routes& routes);      ///< tenants and owners
void add_hand_over_routes(Routes& routes);  ///< leaving, offering, adopting
void add_identity_routes(Routes& routes);   ///< identities and their grants
void add_inventory_routes(Routes& routes);  ///< the inventory as a whole, join tokens

}  // namespace mayfly::ca
