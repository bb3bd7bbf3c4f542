// notify: who is told of events, and what they would not take.
#include <algorithm>

#include "cli/verbs.h"
#include "mayfly/api_notify.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

Result<int> list_targets(const Globals& globals) {
    return print_list<api::NotifyTarget>(
        globals, "/v1/notify/targets",
        {{"TARGET"},
         {"BEHIND"},
         {"TRIES"},
         {"DEAD"},
         {"TROUBLE"},
         {"RETRY-AT", Column::Shown::wide},
         {"NEXT", Column::Shown::wide}},
        [](const api::NotifyTarget& target) {
            return std::vector<std::string>{target.name + (target.configured ? "" : " (not in ca.toml)"),
                                            std::to_string(target.behind),
                                            std::to_string(target.tries),
                                            std::to_string(target.dead),
                                            target.trouble,
                                            target.retry_at,
                                            std::to_string(target.next)};
        },
        &api::NotifyTarget::name);
}

Result<int> list_dead(const Globals& globals, bool all) {
    return print_list<api::DeadLetter>(
        globals, all ? "/v1/notify/dead?all=true" : "/v1/notify/dead",
        {{"LETTER"},
         {"TARGET"},
         {"ENTRY"},
         {"EVENT"},
         {"STATE"},
         {"WHY"},
         {"TRIES", Column::Shown::wide},
         {"AT", Column::Shown::wide}},
        [](const api::DeadLetter& letter) {
            return std::vector<std::string>{letter.id,    letter.target, std::to_string(letter.entry), letter.type,
                                            letter.state, letter.why,    std::to_string(letter.tries), letter.at};
        },
        &api::DeadLetter::id);
}

Result<int> show_dead(const Globals& globals, const std::string& id) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto list = session->ca.get<api::List<api::DeadLetter>>("/v1/notify/dead?all=true");
    if (!list) return pass(list.error());
    const auto found =
        std::find_if(list->items.begin(), list->items.end(), [&](const auto& letter) { return letter.id == id; });
    if (found == list->items.end())
        return fail(Code::not_found, "there is no dead letter \"" + printable(id) + "\"", "E-LETTER", {},
                    "mayfly notify dead --all");
    Answer answer{wire::to_json(*found), {found->id}};
    answer.lines = {found->id + "  " + found->state + ": entry " + std::to_string(found->entry) + " (" + found->type +
                        ") for " + found->target,
                    "  why     " + found->why, "  tries   " + std::to_string(found->tries), "  given up " + found->at};
    for (const auto& recipient : found->recipients) answer.lines.push_back("  not to  " + recipient);
    answer.messages = {"the event: mayfly audit show " + std::to_string(found->entry) +
                       "   tell it again: mayfly notify retry " + found->id};
    return show(globals, answer);
}

Result<int> retry(const Globals& globals, const std::vector<std::string>& letters) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    Answer answer;
    wire::Json::Array items;
    for (const auto& id : letters) {
        const auto letter =
            session->ca.post<api::DeadLetter>("/v1/notify/retry" + globals.query(), api::RetryRequest{id});
        if (!letter) return pass(letter.error(), id);
        items.push_back(wire::to_json(*letter));
        answer.names.push_back(letter->id);
        answer.messages.push_back((globals.dry_run ? "would be told again: " : "✓ will be told again: ") + letter->id +
                                  " to " + letter->target);
    }
    answer.data = std::move(items);
    return show(globals, answer);
}

}  // namespace

void add_notify_verbs(Cli& cli) {
    const auto notify = cli.root.group("notify", "who is told of events, and what they would not take");
    cli.verb(notify, "list", "targets, and how far each is", [&cli] { return list_targets(cli.globals); });

    auto all = std::make_shared<bool>(false);
    const auto dead =
        cli.verb(notify, "dead", "letters that no target took", [&cli, all] { return list_dead(cli.globals, *all); });
    dead.add_flag("--all", *all, "also those that were delivered in the end");

    auto id = std::make_shared<std::string>();
    const auto one = cli.verb(notify, "show", "one dead letter", [&cli, id] { return show_dead(cli.globals, *id); });
    one.add_option("letter", *id, "n-…").required();

    auto ids = std::make_shared<std::vector<std::string>>();
    const auto again =
        cli.verb(notify, "retry", "tell dead letters once more", [&cli, ids] { return retry(cli.globals, *ids); });
    again.add_option("letter", *ids, "n-… (repeat)").required();
}

}  // namespace mayfly::cli
