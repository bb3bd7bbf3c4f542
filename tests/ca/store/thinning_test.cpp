// What becomes of a certificate after its end: its bytes go, and whoever asks about it hears what they heard before.
#include "ca/store/thinning.h"

#include <sqlite3.h>

#include "ca/store/terms.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;
using store::Effect;

namespace {

constexpr std::int64_t kDay = 86400, kHour = 3600;

/// An authority whose grants hold for a year.
struct World : fakes::Authority {
    World() {
        for (const auto* role : {"ops", "web"})
            REQUIRE(store->create_grant({{},
                                         alice,
                                         *RoleName::parse(role),
                                         *OwnerName::parse("alice"),
                                         now(),
                                         now() + *Lifetime::of_seconds(365 * kDay),
                                         "test",
                                         false},
                                        alice, now(), Effect::apply));
    }
    [[nodiscard]] steps::Issued issued(const mint::Request& request) const {
        auto outcome = mint->mint(request);
        REQUIRE(outcome);
        REQUIRE(std::holds_alternative<steps::Issued>(*outcome));
        return std::get<steps::Issued>(*outcome);
    }
    [[nodiscard]] mint::Request request_of(policy::Profile profile) const {
        auto request = ssh_request();
        request.ask = policy::Ask{profile, crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key()};
        if (profile != policy::Profile::x509) return request;
        request.ask.role = *RoleName::parse("web");
        request.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
        return request;
    }
    /// Time goes by, and then somebody does something: one leaf, one commit.
    void later(std::int64_t seconds) {
        clock.advance(seconds);
        REQUIRE(store->record_login(alice, "ssh-key", true, "192.0.2.1", now()));
    }
    /// What the database says, past the store.
    [[nodiscard]] std::int64_t ask(const std::string& sql) const {
        sqlite3* handle = nullptr;
        sqlite3_stmt* statement = nullptr;
        REQUIRE(sqlite3_open(dir.path("db").c_str(), &handle) == SQLITE_OK);
        REQUIRE(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
        const int code = sqlite3_step(statement);
        const std::int64_t out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_finalize(statement);
        sqlite3_close(handle);
        REQUIRE((code == SQLITE_ROW || code == SQLITE_DONE));
        return out;
    }
    [[nodiscard]] std::int64_t bodies() const { return ask("SELECT count(*) FROM certificate_body"); }
    [[nodiscard]] std::vector<log::Event> promises() const {
        std::vector<log::Event> out;
        const auto entries = store->read_entries(0, 1000);
        REQUIRE(entries);
        for (const auto& entry : *entries)
            if (auto event = log::parse_event(entry); event->type == "log.retention") out.push_back(*event);
        return out;
    }
    /// From here on what ended more than a day ago goes.
    void promise() {
        later(kHour + kDay);
        REQUIRE(promises().size() == 1);
        later(kDay - 1);
        REQUIRE(bodies() > 0);
    }
};

/// What anybody can ask about certificates, in one text.
std::string everything(World& w, const steps::Issued& ssh, const steps::Issued& x509, const steps::Issued& session,
                       const PublicKey& key) {
    std::string out;
    const auto all = w.store->visit_mints(Instant(0), 100, [&](const store::PastMint& mint) -> Status {
        out += mint.kind + " " + mint.serial + " " + mint.identity.text() + " " + mint.owner.text() + " " +
               mint.role.text() + " " + store::encode_terms(mint.terms) + " " + mint.validity.before().text() + " " +
               (mint.grant ? mint.grant->id : "") + "\n";
        return {};
    });
    CHECK(all.value_or(false));
    for (const auto* one : {&ssh, &x509, &session}) {
        log::Search search;
        search.serial = one->serial();
        const auto found = w.store->search(search, 0, 10);
        REQUIRE(found);
        for (const auto& [index, entry] : found->entries)
            out += std::to_string(index) + " " + std::string(text_of(entry)) + "\n";
    }
    for (const auto* grant : {"g-1", "g-2", "g-3", "g-4"}) {
        const auto use = w.store->use_of(w.alice, grant, 1000);
        REQUIRE(use);
        out += std::to_string(use->certificates) + " " + use->first.text() + " " + use->last.text();
        for (const auto& serial : use->serials) out += " " + serial;
        store::ReviewItem item{store::ReviewKind::grant, grant, *OwnerName::parse("alice"), "ops", "home", ""};
        item.identity = w.alice.text();
        out += " " + *w.store->evidence_of(item, Instant(0), Instant(fakes::kNow + 60)) + "\n";
    }
    const auto caller = w.store->find_certificate(crypto::sha256(session.certificate()));
    REQUIRE(caller);
    REQUIRE(*caller);
    out += (*caller)->certificate.serial + " " + (*caller)->certificate.validity.before().text();
    const IdentityName other = *IdentityName::parse("workload/other");
    const auto facts = w.store->load_facts({other, {}, {}, crypto::key_id(key), {}, {}, {}}, w.now());
    REQUIRE(facts);
    REQUIRE(facts->key_bound_to);
    return out + "\n" + facts->key_bound_to->text();
}

}  // namespace

TEST_CASE("a day after its end a certificate's bytes go, and every question about it is answered as before") {
    World w;
    REQUIRE(w.store->create_identity({*IdentityName::parse("workload/other"),
                                      *OwnerName::parse("alice"),
                                      "",
                                      policy::State::active,
                                      {},
                                      {},
                                      {},
                                      w.now()},
                                     w.alice, w.now(), Effect::apply));
    auto first = w.ssh_request();
    first.ask.lifetime = *Lifetime::of_seconds(600);
    const auto ssh = w.issued(first);
    auto second = w.request_of(policy::Profile::x509);
    second.ask.lifetime = *Lifetime::of_seconds(600);
    const auto x509 = w.issued(second);
    const auto session = w.issued(w.request_of(policy::Profile::session));
    const std::string before = everything(w, ssh, x509, session, first.ask.key);
    CHECK_THAT(before, Contains("dns:a.corp.example"));
    CHECK_THAT(before, Contains("permit-pty"));
    CHECK(w.bodies() == 3);

    w.later(kDay);
    w.later(kDay);  // the promise
    CHECK(w.bodies() == 3);
    w.later(kDay);
    CHECK(w.bodies() == 0);
    CHECK(w.ask("SELECT count(*) FROM certificate") == 3);
    const std::string after = everything(w, ssh, x509, session, first.ask.key);
    CHECK(after == before);

    SECTION("and what sshd saw of it is still explained") {
        const NodeName node = *NodeName::parse("db-7");
        const Digest ca = crypto::ssh_fingerprint(w.signer->describe()->ssh_user);
        store::ReportedUse use{std::string(32, 'a'),
                               ssh.serial(),
                               ssh.key_id(),
                               crypto::ssh_fingerprint(first.ask.key),
                               ca,
                               *AccountName::parse("deploy"),
                               "192.0.2.1 port 5",
                               Instant(fakes::kNow + 60)};
        REQUIRE(w.store->create_identity({*IdentityName::parse("node/db-7"),
                                          *OwnerName::parse("alice"),
                                          "",
                                          policy::State::active,
                                          {},
                                          {},
                                          {},
                                          w.now()},
                                         w.alice, w.now(), Effect::apply));
        REQUIRE(w.store->record_uses(node, {use}, 0, {ca}, {"alice"}, w.now()));
        CHECK(w.ask("SELECT count(*) FROM session WHERE authority = 'mayfly' AND identity = 'human/alice' AND role = "
                    "'ops'") == 1);
        use.id = std::string(32, 'b');
        use.key_id = "human/alice/ops/g-999";  // our key would have signed something else
        REQUIRE(w.store->record_uses(node, {use}, 0, {ca}, {"alice"}, w.now()));
        CHECK(w.ask("SELECT count(*) FROM session WHERE authority = 'mayfly'") == 1);
    }
    SECTION("and after a restart the signer's journal still agrees, from its first line on") {
        w.mint.reset();
        w.store.reset();
        (void)w.ask("DELETE FROM meta WHERE key = 'journal_offset'");
        w.reopen();
        const auto recovered = w.store->recover(w.dir.path("journal"), w.now());
        REQUIRE(recovered);
        CHECK(recovered->journal_entries == 3);
        CHECK(recovered->voided == 0);
        CHECK(everything(w, ssh, x509, session, first.ask.key) == before);
    }
}

TEST_CASE("nothing goes before the log has promised it for a day, and the promise is made once") {
    World w;
    (void)w.issued(w.ssh_request());  // for an hour
    w.later(kHour + kDay - 1);
    CHECK(w.promises().empty());
    w.later(1);
    REQUIRE(w.promises().size() == 1);
    const auto promise = w.promises().front();
    CHECK(promise.actor == "ca/server");
    CHECK(*promise.data.at("bytes_after_end_seconds").integer() == store::kBodyKeptSeconds);
    CHECK(*promise.data.at("from").string() == Instant(w.now().seconds() + store::kNoticeSeconds).text());
    CHECK(w.bodies() == 1);
    w.later(kDay - 1);
    CHECK(w.bodies() == 1);
    w.later(1);
    CHECK(w.bodies() == 0);
    (void)w.issued(w.ssh_request());
    w.later(3 * kDay);
    CHECK(w.bodies() == 0);
    CHECK(w.promises().size() == 1);

    SECTION("another rule is promised before it is followed") {
        (void)w.issued(w.ssh_request());
        (void)w.ask("UPDATE meta SET value = 7 * 86400 WHERE key = 'retention_kept'");  // what an older build promised
        w.later(3 * kDay);
        CHECK(w.bodies() == 1);
        CHECK(w.promises().size() == 2);
        w.later(kDay);
        CHECK(w.bodies() == 0);
        CHECK(w.promises().size() == 2);
    }
}

TEST_CASE("a request that is repeated within a day after the end gets the same bytes; later it is a new request") {
    World w;
    const auto request = w.ssh_request("an-idempotency-key");
    const auto issued = w.issued(request);
    w.later(kHour + kDay - 1);
    CHECK(w.issued(request).certificate() == issued.certificate());
    CHECK(w.issued(request).log_entry() == issued.log_entry());
    w.promise();
    w.later(1);
    REQUIRE(w.bodies() == 0);
    const auto again = w.issued(request);
    CHECK(again.certificate() != issued.certificate());
    CHECK(again.serial() != issued.serial());
    CHECK(w.issued(request).certificate() == again.certificate());
}

TEST_CASE("a commit lets go of a few, more than it brings, and what was theirs is used again") {
    World w;
    constexpr int kMany = 120;
    const auto round = [&] {
        for (int i = 0; i < kMany; ++i) (void)w.issued(w.ssh_request("an-idempotency-key-" + std::to_string(i)));
    };
    round();
    w.promise();
    std::int64_t left = w.bodies();
    CHECK(left == kMany);
    int commits = 0;
    for (w.clock.advance(1); left > 0; ++commits) {
        w.later(0);
        const auto now = w.bodies();
        CHECK(left - now <= 17);
        REQUIRE(now < left);
        left = now;
    }
    CHECK(commits >= kMany / 17);
    const auto free = w.ask("PRAGMA freelist_count");
    CHECK(free * 4096 > kMany * 300);  // what the certificates took
    round();
    CHECK(w.ask("PRAGMA freelist_count") < free / 2);
    CHECK(w.bodies() == kMany);

    SECTION("and while new ones come in, what has ended gets less") {
        w.clock.advance(kHour + kDay);
        for (int i = 0; i < kMany / 8; ++i) (void)w.issued(w.ssh_request());
        CHECK(w.bodies() == kMany / 8);
    }
}

TEST_CASE("what lives is found for revocation, whatever has been let go") {
    World w;
    (void)w.issued(w.ssh_request());
    (void)w.issued(w.request_of(policy::Profile::x509));
    w.promise();
    w.later(kDay);
    const auto living = w.issued(w.ssh_request());
    const auto revoke = [&](store::RevokeBy by, const std::string& name) {
        const auto done = w.store->revoke({by, {}, {}, {}, "test", name}, w.alice, w.now(), Effect::dry_run);
        REQUIRE(done);
        return done->serials;
    };
    CHECK(revoke(store::RevokeBy::role, "ops") == std::vector<std::string>{living.serial()});
    CHECK(revoke(store::RevokeBy::role, "web").empty());
}

TEST_CASE("terms that a certificate may have come back as they were") {
    store::Terms terms;
    terms.policy_version = "7:abc";
    SECTION("of an SSH certificate") {
        terms.key.algorithm = KeyAlgorithm::sk_ed25519;
        terms.key.application = "ssh:";
        terms.names = {"deploy@web-1", "root"};
        terms.critical_options = {{"force-command", "/bin/echo \"a\\b\""}, {"source-address", "192.0.2.0/24"}};
        terms.extensions = {"permit-pty"};
    }
    SECTION("of an X.509 certificate") {
        terms.key.algorithm = KeyAlgorithm::rsa;
        terms.key.modulus.resize(384);
        terms.names = {"dns:a.corp.example", "uri:spiffe://corp.example/workload/a"};
        terms.usage = "server, client";
    }
    const auto back = store::parse_terms(store::encode_terms(terms));
    REQUIRE(back);
    CHECK(*back == terms);
    CHECK_FALSE(store::parse_terms("{}"));
    CHECK_FALSE(store::parse_terms("[]"));
    CHECK_FALSE(store::parse_terms(""));
}
