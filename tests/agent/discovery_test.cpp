// What stands on a host and opens doors beside certificates: found by fingerprint and place, whatever is put in the
// way.
#include "agent/discovery/discover.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "agent/discovery/accounts.h"
#include "agent/discovery/key_files.h"
#include "agent/discovery/seeker.h"
#include "agent/discovery/sudoers.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/fakes/temp_dir.h"

using namespace mayfly;
using namespace mayfly::agent;
namespace fs = std::filesystem;

namespace {

// RFC 8032 keys would do; these are of ssh-keygen, with the fingerprints that ssh-keygen -lf says.
constexpr const char* kKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
constexpr const char* kFingerprint = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

/// A host in a folder: its own passwd, sudoers and homes, and an sshd that says what it is told to.
struct Host {
    TempDir dir;
    Config config;

    explicit Host(
        const std::string& settings = "authorizedkeysfile .ssh/authorized_keys\npasswordauthentication no\n") {
        config.state_dir = dir.path("state");
        config.discovery_etc = dir.path("etc");
        config.trust_dir = dir.path("trust");
        config.sshd_program = dir.path("sshd");
        fs::create_directories(config.state_dir);
        write(config.discovery_etc + "/passwd", "root:x:0:0:root:" + home("root") +
                                                    ":/bin/bash\ndeploy:x:1000:1000::" + home("deploy") +
                                                    ":/bin/bash\nnobody:x:65534:65534::/nonexistent:"
                                                    "/usr/sbin/nologin\n");
        write(config.discovery_etc + "/group", "root:x:0:\nsudo:x:27:deploy\ndocker:x:998:\n");
        say(settings);
        fs::create_directories(home("deploy") + "/.ssh");
    }
    [[nodiscard]] std::string home(const char* name) const { return dir.path(std::string("home/") + name); }
    void say(const std::string& settings) const {
        write(dir.path("settings"), settings);
        write(config.sshd_program, "#!/bin/sh\ncat " + dir.path("settings") + "\n");
        fs::permissions(config.sshd_program, fs::perms::owner_all);
    }
    [[nodiscard]] Look seen() const {
        auto found = look(config);
        REQUIRE(found);
        return std::move(*found);
    }
    [[nodiscard]] std::vector<api::FoundItem> of(const char* kind) const {
        std::vector<api::FoundItem> out;
        for (auto& item : seen().items)
            if (item.kind == kind) out.push_back(item);
        return out;
    }
};

}  // namespace

TEST_CASE("accounts are read from the host's own files, and lines that are none are left out") {
    const auto accounts = parse_passwd(
        "root:x:0:0:root:/root:/bin/bash\n\n# a comment\nbroken\n:x:1:1:::\nx:y:not-a-number:0:::\n"
        "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\r\n" +
        std::string(100000, 'a') + ":x:1:1:::\nlast:x:5:5::/home/last:/bin/sh");
    REQUIRE(accounts.size() == 3);
    CHECK(accounts[0].logs_in());
    CHECK_FALSE(accounts[1].logs_in());
    CHECK(accounts[2].name == "last");
    const auto groups = parse_group("sudo:x:27:alice,bob\nusers:x:5:\n");
    CHECK(members_of(groups[0], accounts) == std::vector<std::string>{"alice", "bob"});
    CHECK(members_of(groups[1], accounts) == std::vector<std::string>{"last"});
}

TEST_CASE("a password is set, empty or locked; the hash goes nowhere") {
    const auto states = parse_shadow("a:$y$j9T$salt$hash:1:0:9:7:::\nb::1\nc:!$6$x:1\nd:*:1\ne:!\n");
    CHECK(states.at("a") == PasswordState::set);
    CHECK(states.at("b") == PasswordState::empty);
    for (const auto* locked : {"c", "d", "e"}) CHECK(states.at(locked) == PasswordState::locked);
}

TEST_CASE("sudo rules say who becomes root, through aliases, groups and continued lines") {
    Sudoers sudoers;
    const auto includes = sudoers.read(
        "Defaults env_reset\n"
        "User_Alias ADMINS = alice, \\\n  bob : NIGHT = carol\n"
        "Cmnd_Alias SHELLS = /bin/sh\n"
        "root ALL=(ALL:ALL) ALL\n"
        "%wheel ALL=(ALL) NOPASSWD: ALL   # everybody there\n"
        "ADMINS,NIGHT web = (root) /usr/bin/systemctl restart nginx\n"
        "dave ALL = (postgres) ALL\n"
        "erin ALL = ALL\n"
        "#1001 ALL = (root) NOPASSWD: /bin/true\n"
        "frank ALL = (:adm) ALL\n"
        "\"g h\" ALL = ALL\n"
        "no rule at all\n"
        "@includedir /etc/sudoers.d\n#include local\n",
        "/etc/sudoers");
    CHECK(includes == std::vector<std::string>{"/etc/sudoers.d/", "/etc/local"});
    std::map<std::string, std::string> found;
    for (const auto& rule : sudoers.rules())
        for (const auto& who : rule.who)
            found[who] = std::string(rule.all_commands ? "ALL" : "some") + (rule.without_password ? " free" : "");
    const std::map<std::string, std::string> expected = {
        {"root", "ALL"},   {"%wheel", "ALL free"}, {"alice", "some"},      {"bob", "some"},
        {"carol", "some"}, {"erin", "ALL"},        {"#1001", "some free"}, {"g h", "ALL"}};
    CHECK(found == expected);
    CHECK(sudo_reads("10-admins"));
    CHECK_FALSE(sudo_reads("admins.conf"));
    CHECK_FALSE(sudo_reads("admins~"));
}

TEST_CASE("aliases that name each other, and rules without end, end") {
    Sudoers sudoers;
    std::string text = "User_Alias A = B\nUser_Alias B = A, x\nA ALL = ALL\n";
    for (int i = 0; i < 20000; ++i) text += "u" + std::to_string(i) + " ALL = ALL\n";
    text += std::string(1 << 20, '\\') + "\n" + std::string(1 << 20, ',') + "\n\\";
    (void)sudoers.read(text, "/etc/sudoers");
    CHECK(sudoers.rules().size() == 5000);
}

TEST_CASE("keys are told by fingerprint, with the names of their options and not their values") {
    const auto keys = parse_authorized_keys(std::string("# a comment\n") + kKey + " alice@laptop\n" +
                                            "from=\"192.0.2.0/24,!192.0.2.7\",command=\"echo \\\"a, b\\\" secret\" " +
                                            kKey + "\r\ncert-authority,principals=\"ops\" " + kKey + " a CA\n" +
                                            "ssh-rsa " + std::string(kKey).substr(12) + "\n" + "ssh-ed25519 AAAA\n" +
                                            std::string(100000, 'x') + "\n");
    REQUIRE(keys.size() == 3);
    for (const auto& key : keys) CHECK(key.fingerprint == kFingerprint);
    CHECK(keys[0].comment == "alice@laptop");
    CHECK(keys[1].options == std::vector<std::string>{"from", "command"});
    CHECK_FALSE(keys[1].authority);
    CHECK(keys[2].authority);
    const auto authorities = parse_host_authorities(std::string("host ") + kKey + "\n@cert-authority *.corp.example " +
                                                    kKey + " corp\n@revoked * " + kKey + "\n");
    REQUIRE(authorities.size() == 1);
    CHECK(authorities[0].hosts == "*.corp.example");
}

TEST_CASE("ssh-keygen and we agree on fingerprints and on passphrases") {
    const TempDir dir;
    const std::string type = GENERATE(values<std::string>({"ed25519", "ecdsa", "rsa"}));
    const std::string form = GENERATE(values<std::string>({"", "PEM", "PKCS8"}));
    const int guard = GENERATE(values<int>({0, 1}));
    const bool guarded = guard == 1;
    if (type == "ed25519" && !form.empty()) return;  // OpenSSH writes these in its own form only
    INFO(type << " " << form << " " << guarded);
    std::vector<std::string> argv = {"ssh-keygen", "-q",           "-t", type, "-N", guarded ? "a passphrase" : "",
                                     "-f",         dir.path("key")};
    if (type == "rsa") argv.insert(argv.end(), {"-b", "2048"});
    if (!form.empty()) argv.insert(argv.end(), {"-m", form});
    REQUIRE(client::run(argv)->exit_code == 0);
    auto bytes = files::read_untrusted(dir.path("key"), 65536);
    REQUIRE(bytes);
    const auto found = parse_private_key_file(Secret(std::move(*bytes)));
    REQUIRE(found);
    CHECK(found->guarded == guarded);
    const auto said = client::run({"ssh-keygen", "-lf", dir.path("key.pub")});
    if (!found->fingerprint.empty()) CHECK_THAT(said->out, Contains(found->fingerprint));
    if (form.empty() || !guarded) CHECK_FALSE(found->fingerprint.empty());
    const auto line = files::read_untrusted(dir.path("key.pub"), 65536);
    CHECK_THAT(said->out, Contains(parse_authorized_keys(text_of(*line)).at(0).fingerprint));
}

TEST_CASE("what is no private key is none, and what is cut short is not guarded") {
    const auto parse = [](const std::string& text) { return parse_private_key_file(Secret(to_bytes(view(text)))); };
    for (const auto* text : {"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", kKey})
        CHECK_FALSE(parse(text));
    const auto cut = parse("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n");
    REQUIRE(cut);
    CHECK(cut->fingerprint.empty());
    CHECK(parse("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\n")->guarded);
    CHECK_FALSE(parse("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")->guarded);
}

TEST_CASE("a look finds keys, sudoers, passwords, CAs and settings, each with its place") {
    const Host host(
        "authorizedkeysfile .ssh/authorized_keys\npasswordauthentication yes\npermitrootlogin yes\n"
        "trustedusercakeys "
        "/nonexistent\n");
    write(host.home("deploy") + "/.ssh/authorized_keys", std::string(kKey) + " alice@laptop\n");
    write(host.home("deploy") + "/.ssh/known_hosts", std::string("@cert-authority * ") + kKey + "\n");
    write(host.config.discovery_etc + "/sudoers", "%sudo ALL=(ALL) ALL\n@includedir sudoers.d\n");
    write(host.config.discovery_etc + "/sudoers.d/night", "%oncall ALL=(root) NOPASSWD: ALL\n");
    write(host.config.discovery_etc + "/sudoers.d/off.disabled", "mallory ALL=ALL\n");
    write(host.config.discovery_etc + "/shadow", "root:*:1\ndeploy:$y$x:1\nnobody:$y$x:1\n");
    REQUIRE(client::run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host.home("deploy") + "/.ssh/id"})
                ->exit_code == 0);
    const auto keys = host.of("authorized-key");
    REQUIRE(keys.size() == 1);
    CHECK(keys[0].fingerprint == kFingerprint);
    CHECK(keys[0].account == "deploy");
    CHECK(keys[0].hint == "alice@laptop");
    CHECK(keys[0].effective);
    const auto roots = host.of("root-account");
    std::vector<std::string> who;
    for (const auto& root : roots) who.push_back(root.account + ": " + root.detail);
    std::sort(who.begin(), who.end());
    CHECK(who == std::vector<std::string>{"%oncall: sudo: ALL, no password", "deploy: sudo: ALL, by group sudo"});
    CHECK(host.of("host-ca").size() == 1);
    CHECK(host.of("private-key").size() == 1);
    const auto passwords = host.of("password");
    REQUIRE(passwords.size() == 1);
    CHECK(passwords[0].account == "deploy");
    CHECK(passwords[0].effective);
    CHECK(host.of("sshd").size() == 2);
    // Nothing secret is in anything that leaves.
    for (const auto& item : host.seen().items) {
        const auto text = wire::to_json(item).canonical();
        CHECK(text.find("$y$") == std::string::npos);
        CHECK(text.find("PRIVATE KEY") == std::string::npos);
    }
}

TEST_CASE("a key that sshd does not read is found all the same, and said to open nothing") {
    const Host host("authorizedkeysfile none\n");
    write(host.home("deploy") + "/.ssh/authorized_keys", std::string(kKey) + "\n");
    const auto keys = host.of("authorized-key");
    REQUIRE(keys.size() == 1);
    CHECK_FALSE(keys[0].effective);
}

TEST_CASE("the files that sshd reads are those that it says, with its tokens") {
    const Host host;
    const auto elsewhere = host.dir.path("keys");
    host.say("authorizedkeysfile " + elsewhere + "/%u %h/k/%% .ssh/more\n");
    for (const auto& path : {elsewhere + "/deploy", host.home("deploy") + "/k/%", host.home("deploy") + "/.ssh/more"})
        write(path, std::string(kKey) + "\n");
    CHECK(host.of("authorized-key").size() == 3);
}

TEST_CASE("nothing that stands in the way leads us anywhere, or makes us wait") {
    if (::geteuid() != 0) return;  // only root makes devices and gives files away
    const Host host;
    const std::string file = host.home("deploy") + "/.ssh/authorized_keys", secret = host.dir.path("secret");
    write(secret, std::string(kKey) + "\n");
    bool told = true;
    SECTION("a link of somebody's") {
        fs::create_symlink(secret, file);
        REQUIRE(::lchown(file.c_str(), 1000, 1000) == 0);
    }
    SECTION("a link of root's in a folder of somebody's") {
        fs::create_symlink(secret, file);
        REQUIRE(::chown((host.home("deploy") + "/.ssh").c_str(), 1000, 1000) == 0);
    }
    SECTION("a link to itself") {
        fs::create_symlink(file, file);
        REQUIRE(::lchown(file.c_str(), 1000, 1000) == 0);
    }
    SECTION("a FIFO that nobody writes to") { REQUIRE(::mkfifo(file.c_str(), 0600) == 0); }
    SECTION("a device that never ends") { REQUIRE(::mknod(file.c_str(), S_IFCHR | 0600, 0x105 /* zero */) == 0); }
    SECTION("a folder") { fs::create_directories(file); }
    SECTION("a file that is too large to be one") {
        write(file, "");
        fs::resize_file(file, 5ULL << 30);  // with a hole
    }
    SECTION("nothing at all") { told = false; }
    CHECK(host.of("authorized-key").empty());
    const auto unread = host.of("unread");
    REQUIRE(unread.size() == (told ? 1U : 0U));
    if (told) CHECK(unread[0].place == file);
}

TEST_CASE("links that only root can have put there are followed, but not for ever") {
    if (::geteuid() != 0) return;
    const TempDir dir;
    fs::permissions(dir.path(""), fs::perms::owner_all);
    write(dir.path("a/real"), "text");
    fs::create_symlink("real", dir.path("a/link"));
    fs::create_directory_symlink(dir.path("a"), dir.path("b"));
    CHECK(text_of(*files::read_untrusted(dir.path("b/link"), 100)) == "text");
    CHECK(text_of(*files::read_untrusted(dir.path("a/../a/./link"), 100)) == "text");
    fs::create_symlink(dir.path("loop"), dir.path("loop"));
    CHECK(files::read_untrusted(dir.path("loop"), 100).error().code == Code::denied);
    CHECK(files::read_untrusted(dir.path("none"), 100).error().code == Code::not_found);
    CHECK(files::read_untrusted(dir.path("a/real/below"), 100).error().code == Code::not_found);
    CHECK(files::read_untrusted(dir.path("a/real"), 3).error().code == Code::denied);
}

TEST_CASE("names and words from outside are told in printable form, of bounded length, under an id of their own") {
    const auto a = item_of("authorized-key", "deploy", "/home/\x1b[31m\n/" + std::string(5000, 'a') + "1", "", "d",
                           "\xe2\x80\xae", true);
    const auto b =
        item_of("authorized-key", "deploy", "/home/\x1b[31m\n/" + std::string(5000, 'a') + "2", "", "d", "", true);
    for (const auto& text : {a.place, a.hint, a.account, a.detail}) {
        CHECK(text.size() <= 200);
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    }
    CHECK(a.id.size() == 32);
    CHECK(a.id != b.id);
    CHECK(a.place == b.place);
}

TEST_CASE("a look is bounded however much there is") {
    const Host host;
    std::string lines;
    const auto blob = [](int n) {
        const std::string seed = "key " + std::to_string(n);
        return wire::base64(to_bytes(
            view(std::string("\0\0\0\x0bssh-ed25519\0\0\0 ", 19) + std::string(text_of(crypto::sha256(view(seed)))))));
    };
    for (int n = 0; n < 6000; ++n) lines += "ssh-ed25519 " + blob(n) + "\n";
    write(host.home("deploy") + "/.ssh/authorized_keys", lines);
    const auto seen = host.seen();
    CHECK(seen.items.size() == kMostFound);
    CHECK(seen.more);
}

TEST_CASE("a line that somebody adds between two looks is noticed by the next round") {
    const Host host;
    Seeker seeker(host.config);
    const Instant now(1795235162);
    REQUIRE(seeker.look(now));
    CHECK(*seeker.summary().at("things").integer() == 0);
    SECTION("a new file") { write(host.home("deploy") + "/.ssh/authorized_keys", std::string(kKey) + "\n"); }
    SECTION("a second one that sshd used to read") {
        write(host.home("deploy") + "/.ssh/authorized_keys2", std::string(kKey) + "\n");
    }
    REQUIRE(seeker.look(now + *Lifetime::of_seconds(60)));
    const auto summary = seeker.summary();
    CHECK(*summary.at("things").integer() == 1);
    CHECK(*summary.at("appeared_since_first_look").integer() == 1);
    CHECK_THAT(*summary.at("appeared").array()->at(0).string(), Contains(kFingerprint));
    // A restart knows what was there on the first day.
    Seeker again(host.config);
    REQUIRE(again.look(now + *Lifetime::of_seconds(120)));
    CHECK(*again.summary().at("appeared_since_first_look").integer() == 1);
}

TEST_CASE("an sshd that says nothing is told, and does not end the look") {
    const Host host;
    write(host.config.sshd_program, "#!/bin/sh\nexit 255\n");
    write(host.home("deploy") + "/.ssh/authorized_keys", std::string(kKey) + "\n");
    CHECK(host.of("unread").size() == 1);
    CHECK(host.of("authorized-key").size() == 1);
}

TEST_CASE("without accounts there is no look, and it is said where they were looked for") {
    const Host host;
    fs::remove(host.config.discovery_etc + "/passwd");
    const auto found = look(host.config);
    REQUIRE_FALSE(found);
    CHECK(found.error().id == "E-DISCOVERY");
}
