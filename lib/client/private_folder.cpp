#include "lib/client/private_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/files/files.h"

namespace mayfly::client {

Result<PrivateFolder> PrivateFolder::make() {
    if (auto ok = files::make_private_dir(runtime_dir()); !ok) return pass(ok.error());
    std::string path = runtime_dir() + "/run.XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return fail(Code::unavailable, "cannot make a folder in " + runtime_dir() + ": " + std::strerror(errno));
    return PrivateFolder(std::move(path));
}

PrivateFolder::~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace mayfly::client
