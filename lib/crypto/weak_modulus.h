#pragma once
// RSA moduli whose factors are easy to find. Internal to lib/crypto; `check_point` is the door.
#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::crypto {

/// check_modulus refuses (malformed, E-KEY-WEAK) a modulus, big-endian and odd, with a factor below 6000, with primes
/// too close together (CVE-2022-26320), or with the fingerprint of Infineon's key generator (ROCA, CVE-2017-15361).
Status check_modulus(ByteView modulus);

}  // namespace mayfly::crypto
