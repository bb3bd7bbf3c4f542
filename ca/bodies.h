#pragma once
// From the store's records to the API's bodies, for the route files that show the same things.
#include "ca/answers.h"
#include "mayfly/api_people.h"
#include "mayfly/api_use.h"

namespace mayfly::ca {

std::vector<std::string> duty_names(const std::vector<store::Duty>& duties);
api::Owner body_of(const store::OwnerRecord& owner);
api::Identity body_of(const store::IdentityRecord& identity);
api::Identity body_of(const store::InventoryRow& row);
api::Grant body_of(const store::GrantRecord& grant);
api::Tenant body_of(const store::TenantRecord& tenant);
api::Session body_of(const store::SessionRecord& record);
api::Ending body_of(const std::string& name, const store::Ending& ending);

/// Query parameters: text, a flag, and how many of a page.
std::string parameter(const http::Request& request, const std::string& name);
bool flag(const http::Request& request, const std::string& name);
std::size_t page_size(const http::Request& request);

/// A page of a list; `next` is what goes on after the last of a full page.
template <class Record, class Name>
http::Response page_answer(const Result<std::vector<Record>>& records, const http::Request& request, Name name) {
    if (!records) return http::problem(records.error(), request.request_id);
    api::List<decltype(body_of(std::declval<Record>()))> list;
    for (const auto& record : *records) list.items.push_back(body_of(record));
    if (records->size() == page_size(request)) list.next = name(records->back());
    return answer(list);
}

}  // namespace mayfly::ca
