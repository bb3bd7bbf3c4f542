// audit: read the log, and check it without trusting whoever keeps it.
#include "cli/audit.h"

#include "lib/files/files.h"
#include "lib/log/event.h"
#include "lib/log/witness_policy.h"

namespace mayfly::cli {

void PinnedLog::add_options(Verb verb) {
    verb.add_option("--log-key", vkey, "verifier key of the log (name+id+key); the context's pinned one when absent");
    add_policy(verb);
}

void PinnedLog::add_policy(Verb verb) {
    verb.add_option("--witness-policy", policy, "tlog-policy file: refuse a head that its quorum did not cosign");
}

Result<log::VerifierKey> PinnedLog::key(const Globals& globals) const {
    if (!vkey.empty()) {
        auto given = log::VerifierKey::parse(vkey);
        if (!given) return pass(given.error(), "--log-key");
        return given;
    }
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    return log::VerifierKey::parse(context->bundle.log_key);
}

Result<std::vector<std::string>> PinnedLog::cosigned(std::string_view signed_checkpoint) const {
    if (policy.empty()) return std::vector<std::string>();
    const auto file = files::read(policy, 1 << 20);
    if (!file) return pass(file.error());
    const auto rules = log::WitnessPolicy::parse(text_of(*file));
    if (!rules) return pass(rules.error(), policy);
    const auto note = log::parse_note(signed_checkpoint);
    if (!note) return pass(note.error());
    const auto names = log::check_quorum(*note, *rules);
    if (!names) return pass(names.error());
    return std::vector<std::string>(names->begin(), names->end());
}

log::FileReader published(Session& session) {
    return [&session](const std::string& path) -> Result<Bytes> {
        // The newest head, whether or not witnesses have seen it yet.
        auto body = session.ca.fetch(path == log::kCheckpointPath ? "/v1/log/checkpoint" : "/log/" + path);
        if (!body) return pass(body.error());
        return to_bytes(*body);
    };
}

Answer answer_of(const std::vector<std::pair<std::int64_t, Bytes>>& entries) {
    Answer answer{{},
                  {},
                  {{"ENTRY"},
                   {"TIME"},
                   {"TYPE"},
                   {"ACTOR"},
                   {"SUBJECT"},
                   {"OWNER", Column::Shown::wide},
                   {"DATA", Column::Shown::wide}}};
    wire::Json::Array all;
    for (const auto& [index, leaf] : entries) {
        const auto json = wire::parse_json(text_of(leaf));
        all.emplace_back(wire::Json::Object{{"entry", index}, {"event", json ? *json : wire::Json()}});
        answer.names.push_back(std::to_string(index));
        const auto event = log::parse_event(leaf);
        if (!event) continue;
        answer.rows.push_back({std::to_string(index), event->time.text(), event->type, event->actor, event->subject,
                               event->owner, wire::Json(event->data).canonical()});
    }
    answer.data = std::move(all);
    return answer;
}

void add_audit_verbs(Cli& cli) {
    const auto audit = cli.root.group("audit", "the log");
    add_tail_verb(audit, cli);
    add_audit_read_verbs(audit, cli);
    add_audit_check_verbs(audit, cli);
    add_audit_proof_verbs(audit, cli);
}

}  // namespace mayfly::cli
