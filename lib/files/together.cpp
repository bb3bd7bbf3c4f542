#include "lib/files/together.h"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "lib/files/folder.h"
#include "mayfly/names.h"

namespace mayfly::files {

namespace {

constexpr std::string_view kGeneration = "gen-", kCurrent = "current";

/// Lock holds a folder for one writer; it goes with the folder's handle.
bool lock(const Folder& folder) {
    while (::flock(folder.descriptor(), LOCK_EX) != 0)
        if (errno != EINTR) return false;
    return true;
}

tl::unexpected<Error> not_locked(const std::string& folder) {
    return fail(Code::unavailable, "cannot lock " + folder + ": " + std::strerror(errno));
}

/// "gen-7", and nothing that leads elsewhere: who owns the folder can write whatever they like into the link.
bool is_generation(std::string_view name) {
    return name.starts_with(kGeneration) && name.size() > kGeneration.size() && name.size() < 16 &&
           std::all_of(name.begin() + kGeneration.size(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string generation_in(const Folder& store) {
    auto name = store.link_text(std::string(kCurrent));
    return is_generation(name) ? name : std::string();
}

/// Names is how the folder's links name what is in the store.
struct Names {
    std::string prefix;
    [[nodiscard]] std::string link_text(const std::string& name) const { return prefix + "current/" + name; }
};

enum class There { nothing, ours, plain, other };

There what_is(const Folder& folder, const Names& names, const std::string& name) {
    const auto info = folder.look(name);
    if (!info) return There::nothing;
    if (S_ISREG(info->st_mode)) return There::plain;
    return folder.link_text(name) == names.link_text(name) ? There::ours : There::other;
}

std::string after(const std::string& generation) {
    unsigned number = 0;
    if (generation.starts_with(kGeneration)) {
        const auto digits = std::string_view(generation).substr(kGeneration.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    }
    return std::string(kGeneration) + std::to_string(number + 1);
}

/// An empty folder for a set, closed until it is filled.
Result<Folder> make_generation(const Folder& store, const std::string& name) {
    if (auto ok = store.remove(name); !ok) return pass(ok.error());  // what an interrupted attempt left
    return store.make(name);
}

/// Plain files that bear the set's names become a set of their own, the one in force, before anything changes.
Status adopt(const Folder& folder, const Folder& store, const Names& names, const std::vector<SetFile>& files) {
    std::vector<std::string> plain;
    for (const auto& file : files) {
        const auto there = what_is(folder, names, file.name);
        if (there == There::other)
            return fail(Code::conflict, folder.path() + "/" + file.name + " is neither a file nor a link of ours",
                        "E-FILE-EXISTS", "it is not ours to replace", "move it away, or give another --out");
        if (there == There::plain) plain.push_back(file.name);
    }
    if (plain.empty() || !generation_in(store).empty()) return {};
    const std::string first = std::string(kGeneration) + "0";
    const auto set = make_generation(store, first);
    if (!set) return pass(set.error());
    for (const auto& name : plain)
        if (auto ok = folder.keep(name, *set); !ok) return ok;
    if (auto ok = set->hand_over(0755, {}); !ok) return ok;
    if (auto ok = store.link_over(first, std::string(kCurrent)); !ok) return ok;
    for (const auto& name : plain)
        if (auto ok = folder.link_over(names.link_text(name), name); !ok) return ok;
    return {};
}

/// Names that the set has and the folder lacks; names that lead nowhere any more.
Status settle_links(const Folder& folder, const Names& names, const std::vector<SetFile>& files) {
    for (const auto& file : files)
        if (what_is(folder, names, file.name) != There::ours)
            if (auto ok = folder.link_over(names.link_text(file.name), file.name); !ok) return ok;
    for (const auto& name : folder.names())
        if (what_is(folder, names, name) == There::ours && !folder.leads(name)) (void)folder.remove(name);
    return {};
}

void forget_others(const Folder& store, const std::string& now, const std::string& before) {
    for (const auto& name : store.names())
        if (name.starts_with(kGeneration) && name != now && name != before) (void)store.remove(name);
}

/// The store is the folder itself, or a folder in it.
Result<Folder> store_in(const Folder& folder, const std::string& name) {
    return folder.below(name.empty() ? "." : name);
}

Result<Folder> open_or_make_store(const Folder& folder, const std::string& name) {
    if (name.empty() || folder.look(name)) return store_in(folder, name);
    auto made = folder.make(name);
    if (!made) return made;
    if (auto ok = made->hand_over(0755, {}); !ok) return pass(ok.error());
    return made;
}

}  // namespace

Status write_together(const std::string& path, const std::string& store_name, const std::vector<SetFile>& files,
                      Ownership owner) {
    const auto folder = Folder::open(path);
    if (!folder) return pass(folder.error());
    if (!lock(*folder)) return not_locked(path);
    const auto store = open_or_make_store(*folder, store_name);
    if (!store) return pass(store.error());
    const Names names{store_name.empty() ? "" : store_name + "/"};
    if (auto ok = adopt(*folder, *store, names, files); !ok) return ok;
    const std::string before = generation_in(*store), next = after(before);
    const auto set = make_generation(*store, next);
    if (!set) return pass(set.error());
    for (const auto& file : files)
        if (auto ok = set->write(file.name, file.contents, file.mode, owner); !ok) return ok;
    // Its files guard themselves, each by its mode, and `folder` guards them all.
    if (auto ok = set->hand_over(0755, owner); !ok) return ok;
    // The one step that replaces everything.
    if (auto ok = store->link_over(next, std::string(kCurrent)); !ok) return ok;
    if (auto ok = store->flush(); !ok) return ok;
    if (auto ok = settle_links(*folder, names, files); !ok) return ok;
    if (auto ok = folder->flush(); !ok) return ok;
    forget_others(*store, next, before);
    return {};
}

std::string set_in_force(const std::string& path, const std::string& store_name) {
    const auto folder = Folder::open(path);
    const auto store = folder ? store_in(*folder, store_name) : Result<Folder>(pass(folder.error()));
    return store ? generation_in(*store) : std::string();
}

Status go_back(const std::string& path, const std::string& store_name, const std::string& set) {
    const auto folder = Folder::open(path);
    if (!folder) return pass(folder.error());
    if (!lock(*folder)) return not_locked(path);
    const auto store = store_in(*folder, store_name);
    if (!store) return pass(store.error());
    if (!is_generation(set) || !store->below(set))
        return fail(Code::not_found, "there is no earlier set " + printable(set) + " in " + store->path());
    if (auto ok = store->link_over(set, std::string(kCurrent)); !ok) return ok;
    return store->flush();
}

Result<Bytes> read_in_force(const std::string& path, const std::string& store_name, const std::string& name,
                            std::size_t limit) {
    const auto folder = Folder::open(path);
    if (!folder) return pass(folder.error());
    const auto store = store_in(*folder, store_name);
    if (!store) return pass(store.error());
    const std::string now = generation_in(*store);
    if (now.empty()) return fail(Code::not_found, "there is no set in " + store->path());
    const auto set = store->below(now);
    if (!set) return pass(set.error());
    return set->read(name, limit);
}

}  // namespace mayfly::files
