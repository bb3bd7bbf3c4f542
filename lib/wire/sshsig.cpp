#include "lib/wire/sshsig.h"

#include <array>

#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::string_view kMagic = "SSHSIG";
constexpr std::uint32_t kVersion = 1;

Status check_algorithm(const SshSignature& signature) {
    const auto& algorithm = signature.signature_algorithm;
    const bool fits = signature.key.algorithm == KeyAlgorithm::rsa
                          ? algorithm == "rsa-sha2-512" || algorithm == "rsa-sha2-256"
                          : algorithm == name(signature.key.algorithm);
    if (fits) return {};
    return fail(Code::malformed, "the signature algorithm \"" + printable(algorithm.substr(0, 64)) +
                                     "\" does not fit the key (SHA-1 is refused)");
}

}  // namespace

Bytes sshsig_signed_bytes(std::string_view name_space, std::string_view hash_algorithm, ByteView message_hash) {
    Writer out;
    out.raw(view(kMagic)).string(name_space).string("").string(hash_algorithm).string(message_hash);
    return out.take();
}

Result<SshSignature> parse_sshsig(ByteView blob) {
    Reader in(blob);
    const auto magic = in.raw(kMagic.size(), "SSHSIG");
    if (!magic || text_of(*magic) != kMagic) return fail(Code::malformed, "not an SSH signature");
    const auto version = in.u32("SSHSIG version");
    if (!version) return pass(version.error());
    if (*version != kVersion) return fail(Code::unsupported, "SSHSIG version " + std::to_string(*version));
    const auto key_blob = in.string("SSHSIG key");
    if (!key_blob) return pass(key_blob.error());
    auto key = parse_ssh_key(*key_blob);
    if (!key) return pass(key.error(), "SSHSIG");
    SshSignature out;
    out.key = std::move(*key);
    auto name_space = in.text("SSHSIG namespace");
    if (!name_space) return pass(name_space.error());
    if (name_space->empty()) return fail(Code::malformed, "the SSHSIG namespace is empty");
    out.name_space = std::move(*name_space);
    const auto reserved = in.string("SSHSIG reserved");  // PROTOCOL.sshsig: implementations should ignore it
    if (!reserved) return pass(reserved.error());
    auto hash = in.text("SSHSIG hash");
    if (!hash) return pass(hash.error());
    if (*hash != "sha256" && *hash != "sha512")
        return fail(Code::unsupported, "an SSHSIG hash other than sha256, sha512");
    out.hash_algorithm = std::move(*hash);
    const auto signature = in.string("SSHSIG signature");
    if (!signature) return pass(signature.error());
    if (auto ok = in.finish("SSHSIG"); !ok) return pass(ok.error());

    Reader inner(*signature);
    auto algorithm = inner.text("signature algorithm");
    if (!algorithm) return pass(algorithm.error());
    out.signature_algorithm = std::move(*algorithm);
    const auto bytes = inner.string("signature bytes");
    if (!bytes) return pass(bytes.error());
    out.signature = to_bytes(*bytes);
    if (out.key.hardware_backed()) {
        const auto flags = inner.u8("FIDO flags");
        if (!flags) return pass(flags.error());
        const auto counter = inner.u32("FIDO counter");
        if (!counter) return pass(counter.error());
        out.flags = *flags;
        out.counter = *counter;
    }
    if (auto ok = inner.finish("signature"); !ok) return pass(ok.error());
    if (auto ok = check_algorithm(out); !ok) return pass(ok.error());
    return out;
}

Result<Bytes> parse_sshsig_armor(std::string_view text) { return parse_one_pem(text, "SSH SIGNATURE"); }

Bytes encode_sshsig(const PublicKey& key, std::string_view name_space, std::string_view hash_algorithm,
                    ByteView ssh_signature_blob) {
    Writer out;
    out.raw(view(kMagic)).u32(kVersion).string(encode_ssh_key(key)).string(name_space).string("");
    out.string(hash_algorithm).string(ssh_signature_blob);
    return out.take();
}

}  // namespace mayfly::wire
