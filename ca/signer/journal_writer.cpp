#include "ca/signer/journal_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace mayfly::signer {

namespace {

tl::unexpected<Error> failed(const std::string& path, const char* what) {
    return fail(Code::unavailable,
                std::string("the journal ") + path + " cannot be " + what + ": " + std::strerror(errno));
}

}  // namespace

Result<JournalWriter> JournalWriter::open(const std::string& path) {
    if (path.empty()) return JournalWriter(-1, 0);
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return failed(path, "opened");
    JournalWriter out(file, 0);

    // Only the tail is read, however long the history is: no line is longer than 512 bytes.
    const off_t size = ::lseek(file, 0, SEEK_END);
    std::array<char, 1024> tail{};
    const off_t from = std::max<off_t>(0, size - static_cast<off_t>(tail.size()));
    const ssize_t got = ::pread(file, tail.data(), tail.size(), from);
    if (size < 0 || got < 0) return failed(path, "read");
    std::string_view text(tail.data(), static_cast<std::size_t>(got));
    const auto whole = text.rfind('\n');
    const std::size_t torn = whole == std::string_view::npos ? text.size() : text.size() - whole - 1;
    if (torn > 0 && ::ftruncate(file, size - static_cast<off_t>(torn)) != 0)
        return failed(path, "cut back to its last whole line");
    text.remove_suffix(torn);
    if (text.empty()) return out;
    text.remove_suffix(1);
    const auto start = text.rfind('\n');
    const std::string_view last = start == std::string_view::npos ? text : text.substr(start + 1);
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), out.sequence_);
    if (error != std::errc{} || end == last.data() + last.size() || *end != ' ')
        return fail(Code::corrupt, "the journal's last line does not start with a number", "E-JOURNAL", {}, {});
    return out;
}

JournalWriter::JournalWriter(JournalWriter&& other) noexcept
    : file_(std::exchange(other.file_, -1)), sequence_(other.sequence_) {}

JournalWriter::~JournalWriter() {
    if (file_ < 0) return;
    ::fdatasync(file_);
    ::close(file_);
}

Status JournalWriter::append(JournalEntry entry) {
    entry.sequence = sequence_ + 1;
    const std::string line = encode_journal_line(entry);
    if (file_ >= 0) {
        // One write of one short line to a file opened with O_APPEND: whole or, on a full disk, cut and found at start.
        const ssize_t written = ::write(file_, line.data(), line.size());
        if (written != static_cast<ssize_t>(line.size()))
            return fail(Code::unavailable, "the signer's journal cannot be written, so nothing is signed",
                        "E-JOURNAL-FULL", {}, "free space on the CA's disk and restart");
    }
    ++sequence_;
    return {};
}

}  // namespace mayfly::signer
