// The steps of the take-over: what is decided from what there is, without touching anything.
#include <algorithm>
#include <fstream>

#include "agent/key_files.h"
#include "agent/plan.h"
#include "agent/probe.h"
#include "agent/report/logins.h"
#include "agent/report/notices.h"
#include "agent/report/sshd_log.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/nobody.h"
#include "lib/files/files.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;

namespace {

crypto::PrivateKey new_key() { return std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519)); }

TrustSet some_set(const PublicKey& ca) {
    TrustSet set;
    set.files["user_ca.pub"] = wire::encode_ssh_key_line(ca, "mayfly") + "\n";
    set.files["principals/deploy"] = "ops\n";
    return set;
}

/// A canary certificate as the CA makes it, before `change`.
template <class Change>
std::string canary_line(const crypto::PrivateKey& ca, const NodeName& node, Change change) {
    wire::SshCertificate facts;
    facts.subject = crypto::nobodys_key(node);
    facts.nonce = Bytes(32, 7);
    facts.serial = 77;
    facts.key_id = "node/" + node.text() + "/canary";
    facts.principals = {"mayfly.canary@" + node.text()};
    facts.valid_after = 1795235162;
    facts.valid_before = 1795235162 + 86400;
    facts.critical_options = {{"force-command", "/bin/false"}};
    facts.signer = ca.public_key();
    change(facts);
    const Bytes bytes = wire::encode_to_be_signed(facts);
    const auto signature = ca.sign_ssh(bytes);
    return wire::encode_ssh_certificate_line(wire::encode_signed(bytes, signature->algorithm, signature->signature),
                                             "canary");
}
const auto kUnchanged = [](auto&) {};

const char* const kDropIn = "# Written by mayfly-agent\n";
Observed settled(const TrustSet& set) {
    Observed seen;
    seen.current = seen.proven = "gen-7";
    seen.set = set;
    seen.drop_in = kDropIn;
    seen.written = {kDropIn};
    seen.recorded = true;
    return seen;
}

}  // namespace

TEST_CASE("a host that is as it should be is left alone, and in observe nothing is ever written") {
    const auto set = some_set(new_key().public_key());
    CHECK(plan_acts(settled(set), set, kDropIn, Mode::only).acts.empty());
    CHECK(plan_acts(settled(set), set, kDropIn, Mode::both).acts.empty());
    CHECK(plan_acts(Observed{}, set, kDropIn, Mode::observe).acts.empty());
    // Back to observing: sshd as it was.
    CHECK(plan_acts(settled(set), set, kDropIn, Mode::observe).acts == std::vector{Act::restore});
}

TEST_CASE("what was there is recorded before the first change, and a set is judged before sshd is led to it") {
    const auto set = some_set(new_key().public_key());
    const auto first = plan_acts(Observed{}, set, kDropIn, Mode::both);
    CHECK(first.acts == std::vector{Act::record, Act::write, Act::judge, Act::switch_to, Act::put, Act::reload,
                                    Act::prove, Act::forget});
    CHECK(first.mended.empty());
    const auto other = some_set(new_key().public_key());
    CHECK(plan_acts(settled(set), other, kDropIn, Mode::only).acts ==
          std::vector{Act::write, Act::judge, Act::switch_to, Act::reload, Act::prove, Act::forget});
}

TEST_CASE("a generation that nobody has proven yet is proven at the next round") {
    const auto set = some_set(new_key().public_key());
    auto seen = settled(set);
    seen.proven = "gen-6";
    CHECK(plan_acts(seen, set, kDropIn, Mode::only).acts == std::vector{Act::reload, Act::prove, Act::forget});
}

TEST_CASE("a drop-in that somebody changed is repaired in only, and only reported in both") {
    const auto set = some_set(new_key().public_key());
    auto seen = settled(set);
    SECTION("changed") { seen.drop_in = std::string(kDropIn) + "PasswordAuthentication yes\n"; }
    SECTION("removed") { seen.drop_in.reset(); }
    const auto only = plan_acts(seen, set, kDropIn, Mode::only);
    CHECK(only.acts == std::vector{Act::judge, Act::put, Act::reload, Act::prove, Act::forget});
    CHECK(only.mended.size() == 1);
    const auto both = plan_acts(seen, set, kDropIn, Mode::both);
    CHECK(both.acts.empty());
    CHECK(both.left.size() == 1);
    // A newer revocation list reaches sshd all the same.
    const auto newer = some_set(new_key().public_key());
    const auto update = plan_acts(seen, newer, kDropIn, Mode::both);
    CHECK(std::find(update.acts.begin(), update.acts.end(), Act::switch_to) != update.acts.end());
    CHECK(std::find(update.acts.begin(), update.acts.end(), Act::put) == update.acts.end());
}

TEST_CASE("our own unfinished work is no drift") {
    const auto set = some_set(new_key().public_key());
    auto seen = settled(set);
    // The link was switched, the drop-in is still the one of the generation before.
    seen.current = "gen-8";
    seen.drop_in = std::string(kDropIn) + "# of gen-7\n";
    seen.written = {kDropIn, *seen.drop_in};
    const auto plan = plan_acts(seen, set, kDropIn, Mode::only);
    CHECK(plan.mended.empty());
    CHECK(std::find(plan.acts.begin(), plan.acts.end(), Act::put) != plan.acts.end());
}

TEST_CASE("files of a generation that somebody changed are written anew in both and only") {
    const auto set = some_set(new_key().public_key());
    auto seen = settled(set);
    seen.altered = true;
    seen.set->files["user_ca.pub"] += wire::encode_ssh_key_line(new_key().public_key(), "intruder") + "\n";
    const auto mode = GENERATE(values({Mode::both, Mode::only}));
    const auto plan = plan_acts(seen, set, kDropIn, mode);
    CHECK(plan.mended == std::vector<std::string>{"somebody changed files of gen-7"});
    CHECK(plan.acts.front() == Act::write);
}

TEST_CASE("mode both says what certificates open and leaves the rest to whoever said it") {
    auto set = some_set(new_key().public_key());
    const auto text = sshd_snippet("/d", set, Mode::both, ".ssh/authorized_keys");
    CHECK_THAT(text, Contains("TrustedUserCAKeys /d/user_ca.pub\n"));
    for (const auto* word : {"AuthorizedKeysFile", "PasswordAuthentication", "Kbd", "Match", "GSSAPI"})
        CHECK_THAT(text, !Contains(word));
    set.files["breakglass/root"] = "x\n";
    CHECK_THAT(sshd_snippet("/d", set, Mode::both, ".ssh/authorized_keys .ssh/authorized_keys2"),
               Contains("AuthorizedKeysFile /d/breakglass/%u .ssh/authorized_keys .ssh/authorized_keys2\n"));
}

TEST_CASE("mode only says it again in a Match block, because one further on would win over what is said before") {
    const auto text = sshd_snippet("/d", some_set(new_key().public_key()), Mode::only);
    const auto block = text.substr(text.find("\nMatch all\n"));
    for (const auto* line :
         {"AuthorizedKeysFile none\n", "PasswordAuthentication no\n", "KbdInteractiveAuthentication no\n",
          "AuthorizedPrincipalsCommand none\n", "GSSAPIAuthentication no\n", "TrustedUserCAKeys /d/"})
        CHECK_THAT(block, Contains(line));
}

TEST_CASE("what sshd does is held against what the mode means") {
    const auto good = parse_settings(
        "trustedusercakeys /c/user_ca.pub\nauthorizedprincipalsfile /c/principals/%u\npubkeyauthentication yes\n"
        "revokedkeys /c/revoked.krl\npasswordauthentication no\nkbdinteractiveauthentication no\n"
        "hostbasedauthentication no\nauthorizedkeyscommand none\nauthorizedprincipalscommand none\n"
        "authorizedkeysfile none\n");
    CHECK(against(good, Mode::only, "/c").empty());
    CHECK(against(good, Mode::both, "/c").empty());
    CHECK(against({}, Mode::observe, "/c").empty());
    for (const auto& [keyword, value] :
         std::vector<std::pair<std::string, std::string>>{{"passwordauthentication", "yes"},
                                                          {"kbdinteractiveauthentication", "yes"},
                                                          {"authorizedkeysfile", ".ssh/authorized_keys"},
                                                          {"authorizedkeyscommand", "/usr/bin/keys"},
                                                          {"authorizedprincipalscommand", "/usr/bin/names"},
                                                          {"hostbasedauthentication", "yes"},
                                                          {"gssapiauthentication", "yes"},
                                                          {"revokedkeys", "/elsewhere"},
                                                          {"trustedusercakeys", "none"}}) {
        auto bad = good;
        bad[keyword] = {value};
        INFO(keyword);
        CHECK(against(bad, Mode::only, "/c").size() == 1);
    }
    auto open = good;
    open["passwordauthentication"] = {"yes"};
    CHECK(against(open, Mode::both, "/c").empty());
}

TEST_CASE("mode both is refused where sshd takes one value and somebody uses it") {
    CHECK(in_the_way(parse_settings("trustedusercakeys none\nrevokedkeys none\npubkeyauthentication yes\n")).empty());
    CHECK(in_the_way(parse_settings("trustedusercakeys /other/ca.pub\n")).size() == 1);
    CHECK(in_the_way(parse_settings("revokedkeys /etc/ssh/revoked\n")).size() == 1);
    CHECK(in_the_way(parse_settings("pubkeyauthentication no\n")).size() == 1);
}

TEST_CASE("where sshd listens is read from what it says") {
    CHECK(reach(parse_settings("listenaddress 0.0.0.0:22\n")) == Address{"127.0.0.1", "22"});
    CHECK(reach(parse_settings("listenaddress [::]:2222\nlistenaddress 0.0.0.0:22\n")) == Address{"::1", "2222"});
    CHECK(reach(parse_settings("listenaddress 192.0.2.7:22 rdomain red\nlistenaddress 192.0.2.8:22\n")) ==
          Address{"192.0.2.8", "22"});
    CHECK_FALSE(reach(parse_settings("port 22\n")));
    for (const auto* bad : {"", "22", "-oProxyCommand=x:22", "host:0", "host:99999", "a b:22", ":22"})
        CHECK_FALSE(parse_address(bad));
}

TEST_CASE("a canary is for nobody's key and this node's principal, or it is none") {
    const auto ca = new_key();
    const auto node = *NodeName::parse("db-7");
    REQUIRE(accept_canary(canary_line(ca, node, kUnchanged), node));
    using Change = void (*)(wire::SshCertificate&);
    for (const Change change :
         std::vector<Change>{[](auto& c) { c.subject = new_key().public_key(); },
                             [](auto& c) { c.principals = {"ops"}; }, [](auto& c) { c.principals.emplace_back("ops"); },
                             [](auto& c) {
                                 c.extensions = {{"permit-pty", ""}};
                             },
                             [](auto& c) { c.type = wire::SshCertificateType::host; }, [](auto& c) { c.serial = 0; },
                             [](auto& c) { c.principals = {"mayfly.canary@db-8"}; },
                             [](auto& c) { c.subject = crypto::nobodys_key(*NodeName::parse("db-8")); }})
        CHECK_FALSE(accept_canary(canary_line(ca, node, change), node));
    CHECK_FALSE(accept_canary(canary_line(ca, node, kUnchanged), *NodeName::parse("db-8")));
    auto damaged = canary_line(ca, node, kUnchanged);
    damaged[damaged.size() - 20] = damaged[damaged.size() - 20] == 'A' ? 'B' : 'A';
    CHECK_FALSE(accept_canary(damaged, node));
    CHECK(crypto::nobodys_key(node) == crypto::nobodys_key(node));
}

TEST_CASE("sshd is not asked about a canary that the set refuses") {
    const auto ca = new_key();
    const auto node = *NodeName::parse("db-7");
    const auto canary = *accept_canary(canary_line(ca, node, kUnchanged), node);
    auto set = some_set(ca.public_key());
    CHECK(add_canary(canary, set));
    CHECK(set.files["principals/deploy"] == "ops\nrestrict,command=\"/bin/false\" mayfly.canary@db-7\n");
    auto other = some_set(new_key().public_key());
    CHECK_FALSE(add_canary(canary, other));
    CHECK(other.files["principals/deploy"] == "ops\n");
    // Somebody took it back: that sshd refuses it then is as it should be.
    wire::Krl krl;
    krl.version = 1;
    SECTION("by serial") {
        krl.certificates = {{wire::encode_ssh_key(ca.public_key()), wire::serial_ranges({77}), {}}};
    }
    SECTION("by key id") { krl.certificates = {{{}, {}, {"node/db-7/canary"}}}; }
    SECTION("with its CA") { krl.sha256 = {crypto::ssh_fingerprint(ca.public_key())}; }
    auto revoked = some_set(ca.public_key());
    revoked.files["revoked.krl"] = std::string(text_of(wire::encode_krl(krl)));
    CHECK_FALSE(add_canary(canary, revoked));
}

TEST_CASE("no role of a policy becomes the canary's principal") {
    api::NodeTrust trust;
    trust.ssh_user_cas = {wire::encode_ssh_key_line(new_key().public_key(), "ca")};
    trust.accounts["deploy"] = {"mayfly.canary@db-7"};
    CHECK_FALSE(plan_trust(trust, {}));
    trust.accounts["deploy"] = {"ops"};
    CHECK(plan_trust(trust, {}));
}

TEST_CASE("what ssh says of sshd is read by fixed words at fixed places") {
    const std::string said =
        "debug1: Server host certificate: ssh-ed25519-cert-v01@openssh.com SHA256:kkk, serial 77 ID \"x\" CA a "
        "SHA256:no\" "
        "CA ssh-ed25519 SHA256:ccc valid from 2026-11-21T13:47:00\r\n"
        "debug1: Authentications that can continue: publickey,password\r\n"
        "debug1: Offering public key: /c ED25519-CERT SHA256:x explicit\r\n"
        "debug1: Server accepts key: /c ED25519-CERT SHA256:x explicit\r\n"
        "root@127.0.0.1: Permission denied (publickey).\r\n";
    const auto answer = read_answer(said, "/c", "/s");
    CHECK(answer.heard == Answer::Heard::all);
    CHECK(answer.certificate);
    CHECK_FALSE(answer.stranger);
    CHECK(answer.methods == std::vector<std::string>{"publickey", "password"});
    CHECK(answer.host_serial == 77);
    CHECK(answer.host_authority == "SHA256:ccc");
    CHECK(read_answer("debug1: Authentications that can continue: publickey\n", "/c", "/s").certificate == false);
    CHECK(read_answer("ssh: connect to host 127.0.0.1 port 2: Connection refused\r\n", "/c", "/s").heard ==
          Answer::Heard::refused_connection);
    CHECK(read_answer("kex_exchange_identification: Connection closed by remote host\n", "/c", "/s").heard ==
          Answer::Heard::nothing);
    // A banner is not a word of ssh's.
    CHECK_FALSE(read_answer("Welcome! debug1: Server accepts key: /c \n", "/c", "/s").certificate);
}

TEST_CASE("an old way in is read from sshd's log with all that it says") {
    const auto old = [](const std::string& message) {
        const auto fact = parse_sshd_message(message);
        const auto* out = fact ? std::get_if<OldWay>(&*fact) : nullptr;
        return out == nullptr ? std::nullopt : std::optional(*out);
    };
    const std::string key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    CHECK(old("Accepted publickey for deploy from 192.0.2.7 port 51234 ssh2: ED25519 " + key) ==
          OldWay{"deploy", "192.0.2.7 port 51234", "publickey", key});
    CHECK(old("Accepted password for John.Doe from 2001:db8::1 port 22 ssh2") ==
          OldWay{"John.Doe", "2001:db8::1 port 22", "password", ""});
    CHECK(old("Accepted keyboard-interactive/pam for root from 192.0.2.7 port 1 ssh2")->how ==
          "keyboard-interactive/pam");
    for (const auto* none :
         {"Accepted publickey for deploy from nowhere port 1 ssh2: ED25519 x", "Accepted password for",
          "Failed password for root from 192.0.2.7 port 1 ssh2", "Accepted key ED25519 found at /x:1",
          "Accepted certificate ID \"x\" (serial 1) signed by ED25519 CA y via /z"})
        CHECK_FALSE(old(none));
}

TEST_CASE("whose an old key seems to be is the line that lists it, options and quotes before it") {
    const auto key = new_key().public_key();
    const std::string print = wire::fingerprint(crypto::ssh_fingerprint(key)),
                      text = "# a comment\n\nssh-ed25519 broken\n" +
                             wire::encode_ssh_key_line(new_key().public_key(), "bob") +
                             "\nfrom=\"10.0.0.0/8\",command=\"say \\\"hi\\\" ssh-ed25519 there\" " +
                             wire::encode_ssh_key_line(key, "alice at\tlaptop") + "\n";
    CHECK_THAT(find_key_line(text, print), Contains("line 5, alice at"));
    CHECK(find_key_line(text, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU").empty());
    CHECK(find_key_line("", print).empty());
}

TEST_CASE("notices wait on disk, each id once, and what does not fit is counted") {
    const TempDir dir;
    const std::string path = dir.path("notices.spool");
    const auto one = [](const char* id) { return api::NodeNotice{id, "drift", "2026-11-21T04:26:02Z", "words"}; };
    auto notices = *Notices::load(path, 2);
    REQUIRE(notices.add({one("a"), one("b"), one("a")}));
    CHECK(notices.pending() == 2);
    REQUIRE(notices.add({one("c")}));
    auto again = *Notices::load(path, 2);
    CHECK(again.pending() == 2);
    CHECK(again.lost() == 1);
    CHECK(again.oldest(1).notices.front().id == "a");
    REQUIRE(again.delivered(1, 1));
    CHECK(Notices::load(path, 2)->pending() == 1);
    CHECK(Notices::load(path, 2)->lost() == 0);
    std::ofstream(path, std::ios::app) << "{\"id\":";
    const auto damaged = Notices::load(path, 2);
    CHECK(damaged->pending() == 1);
    CHECK(damaged->lost() == 1);
}

TEST_CASE("what would break is what was used lately, those without a certificate first") {
    const TempDir dir;
    auto logins = *Logins::load(dir.path("logins.json"));
    const Instant long_ago(1000), lately(2000);
    logins.note({"1", "both", "s", "publickey", "SHA256:x", lately}, "line 1, alice");
    logins.note({"2", "both", "s", "certificate", "SHA256:y", lately}, "");
    logins.note({"3", "old", "s", "password", "", lately}, "");
    logins.note({"4", "gone", "s", "password", "", long_ago}, "");
    logins.note({"5", "fine", "s", "certificate", "SHA256:z", lately}, "");
    REQUIRE(logins.save());
    const auto broken = Logins::load(dir.path("logins.json"))->would_break(Instant(1500));
    REQUIRE(broken.size() == 2);
    CHECK(broken[0].account == "old");
    CHECK(broken[0].only_way);
    CHECK(broken[1].account == "both");
    CHECK_FALSE(broken[1].only_way);
    CHECK_THAT(broken[1].words, Contains("line 1, alice"));
}

TEST_CASE("changing the mode changes one line of agent.toml") {
    const TempDir dir;
    const std::string path = dir.path("agent.toml");
    const auto after = [&](const std::string& text, Mode mode) {
        std::ofstream(path) << text;
        REQUIRE(set_mode(path, mode));
        return std::string(text_of(*files::read(path, 1 << 20)));
    };
    CHECK(after("# mine\nurl = \"x\"\nmode = \"observe\"\n[report]\nmode = \"kept\"\n", Mode::only) ==
          "# mine\nurl = \"x\"\nmode = \"only\"\n[report]\nmode = \"kept\"\n");
    CHECK(after("url = \"x\"\n[report]\nx = 1\n", Mode::both) == "url = \"x\"\nmode = \"both\"\n[report]\nx = 1\n");
    CHECK(after("url = \"x\"\n", Mode::both) == "url = \"x\"\nmode = \"both\"\n");
    CHECK_FALSE(parse_mode("enforce"));
}
