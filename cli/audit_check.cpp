// audit verify, audit export: the whole log, checked against the pinned key.
#include <filesystem>

#include "cli/audit.h"
#include "lib/files/files.h"
#include "lib/log/event.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestFile = 32 << 20;  // a bundle of 256 entries of 65,535 bytes, and some

struct CheckFlags {
    PinnedLog log;
    std::string dir, out;
    bool events = false;
};

std::string remembered_file(const client::Context& context) { return context.state_dir() + "/log.head"; }

/// A head that was verified earlier and kept in a file, if it is still one of this log.
std::optional<log::Checkpoint> kept_head(const std::string& file, const log::VerifierKey& key) {
    const auto bytes = files::read(file, 1 << 20);
    if (!bytes) return std::nullopt;
    const auto head = log::open_checkpoint(text_of(*bytes), key);
    return head ? std::optional(*head) : std::nullopt;
}

log::FileReader folder(const std::string& dir) {
    return [dir](const std::string& path) { return files::read(dir + "/" + path, kLargestFile); };
}

Status check_event(std::uint64_t index, ByteView entry) {
    const auto event = log::parse_event(entry);
    if (event) return {};
    return fail(Code::corrupt, "entry " + std::to_string(index) + " is not an event: " + event.error().message,
                "E-LOG-DAMAGED", "the log holds what this build cannot read", {});
}

Result<int> tell(const Globals& globals, const log::Checkpoint& head, const log::AuditOptions& options,
                 const std::vector<std::string>& cosigners, const std::string& where) {
    std::uint64_t older = 0;
    for (const auto& one : options.older) older = std::max(older, one.size);
    std::string text = "✓ " + std::to_string(head.size) + " entries lead to the head signed by " + head.origin;
    if (older > 0) text += ", which extends the one of " + std::to_string(older) + " verified before";
    if (!cosigners.empty()) text += ", cosigned by " + joined(cosigners, ", ");
    return show(globals, {wire::Json::Object{{"verified", true},
                                             {"origin", head.origin},
                                             {"size", static_cast<std::int64_t>(head.size)},
                                             {"root", wire::base64(head.root)},
                                             {"cosigned_by", json_of(cosigners)}},
                          {std::to_string(head.size)},
                          {},
                          {},
                          {},
                          {text + (where.empty() ? "" : "   " + where)}});
}

/// Everything from a folder, and no network. An older copy than what was verified before is no rollback.
Result<int> verify_folder(const Globals& globals, const CheckFlags& flags) {
    const auto key = flags.log.key(globals);
    if (!key) return pass(key.error());
    const auto note = files::read(flags.dir + "/" + log::kCheckpointPath, 1 << 20);
    if (!note) return pass(note.error());
    log::AuditOptions options;
    if (flags.events) options.entry = check_event;
    const auto context = client::load_context(globals.context);
    const auto size = kept_head(flags.dir + "/" + log::kCheckpointPath, *key);
    if (const auto before = context ? kept_head(remembered_file(*context), *key) : std::nullopt)
        if (size && before->size <= size->size) options.older.push_back(*before);
    const auto head = log::audit(folder(flags.dir), *key, options);
    if (!head) return pass(head.error());
    const auto cosigners = flags.log.cosigned(text_of(*note));
    if (!cosigners) return pass(cosigners.error());
    return tell(globals, *head, options, *cosigners, "");
}

/// Everything from the CA. The head is remembered: what was verified once cannot be taken back unseen.
Result<int> verify_online(const Globals& globals, const CheckFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto& key = session->ca.log_key();
    const auto source = published(*session);
    std::string note;
    const log::FileReader reader = [&](const std::string& path) {
        auto bytes = source(path);
        if (bytes && path == log::kCheckpointPath) note = std::string(text_of(*bytes));
        return bytes;
    };
    log::AuditOptions options;
    if (flags.events) options.entry = check_event;
    if (const auto before = kept_head(remembered_file(session->context), key)) options.older.push_back(*before);
    const auto head = log::audit(reader, key, options);
    if (!head) return pass(head.error());
    const auto cosigners = flags.log.cosigned(note);
    if (!cosigners) return pass(cosigners.error());
    if (auto ok = files::write(remembered_file(session->context), view(note), 0600); !ok) return pass(ok.error());
    return tell(globals, *head, options, *cosigners, "");
}

/// A folder is filled tile by tile while it is verified; its checkpoint is written last, so that what the checkpoint
/// promises is there. Full tiles never change: those that are there already are not fetched again.
Result<int> export_log(const Globals& globals, const CheckFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto& key = session->ca.log_key();
    std::string note;
    const log::FileReader reader = [&](const std::string& path) -> Result<Bytes> {
        if (path == log::kCheckpointPath) {
            auto body = session->ca.fetch("/log/checkpoint");
            if (!body) return pass(body.error());
            note = *body;
            return to_bytes(note);
        }
        const std::string file = flags.out + "/" + path;
        if (path.find(".p/") == std::string::npos)
            if (auto kept = files::read(file, kLargestFile)) return kept;
        auto body = session->ca.fetch("/log/" + path);
        if (!body) return pass(body.error());
        std::error_code error;
        std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
        if (error) return fail(Code::unavailable, "cannot make the folder of " + file + ": " + error.message());
        if (auto ok = files::write(file, view(*body), 0444); !ok) return pass(ok.error());
        return to_bytes(*body);
    };
    log::AuditOptions options;
    for (const auto& file : {remembered_file(session->context), flags.out + "/" + log::kCheckpointPath})
        if (const auto before = kept_head(file, key)) options.older.push_back(*before);
    // The published head waits for witnesses; the one that was verified before need not have.
    const auto first = session->ca.fetch("/log/checkpoint");
    const auto now = first ? log::open_checkpoint(*first, key) : pass(first.error());
    if (!first) return pass(first.error());
    if (now) std::erase_if(options.older, [&](const auto& older) { return older.size > now->size; });
    const auto head = log::audit(reader, key, options);
    if (!head) return pass(head.error());
    const auto cosigners = flags.log.cosigned(note);
    if (!cosigners) return pass(cosigners.error());
    if (auto ok = files::write(flags.out + "/" + log::kCheckpointPath, view(note), 0644); !ok) return pass(ok.error());
    return tell(globals, *head, options, *cosigners, flags.out);
}

}  // namespace

void add_audit_check_verbs(Verb audit, Cli& cli) {
    auto flags = std::make_shared<CheckFlags>();
    const auto verify =
        cli.verb(audit, "verify", "rebuild the whole log from its entries, against the pinned key", [&cli, flags] {
            return flags->dir.empty() ? verify_online(cli.globals, *flags) : verify_folder(cli.globals, *flags);
        });
    verify.add_option("dir", flags->dir, "folder that audit export made (no network); the CA's own when absent");
    verify.add_flag("--events", flags->events, "read every entry too: each must be an event in canonical form");
    flags->log.add_options(verify);
    const auto save = cli.verb(
        audit, "export", "copy the log into a folder of C2SP tlog-tiles, verified (duty auditor)",
        [&cli, flags] { return export_log(cli.globals, *flags); }, DryRun::refused);
    flags->log.add_policy(save);
    save.add_option("--out", flags->out, "the folder; an earlier copy in it is continued").required();
}

}  // namespace mayfly::cli
