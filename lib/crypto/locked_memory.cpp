#include "lib/crypto/locked_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

namespace mayfly::crypto {

namespace {

// Argon2id takes 64 MiB for a moment; a limit near that would make an allocation fail in the middle of the work.
constexpr rlim_t kEnoughToLock = 512UL << 20U;
constexpr std::size_t kSecureHeap = 64 * 1024, kSmallestSecure = 32;

/// Whether the system has anywhere to swap to; true when that cannot be known.
bool has_swap() {
    std::ifstream swaps("/proc/swaps");
    std::string line;
    if (!std::getline(swaps, line)) return true;
    return static_cast<bool>(std::getline(swaps, line));
}

bool lock_everything() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < kEnoughToLock) return false;
    return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

}  // namespace

namespace {

void close_to_others() {
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace

Status keep_keys_private() {
    close_to_others();
    constexpr int kLocked = 1;  // 2: there is a heap, and it could not be locked
    if (CRYPTO_secure_malloc_initialized() == 1 || CRYPTO_secure_malloc_init(kSecureHeap, kSmallestSecure) == kLocked ||
        !has_swap())
        return {};
    return fail(Code::unavailable, "the memory for private keys cannot be locked, and this machine has swap",
                "E-MEMORY-LOCK", "keys would be written to the swap device", "ulimit -l 1024, or swapoff -a");
}

std::size_t keys_in_locked_memory() { return CRYPTO_secure_used(); }

Status keep_memory_private() {
    close_to_others();
    // Ed25519 keys are in OpenSSL's secure heap when there is one (ed25519.cpp): locked, and wiped when freed.
    (void)CRYPTO_secure_malloc_init(kSecureHeap, kSmallestSecure);
    if (lock_everything() || !has_swap()) return {};
    return fail(Code::unavailable, "memory cannot be locked, and this machine has swap", "E-MEMORY-LOCK",
                "the key would be written to the swap device", "swapoff -a, ulimit -l unlimited, or run it as root");
}

}  // namespace mayfly::crypto
