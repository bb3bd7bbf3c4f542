// audit prove, audit consistency, verify: single statements about the log, each checked on this side.
#include <charconv>

#include "cli/audit.h"
#include "lib/files/files.h"
#include "lib/log/proof.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"
#include "mayfly/api_log.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestFile = 1 << 20;

struct ProveFlags {
    std::int64_t index = 0;
    std::string file;
    bool cosigned = false;
};

Result<int> prove(const Globals& globals, const ProveFlags& flags) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.get<api::LogProof>("/v1/log/proof?index=" + std::to_string(flags.index) +
                                                      (flags.cosigned ? "&cosigned=true" : ""));
    if (!reply) return pass(reply.error());
    const auto entry = wire::parse_base64(reply->log_entry);
    const auto proof = log::parse_proof(reply->log_proof);
    if (!entry || !proof || proof->index != static_cast<std::uint64_t>(flags.index))
        return fail(Code::corrupt, "the CA's answer is not the proof that was asked for", "E-LOG-PROOF", {}, {});
    const auto head = log::verify_proof(*proof, *entry, session->ca.log_key());
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-PROOF", {}, {}});
    const std::string index = std::to_string(flags.index);
    const std::string found = "✓ entry " + index + " is in the log of " + std::to_string(head->size);
    if (!flags.file.empty()) {
        if (auto ok = files::write(flags.file, view(reply->log_proof), 0644); !ok) return pass(ok.error());
        return show(globals, {wire::to_json(*reply), {index}, {}, {}, {}, {found + "   " + flags.file}});
    }
    if (!for_people(globals.output)) return show(globals, {wire::to_json(*reply), {index}});
    std::printf("%s", reply->log_proof.c_str());  // a file for other programs; its signature has just been verified
    return 0;
}

/// A size, or the file of a checkpoint that somebody kept.
Result<log::Checkpoint> head_of(const std::string& word, const log::VerifierKey& key, const log::TileReader& tiles) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), size);
    if (error == std::errc{} && end == word.data() + word.size()) {
        const auto root = log::root_of(size, tiles);
        if (!root) return pass(root.error());
        return log::Checkpoint{key.name(), size, *root};
    }
    const auto file = files::read(word, kLargestFile);
    if (!file) return pass(file.error());
    auto head = log::open_checkpoint(text_of(*file), key);
    if (!head) return pass(Error{Code::corrupt, word + ": " + head.error().message, "E-LOG-HEAD", {}, {}});
    return head;
}

/// Proves on this side, out of public hash tiles, that `older` is how `newer` began.
Result<std::vector<Digest>> extends(const log::Checkpoint& older, const log::Checkpoint& newer,
                                    const log::TileReader& tiles) {
    if (older.size > newer.size)
        return fail(Code::corrupt,
                    "the log has shrunk from " + std::to_string(older.size) + " to " + std::to_string(newer.size),
                    "E-LOG-BEHIND", {}, "keep both heads, and tell whoever answers for the CA");
    auto proof = log::prove_consistency(older.size, newer.size, tiles);
    if (!proof) return proof;
    if (auto ok = log::verify_consistency(older.size, older.root, newer.size, newer.root, *proof); !ok)
        return fail(Code::corrupt, ok.error().message, "E-LOG-FORK",
                    "the head of " + std::to_string(older.size) + " is not how the log of " +
                        std::to_string(newer.size) + " began",
                    "keep both heads, and tell whoever answers for the CA");
    return proof;
}

Result<int> consistency(const Globals& globals, const std::string& old_word, const std::string& new_word) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto& key = session->ca.log_key();
    const auto source = published(*session);
    const auto note = source(log::kCheckpointPath);
    if (!note) return pass(note.error());
    const auto head = log::open_checkpoint(text_of(*note), key);
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-HEAD", {}, {}});
    const auto tiles = log::tiles_of(source, head->size);
    const auto older = head_of(old_word, key, tiles), newer = head_of(new_word, key, tiles);
    if (!older || !newer) return pass(older ? newer.error() : older.error());
    // What the CA says of either size counts because its signed head contains it.
    if (const auto signed_too = extends(*newer, *head, tiles); !signed_too) return pass(signed_too.error());
    const auto proof = extends(*older, *newer, tiles);
    if (!proof) return pass(proof.error());
    wire::Json::Array hashes;
    for (const auto& hash : *proof) hashes.emplace_back(wire::base64(hash));
    const auto shown = [](const log::Checkpoint& one) {
        return wire::Json(
            wire::Json::Object{{"size", static_cast<std::int64_t>(one.size)}, {"root", wire::base64(one.root)}});
    };
    return show(globals, {wire::Json::Object{{"consistent", true},
                                             {"old", shown(*older)},
                                             {"new", shown(*newer)},
                                             {"head", shown(*head)},
                                             {"hashes", std::move(hashes)}},
                          {std::to_string(newer->size)},
                          {},
                          {},
                          {},
                          {"✓ the log of " + std::to_string(newer->size) + " entries begins with the one of " +
                           std::to_string(older->size) + ", and the head of " + std::to_string(head->size) +
                           " signed by " + head->origin + " with both"}});
}

Result<Bytes> certificate_in(ByteView file) {
    const auto text = text_of(file);
    if (text.find("-cert-v01@openssh.com ") < 64) return wire::parse_ssh_certificate_line(text);
    if (!file.empty() && file[0] == 0x30) return to_bytes(file);
    const auto blocks = wire::parse_pem(text);
    if (!blocks) return pass(blocks.error());
    // The leaf stands first in a chain (RFC 8446 section 4.4.2).
    if (!blocks->empty() && blocks->front().label == "CERTIFICATE") return blocks->front().der;
    return fail(Code::malformed, "it holds no certificate", "E-VERIFY", "an SSH certificate, PEM or DER", {});
}

Result<Bytes> entry_for(const IssuedFlags& flags, const log::TlogProof& proof) {
    if (!flags.leaf.empty()) return files::read(flags.leaf, kLargestFile);
    if (proof.extra) return *proof.extra;
    return fail(Code::not_found, "the proof does not carry the log entry it is about", "E-VERIFY", {},
                "name the entry's file with --leaf");
}

}  // namespace

Result<int> verify_issued(const Globals& globals, const IssuedFlags& flags) {
    const auto key = flags.log.key(globals);
    if (!key) return pass(key.error());
    const auto file = files::read(flags.certificate, kLargestFile), text = files::read(flags.proof, kLargestFile);
    if (!file || !text) return pass(file ? text.error() : file.error());
    const auto certificate = certificate_in(*file);
    if (!certificate) return pass(certificate.error(), flags.certificate);
    const auto proof = log::parse_proof(text_of(*text));
    if (!proof) return pass(proof.error(), flags.proof);
    const auto entry = entry_for(flags, *proof);
    if (!entry) return pass(entry.error());
    const auto event = log::verify_issued(*certificate, *proof, *entry, *key);
    if (!event) return pass(event.error());
    const auto cosigners = flags.log.cosigned(proof->signed_checkpoint);
    if (!cosigners) return pass(cosigners.error());
    const auto head = log::open_checkpoint(proof->signed_checkpoint, *key);
    if (!head) return pass(head.error());
    return show(globals, {wire::Json::Object{{"verified", true},
                                             {"index", static_cast<std::int64_t>(proof->index)},
                                             {"size", static_cast<std::int64_t>(head->size)},
                                             {"origin", head->origin},
                                             {"subject", event->subject},
                                             {"owner", event->owner},
                                             {"issued", event->time.text()},
                                             {"cosigned_by", json_of(*cosigners)}},
                          {std::to_string(proof->index)},
                          {},
                          {},
                          {},
                          {"✓ issued to " + event->subject + " (owner " + event->owner + ") at " + event->time.text() +
                           ": entry " + std::to_string(proof->index) + " of the log " + head->origin +
                           (cosigners->empty() ? "" : ", cosigned by " + joined(*cosigners, ", "))}});
}

void add_audit_proof_verbs(Verb audit, Cli& cli) {
    auto flags = std::make_shared<ProveFlags>();
    const auto prove_verb = cli.verb(audit, "prove", "the tlog-proof of one entry (duty auditor)",
                                     [&cli, flags] { return prove(cli.globals, *flags); });
    prove_verb.add_option("entry", flags->index, "its number").required().not_negative();
    prove_verb.add_option("--proof", flags->file, "file to write it to; standard output when absent");
    prove_verb.add_flag("--cosigned", flags->cosigned, "against the newest head that the witnesses cosigned");

    auto words = std::make_shared<std::pair<std::string, std::string>>();
    const auto consistency_verb =
        cli.verb(audit, "consistency", "show that the log of OLD is how the log of NEW began",
                 [&cli, words] { return consistency(cli.globals, words->first, words->second); });
    consistency_verb.add_option("old", words->first, "a size, or the file of a checkpoint").required();
    consistency_verb.add_option("new", words->second, "a size, or the file of a checkpoint").required();
}

}  // namespace mayfly::cli
