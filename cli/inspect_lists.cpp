// inspect, for revocation lists: OpenSSH's and X.509's, ours or not.
#include "cli/finding.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/crl.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kMostShown = 200;
constexpr std::size_t kManyEntries = 100'000;  // from there on sshd is slow at every login

std::string range_text(const wire::SerialRange& range) {
    return std::to_string(range.first) + (range.first == range.last ? "" : "-" + std::to_string(range.last));
}

std::string authority_text(const Bytes& blob) {
    if (blob.empty()) return "any CA";
    const auto key = wire::parse_ssh_key(blob);
    return key ? "CA " + wire::fingerprint(crypto::ssh_fingerprint(*key)) : "a CA";
}

/// Adds one field each, up to a bound, and says how many were left out.
template <class Items, class Text>
void add_all(Finding& out, const char* field, const Items& items, Text text) {
    std::size_t shown = 0;
    for (const auto& item : items) {
        if (shown++ == kMostShown) break;
        out.add(field, text(item));
    }
    if (items.size() > kMostShown) out.add(field, "… and " + std::to_string(items.size() - kMostShown) + " more");
}

}  // namespace

bool looks_like_krl(ByteView bytes) { return text_of(bytes).starts_with("SSHKRL\n"); }

Result<Finding> inspect_krl(ByteView bytes) {
    const auto krl = wire::parse_krl(bytes);
    if (!krl) return pass(krl.error());
    Finding out{"OpenSSH key revocation list", {}, {}};
    out.add("version", std::to_string(krl->version));
    out.add("generated", krl->generated.text());
    if (!krl->comment.empty()) out.add("comment", printable(krl->comment));
    out.add("serials", std::to_string(wire::count_serials(*krl)));
    out.add("size", std::to_string(bytes.size()) + " bytes");
    out.add("sha256", wire::hex(crypto::sha256(bytes)));
    for (const auto& one : krl->certificates) {
        out.add("certificates", "of " + authority_text(one.authority));
        add_all(out, "serial", one.serials, range_text);
        add_all(out, "key id", one.key_ids, [](const std::string& id) { return printable(id); });
    }
    add_all(out, "key", krl->keys, [](const Bytes& blob) { return wire::fingerprint(crypto::sha256(blob)); });
    add_all(out, "key", krl->sha256, [](const Digest& hash) { return wire::fingerprint(hash); });
    add_all(out, "key sha1", krl->sha1, [](const auto& hash) { return wire::hex(hash); });
    if (wire::count_serials(*krl) > kManyEntries)
        out.warnings.emplace_back("more than 100,000 serials: sshd reads all of it at every login");
    return out;
}

Result<Finding> inspect_crl(ByteView der, Instant now) {
    const auto crl = wire::parse_crl(der);
    if (!crl) return pass(crl.error());
    Finding out{"X.509 revocation list", {}, {}};
    out.add("issuer", crl->issuer);
    out.add("number", crl->number.empty() ? "(none)" : "0x" + wire::hex(crl->number));
    out.add("this update", crl->this_update.text());
    out.add("next update", crl->next_update ? crl->next_update->text() : "(never said)");
    for (const auto& url : crl->distribution_points) out.add("shard", url);
    out.add("entries", std::to_string(crl->entries.size()));
    out.add("issuer key", wire::hex(crl->authority_key_id));
    out.add("sha256", wire::hex(crypto::sha256(der)));
    add_all(out, "revoked", crl->entries, [](const wire::CrlEntry& entry) {
        return wire::hex(entry.serial) + " at " + entry.revoked.text() + ", " + std::string(wire::name(entry.reason));
    });
    if (!crl->next_update) out.warnings.emplace_back("it does not say when the next one comes");
    if (crl->next_update && *crl->next_update < now) out.warnings.emplace_back("a newer one should be out by now");
    if (crl->this_update > now) out.warnings.emplace_back("it is of the future");
    if (crl->number.empty()) out.warnings.emplace_back("it has no number: an older one cannot be told from a newer");
    if (!crl->unusable.empty()) out.warnings.push_back(crl->unusable);
    return out;
}

}  // namespace mayfly::cli
