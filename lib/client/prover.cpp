#include "lib/client/prover.h"

#include "lib/client/private_folder.h"
#include "lib/client/ssh_agent.h"
#include "lib/files/files.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/sshsig.h"
#include "lib/wire/text.h"

namespace mayfly::client {

namespace {

constexpr std::size_t kLargestKeyFile = 64 * 1024;

/// The public half that an "openssh-key-v1" file holds in the clear, encrypted or not (PROTOCOL.key section 1).
Result<PublicKey> public_half_inside(std::string_view text) {
    const auto der = wire::parse_one_pem(text, "OPENSSH PRIVATE KEY");
    if (!der) return pass(der.error());
    constexpr std::string_view kMagic("openssh-key-v1\0", 15);
    wire::Reader in(*der);
    const auto magic = in.raw(kMagic.size(), "magic");
    if (!magic || text_of(*magic) != kMagic) return fail(Code::malformed, "not an openssh-key-v1 file");
    for (const auto* what : {"cipher", "kdf", "kdf options"})
        if (const auto skipped = in.string(what); !skipped) return pass(skipped.error());
    const auto count = in.u32("number of keys");
    if (!count || *count != 1) return fail(Code::malformed, "it does not hold one key");
    const auto blob = in.string("public key");
    if (!blob) return pass(blob.error());
    return wire::parse_ssh_key(*blob);
}

/// From the .pub beside the private key, or from the private key's own file.
Result<PublicKey> public_half(const std::string& file, bool is_public) {
    const auto line = files::read(file + ".pub", kLargestKeyFile);
    if (line) {
        const auto text = text_of(*line);
        const auto key = wire::parse_ssh_key_line(text.substr(0, text.find('\n')));
        if (!key) return pass(key.error(), file + ".pub");
        return key->key;
    }
    if (is_public) return pass(line.error());
    auto contents = files::read(file, kLargestKeyFile);
    if (!contents) return pass(contents.error());
    const Secret wiped(std::move(*contents));
    auto key = public_half_inside(text_of(wiped.reveal()));
    if (key) return key;
    return fail(Code::not_found, "there is no public key beside " + file, "E-KEY-FILE", key.error().message,
                "ssh-keygen -y -f " + file + " > " + file + ".pub");
}

tl::unexpected<Error> cannot_sign(const std::string& file, const std::string& why) {
    return fail(Code::unauthenticated, "ssh-keygen cannot sign with " + file, "E-SIGN", why,
                "ssh-add " + file + ", or run this at a terminal");
}

/// Nobody to ask: the message goes through a pipe, and a passphrase means failure.
Result<Bytes> sign_quietly(const std::string& file, std::string_view name_space, ByteView message) {
    const auto made = run({"ssh-keygen", "-q", "-Y", "sign", "-f", file, "-n", std::string(name_space)},
                          text_of(message), Asking::never);
    if (!made) return pass(made.error());
    if (made->exit_code != 0) return cannot_sign(file, made->err.substr(0, made->err.find('\n')).substr(0, 300));
    return wire::parse_sshsig_armor(made->out);
}

/// ssh-keygen asks for a passphrase, and says that a security key waits for a touch, only when all three standard files
/// are the terminal's. So message and signature go through files.
Result<Bytes> sign_at_terminal(const std::string& file, std::string_view name_space, ByteView message) {
    const auto folder = PrivateFolder::make();
    if (!folder) return pass(folder.error());
    const std::string path = folder->path() + "/message";
    if (auto ok = files::write(path, message, 0600); !ok) return pass(ok.error());
    const auto code = run_attached({"ssh-keygen", "-q", "-Y", "sign", "-f", file, "-n", std::string(name_space), path});
    if (!code) return pass(code.error());
    if (*code != 0) return cannot_sign(file, "it said why above");
    const auto armor = files::read(path + ".sig", kLargestKeyFile);
    if (!armor) return pass(armor.error());
    return wire::parse_sshsig_armor(text_of(*armor));
}

}  // namespace

Prover prove_with(const crypto::PrivateKey& key) {
    return {key.public_key(), "new key",
            [&key](std::string_view name_space, ByteView message) { return crypto::sshsig(key, name_space, message); }};
}

Result<Prover> prove_with_agent(const PublicKey& key, std::string comment) {
    return Prover{key, std::move(comment), [key](std::string_view name_space, ByteView message) -> Result<Bytes> {
                      auto agent = SshAgent::connect();
                      if (!agent) return pass(agent.error());
                      const auto blob =
                          agent->sign(key, wire::sshsig_signed_bytes(name_space, "sha512", crypto::sha512(message)));
                      if (!blob) return blob;
                      return wire::encode_sshsig(key, name_space, "sha512", *blob);
                  }};
}

Result<Prover> prove_with_file(const std::string& path, Asking asking) {
    const bool is_public = path.ends_with(".pub");
    const std::string file = is_public ? path.substr(0, path.size() - 4) : path;
    auto key = public_half(file, is_public);
    if (!key) return pass(key.error());
    return Prover{std::move(*key), path, [file, asking](std::string_view name_space, ByteView message) {
                      return asking == Asking::allowed ? sign_at_terminal(file, name_space, message)
                                                       : sign_quietly(file, name_space, message);
                  }};
}

}  // namespace mayfly::client
