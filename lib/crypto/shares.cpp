#include "lib/crypto/shares.h"

#include <botan/system_rng.h>
#include <botan/tss.h>

#include <algorithm>
#include <set>
#include <string>

namespace mayfly::crypto {

namespace {

constexpr unsigned kLeast = 2, kMost = 32;
// draft-mcgrew-tss-03 section 6: identifier (16), hash algorithm (1), threshold (1), share length (2), share index (1).
constexpr std::size_t kThresholdAt = 17, kNumberAt = 20, kHeader = 20;
constexpr const char* kChecksum = "SHA-256";

}  // namespace

Result<std::vector<Secret>> split(const Secret& secret, unsigned threshold, unsigned count, const ShareId& id) {
    if (threshold < kLeast || threshold > count || count > kMost)
        return fail(Code::malformed,
                    std::to_string(threshold) + " of " + std::to_string(count) + " shares is not a split",
                    "E-SHARE-COUNT", "at least two must meet, and there are at most 32: one share must not be the key",
                    "--threshold 2 and at least two holders");
    try {
        const auto bytes = secret.reveal();
        const auto made =
            Botan::RTSS_Share::split(static_cast<std::uint8_t>(threshold), static_cast<std::uint8_t>(count),
                                     bytes.data(), static_cast<std::uint16_t>(bytes.size()),
                                     std::vector<std::uint8_t>(id.begin(), id.end()), kChecksum, Botan::system_rng());
        std::vector<Secret> out;
        for (const auto& share : made) out.emplace_back(Bytes(share.data().begin(), share.data().end()));
        return out;
    } catch (const std::exception& error) {
        return fail(Code::internal, std::string("cannot split: ") + error.what());
    }
}

Result<ShareHead> share_head(const Secret& share) {
    const auto bytes = share.reveal();
    if (bytes.size() <= kHeader + 1)
        return fail(Code::malformed, "the share is too short", "E-SHARE-BAD", {}, "use the file as it was made");
    ShareHead head;
    std::copy_n(bytes.begin(), head.id.size(), head.id.begin());
    head.threshold = bytes[kThresholdAt];
    head.number = bytes[kNumberAt];
    return head;
}

Result<Secret> combine(const std::vector<Secret>& shares) {
    std::set<unsigned> numbers;
    ShareHead first;
    for (const auto& share : shares) {
        const auto head = share_head(share);
        if (!head) return pass(head.error());
        if (numbers.empty()) first = *head;
        if (head->id != first.id || head->threshold != first.threshold)
            return fail(Code::denied, "the shares are not of one key", "E-SHARE-MIXED",
                        "each split has shares of its own", "use the shares that were made together");
        if (!numbers.insert(head->number).second)
            return fail(Code::denied, "share " + std::to_string(head->number) + " was given twice", "E-SHARE-TWICE", {},
                        "use shares of different holders");
    }
    if (shares.empty() || numbers.size() < first.threshold)
        return fail(Code::denied,
                    std::to_string(numbers.size()) + " of the " +
                        (shares.empty() ? "" : std::to_string(first.threshold) + " ") + "shares needed were given",
                    "E-SHARE-FEW", "fewer say nothing about the key", "add the share of another holder");
    try {
        std::vector<Botan::RTSS_Share> parts;
        for (const auto& share : shares) parts.emplace_back(share.reveal().data(), share.reveal().size());
        const auto secret = Botan::RTSS_Share::reconstruct(parts);
        return Secret(Bytes(secret.begin(), secret.end()));
    } catch (const std::exception&) {
        return fail(Code::denied, "the shares do not fit together: one of them is damaged", "E-SHARE-BAD",
                    "the checksum inside the key does not agree", "mayfly breakglass shares verify each of them");
    }
}

}  // namespace mayfly::crypto
