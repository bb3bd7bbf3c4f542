// request: ask for access, see what becomes of it, decide on what others ask.
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "cli/verbs.h"
#include "mayfly/api_requests.h"
#include "mayfly/exit.h"

namespace mayfly::cli {

namespace {

using api::AccessRequest;

constexpr const char* kPath = "/v1/requests";
constexpr int kTimedOut = 7;

std::string path_of(const std::string& id, const char* verb = "") {
    return std::string(kPath) + "/" + id + (*verb != '\0' ? std::string("/") + verb : "");
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

bool waits(const AccessRequest& request) { return request.state == "pending"; }
bool granted(const AccessRequest& request) { return request.state == "approved" || request.state == "active"; }

/// What a wait, or a fresh request, ends with: 0 when it may be used, 5 when not, 6 while it waits.
int exit_of(const AccessRequest& request) {
    if (granted(request)) return 0;
    return exit_code(Error{waits(request) ? Code::needs_approval : Code::denied, {}, {}, {}, {}});
}

std::string headline(const AccessRequest& request) {
    std::string out = request.id + " " + request.state + ": " + request.role + " for " + request.identity + ", " +
                      request.ttl + (request.node.empty() ? "" : " on " + request.node);
    if (waits(request)) out += "   asked: " + joined(request.asked, ", ") + "   until " + request.expires;
    if (granted(request) && !request.until.empty()) out += "   until " + request.until;
    return out;
}

/// What to do next, for whoever looks.
std::string next_step(const AccessRequest& request) {
    if (granted(request)) return "next: mayfly ssh cert --role " + request.role;
    if (!waits(request)) return request.why.empty() ? "" : "why: " + request.why;
    return request.yours ? "decide: mayfly request approve " + request.id + "   or   mayfly request deny " +
                               request.id + " --comment \"…\""
                         : "next: mayfly request wait " + request.id;
}

Answer answer_of(const AccessRequest& request) {
    Answer answer{wire::to_json(request), {request.id}};
    answer.messages = {headline(request)};
    if (const auto next = next_step(request); !next.empty()) answer.messages.push_back(next);
    return answer;
}

Answer details_of(const AccessRequest& request) {
    Answer answer{wire::to_json(request), {request.id}};
    const auto line = [&](const char* what, const std::string& text) {
        if (!text.empty()) answer.lines.push_back(std::string(what) + std::string(14 - std::strlen(what), ' ') + text);
    };
    line("request", request.id + ", " + request.state + (request.alone ? " (decided alone: a review is owed)" : ""));
    line("role", request.role + (request.node.empty() ? "" : " on " + request.node) + ", tenant " + request.tenant);
    line("for", request.identity + ", owner " + request.owner);
    line("asked by", request.asked_by + " at " + request.created);
    line("window", request.ttl + " from " + (request.starts == "at" ? request.start_at : request.starts) +
                       (request.single_use ? ", for one certificate" : ""));
    line("reason", request.reason);
    line("ticket", request.ticket);
    line("evidence", request.evidence);
    line("extends", request.extends);
    line("decides", request.rule + (request.stages > 1 ? " (stage " + std::to_string(request.stage + 1) + " of " +
                                                             std::to_string(request.stages) + ")"
                                                       : ""));
    if (waits(request)) line("asked", joined(request.asked, ", "));
    for (const auto& word : request.words)
        line(word.verdict == "deny" ? "denied" : "approved",
             word.by + (word.by == word.stands_for ? "" : " for " + word.stands_for) + " at " + word.at +
                 (word.ttl.empty() ? "" : ", for " + word.ttl) + (word.node.empty() ? "" : ", on " + word.node) +
                 (word.comment.empty() ? "" : ": " + word.comment));
    if (!request.grant.empty())
        line("grant", request.grant + (request.until.empty() ? "" : ", " + request.from + " to " + request.until));
    line("ended", request.ended.empty() ? "" : request.ended + ", " + request.why);
    line("if nothing", request.if_nothing);
    line("digest", request.digest);
    if (const auto next = next_step(request); !next.empty()) answer.messages.push_back(next);
    return answer;
}

Result<AccessRequest> fetch(Session& session, const std::string& id) {
    return session.ca.get<AccessRequest>(path_of(id));
}

/// Waits until somebody decided. Asks every second at first, then every five; says who is asked whenever that changes.
Result<AccessRequest> wait_for(Session& session, const Globals& globals, const std::string& id, Lifetime longest) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(longest.seconds());
    std::string said;
    for (int round = 0;; ++round) {
        auto request = fetch(session, id);
        if (!request || !waits(*request)) return request;
        if (const auto line = headline(*request); line != said && for_people(globals.output)) say(said = line);
        if (std::chrono::steady_clock::now() >= end) return request;
        std::this_thread::sleep_for(std::chrono::seconds(round < 30 ? 1 : 5));
    }
}

struct AskFlags {
    api::RequestAsk body;
    bool no_wait = false;
};

Result<int> ask(const Globals& globals, const AskFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    api::RequestAsk body = flags.body;
    if (!body.extends.empty()) {
        const auto earlier = fetch(*session, body.extends);
        if (!earlier) return pass(earlier.error());
        body.role = earlier->role;
    }
    auto request = session->ca.post<AccessRequest>(kPath + globals.query(), body);
    if (!request) return pass(request.error());
    const bool watch = !flags.no_wait && !globals.dry_run && !globals.no_input && waits(*request) &&
                       for_people(globals.output) && ::isatty(STDERR_FILENO) == 1;
    if (watch) {
        request = wait_for(*session, globals, request->id, *Lifetime::of_seconds(3600));
        if (!request) return pass(request.error());
    }
    Answer answer = answer_of(*request);
    if (globals.dry_run)
        answer.messages = {"would be asked: " + joined(request->asked, ", ") + "   " + headline(*request)};
    print(globals.output, answer);
    return globals.dry_run ? 0 : exit_of(*request);
}

Result<int> wait(const Globals& globals, const std::string& id, const std::string& timeout) {
    const auto longest = Lifetime::parse(timeout.empty() ? "1h" : timeout);
    if (!longest) return pass(longest.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto request = wait_for(*session, globals, id, *longest);
    if (!request) return pass(request.error());
    print(globals.output, answer_of(*request));
    return waits(*request) ? kTimedOut : exit_of(*request);
}

/// A decision names what the decider saw: the digest of the request as it is shown here, or was shown before.
Result<int> decide(const Globals& globals, const std::string& id, const char* verb, api::RequestDecision body) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    if (body.digest.empty()) {
        const auto request = fetch(*session, id);
        if (!request) return pass(request.error());
        body.digest = request->digest;
        if (for_people(globals.output))
            for (const auto& line : details_of(*request).lines) say(line);
    }
    const auto decided = session->ca.post<AccessRequest>(path_of(id, verb) + globals.query(), body);
    if (!decided) return pass(decided.error());
    return show(globals, answer_of(*decided));
}

template <class Body>
Result<int> post(const Globals& globals, const std::string& path, const Body& body) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<AccessRequest>(path + globals.query(), body);
    if (!reply) return pass(reply.error());
    return show(globals, answer_of(*reply));
}

Result<int> print_requests(const Globals& globals, const std::string& query) {
    return print_list<AccessRequest>(
        globals, kPath + query,
        {{"REQUEST"},
         {"STATE"},
         {"ROLE"},
         {"FOR"},
         {"WINDOW"},
         {"NODE"},
         {"ASKED"},
         {"TICKET"},
         {"CREATED", Column::Shown::wide},
         {"REASON", Column::Shown::wide}},
        [](const AccessRequest& r) {
            return std::vector<std::string>{r.id,
                                            r.state,
                                            r.role,
                                            r.identity,
                                            r.ttl,
                                            or_dash(r.node),
                                            or_dash(joined(r.asked, ", ")),
                                            or_dash(r.ticket),
                                            r.created,
                                            r.reason};
        },
        &AccessRequest::id);
}

void add_asking(Verb group, Cli& cli) {
    auto flags = std::make_shared<AskFlags>();
    const auto make = cli.verb(group, "new", "ask for a role", [&cli, flags] { return ask(cli.globals, *flags); });
    make.add_option("role", flags->body.role, "the role").required();
    make.add_option("--for", flags->body.ttl, "how long it is to be usable; the role's longest when absent");
    make.add_option("--reason", flags->body.reason, "why");
    make.add_option("--ticket", flags->body.ticket, "the ticket it belongs to");
    make.add_option("--evidence", flags->body.evidence, "what else speaks for it: a link, an alert");
    make.add_option("--node", flags->body.node, "for this node only");
    make.add_option("--on-behalf-of", flags->body.identity,
                    "for another identity: one you own, or with the duty intake");
    make.add_option("--starts", flags->body.starts, "approval, first-use or at");
    make.add_option("--start", flags->body.start_at, "when, RFC 3339 (starts = at)");
    make.add_flag("--single-use", flags->body.single_use, "good for one certificate");
    make.add_flag("--no-wait", flags->no_wait, "do not stay until somebody decided");

    auto longer = std::make_shared<AskFlags>();
    const auto extend = cli.verb(group, "extend", "ask for more time; decided like a new request",
                                 [&cli, longer] { return ask(cli.globals, *longer); });
    extend.add_option("request", longer->body.extends, "the request whose window is to be longer").required();
    extend.add_option("--for", longer->body.ttl, "how much longer").required();
    extend.add_option("--reason", longer->body.reason, "why");
    extend.add_option("--ticket", longer->body.ticket, "the ticket it belongs to");
    extend.add_flag("--no-wait", longer->no_wait, "do not stay until somebody decided");
}

void add_looking(Verb group, Cli& cli) {
    struct Filter {
        std::string state, identity, role, ticket;
        bool mine = false;
    };
    auto filter = std::make_shared<Filter>();
    const auto list = cli.verb(group, "list", "requests that you may see, newest first", [&cli, filter] {
        std::string query = filter->mine ? "?mine=true" : "?mine=false";
        for (const auto& [key, value] : {std::pair{"state", &filter->state},
                                         {"identity", &filter->identity},
                                         {"role", &filter->role},
                                         {"ticket", &filter->ticket}})
            if (!value->empty()) query += std::string("&") + key + "=" + *value;
        return print_requests(cli.globals, query);
    });
    list.add_flag("--mine", filter->mine, "that wait for your decision");
    list.add_option("--state", filter->state, "pending, approved, denied, expired, cancelled or ended");
    list.add_option("--identity", filter->identity, "asked for this identity");
    list.add_option("--role", filter->role, "for this role");
    list.add_option("--ticket", filter->ticket, "under this ticket");

    auto id = std::make_shared<std::string>();
    cli.verb(group, "show", "one request, with everything that was said",
             [&cli, id]() -> Result<int> {
                 auto session = open_session(cli.globals);
                 if (!session) return pass(session.error());
                 const auto request = fetch(*session, *id);
                 if (!request) return pass(request.error());
                 return show(cli.globals, details_of(*request));
             })
        .add_option("request", *id, "r-7")
        .required();

    struct Wait {
        std::string id, timeout;
    };
    auto waiting = std::make_shared<Wait>();
    const auto verb = cli.verb(group, "wait", "stay until somebody decided; shows who is asked",
                               [&cli, waiting] { return wait(cli.globals, waiting->id, waiting->timeout); });
    verb.add_option("request", waiting->id, "r-7").required();
    verb.add_option("--timeout", waiting->timeout, "give up after so long (exit code 7); 1h when absent");
}

void add_deciding(Verb group, Cli& cli) {
    struct Decision {
        std::string id;
        api::RequestDecision body;
    };
    for (const auto& [word, help] :
         {std::pair{"approve", "say yes, to this or to less"}, {"deny", "say no, and why"}}) {
        auto decision = std::make_shared<Decision>();
        const auto verb = cli.verb(group, word, help, [&cli, decision, word = word] {
            return decide(cli.globals, decision->id, word, decision->body);
        });
        verb.add_option("request", decision->id, "r-7").required();
        const auto comment = verb.add_option("--comment", decision->body.comment, "why");
        if (std::string_view(word) == "deny") comment.required();
        verb.add_option("--digest", decision->body.digest, "of the request as you saw it; as it stands when absent");
        if (std::string_view(word) == "deny") continue;
        verb.add_option("--for", decision->body.ttl, "for less time than asked");
        verb.add_option("--node", decision->body.node, "for this node only");
    }
    for (const auto& [word, help] :
         {std::pair{"cancel", "take a pending request back"}, {"release", "end what was approved before its time"}}) {
        auto ending = std::make_shared<std::pair<std::string, api::RequestEnd>>();
        const auto verb = cli.verb(group, word, help, [&cli, ending, word = word] {
            return post(cli.globals, path_of(ending->first, word), ending->second);
        });
        verb.add_option("request", ending->first, "r-7").required();
        verb.add_option("--reason", ending->second.reason, "why");
    }
}

Result<int> delegate(const Globals& globals, const std::string& id, const api::DelegationAsk& body) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const std::string path = id.empty() ? "/v1/delegations" : path_of(id, "delegate");
    const auto reply = session->ca.post<api::Delegation>(path + globals.query(), body);
    if (!reply) return pass(reply.error());
    return show(globals,
                {wire::to_json(*reply),
                 {reply->id},
                 {},
                 {},
                 {},
                 {(globals.dry_run ? "would be done: " : "✓ ") + reply->to + " may decide for " + reply->from + " on " +
                  (reply->request.empty() ? "role " + reply->role : reply->request) + " until " + reply->until}});
}

void add_delegating(Verb group, Cli& cli) {
    auto order = std::make_shared<std::pair<std::string, api::DelegationAsk>>();
    const auto verb =
        cli.verb(group, "delegate", "let somebody else decide in your place: one request, or a role for a while",
                 [&cli, order] { return delegate(cli.globals, order->first, order->second); });
    verb.add_option("request", order->first, "r-7; leave it out and name --role for all of a role");
    verb.add_option("--to", order->second.to, "owner who is to decide").required();
    verb.add_option("--role", order->second.role, "every request for this role");
    verb.add_option("--for", order->second.ttl, "for how long, at most 30d");
    cli.verb(group, "delegations", "who decides in whose place", [&cli] {
        return print_list<api::Delegation>(
            cli.globals, "/v1/delegations", {{"DELEGATION"}, {"FROM"}, {"TO"}, {"ROLE"}, {"REQUEST"}, {"UNTIL"}},
            [](const api::Delegation& d) {
                return std::vector<std::string>{d.id, d.from, d.to, d.role, or_dash(d.request), d.until};
            },
            &api::Delegation::id);
    });
    auto ticket = std::make_shared<api::TicketClosed>();
    const auto closed =
        cli.verb(group, "ticket-closed", "end what was asked under a ticket", [&cli, ticket]() -> Result<int> {
            auto session = open_session(cli.globals);
            if (!session) return pass(session.error());
            const auto reply =
                session->ca.post<api::List<AccessRequest>>("/v1/tickets/closed" + cli.globals.query(), *ticket);
            if (!reply) return pass(reply.error());
            Answer answer{wire::to_json(*reply), {}};
            for (const auto& request : reply->items) {
                answer.names.push_back(request.id);
                answer.messages.push_back(headline(request));
            }
            return show(cli.globals, answer);
        });
    closed.add_option("ticket", ticket->ticket, "the ticket").required();
}

}  // namespace

void add_request_verbs(Cli& cli) {
    const auto group = cli.root.group("request", "ask for access, and decide on what others ask");
    add_asking(group, cli);
    add_looking(group, cli);
    add_deciding(group, cli);
    add_delegating(group, cli);
}

}  // namespace mayfly::cli
