// What sshd's log says of certificates, and how it reaches the CA once.
#include <fstream>

#include "agent/report/log_source.h"
#include "agent/report/reporter.h"
#include "agent/report/spool.h"
#include "agent/report/sshd_log.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

const Instant kNow(1795235162);
const std::string kKey = "SHA256:" + std::string(42, 'k') + "A", kCa = "SHA256:" + std::string(42, 'c') + "A";

std::string accepted(const std::string& account, const std::string& source, const std::string& id,
                     std::uint64_t serial) {
    return "Accepted publickey for " + account + " from " + source + " ssh2: ED25519-CERT " + kKey + " ID " + id +
           " (serial " + std::to_string(serial) + ") CA ED25519 " + kCa;
}

std::optional<Opened> opened(const std::string& message) {
    const auto fact = parse_sshd_message(message);
    const auto* out = fact ? std::get_if<Opened>(&*fact) : nullptr;
    return out == nullptr ? std::nullopt : std::optional(*out);
}

api::NodeUse use(int n, bool closed = false) {
    api::NodeUse out{"id-" + std::to_string(n),
                     std::to_string(n),
                     "human/alice/ops/g-1",
                     kKey,
                     kCa,
                     "deploy",
                     "192.0.2.7 port " + std::to_string(n),
                     "2026-11-21T04:26:02Z"};
    if (closed) out.closed = "2026-11-21T04:27:02Z", out.end = "disconnected";
    return out;
}

void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }

std::vector<std::string> texts(const LogSource::Read& read) {
    std::vector<std::string> out;
    for (const auto& message : read.messages) out.push_back(message.text);
    return out;
}

}  // namespace

TEST_CASE("a certificate that sshd accepted is read with all that identifies it") {
    const auto found = opened(accepted("deploy", "192.0.2.7 port 51234", "human/alice/ops/g-7", 42) + "\r\n");
    REQUIRE(found);
    CHECK(*found == Opened{"deploy", "192.0.2.7 port 51234", kKey, "human/alice/ops/g-7", 42, kCa});
    CHECK(opened(accepted("root", "2001:db8::1 port 1", "x", 18446744073709551615U))->serial == 18446744073709551615U);
    CHECK(opened(accepted("root", "fe80::1%eth0 port 22", "x", 1))->source == "fe80::1%eth0 port 22");
}

TEST_CASE("nothing in a key id can stand for the fields after it") {
    const std::string forged = "x (serial 7) CA ED25519 " + kKey;
    const auto found = opened(accepted("root", "192.0.2.7 port 1", forged, 9));
    REQUIRE(found);
    CHECK(found->serial == 9);
    CHECK(found->ca == kCa);
    CHECK(found->key_id == forged);
    CHECK(opened(accepted("root", "192.0.2.7 port 1", "a\x1b[2Jb\nAccepted", 9))->key_id == "a\\x1b[2Jb\\x0aAccepted");
    CHECK(opened(accepted("root", "192.0.2.7 port 1", "", 9))->key_id.empty());
    CHECK(opened(accepted("root", "192.0.2.7 port 1", std::string(5000, 'x'), 9))->key_id.size() == 255);
}

TEST_CASE("what is not exactly such a line says nothing") {
    const std::string good = accepted("root", "192.0.2.7 port 1", "x", 9);
    REQUIRE(opened(good));
    const std::string bad = GENERATE_REF(values<std::string>({
        "",
        "accepted publickey",
        " " + good,
        good + " ",
        good + " x",
        accepted("ro ot", "192.0.2.7 port 1", "x", 9),
        accepted("../root", "192.0.2.7 port 1", "x", 9),
        accepted("root", "somewhere port 1", "x", 9),
        accepted("root", "192.0.2.7 port 70000", "x", 9),
        accepted("root", "192.0.2.7 port", "x", 9),
        accepted("root from 10.0.0.1 port 5 ssh2:", "192.0.2.7 port 1", "x", 9),
        "Accepted publickey for root from 192.0.2.7 port 1 ssh2: ED25519-CERT " + kKey +
            " ID x (serial 9) CA ED25519 SHA256:short",
        "Accepted publickey for root from 192.0.2.7 port 1 ssh2: ED25519-CERT " + kKey +
            " ID x (serial -9) CA ED25519 " + kCa,
        "Accepted publickey for root from 192.0.2.7 port 1 ssh2: ED25519-CERT " + kKey +
            " ID x (serial 99999999999999999999) CA ED25519 " + kCa,
        "Failed publickey for root from 192.0.2.7 port 1 ssh2: ED25519-CERT " + kKey + " ID x (serial 9) CA ED25519 " +
            kCa,
        std::string(9000, 'A'),
    }));
    INFO(bad);
    CHECK_FALSE(parse_sshd_message(bad));
}

TEST_CASE("the end of a connection is read in each of the ways in which sshd says it") {
    const std::string message = GENERATE(values<std::string>({
        "Disconnected from user deploy 192.0.2.7 port 51234",
        "Connection closed by user deploy 192.0.2.7 port 51234",
        "Connection reset by user deploy 192.0.2.7 port 51234",
        "Timeout, client not responding from user deploy 192.0.2.7 port 51234",
        "Disconnecting user deploy 192.0.2.7 port 51234: Too many authentication failures",
    }));
    const auto fact = parse_sshd_message(message);
    REQUIRE(fact);
    CHECK(std::get<Closed>(*fact) == Closed{"deploy", "192.0.2.7 port 51234"});
    CHECK_FALSE(parse_sshd_message("Disconnected from invalid user deploy 192.0.2.7 port 51234 [preauth]"));
    CHECK_FALSE(parse_sshd_message("Connection closed by authenticating user root 192.0.2.7 port 5 [preauth]"));
    CHECK_FALSE(parse_sshd_message("Received disconnect from 192.0.2.7 port 5:11: disconnected by user"));
}

TEST_CASE("a syslog line is sshd's when syslog says so, not when its text does") {
    CHECK(split_syslog("Nov 21 10:28:23 db-7 sshd[123]: hello")->message == "hello");
    CHECK(split_syslog("2026-11-21T10:28:23.123456+00:00 db-7 sshd-session[9]: hello")->tag == "sshd-session");
    CHECK(split_syslog("Nov  1 10:28:23 db-7 login[1]: sshd[2]: Accepted")->tag == "login");
    for (const auto* line :
         {"", "sshd[1]: Accepted", "Nov 21 10:28:23 db-7 sshd: Accepted", "Nov 21 10:28:23 db-7 sshd[x]: A",
          "Nov 21 10:28:23 db-7 some thing[1]: A", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})
        CHECK_FALSE(split_syslog(line));
}

TEST_CASE("a log file is read on from where reading stopped, across rotation and truncation, in whole lines") {
    const TempDir dir;
    const std::string path = dir.path("log");
    const auto source = open_log_file(path, LogForm::plain);
    const auto absent = source->read("", kNow);
    REQUIRE(absent);
    append(path, "one\ntwo\nthr");
    auto read = source->read(absent->position, kNow);  // the file came into being: all of it is new
    CHECK(texts(*read) == std::vector<std::string>{"one", "two"});
    append(path, "ee\nfour\n");
    const auto again = source->read(read->position, kNow);
    CHECK(texts(*again) == std::vector<std::string>{"three", "four"});
    CHECK(again->messages[0].at == read->position);
    CHECK(again->messages[1].after == again->position);
    CHECK(source->read(again->position, kNow)->messages.empty());

    append(path, "five\n");
    std::filesystem::rename(path, path + ".1");
    append(path, "six\n");
    auto turned = source->read(again->position, kNow);
    CHECK(texts(*turned) == std::vector<std::string>{"five"});
    CHECK(turned->more);
    turned = source->read(turned->position, kNow);
    CHECK(texts(*turned) == std::vector<std::string>{"six"});

    std::filesystem::resize_file(path, 0);
    append(path, "7\n");
    CHECK(texts(*source->read(turned->position, kNow)) == std::vector<std::string>{"7"});
    // A first look at a log that has a past: the past is not ours to tell.
    CHECK(source->read("", kNow)->messages.empty());
    append(path, "Nov 21 10:28:23 db-7 sshd[123]: by sshd\nNov 21 10:28:23 db-7 logger[9]: sshd[1]: not by sshd\n");
    const auto filtered = open_log_file(path, LogForm::syslog)->read("0:0", kNow);
    CHECK(texts(*filtered) == std::vector<std::string>{"by sshd"});
}

TEST_CASE("the spool keeps what was used until the CA has it, and how far the log was read") {
    const TempDir dir;
    const std::string path = dir.path("spool");
    const auto load = [&](const char* boot = "boot-1") {
        return std::move(*Spool::load(path, boot, "2026-11-21T05:00:00Z"));
    };
    {
        auto spool = load();
        REQUIRE(spool.add({"p1", {use(1), use(2)}, {}}));
        REQUIRE(spool.add({"p2", {}, {use(1, true)}}));
    }
    {
        auto spool = load();
        CHECK(spool.position() == "p2");
        CHECK(spool.pending() == 3);
        CHECK(spool.open().size() == 1);
        const auto first = spool.oldest(2);
        CHECK(first.uses.size() == 2);
        CHECK(first.uses[0].id == "id-1");
        REQUIRE(spool.delivered(2, 0));
    }
    {
        auto spool = load();
        CHECK(spool.position() == "p2");
        REQUIRE(spool.pending() == 1);
        CHECK(spool.oldest(9).uses[0].closed == "2026-11-21T04:27:02Z");
        CHECK(spool.open().size() == 1);  // reported, and still open
        REQUIRE(spool.delivered(1, 0));
    }
    {
        auto spool = load();
        CHECK(spool.pending() == 0);
        CHECK(spool.open().size() == 1);
    }
    // After a reboot nothing is open any more, and the CA learns that.
    auto spool = load("boot-2");
    CHECK(spool.open().empty());
    REQUIRE(spool.pending() == 1);
    CHECK(spool.oldest(1).uses[0].id == "id-2");
    CHECK(spool.oldest(1).uses[0].end == "unknown");
}

TEST_CASE("a spool line that a crash cut short is as if it had not been read") {
    const TempDir dir;
    const std::string path = dir.path("spool");
    {
        auto spool = std::move(*Spool::load(path, "b", "t"));
        REQUIRE(spool.add({"p1", {use(1)}, {}}));
    }
    std::uintmax_t whole = 0;
    {
        auto spool = std::move(*Spool::load(path, "b", "t"));
        whole = std::filesystem::file_size(path);
        REQUIRE(spool.add({"p2", {use(2)}, {}}));
    }
    const auto both = std::filesystem::file_size(path);
    const std::string saved = dir.path("saved");
    std::filesystem::copy_file(path, saved);
    for (auto size = whole; size < both; ++size) {
        std::filesystem::copy_file(saved, path, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(path, size);
        const auto spool = Spool::load(path, "b", "t");
        REQUIRE(spool);
        CHECK(spool->position() == "p1");
        CHECK(spool->pending() == 1);
    }
    append(path, "damage\n");
    const auto fresh = Spool::load(path, "b", "t");
    REQUIRE(fresh);
    CHECK(fresh->lost() == 1);
    CHECK(std::filesystem::exists(path + ".damaged"));
}

TEST_CASE("a full spool counts what it cannot keep, and keeps what came first") {
    const TempDir dir;
    auto spool = std::move(*Spool::load(dir.path("spool"), "b", "t", {3, 1000}));
    for (int i = 1; i <= 5; ++i) REQUIRE(spool.add({"p" + std::to_string(i), {use(i)}, {}}));
    CHECK(spool.pending() == 3);
    CHECK(spool.lost() == 2);
    CHECK(spool.position() == "p5");
    const auto again = Spool::load(dir.path("spool"), "b", "t", {3, 1000});
    CHECK(again->lost() == 2);
    CHECK(again->oldest(9).uses.front().id == "id-1");
    CHECK(again->oldest(9).lost == 2);
    REQUIRE(spool.delivered(3, 2));
    CHECK(Spool::load(dir.path("spool"), "b", "t")->lost() == 0);
}

TEST_CASE("sessions are followed from log to spool: in, out, and the same port again") {
    const TempDir dir;
    const std::string log = dir.path("log");
    append(log, "");
    const auto reporter = [&] {
        return Reporter(open_log_file(log, LogForm::plain), std::move(*Spool::load(dir.path("spool"), "b", "t")));
    };
    {
        auto first = reporter();
        REQUIRE(first.collect(kNow));
        append(log, accepted("deploy", "192.0.2.7 port 1", "human/alice/ops/g-1", 5) + "\n");
        append(log, accepted("deploy", "192.0.2.7 port 2", "human/bob/ops/g-2", 6) + "\n");
        append(log,
               "Accepted password for root from 192.0.2.7 port 3 ssh2\nDisconnected from user root 192.0.2.7 port 3\n");
        REQUIRE(first.collect(kNow));
        CHECK(first.spool().pending() == 2);
        REQUIRE(first.collect(kNow));
        CHECK(first.spool().pending() == 2);
    }
    auto second = reporter();
    append(log, "Disconnected from user deploy 192.0.2.7 port 1\n" +
                    accepted("deploy", "192.0.2.7 port 2", "human/eve/ops/g-3", 7) + "\n");
    REQUIRE(second.collect(Instant(kNow.seconds() + 60)));
    const auto uses = second.spool().oldest(9).uses;
    REQUIRE(uses.size() == 5);
    CHECK(uses[0].serial == "5");
    CHECK(uses[0].closed.empty());
    CHECK(uses[2].serial == "7");
    CHECK(uses[3].id == uses[0].id);
    CHECK(uses[3].closed == Instant(kNow.seconds() + 60).text());
    CHECK(uses[4].id == uses[1].id);
    CHECK(uses[4].end == "unknown");
    CHECK(second.spool().open().size() == 1);
}
