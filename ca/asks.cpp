#include "ca/asks.h"

#include <algorithm>

#include "lib/crypto/attestation.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using policy::Ask;
using policy::Profile;

/// A signature that verified has loaded the key, and so refused a point that is not on its curve: that is asked again
/// only to say why it did not. RSA has no points but moduli, which are looked at in any case.
Status sound_key(const App& app, const PublicKey& key, bool proven) {
    if (proven && key.algorithm != KeyAlgorithm::rsa) return not_known(app, key);
    if (auto ok = crypto::check_point(key); !ok) return ok;
    return not_known(app, key);
}

/// A PKCS#10 request's key, once its self-signature holds; FIDO and weak keys never get here.
Result<wire::CertificateRequest> proven_csr(const App& app, const std::string& pem) {
    const auto der = wire::parse_one_pem(pem, "CERTIFICATE REQUEST");
    if (!der) return pass(der.error(), "csr");
    auto csr = wire::parse_csr(*der);
    if (!csr) return csr;
    const auto proven = crypto::verify(*csr);
    if (auto ok = sound_key(app, csr->key, proven.has_value()); !ok) return pass(ok.error());
    if (!proven) return pass(proven.error());
    return csr;
}

/// The key in public_key, once a proof by that very key covers this request: its method, path and body, this trust
/// domain, and a nonce that is good for one request.
Result<PublicKey> proven_key(App& app, const Request& request, const PublicKey& key,
                             crypto::Touch touch = crypto::Touch::required) {
    const std::string header = request.header("mayfly-proof");
    const auto proven = app.doors->proven_key(claim_of(request, header), app.clock.now(), touch);
    const bool by_this_key = proven && *proven == key;
    if (auto ok = sound_key(app, key, by_this_key); !ok) return pass(ok.error(), "public_key");
    if (!proven) return pass(proven.error());
    if (!by_this_key)
        return fail(Code::unauthenticated, "the proof of possession is by another key", "E-PROOF",
                    "the key to be certified signs for itself", "sign with the key in public_key");
    return key;
}

Result<PublicKey> proven_ssh_key(App& app, const Request& request, const std::string& line,
                                 crypto::Touch touch = crypto::Touch::required) {
    const auto key = wire::parse_ssh_key_line(line);
    if (!key) return pass(key.error(), "public_key");
    return proven_key(app, request, key->key, touch);
}

/// A key that somebody else keeps (a security module, ssh-agent) and that makes no PKCS#10 request.
Result<PublicKey> proven_bare_key(App& app, const Request& request, const std::string& pem) {
    const auto der = wire::parse_one_pem(pem, "PUBLIC KEY");
    if (!der) return pass(der.error(), "public_key");
    const auto key = wire::parse_spki(*der);
    if (!key) return pass(key.error(), "public_key");
    return proven_key(app, request, *key);
}

Status set_lifetime(Ask& ask, const std::string& ttl) {
    if (ttl.empty()) return {};
    const auto lifetime = Lifetime::parse(ttl);
    if (!lifetime) return pass(lifetime.error(), "ttl");
    ask.lifetime = *lifetime;
    return {};
}

template <class Name>
Status set_optional(std::optional<Name>& out, const std::string& text, std::string_view member) {
    if (text.empty()) return {};
    auto name = Name::parse(text);
    if (!name) return pass(name.error(), member);
    out = std::move(*name);
    return {};
}

template <class T>
Status set_list(std::vector<T>& out, const std::vector<std::string>& texts, std::string_view member) {
    for (const auto& text : texts) {
        auto value = T::parse(text);
        if (!value) return pass(value.error(), member);
        out.push_back(std::move(*value));
    }
    return {};
}

/// A request's own names must be among those asked for: nothing it says is dropped silently.
Status names_agree(const wire::CertificateRequest& csr, const std::vector<wire::SubjectName>& asked) {
    const auto refuse = [](const std::string& name) {
        return fail(Code::denied, "the request names " + printable(name) + ", which was not asked for", "E-CSR-NAMES",
                    "what a request says is compared, never copied",
                    "ask for the name with --name, or make a request without it");
    };
    for (const auto& name : csr.names)
        if (std::find(asked.begin(), asked.end(), name) == asked.end()) return refuse(name.tagged());
    if (csr.common_name.empty()) return {};
    const bool known =
        std::any_of(asked.begin(), asked.end(), [&](const auto& name) { return name.text == csr.common_name; });
    if (!known) return refuse("CN=" + csr.common_name);
    return {};
}

/// The role that a request names, in the policy in force; null when there is none. Policy refuses that later, and
/// better.
const policy::Role* role_of(const mint::CurrentPolicy::InForce& in_force, const std::string& name) {
    const auto role = RoleName::parse(name);
    return role ? in_force.policy.find(*role) : nullptr;
}

/// A role whose certificates need no touch has keys that give none.
crypto::Touch touch_for(const policy::Role* role) {
    const bool waived = role != nullptr && role->ssh &&
                        std::find(role->ssh->extensions.begin(), role->ssh->extensions.end(), "no-touch-required") !=
                            role->ssh->extensions.end();
    return waived ? crypto::Touch::not_required : crypto::Touch::required;
}

/// What a FIDO key's device said when it made the key. It is judged whenever it is given, whether the role asks or not.
Status set_attestation(Ask& ask, const api::SshUserRequest& body, const policy::Role* role, Instant now) {
    if (body.attestation.empty() && body.challenge.empty()) return {};
    const auto file = wire::parse_base64(body.attestation);
    if (!file) return pass(file.error(), "attestation");
    const auto challenge = wire::parse_base64(body.challenge);
    if (!challenge) return pass(challenge.error(), "challenge");
    const auto attestation = wire::parse_fido_attestation(*file);
    if (!attestation) return pass(attestation.error());
    const std::vector<Bytes> none;
    const auto& roots = role != nullptr && role->ssh ? role->ssh->attestation_roots : none;
    auto by = crypto::attested_by(*attestation, *challenge, ask.key, roots, now);
    if (!by) return pass(by.error());
    ask.attested_by = std::move(*by);
    return {};
}

Status set_addresses(Ask& ask, const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
        auto block = policy::parse_cidr(text);
        if (!block) return pass(block.error(), "source_addresses");
        ask.source_addresses.push_back(std::move(*block));
    }
    return {};
}

Status set_command(Ask& ask, const std::string& command) {
    if (command.size() > 1024 || printable(command).find("\\x") != std::string::npos)
        return fail(Code::malformed,
                    "force_command: one line of printable ASCII without quotes, at most 1,024 characters",
                    "E-FORCE-COMMAND", {}, {});
    ask.force_command = command;
    return {};
}

}  // namespace

Status not_known(const App& app, const PublicKey& key) {
    if (!app.weak_keys.contains(key)) return {};
    return fail(Code::malformed, "the key is on a list of keys that anyone could have", "E-KEY-KNOWN",
                "its private half was made by a faulty generator or has been published",
                "make a new key: ssh-keygen -t ed25519");
}

auth::ProofClaim claim_of(const Request& request, const std::string& header) {
    return {header, request.method, request.path, view(request.body)};
}

Result<Ask> read_csr_ask(const App& app, Profile profile, const std::string& csr, const std::string& ttl) {
    const auto request = proven_csr(app, csr);
    if (!request) return pass(request.error());
    Ask ask{profile, request->key};
    if (auto ok = set_lifetime(ask, ttl); !ok) return pass(ok.error());
    return ask;
}

Result<Ask> read_ask(App& app, const Request& request, const api::SshUserRequest& body) {
    const auto in_force = app.policy.in_force();
    const auto* role = in_force ? role_of(*in_force, body.role) : nullptr;
    const auto key = proven_ssh_key(app, request, body.public_key, touch_for(role));
    if (!key) return pass(key.error());
    Ask ask{Profile::ssh_user, *key};
    Status ok = set_optional(ask.role, body.role, "role");
    if (ok) ok = set_lifetime(ask, body.ttl);
    if (ok) ok = set_optional(ask.node, body.node, "node");
    if (ok) ok = set_list(ask.principals, body.principals, "principals");
    if (ok) ok = set_addresses(ask, body.source_addresses);
    if (ok) ok = set_command(ask, body.force_command);
    if (ok) ok = set_attestation(ask, body, role, app.clock.now());
    if (!ok) return pass(ok.error());
    ask.extensions = body.extensions;
    ask.reason = body.reason;
    return ask;
}

Result<Ask> read_ask(App& app, const Request& request, const api::SshHostRequest& body) {
    const auto key = proven_ssh_key(app, request, body.public_key);
    if (!key) return pass(key.error());
    Ask ask{Profile::ssh_host, *key};
    Status ok = set_lifetime(ask, body.ttl);
    if (ok) ok = set_list(ask.hosts, body.hosts, "hosts");
    if (!ok) return pass(ok.error());
    return ask;
}

Result<Ask> read_ask(App& app, const Request& request, const api::X509Request& body) {
    if (body.csr.empty() == body.public_key.empty())
        return fail(Code::malformed, "the request needs csr or public_key, and not both", "E-BODY",
                    "one key is certified, and one thing proves that its holder asks", {});
    Ask ask{Profile::x509, {}};
    Status ok = set_optional(ask.role, body.role, "role");
    if (ok) ok = set_lifetime(ask, body.ttl);
    if (ok) ok = set_list(ask.names, body.names, "names");
    if (!ok) return pass(ok.error());
    if (body.csr.empty()) {
        const auto key = proven_bare_key(app, request, body.public_key);
        if (!key) return pass(key.error());
        ask.key = *key;
    } else {
        const auto csr = proven_csr(app, body.csr);
        if (!csr) return pass(csr.error());
        if (ok = names_agree(*csr, ask.names); !ok) return pass(ok.error());
        ask.key = csr->key;
    }
    ask.reason = body.reason;
    return ask;
}

}  // namespace mayfly::ca
