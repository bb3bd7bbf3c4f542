#include "agent/discovery/seeker.h"

#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kAtOnce = 50, kMostShown = 10, kLargest = 1 << 20;
constexpr std::int64_t kTellAgain = 86400;

std::string hash_of(const std::vector<api::FoundItem>& items) {
    wire::Json::Array all;
    for (const auto& item : items) all.emplace_back(wire::to_json(item));
    return wire::hex(crypto::sha256(view(wire::Json(std::move(all)).canonical())));
}

std::string words(const api::FoundItem& item) {
    std::string out = item.kind;
    if (!item.account.empty()) out += " of " + item.account;
    out += " in " + item.place;
    if (!item.fingerprint.empty()) out += " " + item.fingerprint;
    return out + (item.effective ? "" : " (opens nothing now)");
}

}  // namespace

std::unique_ptr<Seeker> Seeker::open(const Config& config) {
    return config.discover_every ? std::make_unique<Seeker>(config) : nullptr;
}

Seeker::Seeker(const Config& config) : config_(config) { load(); }

Status Seeker::look(Instant now) {
    if (looked_ && now < next_ && traces_of(seen_.watched) == traces_) return {};
    auto seen = agent::look(config_);
    if (!seen) return pass(seen.error());
    seen_ = std::move(*seen);
    // Traces are taken after the look: what changes in between is noticed at the next round.
    traces_ = traces_of(seen_.watched);
    looked_ = true;
    looked_at_ = now;
    next_ = now + *config_.discover_every;
    if (baseline_ == Instant(0)) baseline_ = now;
    std::map<std::string, Instant> first;
    for (const auto& item : seen_.items) {
        const auto known = first_.find(item.id);
        first.emplace(item.id, known == first_.end() ? now : known->second);
    }
    if (first == first_) return {};
    first_ = std::move(first);
    return save();
}

Status Seeker::deliver(client::CaClient& ca, Instant now, Rng& rng) {
    if (!looked_) return {};
    const std::string hash = hash_of(seen_.items);
    if (hash == delivered_ && now.seconds() - delivered_at_.seconds() < kTellAgain) return {};
    Bytes id(16);
    rng.fill(id);
    api::NodeFound part{wire::hex(id), {}};
    for (std::size_t at = 0; at == 0 || at < seen_.items.size(); at += kAtOnce) {
        const auto end = std::min(at + kAtOnce, seen_.items.size());
        part.items.assign(seen_.items.begin() + static_cast<std::ptrdiff_t>(at),
                          seen_.items.begin() + static_cast<std::ptrdiff_t>(end));
        part.last = end == seen_.items.size();
        const auto reply = ca.post<api::NodeFoundReply>("/v1/node/found", part);
        if (!reply) return pass(reply.error(), "cannot tell what stands here");
        open_ = reply->open;
    }
    delivered_ = hash;
    delivered_at_ = now;
    return save();
}

wire::Json::Object Seeker::summary() const {
    wire::Json::Array drift;
    std::int64_t drifted = 0;
    for (const auto& item : seen_.items) {
        const auto first = first_.find(item.id);
        if (first == first_.end() || first->second <= baseline_) continue;
        if (++drifted <= static_cast<std::int64_t>(kMostShown)) drift.emplace_back(words(item));
    }
    return {{"looked", looked_ ? looked_at_.text() : ""},
            {"things", static_cast<std::int64_t>(seen_.items.size())},
            {"more", seen_.more},
            {"undecided", open_},
            {"appeared_since_first_look", drifted},
            {"appeared", std::move(drift)}};
}

void Seeker::load() {
    const auto text = files::read(file(), kLargest);
    const auto json = text ? wire::parse_json(text_of(*text)) : pass(text.error());
    if (!json) return;  // as on the first day: everything is told once more
    wire::Fields fields(*json, "found.json");
    const auto time = [&](const char* name) {
        const auto at = Instant::parse(fields.text_or(name, ""));
        return at ? *at : Instant(0);
    };
    baseline_ = time("baseline");
    delivered_ = fields.text_or("delivered", "");
    delivered_at_ = time("delivered_at");
    open_ = fields.integer_or("open", 0);
    for (const auto& [id, at] : fields.text_map_or_empty("first"))
        if (const auto when = Instant::parse(at)) first_.emplace(id, *when);
}

Status Seeker::save() const {
    wire::Json::Object first;
    for (const auto& [id, at] : first_) first.emplace(id, at.text());
    const wire::Json json(wire::Json::Object{{"baseline", baseline_.text()},
                                             {"delivered", delivered_},
                                             {"delivered_at", delivered_at_.text()},
                                             {"open", open_},
                                             {"first", std::move(first)}});
    return files::write(file(), view(json.canonical() + "\n"), 0600);
}

}  // namespace mayfly::agent
