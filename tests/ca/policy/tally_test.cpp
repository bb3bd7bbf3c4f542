// Counting words: facts by hand, then a hundred thousand random trees and words against a model that shares no line
// with it. The model knows people as bits and asks which sets of them a tree can use up; it knows nothing of matching.
#include "ca/policy/tally.h"

#include <algorithm>
#include <random>
#include <set>

#include "tests/catch.h"

using namespace mayfly;
using namespace mayfly::policy;

namespace {

OwnerName who(const std::string& name) { return *OwnerName::parse(name); }
Party party(const std::string& text) { return *Party::parse(text); }
Approvers leaf(const std::string& of, std::size_t need = 1) { return {Approvers::Kind::leaf, need, party(of), {}}; }
Approvers all_of(std::vector<Approvers> parts) {
    const auto need = parts.size();
    return {Approvers::Kind::all_of, need, {}, std::move(parts)};
}
Approvers any_of(std::size_t need, std::vector<Approvers> parts) {
    return {Approvers::Kind::any_of, need, {}, std::move(parts)};
}
Word yes(const std::string& by, std::size_t stage = 0) { return {who(by), who(by), stage, Verdict::approve}; }
Word no(const std::string& by, std::size_t stage = 0) { return {who(by), who(by), stage, Verdict::deny}; }
Word yes_for(const std::string& by, const std::string& other, std::size_t stage = 0) {
    return {who(by), who(other), stage, Verdict::approve};
}

/// carol owns the role, dave backs her up, mary is the asker's manager; security is sam, sue and carol.
Electorate electorate() {
    Electorate out;
    out.role_owner = who("carol");
    out.backup_owner = who("dave");
    out.manager = who("mary");
    out.groups["security"] = {who("carol"), who("sam"), who("sue")};
    out.active = {who("alice"), who("carol"), who("dave"), who("mary"), who("sam"), who("sue")};
    return out;
}

struct Rule {
    RequestRule rule;
    std::vector<OwnerName> concerned = {who("alice")};
    explicit Rule(std::vector<Approvers> stages) { rule.stages = std::move(stages); }
    [[nodiscard]] Tally after(const std::vector<Word>& words) const {
        return tally(rule, electorate(), concerned, words);
    }
    [[nodiscard]] bool approved(const std::vector<Word>& words) const {
        return std::holds_alternative<Approved>(after(words));
    }
    [[nodiscard]] bool denied(const std::vector<Word>& words) const {
        return std::holds_alternative<Denied>(after(words));
    }
};

std::string names(const std::vector<OwnerName>& list) {
    std::string out;
    for (const auto& name : list) out += (out.empty() ? "" : " ") + name.text();
    return out;
}

}  // namespace

TEST_CASE("the owner's word is enough where the owner is asked") {
    const Rule rule({leaf("owner")});
    CHECK_FALSE(rule.approved({}));
    CHECK(rule.approved({yes("carol")}));
    CHECK_FALSE(rule.approved({yes("dave")}));
}

TEST_CASE("who asks, or answers for who asks, never decides") {
    Rule rule({leaf("owner")});
    rule.concerned = {who("carol")};
    CHECK_FALSE(rule.approved({yes("carol")}));
    CHECK_FALSE(rule.denied({no("carol")}));
    SECTION("not through somebody else, and not for somebody else") {
        Rule two({leaf("group:security", 1)});
        two.concerned = {who("sam")};
        CHECK_FALSE(two.approved({yes_for("dave", "sam")}));
        CHECK_FALSE(two.approved({yes_for("sam", "sue")}));
        CHECK(two.approved({yes_for("dave", "sue")}));
    }
}

TEST_CASE("two of a group are two persons") {
    const Rule rule({leaf("group:security", 2)});
    CHECK_FALSE(rule.approved({yes("sam")}));
    CHECK_FALSE(rule.approved({yes("sam"), yes("sam")}));
    CHECK_FALSE(rule.approved({yes("sam"), yes_for("dave", "sam")}));
    CHECK_FALSE(rule.approved({yes("sam"), yes_for("sam", "sue")}));
    CHECK(rule.approved({yes("sam"), yes("sue")}));
    CHECK(rule.approved({yes("sam"), yes_for("dave", "sue")}));
}

TEST_CASE("whoever is owner and in the group counts once, wherever they are needed more") {
    const Rule rule({all_of({leaf("owner"), leaf("group:security")})});
    CHECK_FALSE(rule.approved({yes("carol")}));
    CHECK(rule.approved({yes("carol"), yes("sam")}));
    CHECK(rule.approved({yes("sam"), yes("carol")}));
    SECTION("and what is still lacking says who can give it") {
        const auto tally = rule.after({yes("carol")});
        const auto& pending = std::get<Pending>(tally);
        REQUIRE(pending.lacking.size() == 1);
        CHECK(pending.lacking[0].party == party("group:security"));
        CHECK(names(pending.lacking[0].who) == "sam sue");
    }
}

TEST_CASE("parts that stand for each other are tried in every combination") {
    // The owner may sit in the first part or in the second; only one way works.
    const Rule rule(
        {all_of({any_of(1, {leaf("owner"), leaf("manager")}), any_of(1, {leaf("owner"), leaf("backup-owner")})})});
    CHECK(rule.approved({yes("carol"), yes("dave")}));
    CHECK(rule.approved({yes("carol"), yes("mary")}));
    CHECK_FALSE(rule.approved({yes("carol")}));
    CHECK(rule.approved({yes("mary"), yes("dave")}));
}

TEST_CASE("stages come one after the other") {
    const Rule rule({leaf("owner"), leaf("group:security")});
    CHECK(std::get<Pending>(rule.after({yes("sam", 1)})).stage == 0);
    CHECK(std::get<Pending>(rule.after({yes("carol", 0)})).stage == 1);
    CHECK(rule.approved({yes("carol", 0), yes("sam", 1)}));
    SECTION("one person may speak in both") { CHECK(rule.approved({yes("carol", 0), yes("carol", 1)})); }
}

TEST_CASE("a denial is a veto, at its stage, by whoever may decide there") {
    const Rule rule({leaf("group:security", 2), leaf("owner")});
    CHECK(rule.denied({yes("sam"), yes("sue"), no("carol")}));
    CHECK_FALSE(rule.denied({no("dave")}));
    CHECK_FALSE(rule.denied({no("carol", 1)}));  // the second stage has not begun
    CHECK(rule.denied({yes("sam"), yes("sue"), no("carol", 1)}));
}

TEST_CASE("a rule without stages asks nobody") {
    CHECK(Rule({}).approved({}));
    CHECK_FALSE(alone(RequestRule{}, electorate(), {who("carol")}));
}

TEST_CASE("alone is who finds nobody else at some stage") {
    const auto alone_in = [](std::vector<Approvers> stages, std::vector<OwnerName> concerned) {
        RequestRule rule;
        rule.stages = std::move(stages);
        return alone(rule, electorate(), concerned);
    };
    CHECK(alone_in({leaf("owner")}, {who("carol")}));
    CHECK_FALSE(alone_in({leaf("owner")}, {who("alice")}));
    CHECK_FALSE(alone_in({leaf("group:security", 2)}, {who("carol")}));  // sam and sue exist
    CHECK(alone_in({leaf("group:security"), leaf("owner")}, {who("carol")}));
    CHECK_FALSE(alone_in({any_of(1, {leaf("owner"), leaf("manager")})}, {who("carol")}));
    SECTION("but not where nobody ever could") { CHECK_FALSE(alone_in({leaf("person:nobody")}, {who("carol")})); }
}

TEST_CASE("people who are not active stand behind no word") {
    Electorate people = electorate();
    people.active = {who("carol")};
    CHECK(people.behind(party("person:sam")).empty());
    CHECK(people.behind(party("person:carol")).size() == 1);
    CHECK(people.behind(party("group:unknown")).empty());
    people.role_owner.reset();
    CHECK(people.behind(party("owner")).empty());
}

// ---- the model ------------------------------------------------------------------------------------------------------

namespace {

/// Small numbers, from a seed.
struct Random {
    std::mt19937 engine;
    explicit Random(unsigned seed) : engine(seed) {}
    unsigned operator()() { return static_cast<unsigned>(engine()); }
};
using Mask = unsigned;
constexpr unsigned kSeed = 20261121, kPeople = 6;
constexpr int kTrees = 100000;
const std::array<const char*, 7> kParties = {"owner",    "backup-owner", "manager",  "group:g0",
                                             "group:g1", "person:p4",    "person:p5"};

struct World {
    std::array<Mask, 7> behind{};  ///< by kParties
    Electorate people;
};

OwnerName person(unsigned i) { return who("p" + std::to_string(i)); }
bool has(Mask mask, unsigned i) { return ((mask >> i) & 1U) != 0; }

World random_world(Random& random) {
    World world;
    const auto one = [&](std::optional<OwnerName>& out) -> Mask {
        const unsigned i = random() % (kPeople + 1);
        if (i == kPeople) return 0;
        out = person(i);
        return 1U << i;
    };
    world.behind[0] = one(world.people.role_owner);
    world.behind[1] = one(world.people.backup_owner);
    world.behind[2] = one(world.people.manager);
    for (const unsigned g : {0U, 1U}) {
        world.behind[3 + g] = random() % (1U << kPeople);
        auto& members = world.people.groups["g" + std::to_string(g)];
        for (unsigned i = 0; i < kPeople; ++i)
            if (has(world.behind[3 + g], i)) members.push_back(person(i));
    }
    for (const unsigned i : {4U, 5U})
        if (random() % 2 == 0) {
            world.people.active.push_back(person(i));
            world.behind[1 + i] = 1U << i;
        }
    return world;
}

Approvers random_tree(Random& random, int depth) {
    if (depth == 0 || random() % 3 == 0) {
        const auto* of = kParties[random() % kParties.size()];
        return leaf(of, std::string(of).starts_with("group") ? 1 + random() % 2 : 1);
    }
    std::vector<Approvers> parts;
    const unsigned count = 1 + random() % 3;
    for (unsigned i = 0; i < count; ++i) parts.push_back(random_tree(random, depth - 1));
    if (random() % 2 == 0) return all_of(std::move(parts));
    return any_of(1 + random() % count, std::move(parts));
}

std::size_t place_of(const Party& of) {
    const std::string text = of.text();
    return static_cast<std::size_t>(std::find(kParties.begin(), kParties.end(), text) - kParties.begin());
}

/// Which sets of people a node can have used up, out of `free`.
std::set<Mask> ways(const Approvers& node, const World& world, Mask free) {
    std::set<Mask> out;
    if (node.kind == Approvers::Kind::leaf) {
        const Mask may = world.behind[place_of(*node.of)] & free;
        for (Mask some = 0; some < (1U << kPeople); ++some)
            if ((some & ~may) == 0 && static_cast<std::size_t>(__builtin_popcount(some)) == node.need) out.insert(some);
        return out;
    }
    for (Mask chosen = 0; chosen < (1U << node.parts.size()); ++chosen) {
        if (static_cast<std::size_t>(__builtin_popcount(chosen)) != node.need) continue;
        std::set<Mask> used = {0};
        for (unsigned i = 0; i < node.parts.size(); ++i) {
            if (!has(chosen, i)) continue;
            std::set<Mask> next;
            for (const Mask before : used)
                for (const Mask more : ways(node.parts[i], world, free & ~before)) next.insert(before | more);
            used = std::move(next);
        }
        out.insert(used.begin(), used.end());
    }
    return out;
}

Mask anybody(const Approvers& node, const World& world) {
    Mask out = node.of ? world.behind[place_of(*node.of)] : 0;
    for (const auto& part : node.parts) out |= anybody(part, world);
    return out;
}

enum class Said { nothing, yes, no };

/// Everybody speaks for themselves, at most once a stage.
char model(const RequestRule& rule, const World& world, Mask concerned,
           const std::vector<std::array<Said, kPeople>>& said) {
    for (std::size_t stage = 0; stage < rule.stages.size(); ++stage) {
        const Mask may = anybody(rule.stages[stage], world) & ~concerned;
        Mask agreed = 0;
        for (unsigned i = 0; i < kPeople; ++i) {
            if (!has(may, i)) continue;
            if (said[stage][i] == Said::no) return 'd';
            if (said[stage][i] == Said::yes) agreed |= 1U << i;
        }
        if (ways(rule.stages[stage], world, agreed).empty()) return 'p';
    }
    return 'a';
}

char letter(const Tally& tally) { return "pad"[tally.index()]; }

}  // namespace

TEST_CASE("what words come to is what a model of sets says, in whatever order they were said") {
    INFO("seed " << kSeed);
    Random random(kSeed);
    std::map<char, int> seen;
    int alone_seen = 0;
    for (int n = 0; n < kTrees; ++n) {
        const World world = random_world(random);
        RequestRule rule;
        const unsigned stages = 1 + random() % 3;
        for (unsigned i = 0; i < stages; ++i) rule.stages.push_back(random_tree(random, 2));
        const Mask concerned = random() % 4 == 0 ? random() % (1U << kPeople) : 1U << (random() % kPeople);
        std::vector<OwnerName> not_they;
        for (unsigned i = 0; i < kPeople; ++i)
            if (has(concerned, i)) not_they.push_back(person(i));

        std::vector<std::array<Said, kPeople>> said(stages);
        std::vector<Word> words;
        for (unsigned stage = 0; stage < stages; ++stage)
            for (unsigned i = 0; i < kPeople; ++i) {
                const unsigned dice = random() % 100;
                said[stage][i] = dice < 55 ? Said::yes : dice < 58 ? Said::no : Said::nothing;
                if (said[stage][i] != Said::nothing)
                    words.push_back(
                        {person(i), person(i), stage, said[stage][i] == Said::yes ? Verdict::approve : Verdict::deny});
            }
        std::shuffle(words.begin(), words.end(), random.engine);
        const auto counted = tally(rule, world.people, not_they, words);
        const char expected = model(rule, world, concerned, said);
        if (letter(counted) != expected) {
            INFO("tree " << n << ": " << text(rule) << ", tally " << letter(counted) << ", model " << expected);
            REQUIRE(letter(counted) == expected);
        }
        ++seen[expected];
        std::reverse(words.begin(), words.end());
        if (letter(tally(rule, world.people, not_they, words)) != expected) REQUIRE(false);

        // Alone: some stage has nobody but those concerned, and would have had them.
        bool nobody = false;
        for (const auto& stage : rule.stages) {
            const Mask all = anybody(stage, world);
            if ((all & ~concerned) == 0 && !ways(stage, world, all).empty()) nobody = true;
        }
        if (alone(rule, world.people, not_they) != nobody) {
            INFO("tree " << n << ": " << text(rule));
            REQUIRE(alone(rule, world.people, not_they) == nobody);
        }
        alone_seen += nobody ? 1 : 0;

        // What is lacking is never empty, and nobody concerned or heard already is said to be able to give it.
        if (const auto* pending = std::get_if<Pending>(&counted)) {
            bool good = !pending->lacking.empty();
            for (const auto& lacking : pending->lacking)
                for (const auto& name : lacking.who)
                    for (unsigned i = 0; i < kPeople; ++i)
                        if (name == person(i) && (has(concerned, i) || said[pending->stage][i] == Said::yes))
                            good = false;
            if (!good) {
                INFO("tree " << n << ": " << text(rule));
                REQUIRE(good);
            }
        }
    }
    INFO("approved " << seen['a'] << ", denied " << seen['d'] << ", pending " << seen['p'] << ", alone " << alone_seen);
    CHECK(seen['a'] > 5000);
    CHECK(seen['d'] > 5000);
    CHECK(seen['p'] > 5000);
    CHECK(alone_seen > 1000);
}

TEST_CASE("words given for others never let anybody count twice") {
    Random random(kSeed + 1);
    int approved = 0;
    for (int n = 0; n < kTrees / 4; ++n) {
        const World world = random_world(random);
        RequestRule rule;
        rule.stages.push_back(random_tree(random, 2));
        const Mask concerned = 1U << (random() % kPeople);
        std::vector<OwnerName> not_they;
        for (unsigned i = 0; i < kPeople; ++i)
            if (has(concerned, i)) not_they.push_back(person(i));
        std::vector<Word> words;
        Mask heads = 0, stood_for = 0;  // of words that are nobody's who is concerned
        const unsigned count = random() % 8;
        for (unsigned i = 0; i < count; ++i) {
            const unsigned by = random() % kPeople, other = random() % 3 == 0 ? random() % kPeople : by;
            words.push_back({person(by), person(other), 0, Verdict::approve});
            if (has(concerned, by) || has(concerned, other)) continue;
            heads |= 1U << by;
            stood_for |= 1U << other;
        }
        if (letter(tally(rule, world.people, not_they, words)) != 'a') continue;
        ++approved;
        // Whoever was spoken for is enough for the tree, and there were at least as many heads as the least way needs.
        const auto enough = ways(rule.stages[0], world, stood_for);
        int least = kPeople + 1;
        for (const Mask way : enough) least = std::min(least, __builtin_popcount(way));
        if (enough.empty() || __builtin_popcount(heads) < least) {
            INFO("tree " << n << ": " << text(rule));
            REQUIRE(false);
        }
    }
    CHECK(approved > 1000);
}
