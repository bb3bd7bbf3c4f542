// The signer: its envelope in process, and the real child process behind its socket.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <latch>
#include <sstream>
#include <thread>

#include "ca/signer/child.h"
#include "ca/signer/core.h"
#include "lib/client/run.h"
#include "lib/crypto/revocation.h"
#include "lib/crypto/seal.h"
#include "tests/ca/signer/facts.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

wire::X509Certificate good_x509(std::int64_t now) {
    wire::X509Certificate facts;
    facts.serial = Bytes(18, 0x11);
    facts.validity = Validity::starting(Instant(now), *Lifetime::of_seconds(3600));
    facts.subject = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
    facts.names = {*wire::SubjectName::parse("dns:a.corp")};
    facts.no_revocation = true;
    return facts;
}

signer::CrlOrder good_crl(std::int64_t now) {
    signer::CrlOrder order;
    order.number = static_cast<std::uint64_t>(now);
    order.this_update = Instant(now);
    order.next_update = Instant(now + 86400);
    order.entries = {{Bytes(18, 0x11), Instant(now - 5), wire::CrlReason::superseded},
                     {Bytes(18, 0x12), Instant(now - 5), wire::CrlReason::unspecified}};
    return order;
}

struct Cores {
    explicit Cores(const wire::NameConstraints& names = {}) : pem(fakes::issuing_pem(keys.x509, fakes::kNow, names)) {}
    TempDir dir;
    FixedClock clock{fakes::kNow};
    signer::Keys keys = fakes::make_keys();
    std::string pem;
    Result<signer::Core> core = signer::Core::make(std::move(keys), pem, "corp.example/log", {}, clock,
                                                   std::move(*signer::JournalWriter::open(dir.path("journal"))));
};

/// Opens the protected verb, as the Intent-taking base class does.
struct Door : signer::Signer {
    using signer::Signer::sign_facts;
};
Result<Bytes> sign_through(signer::Signer& signer, const steps::CertificateFacts& facts) {
    const auto verb = &Door::sign_facts;
    const bool ssh = std::holds_alternative<wire::SshCertificate>(facts);
    return (signer.*verb)(ssh ? steps::IssuerId::ssh_user : steps::IssuerId::x509, facts);
}

/// Orders without waiting, one after the other, then sends them all; the answers in the order in which they came.
std::vector<Result<Bytes>> sign_together(signer::Signer& signer, const std::vector<steps::CertificateFacts>& facts) {
    struct Opened : signer::Signer {
        using signer::Signer::begin_facts;
    };
    const auto verb = &Opened::begin_facts;
    std::vector<Result<Bytes>> heard;
    std::latch all(static_cast<std::ptrdiff_t>(facts.size()));
    for (const auto& one : facts)
        (signer.*verb)(steps::IssuerId::ssh_user, one, [&](Result<Bytes> made) {
            heard.push_back(std::move(made));
            all.count_down();
        });
    signer.send();
    all.wait();
    return heard;
}

/// A folder of sealed keys, as init leaves it.
struct Sealed {
    TempDir dir;
    signer::ChildOptions options;
    Sealed() {
        crypto::SystemRng rng;
        auto keys = fakes::make_keys();
        write("pass", "open sesame\n", 0600);
        write("issuing.pem", fakes::issuing_pem(keys.x509, SystemClock().now().seconds()), 0644);
        seal("x509-issuing", keys.x509, rng);
        seal("ssh-user", keys.ssh_user, rng);
        seal("ssh-host", keys.ssh_host, rng);
        seal("log", keys.log, rng);
        options = {std::string(MAYFLY_BIN_DIR) + "/mayfly-signer",
                   dir.path(),
                   dir.path("pass"),
                   dir.path("journal"),
                   dir.path("issuing.pem"),
                   "corp.example/log",
                   "nobody",
                   {}};
    }
    void write(const std::string& name, std::string_view text, mode_t mode) const {
        std::ofstream(dir.path(name)) << text;
        REQUIRE(::chmod(dir.path(name).c_str(), mode) == 0);
    }
    void seal(const std::string& label, const crypto::PrivateKey& key, Rng& rng) const {
        write(label + ".sealed",
              *crypto::seal(key.export_secret(), Secret(to_bytes(view("open sesame"))), label, rng, {64, 1, 1}), 0600);
    }
};

std::string status_of(int process) {
    std::ifstream in("/proc/" + std::to_string(process) + "/status");
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

int child_process() {
    const auto found = client::run({"pgrep", "-P", std::to_string(::getpid()), "-x", "mayfly-signer"});
    return found->out.empty() ? 0 : std::stoi(found->out);
}

}  // namespace

TEST_CASE("an X.509 certificate outside the envelope is refused, and nothing is journalled") {
    using Change = void (*)(wire::X509Certificate&);
    const auto change = GENERATE(values<Change>({
        [](auto& c) { c.no_revocation = false; },                       // nobody could learn of a revocation
        [](auto& c) { c.crl_url = "http://crl.corp.example/v1/crl"; },  // beside noRevAvail
        [](auto& c) { c.usage = wire::X509Usage::authority; },
        [](auto& c) { c.names.clear(); },
        [](auto& c) { c.names.assign(101, c.names.front()); },
        [](auto& c) { c.serial = Bytes(7, 0x11); },
        [](auto& c) { c.constraints.permitted = {*wire::Subtree::parse("dns:corp")}; },
        [](auto& c) { c.names = {*wire::SubjectName::parse("dns:a.evil")}; },  // outside the issuer's own constraints
        [](auto& c) { c.names.push_back(*wire::SubjectName::parse("dns:a.secret.corp")); },
    }));
    Cores world({{*wire::Subtree::parse("dns:corp")}, {*wire::Subtree::parse("dns:secret.corp")}});
    REQUIRE(world.core);
    auto facts = good_x509(fakes::kNow);
    REQUIRE(world.core->sign({steps::IssuerId::x509, facts}));
    change(facts);
    const auto refused = world.core->sign({steps::IssuerId::x509, facts});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-ENVELOPE");
    CHECK(world.core->describe().signatures == 1);
}

TEST_CASE("the envelope refuses what this signer would never sign, and nothing is journalled") {
    using Change = void (*)(wire::SshCertificate&);
    const auto change = GENERATE(values<Change>({
        [](auto& c) { c.principals.clear(); },
        [](auto& c) { c.principals = {"deploy,root"}; },
        [](auto& c) { c.serial = 0; },
        [](auto& c) { c.valid_before = UINT64_MAX; },
        [](auto& c) { c.valid_before = c.valid_after; },
        [](auto& c) { c.valid_before = c.valid_after + 2 * 86400; },
        [](auto& c) { c.valid_after += 1000; },
        [](auto& c) { c.valid_after -= 1000; },
        [](auto& c) { c.type = wire::SshCertificateType::host; },
        [](auto& c) { c.key_id = "a\nb"; },
        [](auto& c) {
            c.critical_options = {{"unknown", "x"}};
        },
    }));
    Cores world;
    REQUIRE(world.core);
    auto facts = good_ssh(fakes::kNow);
    change(facts);
    const auto refused = world.core->sign({steps::IssuerId::ssh_user, facts});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().id == "E-ENVELOPE");
    CHECK(world.core->describe().signatures == 0);
}

TEST_CASE("the X.509 envelope") {
    using Change = void (*)(wire::X509Certificate&);
    const auto change = GENERATE(values<Change>({
        [](auto& c) { c.usage = wire::X509Usage::authority; },
        [](auto& c) { c.names.clear(); },
        [](auto& c) { c.serial = Bytes(7, 1); },
        [](auto& c) { c.serial = Bytes(21, 1); },
        [](auto& c) { c.validity = Validity::starting(c.validity.after(), *Lifetime::of_seconds(30LL * 86400)); },
        [](auto& c) {
            c.validity = Validity::starting(Instant(c.validity.after().seconds() + 400), *Lifetime::of_seconds(60));
        },
    }));
    Cores world;
    auto facts = good_x509(fakes::kNow);
    change(facts);
    CHECK_FALSE(world.core->sign({steps::IssuerId::x509, facts}));
    CHECK(world.core->describe().signatures == 0);
}

TEST_CASE("the signer's own keys are nobody's subject") {
    Cores world;
    auto facts = good_ssh(fakes::kNow);
    facts.subject = world.core->describe().ssh_host;
    CHECK_FALSE(world.core->sign({steps::IssuerId::ssh_user, facts}));
    facts = good_ssh(fakes::kNow);
    CHECK_FALSE(world.core->sign({steps::IssuerId::ssh_host, facts}));
    CHECK_FALSE(world.core->sign({steps::IssuerId::x509, facts}));
    CHECK(world.core->sign({steps::IssuerId::ssh_user, facts}));
    CHECK(world.core->describe().signatures == 1);
}

TEST_CASE("a log that forgets or forks is not signed") {
    Cores world;
    const log::Checkpoint empty{"corp.example/log", 0, log::empty_root()};
    const log::Checkpoint one{"corp.example/log", 1, log::leaf_hash(view("a"))},
        other{"corp.example/log", 1, log::leaf_hash(view("b"))};
    const log::Checkpoint two{"corp.example/log", 2, log::node_hash(one.root, other.root)};
    CHECK(world.core->sign_checkpoint({empty, one, {}}));
    CHECK(world.core->sign_checkpoint({empty, other, {}}));  // the commit of `one` failed: nobody saw it
    CHECK(world.core->sign_checkpoint({one, two, {other.root}}));
    CHECK_FALSE(world.core->sign_checkpoint({one, two, {one.root}}));  // not consistent
    CHECK_FALSE(world.core->sign_checkpoint({empty, other, {}}));      // `one` was committed since
    CHECK_FALSE(world.core->sign_checkpoint({{"evil/log", 1, one.root}, two, {other.root}}));
}

TEST_CASE("frames read back, and hostile ones do not") {
    const auto body = signer::encode_orders(std::vector<signer::Order>{
        {steps::IssuerId::ssh_user, good_ssh(fakes::kNow)}, {steps::IssuerId::x509, good_x509(fakes::kNow)}});
    CHECK(signer::parse_orders(body)->size() == 2);
    for (std::size_t size = 0; size < body.size(); ++size)
        REQUIRE_FALSE(signer::parse_orders(ByteView(body).first(size)));
    for (int verb = 0; verb < 256; ++verb)
        CHECK(signer::request_verb(Bytes{1, static_cast<std::uint8_t>(verb)}).has_value() == (verb >= 1 && verb <= 4));
    CHECK_FALSE(signer::request_verb(Bytes{2, 1}));
    CHECK_FALSE(signer::parse_orders(Bytes{1, 2, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("a revocation list is made from facts, and its number only rises") {
    Cores world;
    auto order = good_crl(fakes::kNow);
    const auto first = world.core->sign_crl(order);
    INFO((first ? "" : first.error().message));
    REQUIRE(first);
    const auto read = wire::parse_crl(*first);
    REQUIRE(read);
    CHECK(read->entries == order.entries);
    CHECK(read->issuer_common_name == "test issuing");
    CHECK(crypto::verify(*read, world.core->describe().x509));
    CHECK(world.core->describe().signatures == 1);
    CHECK(world.core->sign_crl(order).error().id == "E-ENVELOPE");  // the same number again
    --order.number;
    CHECK_FALSE(world.core->sign_crl(order));
    order.shard = 1;  // another shard counts for itself
    CHECK(world.core->sign_crl(order));
    std::vector<std::string> serials;
    REQUIRE(signer::read_journal(world.dir.path("journal"), 0, [&](const auto& entry) -> Status {
        serials.push_back(entry.serial);
        return {};
    }));
    CHECK(serials == std::vector<std::string>{"crl/0/1795235162", "crl/1/1795235161"});
}

TEST_CASE("the envelope of revocation lists") {
    using Change = void (*)(signer::CrlOrder&);
    const auto change = GENERATE(values<Change>({
        [](auto& o) { o.number = 0; },
        [](auto& o) { o.number += 400; },
        [](auto& o) { o.number = UINT64_MAX; },
        [](auto& o) { o.this_update = Instant(fakes::kNow + 400); },
        [](auto& o) { o.this_update = Instant(fakes::kNow - 400); },
        [](auto& o) { o.next_update = Instant(fakes::kNow + 8 * 86400); },
        [](auto& o) { o.next_update = o.this_update; },
        [](auto& o) { o.entries[0].revoked = Instant(fakes::kNow + 400); },
        [](auto& o) { o.entries[1].serial = o.entries[0].serial; },
        [](auto& o) { o.entries.resize(signer::kMostCrlEntries + 1, o.entries[1]); },
        [](auto& o) { o.shard = signer::kMostShards; },
        [](auto& o) { o.distribution_point = "file:///etc/passwd"; },
    }));
    Cores world;
    auto order = good_crl(fakes::kNow);
    change(order);
    CHECK_FALSE(world.core->sign_crl(order));
    CHECK(world.core->describe().signatures == 0);
}

TEST_CASE("an order for a revocation list reads back, and a hostile one does not") {
    const auto order = good_crl(fakes::kNow);
    const Bytes body = signer::encode_crl_order(order);
    const auto read = signer::parse_crl_order(body);
    REQUIRE(read);
    CHECK(read->entries == order.entries);
    CHECK(read->number == order.number);
    for (std::size_t size = 0; size < body.size(); ++size)
        REQUIRE_FALSE(signer::parse_crl_order(ByteView(body).first(size)));
    Bytes reason = body;
    reason.back() = 6;  // certificateHold could be taken back
    CHECK_FALSE(signer::parse_crl_order(reason));
    reason.back() = 8;
    CHECK_FALSE(signer::parse_crl_order(reason));
}

TEST_CASE("a journal that was touched is found") {
    Cores world;
    for (int i = 0; i < 3; ++i) REQUIRE(world.core->sign({steps::IssuerId::ssh_user, good_ssh(fakes::kNow)}));
    const auto count = [&] {
        int entries = 0;
        const auto read = signer::read_journal(world.dir.path("journal"), 0,
                                               [&](const auto&) -> Status { return ++entries, Status{}; });
        return read ? entries : -1;
    };
    CHECK(count() == 3);
    std::ofstream(world.dir.path("journal"), std::ios::app) << "4 torn";
    CHECK(count() == 3);
    CHECK(signer::JournalWriter::open(world.dir.path("journal"))->count() == 3);
    std::ofstream(world.dir.path("journal"), std::ios::app) << "nonsense line\n";
    CHECK(count() == -1);
}

TEST_CASE("the child is locked in, signs, and its end stops everything") {
    const Sealed sealed;
    auto child = signer::spawn_child(sealed.options);
    INFO((child ? "" : child.error().message));
    REQUIRE(child);
    const int process = child_process();
    REQUIRE(process > 0);
    const std::string status = status_of(process);
    CHECK_THAT(status, Contains("Seccomp:\t2"));
    CHECK_THAT(status, Contains("NoNewPrivs:\t1"));
    if (::geteuid() == 0) CHECK_THAT(status, !Contains("Uid:\t0"));
    std::size_t descriptors = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd"))
        ++descriptors;
    CHECK(descriptors == 6);  // standard streams, two sockets, journal

    const std::int64_t now = SystemClock().now().seconds();
    std::atomic<int> signed_well{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 8; ++i)
        callers.emplace_back([&] {
            for (int n = 0; n < 25; ++n) {
                const auto blob = sign_through(**child, good_ssh(now));
                if (blob && crypto::verify(*wire::parse_ssh_certificate(*blob))) ++signed_well;
            }
        });
    for (auto& caller : callers) caller.join();
    CHECK(signed_well == 200);
    CHECK((*child)->describe()->signatures == 200);
    // Those who do not wait: each hears of its own, and one that is refused takes nobody with it.
    auto nobodys = good_ssh(now);
    nobodys.principals.clear();
    const auto together = sign_together(**child, {good_ssh(now), nobodys, good_ssh(now)});
    REQUIRE(together.size() == 3);
    CHECK(together[0]);
    CHECK(together[1].error().code == Code::denied);
    CHECK(together[2]);
    // As many as go into a frame, together longer than a frame may be.
    auto long_one = good_ssh(now);
    long_one.critical_options.push_back({"force-command", std::string(40'000, 'a')});
    const auto many = sign_together(**child, std::vector<steps::CertificateFacts>(signer::kMostPerFrame, long_one));
    REQUIRE(many.size() == signer::kMostPerFrame);
    std::size_t bytes = 0;
    for (const auto& one : many) {
        INFO((one ? "" : one.error().message));
        REQUIRE(one);
        CHECK(wire::parse_ssh_certificate(*one)->fields.critical_options == long_one.critical_options);
        bytes += one->size();
    }
    CHECK(bytes > 2 * signer::kLargestFrame);
    const auto list = (*child)->sign_crl(good_crl(now));
    INFO((list ? "" : list.error().message));
    CHECK((list && wire::parse_crl(*list)));
    const auto x509 = sign_through(**child, good_x509(now));
    REQUIRE(x509);
    CHECK(wire::parse_x509(*x509));

    // A checkpoint that somebody asked for and did not wait for is not the next one's answer.
    const log::Checkpoint empty{"corp.example/log", 0, log::empty_root()},
        some{"corp.example/log", 1, log::leaf_hash(view("a"))}, other{"corp.example/log", 1, log::leaf_hash(view("b"))};
    { const auto unwanted = (*child)->begin_checkpoint({empty, some, {}}); }
    const auto note = (*child)->sign_checkpoint({empty, other, {}});
    REQUIRE(note);
    CHECK(log::parse_checkpoint(log::parse_note(*note)->text)->root == other.root);
    CHECK((*child)->describe()->checkpoints == 2);

    ::kill(process, SIGKILL);
    CHECK(sign_through(**child, good_ssh(now)).error().id == "E-SIGNER-GONE");
    CHECK((*child)->describe().error().id == "E-SIGNER-GONE");
    CHECK((*child)->sign_checkpoint({other, other, {}}).error().id == "E-SIGNER-GONE");
    for (const auto& one : sign_together(**child, {good_ssh(now), good_ssh(now)}))
        CHECK(one.error().id == "E-SIGNER-GONE");
}

TEST_CASE("the child says why it does not start") {
    const Sealed sealed;
    auto options = sealed.options;
    SECTION("wrong passphrase") {
        sealed.write("pass", "guess\n", 0600);
        CHECK(signer::spawn_child(options).error().id == "E-UNSEAL");
    }
    SECTION("a key that others can read") {
        sealed.write("log.sealed", "x", 0644);
        const auto refused = signer::spawn_child(options);
        CHECK(refused.error().id == "E-KEY-MODE");
        CHECK_THAT(refused.error().message, Contains("log.sealed"));
    }
    SECTION("one key under two names") {
        crypto::SystemRng rng;
        const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
        sealed.seal("ssh-user", *key, rng);
        sealed.seal("ssh-host", *key, rng);
        CHECK(signer::spawn_child(options).error().id == "E-KEY-REUSE");
    }
    SECTION("no such program") {
        options.program = sealed.dir.path("nothing");
        CHECK(signer::spawn_child(options).error().id == "E-SIGNER-START");
    }
    SECTION("no such account") {
        options.user = "no-such-account";
        if (::geteuid() == 0) CHECK(signer::spawn_child(options).error().id == "E-SANDBOX");
    }
    CHECK(child_process() == 0);
}

TEST_CASE("the signer is not started by hand") {
    const auto done = client::run({std::string(MAYFLY_BIN_DIR) + "/mayfly-signer"});
    CHECK(done->exit_code == 2);
    CHECK_THAT(done->err, Contains("mayfly-ca serve"));
}
