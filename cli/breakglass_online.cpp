// breakglass open, join, close, list, review: broken glass while the CA is there.
#include "cli/breakglass.h"
#include "cli/out_files.h"
#include "lib/client/ssh_agent.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "mayfly/api_use.h"

namespace mayfly::cli {

namespace {

constexpr int kPending = 6;  // as for a request that waits for somebody's decision

struct OpenFlags {
    api::BreakglassOpen wish;
    std::string id, out;
    bool force = false;
};

struct ListFlags {
    bool unreviewed = false;
};

/// A new key, certified for the break-glass identity: into ssh-agent until the glass closes, or into files.
Result<int> get_certificate(Session& session, const Globals& globals, const std::string& id, const OpenFlags& flags) {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    const auto prover = client::prove_with(*key);
    const auto reply =
        session.ca.mint("/v1/breakglass/certificates",
                        api::BreakglassCertificate{id, wire::encode_ssh_key_line(key->public_key(), ""), {}}, &prover);
    if (!reply) return pass(reply.error());
    std::string where = flags.out;
    if (flags.out.empty()) {
        auto agent = client::SshAgent::connect();
        if (!agent) return pass(agent.error());
        const auto blob = wire::parse_ssh_certificate_line(reply->certificate);
        if (!blob) return pass(blob.error());
        const auto until = Instant::parse(reply->valid_before);
        if (!until) return pass(until.error());
        const auto left = Lifetime::of_seconds(until->seconds() - SystemClock().now().seconds());
        if (!left) return pass(left.error());
        if (auto ok = agent->add_certificate(*blob, *key, reply->key_id, *left); !ok) return pass(ok.error());
        where = "in ssh-agent until then";
    } else if (auto ok = write_ssh_files(flags.out, *key, *reply); !ok) {
        return pass(ok.error());
    }
    return show(globals, {wire::to_json(*reply),
                          {id},
                          {},
                          {},
                          {},
                          {"✓ " + reply->key_id + " until " + reply->valid_before + "   " + where,
                           "everybody concerned was told; a review is owed: mayfly breakglass list --unreviewed"}});
}

/// Where the certificate will go is settled before anything alarms.
Status place_for(const OpenFlags& flags) {
    if (!flags.out.empty()) return may_write(ssh_files(flags.out), flags.force ? Existing::replace : Existing::keep);
    if (const auto agent = client::SshAgent::connect(); !agent) return pass(agent.error());
    return {};
}

Result<int> open(const Globals& globals, const OpenFlags& flags) {
    if (auto ok = place_for(flags); !ok && !globals.dry_run) return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto opened = session->ca.post<api::BreakglassOpened>("/v1/breakglass/open" + globals.query(), flags.wish);
    if (!opened) return pass(opened.error());
    if (globals.dry_run)
        return show(globals, {wire::to_json(*opened), {}, {}, {}, {}, {"would be opened, and everybody told"}});
    if (opened->use) return get_certificate(*session, globals, opened->use->id, flags);
    print(globals.output, {wire::to_json(*opened),
                           {opened->wait},
                           {},
                           {},
                           {},
                           {"the role takes two; the alarm is out, and it waits for 15 minutes",
                            "next: another person runs: mayfly breakglass join " + opened->wait,
                            "then: mayfly breakglass certificate ID"}});
    return kPending;
}

Result<int> certificate(const Globals& globals, const OpenFlags& flags) {
    if (auto ok = place_for(flags); !ok) return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    return get_certificate(*session, globals, flags.id, flags);
}

Result<int> join(const Globals& globals, const OpenFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto use =
        session->ca.post<api::BreakglassUse>("/v1/breakglass/join" + globals.query(), api::BreakglassId{flags.id});
    if (!use) return pass(use.error());
    return show(globals, {wire::to_json(*use),
                          {use->id},
                          {},
                          {},
                          {},
                          {(globals.dry_run ? "would be opened for " : "✓ opened for ") + use->by + ": " + use->role +
                               " on " + use->node + " until " + use->until,
                           "next: " + use->by + " runs: mayfly breakglass certificate " + use->id}});
}

Result<int> close(const Globals& globals, const OpenFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto done =
        session->ca.post<api::BreakglassId>("/v1/breakglass/close" + globals.query(), api::BreakglassId{flags.id});
    if (!done) return pass(done.error());
    return show(
        globals,
        {wire::to_json(*done),
         {done->id},
         {},
         {},
         {},
         {(globals.dry_run ? "would be closed" : "✓ closed, and its certificates revoked; the review is still owed")}});
}

Result<int> list(const Globals& globals, const ListFlags& flags) {
    return print_list<api::BreakglassUse>(
        globals, std::string("/v1/breakglass") + (flags.unreviewed ? "?unreviewed=true" : ""),
        {{"ID"}, {"MODE"}, {"BY"}, {"ROLE"}, {"NODE"}, {"OPENED"}, {"SESSIONS"}, {"REVIEW"}, {"BY/DUE"}, {"REASON"}},
        [](const api::BreakglassUse& use) {
            const std::string state = use.state == "reviewed" ? use.outcome : use.overdue ? "OVERDUE" : "owed";
            return std::vector<std::string>{use.id,
                                            use.mode,
                                            use.by,
                                            use.role.empty() ? use.account : use.role,
                                            use.node,
                                            use.opened,
                                            std::to_string(use.sessions.size()),
                                            state,
                                            use.state == "reviewed" ? use.reviewer : use.reviewer + " by " + use.due,
                                            use.reason};
        },
        &api::BreakglassUse::id);
}

/// The reason, and beside it what was done: what a reviewer decides on.
Result<int> show_use(const Globals& globals, const OpenFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto found = session->ca.get<api::List<api::BreakglassUse>>("/v1/breakglass?id=" + flags.id);
    if (!found) return pass(found.error());
    if (found->items.empty())
        return fail(Code::not_found, "there is no broken glass \"" + flags.id + "\"", "E-BREAKGLASS-UNKNOWN", {},
                    "mayfly breakglass list");
    const auto& use = found->items.front();
    Answer answer{wire::to_json(use), {use.id}};
    answer.lines = {
        "id         " + use.id + " (" + use.mode + ")",
        "by         " + use.by + (use.second.empty() ? "" : ", with " + use.second) +
            (use.holders.empty() ? "" : ", with the shares of " + joined(use.holders, ", ")),
        "what       " + (use.role.empty() ? "account " + use.account : "role " + use.role) + " on " + use.node,
        "when       " + use.opened + " to " + (use.closed.empty() ? use.until : use.closed),
        "reason     " + use.reason,
        "review     " + (use.state == "reviewed"
                             ? use.outcome + " by " + use.reviewer + ": " + use.comment
                             : "owed by " + use.reviewer + " until " + use.due + (use.overdue ? " (OVERDUE)" : ""))};
    for (const auto& one : use.sessions)
        answer.lines.push_back("session    " + one.account + "@" + one.node + " from " + one.source + ", " +
                               one.opened + " to " + (one.closed.empty() ? "now" : one.closed));
    if (use.sessions.empty()) answer.lines.emplace_back("session    none was reported");
    return show(globals, answer);
}

Result<int> review(const Globals& globals, const api::BreakglassReview& given) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto done = session->ca.post<api::BreakglassReview>("/v1/breakglass/review" + globals.query(), given);
    if (!done) return pass(done.error());
    return show(globals,
                {wire::to_json(*done),
                 {done->id},
                 {},
                 {},
                 {},
                 {(globals.dry_run ? "would be reviewed: " : "✓ reviewed: ") + done->id + " " + done->outcome}});
}

void add_out(Verb verb, OpenFlags& flags) {
    verb.add_option("--out", flags.out, "write PATH, PATH.pub and PATH-cert.pub instead of using ssh-agent");
    verb.add_flag("--force", flags.force, "replace files that --out names");
}

}  // namespace

void add_breakglass_online_verbs(Verb breakglass, Cli& cli) {
    auto opening = std::make_shared<OpenFlags>();
    const auto make = cli.verb(breakglass, "open", "break the glass of a role; alarms at once, and a review is owed",
                               [&cli, opening] { return open(cli.globals, *opening); });
    make.add_option("role", opening->wish.role, "role whose glass is broken").required();
    make.add_option("--node", opening->wish.node, "the one node").required();
    make.add_option("--reason", opening->wish.reason, "why; the review holds it against what was done").required();
    make.add_option("--second", opening->wish.second, "owner who alone may join, where the role takes two");
    make.add_option("--for", opening->wish.ttl, "how long; the role's when absent");
    add_out(make, *opening);

    const auto by_id = [&](const char* name, const char* help, Result<int> (*run)(const Globals&, const OpenFlags&),
                           DryRun dry_run) {
        auto flags = std::make_shared<OpenFlags>();
        const auto verb = cli.verb(
            breakglass, name, help, [&cli, flags, run] { return run(cli.globals, *flags); }, dry_run);
        verb.add_option("id", flags->id, "id, as list shows it").required();
        return std::pair(verb, flags);
    };
    by_id("join", "be the second person for glass that takes two", join, DryRun::fits);
    const auto [again, again_flags] =
        by_id("certificate", "a certificate on glass that you broke", certificate, DryRun::refused);
    add_out(again, *again_flags);
    by_id("close", "close broken glass before its end, and revoke what was minted on it", close, DryRun::fits);
    by_id("show", "one use, with its reason and the sessions beside it", show_use, DryRun::fits);

    auto listing = std::make_shared<ListFlags>();
    cli.verb(breakglass, "list", "broken glass, newest first", [&cli, listing] { return list(cli.globals, *listing); })
        .add_flag("--unreviewed", listing->unreviewed, "only what owes a review");

    auto given = std::make_shared<api::BreakglassReview>();
    const auto judge = cli.verb(breakglass, "review", "say whether a use was justified; never your own",
                                [&cli, given] { return review(cli.globals, *given); });
    judge.add_option("id", given->id, "id, as list shows it").required();
    judge.add_option("--outcome", given->outcome, "what it was")
        .required()
        .one_of({"justified", "policy-gap", "abuse"});
    judge.add_option("--comment", given->comment, "what the sessions show beside the reason").required();
}

}  // namespace mayfly::cli
