#pragma once
// Core: what the signer is, without its process: keys, envelope, journal, and its verbs. One thread.
#include <map>
#include <optional>

#include "ca/signer/frames.h"
#include "ca/signer/journal_writer.h"
#include "ca/signer/spawn.h"
#include "lib/wire/x509.h"

namespace mayfly::signer {

class Core {
public:
    /// Refuses the same key under two names (E-KEY-REUSE) and an issuing certificate that is not the X.509 key's.
    static Result<Core> make(Keys keys, std::string_view issuing_pem, std::string log_origin, Envelope envelope,
                             const Clock& clock, JournalWriter journal);

    [[nodiscard]] Description describe() const;
    /// Checks the envelope, builds the bytes, journals, signs.
    Result<Bytes> sign(const Order& order);
    Result<std::string> sign_checkpoint(const CheckpointOrder& order);
    /// As sign: envelope, bytes, journal, signature.
    Result<Bytes> sign_crl(const CrlOrder& order);
    [[nodiscard]] int journal_descriptor() const { return journal_.descriptor(); }
    /// One signature with each key and one random number: libraries do their lazy start-up before the sandbox closes.
    Status warm_up() const;

private:
    Core(Keys keys, wire::X509View issuing, std::string origin, Envelope envelope, const Clock& clock,
         JournalWriter journal);
    Result<Bytes> sign_ssh(const Order& order, wire::SshCertificate facts);
    Result<Bytes> sign_x509(const Order& order, wire::X509Certificate facts);
    Status record(const Order& order, std::string serial, ByteView to_be_signed);
    [[nodiscard]] bool is_our_key(const PublicKey& key) const;

    Keys keys_;
    wire::X509View issuing_;
    std::string origin_;
    Envelope envelope_;
    const Clock& clock_;
    JournalWriter journal_;
    std::uint64_t checkpoints_ = 0;
    std::optional<std::uint64_t> committed_size_;
    std::map<std::uint32_t, std::uint64_t> crl_numbers_;  ///< by shard: the number signed last
};

}  // namespace mayfly::signer
