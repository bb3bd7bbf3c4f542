// inspect: what a file is and says, for any certificate, ours or not.
#include <algorithm>

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

std::string key_text(const PublicKey& key) {
    return std::string(name(key.algorithm)) + " " + wire::fingerprint(crypto::ssh_fingerprint(key));
}

std::string time_left(Instant until, Instant now) {
    if (until <= now) return "expired";
    const auto left = Lifetime::of_seconds(until.seconds() - now.seconds());
    return left ? left->text() + " left" : "more than ten years left";
}

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
    for (const auto& oddity : wire::lint(c)) out.warnings.push_back(oddity);
    if (const auto good = crypto::verify(*read); !good) out.warnings.push_back(good.error().message);
    if (is_past(c.valid_before, now)) out.warnings.emplace_back("it has expired");
    if (!is_past(c.valid_after, now)) out.warnings.emplace_back("it is not yet valid");
    return out;
}

Result<Finding> x509_certificate(ByteView der, Instant now) {
    const auto read = wire::parse_x509(der);
    if (!read) return pass(read.error());
    Finding out{read->is_ca ? "X.509 CA certificate" : "X.509 certificate", {}, {}};
    out.add("subject", read->subject.empty() ? "(empty)" : read->subject);
    out.add("issuer", read->issuer);
    out.add("serial", wire::hex(read->serial));
    for (const auto& subject : read->names) out.add("name", subject.tagged());
    out.add("valid", read->not_before.text() + " to " + read->not_after.text() + " inclusive");
    out.add("time", time_left(Instant(read->not_after.seconds() + 1), now));
    out.add("usage", joined(read->key_usages, ", "));
    if (!read->extended_key_usages.empty()) out.add("purpose", joined(read->extended_key_usages, ", "));
    if (read->no_revocation) out.add("revocation", "none: short-lived (RFC 9608)");
    out.add("key", read->key_supported ? key_text(read->key) : "of a kind that Mayfly does not certify");
    out.add("sha256", wire::hex(crypto::sha256(der)));
    if (read->not_after < now) out.warnings.emplace_back("it has expired");
    if (read->not_before > now) out.warnings.emplace_back("it is not yet valid");
    const auto& oids = read->extension_oids;
    if (read->no_revocation && std::find(oids.begin(), oids.end(), "2.5.29.31") != oids.end())
        out.warnings.emplace_back("it says that there is no revocation, and where to look for it (RFC 9608 section 2)");
    if (!read->is_ca && read->names.empty()) out.warnings.emplace_back("it names nobody in subjectAltName");
    return out;
}

Result<Finding> request(ByteView der) {
    const auto read = wire::parse_csr(der);
    if (!read) return pass(read.error());
    Finding out{"PKCS#10 request", {}, {}};
    if (!read->common_name.empty()) out.add("common name", read->common_name);
    for (const auto& subject : read->names) out.add("name", subject.tagged());
    out.add("key", key_text(read->key));
    if (const auto good = crypto::verify(*read); !good) out.warnings.push_back(good.error().message);
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
        if (!blocks->empty() && blocks->front().label == "CERTIFICATE")
            return x509_certificate(blocks->front().der, now);
        if (!blocks->empty() && blocks->front().label == "CERTIFICATE REQUEST") return request(blocks->front().der);
        if (!blocks->empty() && blocks->front().label == "X509 CRL") return inspect_crl(blocks->front().der, now);
        return fail(Code::unsupported, "a PEM file of another kind than CERTIFICATE, CERTIFICATE REQUEST and X509 CRL",
                    "E-INSPECT", "private keys are not looked at", {});
    }
    if (!bytes.empty() && bytes[0] == 0x30) {
        auto list = inspect_crl(bytes, now);
        return list ? std::move(list) : x509_certificate(bytes, now);
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

Result<int> inspect(const Globals& globals, const std::string& path) {
    const auto bytes = files::read(path == "-" ? "/dev/stdin" : path, kLargestFile);
    if (!bytes) return pass(bytes.error());
    const auto finding = examine(*bytes, SystemClock().now());
    if (!finding) return pass(finding.error());
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
    cli.verb(&cli.app, "inspect", "say what a file is and what it means",
             [&cli, path] { return inspect(cli.globals, *path); })
        ->add_option("file", *path, "a file, or - for standard input")
        ->required();
}

}  // namespace mayfly::cli
