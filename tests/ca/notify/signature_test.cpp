// The signature, against the vector that the Standard Webhooks project publishes with its libraries.
#include "ca/notify/signature.h"

#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;

namespace {
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr Instant kAt(1614265330);
}  // namespace

TEST_CASE("the signature of the published Standard Webhooks vector is the published one") {
    const auto secrets = notify::parse_secrets(kSecret);
    REQUIRE(secrets);
    CHECK(notify::signature_header(*secrets, kId, kAt, kBody) == kSignature);
}

TEST_CASE("id, time and body are all under the signature") {
    const auto secrets = notify::parse_secrets(kSecret);
    REQUIRE(secrets);
    CHECK(notify::signature_header(*secrets, "msg_x", kAt, kBody) != kSignature);
    CHECK(notify::signature_header(*secrets, kId, Instant(1614265331), kBody) != kSignature);
    CHECK(notify::signature_header(*secrets, kId, kAt, R"({"test":2432232314})") != kSignature);
}

TEST_CASE("while a secret is replaced both sign, the first line first") {
    std::string both = kSecret;
    both.append("\nwhsec_").append(wire::base64(Bytes(32, 7))).append("\r\n");
    const auto secrets = notify::parse_secrets(both);
    REQUIRE(secrets);
    REQUIRE(secrets->size() == 2);
    const std::string header = notify::signature_header(*secrets, kId, kAt, kBody);
    const std::string_view first = kSignature;
    CHECK(header.substr(0, first.size()) == first);
    CHECK(header.substr(first.size(), 4) == " v1,");
    CHECK(header.find("v1,", first.size() + 2) == std::string::npos);
}

TEST_CASE("what is no secret, too short, too long or one too many is refused without being quoted") {
    const std::string good = kSecret, prefix = "whsec_";
    const std::string brief = prefix + wire::base64(Bytes(23, 1)), large = prefix + wire::base64(Bytes(65, 1));
    std::string many = good;
    for (int i = 0; i < 2; ++i) many.append("\n").append(good);
    for (const std::string& text :
         std::vector<std::string>{"", "\n\n", "a-secret-of-another-form", prefix, "whsec_####", brief, large, many}) {
        INFO(text);
        const auto secrets = notify::parse_secrets(text);
        REQUIRE_FALSE(secrets);
        CHECK(secrets.error().id == "E-WEBHOOK-SECRET");
        if (text.size() > 10) CHECK(secrets.error().message.find(text.substr(7)) == std::string::npos);
    }
}

TEST_CASE("a secret file that others can read is not used") {
    const TempDir dir;
    REQUIRE(files::write(dir.path("s"), view(kSecret), 0644));
    const auto secrets = notify::read_secrets(dir.path("s"));
    REQUIRE_FALSE(secrets);
    CHECK(secrets.error().id == "E-KEY-MODE");
    REQUIRE(files::write(dir.path("s"), view(kSecret), 0600));
    CHECK(notify::read_secrets(dir.path("s")));
    CHECK_FALSE(notify::read_secrets(dir.path("none")));
}
