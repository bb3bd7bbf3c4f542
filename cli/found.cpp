// inventory found: what stands on nodes and opens doors beside certificates, and who answers for it.
#include "cli/change.h"
#include "mayfly/api_found.h"

namespace mayfly::cli {

namespace {

struct Filter {
    std::string node, kind, state;
    bool all = false, gone = false;
    std::size_t most = 0;
};

/// Enough of the id to tell one thing of a node from another.
std::string short_id(const api::Found& found) {
    constexpr std::size_t kDigits = 8;
    return found.id.substr(0, found.id.find('/') + 1 + kDigits);
}

/// Who answers for it, or who might and why anybody thinks so.
std::string whose(const api::Found& found) {
    if (!found.owner.empty()) return found.owner;
    if (found.state == "dismissed") return "-";
    return found.proposed.empty() ? "?" : found.proposed + "? (" + found.basis + ")";
}

std::string what(const api::Found& found) {
    std::string out = found.detail;
    if (!found.fingerprint.empty()) out = found.fingerprint + " " + out;
    if (!found.hint.empty()) out += " [" + found.hint + "]";
    if (!found.effective) out += " (opens nothing now)";
    return out;
}

Result<int> list_found(const Globals& globals, const Filter& filter) {
    const std::string state = filter.all || !filter.state.empty() ? filter.state : "open";
    return print_pages<api::Found>(
        globals,
        Query{"/v1/found"}
            .add("node", filter.node)
            .add("kind", filter.kind)
            .add("state", state)
            .add("gone", filter.gone),
        {{"ID"}, {"KIND"}, {"ACCOUNT"}, {"PLACE"}, {"WHAT"}, {"WHOSE"}, {"STATE"}},
        [](const api::Found& found) {
            return std::vector<std::string>{short_id(found),
                                            found.kind,
                                            or_dash(found.account),
                                            found.place,
                                            what(found),
                                            whose(found),
                                            found.gone.empty() ? found.state : "gone"};
        },
        &api::Found::id, filter.most);
}

Result<int> decide(const Globals& globals, const char* path, const api::FoundDecision& decision) {
    return change<api::Found>(globals, path, decision, &api::Found::id, [](const api::Found& found) {
        const std::string thing = found.kind + " in " + found.place + " on " + found.node;
        return found.state == "accepted" ? found.owner + " answers for " + thing : thing + " is dismissed";
    });
}

}  // namespace

void add_found_verbs(Verb inventory, Cli& cli) {
    auto filter = std::make_shared<Filter>();
    const auto list =
        cli.verb(inventory, "found", "keys, passwords, sudo rules and settings that nodes found on themselves",
                 [&cli, filter] { return list_found(cli.globals, *filter); });
    list.add_option("--node", filter->node, "on this node");
    list.add_option("--kind", filter->kind,
                    "root-account, authorized-key, private-key, user-ca, host-ca, password, sshd or unread");
    list.add_option("--state", filter->state, "open (when absent), accepted or dismissed")
        .one_of({"open", "accepted", "dismissed"});
    list.add_flag("--all", filter->all, "whatever was decided");
    list.add_flag("--gone", filter->gone, "what is there no more, too");
    list.add_option("--limit", filter->most, "at most so many; 0 for all");
    auto accepted = std::make_shared<api::FoundDecision>();
    const auto accept = cli.verb(inventory, "accept", "say who answers for a thing that was found",
                                 [&cli, accepted] { return decide(cli.globals, "/v1/found/accept", *accepted); });
    accept.add_option("id", accepted->id, "as found shows it").required();
    accept.add_option("--owner", accepted->owner, "who; the proposed owner when absent");
    accept.add_option("--reason", accepted->reason, "why it stays");
    auto dismissed = std::make_shared<api::FoundDecision>();
    const auto dismiss = cli.verb(inventory, "dismiss", "say why a thing that was found needs nobody",
                                  [&cli, dismissed] { return decide(cli.globals, "/v1/found/dismiss", *dismissed); });
    dismiss.add_option("id", dismissed->id, "as found shows it").required();
    dismiss.add_option("--reason", dismissed->reason, "why").required();
}

}  // namespace mayfly::cli
