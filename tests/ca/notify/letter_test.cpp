// What leaves in words: everything that the log says, and nothing that it does not.
#include "ca/notify/letter.h"

#include "lib/crypto/crypto.h"
#include "lib/log/merkle.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

log::Event grant() {
    return {"grant.created",
            Instant(1795235162),
            "human/alice",
            "bob",
            "human/bob",
            {{"by", "alice"},
             {"grant", "g-7"},
             {"reason_hash", std::string(64, 'a')},
             {"role", "ops"},
             {"until", "2026-11-22T04:26:02Z"}}};
}

notify::Letter letter_of(const log::Event& event) { return *notify::read_letter(41, log::encode_event(event)); }

}  // namespace

TEST_CASE("a letter's id is made of the entry alone, and finds it in the log") {
    const auto letter = letter_of(grant());
    CHECK(letter.leaf_hash == wire::hex(log::leaf_hash(log::encode_event(grant()))));
    CHECK(letter.id == "msg_41_" + letter.leaf_hash.substr(0, 32));
    CHECK(notify::read_letter(42, log::encode_event(grant()))->id != letter.id);
    CHECK_FALSE(notify::read_letter(0, view("{}")));
}

TEST_CASE("a webhook's body is the event, where it stands, one line for people, and a command") {
    const auto body = wire::parse_json(notify::webhook_body(letter_of(grant()), "corp.example/log"));
    REQUIRE(body);
    const auto& top = *body->object();
    CHECK(top.size() == 3);
    CHECK(*top.at("type").string() == "grant.created");
    CHECK(*top.at("timestamp").string() == "2026-11-21T04:26:02Z");
    const auto& data = *top.at("data").object();
    CHECK(*data.at("index").integer() == 41);
    CHECK(*data.at("log").string() == "corp.example/log");
    CHECK(*data.at("summary").string() == "alice granted ops to human/bob until 2026-11-22T04:26:02Z");
    CHECK(data.at("commands").array()->size() == 1);
    CHECK(data.at("event").canonical() == std::string(text_of(log::encode_event(grant()))));
}

TEST_CASE("an event that nobody has words for is told all the same") {
    auto event = grant();
    event.type = "something.new";
    CHECK(notify::summary(event) == "human/alice: something.new human/bob");
    CHECK(notify::commands(event).empty());
}

TEST_CASE("names in a summary or command cannot be more than names") {
    auto event = grant();
    event.subject = "human/x\r\nBcc: eve@evil.example\x1b[2J";
    event.data["role"] = wire::Json("ops\n; rm -rf /");
    const std::string line = notify::summary(event);
    CHECK(line.find_first_of("\r\n\x1b") == std::string::npos);
    const std::string mail =
        notify::mail_message(letter_of(event), "corp.example/log", "ca@corp.example", "bob@corp.example", event.time);
    CHECK(mail.find("\r\nBcc:") == std::string::npos);
    CHECK(mail.find('\x1b') == std::string::npos);
}

TEST_CASE("a mail is RFC 5322: CRLF, short lines, a date, an id that stays the same") {
    auto event = grant();
    event.data["role"] = wire::Json(std::string(5000, 'r'));
    const auto letter = letter_of(event);
    const std::string mail =
        notify::mail_message(letter, "corp.example/log", "ca@corp.example", "bob@corp.example", event.time);
    CHECK_THAT(mail, Contains("To: <bob@corp.example>\r\n"));
    CHECK_THAT(mail, Contains("Date: Sat, 21 Nov 2026 04:26:02 +0000\r\n"));
    CHECK_THAT(mail, Contains("Message-ID: <" + letter.id + "@corp.example>\r\n"));
    CHECK_THAT(mail, Contains("Auto-Submitted: auto-generated\r\n"));
    std::size_t at = 0;
    while (at < mail.size()) {
        const auto end = mail.find("\r\n", at);
        REQUIRE(end != std::string::npos);
        const std::string line = mail.substr(at, end - at);
        CHECK(line.size() <= 998);
        CHECK(line.find_first_of("\r\n") == std::string::npos);
        at = end + 2;
    }
}

TEST_CASE("what somebody wrote stays behind: only its hash is in the log, and no mail has even that") {
    const std::string mail =
        notify::mail_message(letter_of(grant()), "corp.example/log", "ca@corp.example", "b@corp.example", Instant(0));
    CHECK(mail.find("aaaaaaaa") == std::string::npos);
}
