#include "lib/wire/name_constraints.h"

#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;
using wire::NameConstraints;
using wire::Subtree;

namespace {

NameConstraints constraints(const std::vector<const char*>& permitted, const std::vector<const char*>& excluded) {
    NameConstraints out;
    for (const auto* text : permitted) out.permitted.push_back(*Subtree::parse(text));
    for (const auto* text : excluded) out.excluded.push_back(*Subtree::parse(text));
    return out;
}

bool within(const NameConstraints& names, const std::string& name) {
    return wire::outside(names, *wire::SubjectName::parse(name)).empty();
}

}  // namespace

TEST_CASE("a name below a permitted domain is within, one beside it is not") {
    const auto names =
        constraints({"dns:corp.example", "ip:10.0.0.0/8"}, {"dns:secret.corp.example", "ip:10.9.0.0/16"});
    const auto [name, good] = GENERATE(table<const char*, bool>({{"dns:corp.example", true},
                                                                 {"dns:a.corp.example", true},
                                                                 {"dns:a.b.corp.example", true},
                                                                 {"dns:evilcorp.example", false},
                                                                 {"dns:corp.example.evil", false},
                                                                 {"dns:example", false},
                                                                 {"dns:secret.corp.example", false},
                                                                 {"dns:a.secret.corp.example", false},
                                                                 {"dns:notsecret.corp.example", true},
                                                                 {"dns:*.a.corp.example", true},
                                                                 {"dns:*.corp.example", false},  // could be secret's
                                                                 {"dns:*.evil.example", false},
                                                                 {"ip:10.1.2.3", true},
                                                                 {"ip:10.9.2.3", false},
                                                                 {"ip:11.0.0.0", false},
                                                                 {"ip:2001:db8::1", false},  // addresses are restricted
                                                                 {"uri:spiffe://other/x", true},  // URIs are not
                                                                 {"email:a@evil.example", true}}));
    INFO(name);
    CHECK(within(names, name) == good);
}

TEST_CASE("exclusions alone leave everything else") {
    const auto names = constraints({}, {"dns:evil.example", "ip:0.0.0.0/0"});
    CHECK(within(names, "dns:a.corp.example"));
    CHECK_FALSE(within(names, "dns:a.evil.example"));
    CHECK_FALSE(within(names, "ip:192.0.2.1"));
    CHECK(within({}, "ip:192.0.2.1"));
}

TEST_CASE("constraints are read back as they were written") {
    const auto names = constraints({"dns:corp.example", "ip:10.0.0.0/8", "ip:2001:db8::/33"}, {"ip:0.0.0.0/0"});
    const auto der = wire::detail::encode_name_constraints(names);
    REQUIRE(der);
    const auto read = wire::detail::parse_name_constraints(*der);
    REQUIRE(read);
    CHECK(*read == names);
}

TEST_CASE("a text that is no constraint is refused") {
    const auto* text =
        GENERATE("", "corp.example", "dns:", "dns:*.corp.example", "dns:.corp.example", "dns:CORP.example",
                 "ip:10.0.0.1", "ip:10.0.0.1/8", "ip:10.0.0.0/33", "ip:10.0.0.0/08", "ip:10/8", "ip:10.0.0.0/-1",
                 "ip:10.0.0.0/", "ip:2001:db8::1/32", "uri:spiffe://x", "email:x");
    INFO(text);
    CHECK_FALSE(Subtree::parse(text));
}

TEST_CASE("what cannot be written is not") {
    CHECK_FALSE(wire::detail::encode_name_constraints({}));
    NameConstraints odd;
    odd.permitted = {{wire::SubjectName::Type::dns, "Upper.Case"}};
    CHECK_FALSE(wire::detail::encode_name_constraints(odd));
    odd.permitted.assign(65, *Subtree::parse("dns:corp.example"));
    CHECK_FALSE(wire::detail::encode_name_constraints(odd));
}

TEST_CASE("damaged constraints are refused, and foreign forms are named") {
    const auto parse = [](const char* hex) { return wire::detail::parse_name_constraints(*wire::parse_hex(hex)); };
    CHECK_FALSE(parse("3000"));                                  // nothing
    CHECK_FALSE(parse("3002a000"));                              // an empty list
    CHECK_FALSE(parse("3009a0073005820361626380"));              // shorter than it says
    CHECK_FALSE(parse("300aa0083006870400000000"));              // half an address
    CHECK_FALSE(parse("300ea00c300a87080a000000ff00ff00"));      // a mask with a hole
    CHECK_FALSE(parse("300ea00c300a87080a000001ff000000"));      // host bits
    CHECK_FALSE(parse("3010a00e300c8207636f72702e6578800100"));  // a minimum
    const auto dotted = parse(
        "300ba00930078205"
        "2e636f7270");
    REQUIRE(dotted);
    CHECK(dotted->others == std::vector<std::string>{"dns:.corp"});
    const auto uri = parse(
        "300ba00930078605"
        "2e636f7270");
    REQUIRE(uri);
    CHECK(uri->others == std::vector<std::string>{"uri:.corp"});
}
