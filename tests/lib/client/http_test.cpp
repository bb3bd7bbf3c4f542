// HttpClient against openssl's own server.
#include "lib/client/http.h"

#include <fcntl.h>

#include "tests/catch.h"
#include "tests/lib/client/process.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

namespace mayfly {

namespace {

using client::HttpClient;
using test::Process;

void must(std::vector<std::string> argv) {
    const auto done = test::run_command(std::move(argv));
    INFO(done.err);
    REQUIRE(done.ok());
}

void make_root(const test::TemporaryFolder& folder, const std::string& name) {
    must({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          folder.file(name + ".key"), "-out", folder.file(name + ".pem"), "-subj", "/CN=" + name, "-days", "2",
          "-addext", "basicConstraints=critical,CA:TRUE"});
}

void make_server(const test::TemporaryFolder& folder, const std::string& root, const std::string& names,
                 const std::string& usage = "serverAuth") {
    (void)folder.write("extensions", "extendedKeyUsage=" + usage + "\n" +
                                         (names.empty() ? std::string() : "subjectAltName=" + names + "\n"));
    must({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          folder.file("server.key"), "-out", folder.file("server.csr"), "-subj", "/CN=127.0.0.1"});
    must({"openssl", "x509", "-req", "-in", folder.file("server.csr"), "-CA", folder.file(root + ".pem"), "-CAkey",
          folder.file(root + ".key"), "-days", "1", "-out", folder.file("server.pem"), "-extfile",
          folder.file("extensions")});
}

/// A server of the files in the folder, on a port of the system's choice.
struct Server {
    Process process;
    std::string port;
    Server(const test::TemporaryFolder& folder, const std::string& version)
        : process({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", folder.file("server.pem"), "-key",
                   folder.file("server.key"), "-HTTP", version},
                  folder.file("")) {
        const auto line = process.line("ACCEPT");
        port = line.substr(line.rfind(':') + 1);
    }
    [[nodiscard]] Result<client::Reply> get(const std::string& host, const std::string& root_pem,
                                            const std::string& path = "/hello") const {
        auto http = HttpClient::make({"https://" + host + ":" + port, {root_pem}}, nullptr);
        if (!http) return pass(http.error());
        return http->get(path);
    }
};

}  // namespace

TEST_CASE("a server whose chain leads to a pinned root is believed") {
    const test::TemporaryFolder folder;
    make_root(folder, "pinned");
    make_server(folder, "pinned", "DNS:localhost,IP:127.0.0.1");
    (void)folder.write("hello", "HTTP/1.0 200 ok\r\nX-Word: Yes\r\nContent-Length: 5\r\n\r\nhello");
    (void)folder.write("problem", "HTTP/1.0 403 no\r\nContent-Length: 2\r\n\r\n{}");
    const Server server(folder, "-tls1_3");
    const std::string host = GENERATE("127.0.0.1", "localhost");
    const auto reply = server.get(host, folder.read("pinned.pem"));
    INFO((reply ? "" : reply.error().message));
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "hello");
    CHECK(reply->headers.at("x-word") == "Yes");
    const auto refused = server.get(host, folder.read("pinned.pem"), "/problem");
    REQUIRE(refused);
    CHECK(refused->status == 403);
    CHECK(refused->body == "{}");
}

TEST_CASE("the system's trust store vouches for nobody") {
    const test::TemporaryFolder folder;
    make_root(folder, "pinned");
    make_root(folder, "system");
    make_server(folder, "system", "DNS:localhost,IP:127.0.0.1");
    (void)folder.write("hello", "HTTP/1.0 200 ok\r\nContent-Length: 5\r\n\r\nhello");
    const test::Variable system("SSL_CERT_FILE", folder.file("system.pem"));
    const Server server(folder, "-tls1_3");
    const auto reply = server.get("127.0.0.1", folder.read("pinned.pem"));
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::untrusted);
    CHECK(server.get("127.0.0.1", folder.read("system.pem")));  // the server itself is in order
}

TEST_CASE("a pinned root does not make up for a wrong certificate") {
    const test::TemporaryFolder folder;
    make_root(folder, "pinned");
    const auto [names, usage] = GENERATE(table<std::string, std::string>({
        {"DNS:elsewhere", "serverAuth"},  // another host
        {"", "serverAuth"},               // a common name is no name
        {"DNS:127.0.0.1", "serverAuth"},  // an address is no DNS name
        {"DNS:*.example,IP:127.0.0.2", "serverAuth"},
        {"IP:127.0.0.1", "clientAuth"},  // not a server's
    }));
    INFO(names << " " << usage);
    make_server(folder, "pinned", names, usage);
    (void)folder.write("hello", "HTTP/1.0 200 ok\r\nContent-Length: 5\r\n\r\nhello");
    const Server server(folder, "-tls1_3");
    const auto reply = server.get("127.0.0.1", folder.read("pinned.pem"));
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::untrusted);
    CHECK(reply.error().id == "E-SERVER-UNTRUSTED");
}

TEST_CASE("TLS 1.2 is not spoken") {
    const test::TemporaryFolder folder;
    make_root(folder, "pinned");
    make_server(folder, "pinned", "IP:127.0.0.1");
    (void)folder.write("hello", "HTTP/1.0 200 ok\r\nContent-Length: 5\r\n\r\nhello");
    const Server server(folder, "-tls1_2");
    const auto reply = server.get("127.0.0.1", folder.read("pinned.pem"));
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::unavailable);
}

TEST_CASE("an answer above 8 MiB is cut off") {
    const test::TemporaryFolder folder;
    make_root(folder, "pinned");
    make_server(folder, "pinned", "IP:127.0.0.1");
    const auto [size, fits] = GENERATE(table<std::size_t, bool>({{8 << 20, true}, {(8 << 20) + 1, false}}));
    (void)folder.write(
        "hello", "HTTP/1.0 200 ok\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    const Server server(folder, "-tls1_3");
    const auto reply = server.get("127.0.0.1", folder.read("pinned.pem"));
    CHECK(reply.has_value() == fits);
    if (!reply) CHECK(reply.error().id == "E-REPLY-SIZE");
}

TEST_CASE("where nobody listens is unreachable, and what is no URL is refused") {
    auto http = HttpClient::make({"https://127.0.0.1:1", {}}, nullptr);
    REQUIRE(http);
    const auto reply = http->get("/");
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::unavailable);
    CHECK(reply.error().id == "E-UNREACHABLE");
    for (const auto* url : {"http://ca.example", "https://", "ca.example", "https://ca.example:0", "https://ca:99999",
                            "https://ca:8443x", "https://ca/path", "https://[::1", ""}) {
        INFO(url);
        const auto bad = HttpClient::make({url, {}}, nullptr);
        REQUIRE_FALSE(bad);
        CHECK(bad.error().id == "E-URL");
    }
}

TEST_CASE("a key and a certificate that do not belong together are refused before anything is sent") {
    const test::TemporaryFolder folder;
    make_root(folder, "one");
    make_root(folder, "other");
    const auto secret = [&](const char* name) { return Secret(to_bytes(folder.read(name))); };
    const client::Credential mixed{folder.read("one.pem"), secret("other.key")};
    const auto http = HttpClient::make({"https://127.0.0.1:1", {folder.read("one.pem")}}, &mixed);
    REQUIRE_FALSE(http);
    CHECK(http.error().id == "E-SESSION");
    const client::Credential fitting{folder.read("one.pem"), secret("one.key")};
    CHECK(HttpClient::make({"https://127.0.0.1:1", {folder.read("one.pem")}}, &fitting));
}

}  // namespace mayfly
