#include "agent/network/part.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>

#include "agent/network/frames.h"
#include "mayfly/api.h"

namespace mayfly::agent {

namespace {

constexpr int kUsage = 2, kBadFrame = 3;
constexpr Deadline kForever = Deadline::max();

template <class Number>
bool read_number(const std::string& text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

NetworkAnswer outcome(const Result<client::Reply>& reply) {
    if (!reply) return reply.error();
    const auto date = reply->headers.find("date");
    return Answered{reply->status, reply->body, date == reply->headers.end() ? "" : date->second};
}

/// Conversation is with one server at a time.
class Conversation {
public:
    NetworkAnswer answer(const OpenPeer& open) {
        http_.reset();
        auto http = client::HttpClient::make(open.peer, open.known ? &open.credential : nullptr);
        if (!http) return http.error();
        http_ = std::make_unique<client::HttpClient>(std::move(*http));
        return PeerOpened{};
    }
    NetworkAnswer answer(const Get& get) {
        if (!http_) return nobody();
        return outcome(http_->get(get.path));
    }
    NetworkAnswer answer(const Post& post) {
        if (!http_) return nobody();
        std::map<std::string, std::string> headers{{api::kIdempotencyHeader, post.idempotency_key}};
        if (!post.proof.empty()) headers.emplace(api::kProofHeader, post.proof);
        return outcome(http_->post(post.path, post.body, headers));
    }

private:
    static Error nobody() { return {Code::internal, "nobody was named to call", "E-NETWORK-PART", {}, {}}; }
    std::unique_ptr<client::HttpClient> http_;
};

int serve(int socket) {
    Conversation conversation;
    for (;;) {
        const auto frame = receive_frame(socket, kForever);
        if (!frame) return frame.error().code == Code::unavailable ? 0 : kBadFrame;
        const auto question = parse_question(frame->reveal());
        if (!question) return kBadFrame;
        const auto answer = std::visit([&](const auto& one) { return conversation.answer(one); }, *question);
        if (!send_frame(socket, encode_answer(answer), kForever)) return 0;
    }
}

}  // namespace

std::vector<std::string> encode_arguments(const NetworkPartOptions& options) {
    return {kNetworkPart, std::to_string(options.user), std::to_string(options.group), std::to_string(options.port)};
}

int network_part(const std::vector<std::string>& arguments) {
    NetworkPartOptions options;
    const bool right = arguments.size() == 3 && read_number(arguments[0], options.user) &&
                       read_number(arguments[1], options.group) && read_number(arguments[2], options.port);
    int kind = 0;
    socklen_t size = sizeof kind;
    if (!right || ::getsockopt(kNetworkSocket, SOL_SOCKET, SO_TYPE, &kind, &size) != 0) {
        std::fprintf(stderr, "error: the network part is started by mayfly-agent, not by hand\n");
        return kUsage;
    }
    ::prctl(PR_SET_NAME, "mayfly-network");  // for ps: it was started as /proc/self/exe
    std::signal(SIGPIPE, SIG_IGN);
    const auto confined = confine_network_part(options);
    if (!confined) {
        (void)send_frame(kNetworkSocket, encode_answer(confined.error()), kForever);
        return 1;
    }
    if (!send_frame(kNetworkSocket, encode_answer(Ready{*confined}), kForever)) return 0;
    const int code = serve(kNetworkSocket);
    // Nothing of ours has to be tidied up, and what libraries would do at the end is not allowed here.
    ::_exit(code);
}

}  // namespace mayfly::agent
