// What is told to the world outside: how far each target is, and the letters that nobody took.
#include <algorithm>

#include "ca/access/notices.h"
#include "ca/answers.h"
#include "mayfly/api_notify.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

api::DeadLetter body_of(const store::DeadLetter& letter) {
    api::DeadLetter out;
    out.id = letter.id;
    out.target = letter.target;
    out.entry = static_cast<std::int64_t>(letter.entry);
    out.type = letter.type;
    out.recipients = letter.recipients;
    out.tries = letter.tries;
    out.at = letter.at.text();
    out.why = letter.why;
    out.state = std::string(store::name(letter.state));
    return out;
}

bool is_configured(const notify::Config& config, const std::string& target) {
    if (target == "mail") return config.mail.has_value();
    return std::any_of(config.webhooks.begin(), config.webhooks.end(),
                       [&](const auto& hook) { return hook.name == target; });
}

Response list_targets(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_see_notices(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto cursors = app.store->list_cursors();
    const auto dead = app.store->list_dead(store::Outbox::Which::open);
    const auto size = app.store->log_size();
    if (!cursors || !dead || !size)
        return http::problem(!cursors ? cursors.error() : !dead ? dead.error() : size.error(), request.request_id);
    api::List<api::NotifyTarget> list;
    for (const auto& [target, cursor] : *cursors) {
        api::NotifyTarget out;
        out.name = target;
        out.configured = is_configured(app.config.notify, target);
        out.next = static_cast<std::int64_t>(cursor.next);
        out.behind = std::max<std::int64_t>(static_cast<std::int64_t>(*size) - out.next, 0);
        out.tries = cursor.tries;
        out.trouble = cursor.trouble;
        if (cursor.tries > 0) out.retry_at = cursor.retry_at.text();
        out.dead =
            std::count_if(dead->begin(), dead->end(), [&](const auto& letter) { return letter.target == target; });
        list.items.push_back(std::move(out));
    }
    return answer(list);
}

Response list_dead(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_see_notices(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto all = request.query.find("all");
    const bool every = all != request.query.end() && all->second == "true";
    return on_success(app.store->list_dead(every ? store::Outbox::Which::all : store::Outbox::Which::open), request,
                      [](const auto& letters) {
                          api::List<api::DeadLetter> list;
                          for (const auto& letter : letters) list.items.push_back(body_of(letter));
                          return answer(list);
                      });
}

Response retry(App& app, const Request& request, const auth::Caller& caller) {
    return with_body<api::RetryRequest>(request, [&](const api::RetryRequest& body) {
        const auto in_force = app.policy.in_force();
        return on_success(access::ask_again(context_of(app, request, caller, in_force->policy), body.letter), request,
                          [](const auto& letter) { return answer(body_of(letter)); });
    });
}

}  // namespace

void add_notify_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person, 4096);
    routes.get("/v1/notify/targets", "who is told of events, and how far (duty platform)",
               wire::schema<api::List<api::NotifyTarget>>(), list_targets);
    routes.get("/v1/notify/dead", "what a target would not take (duty platform)",
               wire::schema<api::List<api::DeadLetter>>(), list_dead);
    routes.post("/v1/notify/retry", "tell it once more (duty platform)", wire::schema<api::RetryRequest>(),
                wire::schema<api::DeadLetter>(), retry);
}

}  // namespace mayfly::ca
