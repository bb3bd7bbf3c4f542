// The process ends between any two steps of the path; the next one starts from what is on the disk.
#include <random>
#include <thread>

#include "tests/fault/crash_world.h"

using namespace mayfly;
using crash::Estate, crash::Point, crash::Running;

namespace {

struct Where {
    const char* point;
    int nth;  ///< of how many times the point is reached in one minting
    const char* means;
    std::size_t intents, issued, voided, journalled, answered;
};

// One minting reaches "leaf written" and "head signed" twice (promise, outcome); the SSH serial's block has no leaf.
constexpr Where kPoints[] = {
    {"asked", 1, "before anything", 0, 0, 0, 0, 0},
    {"leaf written", 1, "inside the promise's transaction", 0, 0, 0, 0, 0},
    {"head signed", 1, "before the promise's commit, its head signed", 0, 0, 0, 0, 0},
    {"promised", 1, "after the promise's commit", 1, 0, 1, 0, 0},
    {"before the signer", 1, "before the signer was asked", 1, 0, 1, 0, 0},
    {"signed", 1, "after the signature, before it is checked", 1, 0, 1, 1, 0},
    {"checked", 1, "after the check, before the outcome is kept", 1, 0, 1, 1, 0},
    {"leaf written", 2, "inside the outcome's transaction", 1, 0, 1, 1, 0},
    {"head signed", 2, "before the outcome's commit, its head signed", 1, 0, 1, 1, 0},
    {"kept", 1, "after the outcome's commit, before the answer", 1, 1, 0, 1, 0},
    {"answered", 1, "after the answer", 1, 1, 0, 1, 1},
};

std::size_t lines_of(const std::string& path) {
    std::ifstream file(path);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
}

std::size_t count_of(const crash::Account& account, const std::string& outcome) {
    std::size_t count = 0;
    for (const auto& [intent, became] : account.outcomes)
        if (became == outcome) ++count;
    return count;
}

/// One process that mints, and ends at the point.
int mint_until(const Estate& estate, const Where& where, bool x509) {
    return crash::in_child([&] {
        const Point point(where.point, where.nth);
        Running ca(estate, point);
        (void)ca.mint_and_answer(x509);
    });
}

}  // namespace

TEST_CASE("wherever the process ends, the log tells the truth and no serial comes back") {
    const bool x509 = GENERATE(false, true);
    for (const auto& where : kPoints) {
        INFO(where.means << (x509 ? ", X.509" : ", SSH"));
        const Estate estate;
        Running::found(estate);
        REQUIRE(mint_until(estate, where, x509) == crash::kCrashed);
        CHECK(lines_of(estate.path("journal")) == where.journalled);
        CHECK(crash::answers_of(estate).size() == where.answered);
        const auto account = crash::check_estate(estate);
        CHECK(account.intents.size() == where.intents);
        CHECK(count_of(account, "certificate.issued") == where.issued);
        CHECK(count_of(account, "certificate.void") == where.voided);
    }
}

TEST_CASE("start-up recovery may itself be ended, again and again") {
    const Estate estate;
    Running::found(estate);
    // Three promises without an outcome, by three processes that never recovered.
    for (int i = 0; i < 3; ++i) REQUIRE(mint_until(estate, kPoints[5], i == 1) == crash::kCrashed);
    for (const auto& [point, nth] : {std::pair{"leaf written", 1},
                                     {"head signed", 1},
                                     {"leaf written", 2},
                                     {"head signed", 2},
                                     {"leaf written", 1},
                                     {"head signed", 1}}) {
        INFO(point << " " << nth);
        const int ended = crash::in_child([&, point = point, nth = nth] {
            const Point at(point, nth);
            Running ca(estate, at);
            (void)ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
        });
        CHECK(ended == crash::kCrashed);
    }
    const auto account = crash::check_estate(estate);
    CHECK(account.intents.size() == 3);
    CHECK(count_of(account, "certificate.void") == 3);
}

TEST_CASE("a signer that dies at any of its steps releases nothing, and the next start voids what it left") {
    struct Death {
        const char* asked_for;
        int nth;
        bool late;
        std::size_t intents, journalled;
    };
    const auto death = GENERATE(values<Death>({
        {"checkpoint", 1, false, 0, 0},   // of the promise
        {"certificate", 1, false, 1, 0},  // before it wrote its journal
        {"certificate", 1, true, 1, 1},   // after its journal, before its answer
        {"checkpoint", 2, false, 1, 1},   // of the outcome
    }));
    const bool x509 = GENERATE(false, true);
    const Estate estate;
    Running::found(estate);
    {
        const Point never;
        Running ca(estate, never);
        ca.signer->die_at(death.asked_for, death.nth, death.late);
        const auto outcome = ca.mint->mint(ca.request(x509));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().id == "E-SIGNER-GONE");
        CHECK(outcome.error().code == Code::unavailable);
        // Without its signer the CA does not so much as promise.
        const auto size = *ca.store->log_size();
        CHECK_FALSE(ca.mint->mint(ca.request(x509)));
        CHECK(*ca.store->log_size() == size);
    }
    CHECK(lines_of(estate.path("journal")) == death.journalled);
    const auto account = crash::check_estate(estate);
    CHECK(account.intents.size() == death.intents);
    CHECK(account.issued.empty());
    CHECK(count_of(account, "certificate.void") == death.intents);
}

TEST_CASE("a journal line that was torn by the end is cut off, and its intent voided") {
    const Estate estate;
    Running::found(estate);
    REQUIRE(mint_until(estate, kPoints[5], false) == crash::kCrashed);
    const auto size = std::filesystem::file_size(estate.path("journal"));
    std::filesystem::resize_file(estate.path("journal"), size - GENERATE(1, 40));
    CHECK(count_of(crash::check_estate(estate), "certificate.void") == 1);
    CHECK(lines_of(estate.path("journal")) == 2);
}

TEST_CASE("eight writers ended at a random point, thirty times over, lose nothing they answered") {
    const auto seed = static_cast<unsigned>(std::random_device{}());
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Estate estate;
    Running::found(estate);
    for (int round = 0; round < 30; ++round) {
        const auto& where = kPoints[random() % std::size(kPoints)];
        const int nth = 1 + static_cast<int>(random() % 40);
        (void)crash::in_child([&] {
            const Point point(where.point, nth);
            Running ca(estate, point);
            (void)ca.store->recover(estate.path("journal"), Instant(fakes::kNow));
            std::vector<std::thread> writers;
            for (int w = 0; w < 8; ++w)
                writers.emplace_back([&, w] {
                    for (int i = 0; i < 6; ++i) (void)ca.mint_and_answer((w + i) % 3 == 0);
                });
            for (auto& writer : writers) writer.join();
        });
    }
    CHECK(crash::answers_of(estate).size() > 30);
    crash::check_estate(estate);
}
