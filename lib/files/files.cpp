#include "lib/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/files/folder.h"
#include "lib/files/handle.h"

namespace mayfly::files {

tl::unexpected<Error> failed(const std::string& path, const char* what) {
    const int code = errno;
    return fail(code == ENOENT ? Code::not_found : Code::unavailable,
                std::string("cannot ") + what + " " + path + ": " + std::strerror(code));
}

Result<Bytes> read(const std::string& path, std::size_t limit) {
    const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return failed(path, "open");
    Bytes out;
    for (;;) {
        const std::size_t had = out.size();
        out.resize(had + 16384);
        const ssize_t got = ::read(file.get(), out.data() + had, 16384);
        out.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(path, "read");
        if (out.size() > limit)
            return fail(Code::malformed, path + " is larger than " + std::to_string(limit) + " bytes");
        if (got == 0) return out;
    }
}

Result<std::vector<std::pair<std::string, Bytes>>> read_tree(const std::string& folder, std::string_view suffix,
                                                             std::size_t limit) {
    namespace fs = std::filesystem;
    std::vector<std::string> names;
    std::error_code error;
    fs::recursive_directory_iterator entries(folder, error);
    for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
        const std::string name = entries->path().filename().string();
        if (name.starts_with('.')) {
            entries.disable_recursion_pending();
            continue;
        }
        std::error_code unknown;
        if (name.ends_with(suffix) && entries->is_regular_file(unknown))
            names.push_back(entries->path().lexically_relative(folder).string());
    }
    if (error)
        return fail(error == std::errc::no_such_file_or_directory ? Code::not_found : Code::unavailable,
                    "cannot read the folder " + folder + ": " + error.message());
    std::sort(names.begin(), names.end());
    std::vector<std::pair<std::string, Bytes>> out;
    std::size_t total = 0;
    for (auto& name : names) {
        auto contents = read(folder + "/" + name, limit - total);
        if (!contents) return pass(contents.error());
        total += contents->size();
        out.emplace_back(std::move(name), std::move(*contents));
    }
    return out;
}

Status write(const std::string& path, ByteView contents, mode_t mode, Ownership owner) {
    const std::filesystem::path whole(path);
    const auto folder = Folder::open(whole.parent_path().string());
    if (!folder) return pass(folder.error(), "cannot write " + path);
    return folder->write(whole.filename().string(), contents, mode, owner);
}

Status make_private_dir(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail(Code::unavailable, "cannot make the folder " + path + ": " + error.message());
    if (::chmod(path.c_str(), 0700) != 0) return failed(path, "set the mode of");
    return {};
}

}  // namespace mayfly::files
