// inspect: what a file is and says, for any certificate, ours or not.
#include <algorithm>

#include "cli/finding.h"
#include "cli/verbs.h"
#include "lib/files/files.h"
#include "lib/log/note.h"
#include "lib/log/proof.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"

namespace mayfly::cli {

namespace {

using wire::Json;

constexpr std::size_t kLargestFile = 17 << 20;  // a revocation list of 16 MiB
/// The last second of the year 9999: beyond it there is no RFC 3339 text.
constexpr std::uint64_t kLastSecond = 253'402'300'799;
/// PROTOCOL.certkeys: a certificate that never ends is "valid before" 2^64-1, one that always was "valid after" 0.
constexpr std::uint64_t kForEver = ~std::uint64_t{0};

std::string ssh_time(std::uint64_t seconds) {
    if (seconds == 0) return "always";
    if (seconds == kForEver) return "for ever";
    if (seconds > kLastSecond) return "after the year 9999";
    return Instant(static_cast<std::int64_t>(seconds)).text();
}

/// The certificate's times are unsigned; ours are not, and are never negative.
bool is_past(std::uint64_t seconds, Instant now) { return seconds <= static_cast<std::uint64_t>(now.seconds()); }

Result<Finding> ssh_certificate(std::string_view text, Instant now) {
    const auto blob = wire::parse_ssh_certificate_line(text);
    if (!blob) return pass(blob.error());
    const auto read = wire::parse_ssh_certificate(*blob);
    if (!read) return pass(read.error());
    const auto& c = read->fields;
    Finding out{c.type == wire::SshCertificateType::user ? "SSH user certificate" : "SSH host certificate", {}, {}};
    out.add("key id", c.key_id);
    out.add("serial", std::to_string(c.serial));
    std::vector<std::string> principals;
    for (const auto& principal : c.principals) principals.push_back(principal);
    out.add("principals", joined(principals, ", "));
    out.add("valid", ssh_time(c.valid_after) + " to " + ssh_time(c.valid_before));
    if (c.valid_before <= kLastSecond)
        out.add("time", time_left(Instant(static_cast<std::int64_t>(c.valid_before)), now));
    for (const auto& option : c.critical_options)
        out.add("critical", option.name + (option.value.empty() ? "" : " = " + option.value));
    for (const auto& option : c.extensions) out.add("extension", option.name);
    out.add("subject key", key_text(c.subject));
    out.add("signed by", key_text(c.signer) + " (" + read->signature_algorithm + ")");
    out.add("sha256", wire::hex(crypto::sha256(*blob)));
    for (const auto& oddity : wire::lint(c)) out.warnings.push_back(oddity);
    if (const auto good = crypto::verify(*read); !good) out.warnings.push_back(good.error().message);
    if (is_past(c.valid_before, now)) out.warnings.emplace_back("it has expired");
    if (!is_past(c.valid_after, now)) out.warnings.emplace_back("it is not yet valid");
    return out;
}

Result<Finding> checkpoint(std::string_view text) {
    const auto note = log::parse_note(text);
    if (!note) return pass(note.error());
    const auto head = log::parse_checkpoint(note->text);
    if (!head) return pass(head.error());
    Finding out{"log checkpoint", {}, {}};
    out.add("origin", head->origin);
    out.add("size", std::to_string(head->size));
    out.add("root", wire::base64(head->root));
    for (const auto& signature : note->signatures) out.add("signed by", signature.name);
    return out;
}

Result<Finding> proof(std::string_view text) {
    const auto read = log::parse_proof(text);
    if (!read) return pass(read.error());
    auto out = checkpoint(read->signed_checkpoint);
    if (!out) return out;
    out->what = "log proof";
    out->fields.insert(out->fields.begin(), {"entry", std::to_string(read->index)});
    return out;
}

Result<Finding> examine(ByteView bytes, Instant now) {
    const auto text = text_of(bytes);
    if (text.starts_with("c2sp.org/tlog-proof@v1\n")) return proof(text);
    if (looks_like_krl(bytes)) return inspect_krl(bytes);
    if (text.find("-cert-v01@openssh.com ") < 64) return ssh_certificate(text, now);
    if (text.find("-----BEGIN ") != std::string_view::npos) {
        const auto blocks = wire::parse_pem(text);
        if (!blocks) return pass(blocks.error());
        for (const auto& block : *blocks) {
            auto found = block.label == "CERTIFICATE"           ? inspect_x509(block.der, now)
                         : block.label == "CERTIFICATE REQUEST" ? inspect_csr(block.der)
                         : block.label == "X509 CRL"            ? inspect_crl(block.der, now)
                                                                : Result<Finding>(Finding{});
            if (!found) return found;
            if (found->what.empty()) continue;  // a private key, parameters: not looked at
            if (&block != &blocks->front() || blocks->size() > 1)
                found->add("in this file",
                           std::to_string(blocks->size()) + " blocks; this is the first that is public");
            for (const auto& other : *blocks)
                if (other.label.ends_with("PRIVATE KEY"))
                    found->warnings.emplace_back("a private key stands in the same file: who reads it can use both");
            return found;
        }
        return fail(Code::unsupported, "a PEM file of another kind than CERTIFICATE, CERTIFICATE REQUEST and X509 CRL",
                    "E-INSPECT", "private keys are not looked at", {});
    }
    if (!bytes.empty() && bytes[0] == 0x30) {
        if (looks_like_pkcs12(bytes)) return inspect_pkcs12(bytes);
        auto list = inspect_crl(bytes, now);
        if (list) return list;
        auto certificate = inspect_x509(bytes, now);
        if (certificate) return certificate;
        auto csr = inspect_csr(bytes);
        return csr ? std::move(csr) : std::move(certificate);
    }
    if (text.find("\n\n\xe2\x80\x94 ") != std::string_view::npos) return checkpoint(text);
    if (const auto key = wire::parse_ssh_key_line(text)) {
        Finding out{"SSH public key", {}, {}};
        out.add("key", key_text(key->key));
        out.add("comment", key->comment);
        return out;
    }
    if (const auto bundle = wire::parse_body<api::Bundle>(text, "bundle")) {
        Finding out{"trust bundle", {}, {}};
        out.add("trust domain", bundle->trust_domain);
        out.add("version", std::to_string(bundle->version));
        out.add("fingerprint", wire::fingerprint(client::fingerprint_of(*bundle)));
        return out;
    }
    return fail(Code::malformed, "this is nothing that inspect knows", "E-INSPECT",
                "SSH certificates and keys, X.509, PKCS#10, revocation lists, bundles, checkpoints, log proofs", {});
}

enum class Who { ask, leave };

Result<int> inspect(const Globals& globals, const std::string& path, Who who) {
    const auto bytes = files::read(path == "-" ? "/dev/stdin" : path, kLargestFile);
    if (!bytes) return pass(bytes.error());
    auto finding = examine(*bytes, SystemClock().now());
    if (!finding) return pass(finding.error());
    if (who == Who::ask)
        if (auto ok = ask_who(globals, *finding); !ok) return pass(ok.error());
    Answer answer;
    Json::Array fields;
    for (const auto& [field, value] : finding->fields) {
        fields.emplace_back(Json::Object{{"name", field}, {"value", value}});
        if (field == "serial") answer.names.push_back(value);
    }
    answer.data =
        Json::Object{{"what", finding->what}, {"fields", std::move(fields)}, {"warnings", json_of(finding->warnings)}};
    answer.lines.push_back(finding->what);
    for (const auto& [field, value] : finding->fields)
        answer.lines.push_back("  " + field + std::string(field.size() < 12 ? 13 - field.size() : 1, ' ') + value);
    for (const auto& warning : finding->warnings) answer.messages.push_back("warning: " + warning);
    return show(globals, answer);
}

}  // namespace

void add_inspect_verbs(Cli& cli) {
    auto path = std::make_shared<std::string>();
    auto who = std::make_shared<bool>(false);
    const auto verb = cli.verb(cli.root, "inspect", "say what a file is and what it means",
                               [&cli, path, who] { return inspect(cli.globals, *path, *who ? Who::ask : Who::leave); });
    verb.add_option("file", *path, "a file, or - for standard input").required();
    verb.add_flag("--who", *who, "ask the CA's log whose certificate it is: owner, role, and on whose word");
}

}  // namespace mayfly::cli
