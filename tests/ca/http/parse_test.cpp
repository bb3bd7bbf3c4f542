// What may come in as a request, judged before a handler sees it. The same on the wire: tests/e2e/front.py.
#include "ca/http/parse.h"

#include <boost/beast/http/field.hpp>

#include "tests/catch.h"

using namespace mayfly;
namespace beast = boost::beast::http;

namespace {

http::Message message(std::string_view target, beast::verb verb = beast::verb::get) {
    http::Message out;
    out.method(verb);
    out.version(11);
    out.target(boost::beast::string_view(target.data(), target.size()));
    out.set(beast::field::host, "ca");
    return out;
}

http::Message post() {
    auto out = message("/v1/login", beast::verb::post);
    out.set(beast::field::content_length, "2");
    out.set(beast::field::content_type, "application/json");
    return out;
}

Status head_of(const http::Message& message, const http::Limits& limits = {}) {
    return http::check_head(message.base(), limits);
}

}  // namespace

TEST_CASE("an ordinary request passes") {
    CHECK(head_of(message("/healthz")));
    CHECK(head_of(post()));
    auto chunked = post();
    chunked.erase(beast::field::content_length);
    chunked.set(beast::field::transfer_encoding, "chunked");
    CHECK(head_of(chunked));
    auto charset = post();
    charset.set(beast::field::content_type, "application/json; charset=utf-8");
    CHECK(head_of(charset));
}

TEST_CASE("a header that two readers could understand differently is refused") {
    using Change = void (*)(http::Message&);
    const auto [change, id] = GENERATE(table<Change, const char*>({
        {[](http::Message& m) { m.erase(beast::field::host); }, "E-HTTP"},
        {[](http::Message& m) { m.insert(beast::field::host, "evil"); }, "E-HTTP"},
        {[](http::Message& m) { m.set(beast::field::transfer_encoding, "chunked"); }, "E-HTTP"},
        {[](http::Message& m) { m.insert(beast::field::content_length, "3"); }, "E-HTTP"},
        {[](http::Message& m) { m.set(beast::field::expect, "100-continue"); }, "E-HTTP"},
        {[](http::Message& m) { m.method(beast::verb::delete_); }, "E-HTTP"},
        {[](http::Message& m) { m.method(beast::verb::put); }, "E-HTTP"},
        {[](http::Message& m) { m.method(beast::verb::head); }, "E-HTTP"},
        {[](http::Message& m) { m.method_string("FROBNICATE"); }, "E-HTTP"},
        {[](http::Message& m) { m.method(beast::verb::get); }, "E-HTTP"},
        {[](http::Message& m) { m.set(beast::field::content_encoding, "gzip"); }, "E-HTTP-ENCODING"},
        {[](http::Message& m) { m.set(beast::field::content_encoding, "identity"); }, "E-HTTP-ENCODING"},
        {[](http::Message& m) { m.set(beast::field::content_type, "text/plain"); }, "E-HTTP-TYPE"},
        {[](http::Message& m) { m.set(beast::field::content_type, "application/jsonx"); }, "E-HTTP-TYPE"},
        {[](http::Message& m) { m.erase(beast::field::content_type); }, "E-HTTP-TYPE"},
        {[](http::Message& m) { m.target("/" + std::string(4096, 'a')); }, "E-HTTP"},
        {[](http::Message& m) {
             for (int i = 0; i < 100; ++i) m.insert("X-" + std::to_string(i), "y");
         },
         "E-HTTP"},
    }));
    auto bad = post();
    change(bad);
    const auto refused = head_of(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == id);
    const bool unsupported = std::string_view(id) != "E-HTTP";
    CHECK(refused.error().code == (unsupported ? Code::unsupported : Code::malformed));
}

TEST_CASE("paths are plain, and nothing in them is decoded") {
    const auto* target = GENERATE("", "healthz", "/a b", "/%2e%2e/healthz", "/a%00", "https://evil/healthz", "*",
                                  "/a;b", "/a\\b", "/\x80", "/a\x01");
    http::Request out;
    auto m = message(target);
    CHECK_FALSE(http::read_message(m, out));
}

TEST_CASE("a query is name=value, decoded once, each name once") {
    http::Request out;
    auto m = message("/v1/log/entries?start=1&text=a%2Fb%20c&empty=");
    REQUIRE(http::read_message(m, out));
    CHECK(out.path == "/v1/log/entries");
    CHECK(out.query.at("start") == "1");
    CHECK(out.query.at("text") == "a/b c");
    CHECK(out.query.at("empty").empty());
    const auto* bad =
        GENERATE("?a", "?a=1&a=2", "?a=%0d%0aX", "?a=%", "?a=%2", "?a=%zz", "?a=%00", "?=&=", "?a=1&&b=2", "?a=\x7f");
    http::Request other;
    auto second = message(std::string("/x") + bad);
    INFO(bad);
    CHECK_FALSE(http::read_message(second, other));
}

TEST_CASE("thirty-three parameters are too many") {
    std::string target = "/x?";
    for (int i = 0; i < 33; ++i) target += (i == 0 ? "" : "&") + ("p" + std::to_string(i)) + "=1";
    http::Request out;
    auto m = message(target);
    CHECK_FALSE(http::read_message(m, out));
}

TEST_CASE("handlers see four headers, each once, and none of them says where a request came from") {
    http::Request out;
    auto m = post();
    m.set("Mayfly-Proof", "nonce blob");
    m.set("Idempotency-Key", "0123456789abcdef");
    m.set("REMOTE_ADDR", "6.6.6.6");
    m.set("X-Forwarded-For", "6.6.6.6");
    m.body() = "{}";
    REQUIRE(http::read_message(m, out));
    CHECK(out.header("mayfly-proof") == "nonce blob");
    CHECK(out.header("idempotency-key") == "0123456789abcdef");
    CHECK(out.headers.size() == 3);
    CHECK(out.remote.empty());
    CHECK(out.body == "{}");
    auto twice = post();
    twice.insert("Mayfly-Proof", "one");
    twice.insert("mayfly-proof", "two");
    http::Request none;
    CHECK_FALSE(http::read_message(twice, none));
}
