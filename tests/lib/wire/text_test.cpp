#include "lib/wire/text.h"

#include "lib/wire/buffer.h"
#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("base64 is RFC 4648's") {
    const auto [plain, coded] = GENERATE(table<const char*, const char*>({{"", ""},
                                                                          {"f", "Zg=="},
                                                                          {"fo", "Zm8="},
                                                                          {"foo", "Zm9v"},
                                                                          {"foob", "Zm9vYg=="},
                                                                          {"fooba", "Zm9vYmE="},
                                                                          {"foobar", "Zm9vYmFy"}}));
    CHECK(wire::base64(view(plain)) == coded);
    CHECK(*wire::parse_base64(coded) == to_bytes(plain));
}

TEST_CASE("one value has one base64 text") {
    const auto* text = GENERATE("Zg", "Zg=", "Zh==", "Zm9=", "Z===", "Zm 9v", "Zm9v\n", "====", "Zm9v=Zm9");
    CHECK_FALSE(wire::parse_base64(text));
}

TEST_CASE("PEM blocks are read strictly and written at 64 columns") {
    const Bytes der(100, 7);
    const auto pem = wire::encode_pem("THING", der);
    CHECK(*wire::parse_one_pem("noise\n" + pem, "THING") == der);
    CHECK_FALSE(wire::parse_one_pem(pem + pem, "THING"));
    CHECK_FALSE(wire::parse_one_pem(pem, "OTHER"));
    CHECK_FALSE(wire::parse_pem("-----BEGIN THING-----\nAAAA\n"));
}

TEST_CASE("SSH numbers must be minimal and lengths must fit") {
    CHECK_FALSE(wire::Reader(Bytes{0, 0, 0, 2, 0, 1}).mpint("n"));
    CHECK_FALSE(wire::Reader(Bytes{0, 0, 0, 1, 0x80}).mpint("n"));
    CHECK_FALSE(wire::Reader(Bytes{0, 0, 0, 1, 0}).mpint("n"));
    CHECK(*wire::Reader(Bytes{0, 0, 0, 2, 0, 0x80}).mpint("n") == Bytes{0x80});
    CHECK_FALSE(wire::Reader(Bytes{0xff, 0xff, 0xff, 0xff, 1}).string("s"));
    CHECK_FALSE(wire::Reader(Bytes{0, 0, 0, 3, 'a', 0, 'b'}).text("t"));
}
