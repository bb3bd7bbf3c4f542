#include "lib/breakglass/record.h"

#include <algorithm>
#include <charconv>

#include "lib/wire/json.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::breakglass {

namespace {

constexpr int kVersion = 1;
constexpr const char* kNamespace = "mayfly-breakglass-record";
constexpr std::size_t kMostReason = 1000, kMostLines = 10000;

tl::unexpected<Error> bad(std::string message) {
    return fail(Code::corrupt, "break-glass record: " + std::move(message), "E-BREAKGLASS-RECORD",
                "records are signed by the emergency key and chained to one another",
                "use the record file as unseal wrote it; tell whoever looks after security");
}

wire::Json json_of(const Record& record) {
    wire::Json::Array holders;
    for (const auto& holder : record.holders) holders.emplace_back(holder.text());
    return wire::Json::Object{{"v", kVersion},
                              {"id", record.id},
                              {"number", static_cast<std::int64_t>(record.number)},
                              {"previous", wire::hex(record.previous)},
                              {"envelope", wire::hex(record.envelope)},
                              {"serial", std::to_string(record.serial)},
                              {"key_id", record.key_id},
                              {"node", record.node.text()},
                              {"account", record.account.text()},
                              {"key", wire::encode_ssh_key_line(record.key, "")},
                              {"by", record.by.text()},
                              {"holders", std::move(holders)},
                              {"reason", record.reason},
                              {"minted", record.minted.text()},
                              {"valid_after", record.valid_after.text()},
                              {"valid_before", record.valid_before.text()},
                              {"certificate", wire::hex(record.certificate)}};
}

Result<Digest> digest(std::string_view hex) {
    const auto bytes = wire::parse_hex(hex);
    Digest out{};
    if (!bytes || bytes->size() != out.size()) return bad("a hash in it is none");
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

bool well_formed_id(std::string_view id) {
    return id.size() == 18 && id.starts_with("b-") && wire::parse_hex(id.substr(2)).has_value();
}

Result<Record> parse(const wire::Json& json) {
    wire::Fields fields(json, "break-glass record");
    const auto version = fields.integer("v"), number = fields.integer("number");
    const std::string id = fields.text("id"), serial_text = fields.text("serial"), key_id = fields.text("key_id"),
                      reason = fields.text("reason");
    const auto previous = digest(fields.text("previous")), envelope = digest(fields.text("envelope")),
               certificate = digest(fields.text("certificate"));
    const auto node = NodeName::parse(fields.text("node"));
    const auto account = AccountName::parse(fields.text("account"));
    const auto key = wire::parse_ssh_key_line(fields.text("key"));
    const auto by = OwnerName::parse(fields.text("by"));
    const auto minted = Instant::parse(fields.text("minted")), after = Instant::parse(fields.text("valid_after")),
               before = Instant::parse(fields.text("valid_before"));
    std::vector<OwnerName> holders;
    for (const auto& text : fields.texts_or_empty("holders"))
        if (auto holder = OwnerName::parse(text))
            holders.push_back(std::move(*holder));
        else
            return pass(holder.error(), "break-glass record");
    if (auto ok = fields.finish(); !ok) return pass(ok.error());
    std::uint64_t serial = 0;
    const auto [end, error] = std::from_chars(serial_text.data(), serial_text.data() + serial_text.size(), serial);
    if (version != kVersion) return bad("version " + std::to_string(version) + " is not known to this build");
    if (number < 1 || !well_formed_id(id)) return bad("it has no number or no id");
    if (error != std::errc{} || end != serial_text.data() + serial_text.size() || serial == 0)
        return bad("its serial is none");
    if (!previous || !envelope || !certificate) return bad("a hash in it is none");
    if (!node || !account || !key || !by || !minted || !after || !before)
        return bad("a name, a key or a time in it is none");
    if (reason.empty() || reason.size() > kMostReason) return bad("its reason is empty, or longer than 1,000 bytes");
    return Record{id,
                  static_cast<std::uint64_t>(number),
                  *previous,
                  *envelope,
                  serial,
                  key_id,
                  *node,
                  *account,
                  key->key,
                  *by,
                  std::move(holders),
                  reason,
                  *minted,
                  *after,
                  *before,
                  *certificate};
}

/// The key never signed outside its envelope while unseal was in charge; a record that says otherwise is a forgery by
/// those who hold the shares, or a defect of ours.
Status within(const Record& record, const SignedEnvelope& signed_by) {
    const Envelope& envelope = signed_by.envelope;
    if (record.envelope != signed_by.hash) return bad("it belongs to another envelope");
    if (!opens(envelope, record.node) ||
        !std::binary_search(envelope.accounts.begin(), envelope.accounts.end(), record.account))
        return bad("it opens an account or a node outside the envelope");
    if (record.key_id != key_id_of(record.by, record.node, record.id)) return bad("its key id is not its own");
    if (!(record.valid_after < record.valid_before) || record.minted < record.valid_after ||
        record.valid_before.seconds() - record.minted.seconds() > envelope.longest.seconds() ||
        record.minted < envelope.created || record.minted >= envelope.expires)
        return bad("its times are outside the envelope");
    if (record.holders.size() < envelope.threshold || !std::is_sorted(record.holders.begin(), record.holders.end()) ||
        std::adjacent_find(record.holders.begin(), record.holders.end()) != record.holders.end() ||
        !std::includes(envelope.holders.begin(), envelope.holders.end(), record.holders.begin(), record.holders.end()))
        return bad("too few holders, or others than the envelope names, made the key");
    return {};
}

}  // namespace

std::string key_id_of(const OwnerName& by, const NodeName& node, const std::string& record_id) {
    return "breakglass-offline/" + by.text() + "/" + node.text() + "/" + record_id;
}

Result<SignedRecord> sign_record(const Record& record, const crypto::PrivateKey& key) {
    const wire::Json json = json_of(record);
    const auto signature = crypto::sshsig(key, kNamespace, view(json.canonical()));
    if (!signature) return pass(signature.error());
    std::string line =
        wire::Json(wire::Json::Object{{"record", json}, {"signature", wire::base64(*signature)}}).canonical();
    const Digest hash = crypto::sha256(view(line));
    return SignedRecord{record, hash, std::move(line)};
}

Result<SignedRecord> read_record(std::string_view line, const SignedEnvelope& envelope) {
    const auto json = wire::parse_json(line);
    if (!json) return bad(json.error().message);
    if (json->canonical() != line) return bad("the line is not in canonical form");
    wire::Fields fields(*json, "break-glass record line");
    const auto* inner = fields.member("record");
    const auto blob = wire::parse_base64(fields.text("signature"));
    if (auto ok = fields.finish(); !ok) return bad(ok.error().message);
    if (inner == nullptr) return bad("the line holds none");
    auto record = parse(*inner);
    if (!record) return pass(record.error());
    if (json_of(*record) != *inner) return bad("a value in it is not in its shortest form");
    const auto signature = blob ? wire::parse_sshsig(*blob) : pass(blob.error());
    if (!signature || signature->key != envelope.envelope.key ||
        !crypto::verify(*signature, kNamespace, view(inner->canonical())))
        return bad("record " + record->id + " is not signed by the emergency key of this envelope");
    if (auto ok = within(*record, envelope); !ok) return pass(ok.error());
    return SignedRecord{std::move(*record), crypto::sha256(view(line)), std::string(line)};
}

Result<std::vector<SignedRecord>> read_records(std::string_view text, const SignedEnvelope& envelope) {
    std::vector<SignedRecord> out;
    Digest previous = envelope.hash;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return bad("the last line has no end: it was not written to the end");
        auto record = read_record(text.substr(0, end), envelope);
        if (!record) return pass(record.error(), "line " + std::to_string(out.size() + 1));
        text.remove_prefix(end + 1);
        if (record->record.number != out.size() + 1 || record->record.previous != previous)
            return bad("line " + std::to_string(out.size() + 1) +
                       " does not follow the one before: a line was taken out, or moved");
        previous = record->hash;
        out.push_back(std::move(*record));
        if (out.size() > kMostLines) return bad("there are more than 10,000 lines");
    }
    return out;
}

}  // namespace mayfly::breakglass
