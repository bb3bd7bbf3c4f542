#include "agent/plan.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "agent/breakglass.h"
#include "agent/revocation.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/nobody.h"
#include "lib/renewal/plan.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostAccounts = 1000, kMostPrincipals = 10000;
constexpr const char* kDropInStart = "# Written by mayfly-agent";

/// What the emergency key opens, when there is an envelope for this node; "" otherwise.
std::string emergency_keys(const std::string& dir, const TrustSet& set) {
    const std::string folder = std::string(kBreakglassFolder) + "/";
    const auto first = set.files.lower_bound(folder);
    if (first == set.files.end() || !first->first.starts_with(folder)) return {};
    return dir + "/" + folder + "%u";
}

bool revoked_by(const wire::Krl& krl, const Canary& canary) {
    const Bytes authority = wire::encode_ssh_key(canary.authority);
    for (const auto& part : krl.certificates) {
        if (!part.authority.empty() && part.authority != authority) continue;
        if (wire::holds(part.serials, canary.serial)) return true;
        // By key id as well: it says whose canary this is, and the certificate is on hand.
        const auto read = wire::parse_ssh_certificate(canary.blob);
        if (read && std::find(part.key_ids.begin(), part.key_ids.end(), read->fields.key_id) != part.key_ids.end())
            return true;
    }
    const auto names = [&krl](const PublicKey& key) {
        const Digest print = crypto::ssh_fingerprint(key);
        const Bytes blob = wire::encode_ssh_key(key);
        return std::find(krl.sha256.begin(), krl.sha256.end(), print) != krl.sha256.end() ||
               std::find(krl.keys.begin(), krl.keys.end(), blob) != krl.keys.end();
    };
    const auto read = wire::parse_ssh_certificate(canary.blob);
    return names(canary.authority) || (read && names(read->fields.subject));
}

/// Settings that sshd takes in a Match block as well as before the first.
std::string login_settings(const std::string& dir, const TrustSet& set, Mode mode, const std::string& keys_before,
                           const std::string& indent) {
    const std::string emergency = emergency_keys(dir, set);
    std::string out = indent + "TrustedUserCAKeys " + dir + "/user_ca.pub\n" + indent + "AuthorizedPrincipalsFile " +
                      dir + "/principals/%u\n" + indent + "PubkeyAuthentication yes\n";
    // sshd reads the list anew at every login, and refuses every key when it cannot: it never names one that is absent.
    if (set.files.contains(kKrlFile)) out += indent + "RevokedKeys " + dir + "/" + kKrlFile + "\n";
    if (mode == Mode::both) {
        if (!emergency.empty())
            out += indent + "AuthorizedKeysFile " + emergency + (keys_before.empty() ? "" : " " + keys_before) + "\n";
        return out;
    }
    out += indent + "AuthorizedKeysFile " + (emergency.empty() ? "none" : emergency) + "\n";
    for (const auto* setting :
         {"AuthorizedKeysCommand none", "AuthorizedPrincipalsCommand none", "PasswordAuthentication no",
          "KbdInteractiveAuthentication no", "HostbasedAuthentication no", "GSSAPIAuthentication no"})
        out += indent + setting + "\n";
    return out;
}

}  // namespace

Result<TrustSet> plan_trust(const api::NodeTrust& trust, const std::vector<HostCertificate>& certificates,
                            const std::string& krl) {
    TrustSet set;
    if (!krl.empty()) {
        if (const auto read = wire::parse_krl(view(krl)); !read) return pass(read.error());
        set.files[kKrlFile] = krl;
    }
    std::string authorities;
    for (const auto& line : trust.ssh_user_cas) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error(), "user CA");
        authorities += wire::encode_ssh_key_line(key->key, "mayfly") + "\n";
    }
    if (authorities.empty())
        return fail(Code::malformed, "the CA sent no user CA key: sshd would let nobody in", "E-TRUST-EMPTY", {}, {});
    set.files["user_ca.pub"] = authorities;
    if (trust.accounts.size() > kMostAccounts)
        return fail(Code::malformed, "more than 1,000 accounts", "E-TRUST", {}, {});
    for (const auto& [account, principals] : trust.accounts) {
        const auto name = AccountName::parse(account);
        if (!name) return pass(name.error());
        if (principals.size() > kMostPrincipals)
            return fail(Code::malformed, "more than 10,000 principals for " + account, "E-TRUST", {}, {});
        std::string lines;
        for (const auto& text : principals) {
            const auto principal = Principal::parse(text);
            if (!principal) return pass(principal.error());
            if (text.starts_with(crypto::kReservedRoles))
                return fail(Code::malformed, "the CA lets \"" + text + "\" into " + account, "E-TRUST",
                            "roles of that start are the canary's, which opens nothing", {});
            lines += principal->text() + "\n";
        }
        set.files["principals/" + name->text()] = lines;
    }
    for (const auto& certificate : certificates) {
        const auto blob = wire::parse_ssh_certificate_line(certificate.line);
        if (!blob) return pass(blob.error(), "host certificate");
        const auto read = wire::parse_ssh_certificate(*blob);
        if (!read) return pass(read.error(), "host certificate");
        if (read->fields.type != wire::SshCertificateType::host)
            return fail(Code::malformed, "the CA sent a user certificate for a host key", "E-TRUST", {}, {});
        set.files[std::filesystem::path(certificate.host_key).filename().string() + "-cert.pub"] =
            wire::encode_ssh_certificate_line(*blob, "mayfly") + "\n";
    }
    return set;
}

bool add_canary(const Canary& canary, TrustSet& set) {
    if (const auto list = set.files.find(kKrlFile); list != set.files.end()) {
        const auto krl = wire::parse_krl(view(list->second));
        if (!krl || revoked_by(*krl, canary)) return false;
    }
    const std::string line = wire::encode_ssh_key_line(canary.authority, "mayfly") + "\n";
    if (("\n" + set.files["user_ca.pub"]).find("\n" + line) == std::string::npos) return false;
    // Nobody can log in with it. Should that ever be wrong, it gets a command that does nothing.
    for (auto& [name, lines] : set.files)
        if (name.starts_with("principals/")) lines += "restrict,command=\"/bin/false\" " + canary.principal + "\n";
    return true;
}

std::string sshd_snippet(const std::string& dir, const TrustSet& set, Mode mode, const std::string& keys_before) {
    std::string out =
        std::string(kDropInStart) +
        "; changes here are overwritten. sshd takes the first value it reads, so this file comes first.\n";
    out += login_settings(dir, set, mode, keys_before, "");
    for (const auto& [name, contents] : set.files)
        if (name.ends_with("-cert.pub")) out += "HostCertificate " + dir + "/" + name + "\n";
    if (mode != Mode::only) return out;
    // What a Match block says stands over all that is said outside of one, and the first block that matches wins
    // (sshd_config(5), Match). The end of an included file ends its last block.
    return out + "Match all\n" + login_settings(dir, set, mode, keys_before, "    ");
}

std::string next_generation(const std::string& current) {
    unsigned number = 0;
    const std::string_view digits =
        current.starts_with("gen-") ? std::string_view(current).substr(4) : std::string_view();
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return "gen-" + std::to_string(number + 1);
}

Plan plan_acts(const Observed& observed, const TrustSet& wanted, const std::string& wanted_drop_in, Mode mode) {
    Plan plan;
    const auto& drop_in = observed.drop_in;
    const bool ours = drop_in && drop_in->starts_with(kDropInStart);
    if (mode == Mode::observe) {
        // Whoever goes back to observing wants sshd as it was.
        if (observed.recorded || ours || !observed.current.empty()) plan.acts = {Act::restore};
        return plan;
    }
    const bool as_written =
        drop_in && std::find(observed.written.begin(), observed.written.end(), *drop_in) != observed.written.end();
    // Until the first generation was proven the take-over is not done, and a drop-in that is not there is no surprise.
    const bool meddled = !observed.proven.empty() && !as_written && (!drop_in || *drop_in != wanted_drop_in);
    if (meddled)
        (mode == Mode::both ? plan.left : plan.mended)
            .emplace_back(drop_in ? "somebody changed sshd's drop-in" : "somebody removed sshd's drop-in");
    const bool put = (!drop_in || *drop_in != wanted_drop_in) && !(meddled && mode == Mode::both);
    if (observed.altered) plan.mended.push_back("somebody changed files of " + observed.current);
    const bool write = observed.altered || !observed.set || !(*observed.set == wanted) || (put && !meddled);
    if (!observed.recorded) plan.acts.push_back(Act::record);
    if (write) plan.acts.insert(plan.acts.end(), {Act::write, Act::judge, Act::switch_to});
    if (put && !write) plan.acts.push_back(Act::judge);
    if (put) plan.acts.push_back(Act::put);
    if (write || put || observed.proven != observed.current)
        plan.acts.insert(plan.acts.end(), {Act::reload, Act::prove, Act::forget});
    return plan;
}

Instant renew_at(Instant after, Instant before, Rng& rng) {
    return renewal::renew_at(after, before, renewal::random_draw(rng));
}

}  // namespace mayfly::agent
