// verify: is this certificate to be trusted now? By the pinned bundle, by time, and by the revocation lists.
#include <algorithm>
#include <filesystem>

#include "cli/audit.h"
#include "cli/verbs.h"
#include "lib/client/revocation.h"
#include "lib/crypto/revocation.h"
#include "lib/files/files.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestList = 17 << 20;
constexpr std::size_t kLongestChain = 8;

struct VerifyFlags {
    std::string krl, crl, chain;
    bool offline = false;
    IssuedFlags issued;  ///< the certificate, and its log proof when that is the question
};

/// Check is one question about the certificate, answered.
struct Check {
    std::string name;
    Status outcome;
    std::string text;  ///< what was found, when it is well
};
using Checks = std::vector<Check>;

tl::unexpected<Error> no(std::string message, const char* id, std::string why = {}, std::string fix = {}) {
    return fail(Code::untrusted, std::move(message), id, std::move(why), std::move(fix));
}

/// Where the lists come from: a file that was named, else the CA, whose log proves them.
struct Lists {
    const client::Context& context;
    const VerifyFlags& flags;

    using Fetch = std::function<Result<client::FetchedList>(client::CaClient&)>;
    [[nodiscard]] Result<std::optional<Bytes>> get(const std::string& file, const Fetch& fetch) const {
        if (!file.empty()) {
            auto bytes = files::read(file, kLargestList);
            if (!bytes) return pass(bytes.error());
            return std::optional(std::move(*bytes));
        }
        if (flags.offline) return std::optional<Bytes>();
        auto ca = client::CaClient::connect(context.url, context.bundle, nullptr);
        if (!ca) return pass(ca.error());
        const auto list = fetch(*ca);
        if (!list) return pass(list.error());
        return std::optional(to_bytes(view(list->bytes)));
    }
};

Status within(Instant after, Instant before, Instant now) {
    if (now < after) return no("it is not valid before " + after.text(), "E-VERIFY-TIME");
    if (now >= before) return no("it ended at " + before.text(), "E-VERIFY-TIME");
    return {};
}

// ---- SSH ------------------------------------------------------------------------------------------------------------

Check ssh_issuer(const api::Bundle& bundle, const wire::SignedSshCertificate& certificate) {
    const bool user = certificate.fields.type == wire::SshCertificateType::user;
    Check out{"issuer", {}, user ? "a pinned user CA" : "a pinned host CA"};
    for (const auto& line : user ? bundle.ssh_user_cas : bundle.ssh_host_cas) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key || !(key->key == certificate.fields.signer)) continue;
        out.outcome = crypto::verify(certificate);
        return out;
    }
    out.outcome = no("it was signed by a key that the pinned bundle does not name", "E-VERIFY-ISSUER",
                     "signed by " + wire::fingerprint(crypto::ssh_fingerprint(certificate.fields.signer)), {});
    return out;
}

Check ssh_time(const wire::SshCertificate& fields, Instant now) {
    constexpr auto kEver = static_cast<std::uint64_t>(INT64_MAX);
    const auto instant = [](std::uint64_t at) { return Instant(static_cast<std::int64_t>(at < kEver ? at : kEver)); };
    const bool ends = fields.valid_before < kEver;
    return {"time", within(instant(fields.valid_after), instant(fields.valid_before), now),
            ends ? "until " + instant(fields.valid_before).text() : "for ever"};
}

Check ssh_revocation(const Lists& lists, const wire::SshCertificate& fields) {
    Check out{"revocation", {}, {}};
    const auto bytes =
        lists.get(lists.flags.krl, [](client::CaClient& ca) { return client::fetch_list(ca, "krl", 0); });
    if (!bytes) return out.outcome = pass(bytes.error()), out;
    if (!*bytes) return out.text = "not asked (--offline)", out;
    const auto krl = wire::parse_krl(**bytes);
    if (!krl) return out.outcome = pass(krl.error()), out;
    const std::string why = crypto::why_revoked(*krl, fields);
    if (!why.empty()) out.outcome = no(why, "E-VERIFY-REVOKED", "revocation list " + std::to_string(krl->version));
    out.text = "not in list " + std::to_string(krl->version);
    return out;
}

Result<Checks> check_ssh(const Lists& lists, std::string_view text, Instant now) {
    const auto blob = wire::parse_ssh_certificate_line(text);
    if (!blob) return pass(blob.error());
    const auto read = wire::parse_ssh_certificate(*blob);
    if (!read) return pass(read.error());
    return Checks{ssh_issuer(lists.context.bundle, *read), ssh_time(read->fields, now),
                  ssh_revocation(lists, read->fields)};
}

// ---- X.509 ----------------------------------------------------------------------------------------------------------

using Chain = std::vector<wire::X509View>;

Result<Chain> read_all(std::string_view pem) {
    const auto blocks = wire::parse_pem(pem);
    if (!blocks) return pass(blocks.error());
    Chain out;
    for (const auto& block : *blocks) {
        if (block.label != "CERTIFICATE") continue;
        auto read = wire::parse_x509(block.der);
        if (!read) return pass(read.error());
        out.push_back(std::move(*read));
    }
    return out;
}

bool signed_by(const wire::X509View& subject, const wire::X509View& issuer) {
    const bool may_sign =
        std::find(issuer.key_usages.begin(), issuer.key_usages.end(), "keyCertSign") != issuer.key_usages.end();
    return issuer.is_ca && may_sign && issuer.key_supported && subject.issuer == issuer.subject &&
           crypto::verify_x509(issuer.key, subject.signature_oid, subject.to_be_signed, subject.signature).has_value();
}

/// The way from the leaf to a pinned root: leaf first, root last. Each step is a signature that holds.
Result<Chain> find_path(const wire::X509View& leaf, const Chain& between, const Chain& roots) {
    Chain path{leaf};
    while (path.size() < kLongestChain) {
        const auto issues = [&](const wire::X509View& one) { return signed_by(path.back(), one); };
        if (const auto root = std::find_if(roots.begin(), roots.end(), issues); root != roots.end()) {
            path.push_back(*root);
            return path;
        }
        const auto next = std::find_if(between.begin(), between.end(), issues);
        if (next == between.end()) break;
        path.push_back(*next);
    }
    return no("it does not lead to a pinned root", "E-VERIFY-ISSUER",
              "each certificate must be signed by the next, the last by a root of the pinned bundle",
              "give the issuing certificates too: --chain FILE");
}

Check x509_time(const Chain& path, Instant now) {
    Check out{"time", {}, "until " + path.front().not_after.text()};
    for (const auto& one : path) {
        out.outcome = within(one.not_before, Instant(one.not_after.seconds() + 1), now);
        if (!out.outcome) return out;
    }
    return out;
}

/// RFC 9608 section 4: a certificate that says that there is no revocation, and where to look for one, is not valid.
Check x509_form(const wire::X509View& leaf) {
    Check out{"form", {}, leaf.no_revocation ? "short-lived, without revocation pointers (RFC 9608)" : "well"};
    if (const auto why = wire::against_no_revocation(leaf); !why.empty())
        out.outcome = no("it has noRevAvail, and " + why, "E-VERIFY-FORM", "RFC 9608 section 2 forbids it");
    return out;
}

/// RFC 5280 section 4.2.1.10: what the CAs above may certify. A form of constraint that is not understood is not kept.
Check x509_names(const Chain& path) {
    Check out{"names", {}, "within what the CAs above it may certify"};
    for (std::size_t above = 1; above < path.size(); ++above) {
        const auto& constraints = path[above].name_constraints;
        if (!constraints) continue;
        if (!constraints->others.empty())
            out.outcome = no("a CA above it is constrained in a way that is not understood", "E-VERIFY-FORM",
                             path[above].subject + ": " + constraints->others.front());
        for (std::size_t below = 0; below < above; ++below)
            for (const auto& name : path[below].names)
                if (const auto why = wire::outside(*constraints, name); !why.empty())
                    out.outcome = no("a CA above it may not certify " + name.tagged(), "E-VERIFY-FORM", why);
    }
    return out;
}

/// A shard answers only when it was chosen for this certificate; which one that is the CA says.
enum class Whole { needed, chosen };

Status look_up(const wire::CrlView& crl, const wire::X509View& leaf, const wire::X509View& issuer, Whole whole,
               Instant now) {
    if (crl.issuer != leaf.issuer) return no("the revocation list is of another issuer", "E-VERIFY-LIST", crl.issuer);
    if (auto good = crypto::verify(crl, issuer.key); !good)
        return no("the revocation list's signature does not hold", "E-VERIFY-LIST", good.error().message);
    if (const auto* entry = crl.find(leaf.serial))
        return no("its serial is revoked since " + entry->revoked.text(), "E-VERIFY-REVOKED",
                  std::string(wire::name(entry->reason)));
    if (!crl.unusable.empty()) return no("the revocation list does not answer for it", "E-VERIFY-LIST", crl.unusable);
    if (crl.partial && whole == Whole::needed)
        return no("the revocation list is one shard", "E-VERIFY-LIST", "it speaks of some certificates only");
    if (crl.this_update > now || !crl.next_update || *crl.next_update <= now)
        return no("the revocation list is not of now", "E-VERIFY-LIST", "this update " + crl.this_update.text(),
                  "fetch the list in force: mayfly ca crl --out FILE");
    return {};
}

Check x509_revocation(const Lists& lists, const Chain& path, Instant now) {
    Check out{"revocation", {}, {}};
    const auto bytes = lists.get(lists.flags.crl,
                                 [&](client::CaClient& ca) { return client::fetch_crl_for(ca, path.front().serial); });
    if (!bytes) return out.outcome = pass(bytes.error()), out;
    if (!*bytes) return out.text = "not asked (--offline)", out;
    const bool pem = text_of(**bytes).starts_with("-----");
    const auto der = pem ? wire::parse_one_pem(text_of(**bytes), "X509 CRL") : Result<Bytes>(**bytes);
    const auto crl = der ? wire::parse_crl(*der) : pass(der.error());
    if (!crl) return out.outcome = pass(crl.error()), out;
    out.outcome = look_up(*crl, path[0], path[1], lists.flags.crl.empty() ? Whole::chosen : Whole::needed, now);
    out.text = "not in list 0x" + wire::hex(crl->number);
    return out;
}

/// The file that was named; or else what stands beside a certificate in a folder of ours (cert_files.h).
std::string chain_for(const VerifyFlags& flags) {
    if (!flags.chain.empty()) return flags.chain;
    const std::filesystem::path certificate(flags.issued.certificate);
    if (certificate.filename() != "cert.pem") return {};
    const auto beside = certificate.parent_path() / "chain.pem";
    std::error_code none;
    return std::filesystem::is_regular_file(beside, none) ? beside.string() : std::string();
}

Result<Checks> check_x509(const Lists& lists, std::string_view pem, Instant now) {
    auto given = read_all(pem);
    if (!given) return pass(given.error());
    if (given->empty()) return fail(Code::malformed, "there is no certificate in the file", "E-VERIFY", {}, {});
    Chain between(given->begin() + 1, given->end());
    if (const auto beside = chain_for(lists.flags); !beside.empty()) {
        const auto file = files::read(beside, 1 << 20);
        if (!file) return pass(file.error());
        const auto more = read_all(text_of(*file));
        if (!more) return pass(more.error());
        between.insert(between.end(), more->begin(), more->end());
    }
    const auto roots = read_all(joined(lists.context.bundle.x509_roots, ""));
    if (!roots) return pass(roots.error());
    const auto path = find_path(given->front(), between, *roots);
    if (!path) return Checks{{"issuer", pass(path.error()), {}}};
    return Checks{{"issuer", {}, "leads to a pinned root: " + path->back().subject},
                  x509_time(*path, now),
                  x509_names(*path),
                  x509_form(path->front()),
                  x509_revocation(lists, *path, now)};
}

Result<Checks> check_any(const Lists& lists, ByteView bytes, Instant now) {
    const auto text = text_of(bytes);
    if (text.find("-cert-v01@openssh.com ") < 64) return check_ssh(lists, text, now);
    if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) return check_x509(lists, text, now);
    if (!bytes.empty() && bytes[0] == 0x30) return check_x509(lists, wire::encode_pem("CERTIFICATE", bytes), now);
    return fail(Code::malformed, "this is no certificate", "E-VERIFY", "SSH certificates, X.509 as PEM or DER", {});
}

/// All questions are answered before the verdict; the first that failed is the error.
Result<int> verify(const Globals& globals, const VerifyFlags& flags) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto bytes = files::read(flags.issued.certificate == "-" ? "/dev/stdin" : flags.issued.certificate, 1 << 20);
    if (!bytes) return pass(bytes.error());
    const auto checks = check_any(Lists{*context, flags}, *bytes, SystemClock().now());
    if (!checks) return pass(checks.error());
    wire::Json::Array items;
    Answer answer;
    const Error* first = nullptr;
    for (const auto& check : *checks) {
        if (!check.outcome && first == nullptr) first = &check.outcome.error();
        const std::string& text = check.outcome ? check.text : check.outcome.error().message;
        items.emplace_back(
            wire::Json::Object{{"check", check.name}, {"good", check.outcome.has_value()}, {"text", text}});
        answer.rows.push_back({check.outcome ? "good" : "bad", check.name, text});
    }
    answer.columns = {{"VERDICT"}, {"CHECK"}, {"WHY"}};
    answer.names = {first == nullptr ? "good" : "bad"};
    answer.data = wire::Json::Object{{"good", first == nullptr}, {"checks", std::move(items)}};
    print(globals.output, answer);
    if (first != nullptr) return pass(*first);
    return 0;
}

}  // namespace

void add_verify_verbs(Cli& cli) {
    auto flags = std::make_shared<VerifyFlags>();
    const auto verb =
        cli.verb(cli.root, "verify", "is this certificate to be trusted now, and not revoked?", [&cli, flags] {
            return flags->issued.proof.empty() ? verify(cli.globals, *flags)
                                               : verify_issued(cli.globals, flags->issued);
        });
    verb.add_option("certificate", flags->issued.certificate,
                    "SSH certificate, or X.509 with its chain; - for standard input")
        .required();
    verb.add_option("--chain", flags->chain,
                    "issuing certificates (PEM), when they are neither in the file nor in chain.pem beside cert.pem");
    verb.add_option("--krl", flags->krl, "OpenSSH revocation list; the CA's when absent");
    verb.add_option("--crl", flags->crl, "X.509 revocation list; the CA's when absent");
    const auto offline = verb.add_flag("--offline", flags->offline, "do not ask the CA for its lists");
    const auto proof =
        verb.add_option("--proof", flags->issued.proof,
                        "another question: was it issued? By its .tlog-proof file, offline, at any time");
    proof.excludes(offline);
    verb.add_option("--leaf", flags->issued.leaf, "file of the log entry; the proof of ours carries it").needs(proof);
    flags->issued.log.add_options(verb);
}

}  // namespace mayfly::cli
