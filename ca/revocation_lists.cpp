#include "ca/revocation_lists.h"

#include <algorithm>

#include "ca/mint/check_crl.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::ca {

namespace {

// A certificate stays listed a while after its end, for nodes whose clocks run behind.
constexpr std::int64_t kGrace = 300;
constexpr std::int64_t kRetry = 5;

/// The same serials for every key that signs such certificates: the counter goes on when a key is replaced.
Status add_authorities(const std::vector<std::string>& lines, const std::vector<wire::SerialRange>& serials,
                       wire::Krl& out) {
    if (serials.empty()) return {};
    for (const auto& line : lines) {
        const auto key = wire::parse_ssh_key_line(line);
        if (!key) return pass(key.error(), "the bundle in force");
        out.certificates.push_back({wire::encode_ssh_key(key->key), serials, {}});
    }
    return {};
}

Result<wire::Krl> krl_of(const store::RevocationFacts& facts, const api::Bundle& bundle) {
    wire::Krl krl;
    krl.comment = bundle.trust_domain;
    if (auto ok = add_authorities(bundle.ssh_user_cas, wire::serial_ranges(facts.ssh_user), krl); !ok)
        return pass(ok.error());
    if (auto ok = add_authorities(bundle.ssh_host_cas, wire::serial_ranges(facts.ssh_host), krl); !ok)
        return pass(ok.error());
    std::sort(krl.certificates.begin(), krl.certificates.end(),
              [](const auto& a, const auto& b) { return a.authority < b.authority; });
    krl.sha256 = facts.ssh_keys;
    return krl;
}

}  // namespace

const store::RevocationList* RevocationLists::find(store::ListKind kind, std::uint32_t shard) const {
    for (const auto& list : *lists_)
        if (list.kind == kind && list.shard == shard) return &list;
    return nullptr;
}

std::uint64_t RevocationLists::next_number(const store::RevocationList* before, Instant now) const {
    const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(now.seconds(), 1));
    return before == nullptr ? time : std::max(time, before->number + 1);
}

bool RevocationLists::due(const store::RevocationList* list, Instant now) const {
    if (list == nullptr) return true;
    return now.seconds() >=
           list->this_update.seconds() + (list->next_update.seconds() - list->this_update.seconds()) / 2;
}

bool RevocationLists::all_fresh(Instant now) const {
    if (due(find(store::ListKind::krl, 0), now)) return false;
    for (std::uint32_t shard = 0; shard < options_.crl_shards; ++shard)
        if (due(find(store::ListKind::crl, shard), now)) return false;
    return true;
}

Status RevocationLists::load() {
    auto lists = store_.current_lists();
    if (!lists) return pass(lists.error());
    // Fewer shards than before: those beyond the last are no longer in force.
    std::erase_if(*lists, [this](const auto& list) { return list.shard >= options_.crl_shards; });
    lists_ = std::make_shared<const std::vector<store::RevocationList>>(std::move(*lists));
    return {};
}

Status RevocationLists::keep(store::RevocationList list, Instant now) {
    list.sha256 = crypto::sha256(list.bytes);
    list.this_update = now;
    list.next_update = now + options_.crl_lifetime;
    const auto leaf = store_.publish_list(list, now);
    if (!leaf) return pass(leaf.error());
    report_(std::string(store::name(list.kind)) + ".published", "number " + std::to_string(list.number) + ", " +
                                                                    std::to_string(list.entries) + " entries, " +
                                                                    std::to_string(list.bytes.size()) + " bytes");
    return {};
}

Status RevocationLists::publish_krl(const store::RevocationFacts& facts, Instant now) {
    const auto* before = find(store::ListKind::krl, 0);
    const auto bundle = store_.current_bundle();
    if (!bundle) return pass(bundle.error());
    auto krl = krl_of(facts, bundle->bundle);
    if (!krl) return pass(krl.error());
    krl->version = next_number(before, now);
    krl->generated = now;
    if (!due(before, now)) {
        auto old = wire::parse_krl(before->bytes);
        if (!old) return pass(old.error());
        old->version = krl->version;
        old->generated = krl->generated;
        if (*old == *krl) return {};
    }
    Bytes bytes = wire::encode_krl(*krl);
    // One list that sshd cannot read locks everybody out of every node: what we wrote must read back as we meant it.
    if (const auto read = wire::parse_krl(bytes); !read || !(*read == *krl))
        return fail(Code::internal, "the revocation list for sshd does not read back");
    return keep(
        {store::ListKind::krl, 0, krl->version, std::move(bytes), {}, wire::count_serials(*krl) + krl->sha256.size()},
        now);
}

Status RevocationLists::publish_crl(std::uint32_t shard, const store::RevocationFacts& facts, Instant now) {
    const auto* before = find(store::ListKind::crl, shard);
    signer::CrlOrder order{shard, next_number(before, now), now, now + options_.crl_lifetime, {}, {}};
    if (options_.crl_shards > 1) order.distribution_point = options_.crl_url + "/" + std::to_string(shard);
    for (const auto& entry : facts.x509)
        if (wire::shard_of(entry.serial, options_.crl_shards) == shard) order.entries.push_back(entry);
    if (order.entries.size() > signer::kMostCrlEntries)
        return fail(Code::unsupported,
                    "more than " + std::to_string(signer::kMostCrlEntries) + " revoked certificates in one CRL",
                    "E-CRL-LARGE", "it would not fit", "raise crl_shards under [revocation] in ca.toml");
    if (!due(before, now)) {
        const auto old = wire::parse_crl(before->bytes);
        if (!old) return pass(old.error());
        if (old->entries == order.entries) return {};
    }
    const wire::Crl meant = mint::crl_meant(authority_, order);
    const auto to_be_signed = wire::encode_to_be_signed(meant);
    if (!to_be_signed) return pass(to_be_signed.error());
    if (auto ok = store_.promise_crl(signer::journal_serial(order), crypto::sha256(*to_be_signed)); !ok) return ok;
    auto der = signer_.sign_crl(order);
    if (!der) return pass(der.error());
    if (auto ok = mint::check_crl(authority_, meant, *der); !ok) return ok;
    return keep({store::ListKind::crl, shard, order.number, std::move(*der), {}, order.entries.size()}, now);
}

/// 1 what is revoked  2 the KRL  3 each CRL  4 forget what no list needs any more  5 serve the new ones.
Status RevocationLists::publish(Instant now) {
    // RFC 5280 section 3.3: an entry stays until it was on one list issued beyond the certificate's end.
    Instant ended(now.seconds() - kGrace);
    for (std::uint32_t shard = 0; shard < options_.crl_shards; ++shard)
        if (const auto* before = find(store::ListKind::crl, shard)) ended = std::min(ended, before->this_update);
    const auto facts = store_.load_revocations(ended, Instant(now.seconds() - options_.longest_ssh.seconds() - kGrace));
    if (!facts) return pass(facts.error());
    Status first = publish_krl(*facts, now);  // one list that cannot be made must not keep the others from it
    for (std::uint32_t shard = 0; shard < options_.crl_shards; ++shard)
        if (auto ok = publish_crl(shard, *facts, now); !ok && first) first = ok;
    if (auto ok = load(); !ok) return ok;
    if (!first) return first;
    return store_.forget_revocations(ended);
}

Result<RevocationLists::Lists> RevocationLists::current() {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    if (!lists_)
        if (auto ok = load(); !ok) return pass(ok.error());
    const auto recorded = store_.revocations_recorded();
    if (!recorded) return pass(recorded.error());
    if (compared_ && *recorded == seen_ && all_fresh(now)) return lists_;
    if (now < retry_ && !lists_->empty()) return lists_;
    if (auto ok = publish(now); !ok) {
        retry_ = Instant(now.seconds() + kRetry);
        report_("revocation.lists_failed", ok.error().message);
        if (lists_->empty()) return pass(ok.error());
        return lists_;
    }
    seen_ = *recorded;
    compared_ = true;
    return lists_;
}

}  // namespace mayfly::ca
