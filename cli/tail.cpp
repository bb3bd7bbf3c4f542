// audit tail: the newest entries, and those to come.
#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "cli/verbs.h"
#include "lib/log/event.h"
#include "lib/wire/text.h"
#include "mayfly/api_log.h"

namespace mayfly::cli {

namespace {

constexpr std::int64_t kPage = 1000;
constexpr int kBetweenLooks = 1000;  // milliseconds; the CA has no way to call us

struct TailFlags {
    std::int64_t count = 20;
    bool follow = false;
};

/// Entry is one leaf of the log with its number, which `audit prove` takes.
struct Entry {
    std::int64_t number = 0;
    log::Event event;
    std::string leaf;  ///< the event's canonical JSON, as it stands in the log
};

wire::Json data_of(const Entry& entry) {
    const auto event = wire::parse_json(entry.leaf);
    wire::Json::Object out{{"entry", entry.number}};
    if (event) out.emplace("event", *event);
    return out;
}

Result<Entry> read_entry(std::int64_t number, const std::string& base64) {
    const auto leaf = wire::parse_base64(base64);
    if (!leaf) return pass(leaf.error());
    auto event = log::parse_event(*leaf);
    if (!event) return pass(event.error());
    return Entry{number, std::move(*event), std::string(text_of(*leaf))};
}

Result<std::vector<Entry>> read_page(Session& session, std::int64_t start, std::int64_t count) {
    const auto page = session.ca.get<api::LogEntries>("/v1/log/entries?start=" + std::to_string(start) +
                                                      "&count=" + std::to_string(count));
    if (!page) return pass(page.error());
    std::vector<Entry> out;
    for (const auto& text : page->entries) {
        auto entry = read_entry(start + static_cast<std::int64_t>(out.size()), text);
        if (!entry) return pass(entry.error());
        out.push_back(std::move(*entry));
    }
    return out;
}

std::vector<std::string> row_of(const Entry& entry) {
    return {std::to_string(entry.number),
            entry.event.time.text(),
            entry.event.type,
            entry.event.actor,
            entry.event.subject,
            entry.event.owner,
            wire::Json(entry.event.data).canonical()};
}

const std::vector<Column>& columns() {
    constexpr auto kWide = Column::Shown::wide;
    static const std::vector<Column> all = {{"ENTRY"},   {"TIME"},         {"TYPE"},       {"ACTOR"},
                                            {"SUBJECT"}, {"OWNER", kWide}, {"DATA", kWide}};
    return all;
}

/// As they come: each entry is complete in itself, a line or a YAML document.
void print_one(Output output, const Entry& entry) {
    if (output == Output::yaml) std::fputs("---\n", stdout);
    Answer answer{data_of(entry), {std::to_string(entry.number)}};
    std::string line;
    const auto cells = row_of(entry);
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (output == Output::wide || columns()[i].shown == Column::Shown::always)
            line += (line.empty() ? "" : "  ") + (cells[i].empty() ? "-" : cells[i]);
    answer.lines = {line};
    print(output == Output::json ? Output::jsonl : output, answer);
}

/// Waits; false when nobody reads our output any more.
bool wait_for_more() {
    pollfd out{STDOUT_FILENO, 0, 0};
    (void)::poll(&out, 1, kBetweenLooks);
    return (out.revents & (POLLERR | POLLHUP)) == 0;
}

/// Until somebody interrupts us, or nobody reads any more.
Result<int> follow(const Globals& globals, Session& session, std::int64_t next) {
    for (;;) {
        const auto entries = read_page(session, next, kPage);
        if (!entries) return pass(entries.error());
        for (const auto& entry : *entries) print_one(globals.output, entry);
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return 0;
        next += static_cast<std::int64_t>(entries->size());
        if (entries->empty() && !wait_for_more()) return 0;
    }
}

Result<int> tail(const Globals& globals, const TailFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto size = session->ca.get<api::LogEntries>("/v1/log/entries?start=0&count=1");
    if (!size) return pass(size.error());
    const std::int64_t start = std::max<std::int64_t>(0, size->size - flags.count);
    if (flags.follow) return follow(globals, *session, start);
    const auto entries = read_page(*session, start, flags.count);
    if (!entries) return pass(entries.error());
    Answer answer{{}, {}, columns()};
    wire::Json::Array all;
    for (const auto& entry : *entries) {
        all.push_back(data_of(entry));
        answer.names.push_back(std::to_string(entry.number));
        answer.rows.push_back(row_of(entry));
    }
    answer.data = std::move(all);
    return show(globals, answer);
}

}  // namespace

void add_tail_verb(Verb audit, Cli& cli) {
    auto flags = std::make_shared<TailFlags>();
    const auto verb = cli.verb(audit, "tail", "the newest entries (duty auditor)",
                               [&cli, flags] { return tail(cli.globals, *flags); });
    verb.add_option("-n", flags->count, "how many").between(1, 1000);
    verb.add_flag("-f,--follow", flags->follow, "go on with those to come, until interrupted");
}

}  // namespace mayfly::cli
