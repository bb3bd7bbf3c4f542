#include "lib/wire/cbor.h"

#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {
Bytes bytes(const std::string& hex) { return *wire::parse_hex(hex); }
}  // namespace

TEST_CASE("integers of RFC 8949 appendix A") {
    const auto [hex, value] = GENERATE(table<const char*, std::int64_t>({{"00", 0},
                                                                         {"01", 1},
                                                                         {"17", 23},
                                                                         {"1818", 24},
                                                                         {"1903e8", 1000},
                                                                         {"1a000f4240", 1000000},
                                                                         {"20", -1},
                                                                         {"3863", -100},
                                                                         {"3903e7", -1000}}));
    const Bytes input = bytes(hex);
    wire::cbor::Reader in(input);
    CHECK(in.integer("test") == value);
    CHECK(in.finish("test"));
}

TEST_CASE("any item is passed over when it is in canonical form") {
    const auto* hex =
        GENERATE("00", "20", "40", "4401020304", "60", "6449455446", "80", "83010203", "8301820203820405", "a0",
                 "a201020304", "a26161016162820203", "f4", "f5", "f6", "a16b686d61632d736563726574f5");
    INFO(hex);
    const Bytes input = bytes(hex);
    wire::cbor::Reader in(input);
    CHECK(in.skip("test"));
    CHECK(in.finish("test"));
}

TEST_CASE("what is not canonical, too deep, too long or cut off is refused") {
    const auto* hex = GENERATE("", "1800", "1817", "190018", "1a00000018", "1b0000000000000018", "5f", "7f", "9f", "bf",
                               "ff", "c000", "f90000", "fa00000000", "f800", "e0", "4501020304", "a101", "8181818100",
                               "9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "1c");
    INFO(hex);
    const auto input = wire::parse_hex(hex);
    if (!input) return;
    wire::cbor::Reader in(*input);
    CHECK_FALSE(in.skip("test"));
}
