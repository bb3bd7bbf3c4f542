#include "agent/network/frames.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/wire/buffer.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

enum class Verb : std::uint8_t { ready = 0, open = 1, get = 2, post = 3, opened = 4, answered = 5, failed = 6 };

constexpr std::size_t kMostRoots = 64, kLongestPath = 2048, kLongestHeader = 64 * 1024, kLongestWords = 400,
                      kLongestDate = 64;

tl::unexpected<Error> bad(const char* what) {
    return fail(Code::malformed, std::string("a frame between the agent's parts is none: ") + what, "E-NETWORK-PART",
                {}, {});
}

wire::Writer begin(Verb verb) {
    wire::Writer out;
    out.u8(kNetworkFrameVersion).u8(static_cast<std::uint8_t>(verb));
    return out;
}

/// A path goes into the first line of a request: it is one plain word, and one of the CA's.
bool plain_path(const std::string& path) {
    const bool ours = path.starts_with("/v1/") || path == "/healthz";
    return ours && path.size() <= kLongestPath &&
           std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool plain_header(const std::string& value) {
    return value.size() <= kLongestHeader &&
           std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void put(wire::Writer& out, const OpenPeer& open) {
    out.string(open.peer.url).u32(static_cast<std::uint32_t>(open.peer.roots_pem.size()));
    for (const auto& root : open.peer.roots_pem) out.string(root);
    out.u8(open.peer.whatever_the_time ? 1 : 0).u8(open.known ? 1 : 0);
    if (open.known) out.string(open.credential.chain_pem).string(open.credential.key_pem.reveal());
}

Result<Question> parse_open(wire::Reader& in) {
    OpenPeer out;
    const auto url = in.text("url");
    const auto count = in.u32("roots");
    if (!url || !count || *count > kMostRoots) return bad("whom to call");
    out.peer.url = *url;
    for (std::uint32_t i = 0; i < *count; ++i) {
        auto root = in.text("root");
        if (!root) return bad("a root");
        out.peer.roots_pem.push_back(std::move(*root));
    }
    const auto whatever = in.u8("time"), known = in.u8("known");
    if (!whatever || !known || *whatever > 1 || *known > 1) return bad("whom to call");
    out.peer.whatever_the_time = *whatever == 1;
    out.known = *known == 1;
    if (!out.known) return Question(std::move(out));
    auto chain = in.text("chain");
    const auto key = in.string("key");
    if (!chain || !key) return bad("who calls");
    out.credential = {std::move(*chain), Secret(to_bytes(*key))};
    return Question(std::move(out));
}

Result<Question> parse_get(wire::Reader& in) {
    auto path = in.text("path");
    if (!path || !plain_path(*path)) return bad("a path");
    return Question(Get{std::move(*path)});
}

Result<Question> parse_post(wire::Reader& in) {
    auto path = in.text("path"), body = in.text("body"), key = in.text("idempotency key"), proof = in.text("proof");
    if (!path || !body || !key || !proof || !plain_path(*path)) return bad("a request");
    if (!plain_header(*key) || !plain_header(*proof)) return bad("a header");
    return Question(Post{std::move(*path), std::move(*body), std::move(*key), std::move(*proof)});
}

/// The codes that a transport has. What the CA itself says comes in a body, and is read elsewhere.
Code code_of(std::uint8_t number) {
    for (const Code code : {Code::malformed, Code::unauthenticated, Code::untrusted, Code::internal})
        if (static_cast<std::uint8_t>(code) == number) return code;
    return Code::unavailable;
}

Result<NetworkAnswer> parse_failure(wire::Reader& in) {
    const auto code = in.u8("code");
    const auto message = in.text("message"), id = in.text("id"), why = in.text("why"), fix = in.text("fix");
    if (!code || !message || !id || !why || !fix) return bad("a failure");
    const auto words = [](const std::string& text) { return printable(text.substr(0, kLongestWords)); };
    return NetworkAnswer(Error{code_of(*code), words(*message), words(*id), words(*why), words(*fix)});
}

Result<NetworkAnswer> parse_answered(wire::Reader& in) {
    const auto status = in.u32("status");
    const auto body = in.string("body");
    const auto date = in.text("date");
    if (!status || *status < 100 || *status > 599 || !body || !date || date->size() > kLongestDate)
        return bad("an answer");
    return NetworkAnswer(Answered{static_cast<int>(*status), std::string(text_of(*body)), *date});
}

/// Waits until the socket is ready, or time is over.
Status wait_for(int socket, short events, Deadline until) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        pollfd wait{socket, events, 0};
        const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000)));
        if (ready > 0) return {};
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return fail(Code::unavailable, std::string("poll: ") + std::strerror(errno));
        if (std::chrono::steady_clock::now() >= until) return fail(Code::unavailable, "it did not answer in time");
    }
}

Status receive_all(int socket, std::span<std::uint8_t> out, Deadline until) {
    while (!out.empty()) {
        if (auto ok = wait_for(socket, POLLIN, until); !ok) return ok;
        const ssize_t got = ::recv(socket, out.data(), out.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return fail(Code::unavailable, "it ended");
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

}  // namespace

Secret encode_question(const Question& question) {
    if (const auto* open = std::get_if<OpenPeer>(&question)) {
        wire::Writer out = begin(Verb::open);
        put(out, *open);
        return Secret(out.take());
    }
    if (const auto* get = std::get_if<Get>(&question)) {
        wire::Writer out = begin(Verb::get);
        out.string(get->path);
        return Secret(out.take());
    }
    const auto& post = std::get<Post>(question);
    wire::Writer out = begin(Verb::post);
    out.string(post.path).string(post.body).string(post.idempotency_key).string(post.proof);
    return Secret(out.take());
}

Result<Question> parse_question(ByteView frame) {
    wire::Reader in(frame);
    const auto version = in.u8("version"), verb = in.u8("verb");
    if (!version || *version != kNetworkFrameVersion || !verb) return bad("its version");
    Result<Question> out = bad("its verb");
    if (*verb == static_cast<std::uint8_t>(Verb::open)) out = parse_open(in);
    if (*verb == static_cast<std::uint8_t>(Verb::get)) out = parse_get(in);
    if (*verb == static_cast<std::uint8_t>(Verb::post)) out = parse_post(in);
    if (out && !in.empty()) return bad("something follows");
    return out;
}

Bytes encode_answer(const NetworkAnswer& answer) {
    if (const auto* ready = std::get_if<Ready>(&answer)) {
        wire::Writer out = begin(Verb::ready);
        return out.u8(ready->landlock ? 1 : 0).take();
    }
    if (const auto* answered = std::get_if<Answered>(&answer)) {
        wire::Writer out = begin(Verb::answered);
        out.u32(static_cast<std::uint32_t>(answered->status)).string(answered->body);
        return out.string(answered->date.substr(0, kLongestDate)).take();
    }
    if (const auto* error = std::get_if<Error>(&answer)) {
        wire::Writer out = begin(Verb::failed);
        out.u8(static_cast<std::uint8_t>(error->code)).string(error->message).string(error->id);
        return out.string(error->why).string(error->fix).take();
    }
    return begin(Verb::opened).take();
}

Result<NetworkAnswer> parse_answer(ByteView frame) {
    wire::Reader in(frame);
    const auto version = in.u8("version"), verb = in.u8("verb");
    if (!version || *version != kNetworkFrameVersion || !verb) return bad("its version");
    Result<NetworkAnswer> out = bad("its verb");
    if (*verb == static_cast<std::uint8_t>(Verb::ready)) {
        const auto landlock = in.u8("landlock");
        if (!landlock || *landlock > 1) return bad("what the kernel lent");
        out = NetworkAnswer(Ready{*landlock == 1});
    }
    if (*verb == static_cast<std::uint8_t>(Verb::opened)) out = NetworkAnswer(PeerOpened{});
    if (*verb == static_cast<std::uint8_t>(Verb::answered)) out = parse_answered(in);
    if (*verb == static_cast<std::uint8_t>(Verb::failed)) out = parse_failure(in);
    if (out && !in.empty()) return bad("something follows");
    return out;
}

Status send_frame(int socket, ByteView frame, Deadline until) {
    if (frame.size() > kLargestNetworkFrame)
        return fail(Code::malformed, "more than 9 MiB in one request", "E-NETWORK-PART", {}, {});
    wire::Writer length;
    length.u32(static_cast<std::uint32_t>(frame.size()));
    for (ByteView rest : {ByteView(length.bytes()), frame})
        while (!rest.empty()) {
            if (auto ok = wait_for(socket, POLLOUT, until); !ok) return ok;
            const ssize_t put = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (put <= 0) return fail(Code::unavailable, "it ended");
            rest = rest.subspan(static_cast<std::size_t>(put));
        }
    return {};
}

Result<Secret> receive_frame(int socket, Deadline until) {
    std::array<std::uint8_t, 4> header{};
    if (auto ok = receive_all(socket, header, until); !ok) return pass(ok.error());
    wire::Reader reader(header);
    const auto length = reader.u32("length");
    if (!length || *length > kLargestNetworkFrame) return bad("longer than any");
    Secret frame = Secret::of_size(*length);
    if (auto ok = receive_all(socket, frame.writable(), until); !ok) return pass(ok.error());
    return frame;
}

}  // namespace mayfly::agent
