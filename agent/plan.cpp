#include "agent/plan.h"

#include <filesystem>

#include "agent/breakglass.h"
#include "agent/revocation.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostAccounts = 1000, kMostPrincipals = 10000;

/// People's own key files open nothing. Ours say what the emergency key opens, when there is an envelope for this node.
std::string keys_file(const std::string& dir, const TrustSet& set) {
    const std::string folder = std::string(kBreakglassFolder) + "/";
    const auto first = set.files.lower_bound(folder);
    if (first == set.files.end() || !first->first.starts_with(folder)) return "none";
    return dir + "/" + folder + "%u";
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

std::string sshd_snippet(const std::string& dir, const TrustSet& set) {
    std::string out =
        "# Written by mayfly-agent; changes here are overwritten. sshd takes the first value it reads, so this file "
        "comes first.\n"
        "TrustedUserCAKeys " +
        dir +
        "/user_ca.pub\n"
        "AuthorizedPrincipalsFile " +
        dir +
        "/principals/%u\n"
        "AuthorizedKeysFile " +
        keys_file(dir, set) +
        "\n"
        "AuthorizedKeysCommand none\n"
        "PubkeyAuthentication yes\n"
        "PasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\n"
        "HostbasedAuthentication no\n";
    // sshd reads the list anew at every login, and refuses every key when it cannot: it never names one that is absent.
    if (set.files.contains(kKrlFile)) out += "RevokedKeys " + dir + "/" + kKrlFile + "\n";
    for (const auto& [name, contents] : set.files)
        if (name.ends_with("-cert.pub")) out += "HostCertificate " + dir + "/" + name + "\n";
    return out;
}

Instant renew_at(Instant after, Instant before, Rng& rng) {
    const std::int64_t life = before.seconds() - after.seconds();
    std::array<std::uint8_t, 4> random{};
    rng.fill(random);
    const std::int64_t draw = (static_cast<std::int64_t>(random[0]) << 8U) | random[1];  // 0..65535
    return Instant(after.seconds() + life / 2 + life * draw / (4 * 65536));
}

}  // namespace mayfly::agent
