#include "lib/confine/filter.h"

#include <seccomp.h>

#include <cerrno>

#include "lib/confine/failed.h"

namespace mayfly::confine {

namespace {

std::uint32_t action(Answer answer) {
    switch (answer) {
        case Answer::allow: return SCMP_ACT_ALLOW;
        case Answer::refuse: return SCMP_ACT_ERRNO(EPERM);
        case Answer::missing: return SCMP_ACT_ERRNO(ENOSYS);
        case Answer::kill: break;
    }
    return SCMP_ACT_KILL_PROCESS;
}

}  // namespace

void Filter::Release::operator()(void* filter) const { ::seccomp_release(filter); }

Result<Filter> Filter::make(Answer otherwise) {
    Filter out(::seccomp_init(action(otherwise)));
    if (!out.filter_) return failed("seccomp_init");
    // Libraries may have started threads: the filter is for all of them.
    if (::seccomp_attr_set(out.filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1) != 0) return failed("seccomp_attr_set");
    // Whether no_new_privs is set is its own decision (process.h).
    if (::seccomp_attr_set(out.filter_.get(), SCMP_FLTATR_CTL_NNP, 0) != 0) return failed("seccomp_attr_set");
    return out;
}

Filter& Filter::add(Answer answer, const std::vector<int>& calls) {
    for (const int call : calls) (void)add(answer, call, {});
    return *this;
}

Filter& Filter::add(Answer answer, int call, const std::vector<When>& when) {
    std::vector<scmp_arg_cmp> conditions;
    for (const auto& one : when) conditions.push_back({one.argument, SCMP_CMP_MASKED_EQ, one.mask, one.value});
    const int code = ::seccomp_rule_add_array(filter_.get(), action(answer), call,
                                              static_cast<unsigned>(conditions.size()), conditions.data());
    // A call that this machine's kernel does not have needs no rule.
    if (code != 0 && code != -EDOM) trouble_ = code;
    return *this;
}

Status Filter::load() const {
    errno = -trouble_;
    if (trouble_ != 0) return failed("seccomp_rule_add");
    const int code = ::seccomp_load(filter_.get());
    errno = -code;
    return code == 0 ? Status{} : failed("seccomp_load");
}

}  // namespace mayfly::confine
