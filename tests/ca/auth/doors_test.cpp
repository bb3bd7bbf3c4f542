// The doors, each with every key that must not fit.
#include "ca/auth/doors.h"

#include <fstream>

#include "lib/wire/api.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/sshsig.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

constexpr const char* kBody = R"({"csr":"…"})";

/// What a proof covers, as its maker sees it.
struct Covered {
    std::string method = "POST", path = "/v1/login", domain = "corp.example", body = kBody;
    std::string name_space = api::kProofNamespace;
};

struct World {
    fakes::Authority authority;
    auth::Nonces nonces{authority.rng};
    std::vector<std::string> notices;
    auth::Doors doors{*authority.store, *TrustDomain::parse("corp.example"), nonces,
                      [this](std::string_view what) { notices.emplace_back(what); }};
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));

    World() { enrol("human/bob", {key.public_key()}); }
    void enrol(const char* name, std::vector<PublicKey> keys) {
        REQUIRE(authority.store->create_identity({*IdentityName::parse(name),
                                                  *OwnerName::parse("alice"),
                                                  "",
                                                  policy::State::active,
                                                  std::move(keys),
                                                  {},
                                                  {},
                                                  now()},
                                                 authority.alice, now(), store::Effect::apply));
    }
    [[nodiscard]] Instant now() const { return authority.now(); }
    [[nodiscard]] std::string proof(const crypto::PrivateKey& by, const std::string& nonce,
                                    const Covered& covered = {}) const {
        const auto message = wire::proof_message(covered.method, covered.path, covered.domain, nonce,
                                                 crypto::sha256(view(covered.body)));
        return nonce + " " + wire::base64(*crypto::sshsig(by, covered.name_space, view(message)));
    }
    [[nodiscard]] Result<auth::Caller> enter(const std::string& header) const {
        return doors.by_enrolled_key({header, "POST", "/v1/login", view(kBody)}, now());
    }
    void revoke(store::RevokeOrder order) {
        order.reason = "test";
        REQUIRE(authority.store->revoke(order, authority.alice, now(), store::Effect::apply));
    }
};

/// All closed doors look alike from outside; what was wrong is for our own log.
void closed(const World& world, const Result<auth::Caller>& caller, const char* why) {
    REQUIRE_FALSE(caller);
    CHECK(caller.error().code == Code::unauthenticated);
    CHECK(caller.error().id == "E-WHO");
    CHECK(caller.error().message == "who is asking could not be established");
    REQUIRE(world.notices.size() == 1);
    CHECK_THAT(world.notices.front(), Contains(why));
    CHECK(caller.error().why == "the credential is unknown here, expired, revoked, or its owner is not active");
}

/// A FIDO key without the hardware: PROTOCOL.u2f signs SHA256(application) || flags || counter || SHA256(message).
struct SoftKey {
    crypto::PrivateKey key;
    PublicKey enrolled;
    explicit SoftKey(KeyAlgorithm algorithm)
        : key(std::move(*crypto::PrivateKey::generate(
              algorithm == KeyAlgorithm::sk_ed25519 ? KeyAlgorithm::ed25519 : KeyAlgorithm::ecdsa_p256))),
          enrolled(key.public_key()) {
        enrolled.algorithm = algorithm;
        enrolled.application = "ssh:";
    }
    [[nodiscard]] std::string proof(const std::string& nonce, std::uint8_t flags,
                                    const std::string& application = "ssh:") const {
        const auto message =
            wire::proof_message("POST", "/v1/login", "corp.example", nonce, crypto::sha256(view(kBody)));
        const Bytes covered = wire::sshsig_signed_bytes(api::kProofNamespace, "sha512", crypto::sha512(view(message)));
        wire::Writer touched;
        touched.raw(crypto::sha256(view(application))).u8(flags).u32(7).raw(crypto::sha256(covered));
        wire::Writer blob;
        blob.string(name(enrolled.algorithm)).string(key.sign_ssh(touched.bytes())->signature).u8(flags).u32(7);
        return nonce + " " + wire::base64(wire::encode_sshsig(enrolled, api::kProofNamespace, "sha512", blob.bytes()));
    }
};

}  // namespace

TEST_CASE("an enrolled key opens the front door for its identity") {
    World world;
    const auto caller = world.enter(world.proof(world.key, world.nonces.issue(world.now())));
    REQUIRE(caller);
    CHECK(caller->identity().text() == "human/bob");
    CHECK(caller->owner().text() == "alice");
    CHECK(caller->door() == "enrolled-key");
    CHECK(caller->serial().empty());
    CHECK(caller->until().seconds() == world.now().seconds() + 60);
    CHECK(world.notices.empty());
}

TEST_CASE("a proof that OpenSSH made opens it too") {
    World world;
    test::TemporaryFolder folder;
    REQUIRE(test::run_command({"ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", folder.file("id")}).ok());
    std::ifstream line(folder.file("id.pub"));
    std::string text((std::istreambuf_iterator<char>(line)), {});
    text.pop_back();
    world.enrol("human/carol", {wire::parse_ssh_key_line(text)->key});
    const auto nonce = world.nonces.issue(world.now());
    std::ofstream(folder.file("message"))
        << wire::proof_message("POST", "/v1/login", "corp.example", nonce, crypto::sha256(view(kBody)));
    REQUIRE(test::run_command({"ssh-keygen", "-q", "-Y", "sign", "-f", folder.file("id"), "-n", "proof@mayfly",
                               folder.file("message")})
                .ok());
    std::ifstream armored(folder.file("message.sig"));
    const std::string signature((std::istreambuf_iterator<char>(armored)), {});
    const auto caller = world.enter(nonce + " " + wire::base64(*wire::parse_sshsig_armor(signature)));
    REQUIRE(caller);
    CHECK(caller->identity().text() == "human/carol");
}

TEST_CASE("a proof is for one request: its method, path, trust domain, body and purpose") {
    World world;
    const auto covered = GENERATE(values<Covered>({{"GET"},
                                                   {"POST", "/v1/enroll"},
                                                   {"POST", "/v1/login", "other.example"},
                                                   {"POST", "/v1/login", "corp.example", "{}"},
                                                   {"POST", "/v1/login", "corp.example", ""},
                                                   {"POST", "/v1/login", "corp.example", kBody, "file"}}));
    closed(world, world.enter(world.proof(world.key, world.nonces.issue(world.now()), covered)), "proof of possession");
}

TEST_CASE("a nonce opens the door once, whatever came of it") {
    World world;
    const auto nonce = world.nonces.issue(world.now());
    const auto header = world.proof(world.key, nonce);
    CHECK_FALSE(world.enter(world.proof(world.key, nonce, {"GET"})));  // a failed try burns it
    const auto again = world.enter(header);
    REQUIRE_FALSE(again);
    CHECK(again.error().id == "E-NONCE");
    const auto good = world.proof(world.key, world.nonces.issue(world.now()));
    CHECK(world.enter(good));
    CHECK(world.enter(good).error().id == "E-NONCE");
}

TEST_CASE("a proof over one nonce is none over another, and one that is too old is none at all") {
    World world;
    const auto signed_nonce = world.nonces.issue(world.now()), sent = world.nonces.issue(world.now());
    const auto header = world.proof(world.key, signed_nonce);
    closed(world, world.enter(sent + header.substr(header.find(' '))), "proof of possession");
    world.authority.clock.set(fakes::kNow + 301);
    CHECK(world.enter(header).error().id == "E-NONCE");
}

TEST_CASE("a header that is not a proof opens nothing") {
    World world;
    const auto nonce = world.nonces.issue(world.now());
    const auto blob = world.proof(world.key, nonce).substr(nonce.size() + 1);
    SECTION("none") { closed(world, world.enter(""), "missing or malformed"); }
    SECTION("a nonce alone") { closed(world, world.enter(nonce), "missing or malformed"); }
    SECTION("two spaces") { closed(world, world.enter(nonce + "  " + blob), "proof of possession"); }
    SECTION("not base64") { closed(world, world.enter(nonce + " !!!!"), "proof of possession"); }
    SECTION("cut short") { closed(world, world.enter(nonce + " " + blob.substr(0, 40)), "proof of possession"); }
    SECTION("empty") { closed(world, world.enter(nonce + " "), "proof of possession"); }
    SECTION("something behind it") { closed(world, world.enter(nonce + " " + blob + " x"), "proof of possession"); }
}

TEST_CASE("a key that nobody enrolled is a stranger's") {
    World world;
    const auto stranger = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    closed(world, world.enter(world.proof(*stranger, world.nonces.issue(world.now()))), "not enrolled");
}

TEST_CASE("a revoked key opens nothing, nor does the key of who was suspended") {
    World world;
    const auto order = GENERATE(0, 1);
    if (order == 0)
        world.revoke({store::RevokeBy::key, {}, {}, crypto::key_id(world.key.public_key()), {}});
    else
        world.revoke({store::RevokeBy::identity, {}, *IdentityName::parse("human/bob"), {}, {}});
    closed(world, world.enter(world.proof(world.key, world.nonces.issue(world.now()))),
           order == 0 ? "not enrolled" : "suspended");
}

TEST_CASE("a security key opens the door when it was touched") {
    const auto algorithm = GENERATE(KeyAlgorithm::sk_ed25519, KeyAlgorithm::sk_ecdsa_p256);
    World world;
    const SoftKey soft(algorithm);
    world.enrol("human/carol", {soft.enrolled});
    const auto nonce = world.nonces.issue(world.now());
    SECTION("touched") {
        const auto caller = world.enter(soft.proof(nonce, 0x01));
        REQUIRE(caller);
        CHECK(caller->identity().text() == "human/carol");
    }
    SECTION("touched, and its user verified") { CHECK(world.enter(soft.proof(nonce, 0x05))); }
    SECTION("not touched") { closed(world, world.enter(soft.proof(nonce, 0x00)), "not touched"); }
    SECTION("verified but not touched") { closed(world, world.enter(soft.proof(nonce, 0x04)), "not touched"); }
    SECTION("signed for another application") {
        closed(world, world.enter(soft.proof(nonce, 0x01, "https://evil.example")), "does not verify");
    }
    SECTION("touched only in what is said, not in what was signed") {
        auto header = soft.proof(nonce, 0x00);
        Bytes blob = *wire::parse_base64(header.substr(nonce.size() + 1));
        blob[blob.size() - 5] = 0x01;  // the flags stand before the counter at the end
        closed(world, world.enter(nonce + " " + wire::base64(blob)), "does not verify");
    }
    SECTION("its bare key, without the security key's ways") {
        closed(world, world.enter(world.proof(soft.key, nonce)), "not enrolled");
    }
}

TEST_CASE("a certificate that this CA minted for a session opens the door, until it ends") {
    World world;
    auto& a = world.authority;
    const auto outcome = a.mint->mint(a.session_request(a.alice));
    REQUIRE(outcome);
    const auto& issued = std::get<steps::Issued>(*outcome);
    const Bytes der = issued.certificate();
    const auto enter = [&] { return world.doors.by_certificate(der, world.now()); };

    const auto caller = enter();
    REQUIRE(caller);
    CHECK(caller->identity() == a.alice);
    CHECK(caller->has(store::Duty::platform));
    CHECK_FALSE(caller->has(store::Duty::auditor));
    CHECK(caller->serial() == issued.serial());
    CHECK(caller->until() == issued.validity().before());

    SECTION("its last second, and the one after") {
        a.clock.set(issued.validity().before().seconds() - 1);
        CHECK(enter());
        a.clock.set(issued.validity().before().seconds());
        closed(world, enter(), "expired");
    }
    SECTION("before it starts") {
        a.clock.set(issued.validity().after().seconds() - 1);
        closed(world, enter(), "expired");
    }
    SECTION("revoked") {
        world.revoke({store::RevokeBy::serial, issued.serial(), {}, {}, {}});
        closed(world, enter(), "revoked");
    }
    SECTION("its identity suspended") {
        world.revoke({store::RevokeBy::identity, {}, a.alice, {}, {}});
        closed(world, enter(), "revoked");
    }
    SECTION("one byte changed") {
        Bytes changed = der;
        changed.back() ^= 1;
        closed(world, world.doors.by_certificate(changed, world.now()), "none that this CA minted");
    }
    SECTION("a certificate of the same words by somebody else") {
        const auto read = wire::parse_x509(der);
        const auto foreign = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
        const Bytes forged =
            *wire::encode_signed(read->to_be_signed, KeyAlgorithm::ecdsa_p256, *foreign->sign_x509(read->to_be_signed));
        closed(world, world.doors.by_certificate(forged, world.now()), "none that this CA minted");
    }
    SECTION("nothing") { closed(world, world.doors.by_certificate({}, world.now()), "none that this CA minted"); }
}

TEST_CASE("a certificate for a service is no session") {
    World world;
    auto request = world.authority.ssh_request();
    request.ask.profile = policy::Profile::x509;
    request.ask.role = *RoleName::parse("web");
    request.ask.key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
    request.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    const auto outcome = world.authority.mint->mint(request);
    REQUIRE(outcome);
    closed(world, world.doors.by_certificate(std::get<steps::Issued>(*outcome).certificate(), world.now()),
           "none that this CA minted for calling it");
}

TEST_CASE("a join token opens the door to its node, once, in time") {
    World world;
    auto& a = world.authority;
    const std::string secret = auth::token_text(a.rng);
    REQUIRE(a.store->create_token({{},
                                   auth::token_hash(secret),
                                   *NodeName::parse("db-7"),
                                   *OwnerName::parse("alice"),
                                   {{"env", "dev"}},
                                   {*HostName::parse("db-7.corp")},
                                   *OwnerName::parse("alice"),
                                   a.now() + *Lifetime::of_seconds(600),
                                   false},
                                  a.alice, a.now(), store::Effect::apply));
    const auto refused = [&](const std::string& token, const char* why) {
        const auto joining = world.doors.by_join_token(token, world.now());
        REQUIRE_FALSE(joining);
        CHECK(joining.error().id == "E-TOKEN");
        CHECK(joining.error().code == Code::unauthenticated);
        CHECK(joining.error().message == "the join token is not accepted");
        REQUIRE(world.notices.size() == 1);
        CHECK_THAT(world.notices.front(), Contains(why));
        CHECK_THAT(world.notices.front(), !Contains(secret));
    };
    const auto joining = world.doors.by_join_token(secret, world.now());
    REQUIRE(joining);
    CHECK(joining->caller.identity().text() == "node/db-7");
    CHECK(joining->caller.labels().at("env") == "dev");
    CHECK(joining->caller.duties().empty());

    SECTION("its last second, and the one after") {
        a.clock.set(fakes::kNow + 599);
        CHECK(world.doors.by_join_token(secret, world.now()));
        a.clock.set(fakes::kNow + 600);
        refused(secret, "expired");
    }
    SECTION("looking does not use it up; joining does") {
        CHECK(world.doors.by_join_token(secret, world.now()));
        const IdentityName node = *IdentityName::parse("node/db-7");
        const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
        const auto outcome =
            a.mint->mint({policy::Ask{policy::Profile::node, key}, node, node, {}, joining->token, false});
        REQUIRE(outcome);
        // Whose answer was lost may ask again with the key that it joined with, and with no other.
        const auto again = world.doors.by_join_token(secret, world.now());
        REQUIRE(again);
        CHECK(again->used_by == crypto::key_id(key));
    }
    SECTION("another token") { refused(auth::token_text(a.rng), "unknown"); }
    SECTION("cut short") { refused(secret.substr(0, secret.size() - 1), "unknown"); }
    SECTION("without its prefix") { refused(secret.substr(12), "not a join token"); }
    SECTION("nothing") { refused("", "not a join token"); }
    SECTION("what is kept of it is a hash") {
        const auto kept = a.store->find_token(auth::token_hash(secret));
        REQUIRE(kept);
        CHECK((*kept)->secret_hash == crypto::sha256(view(secret)));
        a.mint.reset();
        a.store.reset();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(a.dir.path())) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string bytes((std::istreambuf_iterator<char>(file)), {});
            CHECK(bytes.find(secret.substr(12)) == std::string::npos);
        }
    }
}

TEST_CASE("a join token holds 256 random bits") {
    crypto::SystemRng rng;
    const auto one = auth::token_text(rng), two = auth::token_text(rng);
    CHECK(one != two);
    CHECK(one.starts_with("mayfly-join-"));
    CHECK(wire::parse_base64url(one.substr(12))->size() == 32);
}
