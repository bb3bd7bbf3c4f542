// breakglass envelope and reconcile: what the CA is told about the emergency key.
#include "cli/breakglass.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/api_use.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestRecords = 64 << 20, kLinesAtOnce = 20;

struct RecordFlags {
    std::string file, reason;
};

Result<int> publish(const Globals& globals, const RecordFlags& flags) {
    const auto envelope = load_envelope(flags.file);
    if (!envelope) return pass(envelope.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<api::EmergencyEnvelope>("/v1/breakglass/envelope" + globals.query(),
                                                                api::EmergencyEnvelope{envelope->text});
    if (!reply) return pass(reply.error());
    return show(globals, {wire::to_json(*reply),
                          {reply->sha256},
                          {},
                          {},
                          {},
                          {globals.dry_run ? "would be published"
                                           : "✓ nodes trust the emergency key " + reply->key + " until " +
                                                 reply->expires + ", from their next round on"}});
}

Result<int> show_envelope(const Globals& globals, const RecordFlags&) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::EmergencyEnvelope>("/v1/breakglass/envelope");
    if (!reply) return pass(reply.error());
    const auto read = breakglass::read_envelope(reply->document);
    if (!read) return pass(read.error());
    const auto& envelope = read->envelope;
    const auto texts = [](const auto& names) {
        std::vector<std::string> out;
        for (const auto& name : names) out.push_back(name.text());
        return joined(out, ", ");
    };
    Answer answer{wire::to_json(*reply), {reply->sha256}};
    answer.lines = {"key        " + reply->key,
                    "envelope   " + reply->sha256,
                    "accounts   " + texts(envelope.accounts),
                    "nodes      " + (envelope.nodes.empty() ? "any, one at a time" : texts(envelope.nodes)),
                    "longest    " + envelope.longest.text(),
                    "shares     " + std::to_string(envelope.threshold) + " of " +
                        std::to_string(envelope.holders.size()) + ": " + texts(envelope.holders),
                    "until      " + reply->expires};
    return show(globals, answer);
}

Result<int> withdraw(const Globals& globals, const RecordFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<api::EnvelopeWithdrawal>("/v1/breakglass/withdrawal" + globals.query(),
                                                                 api::EnvelopeWithdrawal{flags.reason});
    if (!reply) return pass(reply.error());
    return show(globals, {wire::to_json(*reply),
                          {},
                          {},
                          {},
                          {},
                          {globals.dry_run ? "would be withdrawn"
                                           : "✓ nodes stop trusting the emergency key at their next round, and its "
                                             "certificates are in the revocation list"}});
}

/// The lines of a record file, and the envelope that the first of them names. The CA checks all of it.
Result<api::EmergencyRecords> read_lines(const std::string& path) {
    const auto file = files::read(path, kLargestRecords);
    if (!file) return pass(file.error());
    std::string_view rest = text_of(*file);
    api::EmergencyRecords out;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        if (end == std::string_view::npos)
            return fail(Code::corrupt, path + ": the last line was not written to its end", "E-BREAKGLASS-RECORD",
                        "its certificate never left", "take the half line away, or unseal once more: that mends it");
        out.lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    if (out.lines.empty()) return out;
    const auto json = wire::parse_json(out.lines.front());
    if (!json) return pass(json.error(), path);
    wire::Fields line(*json, "record line");
    const auto* record = line.member("record");
    if (record == nullptr) return fail(Code::malformed, path + " holds no records", "E-BREAKGLASS-RECORD", {}, {});
    wire::Fields fields(*record, "record");
    out.envelope = fields.text("envelope");
    return out;
}

Result<int> reconcile(const Globals& globals, const RecordFlags& flags) {
    const auto records = read_lines(flags.file);
    if (!records) return pass(records.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    api::EmergencyRecordsReply total;
    for (std::size_t at = 0; at < records->lines.size(); at += kLinesAtOnce) {
        const auto last = std::min(at + kLinesAtOnce, records->lines.size());
        const auto reply = session->ca.post<api::EmergencyRecordsReply>(
            "/v1/breakglass/records" + globals.query(),
            api::EmergencyRecords{records->envelope,
                                  {records->lines.begin() + static_cast<std::ptrdiff_t>(at),
                                   records->lines.begin() + static_cast<std::ptrdiff_t>(last)}});
        if (!reply) return pass(reply.error());
        total.added += reply->added;
        total.known += reply->known;
        total.matched += reply->matched;
    }
    return show(globals, {wire::to_json(total),
                          {},
                          {},
                          {},
                          {},
                          {(globals.dry_run ? "would be: " : "✓ ") + std::to_string(total.added) + " records new, " +
                               std::to_string(total.known) + " known; they explain " + std::to_string(total.matched) +
                               " sessions",
                           "next: mayfly breakglass list --unreviewed"}});
}

}  // namespace

void add_breakglass_record_verbs(Verb breakglass, Cli& cli) {
    const auto envelope = breakglass.group("envelope", "what nodes trust the emergency key for");
    auto published = std::make_shared<RecordFlags>();
    cli.verb(envelope, "publish", "have nodes trust an emergency key within its envelope (duty platform)",
             [&cli, published] { return publish(cli.globals, *published); })
        .add_option("file", published->file, "envelope.json, as shares create wrote it")
        .required();
    cli.verb(envelope, "show", "the envelope in force", [&cli] { return show_envelope(cli.globals, {}); });
    auto withdrawn = std::make_shared<RecordFlags>();
    cli.verb(envelope, "withdraw", "have nodes stop trusting it: a share is lost, or its day is over",
             [&cli, withdrawn] { return withdraw(cli.globals, *withdrawn); })
        .add_option("--reason", withdrawn->reason, "why")
        .required();
    auto records = std::make_shared<RecordFlags>();
    cli.verb(breakglass, "reconcile", "tell the CA what the emergency key was used for",
             [&cli, records] { return reconcile(cli.globals, *records); })
        .add_option("--record", records->file, "the local record that unseal wrote")
        .required();
}

}  // namespace mayfly::cli
