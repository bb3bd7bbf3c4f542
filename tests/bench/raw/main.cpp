// bench-raw: what OpenSSL itself does on these cores, with nothing around it: two threads that sign, or verify, a few
// hundred bytes over and over. Prints operations per second as JSON.
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 2;
using Key = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* context) { EVP_MD_CTX_free(context); })>;

struct Case {
    const char* name;
    EVP_PKEY* key;
    const EVP_MD* digest;
};

std::vector<unsigned char> sign(const Case& what, const std::vector<unsigned char>& message) {
    const Context context(EVP_MD_CTX_new());
    std::vector<unsigned char> signature(256);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit(context.get(), nullptr, what.digest, nullptr, what.key) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        std::abort();
    signature.resize(size);
    return signature;
}

void verify(const Case& what, const std::vector<unsigned char>& message, const std::vector<unsigned char>& signature) {
    const Context context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit(context.get(), nullptr, what.digest, nullptr, what.key) != 1 ||
        EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) != 1)
        std::abort();
}

double rate(double seconds, const std::function<void()>& once) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<long> counts(kThreads);
    std::vector<std::thread> threads;
    for (auto& count : counts)
        threads.emplace_back([&] {
            for (; Clock::now() < end; ++count) once();
        });
    for (auto& thread : threads) thread.join();
    long all = 0;
    for (const long count : counts) all += count;
    return static_cast<double>(all) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
    const Key ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const Key p256(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    const std::vector<unsigned char> message(400, 0x5a);
    const char* before = "{";
    for (const Case& what : {Case{"ed25519", ed25519.get(), nullptr}, Case{"p256", p256.get(), EVP_sha256()}}) {
        const auto signature = sign(what, message);
        std::printf("%s\"raw_%s_sign_per_s\":%.0f", before, what.name, rate(seconds, [&] { sign(what, message); }));
        std::printf(",\"raw_%s_verify_per_s\":%.0f", what.name,
                    rate(seconds, [&] { verify(what, message, signature); }));
        before = ",";
    }
    std::printf("}\n");
}
