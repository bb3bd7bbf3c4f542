#pragma once
// An authority that can be started again: its keys, database and journal outlive the process that used them. A run
// happens in a child process that ends by _exit at a named point, as a kill -9 would end it; what it had answered by
// then stands in a file.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <set>

#include "ca/mint/mint.h"
#include "ca/signer/spawn.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

namespace crash {

using namespace mayfly;

inline constexpr int kCrashed = 77;
inline constexpr int kBroken = 78;

/// Point ends the process the n-th time it is reached. It exists here only: what calls it are the doubles below.
class Point {
public:
    Point() = default;
    Point(std::string name, int nth) : name_(std::move(name)), left_(nth) {}
    void reached(std::string_view name) const {
        if (name == name_ && --left_ == 0) ::_exit(kCrashed);
    }

private:
    std::string name_;
    mutable std::atomic<int> left_{0};
};

/// The path asks its clock before the promise, after it, and before it keeps the outcome: three points.
class PointClock final : public Clock {
public:
    explicit PointClock(const Point& point) : point_(point) {}
    [[nodiscard]] Instant now() const override {
        static constexpr std::array<std::string_view, 3> kPoints = {"asked", "promised", "checked"};
        if (calls_ < kPoints.size()) point_.reached(kPoints[calls_]);
        ++calls_;
        return Instant(fakes::kNow);
    }
    void next_request() { calls_ = 0; }

private:
    const Point& point_;
    mutable std::atomic<std::size_t> calls_{0};
};

/// The real signer core, with points around each of its verbs; it can also be gone, as a signer that was killed is.
class PointSigner final : public signer::Signer {
public:
    PointSigner(std::unique_ptr<signer::Signer> real, const Point& point) : real_(std::move(real)), point_(point) {}
    Result<signer::Description> describe() override { return real_->describe(); }
    Result<std::string> sign_checkpoint(const signer::CheckpointOrder& order) override {
        point_.reached("leaf written");
        if (gone("checkpoint")) return dead();
        auto note = real_->sign_checkpoint(order);
        point_.reached("head signed");
        return note;
    }
    Result<Bytes> sign_crl(const signer::CrlOrder& order) override {
        point_.reached("before the list");
        auto list = real_->sign_crl(order);
        point_.reached("list signed");
        return list;
    }
    /// The signer dies when it is asked for `what` the n-th time; `late`: when its work is done, before it answers.
    void die_at(std::string what, int nth, bool late) {
        dies_at_ = std::move(what);
        left_ = nth;
        late_ = late;
    }

protected:
    Result<Bytes> sign_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts) override {
        point_.reached("before the signer");
        const bool ends = gone("certificate");
        if (ends && !late_) return dead();
        struct Opened : signer::Signer {
            using signer::Signer::sign_facts;
        };
        const auto verb = &Opened::sign_facts;
        auto made = ((*real_).*verb)(issuer, facts);
        if (ends) return dead();
        point_.reached("signed");
        return made;
    }

private:
    bool gone(std::string_view what) {
        if (!gone_ && what == dies_at_ && --left_ == 0) gone_ = true;
        return gone_;
    }
    static tl::unexpected<Error> dead() {
        return fail(Code::unavailable, "the signer is gone", "E-SIGNER-GONE", {}, {});
    }
    std::unique_ptr<signer::Signer> real_;
    const Point& point_;
    std::string dies_at_;
    std::atomic<int> left_{0};
    bool late_ = false;
    std::atomic<bool> gone_{false};
};

/// Estate is what is left when no process runs.
class Estate {
public:
    Estate() {
        const auto keys = fakes::make_keys();
        pem_ = fakes::issuing_pem(keys.x509, fakes::kNow);
        for (const auto* key : {&keys.x509, &keys.ssh_user, &keys.ssh_host, &keys.log})
            secrets_.push_back(key->export_secret());
    }
    [[nodiscard]] signer::Keys keys() const {
        const auto load = [&](std::size_t i) { return std::move(*crypto::PrivateKey::import_secret(secrets_[i])); };
        return {load(0), load(1), load(2), load(3)};
    }
    [[nodiscard]] const std::string& pem() const { return pem_; }
    [[nodiscard]] std::string path(const char* name) const { return dir_.path(name); }
    [[nodiscard]] log::VerifierKey log_key() const {
        return *log::VerifierKey::make("corp.example/log", keys().log.public_key());
    }

private:
    TempDir dir_;
    std::string pem_;
    std::vector<Secret> secrets_;
};

/// Running is a CA at work on an estate, in whatever process makes it.
struct Running {
    const Estate& estate;
    const Point& point;
    crypto::SystemRng rng;
    PointClock clock{point};
    fakes::FixedPolicy policy;
    std::unique_ptr<PointSigner> signer;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<mint::Mint> mint;
    IdentityName alice = *IdentityName::parse("human/alice");

    Running(const Estate& given, const Point& at, store::Create create = store::Create::no) : estate(given), point(at) {
        static const FixedClock signers_clock(fakes::kNow);
        auto real = signer::in_process(estate.keys(), estate.pem(), "corp.example/log", {}, signers_clock,
                                       estate.path("journal"));
        ensure(real.has_value(), real ? "" : real.error().message.c_str());
        signer = std::make_unique<PointSigner>(std::move(*real), point);
        auto opened = store::open_sqlite(estate.path("db"), create, "corp.example/log", *signer, rng);
        ensure(opened.has_value(), opened ? "" : opened.error().message.c_str());
        store = std::move(*opened);
        const auto keys = *signer->describe();
        mint = std::make_unique<mint::Mint>(
            mint::Authority{*TrustDomain::parse("corp.example"), keys.x509, keys.ssh_user, keys.ssh_host, keys.log,
                            "test issuing", *wire::parse_one_pem(estate.pem(), "CERTIFICATE"),
                            Instant(fakes::kNow + 300LL * 86400), *Lifetime::of_seconds(7 * 86400)},
            policy, *store, *signer, rng, clock);
    }
    static void found(const Estate& estate) {
        const Point never;
        Running ca(estate, never, store::Create::yes);
        const OwnerName owner = *OwnerName::parse("alice");
        const Instant now(fakes::kNow);
        const auto apply = store::Effect::apply;
        ensure(ca.store->create_owner({owner, "", "", {}, {}, policy::State::active}, ca.alice, now, apply).has_value(),
               "owner");
        ensure(
            ca.store
                ->create_identity({ca.alice, owner, "", policy::State::active, {}, {}, {}, now}, ca.alice, now, apply)
                .has_value(),
            "identity");
        for (const auto* role : {"ops", "web"})
            ensure(ca.store
                       ->create_grant({{},
                                       ca.alice,
                                       *RoleName::parse(role),
                                       owner,
                                       now,
                                       now + *Lifetime::of_seconds(86400),
                                       "",
                                       false},
                                      ca.alice, now, apply)
                       .has_value(),
                   "grant");
    }
    [[nodiscard]] mint::Request request(bool x509) const {
        const auto algorithm = x509 ? KeyAlgorithm::ecdsa_p256 : KeyAlgorithm::ed25519;
        mint::Request out{policy::Ask{x509 ? policy::Profile::x509 : policy::Profile::ssh_user,
                                      crypto::PrivateKey::generate(algorithm)->public_key()},
                          alice,
                          alice,
                          {},
                          {},
                          false};
        out.ask.role = *RoleName::parse(x509 ? "web" : "ops");
        if (x509) out.ask.names = {*wire::SubjectName::parse("dns:a.corp.example")};
        return out;
    }
    /// Mints and answers: the answer is the line in the file.
    bool mint_and_answer(bool x509) {
        clock.next_request();
        const auto outcome = mint->mint(request(x509));
        const auto* issued = outcome ? std::get_if<steps::Issued>(&*outcome) : nullptr;
        if (issued == nullptr) return false;
        point.reached("kept");
        std::ofstream(estate.path("answers"), std::ios::app)
            << wire::hex(crypto::sha256(issued->certificate())) << std::endl;
        point.reached("answered");
        return true;
    }
};

/// Runs `work` in a child process; how that ended.
inline int in_child(const std::function<void()>& work) {
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : kBroken;
}

/// What the log says, after it was verified from its entries alone.
struct Account {
    std::set<std::string> issued;                          ///< SHA-256 of certificates
    std::map<std::string, std::string> intents, outcomes;  ///< intent → serial, intent → what became of it
    std::set<std::string> serials;
};

inline Account verified_account(store::Store& store, const log::VerifierKey& key) {
    Account account;
    const auto head = log::open_checkpoint(*store.checkpoint(), key);
    REQUIRE(head);
    log::Tree tree;
    while (tree.size() < head->size) {
        const auto page = store.read_entries(tree.size(), 1000);
        REQUIRE(page);
        REQUIRE_FALSE(page->empty());
        for (const auto& entry : *page) {
            tree.append(log::leaf_hash(entry));
            const auto event = log::parse_event(entry);
            REQUIRE(event);
            const auto data = [&](const char* member) {
                const auto found = event->data.find(member);
                REQUIRE(found != event->data.end());
                return *found->second.string();
            };
            if (event->type == "certificate.intent") {
                // No serial twice, no intent twice.
                REQUIRE(account.serials.insert(data("issuer") + "/" + data("serial")).second);
                REQUIRE(account.intents.emplace(data("intent"), data("serial")).second);
            } else if (event->type == "certificate.issued" || event->type == "certificate.void") {
                REQUIRE(account.intents.count(data("intent")) == 1);
                REQUIRE(account.outcomes.emplace(data("intent"), event->type).second);
                if (event->type == "certificate.issued") account.issued.insert(data("certificate_sha256"));
            }
        }
    }
    REQUIRE(tree.root() == head->root);
    return account;
}

inline std::set<std::string> answers_of(const Estate& estate) {
    std::set<std::string> out;
    std::ifstream file(estate.path("answers"));
    for (std::string line; std::getline(file, line);) out.insert(line);
    return out;
}

/// What must hold after any end, once the CA started again: every answer is in the verified log, every intent has one
/// outcome, no serial was used twice, the journal agrees, and minting goes on with other serials.
inline Account check_estate(const Estate& estate) {
    const Point never;
    Running ca(estate, never);
    const auto recovered = ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
    INFO((recovered ? "" : recovered.error().message));
    REQUIRE(recovered);
    const auto before = verified_account(*ca.store, estate.log_key());
    for (const auto& answer : answers_of(estate)) CHECK(before.issued.count(answer) == 1);
    CHECK(before.outcomes.size() == before.intents.size());
    CHECK(ca.mint_and_answer(false));
    CHECK(ca.mint_and_answer(true));
    const auto after = verified_account(*ca.store, estate.log_key());
    CHECK(after.serials.size() == before.serials.size() + 2);
    const auto again = ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
    INFO((again ? "" : again.error().message));
    REQUIRE(again);
    CHECK(again->voided == 0);
    CHECK(again->journal_entries == 2);
    return before;
}

}  // namespace crash
