#pragma once
// Shamir shares (draft-mcgrew-tss-03, by Botan): a secret that exists only when `threshold` people meet.
#include <array>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// ShareId binds shares to one another: 16 bytes that are the same in all of them, not secret.
using ShareId = std::array<std::uint8_t, 16>;

/// split makes `count` shares of which any `threshold` give the secret back and fewer say nothing about it.
/// 2 <= threshold <= count <= 32: with a threshold of one, each share would be the secret itself.
Result<std::vector<Secret>> split(const Secret& secret, unsigned threshold, unsigned count, const ShareId& id);

/// What a share says about itself.
struct ShareHead {
    ShareId id{};
    unsigned threshold = 0, number = 0;
};
Result<ShareHead> share_head(const Secret& share);

/// combine gives the secret back. Fails with its own message for shares of different secrets (E-SHARE-MIXED), the same
/// share twice (E-SHARE-TWICE), too few (E-SHARE-FEW), and shares that were damaged (E-SHARE-BAD): the checksum inside
/// tells, so that a wrong secret never comes out.
Result<Secret> combine(const std::vector<Secret>& shares);

}  // namespace mayfly::crypto
