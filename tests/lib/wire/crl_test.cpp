// CRLs: written and read back, and what openssl and gnutls say of them.
#include "lib/wire/crl.h"

#include <algorithm>
#include <random>

#include "lib/crypto/revocation.h"
#include "tests/lib/wire/issuing.h"

using namespace mayfly;
using test::issue;
using test::kNow;
using test::kNowText;
using test::make_issuer;
using test::make_subject;
using test::must_run;
using test::run_command;
using test::TemporaryFolder;

namespace {

wire::Crl describe_list(const test::Issuer& issuer, std::int64_t now = kNow) {
    wire::Crl crl;
    crl.issuer_common_name = issuer.name;
    crl.issuer_algorithm = issuer.key.public_key().algorithm;
    crl.authority_key_id = issuer.id();
    crl.number = 1795235162;
    crl.this_update = Instant(now - 60);
    crl.next_update = Instant(now + 86400);
    return crl;
}

Bytes publish(const test::Issuer& issuer, const wire::Crl& crl) {
    const auto body = wire::encode_to_be_signed(crl);
    REQUIRE(body);
    const auto signature = issuer.key.sign_x509(*body);
    REQUIRE(signature);
    const auto der = wire::encode_signed_crl(*body, crl.issuer_algorithm, *signature);
    REQUIRE(der);
    return *der;
}

std::string crl_pem(const Bytes& der) { return wire::encode_pem("X509 CRL", der); }

/// A root that issued two leaves, of which the first is revoked.
struct World {
    TemporaryFolder folder;
    test::Issuer issuer;
    wire::X509Certificate revoked, good;
    std::int64_t now;
    explicit World(KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256, std::int64_t at = kNow)
        : issuer(make_issuer(algorithm, "corp.example issuing")),
          revoked(describe(issuer, make_subject(KeyAlgorithm::ecdsa_p256))),
          good(describe(issuer, make_subject(KeyAlgorithm::ecdsa_p256))),
          now(at) {
        const auto validity = Validity::starting(Instant(now - 60), *Lifetime::of_seconds(86400));
        revoked.validity = good.validity = validity;
        auto authority = describe_authority(issuer, issuer, -1);
        authority.validity = validity;
        revoked.names = good.names = {*wire::SubjectName::parse("dns:a.corp.example")};
        revoked.serial = test::unhex("01aa0203040506070809");
        good.serial = test::unhex("01ab0203040506070809");
        folder.write("ca.pem", test::pem(issue(issuer, authority)));
        folder.write("revoked.pem", test::pem(issue(issuer, revoked)));
        folder.write("good.pem", test::pem(issue(issuer, good)));
    }
    [[nodiscard]] wire::Crl list() const {
        wire::Crl crl = describe_list(issuer, now);
        crl.entries = {{revoked.serial, Instant(now - 100), wire::CrlReason::key_compromise}};
        return crl;
    }
};

}  // namespace

TEST_CASE("a CRL reads back as what was written") {
    std::mt19937_64 random(20261121);
    const auto issuer = make_issuer(KeyAlgorithm::ecdsa_p256, "corp.example issuing");
    for (const std::size_t size : {0U, 1U, 2U, 100U, 5000U}) {
        wire::Crl crl = describe_list(issuer);
        for (std::size_t i = 0; i < size; ++i) {
            Bytes serial(1 + random() % 20);
            for (auto& byte : serial) byte = static_cast<std::uint8_t>(random());
            serial[0] = static_cast<std::uint8_t>(1 + serial[0] % 127);
            constexpr std::array<std::uint8_t, 7> kCodes = {0, 1, 2, 3, 4, 5, 9};
            crl.entries.push_back({serial, Instant(kNow - static_cast<std::int64_t>(random() % 100000)),
                                   static_cast<wire::CrlReason>(kCodes[random() % 7])});
        }
        std::sort(crl.entries.begin(), crl.entries.end(),
                  [](const auto& a, const auto& b) { return wire::serial_before(a.serial, b.serial); });
        crl.entries.erase(std::unique(crl.entries.begin(), crl.entries.end(),
                                      [](const auto& a, const auto& b) { return a.serial == b.serial; }),
                          crl.entries.end());
        if (size == 100) crl.distribution_point = "https://ca.corp.example/v1/crl/3";
        const Bytes der = publish(issuer, crl);
        const auto read = wire::parse_crl(der);
        INFO((read ? "" : read.error().message));
        REQUIRE(read);
        CHECK(read->entries == crl.entries);
        CHECK(read->issuer_common_name == crl.issuer_common_name);
        CHECK(read->authority_key_id == crl.authority_key_id);
        CHECK(wire::hex(read->number) == "6b011d5a");
        CHECK(read->this_update == crl.this_update);
        CHECK(read->next_update == crl.next_update);
        CHECK(read->unusable.empty());
        CHECK(read->partial == !crl.distribution_point.empty());
        if (read->partial) CHECK(read->distribution_points == std::vector<std::string>{crl.distribution_point});
        CHECK(read->to_be_signed == *wire::encode_to_be_signed(crl));
        CHECK(crypto::verify(*read, issuer.key.public_key()));
        CHECK_FALSE(crypto::verify(*read, make_subject(KeyAlgorithm::ecdsa_p256)));
        for (const auto& entry : crl.entries) REQUIRE(read->find(entry.serial) != nullptr);
        CHECK(read->find(Bytes{0x7f, 1}) == nullptr);
    }
}

TEST_CASE("openssl verifies our CRL, and refuses the revoked certificate only") {
    const World world(
        GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ed25519, KeyAlgorithm::rsa));
    const Bytes der = publish(world.issuer, world.list());
    const std::string list = world.folder.write("crl.pem", crl_pem(der)), ca = world.folder.file("ca.pem");
    // `openssl crl` without -noout ends with 0 whatever it finds; what it says is what counts.
    const auto verified = run_command({"openssl", "crl", "-verify", "-CAfile", ca, "-in", list, "-noout"});
    CHECK_THAT(verified.err, Contains("verify OK"));
    const auto check = [&](const char* leaf) {
        return run_command({"openssl", "verify", "-attime", kNowText, "-x509_strict", "-crl_check", "-CRLfile", list,
                            "-CAfile", ca, world.folder.file(leaf)});
    };
    CHECK(check("good.pem").ok());
    const auto refused = check("revoked.pem");
    CHECK_FALSE(refused.ok());
    CHECK_THAT(refused.err, Contains("certificate revoked"));
    const std::string text = must_run({"openssl", "crl", "-in", list, "-noout", "-text", "-nameopt", "RFC2253"});
    for (const auto* line : {"Version 2 (0x1)", "Serial Number: 01AA0203040506070809", "Key Compromise",
                             "X509v3 CRL Number", "1795235162", "Issuer: CN=corp.example issuing"})
        CHECK_THAT(text, Contains(line));
}

TEST_CASE("gnutls verifies our CRL, and refuses the revoked certificate only") {
    const World world(KeyAlgorithm::ecdsa_p256, SystemClock().now().seconds());  // certtool knows no other time
    const std::string list = world.folder.write("crl.pem", crl_pem(publish(world.issuer, world.list())));
    const std::string ca = world.folder.file("ca.pem");
    const auto verified = run_command({"certtool", "--verify-crl", "--load-ca-certificate", ca, "--infile", list});
    INFO(verified.out << verified.err);
    CHECK(verified.ok());
    CHECK_THAT(verified.out + verified.err, Contains("Verified"));
    const std::string info = must_run({"certtool", "--crl-info", "--infile", list});
    for (const auto* line : {"Serial Number (hex): 01aa0203040506070809", "CRL Number (not critical): 6b011d5a",
                             "Revoked certificates (1)"})
        CHECK_THAT(info, Contains(line));
    const auto check = [&](const char* leaf) {
        return run_command({"certtool", "--verify", "--load-ca-certificate", ca, "--load-crl", list, "--infile",
                            world.folder.file(leaf)});
    };
    CHECK(check("good.pem").ok());
    const auto refused = check("revoked.pem");
    CHECK_FALSE(refused.ok());
    CHECK_THAT(refused.out + refused.err, Contains("revoked"));
}

TEST_CASE("a shard speaks of its own certificates, and says so in a critical extension") {
    const World world;
    wire::Crl crl = world.list();
    crl.distribution_point = "http://crl.corp.example/v1/crl/0";
    const std::string list = world.folder.write("crl.pem", crl_pem(publish(world.issuer, crl)));
    const std::string text = must_run({"openssl", "crl", "-in", list, "-noout", "-text", "-nameopt", "RFC2253"});
    CHECK_THAT(text, Contains("X509v3 Issuing Distribution Point: critical"));
    CHECK_THAT(text, Contains("URI:http://crl.corp.example/v1/crl/0"));
    // Neither certificate names the shard, so openssl does not take it for an answer about them.
    const auto refused = run_command({"openssl", "verify", "-attime", kNowText, "-crl_check", "-CRLfile", list,
                                      "-CAfile", world.folder.file("ca.pem"), world.folder.file("good.pem")});
    CHECK_FALSE(refused.ok());
}

TEST_CASE("a list of nothing leaves the list out, and openssl and gnutls read it") {
    const World world;
    const Bytes der = publish(world.issuer, describe_list(world.issuer));
    const std::string list = world.folder.write("crl.pem", crl_pem(der));
    CHECK_THAT(must_run({"openssl", "crl", "-in", list, "-noout", "-text"}), Contains("No Revoked Certificates."));
    CHECK_THAT(must_run({"certtool", "--crl-info", "--infile", list}), Contains("No revoked certificates."));
    CHECK(run_command({"openssl", "verify", "-attime", kNowText, "-crl_check", "-CRLfile", list, "-CAfile",
                       world.folder.file("ca.pem"), world.folder.file("revoked.pem")})
              .ok());
}

TEST_CASE("a list that openssl made is read") {
    const World world;
    const auto key = world.issuer.key.export_pem();
    world.folder.write("ca.key", key.reveal());
    world.folder.write("index.txt",
                       "R\t270101000000Z\t261121000000Z,superseded\t0A0B\tunknown\t/CN=x\n"
                       "R\t270101000000Z\t261121000000Z,CAkeyTime,20261120000000Z\t0A0C\tunknown\t/CN=y\n");
    world.folder.write("number", "1234567890ABCDEF12\n");
    world.folder.write("ca.cnf", "[ca]\ndefault_ca=c\n[c]\ndatabase=" + world.folder.file("index.txt") +
                                     "\ncrlnumber=" + world.folder.file("number") +
                                     "\ndefault_md=sha256\ndefault_crl_days=3\ncrl_extensions=e\n[e]\n"
                                     "authorityKeyIdentifier=keyid:always\n");
    must_run({"openssl", "ca", "-config", world.folder.file("ca.cnf"), "-gencrl", "-keyfile",
              world.folder.file("ca.key"), "-cert", world.folder.file("ca.pem"), "-out",
              world.folder.file("theirs.pem")});
    const auto der = wire::parse_one_pem(world.folder.read("theirs.pem"), "X509 CRL");
    REQUIRE(der);
    const auto read = wire::parse_crl(*der);
    INFO((read ? "" : read.error().message));
    REQUIRE(read);
    REQUIRE(read->entries.size() == 2);
    CHECK(read->entries[0].reason == wire::CrlReason::superseded);
    CHECK(wire::hex(read->entries[1].serial) == "0a0c");
    CHECK(wire::hex(read->number) == "1234567890abcdef12");
    CHECK(crypto::verify(*read, world.issuer.key.public_key()));
}

TEST_CASE("a description that no list may have is not written") {
    using Change = void (*)(wire::Crl&);
    const auto change = GENERATE(values<Change>({
        [](auto& c) { c.number = 0; },
        [](auto& c) { c.next_update = c.this_update; },
        [](auto& c) { c.issuer_common_name.clear(); },
        [](auto& c) { c.authority_key_id.pop_back(); },
        [](auto& c) { c.entries[0].serial.clear(); },
        [](auto& c) { c.entries[0].serial = Bytes(21, 1); },
        [](auto& c) {
            c.entries[0].serial = Bytes{0, 1};
        },
        [](auto& c) { c.entries.push_back(c.entries[0]); },
        [](auto& c) {
            c.entries.push_back({Bytes{1}, Instant(kNow), wire::CrlReason::unspecified});
        },
        [](auto& c) { c.distribution_point = "ldap://x"; },
        [](auto& c) { c.distribution_point = "http://x y"; },
    }));
    const World world;
    wire::Crl crl = world.list();
    REQUIRE(wire::encode_to_be_signed(crl));
    change(crl);
    CHECK_FALSE(wire::encode_to_be_signed(crl));
}

TEST_CASE("nobody concludes from a list that is not understood that a certificate is good") {
    using namespace wire;
    const auto issuer = make_issuer(KeyAlgorithm::ed25519, "corp.example issuing");
    const auto with = [&](const Bytes& extension, const Bytes& entries) {
        const Bytes algorithm = der::sequence({der::oid("1.3.101.112")});
        const Bytes name = der::sequence(
            {der::tlv(der::kSet, der::sequence({der::oid("2.5.4.3"), der::tlv(der::kUtf8String, view(issuer.name))}))});
        const Bytes body =
            der::sequence({der::integer(std::uint64_t{1}), algorithm, name, der::time(kNow), der::time(kNow + 9),
                           entries, der::tlv(der::context(0), der::sequence({extension}))});
        return parse_crl(der::sequence({body, algorithm, der::bit_string(Bytes(64))}));
    };
    const auto critical = [](const char* id, const Bytes& value) {
        return der::sequence({der::oid(id), der::boolean(true), der::octet_string(value)});
    };
    const Bytes number = test::extension("2.5.29.20", der::integer(std::uint64_t{4}));
    REQUIRE(with(number, {}));
    CHECK(with(number, {})->unusable.empty());
    for (const auto& extension :
         {critical("1.2.3.4", der::boolean(true)), critical("2.5.29.27", der::integer(std::uint64_t{3})),
          critical("2.5.29.28", der::sequence({der::tlv(der::context_primitive(4), Bytes{0xff})})),
          critical("2.5.29.28", der::sequence({der::tlv(der::context_primitive(2), Bytes{0xff})}))}) {
        const auto read = with(extension, {});
        REQUIRE(read);
        CHECK_FALSE(read->unusable.empty());
    }
    const auto entry = [&](const Bytes& extension) {
        return der::sequence(
            {der::sequence({der::integer(std::uint64_t{5}), der::time(kNow), der::sequence({extension})})});
    };
    CHECK_FALSE(with(number, entry(critical("1.2.3.4", {})))->unusable.empty());
    CHECK_FALSE(with(number, entry(critical("2.5.29.29", {})))->unusable.empty());
    CHECK_FALSE(with(number, entry(test::extension("2.5.29.21", der::tlv(der::kEnumerated, Bytes{7})))));
    CHECK_FALSE(with(number, der::sequence({})));  // an empty list is left out
    CHECK_FALSE(with(critical("2.5.29.28", der::sequence({})), {}));
}

TEST_CASE("a CRL that is cut short or longer is refused, and no change of one byte is a crash") {
    const World world;
    const Bytes whole = publish(world.issuer, world.list());
    test::refuses_every_truncation(whole, [](ByteView bytes) { return wire::parse_crl(bytes).has_value(); });
    std::size_t believed = 0;
    test::for_every_mutation(whole, [&](ByteView changed) {
        const auto read = wire::parse_crl(changed);
        believed += read && crypto::verify(*read, world.issuer.key.public_key()) ? 1 : 0;
    });
    CHECK(believed == 0);
}
