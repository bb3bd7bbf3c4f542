// What holds for every SSH certificate, tried on very many of them: reader and writer are inverses, and our reader and
// OpenSSH's agree on what a certificate is.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <span>
#include <sstream>

#include "lib/crypto/crypto.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"
#include "tests/catch.h"
#include "tests/lib/wire/random_certificates.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

using namespace mayfly;

namespace {

/// Our whole verdict on a certificate from outside: fields, signature, and a key that can exist.
Status accept(const std::string& line) {
    const auto blob = wire::parse_ssh_certificate_line(line);
    if (!blob) return pass(blob.error());
    const auto read = wire::parse_ssh_certificate(*blob);
    if (!read) return pass(read.error());
    // Whatever is accepted has one meaning only: writing it again gives the very bytes that were signed.
    if (wire::encode_to_be_signed(read->fields) != read->to_be_signed) return fail(Code::internal, "NOT INVERSE");
    if (auto ok = crypto::check_point(read->fields.subject); !ok) return ok;
    return crypto::verify(*read);
}

/// What ssh-keygen -L says of the lines of a file up to where it stops: it ends at the first certificate whose options
/// it cannot show. stdbuf, because it does not flush what it has shown when it stops.
struct Shown {
    std::size_t lines = 0;
    std::map<std::size_t, std::string> refused;  ///< by line, from 0
};

Shown shown_by_ssh_keygen(std::span<const std::string> lines) {
    const test::TemporaryFolder folder;
    const std::string file = folder.file("certificates");
    std::ofstream out(file);
    for (const auto& line : lines) out << line << "\n";
    out.close();
    const auto done = test::run_command({"stdbuf", "-oL", "ssh-keygen", "-L", "-f", file});
    Shown shown;
    std::string last;
    std::istringstream errors(done.err), text(done.out);
    for (std::string line; std::getline(text, line);) shown.lines += line.starts_with(file + ":") ? 1 : 0;
    for (std::string line; std::getline(errors, line); last = line) {
        if (!line.starts_with(file + ":")) continue;
        const auto rest = line.substr(file.size() + 1);
        shown.refused[std::stoul(rest) - 1] = rest.substr(rest.find(' ') + 1);
    }
    shown.lines += shown.refused.size();
    INFO(last);
    REQUIRE(shown.lines > 0);
    if (shown.lines < lines.size()) {
        REQUIRE((last.starts_with("show_options: ") || last.starts_with("Option corrupt: ")));
        shown.refused[shown.lines - 1] = last;
    }
    return shown;
}

std::map<std::size_t, std::string> refused_by_ssh_keygen(const std::vector<std::string>& lines) {
    std::map<std::size_t, std::string> refused;
    for (std::size_t at = 0; at < lines.size();) {
        const auto shown = shown_by_ssh_keygen(std::span(lines).subspan(at));
        for (const auto& [line, why] : shown.refused) refused[at + line] = why;
        at += shown.lines;
    }
    return refused;
}

/// Issuer is a CA key and a certificate that it signs again and again.
struct Issuer {
    crypto::PrivateKey key;
    PublicKey subject;
};

Issuer make_issuer(KeyAlgorithm authority, KeyAlgorithm subject) {
    auto key = crypto::PrivateKey::generate(authority);
    const auto half = crypto::PrivateKey::generate(subject);
    REQUIRE(key);
    REQUIRE(half);
    return {std::move(*key), half->public_key()};
}

/// FIDO keys are made from the others: the public half differs by its application only.
Issuer with_fido_subject(Issuer issuer, KeyAlgorithm algorithm) {
    issuer.subject.algorithm = algorithm;
    issuer.subject.application = "ssh:";
    return issuer;
}

std::vector<Issuer> issuers() {
    using enum KeyAlgorithm;
    std::vector<Issuer> out;
    out.push_back(make_issuer(ed25519, ed25519));
    out.push_back(make_issuer(ed25519, ecdsa_p256));
    out.push_back(make_issuer(ecdsa_p256, ecdsa_p384));
    out.push_back(make_issuer(ecdsa_p384, ecdsa_p521));
    out.push_back(make_issuer(ed25519, rsa));
    out.push_back(with_fido_subject(make_issuer(ed25519, ed25519), sk_ed25519));
    out.push_back(with_fido_subject(make_issuer(ed25519, ecdsa_p256), sk_ecdsa_p256));
    return out;
}

wire::SshCertificate sensible(test::Dice& dice, const Issuer& issuer) {
    wire::SshCertificate out;
    out.subject = issuer.subject;
    out.nonce = dice.bytes(32);
    out.serial = 1 + dice.below(1000);
    out.type = dice.one_in(3) ? wire::SshCertificateType::host : wire::SshCertificateType::user;
    out.key_id = "human/alice/ops/g-1";
    out.principals = {"ops", "ops@db-7"};
    out.valid_after = 1000;
    out.valid_before = 2000;
    if (out.type == wire::SshCertificateType::user) {
        if (dice.one_in(2)) out.critical_options.push_back({"force-command", "uptime"});
        if (dice.one_in(2)) out.critical_options.push_back({"source-address", "10.0.0.0/8"});
        if (dice.one_in(2)) out.extensions.push_back({"permit-pty", ""});
        if (dice.one_in(2)) out.extensions.push_back({"permit-user-rc", ""});
    }
    out.signer = issuer.key.public_key();
    return out;
}

/// A damaged certificate. Most are signed again after the damage, by the true CA: else the signature alone would have
/// them refused, and readers would not be compared. The rest is damaged as a whole.
std::string damaged(test::Dice& dice, const Issuer& issuer) {
    const auto certificate = sensible(dice, issuer);
    Bytes body = wire::encode_to_be_signed(certificate);
    const bool signed_after = !dice.one_in(8);
    if (signed_after)
        for (std::size_t times = 1 + dice.below(2); times > 0; --times) test::damage(dice, body);
    const auto signature = issuer.key.sign_ssh(body);
    REQUIRE(signature);
    Bytes blob = wire::encode_signed(body, signature->algorithm, signature->signature);
    if (!signed_after) test::damage(dice, blob);
    const std::string type(name(certificate.subject.algorithm));
    return type.substr(0, type.find('@')) + "-cert-v01@openssh.com " + wire::base64(blob);
}

/// What we refuse though OpenSSH shows it, by the error's id or words, and why.
struct Stricter {
    std::string_view error, why;
};
constexpr Stricter kStricter[] = {
    {"contains a NUL byte",
     "OpenSSH allows one NUL at the end of a string and drops it. So two different certificates say the same, and who "
     "keeps the byte sees another name than sshd: RFC 4251 strings are what they are, and names have no NUL"},
    {"E-KEY-WEAK",
     "damage to a modulus makes a number that anyone can factor, or an even one; an exponent may become 1. OpenSSH "
     "looks at the size of the modulus only"},
    {"needless leading zeros",
     "RFC 4251 section 5: \"Unnecessary leading bytes with the value 0 or 255 MUST NOT be included\". OpenSSH trims "
     "them: two certificates would have the same key, and different bytes"},
    {"critical options: ",
     "ssh-keygen -L prints an option that it does not know as it is, whatever its data; sshd then refuses the "
     "certificate because the option is critical. We read every option's data as one string, as PROTOCOL.certkeys's "
     "are"},
    {"an empty value",
     "the value of an option is a string; an empty one would read like the flag that it is not, and could not be "
     "written back as it was signed"},
    {"the FIDO application string is empty", "every authenticator signs for an application (PROTOCOL.u2f)"},
};

bool meant(const Error& error) {
    return std::any_of(std::begin(kStricter), std::end(kStricter), [&](const Stricter& one) {
        return error.id == one.error || error.message.find(one.error) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("what is written is read back, and what is read is written again: 100,000 random certificates") {
    test::Dice dice(20261121);
    std::size_t differences = 0;
    for (int round = 0; round < 100'000; ++round) {
        const auto certificate = test::random_certificate(dice);
        const Bytes body = wire::encode_to_be_signed(certificate);
        const Bytes signature = dice.bytes(dice.below(100));
        const std::string algorithm = dice.text(20);
        const Bytes blob = wire::encode_signed(body, algorithm, signature);
        const auto read = wire::parse_ssh_certificate(blob);
        INFO((read ? "" : read.error().message));
        REQUIRE(read);
        const bool same = read->fields == certificate && read->to_be_signed == body && read->signature == signature &&
                          read->signature_algorithm == algorithm &&
                          wire::encode_signed(wire::encode_to_be_signed(read->fields), algorithm, signature) == blob;
        differences += same ? 0 : 1;
        // The last bytes count as much as the first: nothing may be missing, and nothing may follow.
        differences += wire::parse_ssh_certificate(ByteView(blob).first(blob.size() - 1)) ? 1 : 0;
    }
    CHECK(differences == 0);
}

TEST_CASE("ssh-keygen and we agree on 10,000 damaged certificates, but for what we refuse on purpose") {
    test::Dice dice(4);
    const auto all = issuers();
    std::vector<std::string> lines;
    while (lines.size() < 10'000) lines.push_back(damaged(dice, all[lines.size() % all.size()]));
    const auto refused = refused_by_ssh_keygen(lines);

    std::size_t both_accept = 0, both_refuse = 0, on_purpose = 0;
    std::set<std::string> laxer, stricter;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto ours = accept(lines[i]);
        const auto theirs = refused.find(i);
        if (ours && theirs == refused.end()) {
            ++both_accept;
        } else if (ours) {
            laxer.insert(theirs->second + ": " + lines[i]);
        } else if (theirs != refused.end()) {
            ++both_refuse;
        } else if (meant(ours.error())) {
            ++on_purpose;
        } else {
            stricter.insert(ours.error().message + ": " + lines[i]);
        }
    }
    INFO(both_accept << " accepted by both, " << both_refuse << " refused by both, " << on_purpose << " by us alone");
    CHECK(laxer == std::set<std::string>{});  // never: what OpenSSH refuses is nothing that we let through
    CHECK(stricter == std::set<std::string>{});
    // The damage leaves enough of both kinds to compare, and few are a matter of opinion.
    CHECK(both_accept > 500);
    CHECK(both_refuse > 5000);
    CHECK(on_purpose < 1000);
}

TEST_CASE("a NUL at the end of a name is shown by ssh-keygen as if it were not there; we refuse it") {
    using Break = void (*)(wire::SshCertificate&);
    const auto [where, at_the_end] = GENERATE(table<Break, bool>({
        {[](auto& c) { c.principals = {std::string("ops\0", 4)}; }, true},
        {[](auto& c) { c.key_id = std::string("ops\0", 4); }, true},
        {[](auto& c) { c.principals = {std::string("o\0ps", 4)}; }, false},
        {[](auto& c) { c.key_id = std::string("o\0ps", 4); }, false},
    }));
    test::Dice dice(1);
    const auto issuer = make_issuer(KeyAlgorithm::ed25519, KeyAlgorithm::ed25519);
    auto certificate = sensible(dice, issuer);
    where(certificate);
    const Bytes body = wire::encode_to_be_signed(certificate);
    const auto signature = issuer.key.sign_ssh(body);
    REQUIRE(signature);
    const Bytes blob = wire::encode_signed(body, signature->algorithm, signature->signature);
    const std::string line = "ssh-ed25519-cert-v01@openssh.com " + wire::base64(blob);
    CHECK(refused_by_ssh_keygen({line}).empty() == at_the_end);
    CHECK_THAT(accept(line).error().message, Contains("contains a NUL byte"));
}

TEST_CASE("an option with an empty value is refused: it reads like a flag, and is none") {
    test::Dice dice(2);
    auto certificate = sensible(dice, make_issuer(KeyAlgorithm::ed25519, KeyAlgorithm::ed25519));
    certificate.type = wire::SshCertificateType::user;
    certificate.critical_options = {{"force-command", "u"}};
    Bytes body = wire::encode_to_be_signed(certificate);
    REQUIRE(wire::parse_ssh_certificate(wire::encode_signed(body, "ssh-ed25519", Bytes(64))));
    // The value's length and its one letter go; the lengths around it shrink by one.
    const std::string_view found = "force-command";
    const auto name = std::search(body.begin(), body.end(), found.begin(), found.end());
    REQUIRE(name != body.end());
    const auto data = name + static_cast<std::ptrdiff_t>(found.size());
    REQUIRE(std::vector<std::uint8_t>(data, data + 9) == Bytes{0, 0, 0, 5, 0, 0, 0, 1, 'u'});
    *(data + 3) = 4, *(data + 7) = 0;
    *(name - 5) = static_cast<std::uint8_t>(*(name - 5) - 1);
    body.erase(data + 8);
    const auto read = wire::parse_ssh_certificate(wire::encode_signed(body, "ssh-ed25519", Bytes(64)));
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().message, Contains("critical options: an empty value"));
}
