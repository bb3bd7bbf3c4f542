// What every X.509 certificate's names have to be, whatever the role allows.
#include <algorithm>

#include "ca/policy/case.h"

namespace mayfly::policy {

namespace {

bool has_spiffe_scheme(std::string_view uri) {
    constexpr std::string_view kScheme = "spiffe:";
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return uri.size() >= kScheme.size() &&
           std::equal(kScheme.begin(), kScheme.end(), uri.begin(), [&](char a, char b) { return a == lower(b); });
}

/// SPIFFE-ID sections 2.1 and 2.2: a trust domain, and a path of non-empty segments that are not dots. Readers take
/// scheme and trust domain in any case, so only one case is certified: what looks different must not be the same.
bool is_spiffe_id(std::string_view uri) {
    constexpr std::string_view kStart = "spiffe://";
    if (!uri.starts_with(kStart)) return false;
    uri.remove_prefix(kStart.size());
    const auto slash = uri.find('/');
    if (slash == std::string_view::npos || !TrustDomain::parse(uri.substr(0, slash))) return false;
    std::string_view path = uri.substr(slash);
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto segment = path.substr(0, path.find('/'));
        const bool plain = std::all_of(segment.begin(), segment.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                   c == '_';
        });
        if (segment.empty() || segment == "." || segment == ".." || !plain) return false;
        path.remove_prefix(segment.size());
    }
    return true;
}

/// X509-SVID section 2: "exactly one URI SAN"; validators refuse a second one, of whatever kind.
void weigh_spiffe(Case& c, const Permit& permit) {
    std::size_t uris = 0, ids = 0;
    for (const auto& name : permit.names) {
        if (name.type != wire::SubjectName::Type::uri) continue;
        ++uris;
        if (!has_spiffe_scheme(name.text)) continue;
        ++ids;
        if (!is_spiffe_id(name.text))
            c.refuse("E-SVID", "\"" + name.text + "\" is no SPIFFE ID",
                     "spiffe://TRUST-DOMAIN/PATH in lower case, without port, query, fragment or empty segments",
                     "ask for the name as SPIFFE writes it");
    }
    if (ids > 0 && uris > 1)
        c.refuse("E-SVID", "a SPIFFE ID beside another URI", "a SPIFFE certificate has exactly one URI (X509-SVID 2)",
                 "ask for one certificate for each");
}

}  // namespace

void weigh_names(Case& c, const Permit& permit) {
    weigh_spiffe(c, permit);
    for (const auto& name : permit.names)
        if (const auto why = wire::outside(c.facts.issuer_names, name); !why.empty())
            c.refuse("E-ISSUER-NAMES", "the issuing CA may not certify \"" + name.tagged() + "\"",
                     "its own certificate says so: " + why, "ask for names that it may certify: mayfly ca status");
}

}  // namespace mayfly::policy
