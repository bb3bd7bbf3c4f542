// Step 8: whatever differs from what was meant is found, and nothing of it is released.
#include "ca/mint/check.h"

#include <algorithm>

#include "ca/store/sqlite.h"
#include "tests/ca/mint/faulty.h"
#include "tests/catch.h"

using namespace mayfly;
using faulty::Fault;

namespace {

constexpr const char* kPolicy = R"(
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
extensions = ["permit-port-forwarding", "permit-pty"]
force_command = "uptime"
source_addresses = ["10.0.0.0/8"]
[[role]]
name = "web"
owner = "alice"
max_lifetime = "24h"
risk = "low"
[role.x509]
usage = ["server"]
names = ["dns:*.corp.example", "ip:10.0.0.0/8", "ip:2001:db8::/32"]
)";

PublicKey new_key(KeyAlgorithm algorithm) { return crypto::PrivateKey::generate(algorithm)->public_key(); }

/// A whole authority whose signer has a fault.
struct World {
    fakes::Authority authority;
    faulty::Signer signer;
    fakes::FixedPolicy policy;
    mint::Authority facts;
    mint::Mint mint;

    explicit World(Fault fault = {})
        : facts{*TrustDomain::parse("corp.example"),
                signer.keys().x509.public_key(),
                signer.keys().ssh_user.public_key(),
                signer.keys().ssh_host.public_key(),
                signer.keys().log.public_key(),
                "test issuing",
                *wire::parse_one_pem(fakes::issuing_pem(signer.keys().x509, fakes::kNow), "CERTIFICATE"),
                Instant(fakes::kNow + 300LL * 86400),
                *Lifetime::of_seconds(7 * 86400)},
          mint(facts, policy, *authority.store, signer, authority.rng, authority.clock) {
        signer.fault = std::move(fault);
        policy.current = std::make_shared<mint::CurrentPolicy::InForce>(
            mint::CurrentPolicy::InForce{*policy::parse_policy(kPolicy), "1:test"});
    }
    [[nodiscard]] mint::Request ssh() const {
        auto request = authority.ssh_request("0123456789abcdef");
        request.ask.principals = {*Principal::parse("ops"), *Principal::parse("ops@db-1")};
        return request;
    }
    [[nodiscard]] mint::Request x509() const {
        auto request = authority.ssh_request("0123456789abcdef");
        request.ask.profile = policy::Profile::x509;
        request.ask.key = new_key(KeyAlgorithm::ecdsa_p256);
        request.ask.role = *RoleName::parse("web");
        request.ask.lifetime = *Lifetime::of_seconds(3600);
        for (const auto* name : {"dns:a.corp.example", "dns:b.corp.example", "ip:10.0.0.1", "ip:2001:db8::1"})
            request.ask.names.push_back(*wire::SubjectName::parse(name));
        return request;
    }
    [[nodiscard]] std::size_t leaves(const std::string& type) const {
        std::size_t count = 0;
        const auto entries = authority.store->read_entries(0, 1000);
        for (const auto& entry : *entries)
            if (log::parse_event(entry)->type == type) ++count;
        return count;
    }
    /// Signed once, found, voided, nothing released; and the same request may be made again.
    void releases_nothing(const mint::Request& request) {
        const auto outcome = mint.mint(request);
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code == Code::corrupt);
        CHECK(outcome.error().id == "E-CHECK");
        CHECK(signer.signatures == 1);
        CHECK(leaves("certificate.intent") == 1);
        CHECK(leaves("certificate.void") == 1);
        CHECK(leaves("certificate.issued") == 0);
        CHECK_FALSE(*authority.store->find_issued(request.actor, request.idempotency));
        signer.fault = {};
        CHECK(mint.mint(request));
    }
};

struct Named {
    const char* what;
    Fault fault;
};

std::vector<Named> ssh_faults() {
    using Change = std::function<void(wire::SshCertificate&)>;
    std::vector<Named> all;
    const auto facts = [&](const char* what, Change change) {
        all.push_back({what, Fault{std::move(change), {}, {}, {}}});
    };
    const auto bytes = [&](const char* what, std::function<void(Bytes&)> change) {
        all.push_back({what, Fault{{}, {}, {}, std::move(change)}});
    };
    facts("subject key", [](auto& c) { c.subject = new_key(KeyAlgorithm::ed25519); });
    facts("subject key type", [](auto& c) { c.subject = new_key(KeyAlgorithm::ecdsa_p256); });
    facts("nonce", [](auto& c) { c.nonce[0] ^= 1; });
    facts("a short nonce", [](auto& c) { c.nonce.resize(8); });
    facts("serial", [](auto& c) { ++c.serial; });
    facts("serial 0", [](auto& c) { c.serial = 0; });
    facts("type", [](auto& c) { c.type = wire::SshCertificateType::host; });
    facts("key id", [](auto& c) { c.key_id += "x"; });
    facts("an empty key id", [](auto& c) { c.key_id.clear(); });
    facts("another principal", [](auto& c) { c.principals[0] = "root"; });
    facts("a principal more", [](auto& c) { c.principals.emplace_back("web"); });
    facts("a principal less", [](auto& c) { c.principals.pop_back(); });
    facts("a principal twice", [](auto& c) { c.principals.push_back(c.principals.back()); });
    facts("principals in another order", [](auto& c) { std::swap(c.principals[0], c.principals[1]); });
    facts("two principals as one with a comma", [](auto& c) { c.principals = {"ops,ops@db-1"}; });
    facts("no principals", [](auto& c) { c.principals.clear(); });
    facts("valid from earlier", [](auto& c) { --c.valid_after; });
    facts("valid for a second more", [](auto& c) { ++c.valid_before; });
    facts("valid for a second less", [](auto& c) { --c.valid_before; });
    facts("valid for ever", [](auto& c) { c.valid_before = UINT64_MAX; });
    facts("no critical options", [](auto& c) { c.critical_options.clear(); });
    facts("a critical option less", [](auto& c) { c.critical_options.pop_back(); });
    facts("a wider source address", [](auto& c) { c.critical_options[1].value = "0.0.0.0/0"; });
    facts("another command", [](auto& c) { c.critical_options[0].value = "sh"; });
    facts("an unknown critical option", [](auto& c) { c.critical_options.push_back({"x@corp.example", "y"}); });
    facts("critical options in another order",
          [](auto& c) { std::swap(c.critical_options[0], c.critical_options[1]); });
    facts("a critical option among the extensions", [](auto& c) {
        c.extensions.insert(c.extensions.begin(), c.critical_options[0]);
        c.critical_options.erase(c.critical_options.begin());
    });
    facts("an extension more", [](auto& c) { c.extensions.push_back({"permit-user-rc", ""}); });
    facts("an extension less", [](auto& c) { c.extensions.pop_back(); });
    facts("an extension with a value", [](auto& c) { c.extensions[0].value = "x"; });
    facts("extensions in another order", [](auto& c) { std::swap(c.extensions[0], c.extensions[1]); });
    facts("another issuer named", [](auto& c) { c.signer = new_key(KeyAlgorithm::ed25519); });
    all.push_back({"a signature by another key", Fault{{}, {}, {}, {}, true}});
    bytes("the signature", [](auto& b) { b.back() ^= 1; });
    bytes("the signature's algorithm", [](auto& b) {
        const std::string_view name = "ssh-ed25519";
        const auto last = std::find_end(b.begin(), b.end(), name.begin(), name.end());
        *last = 'x';
    });
    bytes("bytes behind the end", [](auto& b) { b.push_back(0); });
    bytes("bytes missing at the end", [](auto& b) { b.pop_back(); });
    bytes("the format's name", [](auto& b) { b[5] ^= 1; });
    bytes("the reserved field", [](auto& b) {
        // string reserved stands before string signature key (51 bytes) and string signature (4 + 83).
        b[b.size() - 87 - 4 - 51 - 1] = 1;
    });
    bytes("nothing", [](auto& b) { b.clear(); });
    return all;
}

std::vector<Named> x509_faults() {
    namespace der = wire::der;
    using wire::X509Usage;
    std::vector<Named> all;
    const auto facts = [&](const char* what, std::function<void(wire::X509Certificate&)> change) {
        all.push_back({what, Fault{{}, std::move(change), {}, {}}});
    };
    const auto fields = [&](const char* what, std::function<void(std::vector<Bytes>&)> change) {
        all.push_back({what, Fault{{}, {}, [change](Bytes& body) { faulty::edit_fields(body, change); }, {}}});
    };
    const auto extensions = [&](const char* what, std::function<void(std::vector<Bytes>&)> change) {
        all.push_back({what, Fault{{}, {}, [change](Bytes& body) { faulty::edit_extensions(body, change); }, {}}});
    };
    facts("serial", [](auto& c) { c.serial.back() ^= 1; });
    facts("a short serial", [](auto& c) { c.serial.resize(8); });
    facts("issuer", [](auto& c) { c.issuer_common_name = "test issuing 2"; });
    facts("a subject", [](auto& c) { c.subject_common_name = "a.corp.example"; });
    facts("starts earlier", [](auto& c) {
        c.validity = *Validity::between(Instant(c.validity.after().seconds() - 1), c.validity.before());
    });
    facts("ends a second later", [](auto& c) {
        c.validity = *Validity::between(c.validity.after(), Instant(c.validity.before().seconds() + 1));
    });
    facts("outlives the issuer",
          [](auto& c) { c.validity = *Validity::between(c.validity.after(), Instant(fakes::kNow + 400LL * 86400)); });
    facts("subject key", [](auto& c) { c.subject = new_key(KeyAlgorithm::ecdsa_p256); });
    facts("subject key type", [](auto& c) { c.subject = new_key(KeyAlgorithm::ecdsa_p384); });
    facts("subject key identifier", [](auto& c) { c.subject_key_id[0] ^= 1; });
    facts("authority key identifier", [](auto& c) { c.authority_key_id[0] ^= 1; });
    facts("client instead of server", [](auto& c) { c.usage = X509Usage::client; });
    facts("client beside server", [](auto& c) { c.usage = X509Usage::server_and_client; });
    facts("a CA", [](auto& c) {
        c.usage = X509Usage::authority;
        c.subject_common_name = "evil";
        c.no_revocation = false;
    });
    facts("noRevAvail left out", [](auto& c) { c.no_revocation = !c.no_revocation; });
    facts("another algorithm named", [](auto& c) { c.issuer_algorithm = KeyAlgorithm::ecdsa_p384; });
    facts("a name more", [](auto& c) { c.names.push_back(*wire::SubjectName::parse("dns:evil.com")); });
    facts("a name less", [](auto& c) { c.names.pop_back(); });
    facts("another name", [](auto& c) { c.names[0] = *wire::SubjectName::parse("dns:evil.com"); });
    facts("another IPv4 address", [](auto& c) { c.names[2] = *wire::SubjectName::parse("ip:192.0.2.1"); });
    facts("another IPv6 address", [](auto& c) { c.names[3] = *wire::SubjectName::parse("ip:2001:db9::1"); });
    facts("a name of another type",
          [](auto& c) { c.names[0] = *wire::SubjectName::parse("uri:https://a.corp.example"); });
    facts("a name twice", [](auto& c) { c.names.push_back(c.names.back()); });
    facts("names in another order", [](auto& c) { std::swap(c.names[0], c.names[1]); });
    fields("version 1", [](auto& f) { f.erase(f.begin()); });
    fields("version 2", [](auto& f) { f[0] = der::tlv(der::context(0), der::integer(std::uint64_t{1})); });
    fields("a negative serial", [](auto& f) { f[1] = Bytes{0x02, 0x01, 0x80}; });
    fields("an issuer with more in it", [](auto& f) {
        const Bytes more =
            der::tlv(der::kSet, der::sequence({der::oid("2.5.4.10"), der::tlv(der::kUtf8String, view("Evil Corp"))}));
        f[3] = der::tlv(der::kSequence, der::concat({faulty::contents_of(f[3]), more}));
    });
    fields("the issuer in another string type", [](auto& f) {
        const auto at = std::find(f[3].begin(), f[3].end(), der::kUtf8String);
        REQUIRE(at != f[3].end());
        *at = der::kPrintableString;
    });
    fields("a subject without a common name", [](auto& f) {
        f[5] = der::sequence({der::tlv(
            der::kSet, der::sequence({der::oid("2.5.4.10"), der::tlv(der::kUtf8String, view("Evil Corp"))}))});
    });
    fields("no extensions", [](auto& f) { f.pop_back(); });
    extensions("basicConstraints of a CA",
               [](auto& e) { e[0] = faulty::extension("2.5.29.19", true, der::sequence({der::boolean(true)})); });
    extensions("a path length", [](auto& e) {
        e[0] =
            faulty::extension("2.5.29.19", true, der::sequence({der::boolean(true), der::integer(std::uint64_t{0})}));
    });
    extensions("basicConstraints not critical",
               [](auto& e) { e[0] = faulty::extension("2.5.29.19", false, der::sequence({})); });
    extensions("no basicConstraints", [](auto& e) { e.erase(e.begin()); });
    extensions("key usage of a CA",
               [](auto& e) { e[1] = faulty::extension("2.5.29.15", true, der::bit_string(Bytes{0x84}, 2)); });
    extensions("key usage with one bit more",
               [](auto& e) { e[1] = faulty::extension("2.5.29.15", true, der::bit_string(Bytes{0xc0}, 6)); });
    extensions("key usage not critical",
               [](auto& e) { e[1] = faulty::extension("2.5.29.15", false, der::bit_string(Bytes{0x80}, 7)); });
    extensions("no key usage", [](auto& e) { e.erase(e.begin() + 1); });
    extensions("any extended key usage", [](auto& e) {
        e[2] = faulty::extension("2.5.29.37", false,
                                 der::sequence({der::oid("1.3.6.1.5.5.7.3.1"), der::oid("2.5.29.37.0")}));
    });
    extensions("code signing", [](auto& e) {
        e[2] = faulty::extension("2.5.29.37", false,
                                 der::sequence({der::oid("1.3.6.1.5.5.7.3.1"), der::oid("1.3.6.1.5.5.7.3.3")}));
    });
    extensions("extended key usage critical", [](auto& e) {
        e[2] = faulty::extension("2.5.29.37", true, der::sequence({der::oid("1.3.6.1.5.5.7.3.1")}));
    });
    extensions("no extended key usage", [](auto& e) { e.erase(e.begin() + 2); });
    extensions("names not critical", [](auto& e) {
        const auto parts = faulty::parts_of(faulty::contents_of(e[5]));
        e[5] = der::sequence({parts[0], parts[2]});
    });
    extensions("no names", [](auto& e) { e.erase(e.begin() + 5); });
    extensions("an extension nobody asked for",
               [](auto& e) { e.push_back(faulty::extension("1.2.3.4", false, der::octet_string({}))); });
    extensions("an extension twice", [](auto& e) { e.push_back(e.back()); });
    all.push_back({"a signature by another key", Fault{{}, {}, {}, {}, true}});
    all.push_back({"the signature", Fault{{}, {}, {}, [](Bytes& b) { b.back() ^= 1; }}});
    all.push_back({"bytes behind the end", Fault{{}, {}, {}, [](Bytes& b) { b.push_back(0); }}});
    all.push_back({"bytes missing at the end", Fault{{}, {}, {}, [](Bytes& b) { b.pop_back(); }}});
    all.push_back({"nothing", Fault{{}, {}, {}, [](Bytes& b) { b.clear(); }}});
    return all;
}

}  // namespace

TEST_CASE("a signer without a fault is believed") {
    World world;
    const auto ssh = world.mint.mint(world.ssh());
    INFO((ssh ? "" : ssh.error().message));
    CHECK(ssh);
    auto request = world.x509();
    request.idempotency.key = "another-key-0123";
    const auto x509 = world.mint.mint(request);
    INFO((x509 ? "" : x509.error().message));
    CHECK(x509);
}

TEST_CASE("an SSH certificate with any field corrupted is not released") {
    for (const auto& [what, fault] : ssh_faults()) {
        INFO(what);
        World world(fault);
        world.releases_nothing(world.ssh());
    }
}

TEST_CASE("an X.509 certificate with any field corrupted is not released") {
    for (const auto& [what, fault] : x509_faults()) {
        INFO(what);
        World world(fault);
        world.releases_nothing(world.x509());
    }
}

TEST_CASE("a signer that answers with an earlier certificate is found") {
    const bool x509 = GENERATE(false, true);
    World world;
    Bytes earlier;
    world.signer.fault.certificate = [&](Bytes& made) { earlier = made; };
    auto first = x509 ? world.x509() : world.ssh();
    first.idempotency.key = "the-first-of-two";
    REQUIRE(world.mint.mint(first));
    world.signer.fault.certificate = [&](Bytes& made) { made = earlier; };
    const auto outcome = world.mint.mint(x509 ? world.x509() : world.ssh());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().id == "E-CHECK");
    CHECK(world.leaves("certificate.issued") == 1);
}

TEST_CASE("a fault that encoder and signer share is found by reading back alone") {
    // Here the bytes that were meant carry the fault too: comparing them finds nothing, the readers must.
    World world;
    const auto& key = world.signer.keys().x509;
    wire::X509Certificate meant;
    meant.serial = Bytes(18, 0x11);
    meant.issuer_common_name = "test issuing";
    meant.validity = Validity::starting(Instant(fakes::kNow), *Lifetime::of_seconds(3600));
    meant.subject = new_key(KeyAlgorithm::ecdsa_p256);
    meant.issuer_algorithm = KeyAlgorithm::ecdsa_p256;
    meant.authority_key_id = crypto::x509_key_identifier(key.public_key());
    meant.subject_key_id = crypto::x509_key_identifier(meant.subject);
    meant.no_revocation = true;
    for (const auto* name : {"dns:a.corp.example", "dns:b.corp.example", "ip:10.0.0.1", "ip:2001:db8::1"})
        meant.names.push_back(*wire::SubjectName::parse(name));
    const auto make = [&](const Fault& fault) {
        auto facts = meant;
        if (fault.x509) fault.x509(facts);
        Bytes body = *wire::encode_to_be_signed(facts);
        if (fault.body) fault.body(body);
        const Bytes der = *wire::encode_signed(body, KeyAlgorithm::ecdsa_p256, *key.sign_x509(body));
        return mint::check_x509(world.facts, *mint::Issuer::read(world.facts), meant, body, der);
    };
    const auto good = make({});
    INFO((good ? "" : good.error().message));
    REQUIRE(good);
    std::size_t tried = 0;
    for (const auto& [what, fault] : x509_faults()) {
        if (!fault.x509 && !fault.body) continue;
        INFO(what);
        CHECK_FALSE(make(fault));
        ++tried;
    }
    CHECK(tried > 40);
}

TEST_CASE("a certificate that would outlive its issuer is not released though it was meant") {
    World world;
    world.facts.issuer_ends = Instant(fakes::kNow + 60);
    wire::X509Certificate meant;
    meant.serial = Bytes(18, 0x11);
    meant.issuer_common_name = "test issuing";
    meant.validity = Validity::starting(Instant(fakes::kNow), *Lifetime::of_seconds(61));
    meant.subject = new_key(KeyAlgorithm::ecdsa_p256);
    meant.authority_key_id = crypto::x509_key_identifier(world.facts.x509);
    meant.subject_key_id = crypto::x509_key_identifier(meant.subject);
    meant.names = {*wire::SubjectName::parse("dns:a.corp.example")};
    const auto& key = world.signer.keys().x509;
    const auto check = [&] {
        const Bytes body = *wire::encode_to_be_signed(meant);
        return mint::check_x509(world.facts, *mint::Issuer::read(world.facts), meant, body,
                                *wire::encode_signed(body, KeyAlgorithm::ecdsa_p256, *key.sign_x509(body)));
    };
    CHECK_THAT(check().error().message, Contains("outlives"));
    meant.validity = Validity::starting(Instant(fakes::kNow), *Lifetime::of_seconds(60));
    CHECK(check());
}

TEST_CASE("an issuer whose certificate cannot be read back lets no X.509 certificate out") {
    World world;
    auto facts = world.facts;
    facts.issuer_certificate_der.resize(facts.issuer_certificate_der.size() / 2);
    CHECK(mint::Issuer::read(facts).error().id == "E-ISSUER");
    mint::Mint mint(facts, world.policy, *world.authority.store, world.signer, world.authority.rng,
                    world.authority.clock);
    const auto outcome = mint.mint(world.x509());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().id == "E-ISSUER");
    CHECK(world.leaves("certificate.void") == 1);
    CHECK(world.leaves("certificate.issued") == 0);
    auto ssh = world.ssh();
    ssh.idempotency.key = "for-another-issuer";
    CHECK(mint.mint(ssh));  // another issuer's
}

TEST_CASE("an issuer is read once; its certificates are compared with its name, byte for byte") {
    World world;
    auto facts = world.facts;
    // Another certificate of the same key, whose name is written with another type of string: names compare as bytes.
    const std::string text = "test issuing";
    auto& der = facts.issuer_certificate_der;
    const auto name = std::search(der.begin(), der.end(), text.begin(), text.end());
    REQUIRE(name != der.end());
    const auto last = std::find_end(der.begin(), der.end(), text.begin(), text.end());
    REQUIRE(last[-2] == 0x0c);  // UTF8String
    last[-2] = 0x13;            // PrintableString
    if (name != last) name[-2] = 0x13;
    mint::Mint mint(facts, world.policy, *world.authority.store, world.signer, world.authority.rng,
                    world.authority.clock);
    const auto outcome = mint.mint(world.x509());
    REQUIRE_FALSE(outcome);
    CHECK_THAT(outcome.error().message, Contains("issuer"));
}

TEST_CASE("the promise takes the room that the certificate will fill") {
    World world;
    const auto room = [&world] {
        auto database = *store::Database::open(world.authority.dir.path("db"), store::Database::Mode::read);
        store::Query query(database, "SELECT length(certificate) FROM certificate_body ORDER BY n DESC LIMIT 1");
        REQUIRE(*query.row());
        return query.integer(0);
    };
    std::int64_t promised = 0;
    world.signer.fault.body = [&](Bytes&) { promised = room(); };  // at the signer's
    REQUIRE(world.mint.mint(world.ssh()));
    CHECK(promised == room());

    auto x509 = world.x509();
    x509.idempotency.key = "another";
    REQUIRE(world.mint.mint(x509));
    // The two numbers of a P-256 signature seldom need less than 70 bytes (RFC 3279 section 2.2.3).
    CHECK(promised >= room());
    CHECK(promised <= room() + 8);
}
