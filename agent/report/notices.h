#pragma once
// Notices: what the node noticed and the CA does not know yet, on disk: old ways in, drift, alarms.
//
// A file of lines, one notice each; a first line says how many did not fit. Added lines are flushed; the same id is
// added once while it waits, and the CA takes an id once for ever.
#include <deque>
#include <string>
#include <vector>

#include "mayfly/api_notice.h"
#include "mayfly/result.h"

namespace mayfly::agent {

class Notices {
public:
    static Result<Notices> load(const std::string& path, std::size_t most = 5000);

    /// Returns when they are on disk. What does not fit is counted, never kept at the cost of what came before.
    Status add(const std::vector<api::NodeNotice>& notices);
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }
    [[nodiscard]] std::int64_t lost() const { return lost_; }
    [[nodiscard]] api::NodeNotices oldest(std::size_t most) const;
    /// The CA has the first `count`, and knows of `lost`.
    Status delivered(std::size_t count, std::int64_t lost);

private:
    Notices(std::string path, std::size_t most) : path_(std::move(path)), most_(most) {}
    Status rewrite();

    std::string path_;
    std::size_t most_;
    std::deque<api::NodeNotice> pending_;
    std::int64_t lost_ = 0;
};

}  // namespace mayfly::agent
