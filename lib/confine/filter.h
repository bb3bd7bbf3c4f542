#pragma once
// Filter: which system calls a process and all that it starts may make (seccomp). The order of the rules does not
// matter; what no rule names gets the answer that the filter was made with.
#include <cstdint>
#include <memory>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::confine {

/// Answer is what a call gets.
enum class Answer {
    allow,
    refuse,   ///< EPERM
    missing,  ///< ENOSYS: a library takes another call in its place
    kill,     ///< the process ends (SIGSYS)
};

/// When holds a rule to some arguments: (argument & mask) == value.
struct When {
    unsigned argument;
    std::uint64_t mask, value;
};

class Filter {
public:
    /// `otherwise` is for calls that no rule names.
    static Result<Filter> make(Answer otherwise);
    /// A rule that cannot be made is kept, and told by load.
    Filter& add(Answer answer, const std::vector<int>& calls);
    /// All of `when` must hold.
    Filter& add(Answer answer, int call, const std::vector<When>& when);
    /// load puts it in force, for all threads. Without no_new_privileges only root may. Fails with unavailable
    /// (E-CONFINE).
    Status load() const;

private:
    struct Release {
        void operator()(void* filter) const;
    };
    explicit Filter(void* filter) : filter_(filter) {}
    std::unique_ptr<void, Release> filter_;
    int trouble_ = 0;
};

}  // namespace mayfly::confine
