#include "mayfly/names.h"

#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("a role name is a word") {
    CHECK(RoleName::parse("prod-db.read_1"));
    const auto* text = GENERATE("", "ROOT", "root", "root ", "all", "-a", ".a", "a b", "a,b", "a@b", "a\nb", "a\tb",
                                "rol\xc3\xa9", "a\"b", "a/b", "x{{y}}");
    CHECK_FALSE(RoleName::parse(text));
    CHECK_FALSE(RoleName::parse(std::string(64, 'a')));
    CHECK_FALSE(RoleName::parse(std::string_view("a\0b", 3)));
}

TEST_CASE("a host name keeps to RFC 1123") {
    CHECK(HostName::parse("db-7.corp.example"));
    CHECK(HostName::parse("localhost"));
    const auto* text =
        GENERATE("", ".", "a.", ".a", "a..b", "-a", "a-", "a-.b", "*.corp", "A", "a_b", "a b", "a\x1b[1m");
    CHECK_FALSE(HostName::parse(text));
    CHECK_FALSE(HostName::parse(std::string(64, 'a')));
}

TEST_CASE("an account name is one that useradd would make") {
    CHECK(AccountName::parse("_apt"));
    CHECK_FALSE(AccountName::parse("1abc"));
    CHECK_FALSE(AccountName::parse("a/b"));
    CHECK_FALSE(AccountName::parse("../root"));
    CHECK_FALSE(AccountName::parse(std::string(33, 'a')));
}

TEST_CASE("an identity is kind and name") {
    const auto alice = IdentityName::parse("human/alice");
    REQUIRE(alice);
    CHECK(alice->kind() == Kind::human);
    CHECK(alice->text() == "human/alice");
    CHECK(spiffe_id(*TrustDomain::parse("corp.example"), *alice) == "spiffe://corp.example/human/alice");
    CHECK_FALSE(IdentityName::parse("alice"));
    CHECK_FALSE(IdentityName::parse("robot/alice"));
    CHECK_FALSE(IdentityName::parse("human/a/b"));
    CHECK_FALSE(IdentityName::parse("human/"));
}

TEST_CASE("a principal is a role, or a role at a node") {
    CHECK(Principal::parse("ops@db-7")->node()->text() == "db-7");
    CHECK_FALSE(Principal::parse("ops")->node());
    const auto* text = GENERATE("deploy,root", "command=\"sh\" root", "ops@", "@db", "ops@a@b", "*", "ops #x");
    CHECK_FALSE(Principal::parse(text));
}

TEST_CASE("foreign text cannot forge a line or move a cursor") {
    CHECK(printable("a\nb\x1b[1m\"\\\xe2\x80\xae") == "a\\x0ab\\x1b[1m\\x22\\x5c\\xe2\\x80\\xae");
}
