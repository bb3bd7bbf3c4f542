// Which addresses are within reach (threats E06). Nothing here opens a socket.
#include "ca/notify/address.h"

#include <arpa/inet.h>

#include "tests/catch.h"

using namespace mayfly;
using notify::AddressKind;

namespace {
Bytes bytes_of(const std::string& text) {
    Bytes out(text.find(':') == std::string::npos ? 4 : 16);
    REQUIRE(::inet_pton(out.size() == 4 ? AF_INET : AF_INET6, text.c_str(), out.data()) == 1);
    return out;
}
}  // namespace

TEST_CASE("each address is of the kind that IANA's special-purpose registries say") {
    const auto [text, kind] = GENERATE(table<std::string, AddressKind>({
        {"1.1.1.1", AddressKind::global},
        {"9.255.255.255", AddressKind::global},
        {"11.0.0.0", AddressKind::global},
        {"100.63.255.255", AddressKind::global},
        {"100.128.0.0", AddressKind::global},
        {"126.255.255.255", AddressKind::global},
        {"128.0.0.0", AddressKind::global},
        {"172.15.255.255", AddressKind::global},
        {"172.32.0.0", AddressKind::global},
        {"192.0.1.0", AddressKind::global},
        {"198.17.255.255", AddressKind::global},
        {"198.20.0.0", AddressKind::global},
        {"223.255.255.255", AddressKind::global},
        {"127.0.0.1", AddressKind::loopback},
        {"127.255.255.254", AddressKind::loopback},
        {"10.0.0.1", AddressKind::local},
        {"172.16.0.1", AddressKind::local},
        {"172.31.255.255", AddressKind::local},
        {"192.168.1.1", AddressKind::local},
        {"100.64.0.1", AddressKind::local},
        {"100.127.255.255", AddressKind::local},
        {"0.0.0.0", AddressKind::special},
        {"169.254.169.254", AddressKind::special},
        {"192.0.0.170", AddressKind::special},
        {"192.0.2.1", AddressKind::special},
        {"192.88.99.1", AddressKind::special},
        {"198.18.0.1", AddressKind::special},
        {"198.19.255.255", AddressKind::special},
        {"198.51.100.1", AddressKind::special},
        {"203.0.113.1", AddressKind::special},
        {"224.0.0.1", AddressKind::special},
        {"240.0.0.1", AddressKind::special},
        {"255.255.255.255", AddressKind::special},
        {"2606:4700:4700::1111", AddressKind::global},
        {"2001:4860:4860::8888", AddressKind::global},
        {"::1", AddressKind::loopback},
        {"::", AddressKind::special},
        {"::2", AddressKind::special},
        {"::ffff:127.0.0.1", AddressKind::loopback},
        {"::ffff:10.1.2.3", AddressKind::local},
        {"::ffff:169.254.169.254", AddressKind::special},
        {"::ffff:1.1.1.1", AddressKind::global},
        {"::127.0.0.1", AddressKind::special},
        {"64:ff9b::7f00:1", AddressKind::loopback},
        {"64:ff9b::a9fe:a9fe", AddressKind::special},
        {"64:ff9b::101:101", AddressKind::global},
        {"64:ff9b:1::101:101", AddressKind::special},
        {"fc00::1", AddressKind::local},
        {"fd00::1", AddressKind::local},
        {"fdff:ffff::1", AddressKind::local},
        {"fe80::1", AddressKind::special},
        {"fec0::1", AddressKind::special},
        {"ff02::1", AddressKind::special},
        {"100::1", AddressKind::special},
        {"2001::1", AddressKind::special},
        {"2001:1ff::1", AddressKind::special},
        {"2001:200::1", AddressKind::global},
        {"2001:db8::1", AddressKind::special},
        {"2002:7f00:1::1", AddressKind::special},
        {"3fff:fff::1", AddressKind::special},
        {"3ffe::1", AddressKind::global},
        {"4000::1", AddressKind::special},
    }));
    INFO(text);
    CHECK(notify::kind_of(bytes_of(text)) == kind);
}

TEST_CASE("bytes of another length are no address") {
    CHECK(notify::kind_of(Bytes{}) == AddressKind::special);
    CHECK(notify::kind_of(Bytes(15)) == AddressKind::special);
    CHECK_FALSE(notify::may_connect(Bytes{}, {true, true}, notify::Transport::tls));
}

TEST_CASE("a target reaches the public internet, and what its line opens, and never what is special") {
    using notify::may_connect;
    using notify::Transport;
    const auto [text, plainly, opened] = GENERATE(table<std::string, bool, bool>({{"1.1.1.1", true, true},
                                                                                  {"127.0.0.1", false, true},
                                                                                  {"10.0.0.1", false, true},
                                                                                  {"fd00::1", false, true},
                                                                                  {"169.254.169.254", false, false},
                                                                                  {"fe80::1", false, false},
                                                                                  {"0.0.0.0", false, false}}));
    INFO(text);
    CHECK(may_connect(bytes_of(text), {}, Transport::tls).has_value() == plainly);
    CHECK(may_connect(bytes_of(text), {true, false}, Transport::tls).has_value() == opened);
    CHECK_FALSE(may_connect(bytes_of(text), {true, false}, Transport::plain));
}

TEST_CASE("without TLS there is this machine and nothing else") {
    using notify::may_connect;
    using notify::Transport;
    CHECK(may_connect(bytes_of("127.0.0.1"), {true, true}, Transport::plain));
    CHECK(may_connect(bytes_of("::1"), {true, true}, Transport::plain));
    CHECK_FALSE(may_connect(bytes_of("127.0.0.1"), {false, true}, Transport::plain));
    CHECK_FALSE(may_connect(bytes_of("10.0.0.1"), {true, true}, Transport::plain));
    CHECK_FALSE(may_connect(bytes_of("1.1.1.1"), {true, true}, Transport::plain));
}
