// The power goes at every single write and sync of the database, with what was not synced kept, lost, or half lost.
#include <csignal>
#include <cstdlib>

#include "tests/fault/disk.h"

using namespace mayfly;
using crash::Disk, crash::Estate, crash::Point, crash::Running, crash::Survives;

/// Takes libc's place in this program, so that the disk learns what the signer's journal made durable.
extern "C" int fdatasync(int file) {
    const int done = static_cast<int>(::syscall(SYS_fdatasync, file));
    if (crash::disk_in_use() != nullptr && done == 0) {
        std::error_code ignored;
        const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), ignored);
        crash::disk_in_use()->journal_was_synced(path.string());
    }
    return done;
}

TEST_CASE("the power may go at any write") {
    const auto survives = GENERATE(Survives::all, Survives::none, Survives::half);
    const Estate estate;
    Running::found(estate);
    int cuts = 0;
    for (int nth = 1; nth < 400; ++nth) {
        INFO("write " << nth);
        const int ended = crash::in_child([&] {
            Disk disk(nth, survives, estate.path("journal"));
            disk.install();
            const Point never;
            Running ca(estate, never);
            (void)ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
            (void)ca.mint_and_answer(false);
            (void)ca.mint_and_answer(true);
        });
        if (ended == 0) break;
        REQUIRE(ended == crash::kCrashed);
        ++cuts;
        crash::check_estate(estate);
    }
    CHECK(cuts > 20);
}

TEST_CASE("the disk may refuse any write, having done it or not, and nothing was released that the log does not have") {
    using Says = crash::Refusal::Says;
    const auto says = GENERATE(Says::io_error, Says::full);
    const bool done = GENERATE(false, true), lasting = GENERATE(false, true);
    INFO((says == Says::full ? "full" : "EIO") << (done ? ", done" : "") << (lasting ? ", from then on" : ", once"));
    const Estate estate;
    Running::found(estate);
    int refusals = 0, ends = 0;
    for (int nth = 1; nth < 400; ++nth) {
        INFO("write " << nth);
        constexpr int kRefused = 3;
        const int ended = crash::in_child([&] {
            std::signal(SIGABRT, SIG_DFL);  // the end is what we wait for, and no failure of this test
            Disk disk(1 << 20, Survives::all, estate.path("journal"));
            disk.install();
            const Point never;
            Running ca(estate, never);
            disk.refuse(nth, {says, done, lasting});
            (void)ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
            for (const bool x509 : {false, true, false}) (void)ca.mint_and_answer(x509);
            ::_exit(disk.refused() ? kRefused : 0);
        });
        if (ended == 0) break;
        // An error of the disk ends the CA by itself: nobody knows what such a file holds (fsync(2), ERRORS). A full
        // disk is waited out.
        REQUIRE((ended == kRefused || ended == crash::kBroken));
        ++refusals;
        ends += ended == crash::kBroken;
        crash::check_estate(estate);
    }
    CHECK(refusals > 10);
    CHECK((ends > 0 || says == Says::full));
}

TEST_CASE("what start-up compared of the journal cannot be lost with the power afterwards") {
    // A process signs and dies: its journal lines are with the kernel, not on the disk. The next one compares them and
    // remembers how far it read; then the power goes.
    const Estate estate;
    Running::found(estate);
    REQUIRE(crash::in_child([&] {
                const Point signed_twice("signed", 2);
                Running ca(estate, signed_twice);
                (void)ca.mint_and_answer(false);
                (void)ca.mint_and_answer(false);
            }) == crash::kCrashed);
    REQUIRE(std::filesystem::file_size(estate.path("journal")) > 0);
    REQUIRE(crash::in_child([&] {
                Disk disk(1 << 20, Survives::none, estate.path("journal"));
                disk.journal_is_not_synced();
                disk.install();
                const Point never;
                Running ca(estate, never);
                (void)ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
                disk.cut();
            }) == crash::kCrashed);
    CHECK(crash::check_estate(estate).intents.size() == 2);
}

TEST_CASE("a journal that was cut back behind what was compared is found") {
    const Estate estate;
    Running::found(estate);
    {
        const Point never;
        Running ca(estate, never);
        REQUIRE(ca.mint_and_answer(false));
        REQUIRE(ca.mint_and_answer(false));
        REQUIRE(ca.store->recover(estate.path("journal"), Instant(fakes::kNow)));
    }
    const auto size = std::filesystem::file_size(estate.path("journal"));
    std::filesystem::resize_file(estate.path("journal"), size / 2);  // one of two lines of one length
    const Point never;
    Running ca(estate, never);
    const auto recovered = ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().id == "E-JOURNAL");
    CHECK_THAT(recovered.error().message, Contains("shorter"));
}
