// Certificates of others: what ordinary tools make is read, what two readers could see differently is not.
#include <algorithm>

#include "tests/lib/wire/issuing.h"

using namespace mayfly;
using namespace mayfly::wire;
using namespace mayfly::test;
using namespace std::string_view_literals;

namespace {

using Type = SubjectName::Type;

Bytes attribute(std::string_view oid, std::string_view value, std::uint8_t tag = der::kUtf8String) {
    return der::sequence({der::oid(oid), der::tlv(tag, view(value))});
}
Bytes cn(std::string_view value, std::uint8_t tag = der::kUtf8String) {
    return der::tlv(der::kSet, attribute("2.5.4.3", value, tag));
}

/// Parts are the pieces of a certificate, each of which a test replaces by something else.
struct Parts {
    Bytes version = der::tlv(der::context(0), der::integer(std::uint64_t{2}));
    Bytes serial = der::integer(std::uint64_t{5});
    Bytes inner_algorithm = der::sequence({der::oid("1.3.101.112")});
    Bytes issuer = der::sequence({cn("corp")});
    Bytes validity = der::sequence({der::time(kNow), der::time(kNow + 3599)});
    Bytes subject = der::sequence({cn("web.corp")});
    Bytes key = der::sequence({der::sequence({der::oid("1.3.101.112")}), der::bit_string(Bytes(32, 9))});
    Bytes unique_ids{};
    Bytes extensions = wrapped(extension("2.5.29.14", der::octet_string(Bytes(20, 7))));
    Bytes after{};
    Bytes outer_algorithm = der::sequence({der::oid("1.3.101.112")});
    Bytes signature = der::bit_string(Bytes(64, 1));
    Bytes behind{};

    static Bytes wrapped(ByteView list) { return der::tlv(der::context(3), der::tlv(der::kSequence, list)); }
    [[nodiscard]] Bytes whole() const {
        return der::sequence({der::sequence({version, serial, inner_algorithm, issuer, validity, subject, key,
                                             unique_ids, extensions, after}),
                              outer_algorithm, signature, behind});
    }
};

template <class Change>
Bytes changed(Change change) {
    Parts parts;
    change(parts);
    return parts.whole();
}
Bytes with_extension(std::string_view oid, ByteView value) {
    return changed([&](Parts& p) { p.extensions = Parts::wrapped(extension(oid, value)); });
}
Bytes with_subject(ByteView rdns) {
    return changed([&](Parts& p) { p.subject = der::tlv(der::kSequence, rdns); });
}

/// A self-signed certificate of openssl's making.
Bytes self_signed(const TemporaryFolder& folder, const std::string& key, std::vector<std::string> more) {
    std::vector<std::string> argv = {"openssl", "req", "-x509",    "-new", "-key", key,
                                     "-days",   "3",   "-outform", "DER",  "-out", folder.file("der")};
    argv.insert(argv.end(), more.begin(), more.end());
    must_run(argv);
    return to_bytes(folder.read("der"));
}

std::string serial_of(const Bytes& der) {
    return must_run({"openssl", "x509", "-inform", "DER", "-noout", "-serial"}, text_of(der));
}

}  // namespace

TEST_CASE("a certificate of openssl's making is read whole") {
    const auto [algorithm, option, oid] =
        GENERATE(table<std::string, std::string, std::string>({{"RSA", "rsa_keygen_bits:2048", "1.2.840.113549.1.1.11"},
                                                               {"EC", "ec_paramgen_curve:P-256", "1.2.840.10045.4.3.2"},
                                                               {"ed25519", "", "1.3.101.112"}}));
    const TemporaryFolder folder;
    const std::string key = make_key(folder, algorithm, option);
    const Bytes bytes = self_signed(
        folder, key,
        {"-subj", "/C=DE/ST=Hessen/L=Frankfurt/O=Example, Inc./OU=Ops+CN=web.corp/emailAddress=a@b.c/serialNumber=7",
         "-addext",
         "subjectAltName=DNS:Web.corp,IP:10.0.0.1,IP:2001:db8::1,URI:https://web.corp/"
         ",email:a@corp.example,RID:1.2.3,otherName:1.2.3;UTF8:x",
         "-addext", "keyUsage=critical,digitalSignature,keyCertSign,decipherOnly", "-addext",
         "extendedKeyUsage=serverAuth,clientAuth,codeSigning", "-addext", "certificatePolicies=1.2.3.4", "-addext",
         "1.2.3.4=critical,ASN1:UTF8String:hello"});
    const auto read = parse_x509(bytes);
    REQUIRE(read);
    std::string serial = hex(read->serial);
    for (char& c : serial) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(serial_of(bytes) == "serial=" + serial + "\n");
    CHECK(read->subject ==
          "C=DE,ST=Hessen,L=Frankfurt,O=Example\\, Inc.,OU=Ops+CN=web.corp,1.2.840.113549.1.9.1=a@b.c,serialNumber=7");
    CHECK(read->issuer == read->subject);
    CHECK(read->subject_common_name == "web.corp");
    CHECK(read->not_after.seconds() - read->not_before.seconds() == 3 * 86400);
    CHECK(read->key_supported);
    CHECK(*encode_spki(read->key) == to_bytes(must_run({"openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"})));
    CHECK(read->names == std::vector<SubjectName>{{Type::dns, "web.corp"},
                                                  {Type::ip, "10.0.0.1"},
                                                  {Type::ip, "2001:db8::1"},
                                                  {Type::uri, "https://web.corp/"},
                                                  {Type::email, "a@corp.example"}});
    CHECK(read->is_ca);
    CHECK(read->key_usages == std::vector<std::string>{"digitalSignature", "keyCertSign", "decipherOnly"});
    CHECK(read->extended_key_usages == std::vector<std::string>{"serverAuth", "clientAuth", "1.3.6.1.5.5.7.3.3"});
    CHECK_FALSE(read->no_revocation);
    CHECK(read->subject_key_id.size() == 20);
    CHECK(read->authority_key_id == read->subject_key_id);
    for (const auto* id : {"1.2.3.4", "2.5.29.32", "2.5.29.19", "2.5.29.17"})
        CHECK(std::count(read->extension_oids.begin(), read->extension_oids.end(), id) == 1);
    CHECK(read->signature_oid == oid);
    CHECK(crypto::verify_x509(read->key, read->signature_oid, read->to_be_signed, read->signature));

    refuses_every_truncation(bytes, [](ByteView cut) { return parse_x509(cut).has_value(); });
    std::size_t verified = 0;
    for_every_mutation(bytes, [&](ByteView other_bytes) {
        const auto other = parse_x509(other_bytes);
        if (!other || other->to_be_signed == read->to_be_signed) return;
        if (crypto::verify_x509(read->key, other->signature_oid, other->to_be_signed, other->signature)) ++verified;
    });
    CHECK(verified == 0);
}

TEST_CASE("a certificate of certtool's making is read") {
    const TemporaryFolder folder;
    const std::string key = make_key(folder, "EC", "ec_paramgen_curve:P-256");
    const auto* kind =
        GENERATE("ca\ncert_signing_key\ncrl_signing_key\npath_len = 2\n", "signing_key\ntls_www_client\n");
    const std::string form = folder.write(
        "template",
        std::string("cn = web.corp\norganization = Example\ndns_name = web.corp\nserial = 7\nexpiration_days = 3\n") +
            kind);
    must_run({"certtool", "--generate-self-signed", "--load-privkey", key, "--template", form, "--outder", "--outfile",
              folder.file("der")});
    const auto read = parse_x509(to_bytes(folder.read("der")));
    REQUIRE(read);
    CHECK(read->serial == Bytes{7});
    CHECK(read->names == std::vector<SubjectName>{{Type::dns, "web.corp"}});
    CHECK(read->is_ca == (kind[0] == 'c'));
    CHECK(read->key_usages == (read->is_ca ? std::vector<std::string>{"keyCertSign", "cRLSign"}
                                           : std::vector<std::string>{"digitalSignature"}));
}

// openssl x509 -req of 3.0 made it; since 3.4 that command adds extensions, and so version 3, unasked.
constexpr const char* kVersion1 =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBFjCBvQIUEJiNXU4O0AtSYy72rwVlEH0ZXpswCgYIKoZIzj0EAwIwDjEMMAoG\n"
    "A1UEAwwDb2xkMB4XDTI2MTEyMTA4MDAzMFoXDTM2MTExODA4MDAzMFowDjEMMAoG\n"
    "A1UEAwwDb2xkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhp+8AsCV2e9XEFfV\n"
    "KOvnXAW6cevRyqnGnqxCx+En5peiGw2ryT9lx+OY1JjUCpWTYt9PWyhX96f1r8vW\n"
    "DVQZSjAKBggqhkjOPQQDAgNIADBFAiEAjf2He1fP1tyTzZZfzlA2z2yW29fpzba/\n"
    "DbMPzG/iGdUCIAmt9Iw2Fux14n08lSvo53wiLb3riD3uVyUDEMViY0f5\n"
    "-----END CERTIFICATE-----\n";

TEST_CASE("a certificate of version 1, as openssl x509 -req made them, is read") {
    const auto pem = parse_one_pem(kVersion1, "CERTIFICATE");
    REQUIRE(pem);
    const Bytes bytes = *pem;
    CHECK_THAT(shown_by_openssl(bytes), Contains("Version: 1 (0x0)"));
    const auto read = parse_x509(bytes);
    REQUIRE(read);
    CHECK(read->subject == "CN=old");
    CHECK_FALSE(read->is_ca);
    CHECK(read->extension_oids.empty());
}

TEST_CASE("a certificate for a key that is not ours is read without it") {
    const auto [algorithm, option] =
        GENERATE(table<std::string, std::string>({{"RSA", "rsa_keygen_bits:1024"},
                                                  {"EC", "ec_paramgen_curve:secp256k1"},
                                                  {"EC", "ec_paramgen_curve:brainpoolP384r1"},
                                                  {"RSA-PSS", "rsa_keygen_bits:2048"},
                                                  {"ed448", ""}}));
    const TemporaryFolder folder;
    const auto read = parse_x509(self_signed(folder, make_key(folder, algorithm, option), {"-subj", "/CN=x"}));
    REQUIRE(read);
    CHECK_FALSE(read->key_supported);
    CHECK(read->key == PublicKey{});
    CHECK(read->subject == "CN=x");
}

TEST_CASE("names in any alphabet are read, and escaped for people") {
    const auto [what, rdns, subject, common_name] = GENERATE(table<std::string, Bytes, std::string, std::string>(
        {{"nobody", Bytes{}, "", ""},
         {"UTF-8", cn("M\xc3\xbcller"), "CN=M\\xc3\\xbcller", "M\xc3\xbcller"},
         {"BMPString", cn("\0M\0\xfc\x20\xac"sv, 0x1e), "CN=M\\xc3\\xbc\\xe2\\x82\\xac", "M\xc3\xbc\xe2\x82\xac"},
         {"TeletexString", cn("M\xfcller", 0x14), "CN=M\\xfcller", "M\xfcller"},
         {"a value that poses as two", cn("a,O=Evil+CN=b"), "CN=a\\,O\\=Evil\\+CN\\=b", "a,O=Evil+CN=b"},
         {"quotes and backslashes", cn("\"a\\b\""), "CN=\\x22a\\x5cb\\x22", "\"a\\b\""},
         {"control characters outside the common name", der::tlv(der::kSet, attribute("2.5.4.10", "a\n\x1b[0m\0"sv)),
          "O=a\\x0a\\x1b[0m\\x00", ""},
         {"the last of two common names", der::concat({cn("a"), cn("b")}), "CN=a,CN=b", "b"},
         {"an attribute by its OID",
          der::tlv(der::kSet, attribute("0.9.2342.19200300.100.1.25", "corp", der::kIa5String)),
          "0.9.2342.19200300.100.1.25=corp", ""}}));
    INFO(what);
    const auto read = parse_x509(with_subject(rdns));
    REQUIRE(read);
    CHECK(read->subject == subject);
    CHECK(read->subject_common_name == common_name);
}

TEST_CASE("serials of others: zero, and 20 octets behind a sign octet, are read") {
    const auto* serial = GENERATE("00", "01", "80", "7fffffffffffffffffffffffffffffffffffffff",
                                  "ffffffffffffffffffffffffffffffffffffffff");
    const auto read = parse_x509(changed([&](Parts& p) { p.serial = der::integer(ByteView(unhex(serial))); }));
    REQUIRE(read);
    CHECK(hex(read->serial) == serial);
}

TEST_CASE("the authority key identifier may name the issuer too") {
    const Bytes issuer = der::tlv(der::context(1), der::tlv(der::context(4), der::sequence({cn("corp")})));
    const Bytes serial = der::tlv(der::context_primitive(2), Bytes{5});
    const Bytes id = der::tlv(der::context_primitive(0), Bytes(20, 3));
    const auto read = parse_x509(with_extension("2.5.29.35", der::sequence({id, issuer, serial})));
    REQUIRE(read);
    CHECK(read->authority_key_id == Bytes(20, 3));
    CHECK(parse_x509(with_extension("2.5.29.35", der::sequence({issuer, serial})))->authority_key_id.empty());
    CHECK_FALSE(parse_x509(with_extension("2.5.29.35", der::sequence({serial, id}))));
    CHECK_FALSE(parse_x509(with_extension("2.5.29.35", der::sequence({id, id}))));
}

TEST_CASE("certificates that stray from their definition are refused") {
    const Bytes null = der::tlv(der::kNull, {});
    const Bytes ski = extension("2.5.29.14", der::octet_string(Bytes(20, 7)));
    const auto version = [](std::uint64_t number) { return der::tlv(der::context(0), der::integer(number)); };
    const auto [what, bytes] = GENERATE_COPY(table<std::string, Bytes>({
        {"nothing", Bytes{}},
        {"an empty sequence", der::sequence({})},
        {"bytes behind the certificate", der::concat({Parts{}.whole(), null})},
        {"bytes behind the signature", changed([&](Parts& p) { p.behind = null; })},
        {"more than 64 KiB", with_extension("1.2.3.4", Bytes(65536, 0))},
        {"version 1, written", changed([&](Parts& p) { p.version = version(0), p.extensions = {}; })},
        {"version 4", changed([&](Parts& p) { p.version = version(3); })},
        {"a padded version", changed([](Parts& p) {
             p.version = der::tlv(der::context(0), der::tlv(der::kInteger, Bytes{0, 2}));
         })},
        {"two versions", changed([](Parts& p) { p.version = der::tlv(der::context(0), unhex("020102020102")); })},
        {"extensions in version 1", changed([](Parts& p) { p.version = {}; })},
        {"extensions in version 2", changed([&](Parts& p) { p.version = version(1); })},
        {"unique identifiers in version 1", changed([](Parts& p) {
             p.version = p.extensions = {}, p.unique_ids = der::tlv(der::context_primitive(1), Bytes{0, 1});
         })},
        {"no serial", changed([](Parts& p) { p.serial = {}; })},
        {"an empty serial", changed([](Parts& p) { p.serial = unhex("0200"); })},
        {"a negative serial", changed([](Parts& p) { p.serial = unhex("0201ff"); })},
        {"a padded serial", changed([](Parts& p) { p.serial = unhex("02020001"); })},
        {"a serial of 21 octets", changed([](Parts& p) { p.serial = der::integer(ByteView(Bytes(21, 1))); })},
        {"another algorithm outside than inside",
         changed([](Parts& p) { p.outer_algorithm = der::sequence({der::oid("1.2.840.10045.4.3.2")}); })},
        {"other parameters outside than inside", changed([&](Parts& p) {
             p.outer_algorithm = der::sequence({der::oid("1.3.101.112"), null});
         })},
        {"an algorithm with two parameters", changed([&](Parts& p) {
             p.outer_algorithm = p.inner_algorithm = der::sequence({der::oid("1.3.101.112"), null, null});
         })},
        {"a signature that is not whole bytes",
         changed([](Parts& p) { p.signature = der::bit_string(Bytes(64, 0), 1); })},
        {"no issuer", changed([](Parts& p) { p.issuer = {}; })},
        {"an empty part of a name", with_subject(der::tlv(der::kSet, {}))},
        {"a part of a name that is no set", with_subject(attribute("2.5.4.3", "x"))},
        {"an attribute with two values",
         with_subject(der::tlv(der::kSet, der::sequence({der::oid("2.5.4.3"), der::tlv(der::kUtf8String, {}), null})))},
        {"a common name with NUL", with_subject(cn("web.corp\0.evil"sv))},
        {"a common name with ESC", with_subject(cn("\x1b[2J"))},
        {"a common name with NUL in a BMPString", with_subject(cn("\0w\0\0"sv, 0x1e))},
        {"a BMPString of an odd size", with_subject(cn("\0w\0"sv, 0x1e))},
        {"a BMPString with a surrogate", with_subject(cn("\xd8\x00\xdc\x00"sv, 0x1e))},
        {"a name that is not UTF-8", with_subject(cn("\xc0\x80"))},
        {"a string in pieces",
         with_subject(der::tlv(
             der::kSet, der::sequence({der::oid("2.5.4.10"), der::tlv(0x2c, der::tlv(der::kUtf8String, view("x")))})))},
        {"one time", changed([](Parts& p) { p.validity = der::sequence({der::time(kNow)}); })},
        {"three times", changed([](Parts& p) {
             p.validity = der::sequence({der::time(kNow), der::time(kNow), der::time(kNow)});
         })},
        {"times that are none", changed([](Parts& p) {
             p.validity = der::sequence({der::tlv(der::kUtcTime, view("261121042602+0100")), der::time(kNow)});
         })},
        {"no key", changed([](Parts& p) { p.key = {}; })},
        {"a key that is no key", changed([&](Parts& p) { p.key = der::sequence({null}); })},
        {"an RSA key that is no key", changed([&](Parts& p) {
             p.key = der::sequence({der::sequence({der::oid("1.2.840.113549.1.1.1"), null}), der::bit_string(null)});
         })},
        {"something after the extensions", changed([&](Parts& p) { p.after = null; })},
        {"extensions twice", changed([&](Parts& p) { p.after = p.extensions; })},
        {"no extensions in the list", changed([](Parts& p) { p.extensions = Parts::wrapped({}); })},
        {"two lists of extensions", changed([&](Parts& p) {
             p.extensions = der::tlv(der::context(3), der::concat({der::sequence({ski}), der::sequence({ski})}));
         })},
        {"an extension twice", changed([&](Parts& p) {
             p.extensions = Parts::wrapped(der::concat({ski, ski}));
         })},
        {"an unknown extension twice", changed([](Parts& p) {
             p.extensions = Parts::wrapped(der::concat({extension("1.2.3.4", {}), extension("1.2.3.4", Bytes{1})}));
         })},
        {"an extension that is critical by 0x01", changed([](Parts& p) {
             p.extensions = Parts::wrapped(
                 der::sequence({der::oid("1.2.3.4"), der::tlv(der::kBoolean, Bytes{1}), der::octet_string({})}));
         })},
        {"an extension that is written to be not critical", changed([](Parts& p) {
             p.extensions =
                 Parts::wrapped(der::sequence({der::oid("1.2.3.4"), der::boolean(false), der::octet_string({})}));
         })},
        {"an extension without a value",
         changed([](Parts& p) { p.extensions = Parts::wrapped(der::sequence({der::oid("1.2.3.4")})); })},
        {"an extension that is no OID", changed([&](Parts& p) {
             p.extensions = Parts::wrapped(der::sequence({null, der::octet_string({})}));
         })},
        {"a CA by 0x01", with_extension("2.5.29.19", unhex("3003010101"))},
        {"a written CA:FALSE", with_extension("2.5.29.19", unhex("3003010100"))},
        {"a CA flag of two octets", with_extension("2.5.29.19", unhex("30040102ffff"))},
        {"a negative path length", with_extension("2.5.29.19", unhex("30060101ff0201ff"))},
        {"a padded path length", with_extension("2.5.29.19", unhex("30070101ff02020001"))},
        {"bytes behind basicConstraints", with_extension("2.5.29.19", unhex("30000500"))},
        {"bytes inside basicConstraints", with_extension("2.5.29.19", unhex("30050101ff0500"))},
        {"empty keyUsage", with_extension("2.5.29.15", unhex("030100"))},
        {"keyUsage of no bit", with_extension("2.5.29.15", unhex("03020700"))},
        {"keyUsage with zeros at its end", with_extension("2.5.29.15", unhex("03020080"))},
        {"keyUsage with unused bits set", with_extension("2.5.29.15", unhex("030207ff"))},
        {"keyUsage with nine unused bits", with_extension("2.5.29.15", unhex("03020980"))},
        {"bytes behind keyUsage", with_extension("2.5.29.15", unhex("030207800500"))},
        {"empty extKeyUsage", with_extension("2.5.29.37", unhex("3000"))},
        {"extKeyUsage of something else", with_extension("2.5.29.37", unhex("30020500"))},
        {"bytes behind extKeyUsage",
         with_extension("2.5.29.37", der::concat({der::sequence({der::oid("2.5.29.37.0")}), null}))},
        {"bytes behind subjectKeyIdentifier", with_extension("2.5.29.14", unhex("0401010500"))},
        {"bytes behind authorityKeyIdentifier", with_extension("2.5.29.35", unhex("30000500"))},
        {"something in authorityKeyIdentifier", with_extension("2.5.29.35", unhex("30020500"))},
        {"noRevAvail that is not NULL", with_extension("2.5.29.56", unhex("0101ff"))},
        {"noRevAvail of NULL with contents", with_extension("2.5.29.56", unhex("050100"))},
        {"bytes behind noRevAvail", with_extension("2.5.29.56", unhex("05000500"))},
        {"empty subjectAltName", with_extension("2.5.29.17", unhex("3000"))},
        {"a DNS name with NUL",
         with_extension("2.5.29.17", der::sequence({der::tlv(0x82, view("web.corp\0.evil"sv))}))},
        {"an empty DNS name", with_extension("2.5.29.17", der::sequence({der::tlv(0x82, {})}))},
        {"a DNS name of another type",
         with_extension("2.5.29.17", der::sequence({der::tlv(der::kIa5String, view("web.corp"))}))},
    }));
    REQUIRE(parse_x509(Parts{}.whole()));
    INFO(what);
    const auto read = parse_x509(bytes);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::malformed);
    CHECK_FALSE(read.error().message.empty());
}

TEST_CASE("extensions are counted to 64") {
    const auto with = [](std::size_t count) {
        Bytes all;
        for (std::size_t i = 0; i < count; ++i) {
            const Bytes one = extension("1.2.3." + std::to_string(i), {});
            all.insert(all.end(), one.begin(), one.end());
        }
        return changed([&](Parts& p) { p.extensions = Parts::wrapped(all); });
    };
    CHECK(parse_x509(with(64))->extension_oids.size() == 64);
    CHECK_FALSE(parse_x509(with(65)));
}

TEST_CASE("no change of one byte, and no cut, breaks the reader") {
    const Bytes bytes = Parts{}.whole();
    refuses_every_truncation(bytes, [](ByteView cut) { return parse_x509(cut).has_value(); });
    std::size_t read = 0, refused = 0;
    for_every_mutation(bytes, [&](ByteView other) { ++(parse_x509(other) ? read : refused); });
    CHECK(read > 0);
    CHECK(refused > read / 4);
}
