#include "agent/report/reporter.h"

#include <algorithm>

#include "agent/report/sshd_log.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kAtOnce = 100, kBatches = 20;
constexpr std::size_t kIdBytes = 16;

/// The same words at the same place of the log are the same use: read twice after a crash, told once.
std::string id_of(const LogMessage& message) {
    const Digest hash = crypto::sha256(view(message.at + "\n" + message.text));
    return wire::hex(ByteView(hash).first(kIdBytes));
}

/// Follows the sessions through the messages of one reading.
class Following {
public:
    explicit Following(const std::map<std::string, api::NodeUse>& open) : open_(open) {}

    void message(const LogMessage& message) {
        const auto fact = parse_sshd_message(message.text);
        if (!fact) return;
        // A process of the session's own user may say that it left, which is true of nobody else's session only by its
        // account and port; that somebody got in is sshd's to say.
        if (const auto* opened = std::get_if<Opened>(&*fact); opened != nullptr && message.by_root)
            begin(*opened, message);
        if (const auto* old = std::get_if<OldWay>(&*fact); old != nullptr && message.by_root)
            logins.push_back({id_of(message), old->account, old->source, old->how, old->key, message.time});
        if (const auto* closed = std::get_if<Closed>(&*fact))
            end(closed->account + " " + closed->source, message.time, "disconnected");
    }
    Spool::Found found{};
    std::vector<Login> logins{};

private:
    void begin(const Opened& opened, const LogMessage& message) {
        api::NodeUse use{id_of(message), std::to_string(opened.serial),
                         opened.key_id,  opened.key,
                         opened.ca,      opened.account,
                         opened.source,  message.time.text()};
        logins.push_back({use.id, use.account, use.source, "certificate", use.key, message.time});
        end(Spool::key_of(use), message.time, "unknown");  // the same port again: the one before is over
        found.opened.push_back(use);
        open_.insert_or_assign(Spool::key_of(use), std::move(use));
    }
    void end(const std::string& key, Instant at, const char* how) {
        const auto held = open_.find(key);
        if (held == open_.end()) return;
        auto use = held->second;
        use.closed = at.text();
        use.end = how;
        open_.erase(held);
        found.closed.push_back(std::move(use));
    }
    std::map<std::string, api::NodeUse> open_;
};

std::string boot_id() {
    const auto text = files::read("/proc/sys/kernel/random/boot_id", 256);
    return text ? std::string(text_of(*text)) : std::string("unknown");
}

}  // namespace

Result<std::unique_ptr<Reporter>> Reporter::open(const Config& config, Instant now) {
    if (config.sshd_log == kNoLog) return std::unique_ptr<Reporter>();
    auto spool = Spool::load(config.state_dir + "/uses.spool", boot_id(), now.text());
    if (!spool) return pass(spool.error());
    auto source = config.sshd_log == kJournal
                      ? open_journal("")
                      : open_log_file(config.sshd_log, config.sshd_log_plain ? LogForm::plain : LogForm::syslog);
    return std::make_unique<Reporter>(std::move(source), std::move(*spool));
}

Status Reporter::collect(Instant now) {
    for (;;) {
        auto read = source_->read(spool_.position(), now);
        if (!read) return pass(read.error());
        Following following(spool_.open());
        // What is told is kept before the place moves on; after a crash in between it is told again.
        const auto tell = [&]() -> Status {
            if (!sink_ || following.logins.empty()) return {};
            auto ok = sink_(following.logins);
            following.found.told = true;
            following.logins.clear();
            return ok;
        };
        // A line of the spool holds a bounded number of uses; the position moves with each.
        for (const auto& message : read->messages) {
            following.message(message);
            if (following.found.opened.size() + following.found.closed.size() < kAtOnce) continue;
            following.found.position = message.after;
            if (auto ok = tell(); !ok) return ok;
            if (auto ok = spool_.add(following.found); !ok) return ok;
            following.found = {};
        }
        following.found.position = read->position;
        if (auto ok = tell(); !ok) return ok;
        if (auto ok = spool_.add(following.found); !ok) return ok;
        if (!read->more) return {};
    }
}

Status Reporter::ended(api::NodeUse use, Instant now, const char* how) {
    use.closed = now.text();
    use.end = how;
    return spool_.add({spool_.position(), {}, {std::move(use)}});
}

Status Reporter::deliver(client::CaClient& ca) {
    for (std::size_t batch = 0; batch < kBatches && (spool_.pending() > 0 || spool_.lost() > 0); ++batch) {
        const auto uses = spool_.oldest(kAtOnce);
        const auto reply = ca.post<api::NodeUsesReply>("/v1/node/uses", uses);
        if (!reply) return pass(reply.error(), "cannot report " + std::to_string(spool_.pending()) + " uses");
        if (auto ok = spool_.delivered(uses.uses.size(), uses.lost); !ok) return ok;
    }
    return {};
}

}  // namespace mayfly::agent
