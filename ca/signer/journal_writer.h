#pragma once
// The writing end of the journal, inside the signer.
#include <cstdint>
#include <string>

#include "ca/signer/journal.h"

namespace mayfly::signer {

std::string encode_journal_line(const JournalEntry& entry);

/// JournalWriter appends to a file that is opened once, before the sandbox closes. Not thread-safe: the signer has one
/// thread that signs.
class JournalWriter {
public:
    /// A path of "" keeps no file. A torn last line is cut off; the sequence goes on from the last whole line.
    static Result<JournalWriter> open(const std::string& path);
    JournalWriter(JournalWriter&& other) noexcept;
    JournalWriter& operator=(JournalWriter&&) = delete;
    ~JournalWriter();
    /// Writes one line; it is with the kernel when this returns, so that the end of this process cannot lose it. A full
    /// disk refuses until there is space again; after any other failure nothing is written until the next start.
    Status append(JournalEntry entry);
    [[nodiscard]] std::uint64_t count() const { return sequence_; }
    [[nodiscard]] int descriptor() const { return file_; }

private:
    JournalWriter(int file, std::uint64_t sequence) : file_(file), sequence_(sequence) {}
    Status finish_line();
    int file_ = -1;
    std::uint64_t sequence_ = 0;
    std::string rest_;  ///< of a line that stands in the file in part
    bool broken_ = false;
};

}  // namespace mayfly::signer
