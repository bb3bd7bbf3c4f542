#pragma once
// RecordFile: the local record on disk, append-only, one program at a time.
#include "lib/breakglass/record.h"

namespace mayfly::breakglass {

class RecordFile {
public:
    /// Opens or makes the file (mode 0600), locks it, and verifies every line. A last line that was cut short by a
    /// crash is taken away: its certificate never left. conflict when another program holds the file.
    static Result<RecordFile> open(const std::string& path, const SignedEnvelope& envelope);
    RecordFile(RecordFile&& other) noexcept
        : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), records_(std::move(other.records_)) {}
    RecordFile& operator=(RecordFile&&) = delete;
    ~RecordFile();

    [[nodiscard]] const std::vector<SignedRecord>& records() const { return records_; }
    /// append returns when the line is on disk.
    Status append(const SignedRecord& record);

private:
    RecordFile(std::string path, int file) : path_(std::move(path)), file_(file) {}
    Status read(const SignedEnvelope& envelope);
    std::string path_;
    int file_;
    std::vector<SignedRecord> records_;
};

}  // namespace mayfly::breakglass
