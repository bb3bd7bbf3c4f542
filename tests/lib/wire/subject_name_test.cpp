// The names that certificates assert: one text each, and nothing that two readers could take for two names.
#include "lib/wire/general_names.h"

#include <algorithm>

#include "lib/wire/spki.h"
#include "mayfly/names.h"
#include "tests/lib/wire/foreign.h"

using namespace mayfly;
using namespace mayfly::wire;
using namespace std::string_view_literals;

namespace {

using Type = SubjectName::Type;

std::string label(std::size_t size) { return std::string(size, 'a'); }

Bytes general_name(std::uint8_t tag, std::string_view contents) {
    return der::sequence({der::tlv(tag, view(contents))});
}

}  // namespace

TEST_CASE("a name says its type, or its form does") {
    const auto [text, type, canonical] = GENERATE(table<std::string, Type, std::string>(
        {{"web.corp", Type::dns, "web.corp"},
         {"localhost", Type::dns, "localhost"},
         {"dns:*.corp.example", Type::dns, "*.corp.example"},
         {"xn--mnchen-3ya.example", Type::dns, "xn--mnchen-3ya.example"},
         {"10.0.0.1", Type::ip, "10.0.0.1"},
         {"ip:::1", Type::ip, "::1"},
         {"2001:DB8:0:0:0:0:0:1", Type::ip, "2001:db8::1"},
         {"2001:db8:0:1:1:1:1:1", Type::ip, "2001:db8:0:1:1:1:1:1"},  // RFC 5952 section 4.2.2: one 0 is not shortened
         {"2001:0:0:1:0:0:0:1", Type::ip, "2001:0:0:1::1"},           // section 4.2.3: the longest run
         {"2001:db8:0:0:1:0:0:1", Type::ip, "2001:db8::1:0:0:1"},     // and the first of two
         {"::ffff:10.0.0.1", Type::ip, "::ffff:10.0.0.1"},
         {"spiffe://corp/workload/web", Type::uri, "spiffe://corp/workload/web"},
         {"uri:https://web.corp:8443/a%20b?c=d#e", Type::uri, "https://web.corp:8443/a%20b?c=d#e"},
         {"alice@corp.example", Type::email, "alice@corp.example"},
         {"email:Alice.B+x@corp.example", Type::email, "Alice.B+x@corp.example"}}));
    INFO(text);
    const auto name = SubjectName::parse(text);
    REQUIRE(name);
    CHECK(name->type == type);
    CHECK(name->text == canonical);
    CHECK(*SubjectName::parse(name->tagged()) == *name);
    CHECK(*detail::parse_general_names(detail::encode_general_names({*name}), detail::OtherNames::refuse) ==
          std::vector{*name});
}

TEST_CASE("names that a reader could misunderstand are refused") {
    const auto text = GENERATE(values<std::string_view>(
        {"", "dns:", "ip:", "uri:", "email:",
         // not letters, digits and hyphens; CVE-2009-2408 for the NUL
         "dns:a\0.corp"sv, "a\0b"sv, "dns:a\n.corp", "dns:a b", "dns:a\x1b[0m", "dns:m\xc3\xbcnchen", "dns:a_b.corp",
         "dns:A.corp", "dns:a..b", "dns:.a", "dns:a.", "dns:-a", "dns:a-", "dns:a-.b", "dns:a/b", "dns:a:443",
         "dns:a@b",
         // addresses in a DNS name's clothes
         "dns:10.0.0.1", "dns:1", "dns:web.7", "dns:0x7f000001", "dns:127.0x1", "dns:*.0.0.1",
         // wildcards: one, whole, left-most, above two labels
         "*", "dns:*", "*.com", "f*.corp.example", "*f.corp.example", "*.*.corp", "web.*.corp", "corp.*",
         "**.corp.example", "*.",
         // addresses
         "ip:10.0.0.1\0evil"sv, "10.0.0.1\0"sv, "ip:10.0.0", "ip:010.0.0.1", "ip:10.0.0.1/8", "ip:0x7f.1",
         "ip:1.2.3.4.5", "ip: 10.0.0.1", "ip:10.0.0.1\n", "ip:fe80::1%eth0", "ip:[::1]", "ip:::g", "ip:1::2::3",
         "ip:web.corp",
         // URIs
         "uri:web.corp", "uri:urn:uuid:1", "uri:://x", "uri:1http://x", "uri:a@b://c", "uri:http://",
         "uri:file:///etc/passwd", "uri:https://?q", "uri:https://a b", "uri:https://a\nb", "uri:https://a\0b"sv,
         "uri:https://a/\"", "uri:https://a/<b>", "uri:https://a\\b", "uri:https://a/%", "uri:https://a/%2",
         "uri:https://a/%zz", "uri:https://m\xc3\xbcnchen/",
         // mail addresses
         "email:a", "email:@b", "email:a@", "email:a@b@c", "email:.a@b", "email:a.@b", "email:a..b@c", "email:a b@c",
         "email:\"a\"@b", "email:a@b_c", "email:a@B.corp", "email:a\0@b"sv, "email:a\r\n@b", "email:a<b>@c",
         "email:m\xc3\xbcller@b"}));
    INFO(printable(text));
    const auto name = SubjectName::parse(text);
    REQUIRE_FALSE(name);
    CHECK(name.error().code == Code::malformed);
    CHECK(name.error().id == "E-NAME");
    CHECK_FALSE(name.error().why.empty());
    const auto& message = name.error().message;  // foreign bytes are not echoed raw
    CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
}

TEST_CASE("names have the lengths that their definitions allow") {
    CHECK(SubjectName::parse("dns:" + label(63) + ".corp"));
    CHECK_FALSE(SubjectName::parse("dns:" + label(64) + ".corp"));
    std::string labels = "dns:";
    for (int i = 0; i < 3; ++i) labels.append(63, 'a').append(".");
    CHECK(SubjectName::parse(labels + label(61)));
    CHECK_FALSE(SubjectName::parse(labels + label(62)));
    CHECK(SubjectName::parse("uri:spiffe://corp/" + label(2048 - 14)));
    CHECK_FALSE(SubjectName::parse("uri:spiffe://corp/" + label(2048 - 13)));
    CHECK(SubjectName::parse("email:" + label(64) + "@corp"));
    CHECK_FALSE(SubjectName::parse("email:" + label(65) + "@corp"));
}

TEST_CASE("in a request, each name is understood or the request fails") {
    const auto [tag, contents] = GENERATE(table<int, std::string_view>(
        {{0x82, ""},
         {0x82, "a\0.corp"sv},
         {0x82, "a\n"},
         {0x82, "m\xfcnchen"},
         {0x82, "Web.corp"},
         {0x82, "a_b"},
         {0x82, "*"},
         {0x81, ""},
         {0x81, "a"},
         {0x86, ""},
         {0x86, "urn:uuid:1"},
         {0x87, ""},
         {0x87, "\x0a\0\0"sv},
         {0x87, "\x0a\0\0\x01\xff\0\0\0"sv},  // address and mask, as name constraints write it
         {0x88, "\x2a\x03"},                  // registeredID
         {0xa0, "\x06\x02\x2a\x03\xa0\x03\x0c\x01x"},
         {0xa4, "\x30\0"sv},
         {0x0c, "web.corp"},  // not a GeneralName at all
         {0x89, "web.corp"},
         {0xa2, "web.corp"}}));
    INFO(tag << " " << printable(contents));
    const Bytes value = general_name(static_cast<std::uint8_t>(tag), contents);
    CHECK_FALSE(detail::parse_general_names(value, detail::OtherNames::refuse));
}

TEST_CASE("in a certificate of others, names that we cannot express are left out, and traps still fail") {
    const auto [tag, contents, expected] =
        GENERATE(table<int, std::string_view, std::string>({{0x82, "Web.CORP", "dns:web.corp"},
                                                            {0x82, "a_b.corp", "skipped"},
                                                            {0x82, "*", "skipped"},
                                                            {0x86, "urn:uuid:1", "skipped"},
                                                            {0x88, "\x2a\x03", "skipped"},
                                                            {0xa0, "\x06\x02\x2a\x03\xa0\x03\x0c\x01x", "skipped"},
                                                            {0xa4, "\x30\0"sv, "skipped"},
                                                            {0x82, "", "fails"},
                                                            {0x82, "a\0.corp"sv, "fails"},
                                                            {0x82, "a\n", "fails"},
                                                            {0x82, "m\xfcnchen", "fails"},
                                                            {0x81, "a@b\0c"sv, "fails"},
                                                            {0x86, "https://a\x7f", "fails"},
                                                            {0x87, "\x0a\0\0"sv, "fails"},
                                                            {0x0c, "web.corp", "fails"}}));
    INFO(tag << " " << printable(contents));
    const Bytes value = general_name(static_cast<std::uint8_t>(tag), contents);
    const auto names = detail::parse_general_names(value, detail::OtherNames::skip);
    CHECK((!names ? "fails" : names->empty() ? "skipped" : names->front().tagged()) == expected);
}

TEST_CASE("a list of no names is refused") {
    for (const auto others : {detail::OtherNames::refuse, detail::OtherNames::skip}) {
        CHECK_FALSE(detail::parse_general_names(der::sequence({}), others));
        CHECK_FALSE(detail::parse_general_names({}, others));
        CHECK_FALSE(detail::parse_general_names(
            der::concat({general_name(0x82, "a.corp"), der::integer(std::uint64_t{1})}), others));
    }
}

TEST_CASE("the encoder takes only names as the parser makes them") {
    CHECK(detail::check_names({{Type::dns, "web.corp"}, {Type::ip, "2001:db8::1"}}));
    const auto [type, text] = GENERATE(table<Type, std::string>({{Type::dns, "Web.corp"},
                                                                 {Type::dns, ""},
                                                                 {Type::dns, std::string("a\0b", 3)},
                                                                 {Type::ip, "2001:DB8::1"},
                                                                 {Type::ip, "nonsense"},
                                                                 {Type::ip, ""},
                                                                 {Type::uri, "x"},
                                                                 {Type::email, "x"}}));
    INFO(printable(text));
    CHECK_FALSE(detail::check_names({{Type::dns, "good.corp"}, {type, text}}));
}

TEST_CASE("more names than fit a certificate are refused") {
    CHECK_FALSE(detail::check_names(std::vector<SubjectName>(4000, {Type::dns, "web.corp"})));
}
