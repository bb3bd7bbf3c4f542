#include "agent/leave.h"

#include <unistd.h>

#include <filesystem>

#include "agent/before.h"
#include "agent/generations.h"
#include "agent/lock.h"
#include "agent/perform.h"
#include "agent/report/notices.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

/// Everything in state_dir that is not agent.toml: who we were, what we kept, what others said.
constexpr const char* kState[] = {"node.key",       "node.pem",    "bundle.json",   "status.json",   "breakglass.json",
                                  "uses.spool",     "logins.json", "notices.spool", "lasting.json",  "canary-cert.pub",
                                  "set.sha256",     "refused",     "before.json",   "node.next.key", "found.json",
                                  "workloads.json", "trust.json"};

/// The CA hears of it when it is there; that this node left does not depend on it.
std::string tell(const Config& config, Network& network, Instant now) {
    const auto text = files::read(config.state_dir + "/bundle.json", 1 << 20);
    const auto bundle =
        text ? wire::parse_body<api::Bundle>(text_of(*text), "bundle") : Result<api::Bundle>(pass(text.error()));
    const auto chain = files::read(config.state_dir + "/node.pem", 64 * 1024);
    auto key = files::read(config.state_dir + "/node.key", 64 * 1024);
    if (!bundle || !chain || !key) return "the CA was not told: this node has no identity any more";
    const client::Credential credential{std::string(text_of(*chain)), Secret(std::move(*key))};
    auto ca = network.connect(*bundle, &credential);
    if (!ca) return "the CA was not told: " + ca.error().message;
    auto notices = Notices::load(config.state_dir + "/notices.spool");
    api::NodeNotices out = notices ? notices->oldest(99) : api::NodeNotices{};
    const Digest id = crypto::sha256(view("left " + now.text()));
    out.notices.push_back({wire::hex(ByteView(id).first(16)), "mode", now.text(), "left"});
    const auto reply = ca->post<api::NodeNoticesReply>("/v1/node/notices", out);
    return reply ? "told the CA" : "the CA was not told: " + reply.error().message;
}

}  // namespace

Result<std::vector<std::string>> leave(const Config& config, const Leaving& how, Network& network, Instant now) {
    std::vector<std::string> said;
    const auto before = load_before(config);
    if (!before && before.error().code != Code::not_found) return pass(before.error());
    const bool there = before || !link_now(config, kCurrent).empty();
    const bool enrolled = ::access((config.state_dir + "/node.key").c_str(), F_OK) == 0;
    if (how.dry_run) {
        if (there) {
            said.push_back(before && before->drop_in ? "would put back " + config.drop_in + " as it was"
                                                     : "would remove " + config.drop_in);
            said.emplace_back("would have sshd read its configuration again");
            said.push_back("would remove what is ours under " + config.trust_dir);
        }
        if (enrolled && !how.keep_identity)
            said.push_back("would tell the CA, and remove this node's identity from " + config.state_dir);
        if (said.empty()) said.emplace_back("nothing of ours is left");
        return said;
    }
    const auto lock = Lock::take(config.state_dir);
    if (!lock) return pass(lock.error());
    // Before anything else: a service that still runs must not take sshd over again.
    if (!config.file.empty() && config.mode != Mode::observe)
        if (auto ok = set_mode(config.file, Mode::observe); !ok) return pass(ok.error());
    const auto change = restore(config);
    if (!change) return pass(change.error());
    if (*change == Change::restored) said.emplace_back("sshd is as it was before");
    if (enrolled && !how.keep_identity) {
        said.push_back(tell(config, network, now));
        for (const auto* name : kState) ::unlink((config.state_dir + "/" + name).c_str());
        std::error_code ignored;
        std::filesystem::remove_all(config.state_dir + "/probe", ignored);
        said.push_back("this node's identity is gone from " + config.state_dir);
    }
    if (said.empty()) said.emplace_back("nothing of ours is left");
    return said;
}

}  // namespace mayfly::agent
