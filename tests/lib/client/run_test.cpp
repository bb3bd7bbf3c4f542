#include "lib/client/run.h"

#include <fcntl.h>

#include <csignal>

#include "tests/catch.h"
#include "tests/lib/client/process.h"

namespace mayfly {

namespace {

/// A child of ours that runs `argv` attached, with pipes for its standard input and output.
struct Attached {
    pid_t process = 0;
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    explicit Attached(const std::vector<std::string>& argv) {
        REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
        REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
        process = ::fork();
        REQUIRE(process >= 0);
        if (process != 0) return;
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        const auto code = client::run_attached(argv);
        ::_exit(code ? *code : 250);
    }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;
    ~Attached() {
        for (const int end : {in[0], in[1], out[0], out[1]}) ::close(end);
    }
    /// Returns when the program itself has answered: from then on it runs.
    void wait_until_it_runs() const {
        char echoed = 0;
        REQUIRE(::write(in[1], "x", 1) == 1);
        REQUIRE(::read(out[0], &echoed, 1) == 1);
    }
    [[nodiscard]] int status() const {
        int status = 0;
        ::waitpid(process, &status, 0);
        return status;
    }
};

}  // namespace

TEST_CASE("a program's exit code is ours") {
    CHECK(client::run_attached({"true"}).value() == 0);
    CHECK(client::run_attached({"false"}).value() == 1);
    const auto missing = client::run_attached({"no-such-program-of-mayfly"});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().id == "E-RUN");
}

TEST_CASE("a signal to us ends the program that we run, and we live to clean up") {
    const int signal = GENERATE(SIGTERM, SIGHUP, SIGINT, SIGQUIT);
    const Attached child({"cat"});
    child.wait_until_it_runs();
    REQUIRE(::kill(child.process, signal) == 0);
    const int status = child.status();
    REQUIRE(WIFEXITED(status));  // it returned from run_attached, rather than being ended by the signal
    CHECK(WEXITSTATUS(status) == 128 + signal);
}

TEST_CASE("input and output of any size pass through, and a program that does not read harms nobody") {
    const std::string large(3 << 20, 'x');
    const auto echoed = client::run({"cat"}, large);
    REQUIRE(echoed);
    CHECK(echoed->exit_code == 0);
    CHECK(echoed->out.size() >= 1 << 20);  // what is above the limit is read and dropped
    CHECK(echoed->out.size() < large.size());
    const auto deaf = client::run({"true"}, large);
    REQUIRE(deaf);
    CHECK(deaf->exit_code == 0);
}

TEST_CASE("without asking, the program has no terminal and is told to open no window") {
    const test::Variable before("SSH_ASKPASS_REQUIRE", "force");
    const auto never = client::run({"printenv", "SSH_ASKPASS_REQUIRE"}, {}, client::Asking::never);
    REQUIRE(never);
    CHECK(never->out == "never\n");
    const auto allowed = client::run({"printenv", "SSH_ASKPASS_REQUIRE"}, {}, client::Asking::allowed);
    REQUIRE(allowed);
    CHECK(allowed->out == "force\n");
}

}  // namespace mayfly
