#include "agent/mode.h"

#include <sys/stat.h>

#include <array>

#include "lib/files/files.h"

namespace mayfly::agent {

namespace {

constexpr std::array kModes = {Mode::observe, Mode::both, Mode::only};

/// The key of a line of TOML: what stands before "=", without spaces.
std::string_view key_of(std::string_view line) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    line.remove_prefix(first);
    return line.substr(0, line.find_first_of(" \t="));
}

}  // namespace

std::string_view name(Mode mode) {
    switch (mode) {
        case Mode::observe: return "observe";
        case Mode::both: return "both";
        case Mode::only: break;
    }
    return "only";
}

Result<Mode> parse_mode(std::string_view word) {
    for (const auto mode : kModes)
        if (name(mode) == word) return mode;
    return fail(Code::malformed, "\"" + std::string(word.substr(0, 32)) + "\" is no mode", "E-MODE",
                "the modes are observe, both and only", "mayfly-agent mode observe|both|only");
}

std::string_view meaning(Mode mode) {
    switch (mode) {
        case Mode::observe: return "sshd is left alone; certificates open nothing here yet";
        case Mode::both: return "certificates open accounts beside the keys and passwords that did before";
        case Mode::only: break;
    }
    return "certificates open accounts; plain keys and passwords open nothing";
}

Status set_mode(const std::string& config_file, Mode mode) {
    const auto text = files::read(config_file, 1 << 20);
    if (!text) return pass(text.error());
    struct stat info {};
    if (::stat(config_file.c_str(), &info) != 0) return fail(Code::unavailable, "cannot look at " + config_file);
    const std::string line = "mode = \"" + std::string(name(mode)) + "\"";
    std::string out;
    bool done = false, in_root = true;
    std::string_view rest = text_of(*text);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto old = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto key = key_of(old);
        // The key belongs to the root table, which ends at the first header.
        if (key.starts_with('[') && in_root) {
            if (!done) out += line + "\n";
            in_root = false;
            done = true;
        }
        if (in_root && key == "mode") {
            const auto comment = old.find('#');
            out += line + (comment == std::string_view::npos ? "" : "      " + std::string(old.substr(comment)));
            done = true;
        } else {
            out += old;
        }
        out += "\n";
    }
    if (!done) out += line + "\n";
    return files::write(config_file, view(out), info.st_mode & 07777, {info.st_uid, info.st_gid});
}

}  // namespace mayfly::agent
