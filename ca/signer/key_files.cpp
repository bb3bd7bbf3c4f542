#include "ca/signer/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/crypto/seal.h"

namespace mayfly::signer {

namespace {

constexpr std::size_t kLargest = 64 * 1024;

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Result<crypto::PrivateKey> load_key(const std::string& dir, const std::string& label, const Secret& passphrase) {
    const std::string path = dir + "/" + label + ".sealed";
    const auto file = read_secret_file(path);
    if (!file) return pass(file.error());
    const auto secret = crypto::unseal(text_of(file->reveal()), passphrase, label);
    if (!secret) return pass(secret.error(), path);
    auto key = crypto::PrivateKey::import_secret(*secret);
    if (!key) return pass(key.error(), path);
    return key;
}

}  // namespace

Result<Secret> read_secret_file(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat info {};
    if (file.fd < 0 || ::fstat(file.fd, &info) != 0)
        return fail(Code::not_found, "cannot open " + path + ": " + std::strerror(errno), "E-KEY-FILE", {}, {});
    if (!S_ISREG(info.st_mode)) return fail(Code::untrusted, path + " is not a plain file", "E-KEY-MODE", {}, {});
    if ((info.st_mode & 077) != 0)
        return fail(Code::untrusted, path + " can be read or written by others than its owner", "E-KEY-MODE",
                    "whoever reads it can try passphrases at leisure", "chmod 600 " + path);
    if (info.st_size > static_cast<off_t>(kLargest))
        return fail(Code::malformed, path + " is too large", "E-KEY-FILE", {}, {});
    Secret out = Secret::of_size(static_cast<std::size_t>(info.st_size));
    if (::read(file.fd, out.writable().data(), out.writable().size()) != info.st_size)
        return fail(Code::unavailable, "cannot read " + path, "E-KEY-FILE", {}, {});
    return out;
}

Result<Keys> load_keys(const std::string& dir, const std::string& passphrase_file) {
    const auto file = read_secret_file(passphrase_file);
    if (!file) return pass(file.error());
    const auto text = text_of(file->reveal());
    const Secret passphrase(to_bytes(text.substr(0, text.find_first_of("\r\n"))));
    auto x509 = load_key(dir, "x509-issuing", passphrase);
    if (!x509) return pass(x509.error());
    auto ssh_user = load_key(dir, "ssh-user", passphrase);
    if (!ssh_user) return pass(ssh_user.error());
    auto ssh_host = load_key(dir, "ssh-host", passphrase);
    if (!ssh_host) return pass(ssh_host.error());
    auto log = load_key(dir, "log", passphrase);
    if (!log) return pass(log.error());
    return Keys{std::move(*x509), std::move(*ssh_user), std::move(*ssh_host), std::move(*log)};
}

}  // namespace mayfly::signer
