#pragma once
// Record: what the emergency key was used for, written where it was used.
//
// A record file is a line for each certificate, each signed by the emergency key and holding the hash of the line
// before (the envelope's hash, for the first): no line can be changed, left out or put elsewhere without the key. That
// the last lines were cut off shows when nodes report a use that no record explains.
#include <optional>
#include <string>
#include <vector>

#include "lib/breakglass/envelope.h"

namespace mayfly::breakglass {

struct Record {
    std::string id;  ///< "b-" and 16 hex digits
    std::uint64_t number = 1;
    Digest previous{};
    Digest envelope{};
    std::uint64_t serial = 0;
    std::string key_id;
    NodeName node;
    AccountName account;
    PublicKey key;                   ///< whose certificate it is
    OwnerName by;                    ///< who uses it
    std::vector<OwnerName> holders;  ///< whose shares made the key; sorted
    std::string reason;
    Instant minted, valid_after, valid_before;
    Digest certificate{};  ///< SHA-256 of the certificate's blob
    bool operator==(const Record&) const = default;
};

/// SignedRecord is one line whose signature was verified, or that was just signed.
struct SignedRecord {
    Record record;
    Digest hash{};     ///< SHA-256 of the line, without its end
    std::string line;  ///< without its end
};

Result<SignedRecord> sign_record(const Record& record, const crypto::PrivateKey& key);
/// read_record verifies one line against the envelope's key, and that it stays within the envelope.
Result<SignedRecord> read_record(std::string_view line, const SignedEnvelope& envelope);
/// read_records reads a whole file: every signature, every number, every hash of the line before.
Result<std::vector<SignedRecord>> read_records(std::string_view text, const SignedEnvelope& envelope);
/// key_id_of is what sshd's own log says: "breakglass-offline/<owner>/<node>/<record id>".
std::string key_id_of(const OwnerName& by, const NodeName& node, const std::string& record_id);

}  // namespace mayfly::breakglass
