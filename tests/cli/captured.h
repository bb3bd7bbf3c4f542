#pragma once
// The command line, run inside the test: what it prints, and its exit code.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "cli/verbs.h"

namespace mayfly::test {

struct Captured {
    int exit_code = 0;
    std::string out, err;
};

namespace detail {

/// Redirect leads one of the standard files into memory for as long as it lives.
class Redirect {
public:
    Redirect(std::FILE* stream, int number) : stream_(stream), number_(number) {
        std::fflush(stream_);
        before_ = ::dup(number_);
        memory_ = ::memfd_create("captured", MFD_CLOEXEC);
        ::dup2(memory_, number_);
    }
    Redirect(const Redirect&) = delete;
    Redirect& operator=(const Redirect&) = delete;
    ~Redirect() {
        ::dup2(before_, number_);
        ::close(before_);
        ::close(memory_);
    }
    [[nodiscard]] std::string text() const {
        std::fflush(stream_);
        std::string out(static_cast<std::size_t>(::lseek(memory_, 0, SEEK_END)), '\0');
        (void)!::pread(memory_, out.data(), out.size(), 0);
        return out;
    }

private:
    std::FILE* stream_;
    int number_, before_ = -1, memory_ = -1;
};

}  // namespace detail

inline Captured capture(const std::function<int()>& work) {
    const detail::Redirect out(stdout, STDOUT_FILENO), err(stderr, STDERR_FILENO);
    const int code = work();
    return {code, out.text(), err.text()};
}

/// mayfly WORDS…
inline Captured mayfly_cli(std::vector<const char*> words) {
    return capture([&] {
        words.insert(words.begin(), "mayfly");
        cli::Cli cli;
        return cli::run(cli, static_cast<int>(words.size()), words.data());
    });
}

}  // namespace mayfly::test
