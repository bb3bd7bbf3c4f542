#include <algorithm>

#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

/// A URI in our own trust domain is an identity, and only that identity may carry it.
bool poses_as_identity(const Case& c, const wire::SubjectName& name) {
    return name.type == wire::SubjectName::Type::uri && name.text.starts_with("spiffe://" + c.domain.text() + "/") &&
           name.text != spiffe_id(c.domain, c.facts.identity);
}

}  // namespace

void weigh_x509(Case& c, const Role& role, Permit& permit) {
    const X509Scope& scope = *role.x509;
    permit.server = scope.server;
    permit.client = scope.client;
    if (scope.role_in_subject) permit.common_name = role.name.text();
    std::vector<std::string> patterns;
    for (const auto& pattern : scope.names) patterns.push_back(pattern.text());
    for (const auto& name : c.ask.names) {
        const bool allowed = std::any_of(scope.names.begin(), scope.names.end(),
                                         [&](const NamePattern& pattern) { return pattern.matches(name); });
        const bool self =
            name.type == wire::SubjectName::Type::uri && name.text == spiffe_id(c.domain, c.facts.identity);
        if (poses_as_identity(c, name) || (!allowed && !self))
            c.refuse("E-SAN", "name \"" + name.tagged() + "\" is outside role \"" + role.name.text() + "\"",
                     "the role allows " + joined(patterns), "ask for names within those patterns, or for another role");
        if (name.text.starts_with("*.") && !scope.wildcard)
            c.refuse("E-WILDCARD", "wildcard \"" + name.text + "\" is not allowed",
                     "the role does not say wildcard = true", "ask for each name");
    }
    permit.names = c.ask.names;
    std::sort(permit.names.begin(), permit.names.end());
    permit.names.erase(std::unique(permit.names.begin(), permit.names.end()), permit.names.end());
    if (permit.names.empty())
        c.refuse("E-NAMES-EMPTY", "no name was asked for", "a certificate names somebody", "add --name dns:…");
    if (permit.names.size() > 100) c.refuse("E-SAN", "more than 100 names", "at most 100", "ask for fewer");
    c.allow("role " + role.name.text() + " allows " + std::to_string(permit.names.size()) + " name(s)");
}

}  // namespace mayfly::policy
