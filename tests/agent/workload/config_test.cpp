#include "agent/workload/config.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace mayfly;
using agent::read_workload;

namespace {

const std::string kWhole = R"(identity = "workload/shop"
role = "web-tls"
names = ["shop.corp.example", "ip:10.0.0.1"]
lifetime = "60m"
[files]
folder = "/etc/mayfly/tls/shop"
mode = "0640"
combined = "combined.pem"
bundle = ""
)";

std::string with(const std::string& more) { return kWhole + more; }
/// The text with one line of it replaced.
std::string without(const std::string& line, const std::string& instead) {
    std::string out = kWhole;
    const auto at = out.find(line);
    REQUIRE(at != std::string::npos);
    out.replace(at, line.size(), instead);
    return out;
}

}  // namespace

TEST_CASE("a workload says for whom, where, and what reads it") {
    const auto read = read_workload("shop", with(R"([reload]
haproxy = "/run/haproxy.sock"
[verify]
address = "127.0.0.1:443"
server_name = "shop.corp.example"
within = "5s"
)"));
    REQUIRE(read);
    CHECK(read->identity.text() == "workload/shop");
    CHECK(read->wish.role == "web-tls");
    CHECK(read->wish.names == std::vector<std::string>{"dns:shop.corp.example", "ip:10.0.0.1"});
    CHECK(read->wish.ttl == "1h");
    CHECK(read->wish.key_type == "p256");
    CHECK(read->folder == "/etc/mayfly/tls/shop");
    CHECK(read->files.bundle.empty());
    CHECK(read->hand_over.secret_mode == 0640);
    const auto* haproxy = std::get_if<renewal::Haproxy>(&read->service.reload);
    REQUIRE(haproxy != nullptr);
    CHECK(haproxy->certificate == "/etc/mayfly/tls/shop/combined.pem");
    REQUIRE(read->service.verify);
    CHECK(read->service.verify->port == 443);
    CHECK(read->service.within.seconds() == 5);
}

TEST_CASE("PostgreSQL is told by a signal to the process in its data folder") {
    const auto read = read_workload("db", with("[reload]\npostgresql = \"/var/lib/pg\"\n"));
    REQUIRE(read);
    const auto* to = std::get_if<renewal::SignalTo>(&read->service.reload);
    REQUIRE(to != nullptr);
    CHECK(to->pid_file == "/var/lib/pg/postmaster.pid");
    CHECK(to->signal == SIGHUP);
}

TEST_CASE("what a file may not say is refused with its place") {
    const auto [text, place, words] = GENERATE(table<std::string, std::string, std::string>({
        {without("role = \"web-tls\"", "roll = \"web-tls\""), "shop.toml:2:", "did you mean \"role\""},
        {without("workload/shop", "human/erin"), "shop.toml:1:", "workload/NAME or agent/NAME"},
        {without("workload/shop", "node/web-1"), "shop.toml:1:", "workload/NAME or agent/NAME"},
        {without("web-tls", "Web TLS"), "shop.toml:2:", "role: "},
        {without("[\"shop.corp.example\", \"ip:10.0.0.1\"]", "[]"), "shop.toml:3:", "1 to 100 names"},
        {without("ip:10.0.0.1", "ip:10.0.0.256"), "shop.toml:3:", "names: "},
        {without("60m", "60"), "shop.toml:4:", "lifetime: "},
        {without("/etc/mayfly/tls/shop", "tls/shop"), "shop.toml:6:", "full path"},
        {without("/etc/mayfly/tls/shop", "/etc/../root"), "shop.toml:6:", "full path"},
        {without("0640", "0644"), "shop.toml:7:", "mode: "},
        {without("combined.pem", "../combined.pem"), "shop.toml:8:", "plain file name"},
        {without("combined.pem", "gen-1"), "shop.toml:8:", "plain file name"},
        {without("combined.pem", "key.pem"), "shop.toml:8:", "name of another file"},
        {with("certificate = \"\"\n"), "shop.toml:10:", "certificate cannot be left out"},
        {with("[reload]\nunit = \"a b\"\n"), "shop.toml:11:", "unit: "},
        {with("[reload]\nunit = \"a\"\nexec = [\"/b\"]\n"), "shop.toml:10:", "name one of"},
        {with("[reload]\n"), "shop.toml:10:", "name one of"},
        {with("[reload]\nexec = [\"reload.sh\"]\n"), "shop.toml:11:", "full path"},
        {with("[reload]\nsignal = \"HUP\"\nunit = \"a\"\n"), "shop.toml:11:", "goes with pid_file"},
        {with("[reload]\npid_file = \"/run/x.pid\"\nsignal = \"KILL\"\n"), "shop.toml:12:", "signal: "},
        {with("[verify]\naddress = \"nowhere\"\n"), "shop.toml:11:", "address: "},
        {with("[verify]\naddress = \"a:1\"\nwithin = \"1h\"\n"), "shop.toml:12:", "at most 60s"},
        {with("[verify]\naddress = \"a:1\"\nstarttls = \"smtp\"\n"), "shop.toml:12:", "postgresql"},
        {with("[[["), "shop.toml:10:", ""},
    }));
    INFO(text);
    const auto read = read_workload("shop", text);
    REQUIRE_FALSE(read);
    CHECK(read.error().id == "E-CONFIG");
    CHECK_THAT(read.error().message, Contains(place));
    CHECK_THAT(read.error().message, Contains(words));
}

TEST_CASE("HAProxy wants key and certificate in one file") {
    const auto read = read_workload(
        "front", without("combined = \"combined.pem\"", "") + "[reload]\nhaproxy = \"/run/haproxy.sock\"\n");
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().why, Contains("combined.pem"));
}

TEST_CASE("a broken file keeps none of the others from being read") {
    const test::TemporaryFolder folder;
    ::umask(022);
    CHECK(agent::load_workloads(folder.file("none")).workloads.empty());
    folder.write("a.toml", "identity = 3\n");
    folder.write("b.toml", kWhole);
    folder.write("c.toml", kWhole);  // the same folder
    folder.write("d.toml", without("tls/shop", "tls/other"));
    folder.write("notes.txt", "not ours");
    folder.write(".hidden.toml", kWhole);
    REQUIRE(::chmod(folder.file("d.toml").c_str(), 0666) == 0);
    const auto found = agent::load_workloads(folder.path());
    REQUIRE(found.workloads.size() == 1);
    CHECK(found.workloads.front().name == "b");
    REQUIRE(found.broken.size() == 3);
    CHECK(found.broken[0].first == "a.toml");
    CHECK_THAT(found.broken[1].second.message, Contains("is the folder of b.toml"));
    CHECK(found.broken[2].second.id == "E-WORKLOAD-FILE");
}
