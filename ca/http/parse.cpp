#include "ca/http/parse.h"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <algorithm>
#include <array>

namespace mayfly::http {

namespace {

namespace beast = boost::beast::http;

constexpr std::size_t kLongestTarget = 4096;
constexpr std::size_t kMostParameters = 32;
constexpr std::array<std::string_view, 5> kRead = {"mayfly-proof", "idempotency-key", "content-type", "user-agent",
                                                   "if-none-match"};

tl::unexpected<Error> bad(const char* why) {
    return fail(Code::malformed, std::string("the request is not acceptable: ") + why, "E-HTTP", {}, {});
}

std::string_view sv(boost::beast::string_view text) { return {text.data(), text.size()}; }

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Percent-decoding for query values only; control characters do not come in this way either.
bool decode(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
            c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
        out += c;
    }
    return true;
}

Status read_query(std::string_view text, std::map<std::string, std::string>& out) {
    while (!text.empty()) {
        const auto end = text.find('&');
        const std::string_view pair = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        const auto equals = pair.find('=');
        std::string key, value;
        if (equals == std::string_view::npos || !decode(pair.substr(0, equals), key) ||
            !decode(pair.substr(equals + 1), value))
            return bad("a query that is not name=value");
        if (out.size() == kMostParameters || !out.emplace(std::move(key), std::move(value)).second)
            return bad("a query parameter twice, or too many");
    }
    return {};
}

bool plain_path(std::string_view path) {
    return path.starts_with('/') && std::all_of(path.begin(), path.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                      c == '-' || c == '_' || c == '.';
           });
}

}  // namespace

Status check_head(const beast::request_header<>& head, const Limits& limits) {
    const auto count = [&](beast::field field) {
        return std::distance(head.equal_range(field).first, head.equal_range(field).second);
    };
    if (static_cast<std::size_t>(std::distance(head.begin(), head.end())) > limits.header_count)
        return bad("more than 100 headers");
    if (count(beast::field::host) != 1) return bad("exactly one Host header is needed");
    const bool sized = count(beast::field::content_length) > 0, chunked = count(beast::field::transfer_encoding) > 0;
    // Two ways to say where a request ends are a way to hide a second one (RFC 9112 section 6.1).
    if (sized && chunked) return bad("Content-Length and Transfer-Encoding together");
    if (count(beast::field::content_length) > 1) return bad("Content-Length twice");
    if (count(beast::field::expect) > 0) return bad("Expect is not supported");
    const auto verb = head.method();
    if (verb != beast::verb::get && verb != beast::verb::post) return bad("only GET and POST");
    const bool empty = !chunked && (!sized || sv(head[beast::field::content_length]) == "0");
    if (verb == beast::verb::get && !empty) return bad("a GET with a body");
    if (count(beast::field::content_encoding) > 0)
        return fail(Code::unsupported, "Content-Encoding is not supported", "E-HTTP-ENCODING",
                    "bodies are small: send them as they are", {});
    const auto type = sv(head[beast::field::content_type]);
    if (limits.json_bodies && !empty && type != "application/json" && !type.starts_with("application/json;"))
        return fail(Code::unsupported, "bodies are application/json", "E-HTTP-TYPE", {},
                    "set Content-Type: application/json");
    if (head.target().size() > kLongestTarget) return bad("a target longer than 4,096 characters");
    return {};
}

Status read_message(Message& message, Request& out) {
    const std::string_view target = sv(message.target());
    const auto mark = target.find('?');
    out.method = std::string(sv(message.method_string()));
    out.path = std::string(target.substr(0, mark));
    if (!plain_path(out.path)) return bad("a path with other characters than letters, digits, - _ . and /");
    if (mark != std::string_view::npos)
        if (auto ok = read_query(target.substr(mark + 1), out.query); !ok) return ok;
    for (const auto& name : kRead) {
        const auto found = message.equal_range(boost::beast::string_view(name.data(), name.size()));
        if (std::distance(found.first, found.second) > 1) return bad("a header twice");
        if (found.first != found.second) out.headers.emplace(name, sv(found.first->value()));
    }
    out.body = std::move(message.body());
    return {};
}

}  // namespace mayfly::http
