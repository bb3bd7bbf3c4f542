#include "lib/client/prover.h"

#include "lib/client/run.h"
#include "lib/client/ssh_agent.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/sshsig.h"

namespace mayfly::client {

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

Result<Prover> prove_with_file(const std::string& path) {
    const bool is_public = path.ends_with(".pub");
    const auto line = files::read(is_public ? path : path + ".pub", 16 * 1024);
    if (!line) return pass(line.error(), "cannot read the public key");
    const auto text = text_of(*line);
    const auto key = wire::parse_ssh_key_line(text.substr(0, text.find('\n')));
    if (!key) return pass(key.error(), path);
    const std::string file = is_public ? path.substr(0, path.size() - 4) : path;
    return Prover{
        key->key, path, [file](std::string_view name_space, ByteView message) -> Result<Bytes> {
            const auto made =
                run({"ssh-keygen", "-q", "-Y", "sign", "-f", file, "-n", std::string(name_space)}, text_of(message));
            if (!made) return pass(made.error());
            if (made->exit_code != 0)
                return fail(Code::unavailable, "ssh-keygen cannot sign with " + file + ": " + made->err.substr(0, 300),
                            "E-SIGN", {}, {});
            return wire::parse_sshsig_armor(made->out);
        }};
}

}  // namespace mayfly::client
