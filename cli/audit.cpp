// audit: read the log, and check it without trusting whoever keeps it.
#include "cli/out_files.h"
#include "cli/verbs.h"
#include "lib/files/files.h"
#include "lib/log/event.h"
#include "lib/log/merkle.h"
#include "lib/wire/buffer.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::int64_t kPage = 1000;
constexpr std::size_t kLargestSaved = std::size_t{2} << 30;

/// Follower recomputes the tree entry by entry, and compares with an older head when it comes to its size.
struct Follower {
    std::optional<log::Checkpoint> older;
    log::Tree tree{};
    Bytes saved{};
    bool save = false;

    Status add(ByteView entry) {
        if (auto event = log::parse_event(entry); !event)
            return fail(Code::corrupt,
                        "entry " + std::to_string(tree.size()) + " is not an event: " + event.error().message,
                        "E-LOG-DAMAGED", {}, {});
        tree.append(log::leaf_hash(entry));
        (void)tree.take_changed();
        if (save) {
            saved.push_back(static_cast<std::uint8_t>(entry.size() >> 8U));
            saved.push_back(static_cast<std::uint8_t>(entry.size()));
            saved.insert(saved.end(), entry.begin(), entry.end());
        }
        if (older && tree.size() == older->size && tree.root() != older->root)
            return fail(Code::corrupt, "the log has rewritten entries before " + std::to_string(older->size),
                        "E-LOG-FORK", "an earlier verified head covers other entries",
                        "keep both, and tell whoever answers for the CA");
        return {};
    }
    Status finish(const log::Checkpoint& head) const {
        if (tree.size() != head.size || tree.root() != head.root)
            return fail(Code::corrupt, "the entries do not lead to the signed head", "E-LOG-DAMAGED",
                        std::to_string(tree.size()) + " entries read, head of " + std::to_string(head.size), {});
        if (older && head.size < older->size)
            return fail(Code::corrupt,
                        "the log has shrunk from " + std::to_string(older->size) + " to " + std::to_string(head.size) +
                            " entries",
                        "E-LOG-BEHIND", "an earlier verified head is larger", {});
        return {};
    }
};

std::string remembered_file(const client::Context& context) { return context.state_dir() + "/log.head"; }

std::optional<log::Checkpoint> remembered(const client::Context& context, const log::VerifierKey& key) {
    const auto file = files::read(remembered_file(context), 1 << 20);
    if (!file) return std::nullopt;
    const auto head = log::open_checkpoint(text_of(*file), key);
    return head ? std::optional(*head) : std::nullopt;
}

Status fetch_all(Session& session, std::uint64_t size, Follower& follower) {
    while (follower.tree.size() < size) {
        const auto count = std::min<std::int64_t>(kPage, static_cast<std::int64_t>(size - follower.tree.size()));
        const auto page = session.ca.get<api::LogEntries>(
            "/v1/log/entries?start=" + std::to_string(follower.tree.size()) + "&count=" + std::to_string(count));
        if (!page) return pass(page.error());
        if (page->entries.empty())
            return fail(Code::corrupt,
                        "the log ends at entry " + std::to_string(follower.tree.size()) + ", before its head",
                        "E-LOG-DAMAGED", {}, {});
        for (const auto& text : page->entries) {
            const auto entry = wire::parse_base64(text);
            if (!entry) return pass(entry.error());
            if (auto ok = follower.add(*entry); !ok) return ok;
        }
    }
    return {};
}

Result<int> tell(const Globals& globals, const log::Checkpoint& head, const Follower& follower) {
    return show(
        globals,
        {wire::Json::Object{{"verified", true},
                            {"origin", head.origin},
                            {"size", static_cast<std::int64_t>(head.size)},
                            {"root", wire::base64(head.root)}},
         {std::to_string(head.size)},
         {},
         {},
         {},
         {"✓ " + std::to_string(head.size) + " entries lead to the head signed by " + head.origin +
          (follower.older ? ", which extends the one of " + std::to_string(follower.older->size) + " verified before"
                          : "")}});
}

Result<int> verify_online(const Globals& globals, const std::string& save_dir) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto note = session->ca.fetch("/v1/log/checkpoint");
    if (!note) return pass(note.error());
    const auto head = log::open_checkpoint(*note, session->ca.log_key());
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-HEAD", {}, {}});
    Follower follower{remembered(session->context, session->ca.log_key())};
    follower.save = !save_dir.empty();
    if (auto ok = fetch_all(*session, head->size, follower); !ok) return pass(ok.error());
    if (auto ok = follower.finish(*head); !ok) return pass(ok.error());
    if (auto ok = files::write(remembered_file(session->context), view(*note), 0600); !ok) return pass(ok.error());
    if (follower.save) {
        if (auto ok = make_folder(save_dir); !ok) return pass(ok.error());
        if (auto ok = files::write(save_dir + "/checkpoint", view(*note), 0644); !ok) return pass(ok.error());
        if (auto ok = files::write(save_dir + "/entries", follower.saved, 0644); !ok) return pass(ok.error());
    }
    return tell(globals, *head, follower);
}

/// With the pinned key and two files, and no network.
Result<int> verify_offline(const Globals& globals, const std::string& dir) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto key = log::VerifierKey::parse(context->bundle.log_key);
    if (!key) return pass(key.error());
    const auto note = files::read(dir + "/checkpoint", 1 << 20);
    if (!note) return pass(note.error());
    const auto head = log::open_checkpoint(text_of(*note), *key);
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-HEAD", {}, {}});
    const auto entries = files::read(dir + "/entries", kLargestSaved);
    if (!entries) return pass(entries.error());
    Follower follower{remembered(*context, *key)};
    for (ByteView rest = *entries; !rest.empty();) {
        const std::size_t size = rest.size() < 2 ? rest.size() : static_cast<std::size_t>(rest[0] << 8U | rest[1]);
        if (rest.size() < 2 || rest.size() - 2 < size)
            return fail(Code::corrupt,
                        "the saved entries end in the middle of entry " + std::to_string(follower.tree.size()),
                        "E-LOG-DAMAGED", {}, {});
        if (auto ok = follower.add(rest.subspan(2, size)); !ok) return pass(ok.error());
        rest = rest.subspan(2 + size);
    }
    if (follower.older && follower.older->size > head->size) follower.older.reset();  // an older copy is no rollback
    if (auto ok = follower.finish(*head); !ok) return pass(ok.error());
    return tell(globals, *head, follower);
}

Result<int> prove(const Globals& globals, std::int64_t index) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::LogProof>("/v1/log/proof?index=" + std::to_string(index));
    if (!reply) return pass(reply.error());
    const auto entry = wire::parse_base64(reply->log_entry);
    const auto proof = log::parse_proof(reply->log_proof);
    if (!entry || !proof) return fail(Code::corrupt, "the CA's proof is not one");
    if (const auto head = log::verify_proof(*proof, *entry, session->ca.log_key()); !head)
        return pass(Error{Code::corrupt, head.error().message, "E-LOG-PROOF", {}, {}});
    if (!for_people(globals.output)) return show(globals, {wire::to_json(*reply), {std::to_string(index)}});
    std::printf("%s", reply->log_proof.c_str());  // a file for other programs; its signature has just been verified
    return 0;
}

}  // namespace

void add_audit_verbs(Cli& cli) {
    auto* audit = cli.group("audit", "the log");
    add_tail_verb(audit, cli);
    auto save = std::make_shared<std::string>();
    auto offline = std::make_shared<std::string>();
    auto* check = cli.verb(audit, "verify", "recompute the whole log against the pinned key", [&cli, save, offline] {
        return offline->empty() ? verify_online(cli.globals, *save) : verify_offline(cli.globals, *offline);
    });
    check->add_option("--save", *save, "folder to keep checkpoint and entries in");
    check->add_option("--offline", *offline, "folder that --save filled; no network");
    auto index = std::make_shared<std::int64_t>(0);
    cli.verb(audit, "prove", "the tlog-proof of one entry (duty auditor)",
             [&cli, index] { return prove(cli.globals, *index); })
        ->add_option("entry", *index, "its number")
        ->required()
        ->check(CLI::NonNegativeNumber);
}

}  // namespace mayfly::cli
