// What the agent does without a CA: what is due, what the CA wants sooner, and what follows its absence.
#include "agent/workload/workloads.h"

#include <sys/stat.h>

#include <filesystem>

#include "lib/crypto/crypto.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

constexpr std::int64_t kNow = 1795235162;

WorkloadState held_for(std::int64_t since, std::int64_t life) {
    const Instant after(kNow - since), before(kNow - since + life);
    WorkloadState out;
    out.held = {after, before, renewal::renew_at(after, before, 0), 0, "0a0b"};
    return out;
}

api::RenewalOrder order(const std::string& role, std::int64_t before, std::int64_t from, std::int64_t until) {
    api::RenewalOrder out;
    out.role = role;
    out.issued_before = Instant(kNow + before).text();
    out.from = Instant(kNow + from).text();
    out.until = Instant(kNow + until).text();
    return out;
}

}  // namespace

TEST_CASE("what is not there is due at once; what is, at its own point; what failed, when its wait is over") {
    CHECK(WorkloadState{}.due() == Instant(0));
    auto state = held_for(0, 3600);
    CHECK(state.due() == Instant(kNow + 1800));
    state.wait = Instant(kNow + 2000);
    CHECK(state.due() == Instant(kNow + 2000));
    state = held_for(0, 3600);
    state.revoked = true;
    CHECK(state.due() == Instant(0));
}

TEST_CASE("the CA moves what it names, and takes that back") {
    const auto [wanted, due] = GENERATE(table<api::RenewalOrder, std::int64_t>({
        {order("", 0, 0, 600), 0},
        {order("web", 0, 0, 600), 0},
        {order("db", 0, 0, 600), 1700},      // of another role
        {order("", -200, -200, 600), 1700},  // it began after the order
        {order("", 0, 3000, 4000), 1700},    // later than it is due anyhow
        {api::RenewalOrder{}, 1700},         // what says nothing moves nothing
    }));
    auto state = held_for(100, 3600);
    apply({{wanted}, {}}, "web", state);
    CHECK(state.due().seconds() - kNow == due);
    apply({}, "web", state);
    CHECK(state.due().seconds() - kNow == 1700);
}

TEST_CASE("what is revoked is due at once, whatever else is named") {
    auto state = held_for(100, 3600);
    apply({{}, {"0a0b"}}, "web", state);
    CHECK(state.due() == Instant(0));
    apply({{}, {"0c"}}, "web", state);
    CHECK(state.due() > Instant(kNow));
    WorkloadState none;
    apply({{order("", 0, 0, 9)}, {"0a0b"}}, "web", none);
    CHECK(none.due() == Instant(0));
}

TEST_CASE("without workloads the agent is never woken; with a CA that is away it looks less and less often") {
    const test::TemporaryFolder folder;
    ::umask(022);
    crypto::SystemRng rng;
    Workloads workloads({folder.file("workload.d"), folder.file("status.json"), *Lifetime::of_seconds(60)});
    int calls = 0;
    const auto away = [&]() -> Result<client::CaClient> {
        ++calls;
        return fail(Code::unavailable, "cannot reach the CA");
    };
    CHECK(workloads.round(Instant(kNow), rng, away, {}).empty());
    CHECK_FALSE(workloads.next(Instant(kNow)));
    CHECK(calls == 0);

    std::filesystem::create_directory(folder.file("workload.d"));
    folder.write("workload.d/a.toml",
                 "identity = \"workload/a\"\nrole = \"web\"\nnames = [\"a.example\"]\n[files]\nfolder = \"" +
                     folder.file("a") + "\"\n");
    folder.write("workload.d/b.toml", "identity = \"workload/b\"\n");
    Instant now(kNow);
    std::int64_t longest = 0;
    for (int i = 0; i < 10; ++i) {
        CHECK(workloads.round(now, rng, away, {}).empty());
        CHECK(calls == i + 1);
        const auto next = workloads.next(now);
        REQUIRE(next);
        CHECK(*next > now);
        longest = next->seconds() - now.seconds();
        // Woken before its time, it asks nobody.
        CHECK(workloads.round(Instant(next->seconds() - 1), rng, away, {}).empty());
        CHECK(calls == i + 1);
        now = *next;
    }
    CHECK(longest <= renewal::kLongestAbsence);
    CHECK(longest >= renewal::kLongestAbsence / 2);
    const auto troubles = workloads.troubles();
    REQUIRE(troubles.size() == 2);
    CHECK_THAT(troubles[0], Contains("role"));
    CHECK_THAT(troubles[1], Contains("cannot reach the CA"));
    CHECK_THAT(folder.read("status.json"), Contains("\"health\": \"trouble\""));
}
