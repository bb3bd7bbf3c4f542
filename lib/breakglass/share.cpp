#include "lib/breakglass/share.h"

#include <algorithm>
#include <set>

#include "lib/crypto/shares.h"
#include "lib/wire/json.h"
#include "lib/wire/text.h"

namespace mayfly::breakglass {

namespace {

constexpr int kVersion = 1;
constexpr const char* kWhat = "mayfly-breakglass-share";

/// The shares of one key know one another by the start of their envelope's hash.
crypto::ShareId share_id(const Digest& envelope) {
    crypto::ShareId id{};
    std::copy_n(envelope.begin(), id.size(), id.begin());
    return id;
}

/// Everything that the file says in the clear is associated data of what is sealed in it.
std::string label_of(const Share& share) {
    return std::string(kWhat) + " " + share.trust_domain.text() + " " + wire::hex(share.envelope) + " " +
           share.holder.text() + " " + std::to_string(share.number) + " of " + std::to_string(share.count) + " needs " +
           std::to_string(share.threshold);
}

tl::unexpected<Error> mixed(const Share& share, std::string why) {
    return fail(Code::denied, "the share of " + share.holder.text() + " does not belong to this envelope",
                "E-SHARE-MIXED", std::move(why), "use the shares and the envelope that were made together");
}

}  // namespace

Result<std::vector<Share>> make_shares(const crypto::PrivateKey& key, const SignedEnvelope& envelope,
                                       const std::vector<Secret>& passphrases, Rng& rng, crypto::SealCost cost) {
    const auto& holders = envelope.envelope.holders;
    ensure(passphrases.size() == holders.size(), "each holder has a passphrase");
    const auto seed = key.ed25519_seed();
    if (!seed) return pass(seed.error());
    const auto parts = crypto::split(*seed, envelope.envelope.threshold, static_cast<unsigned>(holders.size()),
                                     share_id(envelope.hash));
    if (!parts) return pass(parts.error());
    std::vector<Share> out;
    for (std::size_t i = 0; i < holders.size(); ++i) {
        Share share{envelope.envelope.trust_domain,
                    holders[i],
                    static_cast<unsigned>(i + 1),
                    envelope.envelope.threshold,
                    static_cast<unsigned>(holders.size()),
                    envelope.hash,
                    {}};
        auto sealed = crypto::seal((*parts)[i], passphrases[i], label_of(share), rng, cost);
        if (!sealed) return pass(sealed.error());
        share.sealed = std::move(*sealed);
        out.push_back(std::move(share));
    }
    return out;
}

std::string encode_share(const Share& share) {
    return wire::Json(wire::Json::Object{{"v", kVersion},
                                         {"what", kWhat},
                                         {"trust_domain", share.trust_domain.text()},
                                         {"holder", share.holder.text()},
                                         {"number", static_cast<std::int64_t>(share.number)},
                                         {"threshold", static_cast<std::int64_t>(share.threshold)},
                                         {"count", static_cast<std::int64_t>(share.count)},
                                         {"envelope", wire::hex(share.envelope)},
                                         {"sealed", share.sealed}})
               .pretty() +
           "\n";
}

Result<Share> parse_share(std::string_view text) {
    const auto bad = [](const std::string& why) {
        return fail(Code::malformed, "not a share of an emergency key: " + why, "E-SHARE-BAD", {},
                    "use the file as it was made");
    };
    const auto json = wire::parse_json(text);
    if (!json) return bad(json.error().message);
    wire::Fields fields(*json, "share");
    const auto version = fields.integer("v"), number = fields.integer("number"), count = fields.integer("count"),
               threshold = fields.integer("threshold");
    const std::string what = fields.text("what"), sealed = fields.text("sealed");
    const auto domain = TrustDomain::parse(fields.text("trust_domain"));
    const auto holder = OwnerName::parse(fields.text("holder"));
    const auto envelope = wire::parse_hex(fields.text("envelope"));
    if (auto ok = fields.finish(); !ok) return bad(ok.error().message);
    if (version != kVersion || what != kWhat) return bad("it is another kind of file, or of a later version");
    if (!domain) return bad(domain.error().message);
    if (!holder) return bad(holder.error().message);
    if (!envelope || envelope->size() != Digest{}.size()) return bad("its envelope is no hash");
    if (number < 1 || number > count || threshold < 1 || threshold > count || count > 255) return bad("its numbers");
    Share share{
        *domain, *holder, static_cast<unsigned>(number), static_cast<unsigned>(threshold), static_cast<unsigned>(count),
        {},      sealed};
    std::copy(envelope->begin(), envelope->end(), share.envelope.begin());
    return share;
}

Result<Secret> open_share(const Share& share, const Secret& passphrase) {
    auto opened = crypto::unseal(share.sealed, passphrase, label_of(share));
    if (!opened)
        return fail(opened.error().code, "the share of " + share.holder.text() + " does not open", opened.error().id,
                    "the passphrase is wrong, or the file was changed",
                    "check the passphrase of " + share.holder.text());
    const auto head = crypto::share_head(*opened);
    if (!head) return pass(head.error());
    if (head->id != share_id(share.envelope) || head->threshold != share.threshold)
        return fail(Code::corrupt, "the share of " + share.holder.text() + " holds another share than it says",
                    "E-SHARE-BAD", {}, "make new shares");
    return opened;
}

Status fit(const std::vector<Share>& shares, const SignedEnvelope& envelope) {
    std::set<std::string> holders;
    std::set<unsigned> numbers;
    for (const auto& share : shares) {
        if (share.envelope != envelope.hash)
            return mixed(share, share.trust_domain == envelope.envelope.trust_domain
                                    ? "it was made with another envelope: another day, or the envelope was changed"
                                    : "it is of the trust domain " + share.trust_domain.text());
        if (!holders.insert(share.holder.text()).second || !numbers.insert(share.number).second)
            return fail(Code::denied, "the share of " + share.holder.text() + " was given twice", "E-SHARE-TWICE", {},
                        "use shares of different holders");
    }
    const unsigned needed = envelope.envelope.threshold;
    if (shares.size() >= needed) return {};
    return fail(Code::denied,
                std::to_string(shares.size()) + " of the " + std::to_string(needed) + " shares needed were given",
                "E-SHARE-FEW", "fewer say nothing about the key", "add the share of another holder");
}

Result<crypto::PrivateKey> assemble(const std::vector<Secret>& opened, const SignedEnvelope& envelope) {
    const auto seed = crypto::combine(opened);
    if (!seed) return pass(seed.error());
    auto key = crypto::PrivateKey::from_ed25519_seed(*seed);
    if (!key) return pass(key.error());
    if (key->public_key() == envelope.envelope.key) return key;
    return fail(Code::corrupt, "the shares make another key than the envelope names", "E-SHARE-MIXED", {},
                "use the shares and the envelope that were made together");
}

}  // namespace mayfly::breakglass
