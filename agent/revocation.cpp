#include "agent/revocation.h"

#include "lib/client/revocation.h"
#include "lib/wire/krl.h"

namespace mayfly::agent {

Status accept_krl(const api::RevocationList& named, const log::VerifierKey& log_key, const std::string& bytes,
                  const std::string& held) {
    if (auto ok = client::check_list(named, bytes, log_key); !ok) return ok;
    const auto krl = wire::parse_krl(view(bytes));
    if (!krl)
        return fail(Code::malformed, "the CA's revocation list cannot be read: " + krl.error().message, "E-KRL",
                    "sshd would refuse every key", "the last good set stays in place");
    if (named.number < 0 || krl->version != static_cast<std::uint64_t>(named.number))
        return fail(Code::malformed, "the CA's revocation list has another version than was named", "E-KRL", {}, {});
    if (held.empty()) return {};
    const auto before = wire::parse_krl(view(held));
    // What stands on this host cannot be read: sshd refuses everybody, and any list that is well is better.
    if (!before) return {};
    if (krl->version < before->version)
        return fail(Code::conflict,
                    "the CA offers revocation list " + std::to_string(krl->version) + ", older than " +
                        std::to_string(before->version) + " that this node holds",
                    "E-KRL-OLDER", "an older list would un-revoke",
                    "is the CA restored from a backup? its lists rise with time");
    if (krl->version == before->version && bytes != held)
        return fail(Code::conflict, "the CA offers another revocation list of the same version", "E-KRL-FORK", {},
                    "tell whoever answers for the CA");
    return {};
}

}  // namespace mayfly::agent
