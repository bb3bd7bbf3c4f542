#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

/// TempDir is a folder that goes with the test.
class TempDir {
public:
    TempDir() {
        std::string path = "/tmp/mayfly-test.XXXXXX";
        if (::mkdtemp(path.data()) != nullptr) path_ = path;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] std::string path(const std::string& name = "") const {
        return name.empty() ? path_ : path_ + "/" + name;
    }

private:
    std::string path_;
};
