#include "agent/breakglass.h"

#include <unistd.h>

#include <array>
#include <ctime>

#include "lib/files/files.h"
#include "lib/log/published.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargestEnvelope = 64 * 1024;

std::string kept_file(const Config& config) { return config.state_dir + "/breakglass.json"; }

std::string line_of(const breakglass::Envelope& envelope, const AccountName& account, const NodeName& node,
                    const std::string& local_end) {
    // sshd(8), AUTHORIZED_KEYS FILE FORMAT: `restrict` turns everything off, `pty` on again; principals= must hold one
    // of the certificate's; the certificate's own restrictions hold as well.
    std::string line =
        "cert-authority,principals=\"" + breakglass::principal_of(account, node).text() + "\",restrict,pty";
    line += ",expiry-time=\"" + local_end + "\"";
    if (!envelope.force_command.empty()) line += ",command=\"" + envelope.force_command + "\"";
    std::string blocks;
    for (const auto& block : envelope.source_addresses) blocks += (blocks.empty() ? "" : ",") + block;
    if (!blocks.empty()) line += ",from=\"" + blocks + "\"";
    return line + " " + wire::encode_ssh_key_line(envelope.key, "mayfly-breakglass") + "\n";
}

Result<breakglass::SignedEnvelope> read_file(const std::string& path) {
    const auto text = files::read(path, kLargestEnvelope);
    if (!text) return pass(text.error());
    auto envelope = breakglass::read_envelope(text_of(*text));
    if (!envelope) return pass(envelope.error(), path);
    return envelope;
}

tl::unexpected<Error> of_another(const std::string& theirs, const std::string& ours) {
    return fail(Code::denied, "the break-glass envelope is of " + theirs + ", and this node of " + ours,
                "E-BREAKGLASS-DOMAIN", "an emergency key opens nodes of its own trust domain",
                "use the right envelope");
}

}  // namespace

std::string local_time(Instant at) {
    const std::time_t seconds = at.seconds();
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 16> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts)};
}

std::map<std::string, std::string> plan_breakglass(const breakglass::Envelope& envelope, const NodeName& node,
                                                   const std::string& local_end, Instant now) {
    std::map<std::string, std::string> out;
    if (!breakglass::opens(envelope, node) || now >= envelope.expires) return out;
    for (const auto& account : envelope.accounts)
        out[std::string(kBreakglassFolder) + "/" + account.text()] = line_of(envelope, account, node, local_end);
    return out;
}

Result<breakglass::SignedEnvelope> accept_envelope(const api::EmergencyEnvelope& sent, const std::string& trust_domain,
                                                   const log::VerifierKey& log_key) {
    auto envelope = breakglass::read_envelope(sent.document);
    if (!envelope) return envelope;
    if (envelope->envelope.trust_domain.text() != trust_domain)
        return of_another(envelope->envelope.trust_domain.text(), trust_domain);
    const auto dishonest = [](const std::string& what) {
        return fail(Code::corrupt, "the CA's break-glass envelope contradicts its log: " + what, "E-BREAKGLASS-PROOF",
                    "a key that the log does not know must open nothing", "tell whoever answers for the CA");
    };
    const auto event = log::read_published(sent.log_entry, sent.log_proof, "breakglass.published", log_key);
    if (!event) return dishonest(event.error().message);
    if (!log::says(*event, "sha256", wire::hex(envelope->hash))) return dishonest("the log published another envelope");
    return envelope;
}

Result<std::optional<breakglass::SignedEnvelope>> envelope_in_force(const Config& config, client::CaClient& ca,
                                                                    const api::NodeTrust& trust,
                                                                    const std::string& trust_domain) {
    using Found = std::optional<breakglass::SignedEnvelope>;
    if (!config.breakglass_envelope.empty()) {
        auto own = read_file(config.breakglass_envelope);
        if (!own) return pass(own.error());
        if (own->envelope.trust_domain.text() != trust_domain)
            return of_another(own->envelope.trust_domain.text(), trust_domain);
        return Found(std::move(*own));
    }
    if (trust.breakglass.empty()) {
        ::unlink(kept_file(config).c_str());
        return Found();
    }
    if (auto kept = read_file(kept_file(config)); kept && wire::hex(kept->hash) == trust.breakglass)
        return Found(std::move(*kept));
    const auto sent = ca.get<api::EmergencyEnvelope>("/v1/node/breakglass");
    if (!sent) return pass(sent.error());
    auto envelope = accept_envelope(*sent, trust_domain, ca.log_key());
    if (!envelope) return pass(envelope.error());
    if (auto ok = files::write(kept_file(config), view(sent->document), 0644); !ok) return pass(ok.error());
    return Found(std::move(*envelope));
}

}  // namespace mayfly::agent
