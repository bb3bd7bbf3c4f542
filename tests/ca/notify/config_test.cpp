// [[webhook]] and [mail] in ca.toml.
#include "ca/notify/config.h"

#include "tests/catch.h"

using namespace mayfly;

namespace {
Result<notify::Config> parse(const std::string& text) { return notify::parse_config(text, "ca.toml", "/etc/mayfly"); }

const std::string kHook = R"(
[[webhook]]
name = "desk"
url = "https://desk.example/hooks"
secret_file = "desk.secret"
events = ["request.*", "grant.created"]
)";
const std::string kMail = R"(
[mail]
server = "smtp://mail.example:587"
from = "mayfly@corp.example"
events = ["*"]
)";
}  // namespace

TEST_CASE("targets are read with their defaults, and paths are relative to the CA's folder") {
    const auto config =
        parse(kHook + kMail + "security = [\"person:alice\"]\nuser = \"ca\"\npassword_file = \"/run/pw\"\n");
    INFO((config ? "" : config.error().message));
    REQUIRE(config);
    REQUIRE(config->webhooks.size() == 1);
    const auto& hook = config->webhooks.front();
    CHECK(hook.name == "desk");
    CHECK(hook.secret_file == "/etc/mayfly/desk.secret");
    CHECK_FALSE(hook.reach.private_networks);
    CHECK_FALSE(hook.reach.plain_text);
    CHECK(hook.patience.deadline.text() == "1d");
    REQUIRE(config->mail);
    CHECK(config->mail->password_file == "/run/pw");
    CHECK(config->mail->security.front().name() == "alice");
    CHECK(parse("trust_domain = \"x\"\n")->empty());
}

TEST_CASE("what cannot be meant is refused with its line") {
    const auto [text, word] = GENERATE(table<std::string, std::string>({
        {kHook + "colour = \"red\"\n", "unknown key \"colour\""},
        {kHook + "allow_privat = true\n", "did you mean \"allow_private\""},
        {kHook + kHook, "there twice"},
        {"[[webhook]]\nname = \"mail\"\n", "not \"mail\""},
        {"[[webhook]]\nname = \"De sk\"\n", "a-z"},
        {"[[webhook]]\nname = \"a\"\nurl = \"https://x.example/\"\nevents = [\"*\"]\n", "secret_file is missing"},
        {"[[webhook]]\nname = \"a\"\nurl = \"http://x.example/\"\nsecret_file = \"s\"\nevents = [\"*\"]\n", "https://"},
        {"[[webhook]]\nname = \"a\"\nurl = \"https://10.0.0.1/\"\nsecret_file = \"s\"\nevents = [\"*\"]\n",
         "a private network"},
        {"[[webhook]]\nname = \"a\"\nurl = \"https://x.example/\"\nsecret_file = \"s\"\nevents = []\n",
         "told of nothing"},
        {"[[webhook]]\nname = \"a\"\nurl = \"https://x.example/\"\nsecret_file = \"s\"\nevents = [\"re*\"]\n",
         "not a type"},
        {kHook + "first_retry = \"2h\"\n", "longer than longest_retry"},
        {kHook + "deadline = \"soon\"\n", "deadline"},
        {"[webhook]\nname = \"a\"\n", "[[webhook]]"},
        {kMail + kMail, "mail"},
        {kMail + "user = \"x\"\n", "come together"},
        {kMail + "security = [\"alice\"]\n", "security"},
        {kMail + "security = [\"owner\"]\n", "groups and persons"},
        {kMail + "allow_plain = true\nuser = \"x\"\npassword_file = \"y\"\n", "without TLS"},
        {"[mail]\nserver = \"https://mail.example\"\nfrom = \"a@b\"\nevents = [\"*\"]\n", "smtp://"},
        {"[mail]\nserver = \"smtp://mail.example\"\nfrom = \"a@b\\r\\nBcc: c@d\"\nevents = [\"*\"]\n", "plain address"},
    }));
    INFO(text);
    const auto config = parse(text);
    REQUIRE_FALSE(config);
    CHECK(config.error().id == "E-CONFIG");
    CHECK_THAT(config.error().message, Contains(word));
}

TEST_CASE("a pattern names a type, a kind, or everything") {
    CHECK(notify::wanted({"*"}, "request.opened"));
    CHECK(notify::wanted({"request.*"}, "request.opened"));
    CHECK(notify::wanted({"grant.created", "request.opened"}, "request.opened"));
    CHECK_FALSE(notify::wanted({"request.*"}, "requests.opened"));
    CHECK_FALSE(notify::wanted({"request.open"}, "request.opened"));
    CHECK_FALSE(notify::wanted({}, "request.opened"));
}

TEST_CASE("a mail address has nothing in it that could be another one") {
    const auto [text, good] = GENERATE(table<std::string, bool>({{"alice@corp.example", true},
                                                                 {"a.b+c@sub.corp.example", true},
                                                                 {"", false},
                                                                 {"alice", false},
                                                                 {"@corp.example", false},
                                                                 {"alice@", false},
                                                                 {"a@b@c", false},
                                                                 {"a b@c", false},
                                                                 {"a@b,c@d", false},
                                                                 {"a@b>\r\nRCPT TO:<c@d", false},
                                                                 {"<a@b>", false},
                                                                 {"a@b c", false},
                                                                 {"a@-b", false},
                                                                 {"-a@b", false},
                                                                 {"\"a\"@b", false},
                                                                 {"a@[127.0.0.1]", false},
                                                                 {"\xc3\xa4@b", false},
                                                                 {std::string(250, 'a') + "@b.example", false}}));
    INFO(text);
    CHECK(notify::is_mail_address(text) == good);
}
