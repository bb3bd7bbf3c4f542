#include "agent/sshd_side.h"

#include <pwd.h>

#include <algorithm>

#include "agent/generations.h"
#include "agent/key_files.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/api.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kAtOnce = 100, kBatches = 20, kMostAsked = 3;
constexpr std::int64_t kAskEvery = 3600;
constexpr std::size_t kIdBytes = 16, kLongestWords = 400;

std::string canary_file(const Config& config) { return config.state_dir + "/canary-cert.pub"; }
std::string lasting_file(const Config& config) { return config.state_dir + "/lasting.json"; }

std::string id_of(const std::string& text) {
    const Digest hash = crypto::sha256(view(text));
    return wire::hex(ByteView(hash).first(kIdBytes));
}

wire::Json texts(const std::vector<std::string>& list) {
    wire::Json::Array out;
    for (const auto& text : list) out.emplace_back(text);
    return out;
}

std::map<std::string, std::map<std::string, std::string>> load_lasting(const Config& config) {
    std::map<std::string, std::map<std::string, std::string>> out;
    const auto text = files::read(lasting_file(config), 1 << 20);
    const auto json = text ? wire::parse_json(text_of(*text)) : Result<wire::Json>(pass(text.error()));
    if (!json || json->object() == nullptr) return out;
    for (const auto& [kind, inner] : *json->object())
        if (inner.object() != nullptr)
            for (const auto& [what, since] : *inner.object())
                if (since.string() != nullptr) out[kind][what] = *since.string();
    return out;
}

Status save_lasting(const Config& config, const std::map<std::string, std::map<std::string, std::string>>& all) {
    wire::Json::Object out;
    for (const auto& [kind, inner] : all) {
        wire::Json::Object list;
        for (const auto& [what, since] : inner) list.emplace(what, since);
        out.emplace(kind, std::move(list));
    }
    return files::write(lasting_file(config), view(wire::Json(std::move(out)).canonical()), 0600);
}

/// Half of its life is over, by the certificate's own times.
bool is_due(const Canary& canary, Instant now) {
    const auto read = wire::parse_ssh_certificate(canary.blob);
    if (!read) return true;
    const auto after = static_cast<std::int64_t>(read->fields.valid_after);
    return now.seconds() >= after + (canary.until.seconds() - after) / 2;
}

/// The one that was kept, whatever node it names: what we put there is ours.
std::optional<Canary> load_canary(const Config& config) {
    const auto kept = files::read(canary_file(config), 64 * 1024);
    if (!kept) return std::nullopt;
    std::string line(text_of(*kept));
    line = line.substr(0, line.find('\n'));
    const auto blob = wire::parse_ssh_certificate_line(line);
    const auto read =
        blob ? wire::parse_ssh_certificate(*blob) : Result<wire::SignedSshCertificate>(pass(blob.error()));
    if (!read || read->fields.principals.size() != 1) return std::nullopt;
    const auto principal = Principal::parse(read->fields.principals.front());
    if (!principal || !principal->node()) return std::nullopt;
    auto canary = accept_canary(line, *principal->node());
    return canary ? std::optional(std::move(*canary)) : std::nullopt;
}

}  // namespace

std::vector<std::string> local_accounts(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (const auto& name : names) {
        const auto* entry = ::getpwnam(name.c_str());
        if (entry == nullptr) continue;
        const std::string shell = entry->pw_shell == nullptr ? "" : entry->pw_shell;
        if (shell.ends_with("/nologin") || shell.ends_with("/false")) continue;
        out.push_back(name);
    }
    return out;
}

Result<SshdSide> SshdSide::open(const Config& config) {
    auto notices = Notices::load(config.state_dir + "/notices.spool");
    if (!notices) return pass(notices.error());
    auto logins = Logins::load(config.state_dir + "/logins.json");
    if (!logins) return pass(logins.error());
    SshdSide out(config, std::move(*notices), std::move(*logins));
    out.open_ = load_lasting(config);
    out.canary_ = load_canary(config);
    return out;
}

Status SshdSide::look_up_mode(Instant now) {
    if (!config_.file.empty())
        if (const auto fresh = load_config(config_.file)) config_.mode = fresh->mode;
    const std::string current(name(config_.mode));
    auto& told = open_["mode"];
    if (told.contains(current)) return {};
    told = {{current, now.text()}};
    if (auto ok = notices_.add({{id_of("mode " + current + now.text()), "mode", now.text(), current}}); !ok) return ok;
    return save_lasting(config_, open_);
}

Status SshdSide::saw(const std::vector<Login>& logins) {
    std::vector<api::NodeNotice> found;
    std::map<std::string, Settings> settings;
    for (const auto& login : logins) {
        std::string seems;
        if (!login.key.empty() && !login.by_certificate()) {
            if (!settings.contains(login.account)) {
                auto asked = effective(config_, login.account);
                settings[login.account] = asked ? std::move(*asked) : Settings{};
            }
            seems = whose_key(settings[login.account], login.account, login.key);
        }
        logins_.note(login, seems);
        if (login.by_certificate()) continue;
        found.push_back({login.id, "old-way", login.at.text(), login.account + " was opened without a certificate",
                         login.account, login.source, login.how, login.key, seems.substr(0, 255)});
    }
    if (auto ok = notices_.add(found); !ok) return ok;
    return logins_.save();
}

void SshdSide::renew_canary(client::CaClient& ca, const NodeName& node, Instant now) {
    if (canary_ && canary_->until <= now) canary_.reset();
    if (canary_ && !is_due(*canary_, now)) return;
    // A CA that gives none leaves sshd unasked, which is told; it keeps nothing from being done.
    const auto reply = ca.mint("/v1/node/canary", api::CanaryRequest{});
    if (!reply) return;
    auto canary = accept_canary(reply->certificate, node);
    if (!canary || canary->until <= now) return;
    if (files::write(canary_file(config_), view(reply->certificate + "\n"), 0600)) canary_ = std::move(*canary);
}

Result<Change> SshdSide::update(client::CaClient& ca, const api::NodeTrust& trust, TrustSet set, Instant now) {
    const auto node = NodeName::parse(trust.node);
    if (!node) return pass(node.error());
    std::vector<std::string> names;
    for (const auto& [account, principals] : trust.accounts) names.push_back(account);
    auto accounts = local_accounts(names);
    if (config_.mode != Mode::observe && config_.probe != kNoProbe) renew_canary(ca, *node, now);
    if (!canary_ || !add_canary(*canary_, set)) accounts.clear();
    return take(set, accounts, now);
}

Result<Change> SshdSide::keep(Instant now) {
    TrustSet set;
    if (config_.mode != Mode::observe) {
        const auto seen = observe_host(config_);
        // Nothing to hold it against: it was changed, or is not there yet. The CA knows what it should be.
        if (!seen.set || seen.altered) {
            if (seen.altered) (void)tell("drift", {"somebody changed files of " + seen.current}, "reported", now);
            return Change::none;
        }
        set = *seen.set;
    }
    std::vector<std::string> accounts;
    for (const auto& [file, lines] : set.files)
        if (canary_ && file.starts_with("principals/") && lines.find(canary_->principal) != std::string::npos)
            accounts.push_back(file.substr(std::string("principals/").size()));
    return take(set, local_accounts(accounts), now);
}

Result<Change> SshdSide::take(const TrustSet& set, const std::vector<std::string>& accounts, Instant now) {
    Trial trial;
    trial.canary = accounts.empty() ? std::nullopt : canary_;
    trial.accounts = accounts;
    trial.now = now;
    // What was not as it should be may be by now; and others may lock out whom we let in.
    trial.again = !doubts_.empty() || now.seconds() - asked_.seconds() >= kAskEvery;
    const auto done = perform(config_, set, trial);
    look_at_settings(accounts);
    if (auto ok = note(done, now); !ok) return pass(ok.error());
    if (!done) return pass(done.error());
    return done->change;
}

/// Root's settings each time, and those of one account after the other.
void SshdSide::look_at_settings(const std::vector<std::string>& accounts) {
    if (config_.mode == Mode::observe) return settings_.clear();
    const auto look = [&](const std::string& account) {
        const auto now = effective(config_, account);
        settings_[account] = now ? against(*now, config_.mode, config_.trust_dir + "/" + kCurrent)
                                 : std::vector<std::string>{now.error().message};
    };
    look("root");
    if (!accounts.empty()) look(accounts[turn_++ % accounts.size()]);
}

Status SshdSide::note(const Result<Done>& done, Instant now) {
    std::vector<std::string> found;
    for (const auto& [account, list] : settings_)
        for (const auto& words : list) {
            // The same for every account is said once.
            const auto root = settings_.find("root");
            const bool everywhere = account != "root" && root != settings_.end() &&
                                    std::find(root->second.begin(), root->second.end(), words) != root->second.end();
            if (!everywhere) found.push_back(account == "root" ? words : "for " + account + ": " + words);
        }
    if (done) {
        if (!done->proof.empty()) {
            asked_ = now;
            proof_ = done->proof;
            doubts_ = done->doubts;
        }
        found.insert(found.end(), done->left.begin(), done->left.end());
        // What was mended is over at once: the next time is news again.
        for (const auto& words : done->mended) {
            const api::NodeNotice notice{
                id_of("drift " + words + now.text()), "drift", now.text(), words, {}, {}, "repaired"};
            if (auto ok = notices_.add({notice}); !ok) return ok;
        }
        found.insert(found.end(), doubts_.begin(), doubts_.end());
    } else {
        proof_ = done.error().message;
        doubts_.clear();
        if (auto ok = alarm(&done.error(), now); !ok) return ok;
    }
    return tell("drift", found, "reported", now);
}

Status SshdSide::tell(const std::string& kind, const std::vector<std::string>& found, const std::string& how,
                      Instant now) {
    auto& lasting = open_[kind];
    std::map<std::string, std::string> next;
    std::vector<api::NodeNotice> news;
    for (const auto& raw : found) {
        const std::string words = printable(raw).substr(0, kLongestWords);
        const auto known = lasting.find(words);
        if (known != lasting.end()) {
            next.insert(*known);
            continue;
        }
        next[words] = now.text();
        news.push_back({id_of(kind + " " + words + " " + now.text()), kind, now.text(), words, {}, {}, how});
    }
    if (next == lasting) return {};
    if (auto ok = notices_.add(news); !ok) return ok;
    lasting = std::move(next);
    return save_lasting(config_, open_);
}

Status SshdSide::alarm(const Error* error, Instant now) {
    if (error == nullptr) return tell("alarm", {}, "", now);
    // A CA that is away alarms by its absence. What it sent and we refused is news.
    if (error->code == Code::unavailable && error->id != "E-SSHD-RELOAD") return {};
    return tell("alarm", {(error->id.empty() ? "" : error->id + ": ") + error->message}, "", now);
}

Status SshdSide::deliver(client::CaClient& ca) {
    for (std::size_t batch = 0; batch < kBatches && (notices_.pending() > 0 || notices_.lost() > 0); ++batch) {
        const auto oldest = notices_.oldest(kAtOnce);
        const auto reply = ca.post<api::NodeNoticesReply>("/v1/node/notices", oldest);
        if (!reply) {
            // A CA of before has no ear for it; they wait.
            if (reply.error().code == Code::not_found) return {};
            return pass(reply.error(), "cannot report " + std::to_string(notices_.pending()) + " notices");
        }
        if (auto ok = notices_.delivered(oldest.notices.size(), oldest.lost); !ok) return ok;
    }
    return {};
}

std::string SshdSide::differs() const {
    const auto drift = open_.find("drift");
    return drift == open_.end() || drift->second.empty() ? std::string() : drift->second.begin()->first;
}

wire::Json::Object SshdSide::status(Instant now) const {
    std::vector<std::string> breaks, differs;
    const bool old_ways_work = config_.mode != Mode::only;
    for (const auto& one : logins_.would_break(Instant(now.seconds() - config_.recent.seconds())))
        breaks.push_back(one.account + ": " + one.words);
    if (const auto drift = open_.find("drift"); drift != open_.end())
        for (const auto& [words, since] : drift->second) differs.push_back(words + " (since " + since + ")");
    wire::Json::Object out{{"mode", std::string(name(config_.mode))},
                           {"means", std::string(meaning(config_.mode))},
                           {"asked", proof_},
                           {"proven", link_now(config_, kProven)},
                           {"differs", texts(differs)},
                           {"notices_unreported", static_cast<std::int64_t>(notices_.pending())}};
    out[old_ways_work ? "would_break_in_only" : "old_ways_used"] = texts(breaks);
    return out;
}

}  // namespace mayfly::agent
