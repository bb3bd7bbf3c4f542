#include "lib/ssh_agent/binding.h"

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/crypto/ssh_signature.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::ssh_agent {

namespace {

tl::unexpected<Error> unproved(std::string why) {
    return fail(Code::untrusted, "the host did not prove itself by a certificate", "E-AGENT-HOST", std::move(why),
                "mayfly inspect shows a certificate; mayfly-agent status on the host shows why it has none");
}

bool listed_key(const PublicKey& key, const wire::Krl& list) {
    const Bytes blob = wire::encode_ssh_key(key);
    const Digest digest = crypto::sha256(blob);
    return std::binary_search(list.keys.begin(), list.keys.end(), blob) ||
           std::binary_search(list.sha256.begin(), list.sha256.end(), digest);
}

}  // namespace

bool is_revoked(const wire::SshCertificate& certificate, const wire::Krl& list) {
    if (listed_key(certificate.subject, list) || listed_key(certificate.signer, list)) return true;
    const Bytes signer = wire::encode_ssh_key(certificate.signer);
    for (const auto& group : list.certificates) {
        if (!group.authority.empty() && group.authority != signer) continue;
        if (wire::holds(group.serials, certificate.serial)) return true;
        if (std::binary_search(group.key_ids.begin(), group.key_ids.end(), certificate.key_id)) return true;
    }
    return false;
}

Result<BoundHost> bind(const BindRequest& request, const Trust& trust, Instant now) {
    if (request.forwarding)
        return fail(Code::denied, "certificates are not used through a forwarded agent", "E-AGENT-FORWARDED",
                    "who runs the machine in between could log in elsewhere with them", "ssh -J that machine");
    const auto certificate = wire::parse_ssh_certificate(request.host_key);
    if (!certificate) return unproved("it showed a plain key");
    const auto& fields = certificate->fields;
    if (fields.type != wire::SshCertificateType::host) return unproved("it showed a user certificate");
    if (std::find(trust.host_cas.begin(), trust.host_cas.end(), fields.signer) == trust.host_cas.end())
        return unproved("its certificate is another CA's");
    if (auto ok = crypto::verify(*certificate); !ok) return unproved("its certificate: " + ok.error().message);
    const auto second = static_cast<std::uint64_t>(std::max<std::int64_t>(now.seconds(), 0));
    if (second < fields.valid_after || second >= fields.valid_before)
        return unproved("its certificate is not valid now");
    if (!fields.critical_options.empty()) return unproved("its certificate has a critical option");
    if (is_revoked(fields, trust.revoked)) return unproved("its certificate is revoked");
    if (auto ok = crypto::verify_ssh_signature(fields.subject, request.session_id, request.signature); !ok)
        return unproved("it did not sign the session: " + ok.error().message);
    BoundHost out{request.host_key, request.session_id, {}};
    for (const auto& name : fields.principals)
        if (auto host = HostName::parse(name)) out.names.push_back(std::move(*host));
    if (out.names.empty()) return unproved("its certificate names no host");
    return out;
}

Status permits(const BoundHost& bound, const Authentication& login) {
    if (login.session_id != bound.session_id)
        return fail(Code::denied, "the login belongs to another session than the connection");
    if (login.host_key && *login.host_key != bound.host_key)
        return fail(Code::denied, "the login is meant for another host than the session's");
    return {};
}

}  // namespace mayfly::ssh_agent
