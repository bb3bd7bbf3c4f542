#pragma once
// The signer's journal: one line per signature, append-only, written before the signature leaves the signer. The CA
// compares it with the store at start-up and while it runs; a signature without an intent is an alarm.
//
// The journal is not fsynced per signature: the intent is durable before the signer is asked, so a line that is lost
// with the power can hide no signature that the store does not know of.
#include <cstdint>
#include <functional>
#include <string>

#include "ca/steps/steps.h"

namespace mayfly::signer {

struct JournalEntry {
    std::uint64_t sequence = 0;  ///< from 1, without gaps
    Instant time = Instant(0);
    steps::IssuerId issuer = steps::IssuerId::x509;
    std::string serial;  ///< of a certificate: with its issuer it names the intent; "crl/<shard>/<number>" for a list
    Digest to_be_signed{};  ///< SHA-256 of the bytes that were signed
};

/// read_journal calls `each` for every entry after byte `offset`, in order, and returns the offset behind the last
/// whole line (a torn last line is left for next time). Fails with corrupt when a line does not parse, a sequence is
/// missing, or the file ends before `offset`.
Result<std::uint64_t> read_journal(const std::string& path, std::uint64_t offset,
                                   const std::function<Status(const JournalEntry&)>& each);
/// sync_journal makes durable what was read: who remembers an offset must not remember more than the disk does.
Status sync_journal(const std::string& path);

}  // namespace mayfly::signer
