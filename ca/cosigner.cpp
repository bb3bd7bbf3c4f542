#include "ca/cosigner.h"

#include <charconv>
#include <chrono>

#include "lib/files/files.h"
#include "lib/log/witness.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

constexpr std::size_t kLargestFile = 1 << 20;
constexpr const char* kText = "text/plain; charset=utf-8";

/// "https://host:port/prefix" as what HttpClient calls, and the path of add-checkpoint below it.
std::pair<std::string, std::string> split_url(const std::string& url) {
    const auto scheme = url.find("://");
    const auto slash = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
    std::string prefix = slash == std::string::npos ? "" : url.substr(slash);
    while (prefix.ends_with('/')) prefix.pop_back();
    return {url.substr(0, slash), prefix + "/add-checkpoint"};
}

Result<std::vector<std::string>> read_roots(const std::string& path) {
    const auto file = files::read(path, kLargestFile);
    if (!file) return pass(file.error(), "witness roots");
    const auto blocks = wire::parse_pem(text_of(*file));
    if (!blocks) return pass(blocks.error(), path);
    std::vector<std::string> out;
    for (const auto& block : *blocks)
        if (block.label == "CERTIFICATE") out.push_back(wire::encode_pem(block.label, block.der));
    if (out.empty())
        return fail(Code::malformed, path + " holds no certificate", "E-WITNESS-ROOTS", {},
                    "put the PEM roots there that the witnesses' fronts lead to");
    return out;
}

Result<std::uint64_t> size_in(std::string_view body) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), size);
    if (error == std::errc{} &&
        std::string_view(end, static_cast<std::size_t>(body.data() + body.size() - end)) == "\n")
        return size;
    return fail(Code::malformed, "the witness answers 409 without its size");
}

}  // namespace

Result<std::unique_ptr<Cosigner>> Cosigner::start(const Config& config, store::Store& store, const LogLine& log) {
    const auto file = files::read(config.witness_policy, kLargestFile);
    if (!file) return pass(file.error(), "witness policy");
    auto policy = log::WitnessPolicy::parse(text_of(*file));
    if (!policy) return pass(policy.error(), config.witness_policy);
    const auto roots = read_roots(config.witness_roots);
    if (!roots) return pass(roots.error());
    std::vector<Asked> asked;
    for (const auto& witness : policy->witnesses()) {
        const auto [url, path] = split_url(witness.url);
        auto http = client::HttpClient::make({url, *roots}, nullptr);
        if (!http) return pass(http.error(), config.witness_policy + ": witness " + witness.name);
        asked.push_back({witness, std::move(*http), path, 0, false});
    }
    return std::unique_ptr<Cosigner>(
        new Cosigner(std::move(*policy), std::move(asked), config.witness_every, store, log));
}

Cosigner::Cosigner(log::WitnessPolicy policy, std::vector<Asked> asked, std::int64_t every, store::Store& store,
                   const LogLine& log)
    : policy_(std::move(policy)), asked_(std::move(asked)), every_(every), store_(store), log_(log), thread_([this] {
          run();
      }) {}

Cosigner::~Cosigner() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Cosigner::run() {
    for (;;) {
        if (auto ok = round(); !ok) log_.write("witness.round_failed", {{"why", ok.error().message}});
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, std::chrono::seconds(every_), [this] { return stop_; })) return;
    }
}

/// Asks one witness; once more when it has seen another size than we thought.
Result<std::vector<log::NoteSignature>> Cosigner::ask(Asked& asked, const std::string& note,
                                                      const log::Checkpoint& head) {
    for (int attempt = 1;; ++attempt) {
        log::AddCheckpoint request{asked.size, {}, note};
        auto proof = log::prove_consistency(asked.size, head.size,
                                            [this](const log::Tile& tile) { return store_.read_tile(tile); });
        if (!proof) return pass(proof.error());
        request.proof = std::move(*proof);
        const auto reply = asked.http.post(asked.path, log::encode_add_checkpoint(request), {{"Content-Type", kText}});
        if (!reply) return pass(reply.error());
        if (reply->status == 409 && attempt == 1) {
            const auto size = size_in(reply->body);
            if (!size) return pass(size.error());
            if (*size > head.size)
                return fail(Code::corrupt,
                            "the witness has seen " + std::to_string(*size) + " entries of this log, which has " +
                                std::to_string(head.size),
                            "E-LOG-BEHIND", "the log was rolled back, or somebody else signs with its key", {});
            asked.size = *size;
            continue;
        }
        if (reply->status != 200)
            return fail(Code::unavailable, "the witness answers with status " + std::to_string(reply->status) + ": " +
                                               printable(reply->body.substr(0, 200)));
        auto lines = log::parse_signature_lines(reply->body);
        if (!lines) return pass(lines.error());
        asked.size = head.size;
        return lines;
    }
}

Status Cosigner::round() {
    const auto signed_head = store_.checkpoint();
    if (!signed_head) return pass(signed_head.error());
    auto note = log::parse_note(*signed_head);
    if (!note) return pass(note.error());
    const auto head = log::parse_checkpoint(note->text);
    if (!head) return pass(head.error());
    if (head->size == kept_) return {};

    std::set<std::string> names;
    for (auto& asked : asked_) {
        {
            const std::lock_guard lock(mutex_);
            if (stop_) return {};
        }
        const auto lines = ask(asked, *signed_head, *head);
        Status good = lines ? Status{} : pass(lines.error());
        if (lines) {
            // Only what verifies is kept: anything else would make the note worthless to whoever knows the key.
            bool cosigned = false;
            for (const auto& line : *lines)
                if (log::verify_cosignature(note->text, line, asked.witness.key)) {
                    note->signatures.push_back(line);
                    cosigned = true;
                    break;
                }
            if (cosigned)
                names.insert(asked.witness.name);
            else
                good = fail(Code::untrusted, "its answer holds no cosignature by its key");
        }
        // Said once when it begins and once when it ends, not every ten seconds.
        if (!good && !asked.failing)
            log_.write("witness.failing", {{"witness", asked.witness.name}, {"why", good.error().message}});
        if (good && asked.failing) log_.write("witness.back", {{"witness", asked.witness.name}});
        asked.failing = !good;
    }
    if (!policy_.satisfied_by(names)) return {};
    if (auto ok = store_.keep_cosigned(log::encode_note(*note)); !ok) return ok;
    kept_ = head->size;
    return {};
}

}  // namespace mayfly::ca
