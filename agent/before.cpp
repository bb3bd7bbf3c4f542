#include "agent/before.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "lib/files/files.h"
#include "lib/wire/json.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestDropIn = 1 << 20;

Status flush_folder(const std::string& path) {
    const std::string folder = fs::path(path).parent_path().string();
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = file >= 0 && ::fsync(file) == 0;
    if (file >= 0) ::close(file);
    if (done) return {};
    return fail(Code::unavailable, "cannot flush " + folder + ": " + std::strerror(errno));
}

Result<std::optional<Before::File>> look(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return std::optional<Before::File>();
        return fail(Code::unavailable, "cannot look at " + path + ": " + std::strerror(errno));
    }
    if (!S_ISREG(info.st_mode))
        return fail(Code::conflict, path + " is no ordinary file", "E-DROP-IN",
                    "it could not be given back as it was when this node leaves", "move it away, or set drop_in");
    const auto contents = files::read(path, kLargestDropIn);
    if (!contents) return pass(contents.error());
    return std::optional(Before::File{std::string(text_of(*contents)), info.st_mode & 07777, info.st_uid, info.st_gid});
}

std::string joined(const Settings& settings, const char* keyword) {
    std::string out;
    const auto found = settings.find(keyword);
    if (found != settings.end())
        for (const auto& value : found->second) out += (out.empty() ? "" : " ") + value;
    return out == "none" ? "" : out;
}

}  // namespace

std::string before_file(const Config& config) { return config.state_dir + "/before.json"; }

Result<Before> load_before(const Config& config) {
    const auto text = files::read(before_file(config), 2 * kLargestDropIn);
    if (!text) return pass(text.error());
    const auto json = wire::parse_json(text_of(*text));
    if (!json) return pass(json.error(), before_file(config));
    wire::Fields fields(*json, before_file(config));
    Before out;
    out.trust_dir = fields.boolean_or("trust_dir", false);
    out.keys = fields.text_or("keys", "");
    out.taken_over = fields.boolean_or("taken_over", false);
    out.in_the_way = fields.texts_or_empty("in_the_way");
    const bool there = fields.boolean_or("drop_in", false);
    const auto contents = wire::parse_base64(fields.text_or("contents", ""));
    Before::File file;
    file.mode = static_cast<mode_t>(fields.integer_or("mode", 0644));
    file.user = static_cast<uid_t>(fields.integer_or("user", 0));
    file.group = static_cast<gid_t>(fields.integer_or("group", 0));
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (!contents) return fail(Code::corrupt, before_file(config) + " is damaged");
    file.contents = std::string(text_of(*contents));
    if (there) out.drop_in = std::move(file);
    return out;
}

Result<Before> look_before(const Config& config, const Settings& effective) {
    auto drop_in = look(config.drop_in);
    if (!drop_in) return pass(drop_in.error());
    Before out;
    // A node that was taken over before anything was recorded had no drop-in of somebody else's there.
    out.taken_over = *drop_in && (*drop_in)->contents.starts_with("# Written by mayfly-agent");
    if (out.taken_over) return out;
    std::error_code error;
    out.trust_dir = fs::exists(config.trust_dir, error);
    out.keys = joined(effective, "authorizedkeysfile");
    out.in_the_way = in_the_way(effective);
    out.drop_in = std::move(*drop_in);
    return out;
}

Status record_before(const Config& config, const Settings& effective) {
    if (const auto known = load_before(config); known || known.error().code != Code::not_found)
        return known ? Status{} : pass(known.error());
    const auto before = look_before(config, effective);
    if (!before) return pass(before.error());
    wire::Json::Array obstacles;
    for (const auto& words : before->in_the_way) obstacles.emplace_back(words);
    wire::Json::Object out{{"trust_dir", before->trust_dir},
                           {"keys", before->keys},
                           {"taken_over", before->taken_over},
                           {"in_the_way", std::move(obstacles)},
                           {"drop_in", before->drop_in.has_value()}};
    if (before->drop_in) {
        const auto& file = *before->drop_in;
        out["contents"] = wire::base64(view(file.contents));
        out["mode"] = static_cast<std::int64_t>(file.mode);
        out["user"] = static_cast<std::int64_t>(file.user);
        out["group"] = static_cast<std::int64_t>(file.group);
    }
    return files::write(before_file(config), view(wire::Json(std::move(out)).pretty()), 0600);
}

Status give_back(const Config& config, const Before& before) {
    if (before.drop_in) {
        const auto& file = *before.drop_in;
        const bool root = ::geteuid() == 0;
        return files::write(config.drop_in, view(file.contents), file.mode,
                            root ? files::Ownership{file.user, file.group} : files::Ownership{});
    }
    if (::unlink(config.drop_in.c_str()) == 0) return flush_folder(config.drop_in);
    if (errno == ENOENT) return {};
    return fail(Code::unavailable, "cannot remove " + config.drop_in + ": " + std::strerror(errno));
}

Status forget_trust(const Config& config, const Before& before) {
    std::error_code error;
    std::vector<fs::path> ours;
    for (const auto& entry : fs::directory_iterator(config.trust_dir, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("gen-") || name == "current" || name == "current.new" || name == "proven" ||
            name == "proven.new")
            ours.push_back(entry.path());
    }
    if (error == std::errc::no_such_file_or_directory) return {};
    // Links first: none of them may point at what is gone.
    std::sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) { return a.filename() < b.filename(); });
    for (const auto& path : ours) {
        fs::remove_all(path, error);
        if (error) return fail(Code::unavailable, "cannot remove " + path.string() + ": " + error.message());
    }
    // Somebody else's files in it keep the folder.
    if (!before.trust_dir) (void)::rmdir(config.trust_dir.c_str());
    return {};
}

}  // namespace mayfly::agent
