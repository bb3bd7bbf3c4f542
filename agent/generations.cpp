#include "agent/generations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/breakglass.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestFile = 17 << 20;  // a revocation list of 16 MiB

std::string path_of(const Config& config, const std::string& name) { return config.trust_dir + "/" + name; }
std::string hash_file(const Config& config) { return config.state_dir + "/set.sha256"; }

Status flush(const std::string& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = file >= 0 && ::fsync(file) == 0;
    const int code = errno;
    if (file >= 0) ::close(file);
    if (done) return {};
    return fail(Code::unavailable, "cannot flush " + folder + ": " + std::strerror(code));
}

bool is_generation(std::string_view name) {
    return name.starts_with("gen-") && name.size() > 4 && name.size() < 16 &&
           std::all_of(name.begin() + 4, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string hash_line(const std::string& name, const TrustSet& set) {
    std::string all;
    for (const auto& [file, contents] : set.files)
        all += file + "\n" + wire::hex(crypto::sha256(view(contents))) + "\n";
    return name + " " + wire::hex(crypto::sha256(view(all))) + "\n";
}

}  // namespace

std::string link_now(const Config& config, const char* link) {
    std::error_code error;
    auto name = fs::read_symlink(path_of(config, link), error).string();
    return is_generation(name) ? name : std::string();
}

Status point(const Config& config, const char* link, const std::string& generation) {
    const std::string path = path_of(config, link), temporary = path + ".new";
    if (generation.empty()) {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return fail(Code::unavailable, "cannot remove " + path + ": " + std::strerror(errno));
        return flush(config.trust_dir);
    }
    ::unlink(temporary.c_str());
    if (::symlink(generation.c_str(), temporary.c_str()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0)
        return fail(Code::unavailable, "cannot switch " + path + ": " + std::strerror(errno));
    return flush(config.trust_dir);
}

Status write_generation(const Config& config, const std::string& name, const TrustSet& set,
                        const std::string& drop_in) {
    const std::string dir = path_of(config, name);
    std::error_code error;
    fs::remove_all(dir, error);  // what an interrupted attempt left
    const auto folders = {dir, dir + "/principals", dir + "/" + kBreakglassFolder};
    for (const auto& path : folders) {
        fs::create_directories(path, error);
        if (error) return fail(Code::unavailable, "cannot make " + path + ": " + error.message());
    }
    for (const auto& path : folders)
        if (::chmod(path.c_str(), 0755) != 0) return fail(Code::unavailable, "cannot set the mode of " + path);
    // sshd reads principals as the user who logs in.
    struct stat info {};
    if (::stat(config.trust_dir.c_str(), &info) == 0 && (info.st_mode & 0055) != 0055 &&
        ::chmod(config.trust_dir.c_str(), 0755) != 0)
        return fail(Code::unavailable, "cannot set the mode of " + config.trust_dir);
    for (const auto& [file, contents] : set.files)
        if (auto ok = files::write(dir + "/" + file, view(contents), 0644); !ok) return ok;
    if (auto ok = files::write(dir + "/" + kDropInFile, view(drop_in), 0644); !ok) return ok;
    if (auto ok = flush(config.trust_dir); !ok) return ok;
    return files::write(hash_file(config), view(hash_line(name, set)), 0600);
}

Result<TrustSet> read_generation(const Config& config, const std::string& name) {
    const std::string dir = path_of(config, name);
    std::error_code error;
    if (name.empty() || !fs::is_directory(dir, error)) return fail(Code::not_found, "sshd reads nothing from us yet");
    TrustSet set;
    fs::recursive_directory_iterator entries(dir, error);
    for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
        const auto& path = entries->path();
        if (entries->is_symlink()) return fail(Code::conflict, path.string() + " is a link; we made none");
        if (!entries->is_regular_file()) continue;
        const std::string file = path.lexically_relative(dir).string();
        if (file == kDropInFile || file.starts_with("candidate")) continue;
        const auto contents = files::read(path.string(), kLargestFile);
        if (!contents) return pass(contents.error());
        set.files[file] = std::string(text_of(*contents));
    }
    if (error) return fail(Code::unavailable, "cannot read " + dir + ": " + error.message());
    return set;
}

std::string drop_in_of(const Config& config, const std::string& name) {
    if (name.empty()) return {};
    const auto text = files::read(path_of(config, name) + "/" + kDropInFile, kLargestFile);
    return text ? std::string(text_of(*text)) : std::string();
}

bool is_as_written(const Config& config, const std::string& name, const TrustSet& set) {
    const auto kept = files::read(hash_file(config), 4096);
    if (!kept || !text_of(*kept).starts_with(name + " ")) return true;
    return text_of(*kept) == hash_line(name, set);
}

void forget_all_but(const Config& config, const std::vector<std::string>& kept) {
    std::error_code error;
    std::vector<fs::path> others;
    for (const auto& entry : fs::directory_iterator(config.trust_dir, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("gen-") && std::find(kept.begin(), kept.end(), name) == kept.end())
            others.push_back(entry.path());
    }
    for (const auto& path : others) fs::remove_all(path, error);
}

}  // namespace mayfly::agent
