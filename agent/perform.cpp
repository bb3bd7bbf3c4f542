#include "agent/perform.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "agent/breakglass.h"
#include "agent/revocation.h"
#include "lib/client/run.h"
#include "lib/files/files.h"

namespace mayfly::agent {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestFile = 17 << 20;  // a revocation list of 16 MiB

std::string current_link(const Config& config) { return config.trust_dir + "/current"; }

Status write_set(const std::string& dir, const TrustSet& set) {
    std::error_code error;
    const auto folders = {dir, dir + "/principals", dir + "/" + kBreakglassFolder};
    for (const auto& path : folders) {
        fs::create_directories(path, error);
        if (error) return fail(Code::unavailable, "cannot make " + path + ": " + error.message());
    }
    for (const auto& path : folders)
        if (::chmod(path.c_str(), 0755) != 0) return fail(Code::unavailable, "cannot set the mode of " + path);
    for (const auto& [name, contents] : set.files)
        if (auto ok = files::write(dir + "/" + name, view(contents), 0644); !ok) return ok;
    return {};
}

/// Asks OpenSSH itself whether it can read the list: a list that sshd cannot read locks everybody out. The question is
/// put for our own CA's key, which no list of ours may name: it would end every certificate at once.
Status try_list(const std::string& dir, const TrustSet& set) {
    if (!set.files.contains(kKrlFile)) return {};
    const auto asked = client::run({"ssh-keygen", "-Q", "-f", dir + "/" + kKrlFile, dir + "/user_ca.pub"});
    if (!asked) return pass(asked.error());
    if (asked->exit_code == 0) return {};
    return fail(Code::corrupt, "ssh-keygen refuses the revocation list: " + (asked->out + asked->err).substr(0, 400),
                "E-KRL", "the last good set stays in place", "mayfly-agent status");
}

/// Judges the candidate as sshd would read it: its settings first, then the whole of sshd's own configuration.
Status validate(const Config& config, const std::string& dir, const TrustSet& set) {
    const auto main_config = files::read(config.sshd_config, kLargestFile);
    if (!main_config) return pass(main_config.error());
    const std::string path = dir + "/candidate.conf";
    if (auto ok = files::write(path, view(sshd_snippet(dir, set) + std::string(text_of(*main_config))), 0600); !ok)
        return ok;
    const auto judged = client::run({config.sshd_program, "-t", "-f", path});
    ::unlink(path.c_str());
    if (!judged) return pass(judged.error());
    // sshd -t complains about a certificate that it cannot use, and still ends with 0.
    const bool certificates_work = judged->err.find("certificate") == std::string::npos;
    if (judged->exit_code == 0 && certificates_work) return {};
    return fail(Code::corrupt, "sshd refuses the new set: " + judged->err.substr(0, 400), "E-SSHD-TEST",
                "the last good set stays in place", "mayfly-agent status");
}

Status point_to(const Config& config, const std::string& generation) {
    const std::string temporary = current_link(config) + ".new";
    ::unlink(temporary.c_str());
    if (::symlink(generation.c_str(), temporary.c_str()) != 0 ||
        ::rename(temporary.c_str(), current_link(config).c_str()) != 0)
        return fail(Code::unavailable, "cannot switch " + current_link(config) + ": " + std::strerror(errno));
    return {};
}

Status reload(const Config& config) {
    if (!config.reload_pid_file.empty()) {
        const auto file = files::read(config.reload_pid_file, 64);
        if (!file) return {};  // sshd is not running: it will read the new set when it starts
        pid_t process = 0;
        const auto text = text_of(*file);
        std::from_chars(text.data(), text.data() + text.size(), process);
        if (process > 1 && ::kill(process, SIGHUP) == 0) return {};
        return errno == ESRCH ? Status{}
                              : fail(Code::unavailable, "cannot signal sshd (pid file " + config.reload_pid_file + ")",
                                     "E-SSHD-RELOAD", {}, {});
    }
    const auto done = client::run(config.reload);
    if (!done) return pass(done.error());
    if (done->exit_code == 0) return {};
    return fail(Code::unavailable, "sshd cannot be reloaded: " + done->err.substr(0, 400), "E-SSHD-RELOAD",
                "the last good set stays in place", {});
}

std::string generation_now(const Config& config) {
    std::error_code error;
    return fs::read_symlink(current_link(config), error).string();
}

std::string next_generation(const std::string& now) {
    unsigned number = 0;
    const std::string_view digits = now.starts_with("gen-") ? std::string_view(now).substr(4) : std::string_view();
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return "gen-" + std::to_string(number + 1);
}

/// Only this set and the one before are kept.
void forget_others(const Config& config, const std::string& now, const std::string& before) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(config.trust_dir, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("gen-") && name != now && name != before) fs::remove_all(entry.path(), error);
    }
}

Status write_drop_in(const Config& config, const TrustSet& set) {
    const std::string text = sshd_snippet(current_link(config), set);
    const auto there = files::read(config.drop_in, kLargestFile);
    if (there && text_of(*there) == text) return {};
    return files::write(config.drop_in, view(text), 0644);
}

}  // namespace

Result<TrustSet> observe(const Config& config) {
    const std::string dir = config.trust_dir + "/" + generation_now(config);
    std::error_code error;
    if (generation_now(config).empty() || !fs::is_directory(dir, error))
        return fail(Code::not_found, "sshd reads nothing from us yet");
    TrustSet set;
    for (const auto& entry : fs::recursive_directory_iterator(dir, error)) {
        if (!entry.is_regular_file()) continue;
        const auto contents = files::read(entry.path().string(), kLargestFile);
        if (!contents) return pass(contents.error());
        set.files[fs::relative(entry.path(), dir, error).string()] = std::string(text_of(*contents));
    }
    return set;
}

Result<Change> perform(const Config& config, const TrustSet& set) {
    const auto seen = observe(config);
    if (seen && *seen == set) {
        if (auto ok = write_drop_in(config, set); !ok) return pass(ok.error());
        return Change::none;
    }
    const std::string before = generation_now(config), next = next_generation(before),
                      dir = config.trust_dir + "/" + next;
    std::error_code error;
    fs::remove_all(dir, error);  // what an interrupted attempt left
    if (auto ok = write_set(dir, set); !ok) return pass(ok.error());
    if (auto ok = try_list(dir, set); !ok) return pass(ok.error());
    if (auto ok = validate(config, dir, set); !ok) return pass(ok.error());
    if (auto ok = point_to(config, next); !ok) return pass(ok.error());
    if (auto ok = write_drop_in(config, set); !ok) return pass(ok.error());
    if (auto ok = reload(config); !ok) {
        if (!before.empty()) (void)point_to(config, before);
        return pass(ok.error());
    }
    forget_others(config, next, before);
    return Change::applied;
}

}  // namespace mayfly::agent
