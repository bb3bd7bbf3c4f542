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

/// "<sequence> <time> <intent> <issuer> <serial> <sha256 of what was signed>", all in one line.
Result<JournalEntry> parse_line(std::string_view line) {
    const auto bad = [&] {
        return fail(Code::corrupt, "the signer's journal holds a line that is not one", "E-JOURNAL", {}, {});
    };
    std::array<std::string_view, 6> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto space = line.find(' ');
        if ((space == std::string_view::npos) != (i + 1 == parts.size())) return bad();
        parts[i] = line.substr(0, space);
        line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    JournalEntry entry;
    const auto [end, error] = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), entry.sequence);
    if (error != std::errc{} || end != parts[0].data() + parts[0].size()) return bad();
    const auto time = Instant::parse(parts[1]);
    const auto intent = wire::parse_hex(parts[2]);
    const auto digest = wire::parse_hex(parts[5]);
    if (!time || !intent || intent->size() != entry.intent.size() || !digest ||
        digest->size() != entry.to_be_signed.size())
        return bad();
    entry.time = *time;
    std::copy(intent->begin(), intent->end(), entry.intent.begin());
    std::copy(digest->begin(), digest->end(), entry.to_be_signed.begin());
    bool known = false;
    for (const auto issuer : {steps::IssuerId::x509, steps::IssuerId::ssh_user, steps::IssuerId::ssh_host})
        if (steps::name(issuer) == parts[3]) entry.issuer = issuer, known = true;
    if (!known) return bad();
    entry.serial = std::string(parts[4]);
    return entry;
}

}  // namespace

std::string encode_journal_line(const JournalEntry& entry) {
    return std::to_string(entry.sequence) + " " + entry.time.text() + " " + wire::hex(entry.intent) + " " +
           std::string(steps::name(entry.issuer)) + " " + entry.serial + " " + wire::hex(entry.to_be_signed) + "\n";
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
