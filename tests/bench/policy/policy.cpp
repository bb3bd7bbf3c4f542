// bench-policy: what one decision costs, and what reading the rules costs, with few roles and with many. Prints
// "name value" lines for tests/bench/run; says nothing about good or bad.
#include <chrono>
#include <cstdio>
#include <string>

#include "ca/policy/decide.h"
#include "ca/policy/tally.h"

namespace {

using namespace mayfly;
using Ticks = std::chrono::steady_clock;

constexpr std::int64_t kNow = 1795235162;

std::string role(std::size_t n) {
    const std::string name = "role-" + std::to_string(n);
    return "[[role]]\nname = \"" + name + "\"\nowner = \"owner-" + std::to_string(n % 50) +
           "\"\nmax_lifetime = \"1h\"\nrisk = \"medium\"\napprove = { all_of = [\"owner\", { any = 2, of = "
           "\"group:leads\" "
           "}] }\n[role.request]\nticket = \"INC-#\"\n[role.conditions]\nnetworks = [\"10.0.0.0/8\", "
           "\"2001:db8::/32\"]\n"
           "days = [\"sat\"]\nhours = \"04:00-20:00\"\nfirst_time = \"mark\"\n[role.ssh]\naccounts = "
           "[\"deploy\"]\nnodes = { "
           "env = \"dev\" }\nextensions = [\"permit-pty\"]\nsource_addresses = [\"10.0.0.0/8\"]\n";
}

std::string policy_of(std::size_t roles) {
    std::string out = "version = 1\n[[group]]\nname = \"leads\"\nmembers = [\"sam\", \"sue\", \"tom\"]\n";
    for (std::size_t i = 0; i < roles; ++i) out += role(i);
    for (std::size_t i = 0; i + 1 < roles; i += 10)
        out += "[[conflict]]\nroles = [\"role-" + std::to_string(i) + "\", \"role-" + std::to_string(i + 1) + "\"]\n";
    return out;
}

double microseconds(Ticks::time_point begun, std::size_t count) {
    return std::chrono::duration<double, std::micro>(Ticks::now() - begun).count() / static_cast<double>(count);
}

double decide_costs(const policy::Policy& policy, std::size_t roles, std::size_t rounds) {
    const auto domain = *TrustDomain::parse("corp.example");
    policy::Facts facts{*IdentityName::parse("human/alice"),
                        policy::State::active,
                        *OwnerName::parse("alice"),
                        policy::State::active,
                        {},
                        false,
                        false,
                        {},
                        {},
                        {},
                        Instant(kNow + 30LL * 86400),
                        *Lifetime::of_seconds(7 * 86400)};
    facts.circumstances = {"10.1.2.3", Instant(kNow - 60), true, {"node db-7"}};
    facts.target_labels = std::map<std::string, std::string>{{"env", "dev"}};
    policy::Ask ask{policy::Profile::ssh_user, {}};
    ask.key.point = Bytes(32, 9);
    ask.node = *NodeName::parse("db-7");
    std::vector<std::pair<RoleName, std::vector<policy::GrantFact>>> asked;
    for (std::size_t i = 0; i < std::min<std::size_t>(roles, 100); ++i) {
        const auto name = *RoleName::parse("role-" + std::to_string(i * (roles / std::min<std::size_t>(roles, 100))));
        policy::GrantFact grant{"g-1", name, *OwnerName::parse("carol"), Instant(kNow - 9), Instant(kNow + 900)};
        grant.how = policy::Activation::request;
        grant.role_version = policy.find(name)->version;
        asked.emplace_back(name, std::vector{grant});
    }
    std::size_t permitted = 0;
    const auto begun = Ticks::now();
    for (std::size_t i = 0; i < rounds; ++i) {
        const auto& [name, grants] = asked[i % asked.size()];
        ask.role = name;
        facts.grants = grants;
        const auto decision = policy::decide(policy, domain, ask, facts, Instant(kNow));
        permitted += std::holds_alternative<policy::Permit>(decision) ? 1 : 0;
    }
    const double cost = microseconds(begun, rounds);
    if (permitted != rounds) std::fprintf(stderr, "only %zu of %zu permitted\n", permitted, rounds);
    return permitted == rounds ? cost : -1;
}

double tally_costs(const policy::Policy& policy, std::size_t rounds) {
    const auto name = [](const char* text) { return *OwnerName::parse(text); };
    policy::Electorate people;
    people.role_owner = name("olga");
    people.groups["leads"] = {name("sam"), name("sue"), name("tom")};
    const std::vector<OwnerName> concerned = {name("alice")};
    std::vector<policy::Word> words;
    for (const auto* by : {"olga", "sam", "sue"}) words.push_back({name(by), name(by), 0, policy::Verdict::approve});
    std::size_t approved = 0;
    const auto& rule = policy.roles.begin()->second.request;
    const auto begun = Ticks::now();
    for (std::size_t i = 0; i < rounds; ++i)
        approved += std::holds_alternative<policy::Approved>(policy::tally(rule, people, concerned, words)) ? 1 : 0;
    const double cost = microseconds(begun, rounds);
    return approved == rounds ? cost : -1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t rounds = argc > 1 ? static_cast<std::size_t>(std::stoul(argv[1])) : 200000;
    bool good = true;
    for (const std::size_t roles : {10UL, 1000UL}) {
        const std::string text = policy_of(roles);
        const auto begun = Ticks::now();
        const auto policy = policy::parse_policy(text);
        if (!policy) return std::fprintf(stderr, "%s\n", policy.error().message.c_str()), 1;
        std::printf("parse_ms_%zu %.3f\n", roles, microseconds(begun, 1) / 1000);
        const double cost = decide_costs(*policy, roles, rounds);
        std::printf("decide_us_%zu %.3f\n", roles, cost);
        if (roles == 1000) std::printf("tally_us %.3f\n", tally_costs(*policy, rounds));
        good = good && cost > 0;
    }
    return good ? 0 : 1;
}
