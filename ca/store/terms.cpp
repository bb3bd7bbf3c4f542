#include "ca/store/terms.h"

#include "lib/crypto/crypto.h"
#include "lib/wire/json.h"

namespace mayfly::store {

namespace {

using wire::Json;

Json list_of(const std::vector<std::string>& texts) {
    Json::Array out;
    for (const auto& text : texts) out.emplace_back(text);
    return Json(std::move(out));
}

const char* text_of_usage(wire::X509Usage usage) {
    switch (usage) {
        case wire::X509Usage::server: return "server";
        case wire::X509Usage::client: return "client";
        case wire::X509Usage::server_and_client: return "server, client";
        case wire::X509Usage::authority: return "authority";
    }
    return "";
}

/// The same kind and size of key, and no key.
PublicKey kind_of(const PublicKey& key) {
    PublicKey out;
    out.algorithm = key.algorithm;
    out.modulus.resize(key.modulus.size());
    out.application = key.application;
    return out;
}

Json json_of(const PublicKey& key) {
    return Json::Object{{"algorithm", name(key.algorithm)},
                        {"application", key.application},
                        {"bits", static_cast<std::int64_t>(key.modulus.size() * 8)}};
}

Result<KeyAlgorithm> algorithm_of(std::string_view text) {
    for (const auto algorithm :
         {KeyAlgorithm::ed25519, KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384, KeyAlgorithm::ecdsa_p521,
          KeyAlgorithm::rsa, KeyAlgorithm::sk_ed25519, KeyAlgorithm::sk_ecdsa_p256})
        if (name(algorithm) == text) return algorithm;
    return fail(Code::corrupt, "a certificate's terms name a key of no kind");
}

Result<PublicKey> key_of(const Json& json) {
    wire::Fields fields(json, "key");
    const auto algorithm = algorithm_of(fields.text("algorithm"));
    PublicKey out;
    out.application = fields.text("application");
    const std::int64_t bits = fields.integer("bits");
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (!algorithm) return pass(algorithm.error());
    if (bits < 0 || bits > 65536) return fail(Code::corrupt, "no key has that many bits");
    out.algorithm = *algorithm;
    out.modulus.resize(static_cast<std::size_t>(bits / 8));
    return out;
}

Result<std::vector<wire::SshOption>> options_of(const Json& json) {
    std::vector<wire::SshOption> out;
    const auto* all = json.array();
    if (all == nullptr) return fail(Code::corrupt, "critical options are a list");
    for (const auto& one : *all) {
        const auto* pair = one.array();
        if (pair == nullptr || pair->size() != 2 || (*pair)[0].string() == nullptr || (*pair)[1].string() == nullptr)
            return fail(Code::corrupt, "a critical option is a name and a value");
        out.push_back({*(*pair)[0].string(), *(*pair)[1].string()});
    }
    return out;
}

}  // namespace

Terms terms_of(const steps::Spec& spec) {
    Terms out;
    out.names = spec.whose().names;
    out.policy_version = spec.whose().policy_version;
    if (const auto* ssh = std::get_if<wire::SshCertificate>(&spec.facts())) {
        out.key = kind_of(ssh->subject);
        out.critical_options = ssh->critical_options;
        for (const auto& extension : ssh->extensions) out.extensions.push_back(extension.name);
    } else {
        const auto& x509 = std::get<wire::X509Certificate>(spec.facts());
        out.key = kind_of(x509.subject);
        out.usage = text_of_usage(x509.usage);
    }
    return out;
}

std::string encode_terms(const Terms& terms) {
    Json::Array options;
    for (const auto& option : terms.critical_options)
        options.emplace_back(Json::Array{Json(option.name), Json(option.value)});
    return Json(Json::Object{{"critical_options", std::move(options)},
                             {"extensions", list_of(terms.extensions)},
                             {"key", json_of(terms.key)},
                             {"names", list_of(terms.names)},
                             {"policy_version", terms.policy_version},
                             {"usage", terms.usage}})
        .canonical();
}

Result<Terms> parse_terms(std::string_view text) {
    const auto json = wire::parse_json(text);
    if (!json) return pass(json.error());
    wire::Fields fields(*json, "terms");
    Terms out;
    out.extensions = fields.texts_or_empty("extensions");
    out.names = fields.texts_or_empty("names");
    out.policy_version = fields.text("policy_version");
    out.usage = fields.text("usage");
    const auto* key = fields.member("key");
    const auto* options = fields.member("critical_options");
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    if (key == nullptr || options == nullptr) return fail(Code::corrupt, "a certificate's terms name no key");
    auto read_key = key_of(*key);
    if (!read_key) return pass(read_key.error());
    auto read_options = options_of(*options);
    if (!read_options) return pass(read_options.error());
    out.key = std::move(*read_key);
    out.critical_options = std::move(*read_options);
    return out;
}

TermsText::TermsText(const Terms& terms) : text(encode_terms(terms)), hash(crypto::sha256(view(text))) {}

Result<std::int64_t> keep_terms(Database& database, const TermsText& terms) {
    {
        Query known(database, "SELECT id FROM certificate_terms WHERE hash = ?");
        const auto row = known.with(ByteView(terms.hash)).row();
        if (!row) return pass(row.error());
        if (*row) return known.integer(0);
    }
    Query insert(database, "INSERT INTO certificate_terms(hash, terms) VALUES (?, ?)");
    if (auto ok = insert.with(ByteView(terms.hash), terms.text).run(); !ok) return pass(ok.error());
    Query number(database, "SELECT last_insert_rowid()");
    const auto row = number.row();
    if (!row) return pass(row.error());
    return number.integer(0);
}

}  // namespace mayfly::store
