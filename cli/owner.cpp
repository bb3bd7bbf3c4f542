// owner: people who answer, and how what they answer for changes hands.
#include "cli/ending.h"

namespace mayfly::cli {

namespace {

Result<int> show_owner(const Globals& globals, const std::string& name) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto o = session->ca.get<api::Owner>(Query{"/v1/owner"}.add("name", name).path);
    if (!o) return pass(o.error());
    std::vector<std::string> lines = {"owner    " + o->name,
                                      "state    " + o->state,
                                      "name     " + or_dash(o->full_name),
                                      "email    " + or_dash(o->email),
                                      "tenant   " + o->tenant,
                                      "backup   " + or_dash(o->backup),
                                      "manager  " + or_dash(o->manager),
                                      "duties   " + or_dash(joined(o->duties))};
    if (!o->adopt_by.empty()) lines.push_back("adopt by " + o->adopt_by);
    return show(globals, {wire::to_json(*o), {o->name}, {}, {}, std::move(lines)});
}

void add_hand_over(Cli& cli, Verb owner) {
    auto transfer = std::make_shared<api::Transfer>();
    const auto give = cli.verb(
        owner, "transfer", "offer all that an owner answers for to another, who then adopts it", [&cli, transfer] {
            return change<api::Handed>(
                cli.globals, "/v1/identities/transfer", *transfer, &api::Handed::identities, [](const api::Handed& h) {
                    return std::to_string(h.identities.size()) + " identity(s) offered to " + h.to + " until " +
                           h.expires + "; " + h.to + " accepts: mayfly owner adopt " + h.from;
                });
        });
    give.add_option("name", transfer->from, "owner who gives").required();
    give.add_option("--to", transfer->to, "owner who may take").required();
    auto adoption = std::make_shared<api::Adoption>();
    const auto take = cli.verb(
        owner, "adopt", "answer from now on for what another owned (its backup, or by an offer)", [&cli, adoption] {
            return change<api::Handed>(
                cli.globals, "/v1/owners/adopt", *adoption, &api::Handed::identities, [](const api::Handed& h) {
                    return h.to + " answers for " + std::to_string(h.identities.size()) + " identity(s) of " + h.from;
                });
        });
    take.add_option("name", adoption->from, "owner who gives").required();
    take.add_option("--identity", adoption->identities, "only this one (repeat)");
}

}  // namespace

void add_owner_verbs(Cli& cli) {
    const auto owner = cli.root.group("owner", "people who answer");
    cli.verb(owner, "list", "the owners you can see", [&cli] {
        return print_pages<api::Owner>(
            cli.globals, Query{"/v1/owners"},
            {{"OWNER"},
             {"BACKUP"},
             {"DUTIES"},
             {"STATE"},
             {"TENANT"},
             {"NAME"},
             {"MANAGER", Column::Shown::wide},
             {"EMAIL", Column::Shown::wide}},
            [](const api::Owner& o) {
                return std::vector<std::string>{o.name,
                                                or_dash(o.backup),
                                                or_dash(joined(o.duties)),
                                                o.state + (o.adopt_by.empty() ? "" : ", adopt by " + o.adopt_by),
                                                o.tenant,
                                                o.full_name,
                                                or_dash(o.manager),
                                                o.email};
            },
            &api::Owner::name);
    });
    auto shown = std::make_shared<std::string>();
    cli.verb(owner, "show", "one owner", [&cli, shown] { return show_owner(cli.globals, *shown); })
        .add_option("name", *shown, "the owner")
        .required();
    auto body = std::make_shared<api::Owner>();
    const auto create = cli.verb(owner, "create", "add an owner (duty platform)", [&cli, body] {
        return change<api::Owner>(cli.globals, "/v1/owners", *body, &api::Owner::name,
                                  [](const api::Owner& o) { return "owner " + o.name; });
    });
    create.add_option("name", body->name, "a word, e.g. bob").required();
    create.add_option("--full-name", body->full_name, "for people");
    create.add_option("--email", body->email, "where to reach them");
    create.add_option("--backup", body->backup, "owner who takes over");
    create.add_option("--manager", body->manager, "owner who is asked where a rule says manager");
    create.add_option("--tenant", body->tenant, "tenant they belong to; home when absent");
    create.add_option("--duty", body->duties, "platform, auditor or intake (repeat)");
    auto other = std::make_shared<api::OwnerChange>();
    const auto change_verb =
        cli.verb(owner, "change", "who stands behind an owner, and how to reach them (duty platform)", [&cli, other] {
            return change<api::Owner>(cli.globals, "/v1/owners/change", *other, &api::Owner::name,
                                      [](const api::Owner& o) { return "owner " + o.name + " changed"; });
        });
    change_verb.add_option("name", other->name, "the owner").required();
    change_verb.add_option("--full-name", other->full_name, "for people; - for none");
    change_verb.add_option("--email", other->email, "where to reach them; - for none");
    change_verb.add_option("--backup", other->backup, "owner who takes over; - for none");
    change_verb.add_option("--manager", other->manager, "owner who is asked for them; - for none");
    auto stop = std::make_shared<api::Stop>();
    const auto disable =
        cli.verb(owner, "disable", "somebody leaves: their access ends now, what they own is handed over",
                 [&cli, stop] { return stop_it(cli.globals, "/v1/owners/disable", *stop, "disabled"); });
    disable.add_option("name", stop->name, "the owner").required();
    disable.add_option("--reason", stop->reason, "why").required();
    disable.add_flag("--revoke", stop->revoke, "revoke their living certificates too");
    auto named = std::make_shared<api::Named>();
    cli.verb(owner, "enable", "take a leaving back",
             [&cli, named] {
                 return change<api::Named>(cli.globals, "/v1/owners/enable", *named, &api::Named::name,
                                           [](const api::Named& n) { return "owner " + n.name + " is active again"; });
             })
        .add_option("name", named->name, "the owner")
        .required();
    add_hand_over(cli, owner);
}

}  // namespace mayfly::cli
