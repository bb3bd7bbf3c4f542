#include <systemd/sd-journal.h>

#include <cstdlib>
#include <cstring>

#include "agent/report/log_source.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kMostAtOnce = 10000;
/// A journal without a word of sshd has no cursor: everything that comes is new.
constexpr const char* kHead = "head";

using Handle = std::unique_ptr<sd_journal, decltype([](sd_journal* journal) { sd_journal_close(journal); })>;

tl::unexpected<Error> failed(int code) {
    return fail(Code::unavailable, std::string("cannot read the journal: ") + std::strerror(-code), "E-SSHD-LOG",
                "the use of certificates is not seen",
                "run the agent as root, or set log_file under [report] in agent.toml");
}

std::string field(sd_journal* journal, const char* name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, name, &data, &size) < 0) return {};
    const std::string_view both(static_cast<const char*>(data), size);
    return std::string(both.substr(both.find('=') + 1));
}

std::string cursor_of(sd_journal* journal) {
    char* text = nullptr;
    if (sd_journal_get_cursor(journal, &text) < 0) return {};
    const std::unique_ptr<char, decltype([](char* owned) { std::free(owned); })> owned(text);
    return text;
}

class Journal final : public LogSource {
public:
    explicit Journal(std::string folder) : folder_(std::move(folder)) {}

    Result<Read> read(const std::string& position, Instant now) override {
        sd_journal* opened = nullptr;
        const int code = folder_.empty() ? sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM)
                                         : sd_journal_open_directory(&opened, folder_.c_str(), 0);
        if (code < 0) return failed(code);
        const Handle journal(opened);
        // From OpenSSH 9.8 on a session has a program of its own.
        for (const auto* match : {"_COMM=sshd", "_COMM=sshd-session"})
            if (const int added = sd_journal_add_match(opened, match, 0); added < 0) return failed(added);
        if (position.empty()) return at_end(opened);
        const int sought =
            position == kHead ? sd_journal_seek_head(opened) : sd_journal_seek_cursor(opened, position.c_str());
        if (sought < 0) return failed(sought);
        // The next entry is the one at the cursor, when it is still there: it was read before.
        int step = sd_journal_next(opened);
        if (step > 0 && position != kHead && sd_journal_test_cursor(opened, position.c_str()) > 0)
            step = sd_journal_next(opened);
        return take(opened, step, position, now);
    }

private:
    static Result<Read> at_end(sd_journal* journal) {
        if (const int code = sd_journal_seek_tail(journal); code < 0) return failed(code);
        const int step = sd_journal_previous(journal);
        if (step < 0) return failed(step);
        return Read{{}, step == 0 ? std::string(kHead) : cursor_of(journal), false};
    }
    static Result<Read> take(sd_journal* journal, int step, const std::string& position, Instant now) {
        Read out{{}, position, false};
        for (; step > 0; step = sd_journal_next(journal)) {
            std::uint64_t microseconds = 0;
            const bool timed = sd_journal_get_realtime_usec(journal, &microseconds) >= 0;
            out.position = cursor_of(journal);
            out.messages.push_back({field(journal, "MESSAGE"), out.position, out.position,
                                    timed ? Instant(static_cast<std::int64_t>(microseconds / 1'000'000)) : now,
                                    field(journal, "_UID") == "0"});
            if (out.messages.size() == kMostAtOnce) return out.more = true, out;
        }
        if (step < 0) return failed(step);
        return out;
    }
    std::string folder_;
};

}  // namespace

std::unique_ptr<LogSource> open_journal(const std::string& folder) { return std::make_unique<Journal>(folder); }

}  // namespace mayfly::agent
