#include "mayfly/terminal.h"

#include "tests/catch.h"

using mayfly::for_terminal;

TEST_CASE("text in any script reaches the terminal as it is") {
    const std::string text = GENERATE("", "plain, with \"quotes\" and \\", "✓ Grüße, 日本語, 🔑", "a\u00a0b");
    CHECK(for_terminal(text) == text);
}

TEST_CASE("what acts on a terminal is shown instead of obeyed") {
    const auto [text, shown] = GENERATE(table<std::string, std::string>({
        {"\x1b[2J", "\\x1b[2J"},                              // clear the screen
        {"\x1b]0;title\a", "\\x1b]0;title\\x07"},             // rename the window
        {"\xc2\x9b\x32J", "\\xc2\\x9b2J"},                    // CSI as one C1 character
        {"ok\n  fix: curl evil", "ok\\x0a  fix: curl evil"},  // a line of its own
        {"hidden\r", "hidden\\x0d"},
        {"\x7f\b\t", "\\x7f\\x08\\x09"},
        {"user\u202etxt", "user\\xe2\\x80\\xaetxt"},  // right-to-left override
        {"ad\u200bmin", "ad\\xe2\\x80\\x8bmin"},      // zero-width space
        {"\u2028", "\\xe2\\x80\\xa8"},
        {"\U000e0041", "\\xf3\\xa0\\x81\\x81"},  // a tag character
    }));
    CHECK(for_terminal(text) == shown);
}

TEST_CASE("bytes that are not UTF-8 are shown one by one") {
    const auto [text, shown] = GENERATE(table<std::string, std::string>({
        {"\x9b", "\\x9b"},                             // C1 of an 8-bit terminal
        {"\xc3", "\\xc3"},                             // ends early
        {"\xc3(", "\\xc3("},                           // no continuation
        {"\xc0\x80", "\\xc0\\x80"},                    // overlong
        {"\xe0\x80\x80", "\\xe0\\x80\\x80"},           // overlong
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // a surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // above U+10FFFF
        {"\xff", "\\xff"},
    }));
    CHECK(for_terminal(text) == shown);
    CHECK(for_terminal(std::string_view("a\0b", 3)) == "a\\x00b");
}
