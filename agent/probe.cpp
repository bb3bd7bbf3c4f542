#include "agent/probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/nobody.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::agent {

namespace {

tl::unexpected<Error> no_canary(const std::string& what) {
    return fail(Code::malformed, "the CA's canary certificate is none: " + what, "E-CANARY",
                "it may name nobody and open nothing; sshd is not asked with it", "tell whoever answers for the CA");
}

bool skip(std::string_view& rest, std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
}

/// "ssh-ed25519-cert-v01@openssh.com SHA256:…, serial N ID "…" CA ssh-ed25519 SHA256:… valid …". The key id is foreign,
/// so the CA is looked for behind the last quote.
void read_host_certificate(std::string_view rest, Answer& out) {
    const auto serial = rest.find(", serial ");
    const auto quote = rest.rfind('"');
    if (serial == std::string_view::npos || quote == std::string_view::npos || quote < serial) return;
    const auto digits = rest.substr(serial + 9);
    std::from_chars(digits.data(), digits.data() + digits.size(), out.host_serial);
    const auto tail = rest.substr(quote + 1);
    const auto hash = tail.find("SHA256:");
    if (hash == std::string_view::npos) return;
    out.host_authority = std::string(tail.substr(hash, tail.find(' ', hash) - hash));
}

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> out;
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        if (end > 0) out.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return out;
}

}  // namespace

Result<Canary> accept_canary(const std::string& line, const NodeName& node) {
    auto blob = wire::parse_ssh_certificate_line(line);
    if (!blob) return no_canary(blob.error().message);
    const auto read = wire::parse_ssh_certificate(*blob);
    if (!read) return no_canary(read.error().message);
    const auto& fields = read->fields;
    const auto role = RoleName::parse(crypto::kCanaryRole);
    const std::string principal = Principal::of(*role, node).text();
    if (fields.type != wire::SshCertificateType::user) return no_canary("it is a host certificate");
    if (!(fields.subject == crypto::nobodys_key(node))) return no_canary("it certifies a key that somebody may hold");
    if (fields.principals != std::vector{principal}) return no_canary("it names somebody else");
    if (!fields.extensions.empty()) return no_canary("it allows something");
    if (const auto findings = wire::lint(fields); !findings.empty()) return no_canary(findings.front());
    if (const auto good = crypto::verify(*read); !good) return no_canary(good.error().message);
    return Canary{line,          principal,
                  fields.serial, Instant(static_cast<std::int64_t>(fields.valid_before)),
                  fields.signer, std::move(*blob)};
}

Answer read_answer(std::string_view words, const std::string& canary_file, const std::string& stranger_file) {
    Answer out;
    while (!words.empty()) {
        const auto end = std::min(words.find('\n'), words.size());
        auto line = words.substr(0, end);
        words.remove_prefix(std::min(end + 1, words.size()));
        while (line.ends_with('\r')) line.remove_suffix(1);
        if (!skip(line, "debug1: ")) {
            if (out.heard == Answer::Heard::nothing && line.ends_with(": Connection refused"))
                out.heard = Answer::Heard::refused_connection;
            continue;
        }
        if (skip(line, "Server accepts key: ")) {
            if (line.starts_with(canary_file + " ")) out.certificate = true;
            if (line.starts_with(stranger_file + " ")) out.stranger = true;
        } else if (skip(line, "Server host certificate: ")) {
            read_host_certificate(line, out);
        } else if (skip(line, "Authentications that can continue: ")) {
            out.heard = Answer::Heard::all;
            out.methods = words_of(line);
        }
    }
    return out;
}

bool is_listening(const Address& address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found) != 0) return false;
    const std::unique_ptr<addrinfo, decltype([](addrinfo* list) { ::freeaddrinfo(list); })> owned(found);
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
        const int socket = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (socket < 0) continue;
        bool taken = ::connect(socket, one->ai_addr, one->ai_addrlen) == 0;
        if (!taken && errno == EINPROGRESS) {
            // On this host it is made or refused at once; what takes longer meets the full queue of somebody who
            // listens.
            pollfd waiting{socket, POLLOUT, 0};
            int code = 0;
            socklen_t size = sizeof code;
            taken = ::poll(&waiting, 1, 1000) == 0 ||
                    (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code == 0);
        }
        ::close(socket);
        if (taken) return true;
    }
    return false;
}

Result<Answer> ask_sshd(const Address& address, const std::string& account, const std::string& canary,
                        const std::string& folder) {
    if (auto ok = files::make_private_dir(folder); !ok) return pass(ok.error());
    const std::string canary_file = folder + "/canary-cert.pub", stranger_file = folder + "/stranger.pub";
    const auto stranger = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!stranger) return pass(stranger.error());
    if (auto ok = files::write(stranger_file, view(wire::encode_ssh_key_line(stranger->public_key(), "") + "\n"), 0600);
        !ok)
        return pass(ok.error());
    std::vector<std::string> argv = {
        // ssh bounds the time to the banner only.
        "timeout", "20", "ssh", "-v", "-N", "-T", "-F", "none",
        // Whose host this is, is not the question: it is our own, and what it shows is read from what ssh says.
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ConnectTimeout=5", "-o",
        "PreferredAuthentications=publickey", "-o", "ControlPath=none", "-i", stranger_file};
    if (!canary.empty()) {
        if (auto ok = files::write(canary_file, view(canary + "\n"), 0600); !ok) return pass(ok.error());
        argv.insert(argv.end(), {"-o", "CertificateFile=" + canary_file});
    }
    argv.insert(argv.end(), {"-p", address.port, "-l", account, address.host});
    const auto done = client::run(argv, {}, client::Asking::never);
    if (!done) return pass(done.error());
    return read_answer(done->err, canary_file, stranger_file);
}

}  // namespace mayfly::agent
