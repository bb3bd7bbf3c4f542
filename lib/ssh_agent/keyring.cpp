#include "lib/ssh_agent/keyring.h"

#include <algorithm>

#include "lib/wire/buffer.h"

namespace mayfly::ssh_agent {

bool Card::valid(Instant now) const {
    const auto second = static_cast<std::uint64_t>(std::max<std::int64_t>(now.seconds(), 0));
    return fields.valid_after <= second && second < fields.valid_before;
}

Instant Card::until() const { return Instant(static_cast<std::int64_t>(fields.valid_before)); }

Instant Card::renewal() const { return Instant(until().seconds() - (until().seconds() - added.seconds()) / 4); }

Result<Card> read_card(ByteView certificate, crypto::PrivateKey key) {
    auto read = wire::parse_ssh_certificate(certificate);
    if (!read) return pass(read.error());
    auto& fields = read->fields;
    constexpr std::uint64_t kLatest = 253402300799;
    if (fields.type != wire::SshCertificateType::user || fields.subject != key.public_key() ||
        fields.principals.size() != 1 || fields.valid_before <= fields.valid_after || fields.valid_before > kLatest)
        return fail(Code::corrupt, "the certificate is not the one that was asked for");
    auto principal = Principal::parse(fields.principals.front());
    if (!principal) return pass(principal.error());
    return Card{to_bytes(certificate), std::move(fields), std::move(*principal), std::move(key)};
}

void Keyring::add(Card card, Instant now) {
    for (auto& old : cards_) {
        if (old.superseded || old.principal != card.principal) continue;
        old.superseded = true;
        endings_.push_back({old.certificate, Instant(now.seconds() + kGrace)});
    }
    card.added = now;
    cards_.push_back(std::move(card));
}

const Card* Keyring::find(const Principal& principal, Instant now) const {
    for (const auto& card : cards_)
        if (!card.superseded && card.principal == principal && card.valid(now)) return &card;
    return nullptr;
}

Card* Keyring::find(ByteView certificate, Instant now) {
    for (auto& card : cards_)
        if (card.valid(now) &&
            std::equal(card.certificate.begin(), card.certificate.end(), certificate.begin(), certificate.end()))
            return &card;
    return nullptr;
}

std::size_t Keyring::drop_ended(Instant now) {
    const auto superseded = [&](const Card& card) {
        return std::any_of(endings_.begin(), endings_.end(),
                           [&](const Ending& one) { return one.at <= now && one.certificate == card.certificate; });
    };
    const auto gone = std::erase_if(cards_, [&](const Card& card) { return card.until() <= now || superseded(card); });
    std::erase_if(endings_, [&](const Ending& one) { return one.at <= now; });
    return gone;
}

std::size_t Keyring::drop_revoked(const wire::Krl& list) {
    return std::erase_if(cards_, [&](const Card& card) { return is_revoked(card.fields, list); });
}

std::optional<Instant> Keyring::next_end() const {
    std::optional<Instant> out;
    const auto earlier = [&](Instant at) {
        if (!out || at < *out) out = at;
    };
    for (const auto& card : cards_) earlier(card.until());
    for (const auto& one : endings_) earlier(one.at);
    return out;
}

Result<Bytes> sign(const Card& card, ByteView data) {
    const auto made = card.key.sign_ssh(data);
    if (!made) return pass(made.error());
    wire::Writer out;
    return out.string(made->algorithm).string(made->signature).take();
}

}  // namespace mayfly::ssh_agent
