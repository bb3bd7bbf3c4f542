// The certificates that we write, judged by openssl and by GnuTLS.
#include "tests/lib/wire/issuing.h"

using namespace mayfly;
using namespace mayfly::wire;
using namespace mayfly::test;

namespace {

using Type = SubjectName::Type;

const std::vector<SubjectName> kNames = {{Type::dns, "web.corp"},
                                         {Type::dns, "*.corp.example"},
                                         {Type::ip, "10.0.0.1"},
                                         {Type::ip, "2001:db8::1"},
                                         {Type::uri, "spiffe://corp/workload/web"},
                                         {Type::email, "a@corp.example"}};

const Validity kDay = Validity::starting(Instant(kNow), *Lifetime::of_seconds(86400));

PublicKey ed25519_subject() {
    PublicKey key;
    key.point = Bytes(32, 9);
    return key;
}

/// A good leaf that costs no key generation, for tests that change one thing in it.
X509Certificate plain_leaf() {
    X509Certificate out;
    out.serial = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    out.issuer_common_name = "corp issuing";
    out.validity = Validity::starting(Instant(kNow), *Lifetime::of_seconds(3600));
    out.subject = ed25519_subject();
    out.authority_key_id = Bytes(20, 1);
    out.subject_key_id = Bytes(20, 2);
    out.names = {{Type::dns, "web.corp"}};
    return out;
}

struct Chain {
    Bytes root, issuing, leaf;
};

Chain make_chain(KeyAlgorithm root_algorithm, KeyAlgorithm issuing_algorithm, KeyAlgorithm leaf_algorithm,
                 X509Usage usage, const Validity& validity) {
    const Issuer root = make_issuer(root_algorithm, "corp root"),
                 issuing = make_issuer(issuing_algorithm, "corp issuing");
    X509Certificate top = describe_authority(root, root, 1), middle = describe_authority(root, issuing, 0);
    X509Certificate leaf = describe(issuing, make_subject(leaf_algorithm));
    leaf.usage = usage;
    leaf.names = kNames;
    leaf.no_revocation = true;
    top.validity = middle.validity = leaf.validity = validity;
    return {issue(root, top), issue(root, middle), issue(issuing, leaf)};
}

/// The signature is nonsense, which is no matter to a reader of fields.
Bytes unsigned_certificate(const X509Certificate& certificate) {
    const auto body = encode_to_be_signed(certificate);
    REQUIRE(body);
    return *encode_signed(*body, certificate.issuer_algorithm, Bytes(64, 1));
}

}  // namespace

TEST_CASE("openssl accepts a chain of ours for its usage and its time") {
    const auto [root_algorithm, issuing_algorithm, leaf_algorithm, usage] =
        GENERATE(table<KeyAlgorithm, KeyAlgorithm, KeyAlgorithm, X509Usage>(
            {{KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p256, X509Usage::server},
             {KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521, KeyAlgorithm::ed25519, X509Usage::client},
             {KeyAlgorithm::ed25519, KeyAlgorithm::rsa, KeyAlgorithm::ecdsa_p384, X509Usage::server_and_client},
             {KeyAlgorithm::rsa, KeyAlgorithm::ed25519, KeyAlgorithm::rsa, X509Usage::server}}));
    const Chain chain = make_chain(root_algorithm, issuing_algorithm, leaf_algorithm, usage, kDay);
    const TemporaryFolder folder;
    folder.write("root.pem", pem(chain.root));
    folder.write("issuing.pem", pem(chain.issuing));
    folder.write("leaf.pem", pem(chain.leaf));
    const auto verified_at = [&](std::int64_t seconds, const std::string& purpose) {
        return run_command({"openssl", "verify", "-x509_strict", "-attime", std::to_string(seconds), "-purpose",
                            purpose, "-CAfile", folder.file("root.pem"), "-untrusted", folder.file("issuing.pem"),
                            folder.file("leaf.pem")})
            .ok();
    };
    const bool server = usage != X509Usage::client, client = usage != X509Usage::server;
    CHECK(verified_at(kNow, "sslserver") == server);
    CHECK(verified_at(kNow, "sslclient") == client);

    // From the first second to the last; openssl counts the second of notAfter itself as past.
    const std::string purpose = server ? "sslserver" : "sslclient";
    CHECK_FALSE(verified_at(kDay.after().seconds() - 1, purpose));
    CHECK(verified_at(kDay.after().seconds(), purpose));
    CHECK(verified_at(kDay.before().seconds() - 2, purpose));
    CHECK_FALSE(verified_at(kDay.before().seconds(), purpose));

    Bytes changed = chain.leaf;  // so the checks above can fail
    changed[changed.size() / 2] ^= 1;
    folder.write("leaf.pem", pem(changed));
    CHECK_FALSE(verified_at(kNow, purpose));
}

TEST_CASE("GnuTLS accepts a chain of ours while it is valid") {
    const auto [root_algorithm, issuing_algorithm, leaf_algorithm] =
        GENERATE(table<KeyAlgorithm, KeyAlgorithm, KeyAlgorithm>(
            {{KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521},
             {KeyAlgorithm::ecdsa_p521, KeyAlgorithm::ed25519, KeyAlgorithm::rsa},
             {KeyAlgorithm::rsa, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519}}));
    // certtool cannot be told what time it is, so these are valid for a century, or were in 2001.
    const bool valid = GENERATE(true, false);
    const Validity times = *Validity::between(*Instant::parse("2001-01-01T00:00:00Z"),
                                              *Instant::parse(valid ? "2101-01-01T00:00:00Z" : "2002-01-01T00:00:00Z"));
    const Chain chain =
        make_chain(root_algorithm, issuing_algorithm, leaf_algorithm, X509Usage::server_and_client, times);
    const TemporaryFolder folder;
    folder.write("root.pem", pem(chain.root));
    folder.write("chain.pem", pem(chain.leaf) + pem(chain.issuing));
    const auto verified = run_command({"certtool", "--verify", "--load-ca-certificate", folder.file("root.pem"),
                                       "--infile", folder.file("chain.pem")});
    INFO(verified.out << verified.err);
    CHECK(verified.ok() == valid);
    if (!valid) CHECK_THAT(verified.out + verified.err, Contains("expired"));
}

TEST_CASE("an issuing authority with path length 0 cannot make another") {
    const Issuer root = make_issuer(KeyAlgorithm::ecdsa_p256, "corp root"),
                 first = make_issuer(KeyAlgorithm::ecdsa_p256, "first"),
                 second = make_issuer(KeyAlgorithm::ecdsa_p256, "second");
    X509Certificate leaf = describe(second, ed25519_subject());
    leaf.names = kNames;
    const TemporaryFolder folder;
    folder.write("root.pem", pem(issue(root, describe_authority(root, root, -1))));
    folder.write("leaf.pem", pem(issue(second, leaf)));
    const auto verified = [&](int path_length) {
        folder.write("between.pem", pem(issue(root, describe_authority(root, first, path_length))) +
                                        pem(issue(first, describe_authority(first, second, 0))));
        return run_command({"openssl", "verify", "-attime", kNowText, "-CAfile", folder.file("root.pem"), "-untrusted",
                            folder.file("between.pem"), folder.file("leaf.pem")});
    };
    CHECK(verified(1).ok());
    CHECK(verified(-1).ok());
    const auto refused = verified(0);
    CHECK_FALSE(refused.ok());
    CHECK_THAT(refused.err + refused.out, Contains("path length constraint exceeded"));
}

TEST_CASE("openssl shows the profile of each usage") {
    const auto [usage, subject, present, absent] =
        GENERATE(table<X509Usage, KeyAlgorithm, std::vector<std::string>, std::vector<std::string>>(
            {{X509Usage::server,
              KeyAlgorithm::ecdsa_p256,
              {"Key Usage: critical\n                Digital Signature\n", "TLS Web Server Authentication\n",
               "Basic Constraints: critical\n                CA:FALSE\n"},
              {"Key Encipherment", "Client Authentication", "Certificate Sign"}},
             {X509Usage::server,
              KeyAlgorithm::rsa,
              {"Key Usage: critical\n                Digital Signature, Key Encipherment\n",
               "TLS Web Server Authentication\n", "CA:FALSE\n"},
              {"Client Authentication", "Certificate Sign"}},
             {X509Usage::client,
              KeyAlgorithm::rsa,
              {"Key Usage: critical\n                Digital Signature\n", "TLS Web Client Authentication\n",
               "CA:FALSE\n"},
              {"Key Encipherment", "Server Authentication"}},
             {X509Usage::server_and_client,
              KeyAlgorithm::ed25519,
              {"Key Usage: critical\n                Digital Signature\n",
               "TLS Web Server Authentication, TLS Web Client Authentication\n", "CA:FALSE\n"},
              {"Key Encipherment"}},
             {X509Usage::authority,
              KeyAlgorithm::ecdsa_p256,
              {"Key Usage: critical\n                Certificate Sign, CRL Sign\n",
               "Basic Constraints: critical\n                CA:TRUE, pathlen:3\n"},
              {"Digital Signature", "Extended Key Usage", "No Revocation"}}}));
    const bool authority = usage == X509Usage::authority;
    X509Certificate described = plain_leaf();
    described.subject = make_subject(subject);
    described.usage = usage;
    described.subject_common_name = "web.corp";
    described.path_length = authority ? 3 : -1;
    described.no_revocation = !authority;
    const Bytes der = unsigned_certificate(described);
    const std::string shown = shown_by_openssl(der);
    INFO(shown);
    for (const auto& text : present) CHECK_THAT(shown, Contains(text));
    for (const auto& text : absent) CHECK_THAT(shown, !Contains(text));
    CHECK_THAT(shown, Contains("Version: 3 (0x2)"));
    CHECK_THAT(shown, Contains("X509v3 Subject Key Identifier: \n                "
                               "02:02:02:02:02:02:02:02:02:02:02:02:02:02:02:02:02:02:02:02\n"));
    CHECK_THAT(shown, Contains("X509v3 Authority Key Identifier: \n                "
                               "01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01\n"));
    // RFC 9608 section 2: NULL, not critical. openssl 3.0 knows the name only.
    CHECK((shown.find("X509v3 No Revocation Available: \n") != std::string::npos) == !authority);

    const auto read = parse_x509(der);
    REQUIRE(read);
    CHECK(read->is_ca == authority);
    CHECK(read->no_revocation == !authority);
    CHECK(read->key == described.subject);
    CHECK(read->subject_key_id == described.subject_key_id);
    CHECK(read->authority_key_id == described.authority_key_id);
}

TEST_CASE("subjectAltName is critical exactly when the subject is empty") {
    const auto* common_name = GENERATE("", "web.corp");
    X509Certificate described = plain_leaf();
    described.subject_common_name = common_name;
    described.names = kNames;
    const std::string shown = shown_by_openssl(unsigned_certificate(described));
    INFO(shown);
    const bool empty = std::string_view(common_name).empty();
    CHECK_THAT(
        shown,
        Contains(
            std::string("X509v3 Subject Alternative Name: ") + (empty ? "critical\n" : "\n") +
            "                DNS:web.corp, DNS:*.corp.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, "
            "URI:spiffe://corp/workload/web, email:a@corp.example\n"));
    CHECK_THAT(shown, Contains(empty ? "Subject: \n" : "Subject: CN=web.corp\n"));
}

TEST_CASE("a common name is UTF-8 of at most 64 characters") {
    std::string umlauts;
    for (int i = 0; i < 64; ++i) umlauts += "\xc3\xbc";
    const auto [name, good] = GENERATE_COPY(table<std::string, bool>({{"corp issuing 2026-11-21T04:26:02Z", true},
                                                                      {"a, O=b", true},
                                                                      {std::string(64, 'a'), true},
                                                                      {umlauts, true},
                                                                      {"\xf0\x9f\xa6\x8b", true},
                                                                      {std::string(65, 'a'), false},
                                                                      {umlauts + "a", false},
                                                                      {"a\nb", false},
                                                                      {std::string("a\0b", 3), false},
                                                                      {"a\x7f", false},
                                                                      {"\xff", false},
                                                                      {"\xc3", false},
                                                                      {"\xc0\x80", false},          // NUL in two bytes
                                                                      {"\xe0\x80\x80", false},      // and in three
                                                                      {"\xed\xa0\x80", false},      // a surrogate
                                                                      {"\xf4\x90\x80\x80", false},  // beyond U+10FFFF
                                                                      {"\xf8\x88\x80\x80\x80", false}}));
    X509Certificate described = plain_leaf();
    described.subject_common_name = name;
    CHECK(encode_to_be_signed(described).has_value() == good);
    described = plain_leaf();
    described.issuer_common_name = name;
    CHECK(encode_to_be_signed(described).has_value() == good);
    if (!good) return;
    described.subject_common_name = name;
    const auto read = parse_x509(unsigned_certificate(described));
    REQUIRE(read);
    CHECK(read->subject_common_name == name);
    CHECK(read->issuer == read->subject);
}

TEST_CASE("serials are positive within 20 octets, and written minimally") {
    const auto [serial, good] =
        GENERATE(table<std::string, bool>({{"", false},
                                           {"00", false},
                                           {"0001", false},
                                           {"01", true},
                                           {"7f", true},
                                           {"80", true},
                                           {"ff00000000000000", true},
                                           {"7fffffffffffffffffffffffffffffffffffffff", true},
                                           {"80ffffffffffffffffffffffffffffffffffffff", false},
                                           {"010000000000000000000000000000000000000000", false}}));
    INFO(serial);
    X509Certificate described = plain_leaf();
    described.serial = unhex(serial);
    REQUIRE(encode_to_be_signed(described).has_value() == good);
    if (!good) return;
    const Bytes der = unsigned_certificate(described);
    CHECK(hex(parse_x509(der)->serial) == serial);
    std::string upper;
    for (const char c : serial) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(must_run({"openssl", "x509", "-inform", "DER", "-noout", "-serial"}, text_of(der)) ==
          "serial=" + upper + "\n");
}

TEST_CASE("validity reaches from 1950 to 9999") {
    const auto [after, before, good] =
        GENERATE(table<std::string, std::string, bool>({{"1949-12-31T23:59:59Z", "1950-01-02T00:00:00Z", false},
                                                        {"1950-01-01T00:00:00Z", "1950-01-02T00:00:00Z", true},
                                                        {"2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", true},
                                                        {"2049-12-31T23:59:59Z", "2050-01-01T00:00:01Z", true},
                                                        {"2050-01-01T00:00:00Z", "2050-01-01T00:00:01Z", true},
                                                        {"2100-03-01T00:00:00Z", "9999-12-31T23:59:59Z", true}}));
    X509Certificate described = plain_leaf();
    described.validity = *Validity::between(*Instant::parse(after), *Instant::parse(before));
    REQUIRE(encode_to_be_signed(described).has_value() == good);
    if (!good) return;
    const Bytes der = unsigned_certificate(described);
    CHECK(parse_x509(der)->not_before == *Instant::parse(after));
    CHECK(parse_x509(der)->not_after.seconds() == Instant::parse(before)->seconds() - 1);
    CHECK(run_command({"openssl", "x509", "-inform", "DER", "-noout", "-dates"}, text_of(der)).ok());
    described.validity = *Validity::between(Instant(kNow), Instant(std::int64_t{1} << 60));
    CHECK_FALSE(encode_to_be_signed(described));
}

TEST_CASE("descriptions that contradict themselves are refused before a byte is written") {
    using Change = void (*)(X509Certificate&);
    const auto [what, change] = GENERATE(table<std::string, Change>({
        {"no issuer", [](X509Certificate& c) { c.issuer_common_name.clear(); }},
        {"nobody", [](X509Certificate& c) { c.names.clear(); }},
        {"a name that is none", [](X509Certificate& c) { c.names = {{Type::dns, "Web.corp"}}; }},
        {"an address that is none", [](X509Certificate& c) { c.names = {{Type::ip, "nonsense"}}; }},
        {"more names than fit", [](X509Certificate& c) { c.names.assign(5000, {Type::dns, "web.corp"}); }},
        {"a short subject key id", [](X509Certificate& c) { c.subject_key_id.pop_back(); }},
        {"no authority key id", [](X509Certificate& c) { c.authority_key_id.clear(); }},
        {"a leaf with a path length", [](X509Certificate& c) { c.path_length = 0; }},
        {"a FIDO subject", [](X509Certificate& c) { c.subject.algorithm = KeyAlgorithm::sk_ed25519; }},
        {"a FIDO issuer", [](X509Certificate& c) { c.issuer_algorithm = KeyAlgorithm::sk_ecdsa_p256; }},
        {"an authority without a subject", [](X509Certificate& c) { c.usage = X509Usage::authority; }},
        {"an authority that is not to be revoked (RFC 9608 section 2)",
         [](X509Certificate& c) {
             c.usage = X509Usage::authority;
             c.subject_common_name = "corp";
             c.no_revocation = true;
         }},
        {"a negative path length",
         [](X509Certificate& c) {
             c.usage = X509Usage::authority;
             c.subject_common_name = "corp";
             c.path_length = -2;
         }},
    }));
    INFO(what);
    X509Certificate described = plain_leaf();
    REQUIRE(encode_to_be_signed(described));
    change(described);
    const auto bytes = encode_to_be_signed(described);
    REQUIRE_FALSE(bytes);
    CHECK_FALSE(bytes.error().message.empty());
}

TEST_CASE("the same description makes the same bytes") {
    CHECK(*encode_to_be_signed(plain_leaf()) == *encode_to_be_signed(plain_leaf()));
}

TEST_CASE("only one structure and a signature become a certificate") {
    const Bytes body = *encode_to_be_signed(plain_leaf());
    CHECK(encode_signed(body, KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_signed({}, KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_signed(der::concat({body, body}), KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_signed(ByteView(body).first(body.size() - 1), KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_signed(body, KeyAlgorithm::ed25519, {}));
    CHECK_FALSE(encode_signed(body, KeyAlgorithm::ed25519, Bytes(5000, 1)));
    CHECK_FALSE(encode_signed(body, KeyAlgorithm::sk_ed25519, Bytes(64, 1)));
}
