// ssh-keygen -s: a certificate by Mayfly's writer (lib/wire) and signer (lib/crypto). What Mayfly never issues (no
// principals, no end, serial 0) is written all the same, because that is what the scripts are about; lint is not asked.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "lib/crypto/crypto.h"
#include "lib/wire/buffer.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/interop/shim/shim.h"
#include "tests/run_command.h"

namespace mayfly::shim {

namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kForEver = UINT64_MAX;

/// Ed25519 keys come in OpenSSH's own format only (PROTOCOL.key). Unencrypted: the seed is the first half of the
/// secret.
Result<crypto::PrivateKey> read_ed25519(const std::string& pem) {
    const auto blob = wire::parse_one_pem(pem, "OPENSSH PRIVATE KEY");
    if (!blob) return pass(blob.error());
    static constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
    if (!text_of(*blob).starts_with(kMagic)) return fail(Code::malformed, "not an OpenSSH private key");
    wire::Reader in(ByteView(*blob).subspan(kMagic.size()));
    for (const auto* what : {"cipher", "kdf", "kdf options"})
        if (auto ok = in.string(what); !ok) return pass(ok.error());
    if (auto count = in.u32("number of keys"); !count || *count != 1) return fail(Code::malformed, "not one key");
    if (auto ok = in.string("public key"); !ok) return pass(ok.error());
    const auto secret = in.string("private section");
    if (!secret) return pass(secret.error());
    wire::Reader inner(*secret);
    if (auto ok = inner.raw(8, "check"); !ok) return pass(ok.error());
    const auto type = inner.text("type");
    if (!type || *type != "ssh-ed25519") return fail(Code::unsupported, "not an Ed25519 key");
    if (auto ok = inner.string("public key"); !ok) return pass(ok.error());
    const auto both = inner.string("secret");
    if (!both || both->size() != 64) return fail(Code::malformed, "not an Ed25519 secret");
    // RFC 8410 section 7: PKCS#8 with the seed as an octet string within an octet string.
    Bytes der = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    der.insert(der.end(), both->begin(), both->begin() + 32);
    return crypto::PrivateKey::import_secret(Secret(std::move(der)));
}

/// The CA's private key. RSA and ECDSA keys are brought into PKCS#8 by ssh-keygen, in a copy.
Result<crypto::PrivateKey> read_authority(const std::string& path) {
    const auto text = slurp(path);
    if (!text) return pass(text.error());
    std::string folder = fs::temp_directory_path() / "keygen-shim.XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return fail(Code::unavailable, "no temporary folder");
    const std::string copy = folder + "/key";
    std::ofstream(copy) << *text;
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write);
    const auto done = test::run_command({real_keygen(), "-q", "-p", "-m", "PKCS8", "-P", "", "-N", "", "-f", copy});
    const auto converted = slurp(copy);
    fs::remove_all(folder);
    if (!done.ok() || !converted) return fail(Code::malformed, "ssh-keygen cannot read " + path);
    if (converted->find("BEGIN OPENSSH PRIVATE KEY") != std::string::npos) return read_ed25519(*converted);
    return crypto::PrivateKey::import_pem(view(*converted));
}

/// ssh-keygen's times: +N or -N with s, m, h, d or w from now, or a date as YYYYMMDD (taken as UTC).
Result<std::uint64_t> parse_time(std::string_view text, std::uint64_t now) {
    const auto wrong = [&] { return fail(Code::unsupported, "the shim knows no time \"" + std::string(text) + "\""); };
    std::uint64_t number = 0;
    if (text.size() > 2 && (text.front() == '+' || text.front() == '-')) {
        const std::string_view digits = text.substr(1, text.size() - 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        constexpr std::string_view kUnits = "smhdw";
        constexpr std::uint64_t kSeconds[] = {1, 60, 3600, 86400, 604800};
        const auto unit = kUnits.find(text.back());
        if (error != std::errc() || end != digits.data() + digits.size() || unit == std::string_view::npos)
            return wrong();
        return text.front() == '+' ? now + number * kSeconds[unit] : now - number * kSeconds[unit];
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.size() != 8 || error != std::errc() || end != text.data() + text.size()) return wrong();
    std::tm date{};
    date.tm_year = static_cast<int>(number / 10000) - 1900;
    date.tm_mon = static_cast<int>(number / 100 % 100) - 1;
    date.tm_mday = static_cast<int>(number % 100);
    return static_cast<std::uint64_t>(::timegm(&date));
}

Status set_validity(wire::SshCertificate& out, const std::string& text) {
    out.valid_before = kForEver;
    if (text.empty()) return {};
    const auto now = static_cast<std::uint64_t>(std::time(nullptr));
    const auto colon = text.find(':');
    if (colon != std::string::npos) {
        const auto from = parse_time(text.substr(0, colon), now);
        if (!from) return pass(from.error());
        out.valid_after = *from;
    }
    const auto to = parse_time(text.substr(colon == std::string::npos ? 0 : colon + 1), now);
    if (!to) return pass(to.error());
    out.valid_before = *to;
    return {};
}

Status set_options(wire::SshCertificate& out, const Arguments& arguments) {
    if (!arguments.host)  // ssh-keygen's default for users
        for (const auto* name : {"permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding",
                                 "permit-pty", "permit-user-rc"})
            out.extensions.push_back({name, ""});
    for (const auto& option : arguments.options) {
        const auto equals = option.find('=');
        const std::string name = option.substr(0, equals);
        if (equals == std::string::npos || (name != "force-command" && name != "source-address"))
            return fail(Code::unsupported, "the shim knows no option \"" + option + "\"");
        out.critical_options.push_back({name, option.substr(equals + 1)});
    }
    std::sort(out.critical_options.begin(), out.critical_options.end());
    return {};
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; !text.empty() && at != std::string::npos;) {
        const auto comma = text.find(',', at);
        out.push_back(text.substr(at, comma == std::string::npos ? comma : comma - at));
        at = comma == std::string::npos ? comma : comma + 1;
    }
    return out;
}

Status certify(const crypto::PrivateKey& authority, const Arguments& arguments, const wire::SshKeyLine& subject,
               const std::string& path) {
    wire::SshCertificate certificate;
    certificate.subject = subject.key;
    certificate.nonce.resize(32);
    crypto::SystemRng().fill(certificate.nonce);
    certificate.serial = arguments.number;
    certificate.type = arguments.host ? wire::SshCertificateType::host : wire::SshCertificateType::user;
    certificate.key_id = arguments.key_id;
    certificate.principals = split(arguments.principals);
    certificate.signer = authority.public_key();
    if (auto ok = set_validity(certificate, arguments.validity); !ok) return ok;
    if (auto ok = set_options(certificate, arguments); !ok) return ok;
    const Bytes bytes = wire::encode_to_be_signed(certificate);
    const auto signature = authority.sign_ssh(bytes);
    if (!signature) return pass(signature.error());
    const Bytes blob = wire::encode_signed(bytes, signature->algorithm, signature->signature);
    const auto read = wire::parse_ssh_certificate(blob);
    if (!read) return pass(read.error(), "our own certificate");
    if (auto ok = crypto::verify(*read); !ok) return pass(ok.error(), "our own certificate");
    std::ofstream out(path, std::ios::trunc);
    out << wire::encode_ssh_certificate_line(blob, subject.comment) << "\n";
    if (!out.flush()) return fail(Code::unavailable, "cannot write " + path);
    return {};
}

}  // namespace

Result<Outcome> sign(const Arguments& arguments) {
    const auto authority_line = slurp(arguments.authority + ".pub");
    if (authority_line && authority_line->starts_with("sk-")) return Outcome{"a-FIDO-key-as-CA"};  // Mayfly has none
    const auto authority = read_authority(arguments.authority);
    if (!authority) return pass(authority.error());
    for (const auto& operand : arguments.operands) {
        const std::string base = operand.ends_with(".pub") ? operand.substr(0, operand.size() - 4) : operand;
        const auto line = slurp(base + ".pub");
        if (!line) return pass(line.error());
        const auto subject = wire::parse_ssh_key_line(*line);
        if (!subject) return pass(subject.error());
        if (auto ok = certify(*authority, arguments, *subject, base + "-cert.pub"); !ok) return pass(ok.error());
    }
    return Outcome{};
}

}  // namespace mayfly::shim
