// ssh config: one Include line in ~/.ssh/config, and the file that it includes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/ssh_places.h"
#include "cli/ssh_verbs.h"
#include "lib/client/reach.h"
#include "lib/desk/check.h"
#include "lib/desk/folder.h"
#include "lib/desk/include_line.h"
#include "lib/desk/ssh_config.h"
#include "lib/files/files.h"

namespace mayfly::cli {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestConfig = 16 << 20;
constexpr int kAttempts = 10;

struct ConfigFlags {
    bool print = false, write = false, remove = false;
    std::string agent = "private";
};

/// Contents of a file, or that there is none; what cannot be read is an error.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
    const auto bytes = files::read(path, kLargestConfig);
    if (bytes) return std::optional<std::string>(text_of(*bytes));
    if (bytes.error().code == Code::not_found) return std::optional<std::string>();
    return pass(bytes.error());
}

/// The user's own configuration of ssh: through links to the file they lead to, which must be the user's.
struct UsersFile {
    std::string path, shown;
    std::optional<std::string> text;
    mode_t mode = 0600;
};

Result<UsersFile> read_users_file() {
    const char* home = std::getenv("HOME");
    if (home == nullptr || home[0] != '/')
        return fail(Code::not_found, "HOME does not name a folder", "E-SSH-CONFIG", {}, "set HOME");
    const auto refuse = [](const std::string& path, const char* why) {
        return fail(Code::denied, path + " is not written", "E-SSH-CONFIG", why,
                    "mayfly ssh config --print shows what ssh should read");
    };
    UsersFile out{std::string(home) + "/.ssh/config", "~/.ssh/config", {}, 0600};
    std::error_code error;
    if (fs::is_symlink(out.path, error)) {
        const auto target = fs::canonical(out.path, error);
        if (error) return refuse(out.path, "it is a link that leads nowhere");
        out.path = target.string();
    }
    struct stat about {};
    if (::stat(out.path.c_str(), &about) == 0) {
        if (!S_ISREG(about.st_mode)) return refuse(out.path, "it is no plain file");
        if (about.st_uid != ::geteuid()) return refuse(out.path, "it belongs to somebody else");
        out.mode = about.st_mode & 07777;
    }
    auto text = read_if_there(out.path);
    if (!text) return pass(text.error());
    if (*text && (*text)->find('\0') != std::string::npos) return refuse(out.path, "it is no text");
    out.text = std::move(*text);
    return out;
}

std::string include_of(const SshPlaces& places) { return places.config_folder() + "/*.conf"; }
/// Names what was made and has to go again: ~/.ssh/config itself, and ~/.ssh.
std::string made_by_us(const SshPlaces& places) { return places.config_folder() + "/made"; }

/// Replaces the user's file when it still is what was read. False: somebody else was faster, read it again.
Result<bool> replace_users_file(const UsersFile& file, const std::string& text) {
    const auto now = read_if_there(file.path);
    if (!now) return pass(now.error());
    if (*now != file.text) return false;
    if (auto ok = files::write(file.path, view(text), file.mode); !ok) return pass(ok.error());
    return true;
}

Status include_ours(const SshPlaces& places, const std::string& line) {
    for (int i = 0; i < kAttempts; ++i) {
        auto file = read_users_file();
        if (!file) return pass(file.error());
        const std::string before = file->text.value_or("");
        const std::string after = desk::with_line(before, line);
        if (file->text && after == before) return {};
        if (!file->text) {
            const fs::path folder = fs::path(file->path).parent_path();
            std::error_code error;
            std::string made = "config\n";
            if (!fs::exists(folder, error)) made += "folder\n";
            if (auto ok = files::write(made_by_us(places), view(made), 0600); !ok) return ok;
            if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
                return fail(Code::unavailable,
                            "cannot make the folder " + folder.string() + ": " + std::strerror(errno));
        }
        const auto done = replace_users_file(*file, after);
        if (!done) return pass(done.error());
        if (*done) return {};
    }
    return fail(Code::conflict, "~/.ssh/config is being changed by something else", "E-SSH-CONFIG", {}, "try again");
}

Status exclude_ours(const SshPlaces& places, const std::string& line) {
    for (int i = 0; i < kAttempts; ++i) {
        auto file = read_users_file();
        if (!file) return pass(file.error());
        if (!file->text) return {};
        const std::string after = desk::without_line(*file->text, line);
        const std::string made = std::string(text_of(files::read(made_by_us(places), 64).value_or(Bytes{})));
        if (after.empty() && made.starts_with("config\n")) {
            // It was not there before us, and nobody has written into it since.
            const auto now = read_if_there(file->path);
            if (!now) return pass(now.error());
            if (*now != file->text) continue;
            if (::unlink(file->path.c_str()) != 0)
                return fail(Code::unavailable, "cannot remove " + file->path + ": " + std::strerror(errno));
            if (made.find("folder\n") != std::string::npos) (void)::rmdir(fs::path(file->path).parent_path().c_str());
            return {};
        }
        if (after == *file->text) return {};
        const auto done = replace_users_file(*file, after);
        if (!done) return pass(done.error());
        if (*done) return {};
    }
    return fail(Code::conflict, "~/.ssh/config is being changed by something else", "E-SSH-CONFIG", {}, "try again");
}

/// What ssh would read, from what the CA says that this person's roles open.
struct Wanted {
    SshPlaces places;
    client::Reach reach;
    Instant session_until = Instant(0);
    desk::Keeping keeping = desk::Keeping::own_agent;
    std::string text, line;
};

Result<Wanted> find_wanted(const Globals& globals, const ConfigFlags& flags) {
    const auto keeping = desk::parse_keeping(flags.agent);
    if (!keeping) return pass(keeping.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    auto reach = client::fetch_reach(session->ca);
    if (!reach) return pass(reach.error());
    if (reach->nodes.empty())
        return fail(Code::not_found, "no node is opened by a role that you hold or may ask for", "E-NO-NODES", {},
                    "mayfly role list");
    Wanted out{SshPlaces{session->context.name},
               std::move(*reach),
               session->context.session_until().value_or(Instant(0)),
               *keeping,
               {},
               {}};
    const auto program = own_program();
    if (!program) return pass(program.error());
    desk::SshConfig config{out.places.context,  *keeping, *program,        {},
                           out.places.socket(), {},       out.reach.roles, out.reach.nodes};
    const std::string quick = program_beside(*program, "mayfly-ssh-check");
    config.check = quick.empty() ? *program + " --context " + out.places.context + " ssh check"
                                 : quick + " " + out.places.runtime();
    if (*keeping == desk::Keeping::user_agent)
        for (const auto& role : out.reach.roles) {
            auto file = out.places.certificate(role.principal.role().text());
            if (std::find(config.certificate_files.begin(), config.certificate_files.end(), file) ==
                config.certificate_files.end())
                config.certificate_files.push_back(std::move(file));
        }
    auto text = desk::render(config);
    if (!text) return pass(text.error());
    out.text = std::move(*text);
    auto line = desk::include_line(include_of(out.places));
    if (!line) return pass(line.error());
    out.line = std::move(*line);
    return out;
}

/// One file's difference, headed by its name.
void add_difference(std::vector<std::string>& out, const std::string& name, std::string_view before,
                    std::string_view after) {
    const auto lines = desk::difference(before, after);
    if (lines.empty()) return;
    out.push_back("--- " + name);
    out.push_back("+++ " + name);
    out.insert(out.end(), lines.begin(), lines.end());
}

Answer shown(const SshPlaces& places, std::vector<std::string> lines, bool dry_run, std::string message) {
    const bool changed = !lines.empty();
    if (!changed) message = "nothing to change";
    Answer out{wire::Json::Object{{"context", places.context},
                                  {"file", places.config()},
                                  {"changed", changed && !dry_run},
                                  {"difference", json_of(lines)}},
               {places.config()}};
    out.lines = std::move(lines);
    out.messages = {dry_run && changed ? "nothing was written: --dry-run" : std::move(message)};
    return out;
}

/// Certificates have to be somewhere: our agent runs from now on, or what is known of the user's own is written down.
Status begin_keeping(const Wanted& wanted) {
    if (wanted.keeping == desk::Keeping::own_agent) {
        const auto started = start_agent(wanted.places);
        return started ? Status() : pass(started.error());
    }
    if (auto ok = tell_agent(wanted.places, Told::stop); !ok) return ok;
    return change_at_hand(wanted.places, [&](desk::AtHand& state) {
        state.session_until = wanted.session_until;
        state.roles = wanted.reach.roles;
        state.nodes = wanted.reach.nodes;
    });
}

Result<int> write_config(const Globals& globals, const ConfigFlags& flags) {
    const auto wanted = find_wanted(globals, flags);
    if (!wanted) return pass(wanted.error());
    const auto& places = wanted->places;
    const auto users = read_users_file();
    if (!users) return pass(users.error());
    const auto ours = read_if_there(places.config());
    if (!ours) return pass(ours.error());
    std::vector<std::string> lines;
    const std::string before = users->text.value_or("");
    add_difference(lines, users->shown, before, desk::with_line(before, wanted->line));
    add_difference(lines, places.config(), ours->value_or(""), wanted->text);
    const auto answer = shown(places, lines, globals.dry_run,
                              "✓ ssh uses certificates for " + std::to_string(wanted->reach.nodes.size()) +
                                  " node(s)   next: ssh " + wanted->reach.nodes.front().hosts.front().text());
    print(globals.output, answer);  // before anything is written
    if (globals.dry_run) return 0;

    if (auto ok = files::make_private_dir(places.config_folder()); !ok) return pass(ok.error());
    const auto lock = desk::Lock::take(places.config_folder() + "/lock", desk::Lock::Wait::yes);
    if (!lock) return pass(lock.error());
    // Ours first: an Include of what is not there yet would be harmless, and so is a file that nobody includes.
    if (auto ok = files::write(places.config(), view(wanted->text), 0600); !ok) return pass(ok.error());
    if (auto ok = include_ours(places, wanted->line); !ok) return pass(ok.error());
    if (auto ok = begin_keeping(*wanted); !ok) return pass(ok.error());
    return 0;
}

Result<int> remove_config(const Globals& globals) {
    const std::string name = globals.context.empty() ? client::current_context() : globals.context;
    if (auto ok = word_rule("context name", name); !ok) return pass(ok.error());
    const SshPlaces places{name};
    const auto line = desk::include_line(include_of(places));
    if (!line) return pass(line.error());
    const auto users = read_users_file();
    if (!users) return pass(users.error());
    const auto ours = read_if_there(places.config());
    if (!ours) return pass(ours.error());
    bool others = false;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(places.config_folder(), error))
        others = others || (entry.path().extension() == ".conf" && entry.path() != places.config());
    std::vector<std::string> lines;
    const std::string before = users->text.value_or("");
    if (!others) add_difference(lines, users->shown, before, desk::without_line(before, *line));
    add_difference(lines, places.config(), ours->value_or(""), "");
    print(globals.output, shown(places, lines, globals.dry_run, "✓ ssh is as it was"));
    if (globals.dry_run) return 0;

    if (auto ok = files::make_private_dir(places.config_folder()); !ok) return pass(ok.error());
    {
        const auto lock = desk::Lock::take(places.config_folder() + "/lock", desk::Lock::Wait::yes);
        if (!lock) return pass(lock.error());
        if (!others)
            if (auto ok = exclude_ours(places, *line); !ok) return pass(ok.error());
        (void)::unlink(places.config().c_str());
        if (!others) (void)::unlink(made_by_us(places).c_str());
    }
    if (auto ok = tell_agent(places, Told::stop); !ok) say("warning: " + ok.error().message);
    if (desk::is_running(places.runtime()) == desk::Agent::absent) (void)::unlink(places.at_hand().c_str());
    return 0;
}

Result<int> print_config(const Globals& globals, const ConfigFlags& flags) {
    const auto wanted = find_wanted(globals, flags);
    if (!wanted) return pass(wanted.error());
    std::vector<std::string> lines;
    for (std::string_view rest = wanted->text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    Answer answer{wire::Json::Object{
                      {"context", wanted->places.context}, {"file", wanted->places.config()}, {"text", wanted->text}},
                  {wanted->places.config()}};
    answer.lines = std::move(lines);
    return show(globals, answer);
}

Result<int> config(const Globals& globals, const ConfigFlags& flags) {
    if (flags.print + flags.write + flags.remove != 1)
        return fail(Code::malformed, "say one of --print, --write and --remove", "E-USAGE", {},
                    "mayfly ssh config --write --dry-run");
    if (flags.remove) return remove_config(globals);
    return flags.write ? write_config(globals, flags) : print_config(globals, flags);
}

}  // namespace

void add_ssh_config_verb(Verb ssh, Cli& cli) {
    auto flags = std::make_shared<ConfigFlags>();
    const auto verb = cli.verb(ssh, "config", "make plain ssh use certificates for the nodes that your roles open",
                               [&cli, flags] { return config(cli.globals, *flags); });
    verb.add_flag("--print", flags->print, "show the file that ssh would read");
    verb.add_flag("--write", flags->write,
                  "write it, and one Include line into ~/.ssh/config; shows what changes first");
    verb.add_flag("--remove", flags->remove, "take both away; ~/.ssh/config is what it was, byte for byte");
    verb.add_option("--agent", flags->agent, "where certificates are: private (our own agent), or user (SSH_AUTH_SOCK)")
        .one_of({"private", "user"});
}

}  // namespace mayfly::cli
