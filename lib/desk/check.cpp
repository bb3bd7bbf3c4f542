#include "lib/desk/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace mayfly::desk {

namespace {

/// A certificate that ends while ssh is still shaking hands is of no use.
constexpr std::int64_t kHandshake = 5;

Verdict no(std::string message, const std::string& fix) {
    Verdict out{kNotAtHand, {"mayfly: " + std::move(message)}};
    if (!fix.empty()) out.lines.push_back("  fix: " + fix);
    return out;
}

Verdict cannot_say(std::string message, const std::string& fix) {
    Verdict out = no(std::move(message), fix);
    out.exit_code = kCannotSay;
    return out;
}

/// Host names are compared in lower case, without the dot of the root.
std::string canonical(std::string_view host) {
    if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
    std::string out(host);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool held(const AtHand& state, const ReachedNode& node, Instant now) {
    return std::any_of(state.certificates.begin(), state.certificates.end(), [&](const HeldCertificate& one) {
        return one.until.seconds() > now.seconds() + kHandshake && AtHand::opens(node, one.principal);
    });
}

Verdict not_held(const AtHand& state, const ReachedNode& node, Instant now, const std::string& host) {
    const auto to_ask = state.to_ask_for(node, now);
    if (to_ask.empty())
        return no("no role that you hold opens " + host,
                  "mayfly role list" + (state.context.empty() ? "" : " --context " + state.context));
    const auto& role = *to_ask.front();
    return no("role \"" + role.principal.role().text() + "\" needs approval" +
                  (role.approve.empty() ? "" : " by " + role.approve),
              "mayfly request new " + role.principal.role().text() + " --node " + node.name.text() + " --for 45m" +
                  (role.ticket ? " --ticket …" : "") + " --reason \"…\"");
}

/// Why none of the roles brings a certificate now; nothing while one of them may.
const Trouble* trouble_with(const AtHand& state, const std::vector<const ReachedRole*>& roles, Instant now) {
    const Trouble* out = nullptr;
    for (const auto* role : roles) {
        const auto found = std::find_if(state.troubles.begin(), state.troubles.end(), [&](const Trouble& one) {
            return one.until > now && (!one.about || *one.about == role->principal);
        });
        if (found == state.troubles.end()) return nullptr;
        out = &*found;
    }
    return out;
}

/// The file as it is, unless somebody else could have written it.
std::optional<std::string> read_own(const std::string& path, bool& exists) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    exists = file >= 0 || errno != ENOENT;
    if (file < 0) return std::nullopt;
    struct stat about {};
    std::string text;
    bool good = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == ::geteuid() &&
                (about.st_mode & 022) == 0 && static_cast<std::size_t>(about.st_size) <= kLargestAtHand;
    if (good) text.resize(static_cast<std::size_t>(about.st_size));
    for (std::size_t have = 0; good && have < text.size();) {
        const ssize_t got = ::read(file, text.data() + have, text.size() - have);
        if (got < 0 && errno == EINTR) continue;
        good = got > 0;
        have += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    }
    ::close(file);
    if (!good) return std::nullopt;
    return text;
}

}  // namespace

Verdict check(const AtHand& state, std::string_view name, Instant now, Agent agent) {
    const auto host = HostName::parse(canonical(name));
    if (!host) return cannot_say("\"" + printable(name.substr(0, 64)) + "\" is not the name of a host", {});
    const auto* node = state.node_of(*host);
    if (node == nullptr) return no("no node is known here as " + host->text(), "mayfly ssh config --write");
    const bool ours = state.keeping == Keeping::own_agent;
    if (ours && agent == Agent::absent)
        return no("the agent that keeps certificates is not running", "mayfly ssh agent start");
    if (held(state, *node, now)) return {};
    if (state.session_until <= now)
        return no("there is no certificate for " + host->text() + ", and you are not logged in" +
                      (state.context.empty() ? "" : " to " + state.context),
                  "mayfly login");
    const auto roles = state.held_for(*node, now);
    if (roles.empty()) return not_held(state, *node, now, host->text());
    if (const auto* trouble = trouble_with(state, roles, now))
        return no("no certificate for " + host->text() + ": " + trouble->message, trouble->fix);
    if (ours) return {};  // the agent gets one when ssh asks it
    return no("there is no certificate for " + host->text() + " in ssh-agent",
              "mayfly ssh cert --role " + roles.front()->principal.role().text());
}

Agent is_running(const std::string& folder) {
    const int file = ::open((folder + kLockFile).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) return Agent::absent;
    // Asked, not taken: two that ask at once do not get in each other's way, nor in that of an agent that starts.
    struct flock wanted {};
    wanted.l_type = F_RDLCK;
    wanted.l_whence = SEEK_SET;
    const bool taken = ::fcntl(file, F_OFD_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK;
    ::close(file);
    return taken ? Agent::running : Agent::absent;
}

Verdict check_file(const std::string& folder, std::string_view host, Instant now) {
    bool exists = false;
    const auto text = read_own(folder + kAtHandFile, exists);
    if (!text && !exists) return no("no certificates are kept here", "mayfly login, then mayfly ssh config --write");
    if (!text)
        return cannot_say(folder + kAtHandFile + " cannot be read, or somebody else could have written it",
                          "ls -l " + folder + "; mayfly ssh agent start");
    const auto state = parse_at_hand(*text);
    if (!state) return cannot_say(state.error().message, state.error().fix);
    return check(*state, host, now, state->keeping == Keeping::own_agent ? is_running(folder) : Agent::absent);
}

}  // namespace mayfly::desk
