#include "lib/crypto/weak_modulus.h"

#include <openssl/bn.h>

#include <array>
#include <utility>

#include "lib/crypto/openssl_handles.h"

namespace mayfly::crypto {

namespace {

/// Trial division by the odd numbers up to here.
constexpr BN_ULONG kSmallFactors = 6000;
/// Values of a tried in n = a² - b²: enough for primes that share their upper half and some bits more.
constexpr int kFermatRounds = 64;

tl::unexpected<Error> weak(const char* what, const char* why) {
    return fail(Code::malformed, std::string("an RSA key ") + what, "E-KEY-WEAK", why,
                "make a new key: ssh-keygen -t ed25519");
}

/// floor(sqrt(value)) by Newton's iteration from above.
Number square_root(const BIGNUM* value, BN_CTX* context) {
    Number guess(BN_new()), next(BN_new());
    ensure(guess && next, "memory for numbers");
    BN_zero(guess.get());
    ensure(BN_set_bit(guess.get(), (BN_num_bits(value) + 1) / 2 + 1) == 1, "setting a bit works");
    for (;;) {
        const bool ok = BN_div(next.get(), nullptr, value, guess.get(), context) == 1 &&
                        BN_add(next.get(), next.get(), guess.get()) == 1 && BN_rshift1(next.get(), next.get()) == 1;
        ensure(ok, "big number arithmetic works");
        if (BN_cmp(next.get(), guess.get()) >= 0) return guess;
        std::swap(guess, next);
    }
}

bool has_small_factor(const BIGNUM* n) {
    for (BN_ULONG divisor = 3; divisor < kSmallFactors; divisor += 2)
        if (BN_mod_word(n, divisor) == 0) return true;
    return false;
}

/// Fermat's method: n = a² - b² with a small b, trying a from the square root upwards.
bool has_close_primes(const BIGNUM* n) {
    const NumberContext context(BN_CTX_new());
    ensure(context != nullptr, "memory for numbers");
    const Number a = square_root(n, context.get());
    const Number square(BN_new()), rest(BN_new());
    ensure(square && rest, "memory for numbers");
    for (int round = 0; round < kFermatRounds; ++round, BN_add_word(a.get(), 1)) {
        ensure(BN_sqr(square.get(), a.get(), context.get()) == 1, "squaring works");
        if (BN_cmp(square.get(), n) < 0) continue;
        ensure(BN_sub(rest.get(), square.get(), n) == 1, "subtraction works");
        const Number b = square_root(rest.get(), context.get());
        ensure(BN_sqr(square.get(), b.get(), context.get()) == 1, "squaring works");
        if (BN_cmp(square.get(), rest.get()) == 0) return true;
    }
    return false;
}

/// Nemec and others, "The Return of Coppersmith's Attack" (CCS 2017), section 3: Infineon's primes are k·M + 65537^a
/// mod M for a primorial M, so their product is a power of 65537 modulo every small prime. A random modulus is one by
/// chance with a probability of about 2^-28 over these primes.
bool has_roca_fingerprint(const BIGNUM* n) {
    constexpr BN_ULONG kGenerator = 65537;
    constexpr std::array<BN_ULONG, 38> kPrimes = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                                  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                                  107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (const BN_ULONG prime : kPrimes) {
        const BN_ULONG residue = BN_mod_word(n, prime);
        BN_ULONG power = 1;
        bool found = residue == 1;
        for (power = kGenerator % prime; power != 1 && !found; power = power * kGenerator % prime)
            found = power == residue;
        if (!found) return false;
    }
    return true;
}

}  // namespace

Status check_modulus(ByteView modulus) {
    const Number n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    ensure(n != nullptr, "memory for a modulus");
    if (has_small_factor(n.get())) return weak("with a small factor", "its factors can be found");
    if (has_close_primes(n.get())) return weak("whose primes are too close together", "its factors can be found");
    if (has_roca_fingerprint(n.get()))
        return weak("made by a faulty chip (ROCA, CVE-2017-15361)", "its factors can be found in days");
    return {};
}

}  // namespace mayfly::crypto
