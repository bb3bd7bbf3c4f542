#pragma once
// Folder: a folder by its handle. What is done in it is done there, wherever its name leads meanwhile, and no name in
// it is followed elsewhere: it may belong to somebody who would like root to write, or to give away, something else.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/files/files.h"

namespace mayfly::files {

class Folder {
public:
    /// open: for root, a link on the way is followed only when it is root's and stands where only root writes (denied,
    /// E-UNREAD, otherwise); who is not root can lead astray nobody but themselves.
    static Result<Folder> open(const std::string& path);
    Folder(Folder&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
    Folder& operator=(Folder&&) = delete;
    ~Folder();

    /// Names are single words, of what stands in this folder itself.
    Result<Folder> below(const std::string& name) const;
    /// make makes a folder of mode 0700 that is ours, and that nobody put there in our place.
    Result<Folder> make(const std::string& name) const;
    /// hand_over gives this folder its mode and its owner: at the end, when it is filled.
    Status hand_over(mode_t mode, Ownership owner) const;
    /// write makes or replaces a file, as files::write does, and flushes the folder.
    Status write(const std::string& name, ByteView contents, mode_t mode, Ownership owner = {}) const;
    /// link_over puts a symbolic link in place of whatever bears the name, in one step.
    Status link_over(const std::string& target, const std::string& name) const;
    /// keep gives a file a second name in another folder (link(2)).
    Status keep(const std::string& name, const Folder& in) const;
    /// remove takes a file, a link or a folder with all below it away. What is not there is gone already.
    Status remove(const std::string& name) const;
    /// read reads a file that stands here itself, has no other name elsewhere, and holds at most `limit` bytes.
    Result<Bytes> read(const std::string& name, std::size_t limit) const;
    /// What bears the name, itself; nullopt when nothing does.
    [[nodiscard]] std::optional<struct stat> look(const std::string& name) const;
    /// Whether the name leads to something, through links.
    [[nodiscard]] bool leads(const std::string& name) const;
    /// Where a link of this name points; "" when it is none.
    [[nodiscard]] std::string link_text(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> names() const;
    Status flush() const;
    [[nodiscard]] int descriptor() const { return fd_; }
    [[nodiscard]] const std::string& path() const { return path_; }  ///< for messages

private:
    Folder(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    int fd_;
    std::string path_;
};

}  // namespace mayfly::files
