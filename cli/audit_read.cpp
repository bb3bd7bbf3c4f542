// audit search, audit show: reading entries that were asked for.
#include "cli/audit.h"
#include "cli/serial.h"
#include "lib/log/proof.h"
#include "lib/wire/text.h"
#include "mayfly/api_log.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

using Rows = std::vector<std::pair<std::int64_t, Bytes>>;

struct SearchFlags {
    std::string actor, owner, identity, role, serial, request, node, type, since, until;
    std::int64_t limit = 50;
};

/// "30m" is that long ago; anything else is RFC 3339.
Result<std::string> moment(const std::string& word, Instant now) {
    if (const auto ago = Lifetime::parse(word)) return Instant(now.seconds() - ago->seconds()).text();
    const auto time = Instant::parse(word);
    if (!time) return pass(time.error());
    return time->text();
}

/// Percent-encoding of a query value (RFC 3986 section 2.1).
std::string encoded(const std::string& value) {
    std::string out;
    for (const char c : value) {
        const auto byte = static_cast<std::uint8_t>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
        out += plain ? std::string(1, c) : "%" + wire::hex(ByteView(&byte, 1));
    }
    return out;
}

Result<std::string> query_of(const SearchFlags& flags) {
    std::string out;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) out += std::string("&") + name + "=" + encoded(value);
    };
    add("actor", flags.actor);
    add("owner", flags.owner);
    add("identity", flags.identity);
    add("role", flags.role);
    add("serial", serial_as_kept(flags.serial));
    add("request", flags.request);
    add("node", flags.node);
    add("type", flags.type);
    for (const auto& [name, word] : {std::pair{"since", &flags.since}, std::pair{"until", &flags.until}}) {
        if (word->empty()) continue;
        const auto time = moment(*word, SystemClock().now());
        if (!time) return pass(time.error(), std::string("--") + name);
        add(name, *time);
    }
    return out;
}

/// The CA looks through a stretch per call; this side goes on until there are enough.
Result<int> search(const Globals& globals, const SearchFlags& flags) {
    const auto query = query_of(flags);
    if (!query) return pass(query.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    Rows rows;
    std::int64_t before = 0;
    do {
        const auto left = flags.limit - static_cast<std::int64_t>(rows.size());
        const auto page = session->ca.get<api::LogMatches>("/v1/log/search?before=" + std::to_string(before) +
                                                           "&limit=" + std::to_string(left) + *query);
        if (!page) return pass(page.error());
        for (const auto& match : page->matches) {
            auto entry = wire::parse_base64(match.entry);
            if (!entry) return pass(entry.error());
            rows.emplace_back(match.index, std::move(*entry));
        }
        if (page->next != 0 && before != 0 && page->next >= before)
            return fail(Code::corrupt, "the CA's search does not come to an end", "E-LOG-SEARCH", {}, {});
        before = page->next;
    } while (before != 0 && static_cast<std::int64_t>(rows.size()) < flags.limit);
    auto answer = answer_of(rows);
    if (before != 0) answer.messages = {"there may be more: --limit shows more, --since and --until narrow it"};
    return show(globals, answer);
}

/// One entry, with its proof checked before it is shown.
Result<int> show_entry(const Globals& globals, std::int64_t index) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::LogProof>("/v1/log/proof?index=" + std::to_string(index));
    if (!reply) return pass(reply.error());
    const auto entry = wire::parse_base64(reply->log_entry);
    const auto proof = log::parse_proof(reply->log_proof);
    if (!entry || !proof || proof->index != static_cast<std::uint64_t>(index))
        return fail(Code::corrupt, "the CA's answer is not the entry that was asked for", "E-LOG-PROOF", {}, {});
    const auto head = log::verify_proof(*proof, *entry, session->ca.log_key());
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-PROOF", {}, {}});
    auto answer = answer_of({{index, *entry}});
    wire::Json one = answer.data.array()->front();
    answer = {one, {std::to_string(index)}};
    answer.lines = {one.pretty()};
    answer.messages = {"✓ in the log of " + std::to_string(head->size) + " signed by " + head->origin + ", leaf " +
                       wire::base64(log::leaf_hash(*entry))};
    return show(globals, answer);
}

}  // namespace

void add_audit_read_verbs(Verb audit, Cli& cli) {
    auto flags = std::make_shared<SearchFlags>();
    const auto find = cli.verb(audit, "search", "entries that match all of what is given, newest first (duty auditor)",
                               [&cli, flags] { return search(cli.globals, *flags); });
    find.add_option("--actor", flags->actor, "who did it: human/alice");
    find.add_option("--owner", flags->owner, "who answers for what it is about: alice");
    find.add_option("--identity", flags->identity, "who did it, or whom it is about: node/db-7");
    find.add_option("--role", flags->role, "the role it is about");
    find.add_option("--serial", flags->serial, "serial of a certificate");
    find.add_option("--request", flags->request, "id of a request, an intent, or the hash of what was asked");
    find.add_option("--node", flags->node, "a node's name: db-7");
    find.add_option("--type", flags->type, "type of event: certificate.issued, or certificate. for all of a kind");
    find.add_option("--since", flags->since, "RFC 3339, or how long ago: 8h");
    find.add_option("--until", flags->until, "RFC 3339, or how long ago");
    find.add_option("--limit", flags->limit, "how many at most").between(1, 100000);

    auto index = std::make_shared<std::int64_t>(0);
    cli.verb(audit, "show", "one entry, proved to be in the log (duty auditor)",
             [&cli, index] { return show_entry(cli.globals, *index); })
        .add_option("entry", *index, "its number")
        .required()
        .not_negative();
}

}  // namespace mayfly::cli
