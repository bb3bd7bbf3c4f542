#include "ca/bodies.h"

#include <charconv>

#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

/// Clients read at most 20,000 values at once (lib/wire/json): a page keeps well below.
constexpr std::size_t kLargestPage = 500;

std::string text_or_empty(const std::optional<Instant>& at) { return at ? at->text() : ""; }
std::string text_or_empty(const std::optional<OwnerName>& owner) { return owner ? owner->text() : ""; }

}  // namespace

std::vector<std::string> duty_names(const std::vector<store::Duty>& duties) {
    std::vector<std::string> out;
    for (const auto duty : duties) out.emplace_back(store::name(duty));
    return out;
}

api::Owner body_of(const store::OwnerRecord& owner) {
    return {owner.name.text(),
            owner.full_name,
            owner.email,
            text_or_empty(owner.backup),
            std::string(policy::name(owner.state)),
            duty_names(owner.duties),
            text_or_empty(owner.manager),
            owner.tenant,
            owner.state == policy::State::leaving ? text_or_empty(owner.adopt_by) : ""};
}

api::Identity body_of(const store::IdentityRecord& identity) {
    api::Identity out;
    out.name = identity.name.text();
    out.owner = identity.owner.text();
    out.purpose = identity.purpose;
    out.state = std::string(policy::name(identity.state));
    out.why_suspended = identity.why_suspended;
    out.created = identity.created.text();
    for (const auto& key : identity.keys) out.keys.push_back(wire::encode_ssh_key_line(key, ""));
    out.duties = duty_names(identity.duties);
    out.labels = identity.labels;
    for (const auto& host : identity.hosts) out.hosts.push_back(host.text());
    out.tenant = identity.tenant;
    out.review_by = text_or_empty(identity.review_by);
    return out;
}

api::Identity body_of(const store::InventoryRow& row) {
    api::Identity out = body_of(row.identity);
    out.owner_state = std::string(policy::name(row.owner_state));
    out.backup = text_or_empty(row.backup);
    out.offered_to = text_or_empty(row.offered_to);
    out.adopt_by = row.owner_state == policy::State::active ? "" : text_or_empty(row.adopt_by);
    out.roles = row.roles;
    out.last_used = text_or_empty(row.last_used);
    out.last_until = text_or_empty(row.last_until);
    out.last_serial = row.last_serial;
    out.last_kind = row.last_kind;
    out.review_by = text_or_empty(row.next_review);
    return out;
}

api::Grant body_of(const store::GrantRecord& grant) {
    return {grant.id,
            grant.identity.text(),
            grant.role.text(),
            grant.by.text(),
            grant.from.text(),
            grant.until.text(),
            grant.reason,
            grant.review_owed,
            std::string(policy::name(grant.how)),
            grant.request,
            grant.node ? grant.node->text() : "",
            text_or_empty(grant.review_by),
            grant.state,
            grant.why,
            text_or_empty(grant.last_used)};
}

api::Tenant body_of(const store::TenantRecord& tenant) {
    return {tenant.name, text_or_empty(tenant.owner), tenant.description, tenant.open ? "open" : "closed",
            tenant.created.seconds() > 0 ? tenant.created.text() : ""};
}

api::Session body_of(const store::SessionRecord& record) {
    api::Session out;
    out.id = record.id;
    out.node = record.node.text();
    out.account = record.use.account.text();
    out.source = record.use.source;
    out.serial = record.use.serial;
    out.key_id = record.use.key_id;
    out.authority = std::string(store::name(record.authority));
    out.identity = record.identity;
    out.owner = record.owner;
    out.role = record.role;
    out.grant = record.grant;
    out.opened = record.use.opened.text();
    if (record.use.closed) out.closed = record.use.closed->text();
    out.end = record.use.end;
    out.record = record.record;
    return out;
}

api::Ending body_of(const std::string& name, const store::Ending& ending) {
    api::Ending out{
        name, ending.identities, ending.grants, ending.tokens, ending.revoked, ending.living, ending.to_adopt, {}, {}};
    for (const auto& one : ending.certificates)
        out.certificates.push_back({one.serial, one.kind, one.identity.text(), one.role, one.until.text()});
    return out;
}

std::string parameter(const http::Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

bool flag(const http::Request& request, const std::string& name) { return parameter(request, name) == "true"; }

std::size_t page_size(const http::Request& request) {
    const auto text = parameter(request, "limit");
    std::size_t size = kLargestPage;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    const bool good = !text.empty() && error == std::errc() && end == text.data() + text.size() && size > 0;
    return good ? std::min(size, kLargestPage) : kLargestPage;
}

}  // namespace mayfly::ca
