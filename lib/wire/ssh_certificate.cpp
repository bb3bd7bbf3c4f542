#include "lib/wire/ssh_certificate.h"

#include <algorithm>

#include "lib/wire/ssh_key.h"
#include "lib/wire/ssh_key_fields.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::string_view kSuffix = "-cert-v01@openssh.com";
constexpr std::size_t kMostPrincipals = 256;  // SSHKEY_CERT_MAX_PRINCIPALS: sshd's parser refuses more
constexpr std::size_t kMostOptions = 64;

/// The certificate type of a key: FIDO names carry their domain before the suffix ("sk-ssh-ed25519-cert-v01@…").
std::string certificate_type(KeyAlgorithm algorithm) {
    std::string_view base = name(algorithm);
    return std::string(base.substr(0, base.find('@'))) + std::string(kSuffix);
}

Result<KeyAlgorithm> algorithm_of(const std::string& type) {
    for (const auto algorithm :
         {KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521,
          KeyAlgorithm::rsa, KeyAlgorithm::sk_ed25519, KeyAlgorithm::sk_ecdsa_p256})
        if (certificate_type(algorithm) == type) return algorithm;
    return fail(Code::malformed, "\"" + printable(type.substr(0, 64)) + "\" is not an OpenSSH certificate type");
}

/// PROTOCOL.certkeys: options are (name, data) pairs; the data of a valued option is itself one string.
Bytes encode_options(const std::vector<SshOption>& options) {
    Writer out;
    for (const auto& option : options) {
        Writer data;
        if (!option.value.empty()) data.string(option.value);
        out.string(option.name).string(data.bytes());
    }
    return out.take();
}

Result<std::vector<SshOption>> parse_options(ByteView bytes, std::string_view what) {
    std::vector<SshOption> options;
    Reader in(bytes);
    while (!in.empty()) {
        if (options.size() == kMostOptions) return fail(Code::malformed, std::string(what) + ": more than 64");
        SshOption option;
        auto name = in.text(what);
        if (!name) return pass(name.error());
        option.name = std::move(*name);
        const auto data = in.string(what);
        if (!data) return pass(data.error());
        if (!data->empty()) {
            Reader inner(*data);
            auto value = inner.text(what);
            if (!value) return pass(value.error());
            if (auto ok = inner.finish(what); !ok) return pass(ok.error());
            // It would read like a flag (empty data), which it is not.
            if (value->empty()) return fail(Code::malformed, std::string(what) + ": an empty value");
            option.value = std::move(*value);
        }
        options.push_back(std::move(option));
    }
    return options;
}

Result<std::vector<std::string>> parse_principals(ByteView bytes) {
    std::vector<std::string> principals;
    Reader in(bytes);
    while (!in.empty()) {
        if (principals.size() == kMostPrincipals) return fail(Code::malformed, "principals: more than 256");
        auto principal = in.text("principal");
        if (!principal) return pass(principal.error());
        principals.push_back(std::move(*principal));
    }
    return principals;
}

Status read_fields(Reader& in, SshCertificate& out) {
    const auto type = in.text("certificate type");
    if (!type) return pass(type.error());
    const auto algorithm = algorithm_of(*type);
    if (!algorithm) return pass(algorithm.error());
    const auto nonce = in.string("nonce");
    if (!nonce) return pass(nonce.error());
    out.nonce = to_bytes(*nonce);
    auto subject = detail::read_key_fields(in, *algorithm);
    if (!subject) return pass(subject.error(), "subject key");
    out.subject = std::move(*subject);
    const auto serial = in.u64("serial");
    if (!serial) return pass(serial.error());
    out.serial = *serial;
    const auto kind = in.u32("type");
    if (!kind) return pass(kind.error());
    if (*kind != 1 && *kind != 2) return fail(Code::malformed, "type: neither user (1) nor host (2)");
    out.type = static_cast<SshCertificateType>(*kind);
    auto key_id = in.text("key id");
    if (!key_id) return pass(key_id.error());
    out.key_id = std::move(*key_id);
    const auto principals = in.string("principals");
    if (!principals) return pass(principals.error());
    auto list = parse_principals(*principals);
    if (!list) return pass(list.error());
    out.principals = std::move(*list);
    const auto after = in.u64("valid after");
    if (!after) return pass(after.error());
    const auto before = in.u64("valid before");
    if (!before) return pass(before.error());
    out.valid_after = *after;
    out.valid_before = *before;
    for (auto* options : {&out.critical_options, &out.extensions}) {
        const auto* what = options == &out.extensions ? "extensions" : "critical options";
        const auto bytes = in.string(what);
        if (!bytes) return pass(bytes.error());
        auto parsed = parse_options(*bytes, what);
        if (!parsed) return pass(parsed.error());
        *options = std::move(*parsed);
    }
    const auto reserved = in.string("reserved");
    if (!reserved) return pass(reserved.error());
    if (!reserved->empty()) return fail(Code::malformed, "reserved: not empty");
    const auto signer = in.string("signature key");
    if (!signer) return pass(signer.error());
    auto key = parse_ssh_key(*signer);  // refuses certificates: there are no chains (PROTOCOL.certkeys)
    if (!key) return pass(key.error(), "signature key");
    out.signer = std::move(*key);
    return {};
}

}  // namespace

Bytes encode_to_be_signed(const SshCertificate& certificate) {
    Writer principals;
    for (const auto& principal : certificate.principals) principals.string(principal);
    Writer out;
    out.string(certificate_type(certificate.subject.algorithm)).string(certificate.nonce);
    detail::write_key_fields(out, certificate.subject);
    out.u64(certificate.serial).u32(static_cast<std::uint32_t>(certificate.type)).string(certificate.key_id);
    out.string(principals.bytes()).u64(certificate.valid_after).u64(certificate.valid_before);
    out.string(encode_options(certificate.critical_options)).string(encode_options(certificate.extensions));
    out.string("").string(encode_ssh_key(certificate.signer));
    return out.take();
}

Bytes encode_signed(ByteView to_be_signed, std::string_view signature_algorithm, ByteView signature) {
    Writer inner;
    inner.string(signature_algorithm).string(signature);
    Writer out;
    out.raw(to_be_signed).string(inner.bytes());
    return out.take();
}

Result<SignedSshCertificate> parse_ssh_certificate(ByteView blob) {
    Reader in(blob);
    SignedSshCertificate out;
    if (auto ok = read_fields(in, out.fields); !ok) return pass(ok.error(), "SSH certificate");
    out.to_be_signed = to_bytes(blob.first(blob.size() - in.rest().size()));
    const auto signature = in.string("signature");
    if (!signature) return pass(signature.error(), "SSH certificate");
    if (auto ok = in.finish("SSH certificate"); !ok) return pass(ok.error());
    Reader inner(*signature);
    auto algorithm = inner.text("signature algorithm");
    if (!algorithm) return pass(algorithm.error(), "SSH certificate");
    out.signature_algorithm = std::move(*algorithm);
    const auto bytes = inner.string("signature bytes");
    if (!bytes) return pass(bytes.error(), "SSH certificate");
    out.signature = to_bytes(*bytes);
    // FIDO signers append flags and counter; Mayfly's issuers are never FIDO keys, foreign ones may be.
    if (!out.fields.signer.hardware_backed())
        if (auto ok = inner.finish("signature"); !ok) return pass(ok.error(), "SSH certificate");
    return out;
}

Result<Bytes> parse_ssh_certificate_line(std::string_view line) {
    const auto first = line.find(' ');
    if (first == std::string_view::npos || line.substr(0, first).find("-cert-v01") == std::string_view::npos)
        return fail(Code::malformed, "not an SSH certificate line");
    std::string_view rest = line.substr(first + 1);
    rest = rest.substr(0, rest.find_first_of(" \r\n"));
    auto blob = parse_base64(rest);
    if (!blob) return pass(blob.error(), "SSH certificate line");
    Reader in(*blob);
    const auto type = in.text("certificate type");
    if (!type || *type != line.substr(0, first))
        return fail(Code::malformed, "the type before the certificate is not the type inside it");
    return blob;
}

std::string encode_ssh_certificate_line(ByteView blob, std::string_view comment) {
    Reader in(blob);
    const auto type = in.text("certificate type");
    ensure(type.has_value(), "a certificate blob of ours starts with its type");
    std::string line = *type + " " + base64(blob);
    if (!comment.empty()) line.append(" ").append(comment);
    return line;
}

}  // namespace mayfly::wire
