#include "tests/bench/questions/fill.h"

#include "ca/store/terms.h"
#include "ca/store/thinning.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "tests/bench/questions/rows.h"

namespace mayfly::bench {

namespace {

constexpr std::int64_t kDay = 86400, kSpan = 170 * kDay, kGrant = 180 * kDay, kWindow = 3600;
constexpr std::size_t kBusy = 10, kCases = 20, kPerCommit = 50000;

wire::Json list(const std::vector<std::string>& texts) {
    wire::Json::Array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
}
std::string grant_text(std::int64_t id) { return "g-" + std::to_string(id); }

/// What the writer has to remember of a machine.
struct Machine {
    std::size_t owner = 0, role = 0;
    std::int64_t grant = 0;  ///< 0: none
    bool suspended = false;
};
struct Open {
    std::int64_t request = 0, grant = 0;
    std::size_t person = 0, role = 0;
    Instant asked = Instant(0), until = Instant(0);
};
struct Use {
    std::int64_t uses = 0, last = 0;
};

class Filler {
public:
    Filler(World& world, const Size& size, std::uint64_t entries)
        : world_(world),
          size_(size),
          entries_(entries),
          rows_(world.database(), kBegin),
          policy_(*policy::parse_policy(policy_text("1h"))),
          version_(current_version()) {}
    Filled run();

private:
    std::string current_version();
    void everybody();
    void person(std::size_t n);
    void machine(std::size_t n);
    void grant(std::size_t n, std::size_t by);
    void take_away(std::size_t n);
    void mint(const IdentityName& identity, std::size_t owner, std::size_t role, std::int64_t grant, bool by_request);
    std::int64_t terms_of(const std::string& name);
    void log_in(std::size_t person);
    void ask(std::size_t person);
    void end(const Open& open);
    void suspend_or_enable(std::size_t n);
    void hand_over(std::size_t n);
    void new_policy();
    void one();
    void note(const std::string& name);
    void keep_uses();

    [[nodiscard]] bool is_node(std::size_t n) const { return n + size_.nodes() >= size_.identities; }
    [[nodiscard]] std::size_t any_machine() { return size_.owners + rows_.below(machines_.size()); }
    [[nodiscard]] std::size_t busy(std::size_t n) const { return first_busy_ + n; }
    Machine& of(std::size_t n) { return machines_[n - size_.owners]; }
    [[nodiscard]] IdentityName human(std::size_t owner) const { return size_.identity(owner); }
    Case case_of(std::size_t n) { return {size_.identity(n), role_name(of(n).role)}; }

    World& world_;
    const Size size_;
    const std::uint64_t entries_;
    Rows rows_;
    const policy::Policy policy_;
    std::string version_;
    std::vector<Machine> machines_;
    std::size_t first_busy_ = 0;
    std::deque<Open> open_;
    std::vector<bool> asking_;
    std::deque<std::size_t> removed_;
    std::vector<Use> uses_{Use{}};  ///< by grant
    std::int64_t grants_ = 0, requests_ = 0, reviews_ = 0, tokens_ = 0, policies_ = 1;
    std::map<std::string, std::int64_t> terms_;
    std::uint64_t certificates_ = 0;
    Filled out_;
};

std::string Filler::current_version() {
    store::Query query(rows_.database(), "SELECT version FROM policy ORDER BY n DESC LIMIT 1");
    ensure(query.row().value_or(false), "a policy");
    return query.text(0);
}

void Filler::person(std::size_t n) {
    const std::string owner = owner_name(n).text(), backup = owner_name((n + 10) % size_.owners).text();
    const std::string tenant = tenant_name(n), hash = rows_.keep_text(owner + " <" + owner + "@corp.example>");
    rows_.insert(
        "INSERT INTO owner(name, full_name, email, backup, tenant, duties, state) VALUES (?, ?, ?, ?, ?, '[]', "
        "'active')",
        owner, owner, owner + "@corp.example", backup, tenant);
    rows_.append(
        {"owner.created",
         rows_.now(),
         world_.root.text(),
         owner,
         owner,
         {{"backup", backup}, {"manager", ""}, {"tenant", tenant}, {"duties", list({})}, {"person_hash", hash}}});
}

void Filler::machine(std::size_t n) {
    const std::string name = size_.identity(n).text(), owner = owner_name(n % size_.owners).text();
    const std::string tenant = tenant_name(n), unit = "u" + std::to_string(n % kPairs);
    const Instant review = n < size_.owners ? Instant(0) : Instant(kBegin + 400 * kDay);
    rows_.insert(
        "INSERT INTO identity(name, owner, purpose, tenant, state, created, review_by, labels, hosts) VALUES (?, ?, ?, "
        "?, 'active', ?, ?, ?, '[]')",
        name, owner, is_node(n) ? "node" : "", tenant, rows_.now(), review,
        is_node(n) ? "{\"unit\":\"" + unit + "\"}" : std::string("{}"));
    if (!is_node(n)) {
        rows_.append({"identity.created",
                      rows_.now(),
                      world_.root.text(),
                      owner,
                      name,
                      {{"keys", list({})},
                       {"tenant", tenant},
                       {"review_by", review.seconds() > 0 ? review.text() : ""},
                       {"purpose_hash", ""}}});
        return;
    }
    const std::string token = "t-" + std::to_string(++tokens_);
    rows_.insert(
        "INSERT INTO token(id, secret_hash, node, owner, labels, hosts, created_by, expires, used, tenant) VALUES (?, "
        "?, ?, ?, ?, '[]', ?, ?, 1, ?)",
        tokens_, ByteView(rows_.random(32)), name.substr(5), owner, "{\"unit\":\"" + unit + "\"}", owner,
        Instant(rows_.now().seconds() + 600), tenant);
    rows_.append({"token.created",
                  rows_.now(),
                  world_.root.text(),
                  owner,
                  name,
                  {{"token", token},
                   {"tenant", tenant},
                   {"expires", Instant(rows_.now().seconds() + 600).text()},
                   {"hosts", list({})},
                   {"labels", wire::Json::Object{{"unit", unit}}}}});
    rows_.append({"node.joined", rows_.now(), name, owner, name, {{"token", token}}});
}

void Filler::grant(std::size_t n, std::size_t by) {
    Machine& machine = of(n);
    machine.grant = ++grants_;
    uses_.emplace_back();
    const Instant until(rows_.now().seconds() + kGrant);
    const std::string name = size_.identity(n).text(), role = role_name(machine.role).text();
    const std::string why = "runs the nightly jobs of unit " + std::to_string(machine.role / 2);
    const std::string hash = rows_.keep_text(why);
    rows_.insert(
        "INSERT INTO role_grant(id, identity, role, by_owner, starts, ends, reason, review_owed, review_by) VALUES (?, "
        "?, ?, ?, ?, ?, ?, 0, ?)",
        machine.grant, name, role, owner_name(by).text(), rows_.now(), until, why, until);
    rows_.append({"grant.created",
                  rows_.now(),
                  human(by).text(),
                  owner_name(machine.owner).text(),
                  name,
                  {{"grant", grant_text(machine.grant)},
                   {"role", role},
                   {"by", owner_name(by).text()},
                   {"from", rows_.now_text()},
                   {"until", until.text()},
                   {"how", "standing"},
                   {"review_owed", false},
                   {"review_by", until.text()},
                   {"reason_hash", hash}}});
}

/// A review ends with "no longer needed".
void Filler::take_away(std::size_t n) {
    Machine& machine = of(n);
    const std::string review = "v-" + std::to_string(++reviews_), id = grant_text(machine.grant);
    const std::string role = role_name(machine.role).text(), about = owner_name(machine.owner).text();
    const std::size_t by = machine.role;
    rows_.insert(
        "INSERT INTO review(id, kind, subject, about, role, tenant, reviewer, evidence, opened, due, lapse_at, state, "
        "outcome, closed_by, closed) VALUES (?, 'grant', ?, ?, ?, ?, ?, '{}', ?, ?, ?, 'closed', 'revoked', ?, ?)",
        reviews_, id, about, role, tenant_name(n), owner_name(by).text(), rows_.now(),
        Instant(rows_.now().seconds() + 7 * kDay), Instant(rows_.now().seconds() + 14 * kDay), owner_name(by).text(),
        rows_.now());
    rows_.insert("UPDATE role_grant SET state = 'ended', why_ended = ? WHERE id = ?", "review " + review,
                 machine.grant);
    rows_.append({"grant.ended",
                  rows_.now(),
                  human(by).text(),
                  about,
                  size_.identity(n).text(),
                  {{"grant", id}, {"role", role}, {"why", "review " + review}}});
    rows_.append({"review.closed",
                  rows_.now(),
                  human(by).text(),
                  about,
                  id,
                  {{"review", review},
                   {"kind", "grant"},
                   {"role", role},
                   {"outcome", "revoked"},
                   {"by", owner_name(by).text()},
                   {"alone", false},
                   {"grants", 1},
                   {"revoked", 0},
                   {"living", 0},
                   {"comment_hash", ""}}});
    machine.grant = 0;
    removed_.push_back(n);
    if (removed_.size() > kCases) removed_.pop_front();
}

void Filler::mint(const IdentityName& identity, std::size_t owner, std::size_t role, std::int64_t grant,
                  bool by_request) {
    const Bytes id = rows_.random(16), key = rows_.random(32), spec = rows_.random(32), sha256 = rows_.random(32);
    const std::string serial = std::to_string(++certificates_), hex = wire::hex(id), who = identity.text();
    const std::string name = role_name(role).text(), whose = owner_name(owner).text(), held = grant_text(grant);
    const Instant after(rows_.now().seconds() - 30), before(rows_.now().seconds() + 3600);
    const std::string tail = ",\"owner\":\"" + whose + "\",\"subject\":\"" + who + "\",\"time\":\"" + rows_.now_text();
    const std::string intent =
        "{\"actor\":\"" + who + "\",\"data\":{\"grant\":\"" + held + "\",\"intent\":\"" + hex +
        "\",\"issuer\":\"ssh-user\",\"key\":\"" + wire::hex(key) + "\",\"kind\":\"ssh-user\",\"names\":[\"" + name +
        "\"],\"policy_version\":\"" + version_ + "\",\"reason_hash\":\"\",\"reasons\":[\"owner " + whose +
        " answers for " + who + "\",\"" + (by_request ? "request" : "standing") + " grant " + held + "\",\"role " +
        name + " opens 1 account(s)\"],\"role\":\"" + name + "\",\"serial\":\"" + serial + "\",\"spec_sha256\":\"" +
        wire::hex(spec) + "\",\"valid_after\":\"" + after.text() + "\",\"valid_before\":\"" + before.text() + "\"}" +
        tail + "\",\"type\":\"certificate.intent\",\"v\":1}";
    const std::string issued = "{\"actor\":\"ca/server\",\"data\":{\"certificate_sha256\":\"" + wire::hex(sha256) +
                               "\",\"intent\":\"" + hex + "\",\"issuer\":\"ssh-user\",\"serial\":\"" + serial + "\"}" +
                               tail + "\",\"type\":\"certificate.issued\",\"v\":1}";
    if (certificates_ < 100)
        ensure(log::parse_event(view(intent)) && log::parse_event(view(issued)), "entries are canonical");
    rows_.append_bytes(intent);
    const std::uint64_t leaf = rows_.append_bytes(issued);
    static const Bytes kCertificate(560, 0x5a);  // as large as a real one; no question reads it
    rows_.insert(
        "INSERT INTO certificate(intent, issuer, serial, kind, identity, owner, role, grant_id, key, spec, "
        "valid_after, valid_before, terms, state, leaf) VALUES (x'', ?, ?, 'ssh-user', ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, 'issued', ?)",
        static_cast<std::int64_t>(steps::IssuerId::ssh_user), serial, who, whose, name, held, ByteView(key),
        ByteView(spec), after, before, terms_of(name), static_cast<std::int64_t>(leaf));
    rows_.insert(
        "INSERT INTO certificate_body(n, ends, certificate, actor, idempotency, request_hash) VALUES "
        "(last_insert_rowid(), ?, ?, ?, ?, ?)",
        before, ByteView(kCertificate), who, hex, ByteView(spec));
    Use& use = uses_[static_cast<std::size_t>(grant)];
    ++use.uses;
    use.last = rows_.now().seconds();
}

/// One role, one principal: the number under which what its certificates say stands.
std::int64_t Filler::terms_of(const std::string& name) {
    auto& number = terms_[version_ + " " + name];
    if (number != 0) return number;
    store::Terms terms;
    terms.names = {name};
    terms.policy_version = version_;
    const auto kept = store::keep_terms(rows_.database(), store::TermsText(terms));
    ensure(kept.has_value(), "terms are kept");
    return number = *kept;
}

void Filler::log_in(std::size_t person) {
    const std::string who = human(person).text();
    rows_.append_bytes("{\"actor\":\"" + who +
                       "\",\"data\":{\"door\":\"ssh-key\",\"remote\":\"192.0.2.1\"},\"owner\":\"\",\"subject\":\"" +
                       who + "\",\"time\":\"" + rows_.now_text() + "\",\"type\":\"login.accepted\",\"v\":1}");
}

/// Asked, approved and used within seconds; it ends when its hour is over.
void Filler::ask(std::size_t person) {
    const std::size_t pair = (person + 10) % kPairs;
    if (asking_[person] || pair + 1 == kPairs) return;
    const Open open{++requests_,  ++grants_,   person,
                    2 * pair + 1, rows_.now(), Instant(rows_.now().seconds() + kWindow)};
    uses_.emplace_back();
    asking_[person] = true;
    const std::string request = "r-" + std::to_string(open.request), id = grant_text(open.grant);
    const std::string who = human(person).text(), owner = owner_name(person).text();
    const std::string role = role_name(open.role).text(), by = owner_name(open.role).text();
    const std::string why = "disk full, ticket " + std::to_string(open.request), hash = rows_.keep_text(why);
    const std::string role_version = policy_.find(role_name(open.role))->version;
    const auto say = [&](const char* type, const std::string& actor, wire::Json::Object data) {
        data.emplace("request", request);
        data.emplace("role", role);
        rows_.append({type, rows_.now(), actor, owner, who, std::move(data)});
    };
    say("request.opened", who,
        {{"asked_by", who},
         {"node", ""},
         {"seconds", kWindow},
         {"starts", "approval"},
         {"single_use", false},
         {"ticket", ""},
         {"role_version", role_version},
         {"policy_version", version_},
         {"expires", Instant(rows_.now().seconds() + 2 * kWindow).text()},
         {"asked", list({by})},
         {"reason_hash", hash}});
    say("request.word", human(open.role).text(),
        {{"verdict", "approve"},
         {"by", by},
         {"stands_for", by},
         {"stage", 0},
         {"seconds", 0},
         {"node", ""},
         {"reason_hash", ""}});
    say("request.approved", human(open.role).text(),
        {{"grant", id},
         {"by", by},
         {"starts", rows_.now_text()},
         {"ends", open.until.text()},
         {"node", ""},
         {"alone", false}});
    rows_.insert(
        "INSERT INTO request(id, identity, owner, asked_by, asked_by_owner, role, role_version, policy_version, "
        "tenant, node, seconds, starts, start_at, single_use, reason, ticket, evidence, digest, state, stage, asked, "
        "created, expires, decided, grant_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, 'approval', 0, 0, ?, '', '', "
        "?, 'approved', 1, '[]', ?, ?, ?, ?)",
        open.request, who, owner, who, owner, role, role_version, version_, tenant_name(person), kWindow, why,
        ByteView(rows_.random(32)), rows_.now(), Instant(rows_.now().seconds() + 2 * kWindow), rows_.now(), open.grant);
    rows_.insert(
        "INSERT INTO request_word(request, n, stage, by_owner, stands_for, by_identity, verdict, comment, seconds, "
        "node, at) VALUES (?, 0, 0, ?, ?, ?, 'approve', '', 0, '', ?)",
        open.request, by, by, human(open.role).text(), rows_.now());
    rows_.insert(
        "INSERT INTO role_grant(id, identity, role, by_owner, starts, ends, reason, review_owed, how, request, "
        "role_version) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'request', ?, ?)",
        open.grant, who, role, by, rows_.now(), open.until, why, open.request, role_version);
    mint(human(person), person, open.role, open.grant, true);
    open_.push_back(open);
}

void Filler::end(const Open& open) {
    asking_[open.person] = false;
    rows_.insert("UPDATE request SET state = 'ended', ended = ?, why_ended = 'its time is over' WHERE id = ?",
                 rows_.now(), open.request);
    rows_.insert("UPDATE role_grant SET state = 'ended', why_ended = 'its time is over' WHERE id = ?", open.grant);
    rows_.append({"request.ended",
                  rows_.now(),
                  "ca/server",
                  owner_name(open.person).text(),
                  human(open.person).text(),
                  {{"request", "r-" + std::to_string(open.request)},
                   {"role", role_name(open.role).text()},
                   {"why", "its time is over"},
                   {"grant", grant_text(open.grant)}}});
}

void Filler::suspend_or_enable(std::size_t n) {
    Machine& machine = of(n);
    machine.suspended = !machine.suspended;
    const std::string name = size_.identity(n).text(), owner = owner_name(machine.owner).text();
    const std::string actor = human(machine.owner).text();
    if (machine.suspended) {
        rows_.insert("UPDATE identity SET state = 'suspended', why_suspended = 'disabled' WHERE name = ?", name);
        rows_.append({"identity.suspended",
                      rows_.now(),
                      actor,
                      owner,
                      name,
                      {{"why", "disabled"}, {"revoked", 0}, {"living", 0}, {"reason_hash", ""}}});
    } else {
        rows_.insert("UPDATE identity SET state = 'active', why_suspended = '' WHERE name = ?", name);
        rows_.append({"identity.enabled", rows_.now(), actor, owner, name, {{"why", "disabled"}}});
    }
}

void Filler::hand_over(std::size_t n) {
    Machine& machine = of(n);
    const std::size_t from = machine.owner, to = (from + 10) % size_.owners;
    const std::string name = size_.identity(n).text();
    rows_.append({"identity.offered",
                  rows_.now(),
                  human(from).text(),
                  owner_name(from).text(),
                  name,
                  {{"to", owner_name(to).text()}, {"expires", Instant(rows_.now().seconds() + 14 * kDay).text()}}});
    rows_.append({"identity.transferred",
                  rows_.now(),
                  human(to).text(),
                  owner_name(to).text(),
                  name,
                  {{"from", owner_name(from).text()}, {"to", owner_name(to).text()}}});
    rows_.insert("UPDATE identity SET owner = ? WHERE name = ?", owner_name(to).text(), name);
    machine.owner = to;
}

/// Only the last role changes; nobody in these questions has to do with it.
void Filler::new_policy() {
    const std::string toml = policy_text(std::to_string(++policies_ * 10) + "m");
    const std::string sha256 = wire::hex(crypto::sha256(view(toml)));
    version_ = std::to_string(policies_) + ":" + sha256.substr(0, 12);
    rows_.insert(
        "INSERT INTO policy(n, version, toml, applied, sha256, source, change, by_identity, signed_off, alone) VALUES "
        "(?, ?, ?, ?, ?, 'file', 0, ?, '[]', 0)",
        policies_, version_, toml, rows_.now(), sha256, world_.root.text());
    rows_.append({"policy.applied",
                  rows_.now(),
                  world_.root.text(),
                  "",
                  "policy",
                  {{"policy_version", version_},
                   {"sha256", sha256},
                   {"source", "file"},
                   {"change", ""},
                   {"signed", list({})},
                   {"alone", false},
                   {"review_owed", false}}});
}

void Filler::everybody() {
    for (std::size_t n = 0; n < kTenants; ++n) {
        rows_.insert("INSERT INTO tenant(name, description, owner, state, created) VALUES (?, '', 'root', 'open', ?)",
                     tenant_name(n), rows_.now());
        rows_.append({"tenant.created",
                      rows_.now(),
                      world_.root.text(),
                      "root",
                      "tenant/" + tenant_name(n),
                      {{"description_hash", ""}}});
    }
    for (std::size_t n = 0; n < size_.owners; ++n) person(n);
    for (std::size_t n = 0; n < size_.identities; ++n) machine(n);
    asking_.resize(size_.owners);
    machines_.resize(size_.identities - size_.owners);
    for (std::size_t n = size_.owners; n < size_.identities; ++n) {
        Machine& machine = of(n);
        machine.owner = n % size_.owners;
        machine.role = 2 * (n % kPairs);
        // Four in ten hold the role of their unit; two thousand more hold the first one of all.
        const std::size_t share = n / 1000 % 5;
        if (share == 2 && n % kTenants == 0) machine.role = 0;
        if (!is_node(n) && (share < 2 || machine.role == 0)) grant(n, machine.role);
    }
    first_busy_ = std::min<std::size_t>(5000, size_.owners);
    if (size_.identities > 10000) first_busy_ = 5000;
}

void Filler::one() {
    const std::size_t dice = rows_.below(1000);
    if (dice < 600) {
        const std::size_t n = dice < 120 ? busy(dice % kBusy) : any_machine();
        const Machine& machine = of(n);
        if (machine.grant != 0 && !machine.suspended)
            mint(size_.identity(n), machine.owner, machine.role, machine.grant, false);
    } else if (dice < 850) {
        log_in(rows_.below(size_.owners));
    } else if (dice < 950) {
        ask(2 * kPairs + rows_.below(size_.owners - 2 * kPairs));
    } else {
        const std::size_t n = any_machine();
        if (is_node(n) || (n >= first_busy_ && n < first_busy_ + kBusy)) return;
        Machine& machine = of(n);
        if (dice < 980) {
            if (machine.grant != 0)
                take_away(n);
            else if (n / 1000 % 5 < 2)
                grant(n, machine.role);
        } else if (dice < 990) {
            suspend_or_enable(n);
        } else {
            hand_over(n);
        }
    }
}

void Filler::note(const std::string& name) {
    PastMoment moment{name, Instant(rows_.now().seconds() + 1), {}, {}, {}, {}};
    while (moment.standing.size() < kCases) {
        const std::size_t n = any_machine();
        if (of(n).grant != 0 && !of(n).suspended) moment.standing.push_back(case_of(n));
    }
    for (std::size_t i = 0; i < kCases && i < open_.size(); ++i) {
        const Open& open = open_[open_.size() - 1 - i];
        moment.requested.push_back({human(open.person), role_name(open.role)});
    }
    for (const auto n : removed_) moment.removed.push_back(case_of(n));
    for (std::size_t i = 0; i < kBusy; ++i) moment.busy.push_back(case_of(busy(i)));
    out_.moments.push_back(std::move(moment));
    rows_.set_now(Instant(rows_.now().seconds() + 2));
}

void Filler::keep_uses() {
    for (std::size_t id = 1; id < uses_.size(); ++id)
        if (uses_[id].uses > 0)
            rows_.insert(
                "UPDATE role_grant SET uses = CASE how WHEN 'request' THEN ?2 ELSE 0 END, last_used = ?3 WHERE id = "
                "?1",
                static_cast<std::int64_t>(id), uses_[id].uses, uses_[id].last);
    rows_.insert("INSERT INTO serial_block(issuer, next) VALUES (?, ?)",
                 static_cast<std::int64_t>(steps::IssuerId::ssh_user), static_cast<std::int64_t>(certificates_ + 1));
}

Filled Filler::run() {
    everybody();
    const std::uint64_t base = rows_.size();
    const std::uint64_t more = entries_ > base ? entries_ - base : 0;
    const std::vector<std::pair<std::string, std::uint64_t>> moments = {
        {"beginning", base + more / 20}, {"middle", base + more / 2}, {"end", base + more - more / 50}};
    std::size_t next = 0;
    for (std::uint64_t turns = 0; rows_.size() < entries_; ++turns) {
        const auto since = static_cast<double>(rows_.size() - base) / static_cast<double>(more);
        const Instant due(kBegin + static_cast<std::int64_t>(since * static_cast<double>(kSpan)));
        if (due > rows_.now()) rows_.set_now(due);
        while (!open_.empty() && open_.front().until <= rows_.now()) {
            end(open_.front());
            open_.pop_front();
        }
        if (next < moments.size() && rows_.size() >= moments[next].second) note(moments[next++].first);
        if (policies_ < 3 && rows_.size() > base + more * static_cast<std::uint64_t>(policies_) / 3) new_policy();
        one();
        if (turns % kPerCommit == 0) rows_.commit();
    }
    keep_uses();
    out_.entries = rows_.size();
    out_.certificates = certificates_;
    out_.grants = static_cast<std::uint64_t>(grants_);
    out_.about = rows_.about();
    out_.end = Instant(rows_.now().seconds() + 10);
    rows_.insert("DELETE FROM certificate_body WHERE ends <= ?",
                 Instant(rows_.now().seconds() - store::kBodyKeptSeconds));
    rows_.finish(*world_.signer);
    return std::move(out_);
}

}  // namespace

Filled fill(World& world, const Size& size, std::uint64_t entries) { return Filler(world, size, entries).run(); }

}  // namespace mayfly::bench
