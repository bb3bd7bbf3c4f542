#include "ca/policy/cases.h"

#include <algorithm>

#include "ca/policy/case.h"
#include "ca/policy/people.h"
#include "lib/config/table.h"

namespace mayfly::policy {

namespace {

using config::Table;

/// A moment that is as good as any: Monday, 2026-11-23T10:00:00Z.
constexpr std::int64_t kMoment = 1795428000;
constexpr std::int64_t kDay = 86400;

template <class Name>
Name parsed_or(Table& table, const toml::node* at, const std::string& text, const char* fallback) {
    auto name = Name::parse(text);
    if (name) return std::move(*name);
    table.refuse(at, name.error().message, name.error().why);
    return *Name::parse(fallback);
}

/// "-1h" or "8h", from the moment of the case.
Instant moment_of(Table& table, const toml::node* at, std::string_view text, Instant now) {
    const bool before = text.starts_with('-');
    if (before) text.remove_prefix(1);
    const auto length = Lifetime::parse(text);
    if (length) return Instant(now.seconds() + (before ? -length->seconds() : length->seconds()));
    table.refuse(at, "\"" + printable(text) + "\": " + length.error().message, "a length of time, \"-1h\" for before");
    return now;
}

GrantFact read_grant(const toml::table& toml, const Role* role, const RoleName& name, Instant now, std::size_t n,
                     Status& status) {
    Table table(toml, "grant", status);
    GrantFact out{"g-" + std::to_string(n + 1), name, *OwnerName::parse("somebody"), now, now};
    const std::string how = table.text("how", "standing");
    for (const auto kind : {Activation::standing, Activation::eligible, Activation::request, Activation::breakglass})
        if (policy::name(kind) == how) out.how = kind;
    if (policy::name(out.how) != how) table.refuse(toml.get("how"), "how is standing, eligible, request or breakglass");
    out.from = moment_of(table, toml.get("from"), table.text("from", "-1h"), now);
    out.until = moment_of(table, toml.get("until"), table.text("until", "8h"), now);
    if (const std::string node = table.text("node"); !node.empty())
        out.node = parsed_or<NodeName>(table, toml.get("node"), node, "n");
    if (table.has("first_use")) {
        Lifetime length = *Lifetime::of_seconds(1);
        table.lifetime("first_use", length);
        out.first_use = length;
    }
    out.spent = table.flag("spent");
    const bool outdated = table.flag("outdated");
    if (role != nullptr && !outdated) out.role_version = role->version;
    table.finish();
    return out;
}

State read_state(Table& table, const toml::table& toml, const char* key) {
    const std::string word = table.text(key, "active");
    for (const auto state : {State::active, State::leaving, State::suspended})
        if (name(state) == word) return state;
    table.refuse(toml.get(key), std::string(key) + " is active, leaving or suspended");
    return State::suspended;
}

/// Question is one [[case]], read.
struct Question {
    Ask ask;
    Facts facts;
    Instant now;
};

void read_grants(Table& table, const toml::table& toml, const Role* role, Question& out, Status& status) {
    const auto* node = table.node("grants");
    if (node == nullptr) {  // what is asked is what the role itself would say of somebody who holds it
        GrantFact grant{"g-1", *out.ask.role, *OwnerName::parse("somebody"), Instant(out.now.seconds() - 3600),
                        Instant(out.now.seconds() + 8 * 3600)};
        grant.how = out.facts.identity.kind() == Kind::breakglass ? Activation::breakglass
                    : role != nullptr && role->request.needed()   ? Activation::eligible
                                                                  : Activation::standing;
        if (role != nullptr) grant.role_version = role->version;
        out.facts.grants = {std::move(grant)};
        return;
    }
    const auto* list = node->as_array();
    if (list == nullptr) return table.refuse(toml.get("grants"), "grants is a list of tables: [{ how = \"request\" }]");
    for (const auto& item : *list) {
        if (!item.is_table()) return table.refuse(&item, "a grant is a table: { how = \"request\", until = \"1h\" }");
        out.facts.grants.push_back(
            read_grant(*item.as_table(), role, *out.ask.role, out.now, out.facts.grants.size(), status));
    }
}

void read_circumstances(Table& table, const toml::table& toml, Question& out) {
    auto& about = out.facts.circumstances;
    about.address = table.text("address");
    if (const std::string age = table.text("login"); !age.empty())
        about.login = moment_of(table, toml.get("login"), "-" + age, out.now);
    about.strong_login = table.flag("strong_login");
    about.new_to = table.texts("new_to");
    for (const auto& role : table.parsed<RoleName>("held"))
        out.facts.beside.push_back({out.facts.identity, role, "g-held", Instant(out.now.seconds() + kDay)});
}

void read_scope(Table& table, const toml::table& toml, Question& out) {
    if (table.has("ttl")) {
        Lifetime length = *Lifetime::of_seconds(1);
        table.lifetime("ttl", length);
        out.ask.lifetime = length;
    }
    if (const std::string node = table.text("node"); !node.empty()) {
        out.ask.node = parsed_or<NodeName>(table, toml.get("node"), node, "n");
        out.facts.target_labels = table.text_map("labels");
        out.facts.target_tenant = table.text("node_tenant", kHomeTenant);
    }
    if (table.has("extensions")) out.ask.extensions = table.texts("extensions");
    out.ask.force_command = table.text("force_command");
    for (const auto& text : table.texts("source_addresses")) {
        const auto block = parse_cidr(text);
        if (!block) return table.refuse(toml.get("source_addresses"), block.error().message, block.error().why);
        out.ask.source_addresses.push_back(*block);
    }
    out.ask.names = table.parsed<wire::SubjectName>("names");
}

Question read_question(Table& table, const toml::table& toml, const Policy& policy, Status& status) {
    const auto identity = parsed_or<IdentityName>(table, toml.get("identity"), table.text("identity"), "human/nobody");
    const auto owner = parsed_or<OwnerName>(table, toml.get("owner"), table.text("owner", identity.name()), "nobody");
    const auto role = parsed_or<RoleName>(table, toml.get("role"), table.text("role"), "none-such");
    Instant now(kMoment);
    if (const std::string at = table.text("at"); !at.empty()) {
        const auto time = Instant::parse(at);
        if (time)
            now = *time;
        else
            table.refuse(toml.get("at"), time.error().message, time.error().why);
    }
    const Role* known = policy.find(role);
    Question out{Ask{Profile::ssh_user, {}},
                 {identity,
                  State::active,
                  owner,
                  State::active,
                  {},
                  false,
                  false,
                  {},
                  {},
                  {},
                  Instant(now.seconds() + 3650 * kDay),
                  *Lifetime::of_seconds(365 * kDay)},
                 now};
    const std::string profile = table.text("profile", known != nullptr && !known->ssh ? "x509" : "ssh-user");
    if (profile != "ssh-user" && profile != "x509") table.refuse(toml.get("profile"), "profile is ssh-user or x509");
    out.ask.profile = profile == "x509" ? Profile::x509 : Profile::ssh_user;
    out.ask.role = role;
    const std::string key = table.text("key", "software");
    if (key != "software" && key != "hardware") table.refuse(toml.get("key"), "key is software or hardware");
    out.ask.key.algorithm = key == "hardware" ? KeyAlgorithm::sk_ed25519 : KeyAlgorithm::ed25519;
    out.ask.key.point = Bytes(32, 9);
    out.facts.tenant = table.text("tenant", kHomeTenant);
    out.facts.identity_state = read_state(table, toml, "identity_state");
    out.facts.owner_state = read_state(table, toml, "owner_state");
    if (out.facts.owner_state == State::leaving) out.facts.adopt_by = Instant(now.seconds() + 14 * kDay);
    read_grants(table, toml, known, out, status);
    read_circumstances(table, toml, out);
    read_scope(table, toml, out);
    return out;
}

struct Expected {
    std::string verdict;
    std::vector<std::string> reasons;
    std::optional<Lifetime> lifetime{};
};

Expected read_expected(Table& table, const toml::table& toml, std::initializer_list<const char*> verdicts) {
    Expected out{table.text("expect"), table.texts("reasons"), {}};
    if (std::find(verdicts.begin(), verdicts.end(), out.verdict) == verdicts.end())
        table.refuse(toml.get("expect"), "expect is one of " + joined({verdicts.begin(), verdicts.end()}));
    if (table.has("lifetime")) {
        Lifetime length = *Lifetime::of_seconds(1);
        table.lifetime("lifetime", length);
        out.lifetime = length;
    }
    return out;
}

void compare(const Expected& expected, const std::vector<std::string>& rules, CaseResult& out) {
    out.expected = expected.verdict;
    if (out.said != expected.verdict) out.wrong.push_back("expected " + expected.verdict + ", it says " + out.said);
    for (const auto& rule : expected.reasons)
        if (!contains(rules, rule)) out.wrong.push_back(rule + " did not speak");
}

CaseResult ask_question(const Policy& policy, const TrustDomain& domain, const Question& question,
                        const Expected& expected, CaseResult out) {
    const auto decision = decide(policy, domain, question.ask, question.facts, question.now);
    std::vector<std::string> rules;
    const auto tell = [&](const std::vector<Reason>& reasons) {
        for (const auto& reason : reasons) {
            rules.push_back(reason.rule);
            out.reasons.push_back(reason.rule + ": " + reason.message);
        }
    };
    if (const auto* permit = std::get_if<Permit>(&decision)) {
        out.said = "permit";
        out.reasons = permit->reasons;
        out.reasons.insert(out.reasons.end(), permit->marks.begin(), permit->marks.end());
        if (expected.lifetime && *expected.lifetime != permit->lifetime)
            out.wrong.push_back("expected a lifetime of " + expected.lifetime->text() + ", it gives " +
                                permit->lifetime.text());
    } else if (const auto* waits = std::get_if<NeedsApproval>(&decision)) {
        out.said = "approval";
        tell(waits->reasons);
    } else {
        out.said = "refuse";
        tell(std::get<Refusal>(decision).reasons);
    }
    compare(expected, rules, out);
    return out;
}

/// "sam", or "sam: deny".
Word read_word(Table& table, const toml::table& toml, const std::string& text) {
    const auto colon = text.find(':');
    const auto name = parsed_or<OwnerName>(table, toml.get("said"), text.substr(0, colon), "nobody");
    Word out{name, name, 0, Verdict::approve};
    if (colon == std::string::npos) return out;
    if (text.substr(colon) != ": deny") table.refuse(toml.get("said"), "a word reads \"sam\" or \"sam: deny\"");
    out.verdict = Verdict::deny;
    return out;
}

/// Words are said in their order; each counts at the stage that it finds.
CaseResult ask_approval(const toml::table& toml, const Policy& policy, CaseResult out, Status& status) {
    Table table(toml, "approval \"" + out.name + "\"", status);
    (void)table.text("name");
    const auto name = parsed_or<RoleName>(table, toml.get("role"), table.text("role"), "none-such");
    const auto* role = policy.find(name);
    if (role == nullptr) table.refuse(toml.get("role"), "there is no role \"" + name.text() + "\" in this policy");
    const auto asker = parsed_or<OwnerName>(table, toml.get("asker"), table.text("asker"), "nobody");
    People people;
    for (const auto& person : table.parsed<OwnerName>("people")) people.push_back({person, true, false, true, {}, {}});
    for (auto* map : {"backups", "managers"})
        for (const auto& [who, other] : table.text_map(map)) {
            const auto whose = parsed_or<OwnerName>(table, toml.get(map), who, "nobody");
            const auto them = parsed_or<OwnerName>(table, toml.get(map), other, "nobody");
            for (auto& person : people)
                if (person.name == whose) (std::string(map) == "backups" ? person.backup : person.manager) = them;
        }
    std::vector<Word> said;
    for (const auto& text : table.texts("said")) said.push_back(read_word(table, toml, text));
    const auto expected = read_expected(table, toml, {"approved", "pending", "denied"});
    const bool wants_alone = table.flag("alone");
    table.finish();
    if (!status) return out;
    const auto who = electorate_of(policy, people, role->owner, asker);
    std::vector<Word> words;
    Tally result = tally(role->request, who, {asker}, words);
    for (auto& word : said) {
        const auto* pending = std::get_if<Pending>(&result);
        if (pending == nullptr) break;
        word.stage = pending->stage;
        words.push_back(word);
        result = tally(role->request, who, {asker}, words);
    }
    out.said = std::holds_alternative<Approved>(result) ? "approved"
               : std::holds_alternative<Denied>(result) ? "denied"
                                                        : "pending";
    if (const auto* pending = std::get_if<Pending>(&result))
        for (const auto& lacking : pending->lacking) {
            std::vector<std::string> names;
            for (const auto& person : lacking.who) names.push_back(person.text());
            out.reasons.push_back("lacks " + std::to_string(lacking.count) + " of " + lacking.party.text() + ": " +
                                  joined(names));
        }
    if (toml.contains("alone") && alone(role->request, who, {asker}) != wants_alone)
        out.wrong.push_back(wants_alone ? "somebody else could decide" : "nobody else could decide");
    compare(expected, {}, out);
    return out;
}

std::string place_of(const std::string& file, const toml::table& table) {
    return file + ":" + std::to_string(table.source().begin.line);
}

}  // namespace

Result<std::vector<CaseResult>> run_cases(const Policy& policy, std::string_view text, const std::string& file) {
    const auto parsed = config::parse(text, file);
    if (!parsed) return pass(parsed.error());
    const auto domain = TrustDomain::parse("example");
    if (!domain) return pass(domain.error());
    Status status;
    Table top(*parsed, "cases", status);
    std::vector<CaseResult> out;
    const auto each = [&](const char* key, const auto& use) {
        const auto* node = top.node(key);
        if (node == nullptr) return;
        const auto* list = node->as_array();
        if (list == nullptr || !list->is_array_of_tables())
            return top.refuse(node, std::string("written [[") + key + "]]");
        for (const auto& item : *list) {
            const auto& toml = *item.as_table();
            use(toml, CaseResult{toml["name"].value_or(std::string("?")), place_of(file, toml), {}, {}});
            if (!status) return;
        }
    };
    each("case", [&](const toml::table& toml, CaseResult result) {
        Table table(toml, "case \"" + printable(result.name) + "\"", status);
        (void)table.text("name");
        const Question question = read_question(table, toml, policy, status);
        const Expected expected = read_expected(table, toml, {"permit", "approval", "refuse"});
        table.finish();
        if (status) out.push_back(ask_question(policy, *domain, question, expected, std::move(result)));
    });
    each("approval", [&](const toml::table& toml, CaseResult result) {
        out.push_back(ask_approval(toml, policy, std::move(result), status));
    });
    top.finish();
    if (!status) return pass(status.error());
    return out;
}

}  // namespace mayfly::policy
