#include "ca/access/inventory.h"

#include <algorithm>
#include <set>

#include "ca/access/deny.h"
#include "ca/access/people.h"

namespace mayfly::access {

namespace {

/// Imports are tried row by row: a row that is refused says so, and leaves no leaf of its own.
Context trial(const Context& context) {
    return {context.caller, context.policy, context.store, context.now, store::Effect::dry_run};
}

struct Weighing {
    const Context& context;
    const Context tried;
    store::InventoryBatch batch{};
    Differences out{};
    std::set<std::string> new_owners{}, new_identities{};

    void note(std::string what, std::string name, std::size_t row, std::string change, std::string detail) {
        out.differences.push_back({std::move(what), std::move(name), std::move(change), std::move(detail), row});
    }
    void refuse(std::string what, std::string name, std::size_t row, const Error& error) {
        note(std::move(what), std::move(name), row, "refused",
             error.message + (error.id.empty() ? "" : " [" + error.id + "]"));
    }
};

std::string or_none(const std::optional<OwnerName>& owner) { return owner ? owner->text() : "-"; }

std::string changes(const store::OwnerRecord& is, const store::OwnerRecord& wanted) {
    std::string out;
    const auto say = [&](const char* what, const std::string& from, const std::string& to) {
        if (from != to) out += (out.empty() ? "" : ", ") + std::string(what) + " " + from + " → " + to;
    };
    say("name", is.full_name, wanted.full_name);
    say("email", is.email, wanted.email);
    say("backup", or_none(is.backup), or_none(wanted.backup));
    say("manager", or_none(is.manager), or_none(wanted.manager));
    return out;
}

Status weigh(Weighing& w, std::size_t row, const store::OwnerRecord& owner) {
    const std::string name = owner.name.text();
    if (!w.context.caller.has(store::Duty::platform)) {
        const auto reason = lacks_duty(w.context.caller, store::Duty::platform, {});
        w.refuse("owner", name, row, Error{reason.code, reason.message, reason.rule, {}, {}});
        return {};
    }
    const auto is = w.context.store.find_owner(owner.name);
    if (!is) return pass(is.error());
    if (!*is) {
        if (!w.new_owners.insert(name).second)
            w.refuse("owner", name, row, Error{Code::conflict, "it stands here twice", "E-IMPORT", {}, {}});
        else
            w.note("owner", name, row, "create", "tenant " + owner.tenant);
        w.batch.owners.push_back(owner);
        return {};
    }
    if ((*is)->tenant != owner.tenant || (*is)->duties != owner.duties) {
        w.refuse("owner", name, row,
                 Error{Code::conflict, "tenant and duties of an owner do not change by import", "E-IMPORT", {}, {}});
        return {};
    }
    const auto differs = changes(**is, owner);
    if (differs.empty()) {
        ++w.out.same;
        return {};
    }
    w.note("owner", name, row, "change", differs);
    w.batch.changed_owners.push_back(owner);
    return {};
}

Status weigh(Weighing& w, std::size_t row, const store::IdentityRecord& identity) {
    const std::string name = identity.name.text();
    const auto is = w.context.store.find_identity(identity.name);
    if (!is) return pass(is.error());
    if (!*is) {
        if (!w.new_identities.insert(name).second) {
            w.refuse("identity", name, row, Error{Code::conflict, "it stands here twice", "E-IMPORT", {}, {}});
            return {};
        }
        if (auto ok = may_add(w.tried, identity); !ok) {
            w.refuse("identity", name, row, ok.error());
            return {};
        }
        w.note("identity", name, row, "create", "owner " + identity.owner.text() + ", tenant " + identity.tenant);
        w.batch.identities.push_back(with_review(w.context, identity));
        return {};
    }
    const auto& there = **is;
    if (there.owner != identity.owner)
        w.refuse("identity", name, row,
                 Error{Code::conflict,
                       there.owner.text() + " answers for it; it changes hands by transfer and adoption",
                       "E-IMPORT",
                       {},
                       {}});
    else if (there.tenant != identity.tenant)
        w.refuse(
            "identity", name, row,
            Error{Code::conflict, "it belongs to tenant " + there.tenant + ", and stays there", "E-IMPORT", {}, {}});
    else if (there.purpose != identity.purpose)
        w.refuse("identity", name, row,
                 Error{Code::conflict,
                       "its purpose is \"" + printable(there.purpose) + "\": what it is for stays",
                       "E-IMPORT",
                       {},
                       {}});
    else
        ++w.out.same;
    return {};
}

Status weigh(Weighing& w, std::size_t row, const store::GrantRecord& grant) {
    const std::string name = grant.role.text() + " " + grant.identity.text();
    const auto held = w.context.store.list_grants(grant.identity, w.context.now);
    if (!held) return pass(held.error());
    for (const auto& there : *held)
        if (there.role == grant.role && there.how == grant.how && there.until >= grant.until) {
            ++w.out.same;
            return {};
        }
    std::optional<store::IdentityRecord> holder;
    for (const auto& identity : w.batch.identities)
        if (identity.name == grant.identity) holder = identity;
    auto ready = prepare_grant(w.tried, grant, holder);
    if (!ready) {
        w.refuse("grant", name, row, ready.error());
        return {};
    }
    w.note("grant", name, row, "create", std::string(policy::name(grant.how)) + " until " + grant.until.text());
    w.batch.grants.push_back(std::move(*ready));
    return {};
}

template <class Record>
Status weigh_all(Weighing& w, const std::vector<Record>& records) {
    std::size_t row = 0;
    for (const auto& record : records)
        if (auto ok = weigh(w, ++row, record); !ok) return ok;
    return {};
}

}  // namespace

bool Differences::refused() const {
    return std::any_of(differences.begin(), differences.end(),
                       [](const Difference& difference) { return difference.change == "refused"; });
}

Result<Differences> import(const Context& context, const store::InventoryBatch& batch) {
    if (auto ok = may_look(context.caller); !ok) return pass(ok.error());
    Weighing w{context, trial(context)};
    if (auto ok = weigh_all(w, batch.owners); !ok) return pass(ok.error());
    if (auto ok = weigh_all(w, batch.identities); !ok) return pass(ok.error());
    if (auto ok = weigh_all(w, batch.grants); !ok) return pass(ok.error());
    if (w.out.refused() || w.out.differences.empty()) return w.out;
    const auto done = context.store.import(w.batch, context.caller.identity(), context.now, context.effect);
    if (!done) return pass(done.error());
    return w.out;
}

}  // namespace mayfly::access
