// KRLs: written and read back, and what ssh-keygen says of them.
#include "lib/wire/krl.h"

#include <chrono>
#include <map>
#include <random>
#include <set>

#include "lib/crypto/crypto.h"
#include "lib/crypto/revocation.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/lib/wire/foreign.h"

using namespace mayfly;
using test::must_run;
using test::run_command;
using test::TemporaryFolder;

namespace {

using Serials = std::set<std::uint64_t>;

wire::Krl listing(const Bytes& authority, const Serials& serials) {
    wire::Krl krl;
    krl.version = 7;
    krl.generated = Instant(1795235162);
    krl.comment = "corp.example";
    if (!serials.empty()) krl.certificates = {{authority, wire::serial_ranges({serials.begin(), serials.end()}), {}}};
    return krl;
}

/// Serials of many shapes: lonely ones, runs, dense clouds, and the edges of what there is.
Serials random_serials(std::mt19937_64& random) {
    Serials out;
    const auto below = [&](std::uint64_t n) { return random() % n; };
    for (std::uint64_t part = below(8); part-- > 0;) {
        const std::uint64_t start = below(2) == 0 ? 1 + below(100'000) : 1 + random() / 2;
        switch (below(5)) {
            case 0: out.insert(start); break;
            case 1:
                for (std::uint64_t n = below(70'000); n-- > 0;) out.insert(start + n);
                break;
            case 2:
                for (std::uint64_t n = below(3000); n-- > 0;) out.insert(start + below(20'000));
                break;
            case 3:
                for (std::uint64_t n = below(300); n-- > 0;) out.insert(start + n * (1 + below(40)));
                break;
            default: out.insert({1, 2, std::uint64_t{INT64_MAX}, UINT64_MAX, UINT64_MAX - 1});
        }
    }
    return out;
}

struct Authority {
    crypto::PrivateKey key = std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519));
    [[nodiscard]] Bytes blob() const { return wire::encode_ssh_key(key.public_key()); }
    [[nodiscard]] wire::SshCertificate describe(std::uint64_t serial) const {
        wire::SshCertificate out;
        out.subject.point = crypto::PrivateKey::generate(KeyAlgorithm::ed25519)->public_key().point;
        out.nonce = Bytes(32, 1);
        out.serial = serial;
        out.key_id = "human/alice/ops/g-" + std::to_string(serial);
        out.principals = {"ops"};
        out.valid_after = 1000;
        out.valid_before = 4'000'000'000;
        out.signer = key.public_key();
        return out;
    }
    [[nodiscard]] std::string line(const wire::SshCertificate& facts) const {
        const Bytes body = wire::encode_to_be_signed(facts);
        const auto signature = key.sign_ssh(body);
        return wire::encode_ssh_certificate_line(wire::encode_signed(body, signature->algorithm, signature->signature),
                                                 "") +
               "\n";
    }
};

/// What `ssh-keygen -l -Q` prints of serials, of every authority together.
std::vector<wire::SerialRange> dumped_serials(const std::string& dump) {
    std::vector<wire::SerialRange> out;
    std::istringstream lines(dump);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("serial: ")) continue;
        const std::string numbers = line.substr(8);
        const auto dash = numbers.find('-');
        const std::uint64_t first = std::stoull(numbers);
        out.push_back({first, dash == std::string::npos ? first : std::stoull(numbers.substr(dash + 1))});
    }
    return out;
}

Bytes header() {
    wire::Krl empty;
    return wire::encode_krl(empty);
}
Bytes section(std::uint8_t type, const Bytes& data) {
    return wire::Writer().raw(header()).u8(type).string(data).take();
}
Bytes among_certificates(std::uint8_t type, const Bytes& data) {
    return section(1, wire::Writer().string("").string("").u8(type).string(data).take());
}

}  // namespace

TEST_CASE("a KRL reads back as what was written, whatever serials it holds") {
    std::mt19937_64 random(20261121);
    const Authority a, b;
    for (int round = 0; round < 400; ++round) {
        wire::Krl krl = listing({}, random_serials(random));
        std::map<Bytes, wire::KrlCertificates> more;
        for (const auto* one : {&a, &b}) {
            const auto serials = random_serials(random);
            wire::KrlCertificates of{one->blob(), wire::serial_ranges({serials.begin(), serials.end()}), {}};
            if (random() % 3 == 0) of.key_ids = {"host/db-7", "human/alice/ops/g-1"};
            if (!of.serials.empty() || !of.key_ids.empty()) more[of.authority] = of;
        }
        for (auto& [authority, of] : more) krl.certificates.push_back(std::move(of));
        if (random() % 2 == 0) krl.keys = {a.blob()};
        if (random() % 2 == 0) krl.sha1 = {{1, 2}, {2, 1}};
        if (random() % 2 == 0) krl.sha256 = {crypto::sha256(a.blob())};
        const auto read = wire::parse_krl(wire::encode_krl(krl));
        INFO("round " << round << (read ? "" : read.error().message));
        REQUIRE(read);
        REQUIRE(*read == krl);
    }
}

TEST_CASE("ssh-keygen finds revoked what we revoked, and nothing else, for thousands of serials") {
    std::mt19937_64 random(4);
    const TemporaryFolder folder;
    const Authority authority;
    Serials revoked;
    for (std::uint64_t serial = 1; serial <= 3000; ++serial) {
        // A third each in a run, in a cloud, and lonely: ranges, bitmaps and the list.
        const std::uint64_t odds = serial <= 1000 ? 100 : serial <= 2000 ? 50 : 1;
        if (random() % 100 < odds) revoked.insert(serial);
    }
    const Bytes bytes = wire::encode_krl(listing(authority.blob(), revoked));
    std::vector<std::string> argv = {"ssh-keygen", "-Q", "-f", folder.write("krl", bytes)};
    for (std::uint64_t serial = 1; serial <= 3000; ++serial)
        argv.push_back(folder.write(std::to_string(serial) + "-cert.pub", authority.line(authority.describe(serial))));
    const auto asked = run_command(argv);
    std::size_t answers = 0, wrong = 0;
    std::istringstream lines(asked.out);
    for (std::string line; std::getline(lines, line); ++answers) {
        const std::uint64_t serial = std::stoull(line.substr(line.rfind('/') + 1));
        const bool said = line.ends_with("REVOKED");
        wrong += said == revoked.contains(serial) && (said || line.ends_with("ok")) ? 0 : 1;
    }
    CHECK(answers == 3000);
    CHECK(wrong == 0);
    CHECK(asked.exit_code != 0);

    const auto read = wire::parse_krl(bytes);
    REQUIRE(read);
    for (const std::uint64_t serial : {1, 999, 1500, 1501, 2500, 2999, 3001})
        CHECK((crypto::why_revoked(*read, authority.describe(serial)) == "its serial is revoked") ==
              revoked.contains(serial));
    const Authority other;
    CHECK(crypto::why_revoked(*read, other.describe(*revoked.begin())).empty());
}

TEST_CASE("what ssh-keygen prints of a KRL of ours is what is in it") {
    std::mt19937_64 random(5);
    const TemporaryFolder folder;
    const Authority authority;
    for (int round = 0; round < 12; ++round) {
        wire::Krl krl = listing(authority.blob(), random_serials(random));
        krl.sha256 = {crypto::sha256(authority.blob())};
        if (krl.certificates.empty()) continue;
        krl.certificates[0].key_ids = {"human/alice/ops/g-1"};
        const std::string dump = must_run({"ssh-keygen", "-l", "-Q", "-f", folder.write("krl", wire::encode_krl(krl))});
        CHECK(dumped_serials(dump) == krl.certificates[0].serials);
        CHECK_THAT(dump, Contains("# KRL version 7\n"));
        CHECK_THAT(dump, Contains("id: human/alice/ops/g-1\n"));
        CHECK_THAT(dump, Contains(wire::hex(krl.sha256[0])));
    }
}

TEST_CASE("a KRL of ssh-keygen's making is read, key ids, keys and hashes too") {
    const TemporaryFolder folder;
    must_run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.file("ca")});
    must_run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.file("key")});
    const std::string key = folder.read("key.pub");
    folder.write("what", "serial: 5-9\nserial: 100\nserial: 102\nid: human/bob/ops/g-2\nsha256: " + key +
                             "sha1: " + key + "key: " + key);
    must_run({"ssh-keygen", "-q", "-k", "-z", "12", "-f", folder.file("krl"), "-s", folder.file("ca.pub"),
              folder.file("what")});
    const auto read = wire::parse_krl(view(folder.read("krl")));
    INFO((read ? "" : read.error().message));
    REQUIRE(read);
    CHECK(read->version == 12);
    REQUIRE(read->certificates.size() == 1);
    const auto& of = read->certificates[0];
    const auto ca = wire::parse_ssh_key_line(folder.read("ca.pub").substr(0, folder.read("ca.pub").size() - 1));
    REQUIRE(ca);
    CHECK(of.authority == wire::encode_ssh_key(ca->key));
    CHECK(of.serials == std::vector<wire::SerialRange>{{5, 9}, {100, 100}, {102, 102}});
    CHECK(of.key_ids == std::vector<std::string>{"human/bob/ops/g-2"});
    const auto line = wire::parse_ssh_key_line(key.substr(0, key.size() - 1));
    REQUIRE(line);
    CHECK(read->keys == std::vector<Bytes>{wire::encode_ssh_key(line->key)});
    CHECK(read->sha256 == std::vector<Digest>{crypto::ssh_fingerprint(line->key)});
    CHECK(read->sha1.size() == 1);
    CHECK(wire::parse_krl(wire::encode_krl(*read)) == *read);

    wire::SshCertificate certificate;
    certificate.subject = line->key;
    certificate.signer.point = Bytes(32, 9);
    CHECK(crypto::why_revoked(*read, certificate) == "its key is revoked");
    wire::Krl by_sha1;
    by_sha1.sha1 = read->sha1;
    CHECK(crypto::why_revoked(by_sha1, certificate) == "its key is revoked");
    std::swap(certificate.subject, certificate.signer);
    CHECK(crypto::why_revoked(by_sha1, certificate) == "its issuer's key is revoked");
}

TEST_CASE("a list that would make some sshd refuse every key is refused") {
    using wire::Writer;
    const Bytes wide = Bytes(2050, 0x7f), zero = Writer().u64(0).take();
    const auto pill = GENERATE_COPY(values<std::pair<const char*, Bytes>>({
        {"serial 0 in a list", among_certificates(0x20, zero)},
        {"serial 0 in a range", among_certificates(0x21, Writer().u64(0).u64(5).take())},
        {"serial 0 in a bitmap", among_certificates(0x22, Writer().u64(0).mpint(Bytes{1}).take())},
        {"a range backwards", among_certificates(0x21, Writer().u64(9).u64(5).take())},
        {"a bitmap that is too wide", among_certificates(0x22, Writer().u64(1).mpint(wide).take())},
        {"a bitmap beyond the end", among_certificates(0x22, Writer().u64(UINT64_MAX).mpint(Bytes{3}).take())},
        {"half a serial", among_certificates(0x20, Bytes(7))},
        {"an extension among certificates", among_certificates(0x39, Writer().string("x").u8(0).string("").take())},
        {"an unknown part", among_certificates(0x24, {})},
        {"an extension", section(255, Writer().string("x").u8(0).string("").take())},
        {"a signature", section(4, Bytes(32))},
        {"an unknown section", section(9, {})},
        {"a hash that is too short", section(5, Writer().string(Bytes(20)).take())},
        {"a key that is none", section(2, Writer().string("hello").take())},
        {"an authority that is no key", section(1, Writer().string("hello").string("").take())},
    }));
    INFO(pill.first);
    const auto read = wire::parse_krl(pill.second);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::malformed);
}

TEST_CASE("ssh-keygen refuses the lists that we call poison") {
    using wire::Writer;
    const TemporaryFolder folder;
    const Authority authority;
    const std::string certificate = folder.write("a-cert.pub", authority.line(authority.describe(1)));
    for (const auto& pill : {among_certificates(0x20, Writer().u64(0).take()), section(9, {}),
                             among_certificates(0x22, Writer().u64(1).mpint(Bytes(2050, 0x7f)).take())}) {
        const auto asked = run_command({"ssh-keygen", "-Q", "-f", folder.write("krl", pill), certificate});
        CHECK(asked.exit_code != 0);
        CHECK_THAT(asked.out, !Contains("ok"));
    }
    // The same question to a list that is well is answered: the test can tell the difference.
    CHECK(run_command({"ssh-keygen", "-Q", "-f", folder.write("krl", header()), certificate}).ok());
}

TEST_CASE("a KRL that is cut short or longer is refused, and no change of one byte is a crash") {
    const Authority authority;
    wire::Krl krl = listing(authority.blob(), {1, 2, 3, 5, 8, 13, 21, 34, 1000, 1'000'000});
    krl.certificates[0].key_ids = {"x"};
    krl.sha256 = {crypto::sha256(authority.blob())};
    const Bytes whole = wire::encode_krl(krl);
    // A list that ends between two sections is another list: that is why its hash stands in the log.
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < whole.size(); ++size)
        accepted += wire::parse_krl(ByteView(whole).first(size)) ? 1 : 0;
    CHECK(accepted <= 2);
    std::size_t same = 0;
    test::for_every_mutation(whole, [&](ByteView changed) {
        const auto read = wire::parse_krl(changed);
        if (read) {
            same += *read == krl ? 1 : 0;
            CHECK(wire::parse_krl(wire::encode_krl(*read)) == *read);
        }
    });
    CHECK(same == 0);
}

TEST_CASE("100,000 revoked among 10 million serials fit into 150 kB where revocations come in bursts") {
    std::mt19937_64 random(6);
    constexpr std::size_t kRevoked = 100'000;
    struct Shape {
        const char* name;
        std::size_t run;       ///< revoked per incident
        std::uint64_t one_in;  ///< of the serials in its reach
        std::size_t most;      ///< bytes
    };
    // What revokes many at once (an identity, a role, an issuer in a bad hour) hits serials that were handed out
    // together. Scattered evenly, a serial costs a list its 8 bytes: that is the format's floor, shown beside it.
    for (const auto& shape :
         {Shape{"one in two, in incidents of 2,500", 2500, 2, 150'000}, Shape{"runs of 40", 40, 1, 150'000},
          Shape{"one in eight, in incidents of 5,000", 5000, 8, 150'000},
          Shape{"scattered without any pattern", 1, 1, 800'000}}) {
        Serials revoked;
        while (revoked.size() < kRevoked) {
            std::uint64_t serial = 1 + random() % 9'900'000;
            for (std::size_t left = shape.run; left > 0 && revoked.size() < kRevoked; ++serial)
                if (random() % shape.one_in == 0) left -= revoked.insert(serial).second ? 1 : 0;
        }
        const std::vector<std::uint64_t> serials(revoked.begin(), revoked.end());
        const auto begun = std::chrono::steady_clock::now();
        wire::Krl krl;
        krl.certificates = {{{}, wire::serial_ranges(serials), {}}};
        const Bytes bytes = wire::encode_krl(krl);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
        std::printf("KRL of %zu among 10 million serials, %s: %zu bytes in %.1f ms\n", serials.size(), shape.name,
                    bytes.size(), took.count());
        CHECK(wire::count_serials(krl) == kRevoked);
        CHECK(bytes.size() <= shape.most);
        CHECK(wire::parse_krl(bytes) == krl);
    }
}

TEST_CASE("a few serials take at most two bytes more than the smallest way to write them") {
    // Every subset of small serials, against what a list, ranges and one bitmap would cost.
    for (std::uint64_t mask = 1; mask < (1U << 12U); ++mask) {
        std::vector<std::uint64_t> serials;
        for (std::uint64_t bit = 0; bit < 12; ++bit)
            if ((mask >> bit & 1U) != 0) serials.push_back(100 + bit * 3);
        wire::Krl krl;
        krl.certificates = {{{}, wire::serial_ranges(serials), {}}};
        const std::size_t body = wire::encode_krl(krl).size() - header().size() - 5 - 8;
        const std::size_t as_list = 5 + 8 * serials.size(),
                          as_bitmap = 5 + 12 + (serials.back() - serials.front()) / 8 + 2;
        REQUIRE(body <= std::min(as_list, as_bitmap) + 2);
    }
}
