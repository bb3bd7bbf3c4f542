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
    : file_(std::exchange(other.file_, -1)),
      sequence_(other.sequence_),
      rest_(std::move(other.rest_)),
      broken_(other.broken_) {}

JournalWriter::~JournalWriter() {
    if (file_ < 0) return;
    ::fdatasync(file_);
    ::close(file_);
}

Status JournalWriter::append(JournalEntry entry) {
    // A line that a full disk cut short is completed before another begins. Its certificate was never signed; its
    // intent stands in the store, as that of every line does.
    if (auto ok = finish_line(); !ok) return ok;
    entry.sequence = sequence_ + 1;
    const std::string line = encode_journal_line(entry);
    rest_ = line;
    auto ok = finish_line();
    if (!ok && rest_ == line) rest_.clear();  // nothing of it stands in the file
    return ok;
}

Status JournalWriter::finish_line() {
    if (rest_.empty()) return {};
    if (broken_)
        return fail(Code::unavailable, "the signer's journal could not be written before, so nothing is signed",
                    "E-JOURNAL-FULL", "nobody knows what stands at its end", "check the CA's disk and restart it");
    if (file_ >= 0) {
        // One write of one short line to a file opened with O_APPEND: whole, or cut by a full disk.
        const ssize_t written = ::write(file_, rest_.data(), rest_.size());
        const int code = written < 0 ? errno : ENOSPC;
        if (written > 0) rest_.erase(0, static_cast<std::size_t>(written));
        if (written < 0 || !rest_.empty()) {
            broken_ = code != ENOSPC && code != EDQUOT;
            return fail(
                Code::unavailable,
                std::string("the signer's journal cannot be written, so nothing is signed: ") + std::strerror(code),
                "E-JOURNAL-FULL", {}, broken_ ? "check the CA's disk and restart it" : "free space on the CA's disk");
        }
    }
    rest_.clear();
    ++sequence_;
    return {};
}

}  // namespace mayfly::signer
