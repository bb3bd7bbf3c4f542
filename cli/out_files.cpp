#include "cli/out_files.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "lib/files/files.h"
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

Status make_folder(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return {};
    return files::make_private_dir(path);
}

std::vector<std::string> ssh_files(const std::string& path) {
    return {path, path + ".pub", path + "-cert.pub", path + "-cert.tlog-proof"};
}

Status write_ssh_files(const std::string& path, const crypto::PrivateKey& key, const api::CertificateReply& reply) {
    const auto seed = key.ed25519_seed();
    if (!seed) return pass(seed.error());
    std::array<std::uint8_t, 4> random{};
    crypto::SystemRng().fill(random);
    const auto check =
        static_cast<std::uint32_t>((random[0] << 24U) | (random[1] << 16U) | (random[2] << 8U) | random[3]);
    const Secret text = wire::encode_openssh_private_ed25519(key.public_key(), seed->reveal(), check, reply.key_id);
    const auto paths = ssh_files(path);
    if (auto ok = files::write(paths[0], text.reveal(), 0600); !ok) return ok;
    const std::string line = wire::encode_ssh_key_line(key.public_key(), reply.key_id) + "\n";
    if (auto ok = files::write(paths[1], view(line), 0644); !ok) return ok;
    if (auto ok = files::write(paths[2], view(reply.certificate + "\n"), 0644); !ok) return ok;
    return files::write(paths[3], view(reply.log_proof), 0644);
}

}  // namespace mayfly::cli
