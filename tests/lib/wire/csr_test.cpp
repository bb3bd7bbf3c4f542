// PKCS#10 requests: those that openssl and certtool make, ours as they read them, and those that ask for too much.
#include "lib/crypto/crypto.h"
#include "lib/wire/spki.h"
#include "tests/lib/wire/foreign.h"

using namespace mayfly;
using namespace mayfly::wire;
using namespace std::string_view_literals;
using mayfly::test::extension;
using mayfly::test::must_run;
using mayfly::test::unhex;

namespace {

using Type = SubjectName::Type;

constexpr std::string_view kExtensionRequest = "1.2.840.113549.1.9.14", kChallengePassword = "1.2.840.113549.1.9.7";
constexpr std::string_view kSan = "2.5.29.17", kBasicConstraints = "2.5.29.19", kKeyUsage = "2.5.29.15",
                           kExtKeyUsage = "2.5.29.37", kCommonName = "2.5.4.3";

Bytes attribute(std::string_view oid, ByteView values) {
    return der::sequence({der::oid(oid), der::tlv(der::kSet, values)});
}
Bytes requesting(ByteView extensions) { return attribute(kExtensionRequest, der::tlv(der::kSequence, extensions)); }
Bytes dns_san(std::string_view name) {
    return extension(kSan, der::sequence({der::tlv(der::context_primitive(2), view(name))}));
}
Bytes cn(std::string_view text, std::uint8_t tag = der::kUtf8String) {
    return der::tlv(der::kSet, der::sequence({der::oid(kCommonName), der::tlv(tag, view(text))}));
}

/// Parts are the pieces of a request, each of which a test replaces by something else.
struct Parts {
    Bytes version = der::integer(std::uint64_t{0});
    Bytes subject = der::sequence({});
    Bytes key = der::sequence({der::sequence({der::oid("1.3.101.112")}), der::bit_string(Bytes(32, 9))});
    Bytes attributes = der::tlv(der::context(0), requesting(dns_san("web.corp")));
    Bytes after{};
    Bytes algorithm = der::sequence({der::oid("1.3.101.112")});
    Bytes signature = der::bit_string(Bytes(64, 1));

    [[nodiscard]] Bytes whole() const {
        return der::sequence({der::sequence({version, subject, key, attributes, after}), algorithm, signature});
    }
};

Bytes with_attributes(ByteView attributes) {
    Parts parts;
    parts.attributes = der::tlv(der::context(0), attributes);
    return parts.whole();
}
Bytes with_extensions(ByteView extensions) { return with_attributes(requesting(extensions)); }
Bytes with_subject(ByteView rdns) {
    Parts parts;
    parts.subject = der::tlv(der::kSequence, rdns);
    return parts.whole();
}

/// A request of openssl's making.
Bytes openssl_request(const test::TemporaryFolder& folder, const std::string& key, const std::string& subject,
                      const std::vector<std::string>& additions) {
    std::vector<std::string> argv = {
        "openssl", "req", "-new", "-key", key, "-subj", subject, "-outform", "DER", "-out", folder.file("csr")};
    for (const auto& addition : additions) argv.insert(argv.end(), {"-addext", addition});
    must_run(argv);
    return to_bytes(folder.read("csr"));
}

}  // namespace

TEST_CASE("requests of openssl's making give their key, names and proof of possession") {
    const auto [algorithm, option, oid] = GENERATE(
        table<std::string, std::string, std::string>({{"ed25519", "", "1.3.101.112"},
                                                      {"EC", "ec_paramgen_curve:P-256", "1.2.840.10045.4.3.2"},
                                                      {"EC", "ec_paramgen_curve:P-384", "1.2.840.10045.4.3.2"},
                                                      {"EC", "ec_paramgen_curve:P-521", "1.2.840.10045.4.3.2"},
                                                      {"RSA", "rsa_keygen_bits:2048", "1.2.840.113549.1.1.11"}}));
    const test::TemporaryFolder folder;
    const std::string key = test::make_key(folder, algorithm, option);
    const Bytes bytes = openssl_request(
        folder, key, "/C=DE/O=Example/CN=web.corp",
        {"subjectAltName=DNS:web.corp,DNS:*.corp.example,IP:10.0.0.1,IP:2001:db8::1,URI:spiffe://corp/workload/"
         "web,email:a@corp.example",
         "basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature", "extendedKeyUsage=serverAuth,clientAuth"});
    const auto csr = parse_csr(bytes);
    REQUIRE(csr);
    CHECK(*encode_spki(csr->key) == to_bytes(must_run({"openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"})));
    CHECK(csr->common_name == "web.corp");
    CHECK(csr->names == std::vector<SubjectName>{{Type::dns, "web.corp"},
                                                 {Type::dns, "*.corp.example"},
                                                 {Type::ip, "10.0.0.1"},
                                                 {Type::ip, "2001:db8::1"},
                                                 {Type::uri, "spiffe://corp/workload/web"},
                                                 {Type::email, "a@corp.example"}});
    CHECK(csr->signature_oid == oid);
    CHECK(crypto::verify(*csr));  // SHA-256 under any curve: openssl's default
    test::refuses_every_truncation(bytes, [](ByteView cut) { return parse_csr(cut).has_value(); });
}

TEST_CASE("a request of certtool's making is read") {
    const test::TemporaryFolder folder;
    const std::string key = test::make_key(folder, "EC", "ec_paramgen_curve:P-256");
    const std::string form = folder.write(
        "template", "cn = web.corp\ndns_name = web.corp\nip_address = 10.0.0.1\nsigning_key\ntls_www_server\n"sv);
    must_run({"certtool", "--generate-request", "--load-privkey", key, "--template", form, "--outder", "--outfile",
              folder.file("csr")});
    const auto csr = parse_csr(to_bytes(folder.read("csr")));
    REQUIRE(csr);
    CHECK(csr->names == std::vector<SubjectName>{{Type::dns, "web.corp"}, {Type::ip, "10.0.0.1"}});
    CHECK(crypto::verify(*csr));
}

TEST_CASE("a request without extensions, or with attributes that mean nothing here, is read") {
    const auto attributes =
        GENERATE(Bytes{}, attribute(kChallengePassword, der::tlv(der::kUtf8String, view("secret"))), requesting({}));
    const auto csr = parse_csr(with_attributes(attributes));
    REQUIRE(csr);
    CHECK(csr->names.empty());
    CHECK(csr->common_name.empty());
}

TEST_CASE("requests of ours are good in openssl's eyes") {
    const auto algorithm = GENERATE(KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                                    KeyAlgorithm::ecdsa_p521, KeyAlgorithm::rsa);
    const std::vector<SubjectName> names = GENERATE(values<std::vector<SubjectName>>(
        {{}, {{Type::dns, "web.corp"}, {Type::ip, "2001:db8::1"}, {Type::uri, "spiffe://corp/workload/web"}}}));
    const auto key = crypto::PrivateKey::generate(algorithm);
    REQUIRE(key);
    const auto body = encode_csr_to_be_signed(key->public_key(), names);
    REQUIRE(body);
    const auto signature = key->sign_x509(*body);
    REQUIRE(signature);
    const auto bytes = encode_csr(*body, algorithm, *signature);
    REQUIRE(bytes);

    const auto shown =
        test::run_command({"openssl", "req", "-inform", "DER", "-noout", "-verify", "-text"}, text_of(*bytes));
    INFO(shown.out << shown.err);
    CHECK(shown.ok());
    CHECK_THAT(shown.out + shown.err, Contains("verify OK"));
    CHECK((shown.out.find("DNS:web.corp, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe://corp/workload/web") !=
           std::string::npos) == !names.empty());

    const auto csr = parse_csr(*bytes);
    REQUIRE(csr);
    CHECK(csr->key == key->public_key());
    CHECK(csr->names == names);
    CHECK(csr->to_be_signed == *body);
    CHECK(csr->signature == *signature);
    CHECK(crypto::verify(*csr));
    std::size_t proven = 0;
    test::for_every_mutation(*bytes, [&](ByteView changed) {
        const auto other = parse_csr(changed);
        if (other && other->to_be_signed != *body && crypto::verify(*other)) ++proven;
    });
    CHECK(proven == 0);  // no change of what was signed keeps its proof
}

TEST_CASE("openssl requests that ask for more than names are refused by what they ask for") {
    const auto [addition, id] = GENERATE(
        table<std::string, std::string>({{"basicConstraints=CA:TRUE", "E-CSR-CA"},
                                         {"basicConstraints=critical,CA:TRUE,pathlen:0", "E-CSR-CA"},
                                         {"1.2.3.4=ASN1:UTF8String:hello", "E-CSR-EXTENSION"},
                                         {"1.2.3.4=critical,ASN1:UTF8String:hello", "E-CSR-EXTENSION"},
                                         {"certificatePolicies=1.2.3.4", "E-CSR-EXTENSION"},
                                         {"nameConstraints=permitted;DNS:corp", "E-CSR-EXTENSION"},
                                         {"crlDistributionPoints=URI:http://a/", "E-CSR-EXTENSION"},
                                         {"authorityInfoAccess=OCSP;URI:http://a/", "E-CSR-EXTENSION"},
                                         {"noCheck=ignored", "E-CSR-EXTENSION"},
                                         {"subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:root@corp", "E-NAME"},
                                         {"subjectAltName=RID:1.2.3.4", "E-NAME"},
                                         {"subjectAltName=DNS:Web.corp", "E-NAME"},
                                         {"subjectAltName=DNS:*", "E-NAME"},
                                         {"subjectAltName=DNS:*.com", "E-NAME"},
                                         {"subjectAltName=DNS:10.0.0.1", "E-NAME"}}));
    const test::TemporaryFolder folder;
    const Bytes bytes = openssl_request(folder, test::make_key(folder, "ed25519"), "/CN=web.corp", {addition});
    INFO(addition);
    const auto csr = parse_csr(bytes);
    REQUIRE_FALSE(csr);
    CHECK(csr.error().id == id);
    CHECK_FALSE(csr.error().fix.empty());
}

TEST_CASE("openssl requests for keys that cannot be certified are refused") {
    const auto [algorithm, option, id] =
        GENERATE(table<std::string, std::string, std::string>({{"RSA", "rsa_keygen_bits:1024", "E-KEY-WEAK"},
                                                               {"EC", "ec_paramgen_curve:secp256k1", "E-KEY-CURVE"},
                                                               {"ed448", "", "E-KEY-TYPE"}}));
    const test::TemporaryFolder folder;
    CHECK(parse_csr(openssl_request(folder, test::make_key(folder, algorithm, option), "/CN=x", {})).error().id == id);
}

TEST_CASE("a request for a key on a curve by its parameters is refused") {
    const test::TemporaryFolder folder;
    must_run({"openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out",
              folder.file("k")});
    CHECK(parse_csr(openssl_request(folder, folder.file("k"), "/CN=x", {})).error().id == "E-KEY-CURVE");
}

TEST_CASE("requests that stray from their definition are refused") {
    const Bytes san = dns_san("web.corp"), usage = extension(kKeyUsage, der::bit_string(Bytes{0x80}, 7));
    const Bytes null = der::tlv(der::kNull, {});
    const auto changed = [](auto change) {
        Parts parts;
        change(parts);
        return parts.whole();
    };
    const auto [what, bytes] = GENERATE_COPY(table<std::string, Bytes>(
        {{"nothing", Bytes{}},
         {"an empty sequence", der::sequence({})},
         {"bytes behind the end", der::concat({Parts{}.whole(), null})},
         {"version 1", changed([](Parts& p) { p.version = der::integer(std::uint64_t{1}); })},
         {"a padded version", changed([](Parts& p) {
              p.version = der::tlv(der::kInteger, Bytes{0, 0});
          })},
         {"no version", changed([](Parts& p) { p.version = {}; })},
         {"no key", changed([](Parts& p) { p.key = {}; })},
         {"something after the attributes", changed([&](Parts& p) { p.after = null; })},
         {"a signature that is not whole bytes",
          changed([](Parts& p) { p.signature = der::bit_string(Bytes(64, 0), 1); })},
         {"a signature algorithm with two parameters", changed([&](Parts& p) {
              p.algorithm = der::sequence({der::oid("1.3.101.112"), null, null});
          })},
         {"an attribute that is no sequence", with_attributes(null)},
         {"an attribute with a third part",
          with_attributes(der::sequence({der::oid(kChallengePassword), der::tlv(der::kSet, null), null}))},
         {"an attribute without values", with_attributes(der::sequence({der::oid(kChallengePassword)}))},
         {"a repeated attribute",
          with_attributes(der::concat({attribute(kChallengePassword, null), attribute(kChallengePassword, null)}))},
         {"two extension requests", with_attributes(der::concat({requesting(san), requesting(usage)}))},
         {"an extension request of two values",
          with_attributes(attribute(kExtensionRequest, der::concat({der::sequence({san}), der::sequence({usage})})))},
         {"an extension request of no value", with_attributes(attribute(kExtensionRequest, {}))},
         {"a repeated extension", with_extensions(der::concat({san, san}))},
         {"a repeated extension that is ignored", with_extensions(der::concat({usage, usage}))},
         {"an extension that is written to be not critical",
          with_extensions(der::sequence({der::oid(kSan), der::boolean(false), der::octet_string(der::sequence({}))}))},
         {"an extension that is critical by 0x01",
          with_extensions(der::sequence(
              {der::oid(kKeyUsage), der::tlv(der::kBoolean, Bytes{1}), der::octet_string(unhex("03020780"))}))},
         {"an extension with bytes behind its value",
          with_extensions(der::sequence({der::oid(kKeyUsage), der::octet_string(unhex("03020780")), null}))},
         {"names with bytes behind them",
          with_extensions(extension(kSan, der::concat({der::sequence({der::tlv(0x82, view("a.corp"))}), null})))},
         {"no names in the list", with_extensions(extension(kSan, der::sequence({})))},
         {"a name with NUL", with_extensions(dns_san("web.corp\0.evil"sv))},
         {"a name with a line break", with_extensions(dns_san("web\n.corp"))},
         {"a name in Latin-1", with_extensions(dns_san("m\xfcnchen"))},
         {"an empty name", with_extensions(dns_san(""))},
         {"basicConstraints that are no sequence", with_extensions(extension(kBasicConstraints, null))},
         {"basicConstraints with bytes behind them",
          with_extensions(extension(kBasicConstraints, der::concat({der::sequence({}), null})))},
         {"a CA by a flag that is neither TRUE nor FALSE",
          with_extensions(extension(kBasicConstraints, der::sequence({der::tlv(der::kBoolean, Bytes{1})})))},
         {"a path length without a CA",
          with_extensions(extension(kBasicConstraints, der::sequence({der::integer(std::uint64_t{0})})))},
         {"a written CA:FALSE (X.690 section 11.5)",
          with_extensions(extension(kBasicConstraints, der::sequence({der::boolean(false)})))},
         {"an empty extKeyUsage", with_extensions(extension(kExtKeyUsage, der::sequence({})))},
         {"keyUsage with bytes behind it", with_extensions(extension(kKeyUsage, unhex("030207800500")))},
         {"a common name with NUL", with_subject(cn("web.corp\0.evil"sv))},
         {"a common name with a line break", with_subject(cn("web\n"))},
         {"a common name in UTF-8", with_subject(cn("m\xc3\xbcnchen"))},
         {"a common name in broken UTF-8", with_subject(cn("m\xc3"))},
         {"a common name in Latin-1", with_subject(cn("m\xfcnchen", 0x14))},
         {"an empty common name", with_subject(cn(""))},
         {"two common names", with_subject(der::concat({cn("a.corp"), cn("b.corp")}))},
         {"an empty part of the subject", with_subject(der::tlv(der::kSet, {}))},
         {"a subject that is no name", with_subject(null)}}));
    INFO(what);
    const auto csr = parse_csr(bytes);
    REQUIRE_FALSE(csr);
    CHECK((csr.error().code == Code::malformed || csr.error().code == Code::denied));
    CHECK_FALSE(csr.error().message.empty());
}

TEST_CASE("a subject's other attributes neither harm nor matter") {
    const Bytes organisation = der::tlv(
        der::kSet, der::sequence({der::oid("2.5.4.10"), der::tlv(der::kUtf8String, view("M\xc3\xbcller, Sons"))}));
    const auto csr = parse_csr(with_subject(der::concat({organisation, cn("web.corp", der::kPrintableString)})));
    REQUIRE(csr);
    CHECK(csr->common_name == "web.corp");
}

TEST_CASE("requests are not made for names that are none, nor for FIDO keys") {
    PublicKey key;
    key.point = Bytes(32, 9);
    CHECK(encode_csr_to_be_signed(key, {}));
    CHECK_FALSE(encode_csr_to_be_signed(key, {{Type::dns, "Web.corp"}}));
    CHECK_FALSE(encode_csr_to_be_signed(key, {{Type::ip, "nonsense"}}));
    key.algorithm = KeyAlgorithm::sk_ed25519;
    CHECK_FALSE(encode_csr_to_be_signed(key, {}));
    CHECK_FALSE(encode_csr(der::sequence({}), KeyAlgorithm::sk_ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_csr(Bytes{}, KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_csr(der::concat({der::sequence({}), der::sequence({})}), KeyAlgorithm::ed25519, Bytes(64, 1)));
    CHECK_FALSE(encode_csr(der::sequence({}), KeyAlgorithm::ed25519, Bytes{}));
}
