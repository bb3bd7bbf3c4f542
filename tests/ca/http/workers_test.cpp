#include "ca/http/workers.h"

#include <future>
#include <string>

#include "lib/fibers/awaited.h"
#include "tests/catch.h"

using mayfly::http::Workers;

namespace {

/// One worker, whichever way it runs its handlers.
Workers::Hands one() { return GENERATE(Workers::Hands{1}, Workers::Hands{1, 4}); }

/// One worker that is held until `release`, so that what is posted meanwhile has to queue.
struct Held {
    Held(Workers::Hands hands, std::size_t longest_queue) : workers(hands, longest_queue) {
        std::promise<void> begun;
        auto running = begun.get_future();
        workers.post([] { return 0; }, {[&] {
                                            begun.set_value();
                                            gate.get_future().wait();
                                        },
                                        [] {}});
        running.wait();
    }
    void post(Workers::End end, const std::string& name) {
        workers.post(
            [this, end] {
                ++asked;
                return end;
            },
            {[this, name] { served += name + " "; }, [this, name] { refused += name + " "; }});
    }
    void release() {
        gate.set_value();
        workers.join();
    }
    std::promise<void> gate;
    std::string served, refused;
    int asked = 0;
    Workers workers;
};

}  // namespace

TEST_CASE("whoever's certificate ends first is served first, and the others in the order they came") {
    Held held(one(), 16);
    held.post(Workers::kNoEnd, "before-all");
    held.post(Workers::kNoEnd, "first-stranger");
    held.post(500, "in-500");
    held.post(Workers::kNoEnd, "second-stranger");
    held.post(100, "in-100");
    held.post(500, "in-500-too");
    held.release();
    CHECK(held.served == "before-all in-100 in-500 in-500-too first-stranger second-stranger ");
    CHECK(held.refused.empty());
}

TEST_CASE("whoever came when nobody waited is not overtaken, and was not asked") {
    Held held(one(), 2);
    held.post(500, "in-500");
    CHECK(held.asked == 0);
    held.post(100, "in-100");
    held.post(100, "in-100-too");
    CHECK(held.asked == 2);
    held.release();
    CHECK(held.served == "in-500 in-100 ");
    CHECK(held.refused == "in-100-too ");
}

TEST_CASE("a full queue refuses the least urgent request at once, which may be the one that just came") {
    Held held(one(), 3);
    held.post(Workers::kNoEnd, "before-all");
    held.post(Workers::kNoEnd, "stranger");
    held.post(500, "in-500");
    held.post(Workers::kNoEnd, "late-stranger");
    CHECK(held.refused == "late-stranger ");
    held.post(100, "in-100");
    CHECK(held.refused == "late-stranger stranger ");
    held.release();
    CHECK(held.served == "before-all in-100 in-500 ");
}

TEST_CASE("what is queued when the workers end is still run") {
    Held held(one(), 4);
    held.post(1, "a");
    held.post(2, "b");
    held.release();
    CHECK(held.served == "a b ");
}

TEST_CASE("a handler in a fiber that waits gives its thread to the next, and goes on before one that begins") {
    std::string told;
    mayfly::fibers::Awaited<int> second_came;
    {
        Held held({1, 2}, 16);
        const auto post = [&](auto run) { held.workers.post([] { return 0; }, {run, [] {}}); };
        post([&] {
            told += "first ";
            (void)second_came.get();
            told += "first-again ";
        });
        post([&] {
            told += "second ";
            second_came.set(1);
        });
        post([&] { told += "third "; });
        held.release();
    }
    CHECK(told == "first second first-again third ");
}

TEST_CASE("no more handlers begin than there are fibers, and the end waits for those that wait") {
    std::string told;
    mayfly::fibers::Awaited<int> go_on;
    std::promise<void> begun;
    Workers workers({1, 1}, 16);
    workers.post([] { return 0; }, {[&] {
                                        begun.set_value();
                                        (void)go_on.get();
                                        told += "first ";
                                    },
                                    [] {}});
    workers.post([] { return 0; }, {[&] { told += "second "; }, [] {}});
    begun.get_future().wait();
    std::thread setter([&] { go_on.set(1); });
    workers.join();
    setter.join();
    CHECK(told == "first second ");
}
