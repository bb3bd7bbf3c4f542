// The signer's loop over its two sockets, in this process: what goes first, and what ends it.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <future>

#include "ca/signer/core.h"
#include "ca/signer/serve.h"
#include "tests/ca/signer/facts.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

using signer::Verb;

/// Tells the time, and somebody that it was asked.
struct AskedClock : Clock {
    mutable std::function<void()> asked = [] {};
    [[nodiscard]] Instant now() const override {
        asked();
        return Instant(fakes::kNow);
    }
};

/// A core behind two sockets, and the CA's ends of them.
struct Served {
    Served() {
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, orders) == 0);
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, heads) == 0);
    }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    ~Served() {
        for (const int end : {orders[0], orders[1], heads[0], heads[1]}) ::close(end);
    }
    /// The CA says no more.
    void hang_up() {
        for (int* end : {&orders[0], &heads[0]}) ::shutdown(*end, SHUT_WR);
    }
    Status serve() { return signer::serve(*core, {orders[1], heads[1]}); }

    AskedClock clock;
    signer::Keys keys = fakes::make_keys();
    std::string pem = fakes::issuing_pem(keys.x509, fakes::kNow);
    Result<signer::Core> core = signer::Core::make(std::move(keys), pem, "corp.example/log", {}, clock,
                                                   std::move(*signer::JournalWriter::open("")));
    int orders[2] = {-1, -1}, heads[2] = {-1, -1};
};

Bytes order_of(std::size_t certificates) {
    return signer::encode_orders(
        std::vector<signer::Order>(certificates, {steps::IssuerId::ssh_user, good_ssh(fakes::kNow)}));
}

Bytes head_order() {
    return signer::encode_checkpoint_order(
        {{"corp.example/log", 0, log::empty_root()}, {"corp.example/log", 1, log::leaf_hash(view("a"))}, {}});
}

bool is_answered(int socket) {
    pollfd one{socket, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & POLLIN) != 0;
}

bool is_note(int socket) {
    const auto reply = signer::read_frame(socket);
    const auto payload = reply ? signer::open_reply(Verb::sign_checkpoint, *reply) : pass(reply.error());
    return payload && signer::parse_note_reply(*payload);
}

}  // namespace

TEST_CASE("each socket answers what belongs on it, until the CA closes") {
    Served served;
    REQUIRE(signer::write_frame(served.orders[0], order_of(3)));
    REQUIRE(signer::write_frame(served.heads[0], head_order()));
    auto end = std::async(std::launch::async, [&] { return served.serve(); });
    CHECK(is_note(served.heads[0]));
    const auto reply = signer::read_frame(served.orders[0]);
    served.hang_up();
    CHECK(end.get());
    REQUIRE(reply);
    const auto payload = signer::open_reply(Verb::sign_certificates, *reply);
    REQUIRE(payload);
    CHECK(signer::parse_certificates(*payload, 3));
}

TEST_CASE("a checkpoint goes before what was asked earlier") {
    Served served;
    REQUIRE(signer::write_frame(served.orders[0], Bytes{1, 99}));  // the end of every signer that reads it
    REQUIRE(signer::write_frame(served.heads[0], head_order()));
    CHECK(served.serve().error().code == Code::malformed);
    CHECK(is_note(served.heads[0]));
}

TEST_CASE("a checkpoint does not wait for the rest of a frame of certificates") {
    Served served;
    int asked = 0;
    bool was_answered = false;
    served.clock.asked = [&] {  // twice for each certificate: by the envelope and by the journal
        ++asked;
        if (asked == 3) REQUIRE(signer::write_frame(served.heads[0], head_order()));
        if (asked != 5) return;
        was_answered = is_answered(served.heads[0]) && !is_answered(served.orders[0]);
        served.hang_up();
    };
    REQUIRE(signer::write_frame(served.orders[0], order_of(5)));
    CHECK(served.serve());
    CHECK(was_answered);
    CHECK(asked == 10);
    CHECK(is_note(served.heads[0]));
    const auto reply = signer::read_frame(served.orders[0]);
    REQUIRE(reply);
    CHECK(signer::parse_certificates(*signer::open_reply(Verb::sign_certificates, *reply), 5));
}

TEST_CASE("what belongs on the other socket ends the signer") {
    Served served;
    SECTION("a checkpoint among the orders") { REQUIRE(signer::write_frame(served.orders[0], head_order())); }
    SECTION("certificates where checkpoints are asked for") {
        REQUIRE(signer::write_frame(served.heads[0], order_of(1)));
    }
    SECTION("a description where checkpoints are asked for") {
        REQUIRE(signer::write_frame(served.heads[0], signer::encode_describe()));
    }
    CHECK(served.serve().error().code == Code::malformed);
    served.hang_up();
    CHECK_FALSE(is_answered(served.orders[0]));
    CHECK_FALSE(is_answered(served.heads[0]));
}

TEST_CASE("half of the CA gone is all of it") {
    Served served;
    SECTION("orders") { ::shutdown(served.orders[0], SHUT_WR); }
    SECTION("heads") { ::shutdown(served.heads[0], SHUT_WR); }
    CHECK(served.serve());
}
