#include "agent/network/network.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "lib/wire/http_date.h"
#include "mayfly/api.h"

extern char** environ;

namespace mayfly::agent {

namespace {

constexpr std::chrono::seconds kToStart{20}, kLongestWait{300};
constexpr int kMostDoublings = 9;

tl::unexpected<Error> trouble(const std::string& what, const std::string& why = {}) {
    return fail(Code::unavailable, what, "E-NETWORK-PART",
                why.empty() ? "what is in force stays in force until the CA can be asked again" : why,
                "mayfly-agent doctor");
}

/// What the dynamic linker, the resolver and the runtimes of test builds read; nothing else goes along.
bool goes_along(std::string_view variable) {
    constexpr std::array<std::string_view, 7> kNames = {
        "LD_", "RES_OPTIONS=", "LOCALDOMAIN=", "ASAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS=", "TZ="};
    return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return variable.starts_with(name); });
}

std::vector<char*> environment() {
    std::vector<char*> out;
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (goes_along(*entry)) out.push_back(*entry);
    out.push_back(nullptr);
    return out;
}

struct Actions {
    posix_spawn_file_actions_t list{};
    explicit Actions(int socket) {
        posix_spawn_file_actions_init(&list);
        posix_spawn_file_actions_adddup2(&list, socket, kNetworkSocket);
        // Not our terminal, and not our log: nobody believes its words but those on the socket.
        for (const int standard : {0, 1, 2}) posix_spawn_file_actions_addopen(&list, standard, "/dev/null", O_RDWR, 0);
    }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() { posix_spawn_file_actions_destroy(&list); }
};

/// It starts with no signal blocked, in a session of its own: a terminal's ^C is for us, and we end it.
struct Attributes {
    posix_spawnattr_t value{};
    Attributes() {
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_init(&value);
        posix_spawnattr_setsigmask(&value, &none);
        posix_spawnattr_setflags(&value, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
    }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    ~Attributes() { posix_spawnattr_destroy(&value); }
};

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
    return "ended with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

/// PartTransport is one server's, and opens it in the network part when another one was there, or none.
class PartTransport final : public client::Transport {
public:
    PartTransport(Network& network, std::uint64_t number, Secret open)
        : network_(&network), number_(number), open_(std::move(open)) {}

    Result<client::Reply> get(const std::string& path) override { return reply_to(Get{path}); }
    Result<client::Reply> post(const std::string& path, const std::string& body,
                               const std::map<std::string, std::string>& headers) override {
        const auto header = [&](const char* name) {
            const auto found = headers.find(name);
            return found == headers.end() ? std::string() : found->second;
        };
        return reply_to(Post{path, body, header(api::kIdempotencyHeader), header(api::kProofHeader)});
    }
    [[nodiscard]] std::optional<std::int64_t> clock_ahead() const override { return clock_ahead_; }

private:
    Result<client::Reply> reply_to(const Question& question) {
        if (!network_->process_ || network_->holder_ != number_) {
            const auto opened = network_->ask(open_.reveal());
            if (!opened) return pass(opened.error());
            if (const auto* error = std::get_if<Error>(&*opened)) return pass(*error);
            if (!std::holds_alternative<PeerOpened>(*opened))
                return network_->lost({Code::malformed, "another answer", {}, {}, {}});
            network_->holder_ = number_;
        }
        auto answer = network_->ask(encode_question(question).reveal());
        if (!answer) return pass(answer.error());
        if (const auto* error = std::get_if<Error>(&*answer)) return pass(*error);
        auto* answered = std::get_if<Answered>(&*answer);
        if (answered == nullptr) return network_->lost({Code::malformed, "another answer", {}, {}, {}});
        if (const auto at = wire::parse_http_date(answered->date))
            clock_ahead_ = SystemClock().now().seconds() - at->seconds();
        return client::Reply{answered->status, std::move(answered->body)};
    }

    Network* network_;
    std::uint64_t number_;
    Secret open_;  ///< the question that opens it, with the key
    std::optional<std::int64_t> clock_ahead_;
};

std::unique_ptr<client::Transport> Network::transport(const client::Peer& peer, const client::Credential* credential) {
    OpenPeer open;
    open.peer = peer;
    if (credential != nullptr) {
        open.known = true;
        open.credential = {credential->chain_pem, Secret(to_bytes(credential->key_pem.reveal()))};
    }
    return std::make_unique<PartTransport>(*this, ++made_, encode_question(Question(std::move(open))));
}

Result<client::CaClient> Network::connect(const api::Bundle& bundle, const client::Credential* credential) {
    return client::CaClient::over(transport({options_.url, bundle.x509_roots}, credential), bundle);
}

Status Network::start() {
    const auto now = std::chrono::steady_clock::now();
    if (now < not_before_) {
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(not_before_ - now).count() + 1;
        return trouble("the network part " + reason_ + "; it is started again in " + std::to_string(left) + " s");
    }
    const auto target = client::parse_url(options_.url);
    if (!target) return pass(target.error());
    const auto user = find_user(options_.user);
    if (!user) return pass(user.error());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return trouble(std::string("the network part cannot be started: ") + std::strerror(errno));
    std::vector<std::string> words = options_.arguments;
    if (words.empty()) words = encode_arguments({user->user, user->group, static_cast<std::uint16_t>(target->port)});
    words.insert(words.begin(), "mayfly-agent");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    auto variables = environment();
    const Actions actions(ends[1]);
    const Attributes attributes;
    pid_t process = 0;
    const int code = ::posix_spawn(&process, options_.program.c_str(), &actions.list, &attributes.value, argv.data(),
                                   variables.data());
    ::close(ends[1]);
    if (code != 0) {
        ::close(ends[0]);
        return trouble(std::string("the network part cannot be started: ") + std::strerror(code));
    }
    process_ = process;
    socket_ = ends[0];
    holder_ = 0;
    return greet();
}

Status Network::greet() {
    const auto frame = receive_frame(socket_, std::chrono::steady_clock::now() + std::min(kToStart, options_.patience));
    const auto ready = frame ? parse_answer(frame->reveal()) : Result<NetworkAnswer>(pass(frame.error()));
    if (!ready) return lost(ready.error());
    if (const auto* error = std::get_if<Error>(&*ready)) {
        const Error said = *error;
        return lost(said);
    }
    if (!std::holds_alternative<Ready>(*ready))
        return lost({Code::malformed, "it did not say that it is ready", {}, {}, {}});
    return {};
}

Result<NetworkAnswer> Network::exchange(ByteView question) {
    const auto until = std::chrono::steady_clock::now() + options_.patience;
    if (auto ok = send_frame(socket_, question, until); !ok) return pass(ok.error());
    const auto frame = receive_frame(socket_, until);
    if (!frame) return pass(frame.error());
    return parse_answer(frame->reveal());
}

Result<NetworkAnswer> Network::ask(ByteView question) {
    if (question.size() > kLargestNetworkFrame)
        return fail(Code::malformed, "what the CA should be told is larger than 9 MiB", "E-NETWORK-PART", {}, {});
    if (!process_)
        if (auto ok = start(); !ok) return pass(ok.error());
    auto answer = exchange(question);
    if (!answer) return lost(answer.error());
    // What it says of a server is a sign that it works; that it opened one is none yet.
    if (!std::holds_alternative<PeerOpened>(*answer)) failures_ = 0;
    return answer;
}

/// After half a frame, or a false one, nothing that follows could be believed.
tl::unexpected<Error> Network::lost(const Error& why) {
    int status = 0;
    reason_ = why.message;
    if (process_) {
        ::kill(*process_, SIGKILL);
        while (::waitpid(*process_, &status, 0) < 0 && errno == EINTR) continue;
        // One that had ended by itself says more by how it ended.
        const bool by_us = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        if (!by_us) reason_ = how_it_ended(status) + (why.id == "E-CONFINE" ? ": " + why.message : "");
    }
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    process_.reset();
    failures_ = std::min(failures_ + 1, kMostDoublings);
    not_before_ =
        std::chrono::steady_clock::now() + std::min(std::chrono::seconds(1LL << (failures_ - 1)), kLongestWait);
    return trouble("the network part failed: " + reason_);
}

void Network::rest() {
    if (!process_) return;
    // It ends when the socket does; should it not, it is ended.
    ::close(socket_);
    socket_ = -1;
    ::kill(*process_, SIGKILL);
    while (::waitpid(*process_, nullptr, 0) < 0 && errno == EINTR) continue;
    process_.reset();
}

Result<NetworkUser> find_user(const std::string& wanted) {
    if (::geteuid() != 0) return NetworkUser{"", ::geteuid(), ::getegid()};
    std::vector<std::string> names{wanted};
    if (wanted.empty()) names = {"mayfly-agent", "nobody"};
    for (const auto& name : names) {
        const passwd* account = ::getpwnam(name.c_str());
        if (account == nullptr) continue;
        if (account->pw_uid == 0 || account->pw_gid == 0)
            return fail(Code::malformed, "the network part cannot run as " + name, "E-NETWORK-USER",
                        "that account, or its group, is root's", "name another: [network] user in agent.toml");
        return NetworkUser{name, account->pw_uid, account->pw_gid};
    }
    return fail(Code::not_found, "there is no account \"" + names.back() + "\" for the network part", "E-NETWORK-USER",
                {}, "adduser --system it, or name another: [network] user in agent.toml");
}

}  // namespace mayfly::agent
