// A webhook and a mail, as the other side sees them; and the threads that carry them.
#include <algorithm>
#include <condition_variable>

#include "ca/notify/notifier.h"
#include "ca/notify/signature.h"
#include "lib/files/files.h"
#include "tests/ca/notify/tiny_server.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using fakes::Connection;
using fakes::HttpInbox;
using fakes::TinyServer;
using Verdict = notify::Delivery::Verdict;

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::atomic<bool> kGo{false};

std::string header_of(const std::string& request, const std::string& name) {
    const auto at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 4;
    return request.substr(start, request.find("\r\n", start) - start);
}

notify::EgressOptions loopback() {
    notify::EgressOptions out;
    out.reach = {true, true};
    return out;
}

notify::Letter letter(const std::string& type = "owner.created", const std::string& subject = "bob") {
    return *notify::read_letter(
        7, log::encode_event({type, Instant(fakes::kNow), "human/alice", "bob", subject, {{"role", "ops"}}}));
}

/// A mail server that says hello, takes what comes, and answers RCPT as it is told.
struct SmtpInbox {
    std::mutex mutex;
    std::vector<std::string> commands, messages;
    std::string rcpt = "250 ok", data = "250 taken", hello = "250 test";
    void serve(Connection& c) {
        c.write("220 test\r\n");
        for (;;) {
            const std::string line = c.until("\r\n");
            if (line.empty()) return;
            const std::lock_guard lock(mutex);
            commands.push_back(line.substr(0, line.size() - 2));
            if (line.starts_with("EHLO"))
                c.write(hello + "\r\n");
            else if (line.starts_with("RCPT"))
                c.write(rcpt + "\r\n");
            else if (line.starts_with("DATA")) {
                c.write("354 go on\r\n");
                messages.push_back(c.until("\r\n.\r\n"));
                c.write(data + "\r\n");
            } else if (line.starts_with("QUIT")) {
                c.write("221 bye\r\n");
                return;
            } else
                c.write("250 ok\r\n");
        }
    }
};

notify::Directory people() {
    notify::Directory out;
    out.find = [](const OwnerName& name) -> Result<std::optional<store::Addressee>> {
        if (name.text() == "nobody") return std::optional<store::Addressee>();
        store::Addressee found{name, name.text() + "@corp.example", {}, policy::State::active};
        if (name.text() == "gone") found.state = policy::State::suspended, found.backup = *OwnerName::parse("carol");
        if (name.text() == "evil") found.email = "x@y>\r\nRCPT TO:<eve@evil.example";
        return std::optional(found);
    };
    out.members = [](const std::string& group) {
        return group == "security" ? std::vector{*OwnerName::parse("sec")} : std::vector<OwnerName>();
    };
    out.role_owners = [](const std::string& role) {
        return role == "ops" ? std::vector{*OwnerName::parse("alice")} : std::vector<OwnerName>();
    };
    return out;
}

notify::Mail mail_to(const std::string& port) {
    notify::Mail mail;
    mail.server = "smtp://127.0.0.1:" + port;
    mail.from = "mayfly@corp.example";
    mail.events = {"*"};
    mail.security = {*policy::Party::parse("group:security"), *policy::Party::parse("person:dave")};
    mail.reach = {true, true};
    return mail;
}

}  // namespace

TEST_CASE("a webhook is signed over exactly the bytes that arrive, and has the same id each time") {
    const TempDir dir;
    REQUIRE(files::write(dir.path("secret"), view(kSecret), 0600));
    HttpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    notify::Webhook hook{"desk", "http://127.0.0.1:" + server.port() + "/hook", dir.path("secret"), {"*"}, {}};
    const auto carrier = notify::webhook_carrier(hook, "corp.example/log", notify::Egress(loopback(), kGo));
    for (const std::int64_t at : {fakes::kNow, fakes::kNow + 60}) {
        const auto delivery = carrier->carry(letter(), "desk", Instant(at));
        INFO(delivery.trouble);
        REQUIRE(delivery.verdict == Verdict::taken);
    }
    const auto seen = inbox.seen();
    REQUIRE(seen.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(seen[i].starts_with("POST /hook HTTP/1.1\r\n"));
        CHECK(header_of(seen[i], "Content-Type") == "application/json");
        CHECK(header_of(seen[i], "webhook-id") == letter().id);
        const Instant at(std::stoll(header_of(seen[i], "webhook-timestamp")));
        CHECK(at == Instant(fakes::kNow + 60 * static_cast<std::int64_t>(i)));
        const std::string body = seen[i].substr(seen[i].find("\r\n\r\n") + 4);
        CHECK(body == notify::webhook_body(letter(), "corp.example/log"));
        CHECK(header_of(seen[i], "webhook-signature") ==
              notify::signature_header(*notify::parse_secrets(kSecret), letter().id, at, body));
    }
}

TEST_CASE("only a 2xx is a yes; a no is told from a not now") {
    const TempDir dir;
    REQUIRE(files::write(dir.path("secret"), view(kSecret), 0600));
    HttpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    notify::Webhook hook{"desk", "http://127.0.0.1:" + server.port() + "/", dir.path("secret"), {"*"}, {}};
    const auto carrier = notify::webhook_carrier(hook, "corp.example/log", notify::Egress(loopback(), kGo));
    for (const auto& [status, verdict] : std::vector<std::pair<int, Verdict>>{{200, Verdict::taken},
                                                                              {202, Verdict::taken},
                                                                              {302, Verdict::later},
                                                                              {400, Verdict::refused},
                                                                              {401, Verdict::refused},
                                                                              {408, Verdict::later},
                                                                              {410, Verdict::refused},
                                                                              {425, Verdict::later},
                                                                              {429, Verdict::later},
                                                                              {500, Verdict::later},
                                                                              {503, Verdict::later}}) {
        INFO(status);
        inbox.answer("HTTP/1.1 " + std::to_string(status) +
                     " whatever\r\nRetry-After: 77\r\nContent-Length: 4\r\nConnection: close\r\n\r\nleak");
        const auto delivery = carrier->carry(letter(), "desk", Instant(fakes::kNow));
        CHECK(delivery.verdict == verdict);
        if (verdict == Verdict::taken) continue;
        CHECK_THAT(delivery.trouble, Contains(std::to_string(status)));
        CHECK(delivery.trouble.find("leak") == std::string::npos);
        CHECK(delivery.trouble.find("whatever") == std::string::npos);
        CHECK(delivery.retry_after == 77);
    }
}

TEST_CASE("a secret is replaced without a restart, and a lost one is trouble, not an unsigned message") {
    const TempDir dir;
    REQUIRE(files::write(dir.path("secret"), view(kSecret), 0600));
    HttpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    notify::Webhook hook{"desk", "http://127.0.0.1:" + server.port() + "/", dir.path("secret"), {"*"}, {}};
    const auto carrier = notify::webhook_carrier(hook, "corp.example/log", notify::Egress(loopback(), kGo));
    CHECK(carrier->carry(letter(), "desk", Instant(fakes::kNow)).verdict == Verdict::taken);
    const std::string two = "whsec_" + wire::base64(Bytes(32, 9)) + "\n" + kSecret + "\n";
    REQUIRE(files::write(dir.path("secret"), view(two), 0600));
    CHECK(carrier->carry(letter(), "desk", Instant(fakes::kNow)).verdict == Verdict::taken);
    CHECK(header_of(inbox.seen().back(), "webhook-signature")
              .ends_with(header_of(inbox.seen().front(), "webhook-signature")));
    std::filesystem::remove(dir.path("secret"));
    CHECK(carrier->carry(letter(), "desk", Instant(fakes::kNow)).verdict == Verdict::later);
    CHECK(server.connections() == 2);
}

TEST_CASE("a target is not told of its own trouble") {
    notify::Webhook hook{"desk", "https://desk.example/", "none", {"*"}, {}};
    const auto carrier = notify::webhook_carrier(hook, "corp.example/log", notify::Egress(loopback(), kGo));
    CHECK(carrier->recipients(letter("notify.dead", "target/desk"))->empty());
    CHECK(carrier->recipients(letter("notify.dead", "target/other"))->size() == 1);
    CHECK(carrier->recipients(letter())->size() == 1);
}

TEST_CASE("a mail reaches a server as one message to one person") {
    SmtpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    const auto carrier =
        notify::mail_carrier(mail_to(server.port()), "corp.example/log", people(), notify::Egress(loopback(), kGo));
    const auto delivery = carrier->carry(letter(), "bob@corp.example", Instant(fakes::kNow));
    INFO(delivery.trouble);
    REQUIRE(delivery.verdict == Verdict::taken);
    const std::lock_guard lock(inbox.mutex);
    CHECK(std::count(inbox.commands.begin(), inbox.commands.end(), "MAIL FROM:<mayfly@corp.example>") == 1);
    CHECK(std::count(inbox.commands.begin(), inbox.commands.end(), "RCPT TO:<bob@corp.example>") == 1);
    REQUIRE(inbox.messages.size() == 1);
    CHECK(inbox.messages.front() == notify::mail_message(letter(), "corp.example/log", "mayfly@corp.example",
                                                         "bob@corp.example", Instant(fakes::kNow)) +
                                        ".\r\n");
}

TEST_CASE("a server's no to a recipient is a no; its trouble is a not now; neither is quoted") {
    SmtpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    const auto carrier =
        notify::mail_carrier(mail_to(server.port()), "corp.example/log", people(), notify::Egress(loopback(), kGo));
    for (const auto& [rcpt, data, verdict] :
         std::vector<std::tuple<std::string, std::string, Verdict>>{{"550 leak", "250 ok", Verdict::refused},
                                                                    {"451 leak", "250 ok", Verdict::later},
                                                                    {"250 ok", "554 leak", Verdict::refused},
                                                                    {"250 ok", "452 leak", Verdict::later}}) {
        INFO(rcpt << " / " << data);
        {
            const std::lock_guard lock(inbox.mutex);
            inbox.rcpt = rcpt, inbox.data = data;
        }
        const auto delivery = carrier->carry(letter(), "bob@corp.example", Instant(fakes::kNow));
        CHECK(delivery.verdict == verdict);
        CHECK(delivery.trouble.find("leak") == std::string::npos);
    }
}

TEST_CASE("without STARTTLS nothing is mailed, unless the server is this machine and its line says so") {
    SmtpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    auto options = loopback();
    options.reach = {true, false};
    auto mail = mail_to(server.port());
    mail.reach = options.reach;
    const auto carrier =
        notify::mail_carrier(mail, "corp.example/log", people(), notify::Egress(std::move(options), kGo));
    const auto delivery = carrier->carry(letter(), "bob@corp.example", Instant(fakes::kNow));
    CHECK(delivery.verdict == Verdict::later);
    const std::lock_guard lock(inbox.mutex);
    for (const auto& command : inbox.commands) CHECK_FALSE(command.starts_with("MAIL"));
}

TEST_CASE("who is written to follows from the event: its owner, the role's owners, security") {
    const auto carrier =
        notify::mail_carrier(mail_to("1"), "corp.example/log", people(), notify::Egress(loopback(), kGo));
    const auto to = [&](const std::string& type, const std::string& owner) {
        return *carrier->recipients(*notify::read_letter(
            7, log::encode_event({type, Instant(fakes::kNow), "human/alice", owner, "x", {{"role", "ops"}}})));
    };
    using List = std::vector<std::string>;
    CHECK(to("grant.created", "bob") == List{"bob@corp.example", "alice@corp.example"});
    CHECK(to("grant.created", "alice") == List{"alice@corp.example"});
    CHECK(to("breakglass.opened", "bob") ==
          List{"bob@corp.example", "alice@corp.example", "sec@corp.example", "dave@corp.example"});
    CHECK(to("policy.applied", "") == List{"sec@corp.example", "dave@corp.example"});
    CHECK(to("request.approved", "bob") == List{"bob@corp.example"});
    CHECK(to("request.word", "bob").empty());
    const log::Event asking{
        "request.opened", Instant(fakes::kNow),
        "human/bob",      "bob",
        "human/bob",      {{"role", "ops"}, {"asked", wire::Json::Array{"carol", "alice", 7, "carol", "B D"}}}};
    CHECK(*carrier->recipients(*notify::read_letter(8, log::encode_event(asking))) ==
          List{"bob@corp.example", "carol@corp.example", "alice@corp.example"});
    CHECK(to("certificate.issued", "bob").empty());
    CHECK(to("request.refused", "bob").empty());
    CHECK(to("identity.created", "gone") == List{"carol@corp.example"});
    CHECK(to("identity.created", "nobody").empty());
    CHECK(to("identity.created", "evil").empty());
}

TEST_CASE("the threads tell what happens, a receiver that hangs delays no other, and the end does not wait for it") {
    fakes::Authority ca;
    REQUIRE(files::write(ca.dir.path("secret"), view(kSecret), 0600));
    HttpInbox inbox;
    std::mutex mutex;
    std::condition_variable changed;
    int told = 0;
    bool hanging = false;
    TinyServer good([&](Connection& c) {
        inbox.serve(c);
        const std::lock_guard lock(mutex);
        ++told, changed.notify_all();
    });
    TinyServer hung([&](Connection& c) {
        (void)c.until("\r\n\r\n");
        {
            const std::lock_guard lock(mutex);
            hanging = true, changed.notify_all();
        }
        (void)c.until("never");
    });
    notify::Config config;
    for (const auto& [name, server] : {std::pair{"hung", &hung}, std::pair{"good", &good}})
        config.webhooks.push_back({name,
                                   "http://127.0.0.1:" + server->port() + "/",
                                   ca.dir.path("secret"),
                                   {"owner.*"},
                                   {},
                                   {true, true},
                                   {}});
    auto notifier = notify::Notifier::start(config, "corp.example/log", *ca.store, ca.clock, ca.rng, people(),
                                            [](auto, const auto&, const auto&) {});
    INFO((notifier ? "" : notifier.error().message));
    REQUIRE(notifier);
    for (const char* name : {"bob", "carol", "dave"})
        REQUIRE(ca.store->create_owner({*OwnerName::parse(name), "", "", {}, {}, policy::State::active}, ca.alice,
                                       ca.now(), store::Effect::apply));
    {
        std::unique_lock lock(mutex);
        CHECK(changed.wait_for(lock, std::chrono::seconds(60), [&] { return told == 3 && hanging; }));
    }
    notifier->reset();
    CHECK(ca.store->load_cursor("good")->next > ca.store->load_cursor("hung")->next);
}

TEST_CASE("a secret that cannot be read stops the start, not the first message") {
    fakes::Authority ca;
    notify::Config config;
    config.webhooks.push_back({"desk", "https://desk.example/", ca.dir.path("none"), {"*"}, {}, {}, {}});
    const auto notifier = notify::Notifier::start(config, "corp.example/log", *ca.store, ca.clock, ca.rng, people(),
                                                  [](auto, const auto&, const auto&) {});
    REQUIRE_FALSE(notifier);
    CHECK_THAT(notifier.error().message, Contains("desk"));
}
