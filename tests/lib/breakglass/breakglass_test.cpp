// The emergency key: its envelope, its shares, its one certificate, its record.
#include <fstream>

#include "lib/breakglass/mint.h"
#include "lib/breakglass/record_file.h"
#include "lib/breakglass/share.h"
#include "lib/client/run.h"
#include "lib/wire/json.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::breakglass;

namespace {

constexpr crypto::SealCost kCheap{64, 1, 1};
const Instant kNow(1795235162);

OwnerName owner(const char* name) { return *OwnerName::parse(name); }
Secret secret(std::string_view text) { return Secret(to_bytes(text)); }

Envelope usual(const PublicKey& key) {
    return {*TrustDomain::parse("corp.example"),
            key,
            2,
            {owner("alice"), owner("bob"), owner("carol")},
            {*AccountName::parse("deploy"), *AccountName::parse("root")},
            {*NodeName::parse("db-7"), *NodeName::parse("db-8")},
            *Lifetime::of_seconds(900),
            "",
            {},
            kNow,
            kNow + *Lifetime::of_seconds(86400)};
}

/// A key, its envelope and its three shares, as `shares create` leaves them.
struct Made {
    crypto::SystemRng rng;
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    crypto::PrivateKey login = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    SignedEnvelope envelope = *sign_envelope(usual(key.public_key()), key);
    std::vector<Share> shares;
    Made() {
        std::vector<Secret> passphrases;
        for (const auto* text : {"one of alice", "one of bob", "one of carol"}) passphrases.push_back(secret(text));
        shares = *make_shares(key, envelope, passphrases, rng, kCheap);
    }
    [[nodiscard]] Secret open(std::size_t which) const {
        const char* texts[] = {"one of alice", "one of bob", "one of carol"};
        return std::move(*open_share(shares[which], secret(texts[which])));
    }
    [[nodiscard]] std::vector<Secret> opened(std::initializer_list<std::size_t> which) const {
        std::vector<Secret> out;
        for (const auto one : which) out.push_back(open(one));
        return out;
    }
    [[nodiscard]] Wish wish() const {
        return {*NodeName::parse("db-7"),   *AccountName::parse("root"), login.public_key(),
                *Lifetime::of_seconds(600), "the database is down",      owner("alice")};
    }
    Minted use(const std::vector<SignedRecord>& before, Instant now) {
        auto made = mint(envelope, key, wish(), {owner("carol"), owner("alice")}, before, now, rng);
        REQUIRE(made);
        return std::move(*made);
    }
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("any two of three shares make the key, in any order, and three do too") {
    const Made made;
    for (const auto& which : {std::vector<std::size_t>{0, 1}, {1, 0}, {0, 2}, {2, 1}, {0, 1, 2}}) {
        std::vector<Secret> parts;
        for (const auto one : which) parts.push_back(made.open(one));
        const auto key = assemble(parts, made.envelope);
        REQUIRE(key);
        CHECK(key->public_key() == made.key.public_key());
    }
}

TEST_CASE("too few, doubled, mixed and damaged shares each say so") {
    const Made made, other;
    CHECK(assemble(made.opened({0}), made.envelope).error().id == "E-SHARE-FEW");
    CHECK(assemble({}, made.envelope).error().id == "E-SHARE-FEW");
    CHECK(assemble(made.opened({0, 0}), made.envelope).error().id == "E-SHARE-TWICE");
    std::vector<Secret> mixed = made.opened({0});
    mixed.push_back(other.open(1));
    CHECK(assemble(mixed, made.envelope).error().id == "E-SHARE-MIXED");
    auto damaged = made.opened({0, 1});
    damaged[1].writable().back() ^= 1;
    CHECK(assemble(damaged, made.envelope).error().id == "E-SHARE-BAD");
    CHECK(assemble(other.opened({0, 1}), made.envelope).error().id == "E-SHARE-MIXED");

    // The same is said of the files, before anybody types a passphrase.
    CHECK(fit({made.shares[0]}, made.envelope).error().id == "E-SHARE-FEW");
    CHECK(fit({made.shares[0], made.shares[0]}, made.envelope).error().id == "E-SHARE-TWICE");
    CHECK(fit({made.shares[0], other.shares[1]}, made.envelope).error().id == "E-SHARE-MIXED");
    CHECK(fit({made.shares[0], made.shares[2]}, made.envelope));
}

TEST_CASE("one share alone says nothing about the key, and one holder is never enough") {
    const Made made;
    const auto seed = *made.key.ed25519_seed();
    for (std::size_t i = 0; i < 3; ++i) {
        const Secret part = made.open(i);
        const std::string share(text_of(part.reveal()));
        CHECK(share.find(std::string(text_of(seed.reveal()))) == std::string::npos);
    }
    auto alone = usual(made.key.public_key());
    alone.threshold = 1;
    CHECK(sign_envelope(alone, made.key).error().id == "E-BREAKGLASS-ENVELOPE");
}

TEST_CASE("a share opens with its holder's passphrase only, and only as it was written") {
    const Made made;
    CHECK(open_share(made.shares[0], secret("one of bob")).error().id == "E-UNSEAL");
    const std::string text = encode_share(made.shares[0]);
    const auto again = parse_share(text);
    REQUIRE(again);
    CHECK(open_share(*again, secret("one of alice")));
    for (const auto& [from, to] :
         {std::pair{"\"number\": 1", "\"number\": 2"}, std::pair{"\"threshold\": 2", "\"threshold\": 3"},
          std::pair{"\"holder\": \"alice\"", "\"holder\": \"bob\""},
          std::pair{"\"trust_domain\": \"corp.example\"", "\"trust_domain\": \"evil.example\""}}) {
        const auto changed = parse_share(replaced(text, from, to));
        REQUIRE(changed);
        CHECK_FALSE(open_share(*changed, secret("one of alice")));
    }
    CHECK(parse_share("{}").error().id == "E-SHARE-BAD");
    CHECK(parse_share(replaced(text, "\"v\": 1", "\"v\": 2")).error().id == "E-SHARE-BAD");
    CHECK(parse_share(text.substr(0, text.size() / 2)).error().id == "E-SHARE-BAD");
}

TEST_CASE("a changed envelope is noticed, whatever was changed") {
    const Made made;
    REQUIRE(read_envelope(made.envelope.text));
    CHECK(read_envelope(made.envelope.text)->hash == made.envelope.hash);
    for (const auto& [from, to] :
         {std::pair{"\"deploy\"", "\"admin\""}, std::pair{"\"db-8\"", "\"web-1\""}, std::pair{"\"15m\"", "\"30m\""},
          std::pair{"\"force_command\": \"\"", "\"force_command\": \"sh\""},
          std::pair{"\"threshold\": 2", "\"threshold\": 3"}, std::pair{"2026-11-22", "2027-11-22"}}) {
        INFO(from);
        CHECK(read_envelope(replaced(made.envelope.text, from, to)).error().id == "E-BREAKGLASS-CHANGED");
    }
    CHECK_FALSE(read_envelope(replaced(made.envelope.text, "\"v\": 1", "\"v\": 2")));
    CHECK_FALSE(read_envelope(replaced(made.envelope.text, "\"longest\"", "\"longer\"")));
    // Somebody else's key and signature over the same words make another envelope, which no share belongs to.
    const Made other;
    CHECK(fit({made.shares[0], made.shares[1]}, other.envelope).error().id == "E-SHARE-MIXED");
}

TEST_CASE("what no envelope may say is refused whoever signs it") {
    const Made made;
    using Change = void (*)(Envelope&);
    const auto change = GENERATE(values<Change>({
        [](Envelope& e) { e.threshold = 4; },
        [](Envelope& e) { e.accounts.clear(); },
        [](Envelope& e) { std::swap(e.accounts[0], e.accounts[1]); },
        [](Envelope& e) { e.nodes.push_back(e.nodes.back()); },
        [](Envelope& e) { e.longest = *Lifetime::of_seconds(3601); },
        [](Envelope& e) { e.force_command = "a\" ,permit-port-forwarding"; },
        [](Envelope& e) { e.force_command = "a\\b"; },
        [](Envelope& e) { e.force_command = "a\nb"; },
        [](Envelope& e) { e.source_addresses = {"0.0.0.0/0"}; },
        [](Envelope& e) { e.source_addresses = {"10.0.0.1"}; },
        [](Envelope& e) { e.expires = e.created; },
        [](Envelope& e) { e.expires = Instant(e.created.seconds() + 4LL * 366 * 86400); },
    }));
    auto envelope = usual(made.key.public_key());
    change(envelope);
    CHECK_FALSE(sign_envelope(envelope, made.key));
}

TEST_CASE("ssh-keygen verifies the envelope's signature too") {
    const Made made;
    const TempDir dir;
    const auto json = wire::parse_json(made.envelope.text);
    std::string blob = *json->object()->at("signature").string();
    std::ofstream armour(dir.path("sig"));
    armour << "-----BEGIN SSH SIGNATURE-----\n";
    for (std::size_t at = 0; at < blob.size(); at += 70) armour << blob.substr(at, 70) << "\n";
    armour << "-----END SSH SIGNATURE-----\n";
    armour.close();
    std::ofstream(dir.path("signers")) << "emergency " << wire::encode_ssh_key_line(made.key.public_key(), "") << "\n";
    const auto verified = client::run({"ssh-keygen", "-Y", "verify", "-f", dir.path("signers"), "-I", "emergency", "-n",
                                       "mayfly-breakglass-envelope", "-s", dir.path("sig")},
                                      json->object()->at("envelope").canonical());
    REQUIRE(verified);
    INFO(verified->err);
    CHECK(verified->exit_code == 0);
}

TEST_CASE("one certificate comes of it: one account, one node, minutes") {
    Made made;
    const auto minted = made.use({}, kNow);
    const auto read = wire::parse_ssh_certificate(minted.certificate);
    REQUIRE(read);
    CHECK(crypto::verify(*read));
    CHECK(wire::lint(read->fields).empty());
    CHECK(read->fields.principals == std::vector<std::string>{"breakglass.root@db-7"});
    CHECK(read->fields.valid_before == static_cast<std::uint64_t>(kNow.seconds() + 600));
    CHECK(read->fields.extensions == std::vector<wire::SshOption>{{"permit-pty", ""}});
    CHECK(read->fields.critical_options.empty());
    CHECK(read->fields.key_id == "breakglass-offline/alice/db-7/" + minted.record.record.id);
    CHECK(read->fields.serial == minted.record.record.serial);
    // And as OpenSSH reads it.
    const TempDir dir;
    std::ofstream(dir.path("c")) << wire::encode_ssh_certificate_line(minted.certificate, "") << "\n";
    const auto shown = client::run({"ssh-keygen", "-L", "-f", dir.path("c")});
    REQUIRE(shown);
    CHECK(shown->out.find("breakglass.root@db-7") != std::string::npos);
    CHECK(shown->out.find("Critical Options: (none)") != std::string::npos);
}

TEST_CASE("the envelope's command and addresses stand in the certificate") {
    Made made;
    auto narrow = usual(made.key.public_key());
    narrow.force_command = "/usr/local/bin/rescue";
    narrow.source_addresses = {"10.1.0.0/16", "192.0.2.7/32"};
    made.envelope = *sign_envelope(narrow, made.key);
    const auto minted = made.use({}, kNow);
    const auto options = wire::parse_ssh_certificate(minted.certificate)->fields.critical_options;
    CHECK(options == std::vector<wire::SshOption>{{"force-command", "/usr/local/bin/rescue"},
                                                  {"source-address", "10.1.0.0/16,192.0.2.7/32"}});
}

TEST_CASE("outside the envelope there is no certificate, and each refusal says why") {
    Made made;
    const auto outcome = [&](auto change, Instant now = kNow) {
        auto wish = made.wish();
        change(wish);
        const auto refused = mint(made.envelope, made.key, wish, {owner("alice"), owner("bob")}, {}, now, made.rng);
        return refused ? std::string("minted") : refused.error().id;
    };
    CHECK(outcome([](Wish&) {}) == "minted");
    CHECK(outcome([](Wish& w) { w.node = *NodeName::parse("web-1"); }) == "E-BREAKGLASS-NODE");
    CHECK(outcome([](Wish& w) { w.account = *AccountName::parse("nobody"); }) == "E-BREAKGLASS-ACCOUNT");
    CHECK(outcome([](Wish& w) { w.ttl = *Lifetime::of_seconds(901); }) == "E-BREAKGLASS-TTL");
    CHECK(outcome([](Wish& w) { w.reason.clear(); }) == "E-REASON");
    CHECK(outcome([](Wish& w) { w.reason = std::string(1001, 'x'); }) == "E-REASON");
    CHECK(outcome([&](Wish& w) { w.key = made.key.public_key(); }) == "E-BREAKGLASS-KEY");
    CHECK(outcome([](Wish&) {}, made.envelope.envelope.expires) == "E-BREAKGLASS-EXPIRED");
    CHECK(outcome([](Wish&) {}, Instant(kNow.seconds() - 1)) == "E-CLOCK");
    // A record too few holders made cannot come from us.
    CHECK_FALSE(mint(made.envelope, made.key, made.wish(), {owner("alice")}, {}, kNow, made.rng));
    CHECK_FALSE(mint(made.envelope, made.key, made.wish(), {owner("alice"), owner("mallory")}, {}, kNow, made.rng));
}

TEST_CASE("records are a chain: no line can be changed, left out, moved or added") {
    Made made;
    std::vector<SignedRecord> chain;
    std::string text;
    for (int i = 0; i < 3; ++i) {
        const auto minted = made.use(chain, Instant(kNow.seconds() + i));
        chain.push_back(minted.record);
        text += minted.record.line + "\n";
    }
    const auto read = read_records(text, made.envelope);
    REQUIRE(read);
    REQUIRE(read->size() == 3);
    CHECK((*read)[2].record == chain[2].record);
    CHECK((*read)[1].record.previous == (*read)[0].hash);

    const auto lines = [&](std::initializer_list<std::size_t> which) {
        std::string out;
        for (const auto one : which) out += chain[one].line + "\n";
        return out;
    };
    CHECK(read_records(lines({0, 1}), made.envelope));  // what was cut off at the end shows elsewhere
    for (const auto& bad :
         {lines({1, 2}), lines({0, 2}), lines({1, 0, 2}), lines({0, 0}), text.substr(0, text.size() - 1),
          replaced(text, "the database is down", "the database is dowm"),
          replaced(text, "\"account\":\"root\"", "\"account\":\"deploy\""), text + "\n", "x\n" + text})
        CHECK(read_records(bad, made.envelope).error().id == "E-BREAKGLASS-RECORD");
    CHECK(read_records("", made.envelope)->empty());
    Made other;
    CHECK(read_records(text, other.envelope).error().id == "E-BREAKGLASS-RECORD");
    // Time does not run back behind the record.
    CHECK(within(made.envelope.envelope, made.wish(), chain, Instant(kNow.seconds() + 1)).error().id == "E-CLOCK");
}

TEST_CASE("the record file keeps every line, is one program's at a time, and heals a line that was cut short") {
    Made made;
    const TempDir dir;
    const std::string path = dir.path("record");
    {
        auto file = RecordFile::open(path, made.envelope);
        REQUIRE(file);
        CHECK(file->records().empty());
        const auto busy = RecordFile::open(path, made.envelope);
        REQUIRE_FALSE(busy);
        CHECK(busy.error().code == Code::conflict);
        REQUIRE(file->append(made.use(file->records(), kNow).record));
        REQUIRE(file->append(made.use(file->records(), kNow).record));
    }
    std::ofstream(path, std::ios::app) << "{\"record\":{\"acc";
    {
        auto file = RecordFile::open(path, made.envelope);
        REQUIRE(file);
        CHECK(file->records().size() == 2);
        REQUIRE(file->append(made.use(file->records(), kNow).record));
    }
    CHECK(RecordFile::open(path, made.envelope)->records().size() == 3);
    std::ofstream(path, std::ios::app) << "not a record\n";
    CHECK(RecordFile::open(path, made.envelope).error().id == "E-BREAKGLASS-RECORD");
}
