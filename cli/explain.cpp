// explain, who-can, role usage: why somebody may or may not, who can, and what a role is used for.
#include "cli/verbs.h"
#include "mayfly/api_explain.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

/// A value of a query: names and times have nothing that would need escaping, and anything else is no name.
Status plain(const std::string& text) {
    for (const char c : text)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ':' || c == '-' ||
              c == '.' || c == '_' || c == '/'))
            return fail(Code::malformed, "\"" + printable(text) + "\" is no name and no time", "E-USAGE", {}, {});
    return {};
}

struct ExplainFlags {
    std::string identity, role, node, at;
};

void tell(const api::ExplainedGrant& grant, std::vector<std::string>& lines) {
    lines.push_back("grant " + grant.id + ": " + grant.how + ", " + grant.state + ", by " + grant.by + ", from " +
                    grant.from + " until " + grant.until +
                    (grant.node.empty() ? "" : ", for node " + grant.node + " only"));
    if (!grant.reason.empty()) lines.push_back("  why: " + grant.reason);
    if (!grant.request.empty()) lines.push_back("  asked for as " + grant.request);
    for (const auto& word : grant.words) lines.push_back("  " + word);
    lines.push_back("  used: " + std::to_string(grant.certificates) + " certificate(s)" +
                    (grant.last_used.empty() ? "" : ", last " + grant.last_used));
    if (!grant.ended_by.empty())
        lines.push_back("  " + grant.state + " by " + grant.ended_by + " at " + grant.ended_at +
                        (grant.why_ended.empty() ? "" : ": " + grant.why_ended));
}

Result<int> explain(const Globals& globals, const ExplainFlags& flags) {
    std::string path = "/v1/explain?identity=" + flags.identity + "&role=" + flags.role;
    if (!flags.node.empty()) path += "&node=" + flags.node;
    if (!flags.at.empty()) path += "&at=" + flags.at;
    if (auto ok = plain(flags.identity + flags.role + flags.node + flags.at); !ok) return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::Explanation>(path);
    if (!reply) return pass(reply.error());
    Answer answer{wire::to_json(*reply), {reply->verdict}};
    auto& lines = answer.lines;
    lines.push_back(reply->identity + " in " + reply->role + (reply->node.empty() ? "" : " on " + reply->node) +
                    " at " + reply->at + ": " + reply->verdict +
                    (reply->lifetime.empty() ? "" : ", for at most " + reply->lifetime));
    lines.push_back("policy " + reply->policy_version + "; " + reply->identity + " is " + reply->identity_state +
                    ", its owner " + reply->owner + " is " + reply->owner_state);
    if (!reply->accounts.empty()) lines.push_back("opens accounts: " + joined(reply->accounts, ", "));
    if (!reply->names.empty()) lines.push_back("gives names: " + joined(reply->names, ", "));
    for (const auto& rule : reply->allowed) lines.push_back("✓ " + rule);
    for (const auto& rule : reply->rules) {
        lines.push_back("✗ " + rule.message + "   [" + rule.rule + "]");
        if (!rule.why.empty()) lines.push_back("    why: " + rule.why);
        if (!rule.fix.empty()) lines.push_back("    fix: " + rule.fix);
    }
    for (const auto& lacks : reply->missing)
        lines.push_back("missing in stage " + std::to_string(lacks.stage) + ": " + std::to_string(lacks.count) +
                        " of " + lacks.party + " (" +
                        (lacks.who.empty() ? "nobody can give it" : joined(lacks.who, ", ")) + ")");
    for (const auto& condition : reply->conditions) lines.push_back("counts as met: " + condition);
    for (const auto& grant : reply->grants) tell(grant, lines);
    print(globals.output, answer);
    return reply->verdict == "permit" ? 0 : reply->verdict == "approval" ? 6 : 5;
}

Result<int> who_can(const Globals& globals, const std::string& kind, const std::string& subject,
                    const std::string& at) {
    if (auto ok = plain(subject + at); !ok) return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    // "Now" is one moment too: every page is about the one of the first.
    const std::string path = "/v1/who-can?" + kind + "=" + subject;
    auto reply = session->ca.get<api::WhoCan>(path + (at.empty() ? "" : "&at=" + at));
    if (!reply) return pass(reply.error());
    while (!reply->next.empty()) {
        auto page = session->ca.get<api::WhoCan>(path + "&at=" + reply->at + "&after=" + reply->next);
        if (!page) return pass(page.error());
        reply->rows.insert(reply->rows.end(), std::make_move_iterator(page->rows.begin()),
                           std::make_move_iterator(page->rows.end()));
        reply->next = page->next;
        reply->more = page->more;
    }
    Answer answer{wire::to_json(*reply),
                  {},
                  {{"IDENTITY"},
                   {"OWNER"},
                   {"ROLE"},
                   {"NOW"},
                   {"HOW"},
                   {"UNTIL"},
                   {"BY"},
                   {"GRANT"},
                   {"RULE", Column::Shown::wide}}};
    for (const auto& row : reply->rows) {
        answer.names.push_back(row.identity);
        answer.rows.push_back({row.identity, row.owner, row.role, row.verdict, row.how, row.until, row.by, row.grant,
                               row.rule.empty() ? "-" : row.rule});
    }
    answer.messages.push_back(reply->subject + " at " + reply->at + ", policy " + reply->policy_version + ": " +
                              (reply->roles.empty() ? "no role opens it" : "by " + joined(reply->roles, ", ")));
    for (const auto& open : reply->may_ask) answer.messages.push_back("may ask for " + open);
    return show(globals, answer);
}

Result<int> usage(const Globals& globals, const std::string& role, const std::string& since) {
    if (auto ok = plain(role + since); !ok) return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply =
        session->ca.get<api::RightSize>("/v1/right-size?role=" + role + (since.empty() ? "" : "&since=" + since));
    if (!reply) return pass(reply.error());
    Answer answer{wire::to_json(*reply), {reply->role}};
    auto& lines = answer.lines;
    lines.push_back(reply->role + ": " + std::to_string(reply->certificates) + " certificate(s) since " + reply->since +
                    (reply->complete ? "" : " (the newest)") + ", " + std::to_string(reply->holders) +
                    " grant(s) stand");
    const auto say_list = [&](const std::string& what, const std::vector<std::string>& list) {
        if (!list.empty()) lines.push_back(what + ": " + joined(list, ", "));
    };
    lines.push_back(
        "lifetime: at most " + reply->longest_allowed +
        (reply->longest_used.empty() ? ", never used" : ", the longest asked for was " + reply->longest_used));
    say_list("nodes", reply->nodes_used);
    say_list("extensions used", reply->extensions_used);
    say_list("extensions never used", reply->extensions_unused);
    say_list("names", reply->names_used);
    say_list("used by", reply->identities_used);
    say_list("held and not used by", reply->unused_by);
    if (reply->narrower.empty()) {
        lines.push_back("no narrower role would have served");
    } else {
        lines.push_back("this would have served:");
        for (std::size_t at = 0; at < reply->narrower.size();) {
            const auto end = std::min(reply->narrower.find('\n', at), reply->narrower.size());
            lines.push_back("    " + reply->narrower.substr(at, end - at));
            at = end + 1;
        }
    }
    return show(globals, answer);
}

}  // namespace

void add_explain_verbs(Cli& cli) {
    auto flags = std::make_shared<ExplainFlags>();
    const auto verb =
        cli.verb(cli.root, "explain", "why an identity may or may not use a role, now or at a past moment",
                 [&cli, flags] { return explain(cli.globals, *flags); });
    verb.add_option("identity", flags->identity, "kind/name").required();
    verb.add_option("role", flags->role, "the role").required();
    verb.add_option("--node", flags->node, "on this node");
    verb.add_option("--at", flags->at, "at this moment (RFC 3339); now when absent");

    auto subject = std::make_shared<std::string>();
    auto kind = std::make_shared<std::string>("role");
    auto at = std::make_shared<std::string>();
    const auto who = cli.verb(cli.root, "who-can", "who holds a role, opens a node, or is let into a tenant",
                              [&cli, subject, kind, at] { return who_can(cli.globals, *kind, *subject, *at); });
    who.add_option("subject", *subject, "name of a role, node or tenant").required();
    who.add_option("--kind", *kind, "what the name is of: role (the default), node or tenant")
        .one_of({"role", "node", "tenant"});
    who.add_option("--at", *at, "at this moment (RFC 3339); now when absent");

    auto role = std::make_shared<std::string>();
    auto since = std::make_shared<std::string>();
    const auto use = cli.verb(cli.root.find("role"), "usage",
                              "what a role was used for, and the narrower one that would have served",
                              [&cli, role, since] { return usage(cli.globals, *role, *since); });
    use.add_option("role", *role, "the role").required();
    use.add_option("--since", *since, "for how long back; 30d when absent");
}

}  // namespace mayfly::cli
