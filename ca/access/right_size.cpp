// What a role was used for, and the narrower role that would have served.
#include <algorithm>
#include <map>
#include <set>

#include "ca/access/explain.h"

namespace mayfly::access {

namespace {

constexpr std::size_t kMostMints = 100000, kMostGrants = 2000, kMostListed = 100;

/// Used is what certificates of the role asked for.
struct Used {
    std::int64_t certificates = 0, longest = 0;
    std::set<std::string> identities, nodes, extensions, names;
    bool any_node = false;  ///< some were good for every node that the role opens
};

void look(const store::PastMint& mint, std::int64_t backdate, Used& used) {
    ++used.certificates;
    used.longest =
        std::max(used.longest, mint.validity.before().seconds() - mint.validity.after().seconds() - backdate);
    used.identities.insert(mint.identity.text());
    if (mint.kind == "x509") {
        for (const auto& name : mint.terms.names)
            if (used.names.size() < kMostListed) used.names.insert(name);
        return;
    }
    used.extensions.insert(mint.terms.extensions.begin(), mint.terms.extensions.end());
    for (const auto& text : mint.terms.names) {
        const auto principal = Principal::parse(text);
        if (principal && principal->node())
            used.nodes.insert(principal->node()->text());
        else
            used.any_node = true;
    }
}

std::vector<std::string> listed(const std::set<std::string>& all) {
    std::vector<std::string> out(all.begin(), all.end());
    if (out.size() > kMostListed) out.resize(kMostListed);
    return out;
}

std::string quoted(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "\"" : ", \"") + word + "\"";
    return "[" + out + "]";
}

/// Labels that every node has which certificates were narrowed to: a selector that would have opened all of them.
Result<std::map<std::string, std::string>> common_labels(store::Store& store, const std::set<std::string>& nodes) {
    std::optional<std::map<std::string, std::string>> out;
    for (const auto& text : nodes) {
        const auto name = NodeName::parse(text);
        if (!name) return pass(name.error());
        const auto labels = store.node_labels(*name);
        if (!labels) return pass(labels.error());
        if (!*labels) continue;
        if (!out) {
            out = **labels;
            continue;
        }
        for (auto it = out->begin(); it != out->end();) {
            const auto same = (*labels)->find(it->first);
            it = same == (*labels)->end() || same->second != it->second ? out->erase(it) : std::next(it);
        }
    }
    return out.value_or(std::map<std::string, std::string>{});
}

/// Only what changes: lines to put in the place of those in the role.
Result<std::string> narrower(store::Store& store, const policy::Role& role, const Used& used,
                             const std::vector<std::string>& extensions_unused) {
    std::string top, ssh, x509;
    if (used.longest < role.max_lifetime.seconds())
        top += "max_lifetime = \"" + Lifetime::of_seconds(used.longest)->text() + "\"\n";
    if (role.ssh && !extensions_unused.empty()) ssh += "extensions = " + quoted(listed(used.extensions)) + "\n";
    if (role.ssh && !used.any_node && !used.nodes.empty()) {
        const auto labels = common_labels(store, used.nodes);
        if (!labels) return pass(labels.error());
        const bool fewer = role.ssh->nodes.all ? !labels->empty() : labels->size() > role.ssh->nodes.labels.size();
        std::string selector;
        for (const auto& [key, value] : *labels)
            selector += (selector.empty() ? "" : ", ") + ("\"" + key + "\" = \"" + value + "\"");
        if (fewer) ssh += "nodes = { " + selector + " }\n";
    }
    if (role.x509 && !used.names.empty() && used.names.size() < kMostListed &&
        used.names.size() < role.x509->names.size())
        x509 += "names = " + quoted(listed(used.names)) + "\n";
    if (top.empty() && ssh.empty() && x509.empty()) return std::string();
    return "[[role]]\nname = \"" + role.name.text() + "\"\n" + top + (ssh.empty() ? "" : "[role.ssh]\n" + ssh) +
           (x509.empty() ? "" : "[role.x509]\n" + x509);
}

}  // namespace

Result<api::RightSize> right_size(store::Store& store, const policy::Role& role, Instant since, Instant now,
                                  std::int64_t backdate) {
    Used used;
    const auto all = store.visit_mints(since, kMostMints, [&](const store::PastMint& mint) -> Status {
        if (mint.role == role.name) look(mint, backdate, used);
        return {};
    });
    if (!all) return pass(all.error());
    const auto grants = store.grants_at(std::nullopt, role.name, now, kMostGrants);
    if (!grants) return pass(grants.error());

    api::RightSize out;
    out.role = role.name.text();
    out.since = since.text();
    out.complete = *all;
    out.certificates = used.certificates;
    out.longest_allowed = role.max_lifetime.text();
    if (used.longest > 0) out.longest_used = Lifetime::of_seconds(used.longest)->text();
    out.nodes_used = listed(used.nodes);
    if (used.any_node) out.nodes_used.insert(out.nodes_used.begin(), "*");
    out.extensions_used = listed(used.extensions);
    out.names_used = listed(used.names);
    out.identities_used = listed(used.identities);
    if (role.ssh && used.certificates > 0)
        for (const auto& extension : role.ssh->extensions)
            if (used.extensions.count(extension) == 0) out.extensions_unused.push_back(extension);
    std::set<std::string> idle;
    for (const auto& grant : *grants)
        if (used.identities.count(grant.identity.text()) == 0) idle.insert(grant.identity.text());
    out.holders = static_cast<std::int64_t>(grants->size());
    out.unused_by = listed(idle);
    if (used.certificates > 0) {
        auto toml = narrower(store, role, used, out.extensions_unused);
        if (!toml) return pass(toml.error());
        out.narrower = std::move(*toml);
    }
    return out;
}

}  // namespace mayfly::access
