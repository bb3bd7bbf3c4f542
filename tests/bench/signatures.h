#pragma once
// OpenSSL's signatures as they are, and how often something can be done in a second: what the measurements of the
// machine itself share.
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace mayfly::bench {

using Bytes = std::vector<unsigned char>;
using Key = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

/// Ends the program with `what` when it is not good: a measurement of something that failed is none.
inline void must(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "bench: %s\n", what);
    std::exit(1);
}

inline Key ed25519() { return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
inline Key p256() { return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

using Context = std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* context) { EVP_MD_CTX_free(context); })>;
inline const EVP_MD* digest_for(EVP_PKEY* key) { return EVP_PKEY_is_a(key, "EC") == 1 ? EVP_sha256() : nullptr; }

inline Bytes sign(EVP_PKEY* key, const Bytes& message) {
    const Context context(EVP_MD_CTX_new());
    Bytes signature(256);
    std::size_t size = signature.size();
    must(EVP_DigestSignInit(context.get(), nullptr, digest_for(key), nullptr, key) == 1 &&
             EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1,
         "cannot sign");
    signature.resize(size);
    return signature;
}

inline void verify(EVP_PKEY* key, const Bytes& message, const Bytes& signature) {
    const Context context(EVP_MD_CTX_new());
    must(EVP_DigestVerifyInit(context.get(), nullptr, digest_for(key), nullptr, key) == 1 &&
             EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1,
         "a signature does not hold");
}

/// How often `once` is done in a second when so many threads do it over and over.
template <class Once>
double per_second(std::size_t threads, double seconds, const Once& once) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<long> counts(threads);
    std::vector<std::thread> all;
    all.reserve(threads);
    for (auto& count : counts)
        all.emplace_back([&] {
            for (; Clock::now() < end; ++count) once();
        });
    for (auto& thread : all) thread.join();
    long sum = 0;
    for (const long count : counts) sum += count;
    return static_cast<double>(sum) / seconds;
}

}  // namespace mayfly::bench
