#include "ca/notify/signature.h"

#include "ca/signer/key_files.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::notify {

namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kShortest = 24, kLongest = 64;
constexpr std::size_t kMostSecrets = 2;

tl::unexpected<Error> refuse(const std::string& what) {
    return fail(Code::malformed, what, "E-WEBHOOK-SECRET",
                "one line, or two while it is being replaced: \"whsec_\" and the base64 of 24 to 64 random bytes",
                "(printf whsec_; openssl rand -base64 32) > FILE; chmod 600 FILE");
}

}  // namespace

Result<Secrets> parse_secrets(std::string_view text) {
    Secrets out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        if (!line.starts_with(kPrefix)) return refuse("a webhook secret does not begin with whsec_");
        auto bytes = wire::parse_base64(line.substr(kPrefix.size()));
        if (!bytes) return refuse("a webhook secret is not base64");
        if (bytes->size() < kShortest || bytes->size() > kLongest)
            return refuse("a webhook secret has " + std::to_string(bytes->size()) + " bytes");
        out.emplace_back(std::move(*bytes));
    }
    if (out.empty() || out.size() > kMostSecrets)
        return refuse("a webhook has " + std::to_string(out.size()) + " secrets");
    return out;
}

Result<Secrets> read_secrets(const std::string& path) {
    const auto file = signer::read_secret_file(path);
    if (!file) return pass(file.error());
    auto secrets = parse_secrets(text_of(file->reveal()));
    if (!secrets) return pass(secrets.error(), path);
    return secrets;
}

std::string signature_header(const Secrets& secrets, std::string_view id, Instant at, std::string_view body) {
    const std::string content = std::string(id) + "." + std::to_string(at.seconds()) + "." + std::string(body);
    std::string out;
    for (const auto& secret : secrets)
        out += (out.empty() ? "v1," : " v1,") + wire::base64(crypto::hmac_sha256(secret.reveal(), view(content)));
    return out;
}

}  // namespace mayfly::notify
