#include "agent/rest.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargestMaps = 1 << 20;

std::string read_maps() {
    const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    std::string out;
    std::array<char, 8192> part{};
    while (file >= 0 && out.size() < kLargestMaps) {
        const ssize_t got = ::read(file, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        out.append(part.data(), static_cast<std::size_t>(got));
    }
    if (file >= 0) ::close(file);
    return out;
}

/// "55d0-55d8 r-xp 00000000 fe:00 1234   /usr/bin/…" (proc_pid_maps(5)). Only what is executed and of a file: it was
/// never written to, so that letting go of it loses nothing (madvise(2), MADV_DONTNEED). What the dynamic linker
/// changed is mapped otherwise.
void let_go(std::string_view line) {
    const auto dash = line.find('-'), space = line.find(' ');
    if (dash == std::string_view::npos || space == std::string_view::npos || dash > space) return;
    if (line.substr(space + 1, 4) != "r-xp" || line.find(" /") == std::string_view::npos) return;
    std::uintptr_t from = 0, to = 0;
    std::from_chars(line.data(), line.data() + dash, from, 16);
    std::from_chars(line.data() + dash + 1, line.data() + space, to, 16);
    if (from != 0 && from < to) (void)::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace

void give_back() {
    ::malloc_trim(0);
    const std::string maps = read_maps();
    for (std::size_t at = 0; at < maps.size();) {
        const auto end = std::min(maps.find('\n', at), maps.size());
        let_go(std::string_view(maps).substr(at, end - at));
        at = end + 1;
    }
}

}  // namespace mayfly::agent
