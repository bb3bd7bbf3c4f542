#include "cli/out_files.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "lib/files/together.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::cli {

Status may_write(const std::vector<std::string>& paths, Existing existing) {
    if (existing == Existing::replace) return {};
    struct stat info {};
    for (const auto& path : paths)
        if (::lstat(path.c_str(), &info) == 0)
            return fail(Code::conflict, path + " is there already", "E-FILE-EXISTS",
                        "a key that is overwritten is lost; nothing was minted",
                        "another --out, or --force to replace");
    return {};
}

std::vector<std::string> ssh_files(const std::string& path) {
    return {path, path + ".pub", path + "-cert.pub", path + "-cert.tlog-proof"};
}

Status write_ssh_files(const std::string& path, const crypto::PrivateKey& key, const api::CertificateReply& reply,
                       const HandOver& hand_over) {
    const auto seed = key.ed25519_seed();
    if (!seed) return pass(seed.error());
    std::array<std::uint8_t, 4> random{};
    crypto::SystemRng().fill(random);
    const auto check =
        static_cast<std::uint32_t>((random[0] << 24U) | (random[1] << 16U) | (random[2] << 8U) | random[3]);
    const Secret text = wire::encode_openssh_private_ed25519(key.public_key(), seed->reveal(), check, reply.key_id);
    const std::string line = wire::encode_ssh_key_line(key.public_key(), reply.key_id) + "\n";
    const std::string certificate = reply.certificate + "\n";
    const auto at = std::filesystem::path(path);
    const std::string name = at.filename().string(), folder = at.has_parent_path() ? at.parent_path().string() : ".";
    return files::write_together(folder, name + ".d",
                                 {{name, text.reveal(), hand_over.secret_mode},
                                  {name + ".pub", view(line), 0644},
                                  {name + "-cert.pub", view(certificate), 0644},
                                  {name + "-cert.tlog-proof", view(reply.log_proof), 0644}},
                                 hand_over.owner);
}

}  // namespace mayfly::cli
