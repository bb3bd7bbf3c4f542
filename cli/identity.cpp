// identity: who certificates are minted for; the inventory of all of them.
#include "cli/ending.h"
#include "cli/keys.h"

namespace mayfly::cli {

namespace {

struct Filter {
    std::string tenant, owner, kind;
    bool orphaned = false, dormant = false, expiring = false, never_used = false, over_scoped = false;
    std::size_t most = 1000;
};

Result<int> list_identities(const Globals& globals, const Filter& filter) {
    constexpr auto kWide = Column::Shown::wide;
    Query query{"/v1/identities"};
    query.add("tenant", filter.tenant).add("owner", filter.owner).add("kind", filter.kind);
    query.add("orphaned", filter.orphaned).add("dormant", filter.dormant).add("expiring", filter.expiring);
    query.add("never_used", filter.never_used).add("over_scoped", filter.over_scoped);
    return print_pages<api::Identity>(
        globals, query,
        {{"IDENTITY"},
         {"OWNER"},
         {"STATE"},
         {"ROLES"},
         {"LAST USED"},
         {"NEXT REVIEW"},
         {"PURPOSE"},
         {"TENANT", kWide},
         {"BACKUP", kWide},
         {"KEYS", kWide},
         {"CREATED", kWide},
         {"HOSTS", kWide}},
        [](const api::Identity& i) {
            std::string state = i.state + (i.why_suspended.empty() ? "" : " (" + i.why_suspended + ")");
            if (!i.adopt_by.empty())
                state +=
                    ", adopt by " + i.adopt_by + (i.backup.empty() ? ": nobody's task yet" : ": task of " + i.backup);
            return std::vector<std::string>{i.name,
                                            i.owner + (i.offered_to.empty() ? "" : " → " + i.offered_to),
                                            state,
                                            or_dash(joined(i.roles)),
                                            or_dash(i.last_used),
                                            or_dash(i.review_by),
                                            i.purpose,
                                            i.tenant,
                                            or_dash(i.backup),
                                            std::to_string(i.keys.size()),
                                            i.created,
                                            joined(i.hosts)};
        },
        &api::Identity::name, filter.most);
}

Result<int> show_identity(const Globals& globals, const std::string& name) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto view = session->ca.get<api::IdentityView>(Query{"/v1/identity"}.add("name", name).path);
    if (!view) return pass(view.error());
    const auto& i = view->identity;
    Answer answer{wire::to_json(*view), {i.name}};
    answer.lines = {
        "identity     " + i.name,
        "state        " + i.state + (i.why_suspended.empty() ? "" : " (" + i.why_suspended + ")"),
        "owner        " + i.owner + (i.owner_state == "active" ? "" : " (" + i.owner_state + ")"),
        "backup       " + or_dash(i.backup),
        "tenant       " + i.tenant,
        "purpose      " + or_dash(i.purpose),
        "created      " + i.created,
        "last used    " + or_dash(i.last_used),
        "last serial  " +
            (i.last_serial.empty() ? "-" : i.last_serial + " (" + i.last_kind + ", until " + i.last_until + ")"),
        "next review  " + or_dash(i.review_by),
        "keys         " + std::to_string(i.keys.size())};
    if (!i.hosts.empty()) answer.lines.push_back("hosts        " + joined(i.hosts));
    if (!i.adopt_by.empty()) answer.lines.push_back("adopt by     " + i.adopt_by);
    if (!i.offered_to.empty()) answer.lines.push_back("offered to   " + i.offered_to);
    for (const auto& grant : view->grants)
        answer.lines.push_back("holds        " + grant.role + " until " + grant.until + " (" + grant.id + ", " +
                               grant.how + (grant.state == "active" ? "" : ", " + grant.state + ": " + grant.why) +
                               ")");
    return show(globals, answer);
}

Result<int> create_identity(const Globals& globals, api::Identity body) {
    for (auto& key : body.keys) {
        auto line = public_key_text(key, Fingerprint::refused);
        if (!line) return pass(line.error());
        key = std::move(*line);
    }
    return change<api::Identity>(globals, "/v1/identities", body, &api::Identity::name,
                                 [](const api::Identity& i) { return i.name + ", " + i.owner + " answers for it"; });
}

}  // namespace

void add_identity_verbs(Cli& cli) {
    const auto identity = cli.root.group("identity", "who certificates are minted for");
    auto filter = std::make_shared<Filter>();
    const auto list = cli.verb(identity, "list", "the identities you can see",
                               [&cli, filter] { return list_identities(cli.globals, *filter); });
    list.add_option("--tenant", filter->tenant, "of this tenant");
    list.add_option("--owner", filter->owner, "of this owner");
    list.add_option("--kind", filter->kind, "human, workload, node, agent or breakglass");
    list.add_flag("--orphaned", filter->orphaned, "whose owner is gone: empty, or somebody's task");
    list.add_flag("--dormant", filter->dormant, "no certificate was alive for 90 days");
    list.add_flag("--expiring", filter->expiring, "a grant ends or a review is due within 14 days");
    list.add_flag("--over-scoped", filter->over_scoped, "holds a role by a grant that was not used for 90 days");
    list.add_flag("--never-used", filter->never_used, "no certificate was ever minted");
    list.add_option("--limit", filter->most, "at most so many; 0 for all");
    auto shown = std::make_shared<std::string>();
    cli.verb(identity, "show", "one identity with all that bears on it",
             [&cli, shown] { return show_identity(cli.globals, *shown); })
        .add_option("name", *shown, "kind/name")
        .required();
    auto body = std::make_shared<api::Identity>();
    const auto create = cli.verb(identity, "create", "add a person, workload or agent",
                                 [&cli, body] { return create_identity(cli.globals, *body); });
    create.add_option("name", body->name, "kind/name, e.g. human/bob or workload/shop").required();
    create.add_option("--owner", body->owner, "who answers for it").required();
    create.add_option("--purpose", body->purpose, "what it is for");
    create.add_option("--tenant", body->tenant, "tenant it belongs to; its owner's when absent");
    create.add_option("--review-by", body->review_by, "RFC 3339; the policy's when absent, never beyond 180d");
    create.add_option("--key", body->keys, "SSH public key to log in with: a .pub file or the line itself (repeat)");
    create.add_option("--duty", body->duties, "a workload's own: intake (docs/service-desk.md)");
    auto stop = std::make_shared<api::Stop>();
    const auto disable = cli.verb(identity, "disable", "suspend an identity", [&cli, stop] {
        return stop_it(cli.globals, "/v1/identities/disable", *stop, "disabled");
    });
    disable.add_option("name", stop->name, "kind/name").required();
    disable.add_option("--reason", stop->reason, "why").required();
    disable.add_flag("--revoke", stop->revoke, "revoke its living certificates too");
    auto named = std::make_shared<api::Named>();
    cli.verb(identity, "enable", "let a suspended identity in again",
             [&cli, named] {
                 return change<api::Named>(cli.globals, "/v1/identities/enable", *named, &api::Named::name,
                                           [](const api::Named& n) { return n.name + " is active again"; });
             })
        .add_option("name", named->name, "kind/name")
        .required();
    auto offer = std::make_shared<api::Transfer>();
    const auto transfer =
        cli.verb(identity, "transfer", "offer it to another owner, who then adopts it", [&cli, offer] {
            return change<api::Handed>(cli.globals, "/v1/identities/transfer", *offer, &api::Handed::identities,
                                       [](const api::Handed& h) {
                                           return joined(h.identities, ", ") + " offered to " + h.to + " until " +
                                                  h.expires + "; " + h.to + " accepts: mayfly owner adopt " + h.from;
                                       });
        });
    transfer.add_option("name", offer->identities, "kind/name (repeat)").required();
    transfer.add_option("--to", offer->to, "owner who may take it").required();
    add_graph_verb(identity, cli);
}

}  // namespace mayfly::cli
