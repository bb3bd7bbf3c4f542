// Reports: tables for auditors, page by page, each row with the log entries that it rests on.
#include <algorithm>

#include "ca/answers.h"
#include "mayfly/api_report.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kRows = 60;  ///< an answer holds at most 2,000 values (lib/wire/json.h)

std::string text(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? "" : found->second;
}

/// What the store cannot know: how grave a role is by the policy in force. A report of standing privilege leaves out
/// what weighs little.
void add_risk(const policy::Policy& policy, store::ReportKind kind, store::ReportPage& page) {
    const auto column = std::find(page.columns.begin(), page.columns.end(), "role");
    if (column == page.columns.end()) return;
    const auto at = static_cast<std::size_t>(column - page.columns.begin());
    page.columns.emplace_back("risk");
    for (auto& row : page.rows) {
        const auto role = policy.roles.find(row.cells[at]);
        row.cells.emplace_back(role == policy.roles.end() ? "no longer a role"
                                                          : std::string(policy::name(role->second.risk)));
    }
    if (kind == store::ReportKind::standing)
        page.rows.erase(std::remove_if(page.rows.begin(), page.rows.end(),
                                       [](const auto& row) { return row.cells.back() == "low"; }),
                        page.rows.end());
}

Response report(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_audit(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto kind = store::parse_report_kind(text(request, "kind"));
    if (!kind) return http::problem(kind.error(), request.request_id);
    const Instant now = app.clock.now();
    auto page = app.store->report(*kind, text(request, "after"), kRows, now);
    if (!page) return http::problem(page.error(), request.request_id);
    const auto in_force = app.policy.in_force();
    add_risk(in_force->policy, *kind, *page);
    api::ReportPage reply{
        std::string(store::name(*kind)), now.text(), in_force->version, page->next, page->columns, {}};
    for (const auto& row : page->rows) {
        api::ReportRow one{row.cells, {}};
        for (const auto index : row.entries) one.entries.push_back(static_cast<std::int64_t>(index));
        reply.rows.push_back(std::move(one));
    }
    return answer(reply);
}

}  // namespace

void add_report_routes(App& app, std::vector<http::Route>& table) {
    Routes routes(app, table, http::Who::person);
    routes.get("/v1/report", "a report for auditors, page by page (duty auditor)", wire::schema<api::ReportPage>(),
               report);
}

}  // namespace mayfly::ca
