// policy: rules as files, checked and tried here, and changed by asking the people who sign off.
#include <filesystem>

#include "ca/policy/cases.h"
#include "ca/policy/diff.h"
#include "ca/policy/files.h"
#include "cli/verbs.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/api_policy.h"
#include "mayfly/exit.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargest = 4 << 20;
constexpr int kDifferent = 3, kPending = 6;

/// Written is a policy as it stands in files, and the cases that stand beside it.
struct Written {
    std::string text;
    std::vector<std::pair<std::string, std::string>> cases;
};

Result<Written> read_policy(const std::string& path) {
    Written out;
    if (!std::filesystem::is_directory(path)) {
        const auto file = files::read(path, kLargest);
        if (!file) return pass(file.error());
        out.text = std::string(text_of(*file));
        return out;
    }
    const auto found = files::read_tree(path, ".toml", kLargest);
    if (!found) return pass(found.error());
    std::vector<policy::PolicyFile> parts;
    for (const auto& [name, contents] : *found) {
        std::string text(text_of(contents));
        if (name.ends_with(policy::kCasesSuffix))
            out.cases.emplace_back(name, std::move(text));
        else
            parts.push_back({name, std::move(text)});
    }
    auto joined = policy::join_files(std::move(parts));
    if (!joined) return pass(joined.error(), path);
    out.text = std::move(*joined);
    return out;
}

std::string hash_of(std::string_view text) { return wire::hex(crypto::sha256(view(text))); }
std::string count(std::size_t n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "s"); }

// ---- offline --------------------------------------------------------------------------------------------------------

Result<int> validate(const Globals& globals, const std::string& path) {
    const auto written = read_policy(path);
    if (!written) return pass(written.error());
    const auto parsed = policy::parse_policy(written->text);
    if (!parsed) return pass(parsed.error());
    const std::string hash = hash_of(written->text);
    return show(globals, {wire::Json::Object{{"sha256", hash},
                                             {"roles", static_cast<std::int64_t>(parsed->roles.size())},
                                             {"groups", static_cast<std::int64_t>(parsed->groups.size())},
                                             {"conflicts", static_cast<std::int64_t>(parsed->conflicts.size())}},
                          {hash},
                          {},
                          {},
                          {},
                          {"✓ " + count(parsed->roles.size(), "role") + ", " + count(parsed->groups.size(), "group") +
                           ", " + count(parsed->conflicts.size(), "conflict") + "   sha256 " + hash}});
}

Result<int> test(const Globals& globals, const std::string& path, const std::vector<std::string>& more) {
    auto written = read_policy(path);
    if (!written) return pass(written.error());
    for (const auto& name : more) {
        const auto file = files::read(name, kLargest);
        if (!file) return pass(file.error());
        written->cases.emplace_back(name, std::string(text_of(*file)));
    }
    const auto parsed = policy::parse_policy(written->text);
    if (!parsed) return pass(parsed.error());
    if (written->cases.empty())
        return fail(Code::not_found, "there are no cases to ask", "E-POLICY-CASES",
                    "they stand in files that end in .cases.toml beside the policy", "--cases FILE");
    Answer answer{{}, {}, {{"CASE"}, {"EXPECTED"}, {"SAYS"}, {"WRONG"}, {"WHERE"}, {"REASONS", Column::Shown::wide}}};
    wire::Json::Array items;
    std::size_t wrong = 0, all = 0;
    for (const auto& [name, text] : written->cases) {
        const auto results = policy::run_cases(*parsed, text, name);
        if (!results) return pass(results.error());
        for (const auto& result : *results) {
            ++all;
            if (!result.wrong.empty()) ++wrong;
            items.emplace_back(wire::Json::Object{{"name", result.name},
                                                  {"place", result.place},
                                                  {"expected", result.expected},
                                                  {"says", result.said},
                                                  {"reasons", json_of(result.reasons)},
                                                  {"wrong", json_of(result.wrong)}});
            answer.names.push_back(result.name);
            if (result.wrong.empty() && globals.output == Output::table) continue;
            answer.rows.push_back({result.name, result.expected, result.said,
                                   result.wrong.empty() ? "-" : joined(result.wrong, "; "), result.place,
                                   joined(result.reasons, "; ")});
        }
    }
    answer.data = std::move(items);
    if (answer.rows.empty()) answer.columns.clear();
    answer.messages = {wrong == 0 ? "✓ " + count(all, "case")
                                  : std::to_string(wrong) + " of " + count(all, "case") + " came out otherwise"};
    print(globals.output, answer);
    return wrong == 0 ? 0 : 1;
}

// ---- what a change means --------------------------------------------------------------------------------------------

void tell(const std::vector<api::PolicyDifference>& changes, std::vector<std::string>& lines) {
    for (const auto& change : changes) {
        lines.push_back((change.kind == "added"     ? "+ "
                         : change.kind == "removed" ? "− "
                                                    : "~ ") +
                        change.subject + "   [" + change.risk + ", " + change.effect + "]");
        for (const auto& difference : change.differences) lines.push_back("    " + difference);
    }
}

void tell(const std::string& heading, const std::vector<api::ReplayedCase>& cases, std::vector<std::string>& lines) {
    if (cases.empty()) return;
    lines.push_back(heading);
    for (const auto& one : cases)
        lines.push_back("    " + one.identity + " in " + one.role + ", " + std::to_string(one.times) +
                        " time(s), last " + one.time + ": " + one.after +
                        (one.why.empty() ? "" : " (" + one.why + ")"));
}

Result<int> differ(const Globals& globals, const std::string& path, const std::string& replay) {
    const auto written = read_policy(path);
    if (!written) return pass(written.error());
    if (const auto parsed = policy::parse_policy(written->text); !parsed) return pass(parsed.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply =
        session->ca.post<api::PolicyDiffReply>("/v1/policy/diff", api::PolicyDiffRequest{written->text, replay});
    if (!reply) return pass(reply.error());
    Answer answer{wire::to_json(*reply), {}};
    for (const auto& change : reply->changes) answer.names.push_back(change.subject);
    tell(reply->changes, answer.lines);
    if (reply->more > 0) answer.lines.push_back("and " + std::to_string(reply->more) + " more");
    if (reply->replay) {
        tell("loses, of " + std::to_string(reply->replay->certificates) + " certificates since " +
                 reply->replay->since + (reply->replay->complete ? ":" : " (the newest):"),
             reply->replay->loses, answer.lines);
        tell("gains, of " + std::to_string(reply->replay->refusals) + " refusals:", reply->replay->gains, answer.lines);
        if (reply->replay->loses.empty() && reply->replay->gains.empty())
            answer.lines.push_back("nobody of " + std::to_string(reply->replay->certificates) + " certificates and " +
                                   std::to_string(reply->replay->refusals) + " refusals since " + reply->replay->since +
                                   " would have been answered otherwise");
    }
    for (const auto& warning : reply->warnings) answer.messages.push_back("warning: " + warning);
    if (reply->changes.empty())
        answer.messages.push_back("nothing changes: " + reply->base + " says the same");
    else
        answer.messages.push_back("risk " + reply->risk + (reply->narrower ? ", nobody gains by it" : "") +
                                  "; signed off by " + reply->asked +
                                  (reply->alone ? " (of some of it nobody but you: marked, a review is owed)" : ""));
    print(globals.output, answer);
    return reply->changes.empty() ? 0 : kDifferent;
}

// ---- changing -------------------------------------------------------------------------------------------------------

Result<int> show_change(const Globals& globals, const api::PolicyChange& change) {
    Answer answer{wire::to_json(change), {change.id}};
    const bool tried = globals.dry_run;
    if (change.state == "applied")
        answer.messages = {(tried ? "would be in force: " : "✓ in force: ") + change.version +
                           (change.alone ? "   nobody else could sign it off: a review is owed" : "")};
    else if (change.state == "pending")
        answer.messages = {(tried ? "would wait for: " : change.id + " waits for: ") + change.asked,
                           "until " + change.expires + "; silence is a denial   sha256 " + change.sha256};
    else
        answer.messages = {change.id + " is " + change.state};
    print(globals.output, answer);
    return change.state == "pending" ? kPending : change.state == "denied" ? 5 : 0;
}

template <class Body>
Result<int> post_change(const Globals& globals, const std::string& path, const Body& body) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<api::PolicyChange>(path + globals.query(), body);
    if (!reply) return pass(reply.error());
    return show_change(globals, *reply);
}

Result<int> apply(const Globals& globals, const std::string& path, const std::string& reason) {
    const auto written = read_policy(path);
    if (!written) return pass(written.error());
    if (const auto parsed = policy::parse_policy(written->text); !parsed) return pass(parsed.error());
    return post_change(globals, "/v1/policy/changes", api::PolicyProposal{written->text, reason});
}

Result<api::PolicyChange> find_change(Session& session, const std::string& id) {
    for (const char c : id)
        if (!((c >= '0' && c <= '9') || c == 'p' || c == '-'))
            return fail(Code::malformed, "a change is named like p-3", "E-USAGE", {}, "mayfly policy changes");
    const auto list = session.ca.get<api::List<api::PolicyChange>>("/v1/policy/changes?id=" + id);
    if (!list) return pass(list.error());
    if (list->items.size() != 1) return fail(Code::corrupt, "the CA's answer is not the change that was asked for");
    return list->items.front();
}

struct DecideFlags {
    std::string id, sha256, comment;
};

/// What is signed off is the text whose hash is sent: by default the one that the CA shows now, and it must be that.
Result<int> decide(const Globals& globals, const DecideFlags& flags, const std::string& verdict) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto change = find_change(*session, flags.id);
    if (!change) return pass(change.error());
    if (hash_of(change->toml) != change->sha256 || !change->sha256.starts_with(flags.sha256))
        return fail(Code::conflict, "this is not the text that you looked at", "E-POLICY-DIGEST",
                    "it is " + hash_of(change->toml), "mayfly policy changes " + flags.id);
    const auto reply =
        session->ca.post<api::PolicyChange>("/v1/policy/decisions" + globals.query(),
                                            api::PolicyDecision{change->id, change->sha256, verdict, flags.comment});
    if (!reply) return pass(reply.error());
    const auto shown = show_change(globals, *reply);
    if (!shown) return shown;
    // A word was given as asked; that others are still to speak is no failure of this one.
    return verdict == "deny" || reply->state == "pending" ? 0 : *shown;
}

Result<int> one_change(const Globals& globals, const std::string& id) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto change = find_change(*session, id);
    if (!change) return pass(change.error());
    Answer answer{wire::to_json(*change), {change->id}};
    answer.lines = {change->id + " by " + change->by + ", " + change->state +
                        (change->version.empty() ? "" : " as " + change->version) + ": " + change->reason,
                    "sha256 " + change->sha256 + " against " + change->base + ", until " + change->expires,
                    "risk " + change->risk + ", signed off by " + change->asked};
    for (const auto& word : change->words)
        answer.lines.push_back("  " + word.by + ": " + word.verdict +
                               (word.comment.empty() ? "" : ", " + word.comment));
    tell(change->changes, answer.lines);
    return show(globals, answer);
}

Result<int> list_changes(const Globals& globals) {
    return print_list<api::PolicyChange>(
        globals, "/v1/policy/changes",
        {{"CHANGE"}, {"STATE"}, {"BY"}, {"RISK"}, {"SIGNED OFF BY"}, {"EXPIRES"}, {"REASON", Column::Shown::wide}},
        [](const api::PolicyChange& c) {
            return std::vector<std::string>{c.id, c.state, c.by, c.risk, c.asked, c.expires, c.reason};
        },
        &api::PolicyChange::id);
}

// ---- looking --------------------------------------------------------------------------------------------------------

Result<int> list_versions(const Globals& globals) {
    return print_list<api::PolicyVersion>(
        globals, "/v1/policy/versions",
        {{"VERSION"}, {"IN FORCE FROM"}, {"SOURCE"}, {"BY"}, {"SIGNED OFF"}, {"SHA256", Column::Shown::wide}},
        [](const api::PolicyVersion& v) {
            return std::vector<std::string>{v.version,
                                            v.applied,
                                            v.source + (v.change.empty() ? "" : " " + v.change),
                                            v.by,
                                            v.alone                ? "alone"
                                            : v.signed_off.empty() ? "-"
                                                                   : joined(v.signed_off),
                                            v.sha256};
        },
        &api::PolicyVersion::version);
}

Result<int> show_policy(const Globals& globals, const std::string& at, const std::string& version) {
    for (const char c : at + version)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '-' || c == 'T' || c == 'Z'))
            return fail(Code::malformed, "a time reads 2026-11-21T04:26:02Z, a version 3 or 3:0af…", "E-USAGE", {}, {});
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::PolicyVersion>("/v1/policy" + (!at.empty()        ? "?at=" + at
                                                                           : !version.empty() ? "?version=" + version
                                                                                              : ""));
    if (!reply) return pass(reply.error());
    if (hash_of(reply->toml) != reply->sha256)
        return fail(Code::corrupt, "the text that the CA sent is not the one it names", "E-POLICY-DIGEST", {}, {});
    if (!for_people(globals.output)) return show(globals, {wire::to_json(*reply), {reply->version}});
    std::fwrite(reply->toml.data(), 1, reply->toml.size(), stdout);
    say(reply->version + ", in force from " + reply->applied);
    return 0;
}

Option add_files(Verb verb, std::string& path) {
    return verb.add_option("-f,--file", path, "a folder of .toml files, or one file").required();
}

void add_offline_verbs(Verb group, Cli& cli) {
    auto path = std::make_shared<std::string>();
    add_files(cli.verb(group, "validate", "read a policy, here, and say what is wrong with it",
                       [&cli, path] { return validate(cli.globals, *path); }),
              *path);
    auto cases = std::make_shared<std::vector<std::string>>();
    const auto verb = cli.verb(group, "test", "ask a policy its cases (*.cases.toml), here",
                               [&cli, path, cases] { return test(cli.globals, *path, *cases); });
    add_files(verb, *path);
    verb.add_option("--cases", *cases, "another file of cases (repeat)");
}

void add_change_verbs(Verb group, Cli& cli) {
    auto path = std::make_shared<std::string>();
    auto replay = std::make_shared<std::string>();
    auto reason = std::make_shared<std::string>();
    const auto diff = cli.verb(group, "diff", "what a policy would change (exit 3 when it does)",
                               [&cli, path, replay] { return differ(cli.globals, *path, *replay); });
    add_files(diff, *path);
    diff.add_option("--replay", *replay, "decide again what was asked for so long, e.g. 30d: who loses, who gains");
    const auto change = cli.verb(group, "apply", "propose a policy; in force once it is signed off (exit 6 until then)",
                                 [&cli, path, reason] { return apply(cli.globals, *path, *reason); });
    add_files(change, *path);
    change.add_option("--reason", *reason, "why").required();
    auto version = std::make_shared<std::string>();
    const auto back = cli.verb(group, "rollback", "go back to a policy that was in force", [&cli, version, reason] {
        return post_change(cli.globals, "/v1/policy/rollback", api::PolicyRollback{*version, *reason});
    });
    back.add_option("version", *version, "its number; the one before when absent");
    back.add_option("--reason", *reason, "why").required();
    for (const auto& [word, help] : {std::pair{"approve", "sign off a proposed change"},
                                     {"deny", "refuse a proposed change, at once and for all"},
                                     {"cancel", "take back a change that you proposed"}}) {
        auto flags = std::make_shared<DecideFlags>();
        const auto verb = cli.verb(
            group, word, help, [&cli, flags, word = std::string(word)] { return decide(cli.globals, *flags, word); });
        verb.add_option("change", flags->id, "p-3").required();
        verb.add_option("--sha256", flags->sha256, "of the text you looked at, or how it begins");
        const auto comment = verb.add_option("--comment", flags->comment, "why");
        if (std::string_view(word) == "deny") comment.required();
    }
}

}  // namespace

void add_policy_verbs(Cli& cli) {
    const auto group = cli.root.group("policy", "the rules: as files, their changes and who signs those off");
    add_offline_verbs(group, cli);
    add_change_verbs(group, cli);
    auto id = std::make_shared<std::string>();
    const auto changes =
        cli.verb(group, "changes", "proposed changes, or one of them with what it changes",
                 [&cli, id] { return id->empty() ? list_changes(cli.globals) : one_change(cli.globals, *id); });
    changes.add_option("change", *id, "p-3");
    cli.verb(group, "list", "every policy that was in force", [&cli] { return list_versions(cli.globals); });
    auto at = std::make_shared<std::string>();
    auto version = std::make_shared<std::string>();
    const auto show = cli.verb(group, "show", "the text of a policy",
                               [&cli, at, version] { return show_policy(cli.globals, *at, *version); });
    show.add_option("--at", *at, "the one in force at a time (RFC 3339)");
    show.add_option("--version", *version, "by its number");
}

}  // namespace mayfly::cli
