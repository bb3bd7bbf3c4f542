#pragma once
// Spool: what was used and the CA does not know yet, on disk.
//
// A file of lines. The first says how far sshd's log was read and which sessions are open; each further one is what a
// round of reading found, with the place that it ended at: what was read and how far are written together or not at
// all. Lines are added and flushed; when the CA has taken uses, the file is replaced as a whole by a shorter one.
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "mayfly/api_use.h"
#include "mayfly/result.h"

namespace mayfly::agent {

class Spool {
public:
    struct Limits {
        std::size_t pending = 20000, open = 1000;
    };
    /// What a round of reading found. `position` may move without a use.
    struct Found {
        std::string position;
        std::vector<api::NodeUse> opened, closed;  ///< the closed ones are whole uses, with their end
        bool told = false;                         ///< the reading was of use to others: the place is kept on disk
    };

    /// Reads the file, or starts a new one. A last line that was cut short by a crash is as if it had not been read
    /// yet. `boot` is the host's boot id: after a reboot nothing that was open is open any more.
    static Result<Spool> load(const std::string& path, const std::string& boot, const std::string& now, Limits limits);
    static Result<Spool> load(const std::string& path, const std::string& boot, const std::string& now) {
        return load(path, boot, now, Limits{});
    }

    [[nodiscard]] const std::string& position() const { return position_; }
    /// Sessions that are open, by account and source.
    [[nodiscard]] const std::map<std::string, api::NodeUse>& open() const { return open_; }
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }
    [[nodiscard]] std::int64_t lost() const { return lost_; }
    static std::string key_of(const api::NodeUse& use) { return use.account + " " + use.source; }

    /// Returns when it is on disk. What does not fit is counted in `lost`, never kept at the cost of what came before.
    Status add(const Found& found);
    /// The oldest, at most `most`.
    [[nodiscard]] api::NodeUses oldest(std::size_t most) const;
    /// The CA has these: the first `count`, and knows of `lost` that were lost.
    Status delivered(std::size_t count, std::int64_t lost);

private:
    Spool(std::string path, std::string boot, Limits limits)
        : path_(std::move(path)), boot_(std::move(boot)), limits_(limits) {}
    Status read(std::string_view text);
    void take(const Found& found);
    [[nodiscard]] std::string header() const;
    Status rewrite();

    std::string path_, boot_, position_;
    Limits limits_;
    std::string was_boot_;
    std::map<std::string, api::NodeUse> open_;
    std::deque<api::NodeUse> pending_;
    std::int64_t lost_ = 0;
};

}  // namespace mayfly::agent
