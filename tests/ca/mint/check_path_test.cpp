// Names that an issuing CA may not certify: our rule, OpenSSL and Botan asked the same questions, and GnuTLS beside
// them.
#include <algorithm>

#include "ca/mint/check_path.h"

#include "ca/mint/check.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/path.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

struct Chain {
    crypto::PrivateKey root = *crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    crypto::PrivateKey issuing = *crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256);
    PublicKey leaf = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
    Bytes root_der, issuing_der;
    wire::NameConstraints names;

    explicit Chain(wire::NameConstraints constraints) : names(std::move(constraints)) {
        root_der = make("root", root.public_key(), "root", root, wire::X509Usage::authority, {}, {});
        issuing_der = make("issuing", issuing.public_key(), "root", root, wire::X509Usage::authority, {}, names);
    }
    static Bytes make(const std::string& subject, const PublicKey& key, const std::string& issuer_name,
                      const crypto::PrivateKey& issuer, wire::X509Usage usage, std::vector<wire::SubjectName> sans,
                      wire::NameConstraints constraints) {
        wire::X509Certificate facts;
        facts.serial = {0x41, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(subject.size())};
        facts.issuer_common_name = issuer_name;
        facts.subject_common_name = subject;
        // certtool knows no time but today's.
        facts.validity = Validity::starting(Instant(1600000000), *Lifetime::of_seconds(310000000));
        facts.subject = key;
        facts.authority_key_id = crypto::x509_key_identifier(issuer.public_key());
        facts.subject_key_id = crypto::x509_key_identifier(key);
        facts.usage = usage;
        facts.names = std::move(sans);
        facts.constraints = std::move(constraints);
        const auto tbs = wire::encode_to_be_signed(facts);
        REQUIRE(tbs);
        return *wire::encode_signed(*tbs, facts.issuer_algorithm, *issuer.sign_x509(*tbs));
    }
    [[nodiscard]] Bytes leaf_for(const std::vector<std::string>& texts) const {
        std::vector<wire::SubjectName> sans;
        for (const auto& text : texts) sans.push_back(*wire::SubjectName::parse(text));
        return make("", leaf, "issuing", issuing, wire::X509Usage::server_and_client, sans, {});
    }
    [[nodiscard]] mint::Authority authority() const {
        mint::Authority out{
            *TrustDomain::parse("corp.example"), issuing.public_key(),        {}, {}, {}, "issuing", issuing_der,
            Instant(fakes::kNow + 86400),        *Lifetime::of_seconds(86400)};
        out.issuer_names = names;
        out.root_certificate_der = root_der;
        return out;
    }
    [[nodiscard]] bool ours(const std::vector<std::string>& texts) const {
        return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
            return wire::outside(names, *wire::SubjectName::parse(text)).empty();
        });
    }
    [[nodiscard]] bool openssl(ByteView der) const {
        return crypto::verify_path(der, {issuing_der}, {root_der}, Instant(fakes::kNow)).has_value();
    }
    [[nodiscard]] bool both(ByteView der) const {
        return mint::check_path(authority(), der, Instant(fakes::kNow)).has_value();
    }
    [[nodiscard]] bool gnutls(ByteView der) const {
        const test::TemporaryFolder folder;
        const auto anchors = folder.write("root.pem", wire::encode_pem("CERTIFICATE", root_der));
        const auto chain = wire::encode_pem("CERTIFICATE", der) + wire::encode_pem("CERTIFICATE", issuing_der);
        return test::run_command({"certtool", "--verify", "--load-ca-certificate", anchors}, chain).ok();
    }
};

wire::NameConstraints constraints(const std::vector<const char*>& permitted, const std::vector<const char*>& excluded) {
    wire::NameConstraints out;
    for (const auto* text : permitted) out.permitted.push_back(*wire::Subtree::parse(text));
    for (const auto* text : excluded) out.excluded.push_back(*wire::Subtree::parse(text));
    return out;
}

}  // namespace

TEST_CASE("what our rule lets through, OpenSSL and Botan let through") {
    const Chain chain(
        constraints({"dns:corp.example", "ip:10.0.0.0/8"}, {"dns:secret.corp.example", "ip:10.9.0.0/16"}));
    const auto names =
        GENERATE(values<std::vector<std::string>>({{"dns:corp.example"},
                                                   {"dns:a.corp.example"},
                                                   {"dns:a.b.corp.example", "dns:c.corp.example"},
                                                   {"dns:*.a.corp.example"},
                                                   {"ip:10.1.2.3"},
                                                   {"dns:a.corp.example", "ip:10.1.2.3"},
                                                   {"dns:a.corp.example", "uri:spiffe://corp.example/workload/x"}}));
    INFO(names.front());
    const Bytes der = chain.leaf_for(names);
    CHECK(chain.ours(names));
    CHECK(chain.openssl(der));
    CHECK(chain.both(der));
    CHECK(mint::check_by_botan(*mint::Issuer::read(chain.authority()), {}, der).error().id ==
          "E-CHECK");  // another certificate than meant
}

TEST_CASE("what OpenSSL refuses for its names, our rule refuses first, and nothing is released") {
    const Chain chain(
        constraints({"dns:corp.example", "ip:10.0.0.0/8"}, {"dns:secret.corp.example", "ip:10.9.0.0/16"}));
    const auto names = GENERATE(values<std::vector<std::string>>({{"dns:evil.example"},
                                                                  {"dns:evilcorp.example"},
                                                                  {"dns:corp.example.evil"},
                                                                  {"dns:secret.corp.example"},
                                                                  {"dns:a.secret.corp.example"},
                                                                  {"dns:a.corp.example", "dns:evil.example"},
                                                                  {"dns:evil.example", "ip:10.1.2.3"},
                                                                  {"ip:11.1.2.3"},
                                                                  {"ip:10.9.2.3"},
                                                                  {"dns:a.corp.example", "ip:192.0.2.1"},
                                                                  {"ip:2001:db8::1"},
                                                                  {"dns:*.evil.example"}}));
    INFO(names.front() << " " << names.back());
    const Bytes der = chain.leaf_for(names);
    CHECK_FALSE(chain.ours(names));
    CHECK_FALSE(chain.openssl(der));
    CHECK_FALSE(chain.both(der));
}

TEST_CASE("a wildcard that could stand for an excluded name is refused by our rule, whatever others say") {
    const Chain chain(constraints({"dns:corp.example"}, {"dns:secret.corp.example"}));
    CHECK_FALSE(chain.ours({"dns:*.corp.example"}));
}

TEST_CASE("one of the two verifiers is enough to refuse") {
    // Botan 2 takes a permitted address for leave to name any host; OpenSSL does not (both stand in the constraints).
    const Chain chain(constraints({"dns:corp.example", "ip:10.0.0.0/8"}, {}));
    CHECK_FALSE(chain.both(chain.leaf_for({"dns:evil.example"})));
    // A path that ends elsewhere is refused by either.
    Chain other(constraints({"dns:corp.example"}, {}));
    auto authority = other.authority();
    authority.root_certificate_der = chain.root_der;
    CHECK_FALSE(mint::check_path(authority, other.leaf_for({"dns:a.corp.example"}), Instant(fakes::kNow)));
}

TEST_CASE("GnuTLS judges a constrained chain as we do") {
    const Chain chain(constraints({"dns:corp.example", "ip:10.0.0.0/8"}, {"dns:secret.corp.example"}));
    const auto [name, good] = GENERATE(table<const char*, bool>({{"dns:a.corp.example", true},
                                                                 {"ip:10.1.2.3", true},
                                                                 {"dns:evil.example", false},
                                                                 {"dns:secret.corp.example", false},
                                                                 {"ip:11.1.2.3", false}}));
    INFO(name);
    CHECK(chain.ours({name}) == good);
    CHECK(chain.gnutls(chain.leaf_for({name})) == good);
}

TEST_CASE("constraints beyond reason are read within bounds") {
    wire::NameConstraints many;
    for (int i = 0; i < 64; ++i)
        many.permitted.push_back(*wire::Subtree::parse("dns:d" + std::to_string(i) + ".example"));
    const Chain chain(many);
    CHECK(chain.both(chain.leaf_for({"dns:a.d63.example"})));
    CHECK_FALSE(chain.both(chain.leaf_for({"dns:a.d64.example"})));
}
