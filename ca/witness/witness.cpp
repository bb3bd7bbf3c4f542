#include "ca/witness/witness.h"

#include "lib/files/files.h"
#include "lib/log/cosignature.h"
#include "lib/wire/text.h"

namespace mayfly::witness {

namespace {

constexpr std::size_t kLargestNote = 64 * 1024;

std::string hash_of(std::string_view origin) { return wire::hex(crypto::sha256(view(origin))); }

Reply refusal(unsigned status, const std::string& why) { return {status, "text/plain; charset=utf-8", why + "\n"}; }

tl::unexpected<Error> not_ours(const std::string& file, const std::string& why) {
    return fail(Code::corrupt, file + " is not what this witness wrote: " + why, "E-WITNESS-STATE",
                "a witness that forgets what it has seen could be led to cosign another past",
                "restore the file; if it is lost, this witness must stop and a new one take its place");
}

}  // namespace

Result<std::unique_ptr<Witness>> Witness::open(Options options, crypto::PrivateKey key, const Clock& clock) {
    std::unique_ptr<Witness> out(new Witness(std::move(options), std::move(key), clock));
    if (auto ok = out->load(); !ok) return pass(ok.error());
    return out;
}

Status Witness::load() {
    const auto own = log::WitnessKey::make(options_.name, key_.public_key());
    if (!own) return pass(own.error());
    for (const auto& key : options_.logs) {
        const std::string dir = options_.state_dir + "/" + hash_of(key.name());
        if (auto ok = files::make_private_dir(dir); !ok) return ok;
        Watched watched{key, dir + "/checkpoint", {}, {}};
        const auto file = files::read(watched.file, kLargestNote);
        if (file) {
            const auto note = log::parse_note(text_of(*file));
            if (!note) return not_ours(watched.file, note.error().message);
            if (const auto at = log::find_cosignature(*note, *own); !at)
                return not_ours(watched.file, at.error().message);
            const auto head = log::open_checkpoint(text_of(*file), key);
            if (!head) return not_ours(watched.file, head.error().message);
            watched.note = std::string(text_of(*file));
            watched.seen = *head;
        } else if (file.error().code != Code::not_found) {
            return pass(file.error());
        }
        logs_.emplace(key.name(), std::move(watched));
    }
    return {};
}

Reply Witness::add_checkpoint(std::string_view body) {
    const auto request = log::parse_add_checkpoint(body);
    if (!request) return refusal(400, request.error().message);
    const auto origin = log::origin_of(*request);
    if (!origin) return refusal(400, origin.error().message);

    // Judging and keeping are one step for everybody: two requests from one size cannot both be accepted.
    const std::lock_guard lock(mutex_);
    const auto found = logs_.find(*origin);
    const auto verdict = log::judge(*request, found == logs_.end() ? nullptr : &found->second.key,
                                    found == logs_.end() ? std::nullopt : found->second.seen);
    if (verdict.status == 409) return {409, "text/x.tlog.size", std::to_string(verdict.size) + "\n"};
    if (verdict.status != 200) return refusal(verdict.status, verdict.why);

    const auto cosignature = log::cosign(verdict.text, options_.name, key_, clock_.now());
    if (!cosignature) return refusal(503, cosignature.error().message);
    const std::string line = log::encode_signature_line(*cosignature);
    // Of the request's signatures only the log's own is kept: whatever else it carried is nobody's word here.
    const auto note = log::parse_note(request->checkpoint);
    log::Note kept{verdict.text, {}};
    for (const auto& signature : note->signatures)
        if (signature.name == found->second.key.name() && signature.key_id == found->second.key.id())
            kept.signatures.push_back(signature);
    kept.signatures.push_back(*cosignature);
    std::string text = log::encode_note(kept);
    if (auto ok = files::write(found->second.file, view(text), 0644); !ok) return refusal(503, ok.error().message);
    found->second.note = std::move(text);
    found->second.seen = verdict.accepted;
    return {200, "text/plain; charset=utf-8", line};
}

Reply Witness::checkpoint(std::string_view origin_hash) {
    const std::lock_guard lock(mutex_);
    for (const auto& [origin, watched] : logs_)
        if (hash_of(origin) == origin_hash && !watched.note.empty())
            return {200, "text/plain; charset=utf-8", watched.note};
    return refusal(404, "this witness has seen no checkpoint of that log");
}

}  // namespace mayfly::witness
