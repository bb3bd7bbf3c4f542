// A deadline that is moved costs nothing and passes when it should; every duration here is only ever waited for, never
// compared with how fast the machine is.
#include "ca/http/deadline.h"

#include "tests/catch.h"

using namespace mayfly;
using namespace std::chrono_literals;

namespace {

struct Connection : std::enable_shared_from_this<Connection> {
    explicit Connection(boost::asio::io_context& context) : deadline(context.get_executor()) {}
    void by(std::chrono::milliseconds in) {
        deadline.set(weak_from_this(), http::Deadline<Connection>::Clock::now() + in);
    }
    void too_late() { ++late; }
    http::Deadline<Connection> deadline;
    int late = 0;
};

}  // namespace

TEST_CASE("a deadline passes once, and not before its time") {
    boost::asio::io_context context;
    const auto connection = std::make_shared<Connection>(context);
    const auto began = std::chrono::steady_clock::now();
    connection->by(20ms);
    context.run();
    CHECK(connection->late == 1);
    CHECK(std::chrono::steady_clock::now() - began >= 20ms);
}

TEST_CASE("a deadline that was put off passes at its new time, one that was brought forward at once") {
    boost::asio::io_context context;
    const auto connection = std::make_shared<Connection>(context);
    const auto began = std::chrono::steady_clock::now();
    connection->by(10ms);
    connection->by(60ms);
    context.run();
    CHECK(connection->late == 1);
    CHECK(std::chrono::steady_clock::now() - began >= 60ms);

    context.restart();
    connection->by(24h);
    connection->by(1ms);
    context.run();  // would take a day
    CHECK(connection->late == 2);
}

TEST_CASE("a deadline that was lifted does not pass, and can be set again") {
    boost::asio::io_context context;
    const auto connection = std::make_shared<Connection>(context);
    connection->by(5ms);
    connection->deadline.lift();
    context.run();  // the timer goes off and finds nothing
    CHECK(connection->late == 0);

    context.restart();
    connection->by(5ms);
    context.run();
    CHECK(connection->late == 1);
}

TEST_CASE("whoever is gone has no deadline") {
    boost::asio::io_context context;
    auto connection = std::make_shared<Connection>(context);
    connection->by(24h);
    connection.reset();
    context.run();  // would take a day
    SUCCEED();
}
