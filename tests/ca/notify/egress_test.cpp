// What leaves, and where to (threats E06 to E08). Servers stand on loopback addresses; nothing else is connected to.
#include "ca/notify/egress.h"

#include <atomic>

#include "tests/ca/notify/tiny_server.h"
#include "tests/catch.h"

using namespace mayfly;
using fakes::Connection;
using fakes::HttpInbox;
using fakes::TinyServer;

namespace {

const std::atomic<bool> kGo{false};
constexpr notify::Reach kLoopback{true, true};

notify::EgressOptions options(notify::Reach reach = kLoopback) {
    notify::EgressOptions out;
    out.reach = reach;
    return out;
}

notify::Post to(const std::string& url) { return {url, {{"X-Test", "1"}}, "{}"}; }

}  // namespace

TEST_CASE("addresses inside are refused before anything is connected, in every spelling") {
    HttpInbox inbox;
    TinyServer four([&](Connection& c) { inbox.serve(c); });
    const auto host = GENERATE(values<std::string>({"127.0.0.1",
                                                    "127.1",
                                                    "0x7f000001",
                                                    "2130706433",
                                                    "0177.0.0.1",
                                                    "0",
                                                    "0.0.0.0",
                                                    "localhost",
                                                    "[::1]",
                                                    "[::]",
                                                    "[::ffff:127.0.0.1]",
                                                    "[::ffff:7f00:1]",
                                                    "[64:ff9b::7f00:1]",
                                                    "169.254.169.254",
                                                    "[fd00::1]",
                                                    "[fe80::1]",
                                                    "10.0.0.1",
                                                    "192.168.0.1",
                                                    "172.16.0.1",
                                                    "100.64.0.1",
                                                    "224.0.0.1",
                                                    "255.255.255.255"}));
    INFO(host);
    notify::Egress egress(options({false, true}), kGo);
    for (const char* scheme : {"http", "https"}) {
        const auto answer = egress.post(to(std::string(scheme) + "://" + host + ":" + four.port() + "/"));
        REQUIRE_FALSE(answer);
        CHECK(answer.error().id == "E-EGRESS");
    }
    CHECK(four.connections() == 0);
}

TEST_CASE("what is special stays out of reach of a target that may be private") {
    const auto host = GENERATE(values<std::string>({"169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1"}));
    INFO(host);
    notify::Egress egress(options(), kGo);
    const auto answer = egress.post(to("https://" + host + "/"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().id == "E-EGRESS");
}

TEST_CASE("a name whose answer changes is judged by the address that would be connected to") {
    HttpInbox inbox;
    TinyServer inside([&](Connection& c) { inbox.serve(c); });
    // 127.0.0.2 plays the public address, so that nobody else's is touched.
    TinyServer outside([&](Connection& c) { inbox.serve(c); }, "127.0.0.2");
    std::string answer = "outside.test:" + outside.port() + ":127.0.0.2";
    auto opened = options();
    opened.resolve = [&] { return std::vector{answer}; };
    opened.may_connect = [](ByteView address, notify::Transport) -> Status {
        if (notify::text_of_address(address) == "127.0.0.2") return {};
        return notify::may_connect(address, {}, notify::Transport::tls);
    };
    notify::Egress egress(std::move(opened), kGo);
    const std::string url = "http://outside.test:" + outside.port() + "/";
    const auto first = egress.post(to(url));
    INFO((first ? "" : first.error().message));
    REQUIRE(first);
    CHECK(outside.connections() == 1);

    for (const char* rebound : {"127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1"}) {
        INFO(rebound);
        answer = "outside.test:" + outside.port() + ":" + rebound;
        const auto second = egress.post(to(url));
        REQUIRE_FALSE(second);
        CHECK(second.error().id == "E-EGRESS");
    }
    CHECK(inside.connections() == 0);
    CHECK(outside.connections() == 1);
}

TEST_CASE("a redirect is an answer, never a second request") {
    HttpInbox inbox, victim;
    TinyServer other([&](Connection& c) { victim.serve(c); });
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    const auto status = GENERATE(values<std::string>({"301", "302", "303", "307", "308"}));
    inbox.answer("HTTP/1.1 " + status + " Found\r\nLocation: http://127.0.0.1:" + other.port() +
                 "/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    notify::Egress egress(options(), kGo);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    REQUIRE(answer);
    CHECK(std::to_string(answer->status) == status);
    CHECK(other.connections() == 0);
}

TEST_CASE("only https goes out, and http where a target on this machine says so") {
    notify::Egress egress(options({true, false}), kGo);
    const auto url = GENERATE(values<std::string>({"http://127.0.0.1:1/", "file:///etc/passwd", "ftp://127.0.0.1/",
                                                   "gopher://127.0.0.1/", "dict://127.0.0.1/", "nonsense"}));
    INFO(url);
    const auto answer = egress.post(to(url));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().id == "E-EGRESS-FAILED");
}

TEST_CASE("a scheme in capitals is the same scheme: without TLS it stays on this machine") {
    auto opened = options();
    opened.resolve = [] { return std::vector<std::string>{"inside.test:80:10.0.0.1"}; };
    notify::Egress egress(std::move(opened), kGo);
    for (const char* url : {"HTTP://inside.test/", "Http://10.0.0.1/"}) {
        INFO(url);
        const auto answer = egress.post(to(url));
        REQUIRE_FALSE(answer);
        CHECK(answer.error().id == "E-EGRESS");
    }
}

TEST_CASE("an answer beyond its bounds is cut off, and no error says what stood in it") {
    HttpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    const std::string secret = "the-receivers-secret-";
    const auto part = GENERATE(values<std::string>({"body", "header", "chunked"}));
    INFO(part);
    if (part == "body")
        inbox.answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + secret + std::string(1 << 20, 'x'));
    else if (part == "header")
        inbox.answer("HTTP/1.1 200 OK\r\nX-Long: " + secret + std::string(20000, 'x') + "\r\n\r\n");
    else
        inbox.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + secret +
                     std::string(1 << 20, 'x'));
    notify::Egress egress(options(), kGo);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    REQUIRE_FALSE(answer);
    CHECK_THAT(answer.error().message, Contains("too large"));
    CHECK(answer.error().message.find("secret") == std::string::npos);
}

TEST_CASE("a receiver that drips is cut off by the clock, not by its last byte") {
    std::atomic<bool> over{false};
    TinyServer server([&](Connection& c) {
        (void)c.until("\r\n\r\n");
        c.write("HTTP/1.1 200 OK\r\nX-Drip: ");
        while (!over && c.more()) c.write("x");  // waits for a peer that will hang up
    });
    auto quick = options();
    quick.total_ms = 300;
    notify::Egress egress(std::move(quick), kGo);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    over = true;
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::unavailable);
}

TEST_CASE("the body of an error and its status line are not repeated") {
    HttpInbox inbox;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    inbox.answer("HTTP/1.1 500 leak-one\r\nConnection: close\r\nContent-Length: 8\r\n\r\nleak-two");
    notify::Egress egress(options(), kGo);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    REQUIRE(answer);
    CHECK(answer->status == 500);

    inbox.answer("leak-three is not HTTP\r\n\r\n");
    const auto broken = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    REQUIRE_FALSE(broken);
    CHECK(broken.error().message.find("leak") == std::string::npos);
}

TEST_CASE("a stop ends a request that is under way") {
    std::atomic<bool> stop{false};
    TinyServer server([&](Connection& c) {
        (void)c.until("\r\n\r\n");
        stop = true;
        (void)c.until("never");  // until the other side hangs up
    });
    notify::Egress egress(options(), stop);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    REQUIRE_FALSE(answer);
    CHECK_THAT(answer.error().message, Contains("stopping"));
}

TEST_CASE("the environment's proxy is not asked") {
    HttpInbox inbox, proxy;
    TinyServer server([&](Connection& c) { inbox.serve(c); });
    TinyServer evil([&](Connection& c) { proxy.serve(c); });
    ::setenv("http_proxy", ("http://127.0.0.1:" + evil.port()).c_str(), 1);
    notify::Egress egress(options(), kGo);
    const auto answer = egress.post(to("http://127.0.0.1:" + server.port() + "/"));
    ::unsetenv("http_proxy");
    CHECK(answer);
    CHECK(server.connections() == 1);
    CHECK(evil.connections() == 0);
}

TEST_CASE("a URL is checked when ca.toml is read") {
    using notify::check_url;
    CHECK(check_url("https://hooks.example/x?y=1", "https", "", {}));
    CHECK(check_url("http://127.0.0.1:8080/", "https", "http", kLoopback));
    CHECK(check_url("smtps://mail.example:465", "smtp", "smtps", {}));
    const auto [url, id] =
        GENERATE(table<std::string, std::string>({{"http://hooks.example/", "E-WEBHOOK-URL"},
                                                  {"https://user:pw@hooks.example/", "E-WEBHOOK-URL"},
                                                  {"https://user@hooks.example/", "E-WEBHOOK-URL"},
                                                  {"https://hooks.example/#x", "E-WEBHOOK-URL"},
                                                  {"https://", "E-WEBHOOK-URL"},
                                                  {"hooks.example", "E-WEBHOOK-URL"},
                                                  {"file:///etc/passwd", "E-WEBHOOK-URL"},
                                                  {"https://127.0.0.1/", "E-EGRESS"},
                                                  {"https://127.1/", "E-EGRESS"},
                                                  {"https://0x7f000001/", "E-EGRESS"},
                                                  {"https://[::1]/", "E-EGRESS"},
                                                  {"https://[::ffff:127.0.0.1]/", "E-EGRESS"},
                                                  {"https://169.254.169.254/", "E-EGRESS"},
                                                  {"https://[fd00::1]/", "E-EGRESS"}}));
    INFO(url);
    const auto status = check_url(url, "https", "", {});
    REQUIRE_FALSE(status);
    CHECK(status.error().id == id);
}
