#pragma once
// Keyring: the certificates that our agent holds, each with its private key in locked memory, and not a second longer
// than they are good for. Pure but for the keys: time is an argument. Not thread-safe.
#include <optional>
#include <vector>

#include "lib/crypto/crypto.h"
#include "lib/ssh_agent/binding.h"
#include "lib/ssh_agent/message.h"

namespace mayfly::ssh_agent {

/// Card is one certificate and its key.
struct Card {
    Bytes certificate;
    wire::SshCertificate fields;
    Principal principal;
    crypto::PrivateKey key;
    Instant added = Instant(0);  ///< certificates begin before they are made, so that clocks may differ
    bool used = false;           ///< signed a login since it was made
    bool superseded = false;     ///< a later one took its place; logins that began before may still end
    [[nodiscard]] bool valid(Instant now) const;
    [[nodiscard]] Instant until() const;
    /// When a new one should be there: three quarters of the time that was left when it came.
    [[nodiscard]] Instant renewal() const;
};

/// read_card takes what the CA answered apart. Fails unless it is a user certificate of this key, with one principal.
Result<Card> read_card(ByteView certificate, crypto::PrivateKey key);

class Keyring {
public:
    /// Takes the place of an earlier card of the same principal. That one is no longer listed, and goes `kGrace`
    /// seconds later, so that a login that was shown it can end.
    void add(Card card, Instant now);
    /// The newest valid card of a principal.
    [[nodiscard]] const Card* find(const Principal& principal, Instant now) const;
    /// The card of a certificate blob, when it is valid. May be superseded.
    Card* find(ByteView certificate, Instant now);
    [[nodiscard]] const std::vector<Card>& cards() const { return cards_; }

    /// Each returns how many went, and their keys with them.
    std::size_t drop_ended(Instant now);
    std::size_t drop_revoked(const wire::Krl& list);
    /// All that carry a role that `held` does not say is held.
    template <class Held>
    std::size_t drop_unless(Held held) {
        return std::erase_if(cards_, [&](const Card& card) { return !held(card.principal.role()); });
    }
    void clear() { cards_.clear(); }
    /// When the next card ends.
    [[nodiscard]] std::optional<Instant> next_end() const;

    static constexpr std::int64_t kGrace = 30;

private:
    std::vector<Card> cards_;
    struct Ending {
        Bytes certificate;
        Instant at;
    };
    std::vector<Ending> endings_;
};

/// sign answers a sign request with a card: string(algorithm) || string(signature).
Result<Bytes> sign(const Card& card, ByteView data);

}  // namespace mayfly::ssh_agent
