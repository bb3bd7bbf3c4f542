#include "lib/wire/http_date.h"

#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("a date of HTTP reads as RFC 9110 says") {
    CHECK(wire::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == Instant(784111777));  // RFC 9110 section 5.6.7
    CHECK(wire::http_date(Instant(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(wire::http_date(Instant(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(wire::http_date(Instant(951782400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST_CASE("what is no date of HTTP is refused") {
    const std::string text = GENERATE(values<std::string>(
        {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
         "Sun, 06 Nev 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
         "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 08:49:3\n GMT"}));
    INFO(text);
    CHECK_FALSE(wire::parse_http_date(text));
}
