#pragma once
// Node notices: what nodes noticed beside the use of certificates. A part of Store: the same contract holds.
#include <string>
#include <vector>

#include "mayfly/names.h"
#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

/// ReportedNotice is what a node says. Texts are printable and bounded by whoever made this.
struct ReportedNotice {
    /// old_way: an account was opened without a certificate; drift: sshd is otherwise than the agent left it; alarm:
    /// the node refused what it was given, or took it back; mode: a step of the take-over, or "left".
    enum class Kind { old_way, drift, alarm, mode };
    std::string id;
    Kind kind = Kind::drift;
    Instant at = Instant(0);
    std::string what;
    std::string account{}, source{}, how{}, key{}, seems{};
};

class NodeNotices {
public:
    virtual ~NodeNotices() = default;
    /// record_notices takes each notice once, however often it is reported: one event each.
    virtual Status record_notices(const NodeName& node, const std::vector<ReportedNotice>& notices, std::int64_t lost,
                                  Instant now) = 0;
};

/// SQL of the table behind it.
extern const char* const kNodeNoticeSchema;

}  // namespace mayfly::store
