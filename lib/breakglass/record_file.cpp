#include "lib/breakglass/record_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mayfly::breakglass {

namespace {

constexpr std::size_t kLargest = 64 << 20;

tl::unexpected<Error> failed(const std::string& path, const char* what) {
    return fail(Code::unavailable, std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
}

Status sync_folder(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    const int dir = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = dir >= 0 && ::fsync(dir) == 0;
    if (dir >= 0) ::close(dir);
    return done ? Status{} : failed(path, "flush the folder of");
}

}  // namespace

RecordFile::~RecordFile() {
    if (file_ >= 0) ::close(file_);  // and the lock goes with it
}

Status RecordFile::read(const SignedEnvelope& envelope) {
    std::string text;
    for (;;) {
        const std::size_t had = text.size();
        text.resize(had + 16384);
        const ssize_t got = ::pread(file_, text.data() + had, 16384, static_cast<off_t>(had));
        text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(path_, "read");
        if (text.size() > kLargest) return fail(Code::malformed, path_ + " is larger than 64 MiB");
        if (got == 0) break;
    }
    const auto whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    if (whole != text.size() && ::ftruncate(file_, static_cast<off_t>(whole)) != 0) return failed(path_, "mend");
    auto records = read_records(std::string_view(text).substr(0, whole), envelope);
    if (!records) return pass(records.error(), path_);
    records_ = std::move(*records);
    return {};
}

Result<RecordFile> RecordFile::open(const std::string& path, const SignedEnvelope& envelope) {
    const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return failed(path, "open");
    RecordFile out(path, file);
    if (::flock(file, LOCK_EX | LOCK_NB) != 0)
        return fail(Code::conflict, "another program writes " + path + " now", "E-BREAKGLASS-RECORD", {},
                    "wait until it has ended");
    if (auto ok = sync_folder(path); !ok) return pass(ok.error());
    if (auto ok = out.read(envelope); !ok) return pass(ok.error());
    return out;
}

Status RecordFile::append(const SignedRecord& record) {
    const std::string line = record.line + "\n";
    const ssize_t put = ::write(file_, line.data(), line.size());
    if (put != static_cast<ssize_t>(line.size())) return failed(path_, "write");
    if (::fsync(file_) != 0) return failed(path_, "flush");
    records_.push_back(record);
    return {};
}

}  // namespace mayfly::breakglass
