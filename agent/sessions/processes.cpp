#include "agent/sessions/processes.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "agent/discovery/lines.h"
#include "lib/client/run.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargestTable = 64 << 20, kLargestFile = 64 * 1024;

template <class Integer>
bool number(std::string_view text, Integer& out, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string proc(int pid, const char* what) { return "/proc/" + std::to_string(pid) + "/" + what; }

std::string read(const std::string& path, std::size_t limit) {
    const auto bytes = files::read(path, limit);
    return bytes ? std::string(text_of(*bytes)) : std::string();
}

std::string read_link(const std::string& path) {
    std::array<char, 4096> out{};
    const ssize_t length = ::readlink(path.c_str(), out.data(), out.size());
    return length > 0 ? std::string(out.data(), static_cast<std::size_t>(length)) : std::string();
}

std::vector<std::string> entries(const std::string& folder) {
    using Stream = std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })>;
    const Stream stream(::opendir(folder.c_str()));
    std::vector<std::string> out;
    while (stream)
        if (const dirent* entry = ::readdir(stream.get()))
            out.emplace_back(entry->d_name);
        else
            break;
    return out;
}

std::vector<int> pids() {
    std::vector<int> out;
    for (const auto& name : entries("/proc"))
        if (int pid = 0; number(name, pid)) out.push_back(pid);
    return out;
}

/// The fields of /proc/PID/stat after the name, which may hold anything: from the last ')' on. The first is field 3.
std::vector<std::string> stat_fields(int pid) {
    const std::string text = read(proc(pid, "stat"), kLargestFile);
    const auto end = text.rfind(')');
    if (end == std::string::npos) return {};
    std::vector<std::string> out;
    std::string_view rest = std::string_view(text).substr(end + 1);
    while (!rest.empty()) {
        const auto word = take_word(rest);
        if (word.empty()) break;
        out.emplace_back(word);
    }
    return out;
}
constexpr std::size_t kParentField = 4 - 3, kStartField = 22 - 3;

bool is_sshd(int pid) {
    std::string program = read_link(proc(pid, "exe"));
    // A package was upgraded under it: still the same sshd.
    constexpr std::string_view kDeleted = " (deleted)";
    if (program.ends_with(kDeleted)) program.resize(program.size() - kDeleted.size());
    const auto name = program.substr(program.rfind('/') + 1);
    return name == "sshd" || name == "sshd-session" || name == "sshd-auth";
}

std::set<std::uint64_t> sockets_of(int pid) {
    std::set<std::uint64_t> out;
    for (const auto& name : entries(proc(pid, "fd"))) {
        const auto to = read_link(proc(pid, "fd/") + name);
        constexpr std::string_view kSocket = "socket:[";
        std::uint64_t inode = 0;
        if (to.starts_with(kSocket) && to.ends_with(']') &&
            number(std::string_view(to).substr(kSocket.size(), to.size() - kSocket.size() - 1), inode))
            out.insert(inode);
    }
    return out;
}

/// "0100007F:1F90": words of 32 bits in the host's order.
std::optional<Far> parse_hex_end(std::string_view text) {
    const auto colon = text.find(':');
    Far out;
    if (colon == std::string_view::npos || !number(text.substr(colon + 1), out.port, 16)) return {};
    const auto digits = text.substr(0, colon);
    if (digits.size() != 8 && digits.size() != 32) return {};
    if (digits.size() == 8) out.address = std::string(10, '\0') + "\xff\xff";
    for (std::size_t at = 0; at < digits.size(); at += 8) {
        std::uint32_t word = 0;
        if (!number(digits.substr(at, 8), word, 16)) return {};
        std::array<char, 4> bytes{};
        std::copy_n(reinterpret_cast<const char*>(&word), bytes.size(), bytes.begin());
        out.address.append(bytes.data(), bytes.size());
    }
    return out;
}

}  // namespace

Result<Far> parse_far(std::string_view source) {
    const auto bad = [&] {
        return fail(Code::malformed, "\"" + printable(source.substr(0, 80)) + "\" is no address and port");
    };
    constexpr std::string_view kPort = " port ";
    const auto at = source.find(kPort);
    Far out;
    if (at == std::string_view::npos || !number(source.substr(at + kPort.size()), out.port)) return bad();
    std::string address(source.substr(0, at));
    address.resize(std::min(address.find('%'), address.size()));  // fe80::1%eth0
    std::array<char, sizeof(in6_addr)> bytes{};
    if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) {
        out.address.assign(bytes.data(), bytes.size());
        return out;
    }
    if (::inet_pton(AF_INET, address.c_str(), bytes.data()) != 1) return bad();
    out.address = std::string(10, '\0') + "\xff\xff" + std::string(bytes.data(), sizeof(in_addr));
    return out;
}

std::vector<std::uint64_t> sockets_to(const Far& far, std::string_view table) {
    std::vector<std::uint64_t> out;
    (void)take_line(table);  // names of the columns
    while (!table.empty()) {
        auto line = take_line(table);
        std::array<std::string_view, 10>
            columns{};  // proc(5): sl local rem st queues timer retransmits uid timeout inode
        for (auto& column : columns) column = take_word(line);
        const auto end = parse_hex_end(columns[2]);
        std::uint64_t inode = 0;
        if (end && *end == far && number(columns[9], inode) && inode != 0) out.push_back(inode);
    }
    return out;
}

std::vector<Process> sshd_processes(const Far& far) {
    std::vector<Process> out;
    std::map<std::string, std::set<std::uint64_t>> by_network;  // each network namespace has tables of its own
    for (const int pid : pids()) {
        if (!is_sshd(pid)) continue;
        const auto network = read_link(proc(pid, "ns/net"));
        auto known = by_network.find(network);
        if (known == by_network.end()) {
            std::set<std::uint64_t> inodes;
            for (const char* table : {"net/tcp", "net/tcp6"})
                for (const auto inode : sockets_to(far, read(proc(pid, table), kLargestTable))) inodes.insert(inode);
            known = by_network.emplace(network, std::move(inodes)).first;
        }
        const auto held = sockets_of(pid);
        const bool ours = std::any_of(known->second.begin(), known->second.end(),
                                      [&](std::uint64_t inode) { return held.contains(inode); });
        if (!ours) continue;
        if (const auto process = process_of(pid)) out.push_back(*process);
    }
    return out;
}

std::vector<Process> children_of(const std::vector<Process>& parents) {
    std::map<int, std::vector<int>> children;
    for (const int pid : pids()) {
        const auto fields = stat_fields(pid);
        if (int parent = 0; fields.size() > kStartField && number(fields[kParentField], parent))
            children[parent].push_back(pid);
    }
    std::set<int> seen;
    std::vector<int> open;
    for (const auto& parent : parents) {
        seen.insert(parent.pid);
        open.push_back(parent.pid);
    }
    std::vector<Process> out;
    while (!open.empty()) {
        const int pid = open.back();
        open.pop_back();
        for (const int child : children[pid]) {
            if (!seen.insert(child).second) continue;
            open.push_back(child);
            if (const auto process = process_of(child)) out.push_back(*process);
        }
    }
    return out;
}

Result<Process> process_of(int pid) {
    const auto fields = stat_fields(pid);
    Process out{pid};
    // One that has ended and waits to be asked after is over.
    const bool over = !fields.empty() && (fields.front() == "Z" || fields.front() == "X");
    if (over || fields.size() <= kStartField || !number(fields[kStartField], out.started))
        return fail(Code::not_found, "there is no process " + std::to_string(pid));
    return out;
}

Result<Instant> began(const Process& process) {
    const std::string text = read("/proc/stat", 1 << 20);
    const auto at = text.find("\nbtime ");
    std::int64_t boot = 0;
    if (at == std::string::npos ||
        !number(std::string_view(text).substr(at + 7, text.find('\n', at + 7) - at - 7), boot))
        return fail(Code::unavailable, "/proc/stat does not say when this host began");
    return Instant(boot + static_cast<std::int64_t>(process.started) / ::sysconf(_SC_CLK_TCK));
}

bool signal_process(const Process& process, int signal) {
    // Whoever has the number is held by the handle first, and asked second whether it is still the one that is meant.
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
    if (handle < 0) return false;
    const auto now = process_of(process.pid);
    const bool same = now && *now == process;
    const bool sent = same && ::syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0) == 0;
    ::close(handle);
    return sent;
}

bool wait_gone(const std::vector<Process>& processes, int milliseconds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    for (const auto& process : processes) {
        const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
        if (handle < 0) continue;
        const auto now = process_of(process.pid);
        if (now && *now == process) {
            pollfd end{handle, POLLIN, 0};
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            const int ready = ::poll(&end, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
            if (ready <= 0) {
                ::close(handle);
                return false;
            }
        }
        ::close(handle);
    }
    return true;
}

std::string login_session(const std::vector<Process>& processes) {
    for (const auto& process : processes) {
        const std::string groups = read(proc(process.pid, "cgroup"), kLargestFile);
        const auto at = groups.find("/session-");
        const auto end = groups.find(".scope", at == std::string::npos ? 0 : at);
        if (at == std::string::npos || end == std::string::npos) continue;
        const std::string id = groups.substr(at + 9, end - at - 9);
        const bool plain = !id.empty() && id.size() < 32 && std::all_of(id.begin(), id.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        });
        if (!plain) continue;
        // An sshd without PAM leaves its sessions where it stands itself, perhaps in somebody's login: only a session
        // that was made for this very process is this session.
        const auto leader = client::run({"loginctl", "show-session", id, "--property=Leader", "--value"});
        int pid = 0;
        if (!leader || leader->exit_code != 0 || !number(trimmed(leader->out.substr(0, leader->out.find('\n'))), pid))
            continue;
        if (pid == process.pid) return id;
    }
    return {};
}

}  // namespace mayfly::agent
