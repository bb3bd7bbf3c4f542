#include "agent/statement.h"

#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/log/published.h"
#include "lib/wire/api.h"
#include "lib/wire/node_trust.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 8 << 20;

std::string kept_file(const Config& config) { return config.state_dir + "/trust.json"; }

tl::unexpected<Error> dishonest(const std::string& what) {
    return fail(Code::corrupt, "what the CA says of who may enter this node contradicts its log: " + what,
                "E-TRUST-PROOF", "an account that the log never opened stays shut; the last good set stays",
                "tell whoever answers for the CA, with this message");
}

/// When it was said. Within one second the place in the log decides; a log that went on from a backup says everything
/// later than before, though perhaps not further on.
struct Said {
    Instant at = Instant(0);
    std::uint64_t index = 0;
    auto operator<=>(const Said&) const = default;
};

Result<Said> when_said(const api::NodeTrust& trust, const IdentityName& node, const log::VerifierKey& key) {
    const auto published = log::read_published(trust.log_entry, trust.log_proof, "node.trust", key);
    if (!published) return dishonest(published.error().message);
    const auto& event = published->event;
    if (event.subject != node.text() || trust.node != node.name()) return dishonest("it is about another node");
    if (!log::says(*published, "sha256", wire::hex(crypto::sha256(view(wire::trust_statement(trust))))))
        return dishonest("the log published something else");
    return Said{event.time, published->index};
}

/// What was accepted before; what cannot be read any more binds nobody.
std::optional<api::NodeTrust> kept(const Config& config) {
    const auto text = files::read(kept_file(config), kLargest);
    if (!text) return {};
    auto trust = wire::parse_body<api::NodeTrust>(text_of(*text), "trust.json");
    return trust ? std::optional(std::move(*trust)) : std::nullopt;
}

}  // namespace

Status accept_statement(const Config& config, const api::NodeTrust& trust, const IdentityName& node,
                        const log::VerifierKey& log_key) {
    const auto now = when_said(trust, node, log_key);
    if (!now) return pass(now.error());
    const auto before = kept(config);
    if (before && before->log_entry == trust.log_entry) return {};
    if (before)
        if (const auto then = when_said(*before, node, log_key); then && *now < *then)
            return fail(Code::conflict,
                        "the CA says who may enter this node as of " + now->at.text() +
                            ", older than what this node "
                            "holds, of " +
                            then->at.text(),
                        "E-TRUST-OLDER", "an older word would open what was shut since",
                        "was the CA restored from a backup? mayfly-ca restore makes it say everything anew");
    return files::write(kept_file(config), view(wire::to_json(trust).pretty()), 0644);
}

}  // namespace mayfly::agent
