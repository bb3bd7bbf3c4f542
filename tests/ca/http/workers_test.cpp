#include "ca/http/workers.h"

#include <future>
#include <string>

#include "tests/catch.h"

using mayfly::http::Workers;

namespace {

/// One worker that is held until `release`, so that what is posted meanwhile has to queue.
struct Held {
    explicit Held(std::size_t longest_queue) : workers(1, longest_queue) {
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
    Held held(16);
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
    Held held(2);
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
    Held held(3);
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
    Held held(4);
    held.post(1, "a");
    held.post(2, "b");
    held.release();
    CHECK(held.served == "a b ");
}
