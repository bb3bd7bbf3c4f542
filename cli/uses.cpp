// session: what certificates were used for, as the nodes saw it.
#include "cli/verbs.h"
#include "mayfly/api_use.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

struct SessionFlags {
    std::string node, identity, id;
    bool open = false;
    [[nodiscard]] std::string path() const {
        std::string out = "/v1/sessions?limit=200";
        if (!node.empty()) out += "&node=" + node;
        if (!identity.empty()) out += "&identity=" + identity;
        if (!id.empty()) out += "&id=" + id;
        if (open) out += "&open=true";
        return out;
    }
};

Result<int> list(const Globals& globals, const SessionFlags& flags) {
    if (!flags.node.empty())
        if (const auto node = NodeName::parse(flags.node); !node) return pass(node.error());
    if (!flags.identity.empty())
        if (const auto identity = IdentityName::parse(flags.identity); !identity) return pass(identity.error());
    return print_list<api::Session>(
        globals, flags.path(),
        {{"ID", Column::Shown::wide},
         {"WHO"},
         {"ROLE"},
         {"ACCOUNT"},
         {"NODE"},
         {"FROM"},
         {"OPENED"},
         {"CLOSED"},
         {"SERIAL", Column::Shown::wide},
         {"KEY ID", Column::Shown::wide}},
        [](const api::Session& one) {
            const std::string who = !one.identity.empty() ? one.identity
                                    : one.authority == "breakglass"
                                        ? "breakglass " + (one.record.empty() ? "UNRECORDED" : one.record)
                                        : "unknown certificate";
            return std::vector<std::string>{
                one.id,     who,        one.role,   one.account,
                one.node,   one.source, one.opened, one.closed.empty() ? "open" : one.closed,
                one.serial, one.key_id};
        },
        &api::Session::id);
}

Result<int> show_one(const Globals& globals, const SessionFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto found = session->ca.get<api::List<api::Session>>(flags.path());
    if (!found) return pass(found.error());
    if (found->items.empty())
        return fail(Code::not_found, "there is no session " + flags.id, "E-SESSION", {}, "mayfly session list -o wide");
    const auto& one = found->items.front();
    Answer answer{wire::to_json(one), {one.id}};
    const auto line = [&](const char* name, const std::string& value) {
        if (!value.empty()) answer.lines.push_back(name + value);
    };
    line("id         ", one.id);
    line("who        ", one.identity.empty() ? one.authority : one.identity);
    line("owner      ", one.owner);
    line("role       ", one.role);
    line("grant      ", one.grant);
    line("opened     ", one.account + "@" + one.node + " from " + one.source + " at " + one.opened);
    line("closed     ", one.closed.empty() ? "open" : one.closed + " (" + one.end + ")");
    line("serial     ", one.serial);
    line("key id     ", one.key_id);
    line("breakglass ", one.record);
    return show(globals, answer);
}

}  // namespace

void add_use_verbs(Cli& cli) {
    const auto group = cli.root.group("session", "what certificates were used for");
    auto flags = std::make_shared<SessionFlags>();
    const auto all =
        cli.verb(group, "list", "sessions on nodes, newest first", [&cli, flags] { return list(cli.globals, *flags); });
    all.add_option("--node", flags->node, "on this node only");
    all.add_option("--identity", flags->identity, "of this identity only");
    all.add_flag("--open", flags->open, "only those that are open");
    auto one = std::make_shared<SessionFlags>();
    cli.verb(group, "show", "one session", [&cli, one] { return show_one(cli.globals, *one); })
        .add_option("id", one->id, "node/id, as list -o wide shows it")
        .required();
}

}  // namespace mayfly::cli
