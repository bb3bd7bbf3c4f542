// Invariant: a certificate is never more than role ∧ grant ∧ approval ∧ owner ∧ issuer ∧ asked allow. A hundred
// thousand random questions to decide(), each weighed again by a model that shares no line with it: what matches what
// stands in tables written by hand.
#include <algorithm>
#include <array>
#include <random>

#include "ca/policy/decide.h"
#include "tests/catch.h"

using namespace mayfly;
using policy::Profile;

namespace {

constexpr std::int64_t kNow = 1795235162;
constexpr unsigned kSeed = 20261121;
constexpr int kPolicies = 200, kQuestions = 1000;

// ---- the small world: everything that a question may hold, and what matches what ------------------------------------

constexpr std::array<const char*, 10> kNames = {"dns:a.corp.example",
                                                "dns:b.corp.example",
                                                "dns:x.a.corp.example",
                                                "dns:*.corp.example",
                                                "dns:evil.com",
                                                "ip:10.1.2.3",
                                                "ip:192.0.2.1",
                                                "uri:spiffe://corp.example/human/alice",
                                                "uri:spiffe://corp.example/human/bob",
                                                "uri:https://a.corp.example/v1"};
constexpr std::size_t kWildcard = 3, kOwnUri = 7, kOthersUri = 8, kOtherUri = 9;
struct Pattern {
    const char* text;
    std::array<bool, 10> covers;
};
constexpr std::array<Pattern, 7> kPatterns = {{
    {"dns:a.corp.example", {true, false, false, false, false, false, false, false, false, false}},
    {"dns:*.corp.example", {true, true, false, true, false, false, false, false, false, false}},
    {"dns:*.a.corp.example", {false, false, true, false, false, false, false, false, false, false}},
    {"ip:10.0.0.0/8", {false, false, false, false, false, true, false, false, false, false}},
    {"ip:192.0.2.1", {false, false, false, false, false, false, true, false, false, false}},
    {"uri:spiffe://corp.example/human/*", {false, false, false, false, false, false, false, true, true, false}},
    {"uri:https://a.corp.example/*", {false, false, false, false, false, false, false, false, false, true}},
}};

constexpr std::array<const char*, 6> kBlocks = {"10.0.0.0/8",   "10.1.0.0/16",   "10.1.2.3/32",
                                                "192.0.2.0/24", "2001:db8::/32", "2001:db8:1::/48"};
/// kInside[inner][outer]
constexpr bool kInside[6][6] = {{true, false, false, false, false, false}, {true, true, false, false, false, false},
                                {true, true, true, false, false, false},   {false, false, false, true, false, false},
                                {false, false, false, false, true, false}, {false, false, false, false, true, true}};

/// Conditions of a moment: kNow is Saturday 04:26 UTC.
struct Window {
    const char* text;
    bool open;
};
constexpr std::array<Window, 7> kWindows = {{{"days = [\"sat\"]", true},
                                             {"days = [\"mon\", \"fri\"]", false},
                                             {"hours = \"04:00-05:00\"", true},
                                             {"hours = \"08:00-18:00\"", false},
                                             {"hours = \"22:00-06:00\"", true},
                                             {"days = [\"fri\"]\nhours = \"22:00-06:00\"", true},
                                             {"days = [\"sat\"]\nhours = \"22:00-06:00\"", false}}};
/// kFrom[address][block of kBlocks]
constexpr std::array<const char*, 4> kAddresses = {"10.1.2.3", "10.9.9.9", "2001:db8:1::7", ""};
constexpr bool kFrom[4][6] = {{true, true, true, false, false, false},
                              {true, false, false, false, false, false},
                              {false, false, false, false, true, true},
                              {false, false, false, false, false, false}};
constexpr std::array<const char*, 3> kTenants = {"home", "acme", "umbrella"};

constexpr std::array<const char*, 3> kExtensions = {"permit-port-forwarding", "permit-pty", "permit-user-rc"};
constexpr std::array<const char*, 3> kSelectors = {"\"all\"", "{ env = \"dev\" }", "{ env = \"prod\", tier = \"db\" }"};
const std::array<std::map<std::string, std::string>, 3> kNodes = {
    {{{"env", "dev"}}, {{"env", "prod"}}, {{"env", "prod"}, {"tier", "db"}, {"rack", "7"}}}};
/// kOpens[selector][node]
constexpr bool kOpens[3][3] = {{true, true, true}, {true, false, false}, {false, false, true}};
constexpr std::array<const char*, 3> kHosts = {"db-1", "db-1.corp", "www"};

using Random = std::mt19937;
bool chance(Random& random, unsigned percent) { return random() % 100 < percent; }
std::size_t one_of(Random& random, std::size_t count) { return random() % count; }
std::vector<std::size_t> some_of(Random& random, std::size_t count, unsigned percent) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < count; ++i)
        if (chance(random, percent)) out.push_back(i);
    return out;
}
bool has(const std::vector<std::size_t>& list, std::size_t value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// ---- the model's side -----------------------------------------------------------------------------------------------

struct RoleModel {
    std::string name;
    std::int64_t longest = 0;
    bool approval = false, ssh = false, x509 = false;
    std::size_t selector = 0;
    std::vector<std::size_t> extensions, blocks, patterns;
    bool forced = false, hardware = false, wildcard = false;
    int open_to = 0;                  ///< 0: nobody without a grant, 1: anyone, 2: person:alice, 3: group:others
    std::vector<std::size_t> from{};  ///< networks of the asker, of kBlocks
    int window = -1, login_age = 0;   ///< of kWindows; seconds
    bool strong = false;
    int first_time = 0;  ///< 0: ignore, 1: mark, 2: approve
    std::size_t tenant = 0;
    bool guests = false;  ///< of tenant "umbrella"
    [[nodiscard]] bool conditional() const {
        return !from.empty() || window >= 0 || login_age > 0 || strong || first_time > 0;
    }
    [[nodiscard]] std::string toml() const;
};

std::string quoted(const std::vector<std::size_t>& chosen, const auto& texts) {
    std::string out;
    for (const auto i : chosen) {
        if constexpr (requires { texts[i].text; })
            out += std::string(out.empty() ? "" : ", ") + "\"" + texts[i].text + "\"";
        else
            out += std::string(out.empty() ? "" : ", ") + "\"" + texts[i] + "\"";
    }
    return "[" + out + "]";
}

std::string RoleModel::toml() const {
    std::string out = "[[role]]\nname = \"" + name + "\"\nowner = \"carol\"\nmax_lifetime = \"" +
                      std::to_string(longest) + "s\"\nrisk = \"low\"\napprove = \"" + (approval ? "owner" : "none") +
                      "\"\ntenant = \"" + kTenants[tenant] + "\"\n";
    if (guests) out += "guests = [\"umbrella\"]\n";
    if (open_to != 0)
        out += std::string("open_to = [\"") +
               (open_to == 1   ? "anyone"
                : open_to == 2 ? "person:alice"
                               : "group:others") +
               "\"]\n";
    if (conditional()) {
        out += "[role.conditions]\n";
        if (!from.empty()) out += "networks = " + quoted(from, kBlocks) + "\n";
        if (window >= 0) out += std::string(kWindows[static_cast<std::size_t>(window)].text) + "\n";
        if (login_age > 0) out += "login_age = \"" + std::to_string(login_age) + "s\"\n";
        if (strong) out += "strong_login = true\n";
        if (first_time > 0) out += std::string("first_time = \"") + (first_time == 1 ? "mark" : "approve") + "\"\n";
    }
    if (ssh)
        out += "[role.ssh]\naccounts = [\"deploy\"]\nnodes = " + std::string(kSelectors[selector]) +
               "\nextensions = " + quoted(extensions, kExtensions) + "\nsource_addresses = " + quoted(blocks, kBlocks) +
               "\nforce_command = \"" + (forced ? "uptime" : "") +
               "\"\nhardware_key = " + (hardware ? "true" : "false") + "\n";
    if (x509)
        out += "[role.x509]\nusage = [\"server\"]\nnames = " + quoted(patterns, kPatterns) +
               "\nwildcard = " + (wildcard ? "true" : "false") + "\n";
    return out;
}

RoleModel random_role(Random& random, std::size_t number) {
    RoleModel role;
    role.name = "role-" + std::to_string(number);
    role.longest = 60 + static_cast<std::int64_t>(one_of(random, 7200));
    role.approval = chance(random, 10);
    role.ssh = chance(random, 70);
    role.x509 = !role.ssh || chance(random, 50);
    role.selector = one_of(random, kSelectors.size());
    role.extensions = some_of(random, kExtensions.size(), 50);
    if (chance(random, 50)) role.blocks = some_of(random, kBlocks.size(), 40);
    role.patterns = some_of(random, kPatterns.size(), 50);
    if (role.patterns.empty()) role.patterns.push_back(0);
    role.forced = chance(random, 30);
    role.hardware = chance(random, 20);
    role.wildcard = chance(random, 50);
    role.open_to = chance(random, 20) ? 1 + static_cast<int>(one_of(random, 3)) : 0;
    if (chance(random, 10)) role.from = some_of(random, kBlocks.size(), 60);
    if (chance(random, 15)) role.window = static_cast<int>(one_of(random, kWindows.size()));
    if (chance(random, 10)) role.login_age = 600;
    role.strong = chance(random, 10);
    if (chance(random, 20)) role.first_time = 1 + static_cast<int>(one_of(random, 2));
    role.tenant = chance(random, 10) ? 1 : 0;
    role.guests = chance(random, 30);
    return role;
}

enum class How { standing, eligible, request, outdated, glass, old_glass };
/// GrantModel is one grant for the role asked for.
struct GrantModel {
    std::int64_t from = 0, until = 0;
    How how = How::standing;
    int node = -1;
    std::int64_t first_use = 0;
    bool spent = false;
};

GrantModel random_grant(Random& random, bool approval) {
    GrantModel out;
    out.from = kNow - 3600 + static_cast<std::int64_t>(one_of(random, 3900));
    out.until = out.from + 1 + static_cast<std::int64_t>(one_of(random, 12000));
    static constexpr std::array<How, 8> kHow = {How::standing, How::standing, How::standing, How::eligible,
                                                How::request,  How::outdated, How::glass,    How::old_glass};
    out.how = approval && chance(random, 60) ? How::request : kHow[one_of(random, kHow.size())];
    if (chance(random, 10)) out.node = static_cast<int>(one_of(random, 3));
    if (out.how == How::request && chance(random, 20))
        out.first_use = 1 + static_cast<std::int64_t>(one_of(random, 3000));
    out.spent = chance(random, 5);
    return out;
}

/// Question is one Ask with its Facts, and the choices that they were made from.
struct Question {
    Profile profile = Profile::ssh_user;
    const RoleModel* role = nullptr;  ///< nullptr: one that does not exist, or none
    bool named = true, fido = false, revoked = false, authority = false, bound = false, suspended = false,
         ownerless = false;
    Kind kind = Kind::human;
    std::optional<std::int64_t> lifetime;
    std::vector<GrantModel> grants{};
    std::size_t address = 0, tenant = 0;
    std::int64_t login_age = -1;  ///< -1: not known
    bool strong = false, news = false, conflict = false, leaving = false;
    std::int64_t adopt_by = 0;
    std::size_t node_tenant = 0;
    std::int64_t issuer_ends = 0, issuer_longest = 0;
    int node = -1;                ///< -1: not narrowed; 3: a node that does not exist
    std::vector<int> principals;  ///< 0: the role; 1: role@its node; 2: role@other; 3: another role
    std::optional<std::vector<std::size_t>> extensions;
    std::vector<std::size_t> blocks, names, hosts, known_hosts;
    int command = 0;  ///< 0: none, 1: the role's, 2: another
};

Question random_question(Random& random, const std::vector<RoleModel>& roles) {
    static constexpr std::array<Profile, 10> kProfiles = {
        Profile::ssh_user, Profile::ssh_user, Profile::ssh_user, Profile::ssh_user, Profile::x509,
        Profile::x509,     Profile::x509,     Profile::session,  Profile::ssh_host, Profile::node};
    static constexpr std::array<Kind, 5> kKinds = {Kind::human, Kind::workload, Kind::agent, Kind::node,
                                                   Kind::breakglass};
    Question q;
    q.profile = kProfiles[one_of(random, kProfiles.size())];
    q.named = chance(random, 97);
    if (q.named && chance(random, 97)) q.role = &roles[one_of(random, roles.size())];
    const bool node = q.profile == Profile::node || q.profile == Profile::ssh_host;
    q.kind = chance(random, 10) ? kKinds[one_of(random, kKinds.size())] : node ? Kind::node : Kind::human;
    q.fido = chance(random, 15);
    q.revoked = chance(random, 2);
    q.authority = chance(random, 2);
    q.bound = chance(random, 2);
    q.suspended = chance(random, 2);
    q.ownerless = chance(random, 2);
    if (chance(random, 60)) q.lifetime = 1 + static_cast<std::int64_t>(one_of(random, 4000));
    for (int i = 0; i < 2; ++i)
        if (chance(random, i == 0 ? 95 : 20))
            q.grants.push_back(random_grant(random, q.role != nullptr && q.role->approval));
    q.address = one_of(random, kAddresses.size());
    q.tenant = chance(random, 85) ? (q.role != nullptr ? q.role->tenant : 0) : one_of(random, kTenants.size());
    q.node_tenant = chance(random, 90) && q.role != nullptr ? q.role->tenant : one_of(random, kTenants.size());
    if (chance(random, 80)) q.login_age = static_cast<std::int64_t>(one_of(random, 900));
    q.strong = chance(random, 60);
    q.news = chance(random, 30);
    q.conflict = chance(random, 3);
    q.leaving = chance(random, 3);
    q.adopt_by = kNow - 1000 + static_cast<std::int64_t>(one_of(random, 80000));
    q.issuer_ends = kNow - 60 + static_cast<std::int64_t>(one_of(random, 40000));
    q.issuer_longest = 30 + static_cast<std::int64_t>(one_of(random, 20000));
    if (chance(random, 40)) q.node = static_cast<int>(one_of(random, 4));
    if (chance(random, 30))
        for (int i = 0; i < 4; ++i)
            if (chance(random, i == 0 ? 60 : 15)) q.principals.push_back(i);
    if (chance(random, 40)) q.extensions = some_of(random, kExtensions.size(), 30);
    if (chance(random, 30)) q.blocks = some_of(random, kBlocks.size(), 25);
    q.names = some_of(random, kNames.size(), 15);
    q.known_hosts = some_of(random, kHosts.size(), 70);
    if (chance(random, 50)) q.hosts = some_of(random, kHosts.size(), 30);
    if (chance(random, 20)) q.command = 1 + static_cast<int>(one_of(random, 2));
    return q;
}

bool glass(const Question& q) { return q.kind == Kind::breakglass; }
bool stands(const GrantModel& grant) { return grant.from <= kNow && kNow < grant.until && !grant.spent; }
bool carries(const Question& q, const GrantModel& grant) {
    if (glass(q)) return grant.how == How::glass;
    return grant.how == How::request || (grant.how == How::standing && !q.role->approval);
}
/// The grant that carries the certificate: the one that ends last among those that do.
const GrantModel* carrier(const Question& q) {
    const GrantModel* best = nullptr;
    for (const auto& grant : q.grants)
        if (stands(grant) && carries(q, grant) && (grant.node < 0 || grant.node == q.node) &&
            (best == nullptr || grant.until > best->until))
            best = &grant;
    return best;
}
bool may_ask(const Question& q) {
    if (q.role->open_to == 1 || q.role->open_to == 2) return true;  // whoever asks, alice answers for it
    return std::any_of(q.grants.begin(), q.grants.end(), [](const GrantModel& grant) {
        return grant.from <= kNow && kNow < grant.until && (grant.how == How::standing || grant.how == How::eligible);
    });
}

/// The most that this certificate may live, by the model.
std::int64_t bound_of(const Question& q) {
    std::int64_t most = std::min(q.issuer_longest, q.issuer_ends - kNow);
    if (q.profile == Profile::ssh_user || q.profile == Profile::x509) {
        most = std::min(most, q.role->longest);
        // Where nothing carries it yet, the grant that lets somebody ask bounds nothing.
        if (const auto* grant = carrier(q))
            most = std::min(most, grant->first_use > 0 ? grant->first_use : grant->until - kNow);
        if (q.leaving) most = std::min(most, (q.adopt_by - kNow) / 14);
    } else if (q.profile == Profile::session) {
        most = std::min<std::int64_t>(most, 8 * 3600);
    } else {
        most = std::min<std::int64_t>(most, 24 * 3600);
    }
    return most;
}

bool name_allowed(const Question& q, std::size_t name) {
    if (name == kOwnUri && q.kind == Kind::human) return true;
    if (name == kOwnUri || name == kOthersUri) return false;
    if (name == kWildcard && !q.role->wildcard) return false;
    return std::any_of(q.role->patterns.begin(), q.role->patterns.end(),
                       [&](std::size_t pattern) { return kPatterns[pattern].covers[name]; });
}

enum class Verdict { yes, approval, no };

Verdict model(const Question& q) {
    if (q.suspended || q.ownerless || q.revoked || q.authority || q.bound) return Verdict::no;
    if (q.leaving && (q.kind == Kind::human || q.adopt_by <= kNow)) return Verdict::no;
    const bool person = q.kind == Kind::human || q.kind == Kind::workload || q.kind == Kind::agent ||
                        (glass(q) && q.profile == Profile::ssh_user);
    bool wait = false;
    if (q.profile == Profile::session && (!person || q.fido)) return Verdict::no;
    if (q.profile == Profile::node && (q.kind != Kind::node || q.fido)) return Verdict::no;
    if (q.profile == Profile::ssh_host &&
        (q.kind != Kind::node || q.fido || q.known_hosts.empty() ||
         std::any_of(q.hosts.begin(), q.hosts.end(), [&](std::size_t host) { return !has(q.known_hosts, host); })))
        return Verdict::no;
    if (q.profile == Profile::ssh_user || q.profile == Profile::x509) {
        if (!person || q.role == nullptr) return Verdict::no;
        const RoleModel& role = *q.role;
        if (role.tenant != q.tenant && !(role.guests && q.tenant == 2)) return Verdict::no;
        if (q.conflict) return Verdict::no;
        const auto* grant = carrier(q);
        if (grant == nullptr) {
            for (const auto& other : q.grants)
                if (stands(other) && carries(q, other)) return Verdict::no;  // for another node
            const bool outdated = std::any_of(q.grants.begin(), q.grants.end(), [](const GrantModel& other) {
                return stands(other) && other.how == How::outdated;
            });
            if (glass(q) || (!outdated && !may_ask(q))) return Verdict::no;
            wait = true;
        }
        if (role.window >= 0 && !kWindows[static_cast<std::size_t>(role.window)].open) return Verdict::no;
        if (!role.from.empty() && std::none_of(role.from.begin(), role.from.end(),
                                               [&](std::size_t block) { return kFrom[q.address][block]; }))
            return Verdict::no;
        if (role.login_age > 0 && (q.login_age < 0 || q.login_age > role.login_age)) return Verdict::no;
        if (role.strong && !q.strong) return Verdict::no;
        if (role.first_time == 2 && q.news && (grant == nullptr || grant->how == How::standing)) wait = true;
    }
    if (q.profile == Profile::ssh_user) {
        const RoleModel& role = *q.role;
        if (!role.ssh || (role.hardware && !q.fido)) return Verdict::no;
        if (q.node == 3 || (q.node >= 0 && (q.node_tenant != role.tenant || !kOpens[role.selector][q.node])))
            return Verdict::no;
        for (const int principal : q.principals) {
            if (principal == 3) return Verdict::no;
            if (q.node >= 0 && principal != 1) return Verdict::no;
        }
        if (q.extensions)
            for (const auto extension : *q.extensions)
                if (!has(role.extensions, extension)) return Verdict::no;
        for (const auto block : q.blocks)
            if (!role.blocks.empty() && std::none_of(role.blocks.begin(), role.blocks.end(),
                                                     [&](std::size_t outer) { return kInside[block][outer]; }))
                return Verdict::no;
        if (role.forced && q.command == 2) return Verdict::no;
    }
    if (q.profile == Profile::x509) {
        if (!q.role->x509 || q.fido || q.names.empty()) return Verdict::no;
        for (const auto name : q.names)
            if (!name_allowed(q, name)) return Verdict::no;
        const auto has = [&](std::size_t name) {
            return std::find(q.names.begin(), q.names.end(), name) != q.names.end();
        };
        if (has(kOwnUri) && has(kOtherUri)) return Verdict::no;  // X509-SVID section 2
    }
    const auto most = bound_of(q);
    if (most < 1 || (q.lifetime && *q.lifetime > most)) return Verdict::no;
    return wait ? Verdict::approval : Verdict::yes;
}

// ---- asking the real one --------------------------------------------------------------------------------------------

std::string node_name(int node) { return "n" + std::to_string(node); }

policy::Ask ask_of(const Question& q) {
    policy::Ask ask{q.profile, {}};
    ask.key.algorithm = q.fido ? KeyAlgorithm::sk_ed25519 : KeyAlgorithm::ed25519;
    ask.key.point = Bytes(32, 9);
    const std::string role = q.role != nullptr ? q.role->name : "none-such";
    if (q.named) ask.role = *RoleName::parse(role);
    if (q.lifetime) ask.lifetime = *Lifetime::of_seconds(*q.lifetime);
    if (q.node >= 0) ask.node = *NodeName::parse(node_name(q.node));
    const std::string mine = q.node >= 0 ? node_name(q.node) : "n0";
    for (const int principal : q.principals)
        ask.principals.push_back(*Principal::parse(principal == 0   ? role
                                                   : principal == 1 ? role + "@" + mine
                                                   : principal == 2 ? role + "@n9"
                                                                    : "other-role"));
    if (q.extensions) {
        ask.extensions.emplace();
        for (const auto extension : *q.extensions) ask.extensions->emplace_back(kExtensions[extension]);
    }
    for (const auto block : q.blocks) ask.source_addresses.emplace_back(kBlocks[block]);
    for (const auto name : q.names) ask.names.push_back(*wire::SubjectName::parse(kNames[name]));
    for (const auto host : q.hosts) ask.hosts.push_back(*HostName::parse(kHosts[host]));
    if (q.command != 0) ask.force_command = q.command == 1 ? "uptime" : "sh";
    return ask;
}

policy::GrantFact grant_of(const Question& q, const GrantModel& model, const policy::Policy& in_force, std::size_t n) {
    const std::string role = q.role != nullptr ? q.role->name : "none-such";
    policy::GrantFact out{"g-" + std::to_string(n), *RoleName::parse(role), *OwnerName::parse("carol"),
                          Instant(model.from), Instant(model.until)};
    const auto* known = in_force.find(out.role);
    const std::string version = known != nullptr ? known->version : "";
    switch (model.how) {
        case How::standing: out.how = policy::Activation::standing; break;
        case How::eligible: out.how = policy::Activation::eligible; break;
        case How::request:
        case How::outdated: out.how = policy::Activation::request; break;
        case How::glass:
        case How::old_glass: out.how = policy::Activation::breakglass; break;
    }
    out.role_version = model.how == How::outdated || model.how == How::old_glass ? std::string(64, 'f') : version;
    if (model.node >= 0) out.node = *NodeName::parse(node_name(model.node));
    if (model.first_use > 0) out.first_use = *Lifetime::of_seconds(model.first_use);
    out.spent = model.spent;
    return out;
}

policy::Facts facts_of(const Question& q, const policy::Policy& in_force) {
    const auto state = [](bool bad) { return bad ? policy::State::suspended : policy::State::active; };
    const std::string own = q.kind == Kind::human ? "human/alice" : std::string(name(q.kind)) + "/m1";
    policy::Facts facts{*IdentityName::parse(own),
                        state(q.suspended),
                        *OwnerName::parse("alice"),
                        state(q.ownerless),
                        {},
                        q.revoked,
                        q.authority,
                        {},
                        {},
                        {},
                        Instant(q.issuer_ends),
                        *Lifetime::of_seconds(q.issuer_longest)};
    if (q.bound) facts.key_bound_to = *IdentityName::parse("human/bob");
    if (q.named)
        for (std::size_t i = 0; i < q.grants.size(); ++i) facts.grants.push_back(grant_of(q, q.grants[i], in_force, i));
    if (q.leaving && !q.ownerless) {
        facts.owner_state = policy::State::leaving;
        facts.adopt_by = Instant(q.adopt_by);
    }
    facts.tenant = kTenants[q.tenant];
    facts.target_tenant = kTenants[q.node_tenant];
    if (q.conflict)
        facts.beside = {{*IdentityName::parse("agent/a"), *RoleName::parse("other"), "g-9", Instant(kNow + 1)}};
    facts.circumstances.address = kAddresses[q.address];
    if (q.login_age >= 0) facts.circumstances.login = Instant(kNow - q.login_age);
    facts.circumstances.strong_login = q.strong;
    if (q.news) facts.circumstances.new_to = {"node n0"};
    for (const auto host : q.known_hosts) facts.hosts.push_back(*HostName::parse(kHosts[host]));
    if (q.node >= 0 && q.node < 3) facts.target_labels = kNodes[static_cast<std::size_t>(q.node)];
    return facts;
}

/// Nothing in the permit that the model would not give.
bool within_bounds(const Question& q, const policy::Permit& permit) {
    const auto most = bound_of(q);
    if (permit.lifetime.seconds() > most || permit.lifetime.seconds() < 1) return false;
    if (q.lifetime && permit.lifetime.seconds() != *q.lifetime) return false;
    if (!q.lifetime && permit.lifetime.seconds() != most) return false;
    if (q.profile == Profile::ssh_user) {
        const RoleModel& role = *q.role;
        if (permit.principals.empty()) return false;
        for (const auto& principal : permit.principals) {
            const bool whole = principal == role.name, at = principal.starts_with(role.name + "@");
            if (!whole && !at) return false;
            if (q.node >= 0 && principal != role.name + "@" + node_name(q.node)) return false;
        }
        for (const auto& extension : permit.extensions)
            if (std::none_of(role.extensions.begin(), role.extensions.end(),
                             [&](std::size_t i) { return extension == kExtensions[i]; }))
                return false;
        if (role.forced && permit.force_command != "uptime") return false;
        if (!role.blocks.empty() && permit.source_addresses.empty()) return false;
        if (role.hardware && !permit.verify_required) return false;
        const auto* grant = carrier(q);
        if (grant == nullptr ||
            (grant->node >= 0 && permit.principals.front() != role.name + "@" + node_name(grant->node)))
            return false;
        if ((role.first_time > 0 && q.news) == permit.marks.empty()) return false;
        return !permit.server && !permit.client && permit.names.empty();
    }
    if (q.profile == Profile::ssh_host) {
        for (const auto& principal : permit.principals)
            if (std::none_of(q.known_hosts.begin(), q.known_hosts.end(),
                             [&](std::size_t host) { return principal == kHosts[host]; }))
                return false;
        return !permit.principals.empty() && permit.extensions.empty() && permit.names.empty();
    }
    if (!permit.principals.empty() || !permit.extensions.empty() || permit.names.empty()) return false;
    if (q.profile == Profile::x509) {
        if (permit.client || !permit.server) return false;  // the roles here say server
        for (const auto& name : permit.names)
            if (std::none_of(q.names.begin(), q.names.end(),
                             [&](std::size_t i) { return name.tagged() == kNames[i] && name_allowed(q, i); }))
                return false;
        return true;
    }
    const std::string own = q.kind == Kind::human ? "human/alice" : std::string(name(q.kind)) + "/m1";
    return permit.client && !permit.server && permit.names.size() == 1 &&
           permit.names.front().tagged() == "uri:spiffe://corp.example/" + own;
}

}  // namespace

TEST_CASE("no certificate is more than its role, grant, approval, owner, issuer and asker allow") {
    INFO("seed " << kSeed);
    Random random(kSeed);
    const auto domain = *TrustDomain::parse("corp.example");
    std::map<Profile, int> permitted;
    int approvals = 0, refused = 0;
    for (int p = 0; p < kPolicies; ++p) {
        std::vector<RoleModel> roles;
        std::string toml = "version = 1\n[[group]]\nname = \"others\"\nmembers = [\"erin\"]\n";
        for (std::size_t i = 0; i < 5; ++i) {
            roles.push_back(random_role(random, i));
            toml += roles.back().toml();
        }
        const auto parsed = policy::parse_policy(toml);
        INFO(toml);
        REQUIRE(parsed);
        for (int n = 0; n < kQuestions; ++n) {
            const Question q = random_question(random, roles);
            const auto decision = policy::decide(*parsed, domain, ask_of(q), facts_of(q, *parsed), Instant(kNow));
            const auto* permit = std::get_if<policy::Permit>(&decision);
            const auto* refusal = std::get_if<policy::Refusal>(&decision);
            const Verdict said = permit != nullptr    ? Verdict::yes
                                 : refusal != nullptr ? Verdict::no
                                                      : Verdict::approval;
            const bool good = said == model(q) && (permit == nullptr || within_bounds(q, *permit));
            if (!good) {
                INFO("policy " << p << ", question " << n << ", role " << (q.role != nullptr ? q.role->name : "?")
                               << ", profile " << policy::name(q.profile) << ", decided "
                               << (refusal != nullptr ? refusal->reasons.front().rule : "permit") << ", model says "
                               << static_cast<int>(model(q)));
                REQUIRE(good);
            }
            if (permit != nullptr) ++permitted[q.profile];
            if (said == Verdict::approval) ++approvals;
            if (said == Verdict::no) ++refused;
        }
    }
    // A world in which nothing is permitted would prove nothing.
    for (const auto profile : {Profile::ssh_user, Profile::x509, Profile::session, Profile::node, Profile::ssh_host}) {
        INFO(policy::name(profile) << ": " << permitted[profile]);
        CHECK(permitted[profile] > 1000);
    }
    CHECK(approvals > 300);
    CHECK(refused > 30000);
}
