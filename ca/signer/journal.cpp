#include "ca/signer/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "ca/signer/journal_writer.h"
#include "lib/wire/text.h"

namespace mayfly::signer {

namespace {

template <class Number>
bool parse_number(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

/// "<sequence> <seconds since 1970> <issuer> <serial> <sha256 of what was signed, base64>", all in one line: of what is
/// kept for each certificate for ever, this is a fifth.
Result<JournalEntry> parse_line(std::string_view line) {
    const auto bad = [&] {
        return fail(Code::corrupt, "the signer's journal holds a line that is not one", "E-JOURNAL", {}, {});
    };
    std::array<std::string_view, 5> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto space = line.find(' ');
        if ((space == std::string_view::npos) != (i + 1 == parts.size())) return bad();
        parts[i] = line.substr(0, space);
        line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    JournalEntry entry;
    std::int64_t seconds = 0;
    const auto digest = wire::parse_base64(parts[4]);
    if (!parse_number(parts[0], entry.sequence) || !parse_number(parts[1], seconds) || !digest ||
        digest->size() != entry.to_be_signed.size())
        return bad();
    entry.time = Instant(seconds);
    std::copy(digest->begin(), digest->end(), entry.to_be_signed.begin());
    bool known = false;
    for (const auto issuer : {steps::IssuerId::x509, steps::IssuerId::ssh_user, steps::IssuerId::ssh_host})
        if (steps::name(issuer) == parts[2]) entry.issuer = issuer, known = true;
    if (!known) return bad();
    entry.serial = std::string(parts[3]);
    return entry;
}

}  // namespace

std::string encode_journal_line(const JournalEntry& entry) {
    return std::to_string(entry.sequence) + " " + std::to_string(entry.time.seconds()) + " " +
           std::string(steps::name(entry.issuer)) + " " + entry.serial + " " + wire::base64(entry.to_be_signed) + "\n";
}

Status sync_journal(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool durable = file >= 0 && ::fdatasync(file) == 0;
    if (file >= 0) ::close(file);
    if (durable) return {};
    return fail(Code::unavailable, "the signer's journal " + path + " cannot be made durable", "E-JOURNAL", {}, {});
}

Result<std::uint64_t> read_journal(const std::string& path, std::uint64_t offset,
                                   const std::function<Status(const JournalEntry&)>& each) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(Code::not_found, "cannot read the signer's journal " + path, "E-JOURNAL", {}, {});
    file.seekg(0, std::ios::end);
    if (!file || static_cast<std::uint64_t>(file.tellg()) < offset)
        return fail(Code::corrupt, "the signer's journal is shorter than when it was last compared", "E-JOURNAL",
                    "what the signer signed since is known to nobody", "restore signer.journal");
    file.seekg(static_cast<std::streamoff>(offset));
    std::uint64_t previous = 0;
    for (std::string line; std::getline(file, line) && !file.eof();) {
        const auto entry = parse_line(line);
        if (!entry) return pass(entry.error());
        if (previous != 0 && entry->sequence != previous + 1)
            return fail(Code::corrupt, "the signer's journal skips a number after " + std::to_string(previous),
                        "E-JOURNAL", {}, {});
        previous = entry->sequence;
        if (auto ok = each(*entry); !ok) return pass(ok.error());
        offset += line.size() + 1;
    }
    return offset;
}

}  // namespace mayfly::signer
