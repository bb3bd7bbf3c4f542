#include "cli/hand_over.h"

#include <unistd.h>

#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("a private key is never readable by others than owner and group") {
    const auto [text, mode] = GENERATE(
        table<const char*, mode_t>({{"", 0600}, {"0600", 0600}, {"600", 0600}, {"0640", 0640}, {"400", 0400}}));
    const auto read = cli::parse_hand_over(text, "");
    REQUIRE(read);
    CHECK(read->secret_mode == mode);
    CHECK(read->folder_mode() == (mode == 0640 ? 0750U : 0700U));
}

TEST_CASE("a mode that opens a private key, or closes it to its owner, is refused") {
    const auto* text =
        GENERATE("0644", "0604", "0700", "0200", "0000", "4600", "rw-------", "0x180", "64", "-600", "06400");
    const auto refused = cli::parse_hand_over(text, "");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-FILE-MODE");
}

TEST_CASE("an owner is a user, a group or both, by name or number") {
    if (::geteuid() != 0) return;
    CHECK(cli::parse_hand_over("", "root")->owner.user == uid_t{0});
    CHECK_FALSE(cli::parse_hand_over("", "root")->owner.group);
    CHECK(cli::parse_hand_over("", "12:34")->owner.group == gid_t{34});
    CHECK(cli::parse_hand_over("", ":daemon")->owner.group);
    const auto* text = GENERATE(":", "root:", "no such user", "root:no such group", "-1", "99999999999");
    const auto refused = cli::parse_hand_over("", text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-FILE-OWNER");
}

TEST_CASE("who is not root cannot give files away, and learns it before anything is minted") {
    if (::geteuid() != 0) return;
    REQUIRE(::seteuid(65534) == 0);
    const auto other = cli::parse_hand_over("", "root"), self = cli::parse_hand_over("", "65534");
    REQUIRE(::seteuid(0) == 0);
    CHECK(self);
    REQUIRE_FALSE(other);
    CHECK_THAT(other.error().message, Contains("only root"));
}
