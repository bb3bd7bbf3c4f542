// DER (X.690) against the examples of the standard and against openssl's writer.
#include "lib/wire/der.h"

#include "mayfly/time.h"
#include "tests/lib/wire/foreign.h"

using namespace mayfly;
using namespace mayfly::wire;
using mayfly::test::unhex;

namespace {

Result<der::Element> read_one(ByteView bytes) {
    der::Reader in(bytes);
    auto element = in.any("element");
    if (!element) return element;
    if (auto ok = in.finish("element"); !ok) return pass(ok.error());
    return element;
}

/// Borrows from `bytes`, like the reader.
der::Element element_of(const Bytes& bytes) {
    const auto element = read_one(bytes);
    REQUIRE(element);
    return *element;
}

Bytes element_of_size(std::size_t contents) { return der::octet_string(Bytes(contents, 0x55)); }

}  // namespace

TEST_CASE("our writer and openssl's make the same DER") {
    const auto [text, ours] = GENERATE(
        table<std::string, Bytes>({{"INTEGER:0", der::integer(std::uint64_t{0})},
                                   {"INTEGER:127", der::integer(std::uint64_t{127})},
                                   {"INTEGER:128", der::integer(std::uint64_t{128})},
                                   {"INTEGER:65537", der::integer(std::uint64_t{65537})},
                                   {"INTEGER:0xFFFFFFFFFFFFFFFF", der::integer(std::uint64_t{0xffffffffffffffff})},
                                   {"INTEGER:0x00FF00", der::integer(ByteView(Bytes{0x00, 0x00, 0xff, 0x00}))},
                                   {"BOOLEAN:TRUE", der::boolean(true)},
                                   {"BOOLEAN:FALSE", der::boolean(false)},
                                   {"NULL", der::tlv(der::kNull, {})},
                                   {"OID:1.2.840.113549.1.1.11", der::oid("1.2.840.113549.1.1.11")},
                                   {"OID:2.100.3", der::oid("2.100.3")},
                                   {"OID:2.25.329800735698586629295641978511506172918",
                                    der::tlv(der::kOid, unhex("6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776"))},
                                   {"OID:0.39", der::oid("0.39")},
                                   {"FORMAT:HEX,OCTETSTRING:0102ff", der::octet_string(Bytes{1, 2, 0xff})},
                                   {"FORMAT:HEX,BITSTRING:a0", der::bit_string(Bytes{0xa0})},
                                   {"FORMAT:BITLIST,BITSTRING:0,2", der::bit_string(Bytes{0xa0}, 5)},
                                   {"UTF8:corp", der::tlv(der::kUtf8String, view("corp"))},
                                   {"IA5:corp", der::tlv(der::kIa5String, view("corp"))},
                                   {"SEQWRAP,INTEGER:5", der::sequence({der::integer(std::uint64_t{5})})},
                                   {"EXPLICIT:3,INTEGER:5", der::tlv(der::context(3), der::integer(std::uint64_t{5}))},
                                   {"IMPLICIT:2,IA5:corp", der::tlv(der::context_primitive(2), view("corp"))}}));
    const test::TemporaryFolder folder;
    INFO(text);
    test::must_run({"openssl", "asn1parse", "-noout", "-genstr", text, "-out", folder.file("der")});
    CHECK(to_bytes(folder.read("der")) == ours);
}

TEST_CASE("a length is written in the fewest octets and read back") {
    const auto [size, head] = GENERATE(table<std::size_t, std::string>({{0, "0400"},
                                                                        {1, "0401"},
                                                                        {127, "047f"},
                                                                        {128, "048180"},
                                                                        {255, "0481ff"},
                                                                        {256, "04820100"},
                                                                        {65532, "0482fffc"}}));
    const Bytes bytes = element_of_size(size);
    const Bytes expected = unhex(head);
    CHECK(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(expected.size())) == expected);
    CHECK(element_of(bytes).contents.size() == size);
    CHECK(element_of(bytes).whole.size() == bytes.size());
}

TEST_CASE("64 KiB are read and a byte more is not") {
    CHECK(element_of_size(65532).size() == 65536);
    CHECK(read_one(element_of_size(65532)));
    const auto longer = read_one(element_of_size(65533));
    REQUIRE_FALSE(longer);
    CHECK_THAT(longer.error().message, Contains("64 KiB"));
}

TEST_CASE("what is BER and not DER is refused") {
    const auto [bytes, why] = GENERATE(table<std::string, std::string>({
        {"04", "too early"},                // a tag and nothing else
        {"0402ff", "too early"},            // shorter than it says
        {"0481", "too early"},              // a long length without its octets
        {"048201", "too early"},            //
        {"0480ff0000", "indefinite"},       // X.690 section 10.1
        {"04810100", "not minimal"},        // a short length in long form
        {"048200ff", "not minimal"},        // a zero in front of the length
        {"0482007f00", "not minimal"},      //
        {"0484000000010000", "too large"},  // more length octets than 64 KiB needs
        {"04ff00", "too large"},            // the reserved first octet, section 8.1.3.5 c
        {"1f8101", "more than one byte"},   // a high tag number
        {"0000", "form"},                   // end-of-contents
        {"240404020102", "form"},           // an OCTET STRING in pieces
        {"2303030100", "form"},             // a BIT STRING in pieces
        {"100000", "form"},                 // a primitive SEQUENCE
        {"2201ff", "form"},                 // a constructed INTEGER
        {"040100ff", "follows"},            // bytes behind the end
    }));
    INFO(bytes);
    const auto element = read_one(unhex(bytes));
    REQUIRE_FALSE(element);
    CHECK(element.error().code == Code::malformed);
    CHECK_THAT(element.error().message, Contains(why));
}

TEST_CASE("the reader says what was missing or of another type") {
    const Bytes bytes = der::integer(std::uint64_t{5});
    der::Reader in(bytes);
    const auto other = in.expect(der::kOctetString, "serial");
    REQUIRE_FALSE(other);
    CHECK(other.error().message == "serial: not of the type it should be");
    CHECK(in.peek() == der::kInteger);
    CHECK(in.optional(der::kBoolean, "flag")->whole.empty());  // not there, and nothing consumed
    CHECK_FALSE(in.empty());
    CHECK(in.optional(der::kInteger, "serial")->contents.size() == 1);
    CHECK(in.empty());
    CHECK(in.peek() == 0);
    CHECK(in.expect(der::kInteger, "serial").error().message == "serial: missing");
}

TEST_CASE("a number has one encoding") {
    const auto [bytes, magnitude] =
        GENERATE(table<std::string, std::string>({{"020100", "00"},
                                                  {"02017f", "7f"},
                                                  {"02020080", "80"},
                                                  {"0203010001", "010001"},
                                                  {"020900ffffffffffffffff", "ffffffffffffffff"}}));
    const Bytes encoded = unhex(bytes);
    const auto number = der::parse_unsigned(element_of(encoded), "number");
    REQUIRE(number);
    CHECK(hex(*number) == magnitude);
    CHECK(hex(der::integer(*number)) == bytes);
}

TEST_CASE("numbers that are negative, padded or empty are refused") {
    const auto* bytes =
        GENERATE("0200", "0201ff", "020180", "02020000", "0202007f", "0203000080", "0202ff7f", "040105");
    INFO(bytes);
    CHECK_FALSE(der::parse_unsigned(element_of(unhex(bytes)), "number"));
}

TEST_CASE("TRUE is ff, FALSE is 00, and nothing else is either") {
    CHECK(*der::parse_boolean(element_of(der::boolean(true)), "flag"));
    CHECK_FALSE(*der::parse_boolean(element_of(der::boolean(false)), "flag"));
    const auto* bytes = GENERATE("010101", "010180", "0100", "0102ffff", "0201ff");
    CHECK_FALSE(der::parse_boolean(element_of(unhex(bytes)), "flag"));
}

TEST_CASE("a bit string of whole bytes has no unused bits") {
    CHECK(hex(*der::parse_bit_string(element_of(unhex("030300abcd")), "bits")) == "abcd");
    CHECK(der::parse_bit_string(element_of(unhex("030100")), "bits")->empty());
    const auto* bytes = GENERATE("0300", "030201fe", "030208ff", "0402abcd");
    CHECK_FALSE(der::parse_bit_string(element_of(unhex(bytes)), "bits"));
}

TEST_CASE("object identifiers are read as they are written") {
    const auto* dotted = GENERATE("0.0", "0.39", "1.0", "1.39.1", "2.0", "2.5.29.17", "2.100.3", "2.999",
                                  "1.3.6.1.5.5.7.3.1", "1.2.840.113549.1.1.1", "1.3.6.1.4.1.4294967295");
    CHECK(*der::parse_oid(element_of(der::oid(dotted))) == dotted);
}

TEST_CASE("object identifiers that are padded, cut, huge or empty are refused") {
    const auto bytes =
        GENERATE(std::string("0600"), std::string("06028001"), std::string("0603558001"),
                 std::string("060255"
                             "81"),
                 std::string("060a81ffffffffffffffff7f"), std::string("040155"), "0641" + std::string(130, '1'));
    INFO(bytes);
    const auto id = der::parse_oid(element_of(unhex(bytes)));
    REQUIRE_FALSE(id);
    CHECK(id.error().code == Code::malformed);
}

TEST_CASE("times take the form that RFC 5280 section 4.1.2.5 gives their year") {
    const auto [text, form, contents] = GENERATE(
        table<std::string, int, std::string>({{"1950-01-01T00:00:00Z", der::kUtcTime, "500101000000Z"},
                                              {"1970-01-01T00:00:00Z", der::kUtcTime, "700101000000Z"},
                                              {"1999-12-31T23:59:59Z", der::kUtcTime, "991231235959Z"},
                                              {"2000-02-29T12:00:00Z", der::kUtcTime, "000229120000Z"},
                                              {"2049-12-31T23:59:59Z", der::kUtcTime, "491231235959Z"},
                                              {"2050-01-01T00:00:00Z", der::kGeneralizedTime, "20500101000000Z"},
                                              {"9999-12-31T23:59:59Z", der::kGeneralizedTime, "99991231235959Z"}}));
    const Instant at = *Instant::parse(text);
    const Bytes encoded = der::time(at.seconds());
    const der::Element element = element_of(encoded);
    CHECK(element.tag == form);
    CHECK(text_of(element.contents) == contents);
    CHECK(*der::parse_time(element) == at.seconds());
}

TEST_CASE("times in any other form are refused") {
    const auto [tag, text] = GENERATE(table<int, std::string>({{der::kUtcTime, "2611210426Z"},  // no seconds
                                                               {der::kUtcTime, "261121042602"},
                                                               {der::kUtcTime, "261121042602+0000"},
                                                               {der::kUtcTime, "20261121042602Z"},
                                                               {der::kUtcTime, "261321042602Z"},
                                                               {der::kUtcTime, "260230042602Z"},
                                                               {der::kUtcTime, "261121240000Z"},
                                                               {der::kUtcTime, "2611210426 2Z"},
                                                               {der::kUtcTime, "-61121042602Z"},
                                                               {der::kUtcTime, ""},
                                                               {der::kGeneralizedTime, "20261121042602.5Z"},
                                                               {der::kGeneralizedTime, "20261121042602"},
                                                               {der::kGeneralizedTime, "261121042602Z"},
                                                               {der::kGeneralizedTime, "20261121042660Z"},
                                                               {der::kPrintableString, "261121042602Z"}}));
    INFO(text);
    const auto time = der::parse_time(element_of(der::tlv(static_cast<std::uint8_t>(tag), view(text))));
    REQUIRE_FALSE(time);
    CHECK(time.error().code == Code::malformed);
}
