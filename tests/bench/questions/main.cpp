// bench-questions: the nine questions of an auditor, asked of a store with 100,000 identities and a long log, about
// moments at the beginning, in the middle and at the end of its history; and what so many identities add to a mint.
// Prints "name value" lines for tests/bench/run; says nothing about good or bad.
//
// A question is timed as the server answers it: the policy of the moment is read and parsed, the log's size at the
// moment found, facts rebuilt and decided, the answer written as JSON, page after page to its end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>

#include "ca/access/explain.h"
#include "lib/wire/api.h"
#include "mayfly/exit.h"
#include "tests/bench/questions/fill.h"

namespace {

using namespace mayfly;
using namespace mayfly::bench;
using Ticks = std::chrono::steady_clock;

double milliseconds(Ticks::time_point begun) {
    return std::chrono::duration<double, std::milli>(Ticks::now() - begun).count();
}
/// What this thread has computed so far: on a busy machine it says what the clock on the wall does not.
double processor_milliseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1000 + static_cast<double>(now.tv_nsec) / 1e6;
}
double median(std::vector<double> all) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}
void say(const std::string& name, double value) {
    std::printf("%s %.3f\n", name.c_str(), value);
    std::fflush(stdout);
}
[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "bench-questions: %s\n", why.c_str());
    std::exit(1);
}

/// Then is a past moment with the policy of then, as the route makes it.
struct Then {
    policy::Policy policy;
    std::string version;
    Instant at;
    std::uint64_t size;
};
Then then_at(World& world, Instant at) {
    const auto record = world.store->policy_at(at);
    if (!record) stop(record.error().message);
    auto parsed = policy::parse_policy(record->toml);
    const auto size = world.store->log_size_at(at);
    if (!parsed || !size) stop("the moment cannot be read");
    return {std::move(*parsed), record->version, at, *size};
}
access::Moment moment_of(World& world, const Then& then) {
    return {*world.store, then.policy, then.version, world.domain, then.at, then.size};
}

api::Explanation explain(World& world, Instant at, const Case& whom, const std::optional<NodeName>& node) {
    const Then then = then_at(world, at);
    auto said = access::explain(moment_of(world, then), whom.identity, whom.role, node);
    if (!said) stop(whom.identity.text() + ": " + said.error().message);
    (void)wire::to_json(*said).canonical();
    return std::move(*said);
}
std::size_t who_can(World& world, Instant at, const std::vector<RoleName>& roles, const std::optional<NodeName>& node) {
    std::size_t rows = 0;
    std::string after;
    do {
        const Then then = then_at(world, at);
        const auto moment = moment_of(world, then);
        const auto named = node ? access::roles_of_node(moment, *node) : Result<std::vector<RoleName>>(roles);
        if (!named) stop(named.error().message);
        const auto said = access::who_can(moment, "it", *named, node, after);
        if (!said) stop(said.error().message);
        (void)wire::to_json(*said).canonical();
        rows += said->rows.size();
        after = said->next;
    } while (!after.empty());
    return rows;
}

/// Question asks once about the n-th case of a moment, and says whether the answer had in it what was asked for.
struct Question {
    const char* name;
    std::vector<Case> PastMoment::*whom;  ///< a moment of a short history may have none of them
    std::function<bool(const PastMoment&, std::size_t)> ask;
};

std::vector<Question> questions(World& world, const Size& size) {
    const auto node_of = [size](const Case& whom) {
        // The unit of an even role is half its number; the nodes are the last thousand.
        const auto unit = static_cast<std::size_t>(std::stoul(whom.role.text().substr(5))) / 2;
        return *NodeName::parse(size.identity(size.identities - 1000 + unit).text().substr(5));
    };
    const auto any_grant = [](const api::Explanation& said, auto holds) {
        return std::any_of(said.grants.begin(), said.grants.end(), holds);
    };
    const auto pick = [](const std::vector<Case>& cases, std::size_t n) -> const Case& {
        return cases[n % cases.size()];
    };
    return {
        {"who", &PastMoment::standing,
         [&world, pick](const PastMoment& then, std::size_t n) {
             return who_can(world, then.at, {pick(then.standing, n).role}, {}) > 100;
         }},
        {"whose", &PastMoment::standing,
         [&world, pick](const PastMoment& then, std::size_t n) {
             return !explain(world, then.at, pick(then.standing, n), {}).owner.empty();
         }},
        {"what", &PastMoment::standing,
         [&world, pick, node_of](const PastMoment& then, std::size_t n) {
             const Case& whom = pick(then.standing, n);
             const auto said = explain(world, then.at, whom, node_of(whom));
             return said.verdict == "permit" && !said.accounts.empty();
         }},
        {"why", &PastMoment::standing,
         [&world, pick, any_grant](const PastMoment& then, std::size_t n) {
             return any_grant(explain(world, then.at, pick(then.standing, n), {}),
                              [](const auto& grant) { return !grant.reason.empty(); });
         }},
        {"approved_by", &PastMoment::requested,
         [&world, pick, any_grant](const PastMoment& then, std::size_t n) {
             return any_grant(explain(world, then.at, pick(then.requested, n), {}),
                              [](const auto& grant) { return grant.state == "active" && !grant.words.empty(); });
         }},
        {"until", &PastMoment::requested,
         [&world, pick, any_grant](const PastMoment& then, std::size_t n) {
             return any_grant(explain(world, then.at, pick(then.requested, n), {}),
                              [&](const auto& grant) { return grant.until > then.at.text(); });
         }},
        {"used", &PastMoment::busy,
         [&world, pick, any_grant](const PastMoment& then, std::size_t n) {
             return any_grant(explain(world, then.at, pick(then.busy, n), {}),
                              [](const auto& grant) { return grant.certificates > 0; });
         }},
        {"removed_by", &PastMoment::removed,
         [&world, pick, any_grant](const PastMoment& then, std::size_t n) {
             return any_grant(explain(world, then.at, pick(then.removed, n), {}),
                              [](const auto& grant) { return !grant.ended_by.empty(); });
         }},
        {"anyone_else", &PastMoment::standing,
         [&world, pick, node_of](const PastMoment& then, std::size_t n) {
             return who_can(world, then.at, {}, node_of(pick(then.standing, n))) > 0;
         }},
    };
}

void time_questions(World& world, const Size& size, const std::vector<PastMoment>& moments, std::size_t times) {
    double worst = 0;
    for (const auto& question : questions(world, size)) {
        std::vector<double> all;
        double cold = 0, processor = 0;
        const auto ask = [&](const PastMoment& then, std::size_t n) {
            const auto begun = Ticks::now();
            const double before = processor_milliseconds();
            const bool told = question.ask(then, n);
            const double took = milliseconds(begun);
            processor = std::max(processor, processor_milliseconds() - before);
            if (!told) stop(std::string(question.name) + " at the " + then.name + ": the answer does not say it");
            return took;
        };
        for (const auto& then : moments) {
            if ((then.*question.whom).empty()) continue;
            world.close();
            world.forget();
            world.open();
            cold = std::max(cold, ask(then, times));
            for (std::size_t n = 0; n < times; ++n) all.push_back(ask(then, n));
        }
        if (all.empty()) stop(std::string(question.name) + ": nobody to ask about at any moment");
        const std::string name = std::string("question_") + question.name;
        const double most = *std::max_element(all.begin(), all.end());
        say(name + "_ms", median(all));
        say(name + "_max_ms", most);
        say(name + "_cold_ms", cold);
        say(name + "_cpu_ms", processor);
        worst = std::max({worst, most, cold});
    }
    // The role with the most holders by far.
    std::vector<double> all;
    double processor = 0;
    std::size_t holders = 0;
    for (const auto& then : moments) {
        const auto begun = Ticks::now();
        const double before = processor_milliseconds();
        holders = std::max(holders, who_can(world, then.at, {role_name(0)}, {}));
        all.push_back(milliseconds(begun));
        processor = std::max(processor, processor_milliseconds() - before);
    }
    say("question_who_largest_ms", *std::max_element(all.begin(), all.end()));
    say("question_who_largest_cpu_ms", processor);
    say("question_who_largest_holders", static_cast<double>(holders));
    say("question_slowest_ms", worst);
}

/// Mints in turn in a store with ten identities and in the large one: what is left between them is the difference.
void time_mints(World& small, World& large, std::size_t rounds) {
    struct Timed {
        World& world;
        Size size;
        std::size_t who;
        std::vector<double> mints{}, decisions{}, computed{};
    };
    std::vector<Timed> both;
    both.push_back({small, {10, 5}, 5});
    both.push_back({large, {}, 5005});
    for (std::size_t i = 0; i < rounds + 10; ++i)
        for (auto& [world, size, who, mints, decisions, computed] : both) {
            const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
            auto request = world.request(size.identity(who), role_name(2 * (who % kPairs)), key->public_key());
            for (const bool dry_run : {true, false}) {
                request.dry_run = dry_run;
                const auto begun = Ticks::now();
                const double before = processor_milliseconds();
                const auto outcome = world.mint->mint(request);
                const double took = milliseconds(begun), processor = processor_milliseconds() - before;
                if (!outcome) stop(outcome.error().message);
                if (const auto* denied = std::get_if<mint::Denied>(&*outcome)) stop(denied->reasons.front().message);
                if (i < 10) continue;
                (dry_run ? decisions : mints).push_back(took);
                if (dry_run) computed.push_back(processor);  // a dry run is one thread from its beginning to its end
            }
        }
    const auto& [few, many] = std::pair(both[0], both[1]);
    say("mint_10_identities_us", 1000 * median(few.mints));
    say("mint_100k_identities_us", 1000 * median(many.mints));
    say("mint_identities_cost_us", 1000 * (median(many.mints) - median(few.mints)));
    say("decision_10_identities_us", 1000 * median(few.decisions));
    say("decision_100k_identities_us", 1000 * median(many.decisions));
    say("decision_identities_cost_us", 1000 * (median(many.decisions) - median(few.decisions)));
    say("decision_identities_cost_cpu_us", 1000 * (median(many.computed) - median(few.computed)));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 || std::strtoull(argv[2], nullptr, 10) == 0) {
        std::fprintf(stderr, "usage: bench-questions EMPTY_FOLDER EVENTS\n");
        return 2;
    }
    const std::string folder = argv[1];
    const std::uint64_t events = std::strtoull(argv[2], nullptr, 10);
    for (const auto* name : {"/small", "/large"}) {
        std::error_code failed;
        if (!std::filesystem::create_directory(folder + name, failed)) stop("cannot make " + folder + name);
    }
    World small(folder + "/small"), large(folder + "/large");
    fill(small, {10, 5}, 0);
    const auto begun = Ticks::now();
    const Filled filled = fill(large, {}, events);
    if (filled.moments.size() != 3) stop("too few events for a history: 200,000 make a short one");
    say("questions_fill_s", milliseconds(begun) / 1000);
    say("questions_events", static_cast<double>(filled.entries));
    say("questions_certificates", static_cast<double>(filled.certificates));
    say("questions_grants", static_cast<double>(filled.grants));
    say("questions_database_mb", static_cast<double>(std::filesystem::file_size(large.database())) / 1e6);
    for (auto* world : {&small, &large}) {
        world->open();
        world->clock.set(filled.end.seconds());
    }
    time_questions(large, {}, filled.moments, 20);
    // In the small store a grant of the same length is over by now; there, it is still the beginning.
    small.clock.set(kBegin + 10);
    time_mints(small, large, events > 1000000 ? 1000 : 200);
    return 0;
}
