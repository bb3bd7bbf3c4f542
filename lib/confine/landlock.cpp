#include "lib/confine/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/confine/failed.h"

namespace mayfly::confine {

namespace {

// Documentation/userspace-api/landlock.rst.
constexpr long kCreate = 444, kAdd = 445, kRestrict = 446;
constexpr std::uint32_t kVersion = 1, kPathBeneath = 1, kNetPort = 2;
constexpr std::uint64_t kReadFile = 1U << 2, kReadDir = 1U << 3;
constexpr std::uint64_t kFirstAbi = (1U << 13) - 1;  // execute to make_sym
constexpr std::uint64_t kRefer = 1U << 13, kTruncate = 1U << 14, kIoctlDevice = 1U << 15;
constexpr std::uint64_t kBindTcp = 1U << 0, kConnectTcp = 1U << 1;
constexpr std::uint64_t kScopeAbstractSockets = 1U << 0, kScopeSignals = 1U << 1;

struct RulesetAttr {
    std::uint64_t handled_files, handled_net, scoped;
};
struct [[gnu::packed]] PathAttr {
    std::uint64_t allowed;
    std::int32_t parent;
};
struct PortAttr {
    std::uint64_t allowed, port;
};

class Descriptor {
public:
    explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

RulesetAttr handled_by(int abi) {
    RulesetAttr out{kFirstAbi, 0, 0};
    if (abi >= 2) out.handled_files |= kRefer;
    if (abi >= 3) out.handled_files |= kTruncate;
    if (abi >= 4) out.handled_net = kBindTcp | kConnectTcp;
    if (abi >= 5) out.handled_files |= kIoctlDevice;
    if (abi >= 6) out.scoped = kScopeAbstractSockets | kScopeSignals;
    return out;
}

/// How much of the structure this kernel knows: it refuses a longer one unless the rest is zero, and never needs it.
std::size_t size_for(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

Status let_read(int ruleset, const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat info {};
    if (file.get() < 0) return {};
    if (::fstat(file.get(), &info) != 0) return failed("fstat");
    const PathAttr rule{S_ISDIR(info.st_mode) ? kReadFile | kReadDir : kReadFile, file.get()};
    return ::syscall(kAdd, ruleset, kPathBeneath, &rule, 0) == 0 ? Status{} : failed("landlock_add_rule");
}

}  // namespace

int landlock_abi() {
    const long abi = ::syscall(kCreate, nullptr, 0, kVersion);
    return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<bool> hold_to(const Reach& reach) {
    const int abi = landlock_abi();
    if (abi == 0) return false;
    const RulesetAttr handled = handled_by(abi);
    const Descriptor ruleset(::syscall(kCreate, &handled, size_for(abi), 0));
    if (ruleset.get() < 0) return failed("landlock_create_ruleset");
    for (const auto& path : reach.read)
        if (auto ok = let_read(ruleset.get(), path); !ok) return pass(ok.error());
    for (const auto port : reach.connect) {
        const PortAttr rule{kConnectTcp, port};
        if (abi >= 4 && ::syscall(kAdd, ruleset.get(), kNetPort, &rule, 0) != 0) return failed("landlock_add_rule");
    }
    if (::syscall(kRestrict, ruleset.get(), 0) != 0) return failed("landlock_restrict_self");
    return true;
}

}  // namespace mayfly::confine
