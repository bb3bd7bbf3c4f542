#include "cli/ssh_places.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "lib/client/context.h"
#include "lib/client/ssh_agent.h"
#include "lib/desk/check.h"
#include "lib/desk/folder.h"
#include "lib/files/files.h"
#include "lib/ssh_agent/message.h"

extern char** environ;

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestConfig = 16 << 20;

bool same_file(const std::string& a, const std::string& b) {
    struct stat one {
    }, other{};
    return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_ino == other.st_ino &&
           one.st_dev == other.st_dev;
}

/// What the child says on the pipe: "ok" when it listens, else why not.
std::string read_all(int file) {
    std::string out;
    char buffer[512];
    for (;;) {
        const ssize_t got = ::read(file, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || out.size() > 4096) return out;
        out.append(buffer, static_cast<std::size_t>(got));
    }
}

/// Two forks, so that the agent is nobody's child and belongs to no terminal. Between fork and exec only what
/// signal-safety(7) allows is called.
[[noreturn]] void become_agent(const std::vector<char*>& argv, const char* log, int ready) {
    if (::setsid() < 0 || ::fork() != 0) ::_exit(0);
    const int nowhere = ::open("/dev/null", O_RDWR);
    const int said = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    ::dup2(nowhere, 0);
    ::dup2(said < 0 ? nowhere : said, 1);
    ::dup2(said < 0 ? nowhere : said, 2);
    ::dup2(ready, 3);
    ::fcntl(3, F_SETFD, 0);
    (void)::close_range(4, ~0U, 0);  // what our caller left open (a lock, a pipe) is not kept open by the agent
    (void)!::chdir("/");
    ::execv(argv.front(), argv.data());
    ::_exit(127);
}

}  // namespace

std::string SshPlaces::runtime() const { return client::runtime_dir() + "/" + context; }
std::string SshPlaces::socket() const { return runtime() + desk::kSocketFile; }
std::string SshPlaces::lock() const { return runtime() + desk::kLockFile; }
std::string SshPlaces::at_hand() const { return runtime() + desk::kAtHandFile; }
std::string SshPlaces::config_folder() const { return client::config_dir() + "/ssh"; }
std::string SshPlaces::config() const { return config_folder() + "/" + context + ".conf"; }
std::string SshPlaces::revoked() const { return client::state_dir() + "/" + context + "/ssh-revoked.krl"; }
std::string SshPlaces::certificate(const std::string& role) const {
    return client::state_dir() + "/" + context + "/ssh-" + role + "-cert.pub";
}

std::optional<desk::Keeping> written_keeping(const SshPlaces& places) {
    const auto file = files::read(places.config(), kLargestConfig);
    if (!file) return std::nullopt;
    return text_of(*file).find("\n    IdentityAgent ") == std::string_view::npos ? desk::Keeping::user_agent
                                                                                 : desk::Keeping::own_agent;
}

std::optional<desk::AtHand> load_at_hand(const SshPlaces& places) {
    const auto file = files::read(places.at_hand(), desk::kLargestAtHand);
    if (!file) return std::nullopt;
    auto state = desk::parse_at_hand(text_of(*file));
    if (!state) return std::nullopt;
    return std::move(*state);
}

Status change_at_hand(const SshPlaces& places, const std::function<void(desk::AtHand&)>& change) {
    if (auto ok = desk::own_folder(places.runtime()); !ok) return ok;
    const auto lock = desk::Lock::take(places.at_hand() + ".lock", desk::Lock::Wait::yes);
    if (!lock) return pass(lock.error());
    auto state = load_at_hand(places).value_or(desk::AtHand{});
    state.keeping = desk::Keeping::user_agent;
    state.context = places.context;
    change(state);
    return files::write(places.at_hand(), view(desk::encode_at_hand(state)), 0600);
}

Result<std::string> own_program() {
    std::error_code error;
    const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (error) return fail(Code::unavailable, "cannot find this program: " + error.message());
    // As PATH names it, so that an upgrade that moves the file behind the name changes nothing.
    const char* variable = std::getenv("PATH");
    std::string_view rest = variable == nullptr ? "" : variable;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const std::string candidate = std::string(rest.substr(0, end)) + "/mayfly";
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (candidate.front() == '/' && same_file(candidate, self)) return candidate;
    }
    return self;
}

std::string program_beside(const std::string& own, const std::string& name) {
    const std::string path = own.substr(0, own.rfind('/') + 1) + name;
    return ::access(path.c_str(), X_OK) == 0 ? path : "";
}

Status tell_agent(const SshPlaces& places, Told what) {
    if (desk::is_running(places.runtime()) == desk::Agent::absent) return {};
    auto agent = client::SshAgent::connect_to(places.socket());
    if (!agent) return pass(agent.error());
    if (what == Told::forget)
        if (auto ok = agent->tell(ssh_agent::encode_request(ssh_agent::RemoveAllRequest{})); !ok) return ok;
    if (what == Told::stop) return agent->tell(ssh_agent::encode_request(ssh_agent::StopRequest{}));
    return agent->tell(ssh_agent::encode_request(ssh_agent::RefreshRequest{}));
}

Result<bool> start_agent(const SshPlaces& places) {
    if (auto ok = desk::own_folder(places.runtime()); !ok) return pass(ok.error());
    if (desk::is_running(places.runtime()) == desk::Agent::running) {
        if (auto ok = tell_agent(places, Told::refresh); !ok) return pass(ok.error());
        return false;
    }
    auto program = own_program();
    if (!program) return pass(program.error());
    int ready[2] = {-1, -1};
    if (::pipe2(ready, O_CLOEXEC) != 0)
        return fail(Code::unavailable, std::string("cannot make a pipe: ") + std::strerror(errno));
    std::vector<std::string> words = {*program, "ssh", "agent", "run", "--context", places.context, "--ready-fd", "3"};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = places.runtime() + "/agent.log";
    const pid_t child = ::fork();
    if (child == 0) become_agent(argv, log.c_str(), ready[1]);
    ::close(ready[1]);
    if (child > 0)
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
    const std::string said = child < 0 ? "cannot fork" : read_all(ready[0]);
    ::close(ready[0]);
    if (said == "ok\n") {
        // It listens; when this is answered it has seen session and roles too, and what is at hand is what it will be.
        if (auto ok = tell_agent(places, Told::refresh); !ok) return pass(ok.error());
        return true;
    }
    return fail(Code::unavailable,
                "the agent did not start" + (said.empty() ? "" : ": " + said.substr(0, said.find('\n'))),
                "E-AGENT-START", "its words are in " + log, "mayfly ssh agent run shows them here");
}

}  // namespace mayfly::cli
