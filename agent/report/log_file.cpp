#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "agent/report/log_source.h"
#include "agent/report/sshd_log.h"
#include "lib/files/untrusted.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostAtOnce = 4 << 20;
constexpr std::size_t kLongestLine = 64 * 1024;

struct Place {
    std::uint64_t inode = 0, offset = 0;
    [[nodiscard]] std::string text() const { return std::to_string(inode) + ":" + std::to_string(offset); }
};

/// "INODE:OFFSET"; what is not one is the start of nothing we know.
bool parse_place(std::string_view text, Place& out) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const char* middle = text.data() + colon;
    const char* end = text.data() + text.size();
    return std::from_chars(text.data(), middle, out.inode).ptr == middle &&
           std::from_chars(middle + 1, end, out.offset).ptr == end;
}

class OpenFile {
public:
    /// In a folder that the group of a syslog daemon writes to.
    explicit OpenFile(const std::string& path) : file_(files::open_untrusted(path)) {
        if (file_) place_ = {file_->info().st_ino, static_cast<std::uint64_t>(file_->info().st_size)};
    }
    [[nodiscard]] bool there() const { return file_.has_value(); }
    [[nodiscard]] const Error& why_not() const { return file_.error(); }
    [[nodiscard]] Place end() const { return place_; }
    [[nodiscard]] std::string read(std::uint64_t from) const {
        std::string out(kMostAtOnce, '\0');
        ssize_t got = 0;
        do got = ::pread(file_->descriptor(), out.data(), out.size(), static_cast<off_t>(from));
        while (got < 0 && errno == EINTR);
        out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return out;
    }

private:
    Result<files::Opened> file_;
    Place place_;
};

class LogFile final : public LogSource {
public:
    LogFile(std::string path, LogForm form) : path_(std::move(path)), form_(form) {}

    Result<Read> read(const std::string& position, Instant now) override {
        const OpenFile current(path_);
        if (!current.there() && current.why_not().code == Code::not_found)
            // Nothing was ever logged: when the file comes, all of it is new.
            return Read{{}, position.empty() ? Place{}.text() : position, false};
        if (!current.there())
            return fail(Code::unavailable, "cannot read " + path_ + ": " + current.why_not().message, "E-SSHD-LOG",
                        "the use of certificates is not seen", "log_file under [report] in agent.toml");
        Place from;
        if (!parse_place(position, from)) return Read{{}, current.end().text(), false};
        if (from.inode != current.end().inode) {
            // Rotated. What we have not read of the old file comes first, where it is still there.
            const OpenFile before(path_ + ".1");
            if (before.there() && before.end().inode == from.inode) {
                auto out = take(before, from, now);
                if (out.messages.empty() && !out.more) return take(current, {current.end().inode, 0}, now);
                out.more = true;
                return out;
            }
            from = {current.end().inode, 0};
        } else if (from.offset > current.end().offset) {
            from.offset = 0;  // truncated in place
        }
        return take(current, from, now);
    }

private:
    /// Whole lines only: one that is still being written is read the next time.
    [[nodiscard]] Read take(const OpenFile& file, Place from, Instant now) const {
        const std::string text = file.read(from.offset);
        Read out;
        std::size_t at = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
            add(std::string_view(text).substr(at, end - at), Place{from.inode, from.offset + at},
                Place{from.inode, from.offset + end + 1}, now, out);
            at = end + 1;
        }
        if (at == 0 && text.size() > kLongestLine) at = text.size();  // a line without end is no line of sshd's
        out.position = Place{from.inode, from.offset + at}.text();
        out.more = text.size() == kMostAtOnce;
        return out;
    }
    void add(std::string_view line, const Place& place, const Place& after, Instant now, Read& out) const {
        if (form_ == LogForm::syslog) {
            const auto split = split_syslog(line);
            if (!split || (split->tag != "sshd" && split->tag != "sshd-session")) return;
            line = split->message;
        }
        out.messages.push_back({std::string(line), place.text(), after.text(), now});
    }

    std::string path_;
    LogForm form_;
};

}  // namespace

std::unique_ptr<LogSource> open_log_file(const std::string& path, LogForm form) {
    return std::make_unique<LogFile>(path, form);
}

}  // namespace mayfly::agent
