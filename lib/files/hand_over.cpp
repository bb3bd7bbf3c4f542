#include "lib/files/hand_over.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <vector>

#include "lib/files/folder.h"

namespace mayfly::files {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& out, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc() && end == text.data() + text.size();
}

Result<mode_t> parse_mode(const std::string& text) {
    mode_t mode = 0;
    const bool octal = (text.size() == 3 || (text.size() == 4 && text.front() == '0')) && read_number(text, mode, 8);
    constexpr mode_t kAllowed = 0660, kNeeded = 0400;
    if (octal && (mode & ~kAllowed) == 0 && (mode & kNeeded) != 0) return mode;
    return fail(Code::malformed, "\"" + text + "\" is no mode for a file with a private key", "E-FILE-MODE",
                "its owner reads it, its group may, others never", "--mode 0600, 0640 or 0400");
}

tl::unexpected<Error> bad_owner(const std::string& message, const std::string& why) {
    return fail(Code::malformed, message, "E-FILE-OWNER", why, "--owner USER, USER:GROUP or :GROUP");
}

Result<uid_t> find_user(const std::string& name) {
    uid_t number = 0;
    if (read_number(name, number, 10)) return number;
    const passwd* entry = ::getpwnam(name.c_str());  // no other thread of a command line asks
    if (entry == nullptr) return bad_owner("there is no user \"" + name + "\"", {});
    return entry->pw_uid;
}

Result<gid_t> find_group(const std::string& name) {
    gid_t number = 0;
    if (read_number(name, number, 10)) return number;
    const group* entry = ::getgrnam(name.c_str());
    if (entry == nullptr) return bad_owner("there is no group \"" + name + "\"", {});
    return entry->gr_gid;
}

bool in_group(gid_t wanted) {
    if (::getegid() == wanted) return true;
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
    if (count > 0 && ::getgroups(count, groups.data()) != count) return false;
    return std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

Result<files::Ownership> parse_owner(const std::string& text) {
    const auto colon = text.find(':');
    const std::string user = text.substr(0, colon), group = colon == std::string::npos ? "" : text.substr(colon + 1);
    if ((user.empty() && group.empty()) || (colon != std::string::npos && group.empty()))
        return bad_owner("\"" + text + "\" names nobody", {});
    files::Ownership owner;
    if (!user.empty()) {
        const auto found = find_user(user);
        if (!found) return pass(found.error());
        owner.user = *found;
    }
    if (!group.empty()) {
        const auto found = find_group(group);
        if (!found) return pass(found.error());
        owner.group = *found;
    }
    const bool may =
        ::geteuid() == 0 || ((!owner.user || *owner.user == ::geteuid()) && (!owner.group || in_group(*owner.group)));
    if (!may) return bad_owner("only root gives files to " + text, "nothing was minted");
    return owner;
}

}  // namespace

Result<HandOver> parse_hand_over(const std::string& mode, const std::string& owner) {
    HandOver out;
    if (!mode.empty()) {
        const auto parsed = parse_mode(mode);
        if (!parsed) return pass(parsed.error());
        out.secret_mode = *parsed;
    }
    if (!owner.empty()) {
        const auto parsed = parse_owner(owner);
        if (!parsed) return pass(parsed.error());
        out.owner = *parsed;
    }
    return out;
}

Status make_folder(const std::string& path, const HandOver& hand_over) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (fs::is_directory(path, error)) return {};
    fs::path whole(path);
    if (!whole.has_filename()) whole = whole.parent_path();
    const fs::path above = whole.parent_path();
    error.clear();  // that it is not there is no trouble
    if (!above.empty()) fs::create_directories(above, error);
    if (error) return fail(Code::unavailable, "cannot make the folder " + path + ": " + error.message());
    const auto parent = Folder::open(above.string());
    if (!parent) return pass(parent.error());
    const auto made = parent->make(whole.filename().string());
    if (!made) return pass(made.error());
    return made->hand_over(hand_over.folder_mode(), hand_over.owner);
}

}  // namespace mayfly::files
