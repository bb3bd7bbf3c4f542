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

/// Adds routes that people call with their session.
class PeopleRoutes {
public:
    PeopleRoutes(App& app, std::vector<http::Route>& table) : app_(app), table_(table) {}
    using Handler = std::function<http::Response(App&, const http::Request&, const auth::Caller&)>;
    void add(const char* method, const char* path, const char* summary, wire::Json body, wire::Json reply,
             Handler handler, std::size_t largest = 32768);

private:
    App& app_;
    std::vector<http::Route>& table_;
};
void add_owner_routes(PeopleRoutes& routes);      ///< tenants and owners
void add_hand_over_routes(PeopleRoutes& routes);  ///< leaving, offering, adopting
void add_identity_routes(PeopleRoutes& routes);   ///< identities and their grants
void add_inventory_routes(PeopleRoutes& routes);  ///< the inventory as a whole, join tokens

}  // namespace mayfly::ca
