#include "mayfly/time.h"

#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("an instant reads and writes RFC 3339") {
    const auto [text, seconds] = GENERATE(table<const char*, std::int64_t>({{"1970-01-01T00:00:00Z", 0},
                                                                            {"2000-02-29T12:00:00Z", 951825600},
                                                                            {"2026-11-21T04:26:02Z", 1795235162},
                                                                            {"2049-12-31T23:59:59Z", 2524607999},
                                                                            {"1969-12-31T23:59:59Z", -1}}));
    const auto instant = Instant::parse(text);
    REQUIRE(instant);
    CHECK(instant->seconds() == seconds);
    CHECK(instant->text() == text);
}

TEST_CASE("an offset is converted") {
    CHECK(Instant::parse("2026-11-21T06:26:02+02:00")->text() == "2026-11-21T04:26:02Z");
}

TEST_CASE("what is not RFC 3339 is refused") {
    const auto* text = GENERATE("", "2026", "2026-11-21", "2026-11-21 04:26:02Z", "2026-13-01T00:00:00Z",
                                "2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T04:26:02",
                                "2026-11-21T04:26:02Zx", "2026-11-21T04:26:02+2:00", "\xff");
    CHECK_FALSE(Instant::parse(text));
}

TEST_CASE("a lifetime reads units, largest first") {
    const auto [text, seconds] = GENERATE(table<const char*, std::int64_t>(
        {{"45m", 2700}, {"8h", 28800}, {"30d", 2592000}, {"90s", 90}, {"1h30m", 5400}, {"1d1h1m1s", 90061}}));
    REQUIRE(Lifetime::parse(text));
    CHECK(Lifetime::parse(text)->seconds() == seconds);
    CHECK(Lifetime::parse(Lifetime::parse(text)->text())->seconds() == seconds);
}

TEST_CASE("a lifetime without unit, sign or bound is refused") {
    const auto* text =
        GENERATE("", "0s", "-1h", "1", "1h\n", "30m1h", "1h1h", "99999999999999999999d", "1e18s", "4000d", "h", "1 h");
    CHECK_FALSE(Lifetime::parse(text));
}

TEST_CASE("a validity contains its start and not its end") {
    const auto validity = Validity::starting(Instant(100), *Lifetime::of_seconds(10));
    CHECK(validity.contains(Instant(100)));
    CHECK(validity.contains(Instant(109)));
    CHECK_FALSE(validity.contains(Instant(110)));
    CHECK_FALSE(validity.contains(Instant(99)));
    CHECK_FALSE(Validity::between(Instant(5), Instant(5)));
}
