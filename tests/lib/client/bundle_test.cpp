#include "lib/client/bundle.h"

#include "lib/log/event.h"
#include "lib/log/merkle.h"
#include "lib/log/proof.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

namespace mayfly {

namespace {

constexpr const char* kOrigin = "example/log";

/// A CA that publishes bundles in a log of one entry.
struct Publisher {
    crypto::PrivateKey key = *crypto::PrivateKey::generate(KeyAlgorithm::ed25519);

    [[nodiscard]] log::VerifierKey log_key() const { return *log::VerifierKey::make(kOrigin, key.public_key()); }
    [[nodiscard]] api::Bundle bundle(std::int64_t version) const {
        api::Bundle out;
        out.trust_domain = "example";
        out.version = version;
        out.log_key = log_key().text();
        return out;
    }
    /// A reply with `bundle`, whose log entry is about `logged`.
    [[nodiscard]] api::BundleReply reply(const api::Bundle& bundle, const api::Bundle& logged,
                                         const std::string& type = "bundle.published") const {
        const Bytes entry =
            log::encode_event({type,
                               Instant(1'700'000'000),
                               "ca/server",
                               "",
                               "bundle",
                               {{"sha256", wire::hex(client::fingerprint_of(logged))}, {"version", logged.version}}});
        const auto head = log::sign_checkpoint({kOrigin, 1, log::leaf_hash(entry)}, key);
        REQUIRE(head);
        return {bundle, wire::base64(entry), log::encode_proof({0, {}, *head})};
    }
    [[nodiscard]] api::BundleReply reply(const api::Bundle& bundle) const { return reply(bundle, bundle); }
};

}  // namespace

TEST_CASE("a later bundle that the pinned log published is an update") {
    const Publisher ca;
    CHECK(client::verify_update(ca.bundle(3), ca.reply(ca.bundle(4))));
    CHECK(client::verify_update(ca.bundle(3), ca.reply(ca.bundle(3))));
}

TEST_CASE("a bundle that is older, another authority's or not in the log is no update") {
    const Publisher ca, other;
    auto elsewhere = ca.bundle(4);
    elsewhere.trust_domain = "elsewhere";
    auto twin = ca.bundle(3);
    twin.ssh_user_cas = {"ssh-ed25519 AAAA"};
    auto damaged = ca.reply(ca.bundle(4));
    damaged.log_proof.clear();
    struct Case {
        const char* what;
        api::BundleReply reply;
        const char* id;
        Code code;
    };
    const Case cases[] = {
        {"older", ca.reply(ca.bundle(2)), "E-BUNDLE-OLD", Code::corrupt},
        {"another authority", other.reply(other.bundle(4)), "E-BUNDLE-OTHER", Code::untrusted},
        {"another trust domain", ca.reply(elsewhere), "E-BUNDLE-OTHER", Code::untrusted},
        {"two bundles of one version", ca.reply(twin), "E-BUNDLE-PROOF", Code::corrupt},
        {"another was published", ca.reply(ca.bundle(5), ca.bundle(4)), "E-BUNDLE-PROOF", Code::corrupt},
        {"another event", ca.reply(ca.bundle(4), ca.bundle(4), "role.granted"), "E-BUNDLE-PROOF", Code::corrupt},
        {"another log's signature", other.reply(ca.bundle(4)), "E-BUNDLE-PROOF", Code::corrupt},
        {"no proof", damaged, "E-BUNDLE-PROOF", Code::corrupt},
    };
    for (const auto& [what, reply, id, code] : cases) {
        INFO(what);
        const auto verdict = client::verify_update(ca.bundle(3), reply);
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().id == id);
        CHECK(verdict.error().code == code);
    }
}

}  // namespace mayfly
