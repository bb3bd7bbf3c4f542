#include "ca/signer/core.h"

#include <algorithm>

#include "ca/signer/envelope.h"
#include "lib/wire/text.h"

namespace mayfly::signer {

Core::Core(Keys keys, wire::X509View issuing, std::string origin, Envelope envelope, const Clock& clock,
           JournalWriter journal)
    : keys_(std::move(keys)),
      issuing_(std::move(issuing)),
      origin_(std::move(origin)),
      envelope_(envelope),
      clock_(clock),
      journal_(std::move(journal)) {}

Result<Core> Core::make(Keys keys, std::string_view issuing_pem, std::string log_origin, Envelope envelope,
                        const Clock& clock, JournalWriter journal) {
    const std::array<std::pair<const char*, Digest>, 4> named = {
        {{"x509-issuing", crypto::key_id(keys.x509.public_key())},
         {"ssh-user", crypto::key_id(keys.ssh_user.public_key())},
         {"ssh-host", crypto::key_id(keys.ssh_host.public_key())},
         {"log", crypto::key_id(keys.log.public_key())}}};
    for (std::size_t i = 0; i < named.size(); ++i)
        for (std::size_t j = i + 1; j < named.size(); ++j)
            if (named[i].second == named[j].second)
                return fail(Code::conflict,
                            std::string("one key stands under two names, ") + named[i].first + " and " + named[j].first,
                            "E-KEY-REUSE",
                            "a host certificate must never pass for a user certificate, nor a log head for either",
                            "restore the right key file");
    const auto der = wire::parse_one_pem(issuing_pem, "CERTIFICATE");
    if (!der) return pass(der.error(), "issuing certificate");
    auto issuing = wire::parse_x509(*der);
    if (!issuing) return pass(issuing.error(), "issuing certificate");
    if (!issuing->is_ca || !(issuing->key == keys.x509.public_key()))
        return fail(Code::conflict, "the issuing certificate is not the X.509 key's", "E-ISSUER", {},
                    "restore issuing.pem or x509-issuing.sealed");
    if (issuing->name_constraints && !issuing->name_constraints->others.empty())
        return fail(Code::unsupported, "the issuing certificate constrains names in a form that is not supported",
                    "E-ISSUER", "dns and ip are; not " + issuing->name_constraints->others.front(), {});
    if (issuing->subject_common_name.empty())
        return fail(Code::unsupported, "the issuing certificate's subject is not one CN", "E-ISSUER", {}, {});
    return Core(std::move(keys), std::move(*issuing), std::move(log_origin), envelope, clock, std::move(journal));
}

Description Core::describe() const {
    return {keys_.x509.public_key(),
            keys_.ssh_user.public_key(),
            keys_.ssh_host.public_key(),
            keys_.log.public_key(),
            journal_.count(),
            checkpoints_};
}

Result<Bytes> Core::sign(const Order& order) {
    if (const auto* ssh = std::get_if<wire::SshCertificate>(&order.facts)) return sign_ssh(order, *ssh);
    return sign_x509(order, std::get<wire::X509Certificate>(order.facts));
}

Result<Bytes> Core::sign_ssh(const Order& order, wire::SshCertificate facts) {
    if (auto ok = check_envelope(envelope_, order.issuer, facts, clock_.now()); !ok) return pass(ok.error());
    if (is_our_key(facts.subject))
        return fail(Code::denied, "the subject key is one of the signer's own", "E-ENVELOPE", {}, {});
    const auto& key = order.issuer == steps::IssuerId::ssh_user ? keys_.ssh_user : keys_.ssh_host;
    facts.signer = key.public_key();
    const Bytes to_be_signed = wire::encode_to_be_signed(facts);
    if (auto ok = record(order, std::to_string(facts.serial), to_be_signed); !ok) return pass(ok.error());
    const auto signature = key.sign_ssh(to_be_signed);
    if (!signature) return pass(signature.error());
    return wire::encode_signed(to_be_signed, signature->algorithm, signature->signature);
}

Result<Bytes> Core::sign_x509(const Order& order, wire::X509Certificate facts) {
    const Instant ends(issuing_.not_after.seconds() + 1);
    if (auto ok = check_envelope(envelope_, order.issuer, facts, ends, clock_.now()); !ok) return pass(ok.error());
    if (is_our_key(facts.subject))
        return fail(Code::denied, "the subject key is one of the signer's own", "E-ENVELOPE", {}, {});
    if (issuing_.name_constraints)
        for (const auto& name : facts.names)
            if (const auto why = wire::outside(*issuing_.name_constraints, name); !why.empty())
                return fail(Code::denied, "outside the issuing CA's name constraints: " + name.tagged() + ": " + why,
                            "E-ENVELOPE", {}, {});
    facts.issuer_common_name = issuing_.subject_common_name;
    facts.issuer_algorithm = keys_.x509.public_key().algorithm;
    facts.authority_key_id = issuing_.subject_key_id;
    facts.subject_key_id = crypto::x509_key_identifier(facts.subject);
    const auto to_be_signed = wire::encode_to_be_signed(facts);
    if (!to_be_signed) return pass(to_be_signed.error());
    if (auto ok = record(order, wire::hex(facts.serial), *to_be_signed); !ok) return pass(ok.error());
    const auto signature = keys_.x509.sign_x509(*to_be_signed);
    if (!signature) return pass(signature.error());
    return wire::encode_signed(*to_be_signed, facts.issuer_algorithm, *signature);
}

Status Core::record(const Order& order, std::string serial, ByteView to_be_signed) {
    JournalEntry entry;
    entry.time = clock_.now();
    entry.issuer = order.issuer;
    entry.serial = std::move(serial);
    entry.to_be_signed = crypto::sha256(to_be_signed);
    return journal_.append(std::move(entry));
}

Result<std::string> Core::sign_checkpoint(const CheckpointOrder& order) {
    const auto refuse = [](const char* why) {
        return fail(Code::denied, std::string("the signer does not sign this checkpoint: ") + why, "E-LOG-FORK",
                    "a log never forgets and never forks", "mayfly-ca doctor; restore the newest database");
    };
    if (order.committed.origin != origin_ || order.next.origin != origin_) return refuse("it is of another log");
    if (committed_size_ && order.committed.size < *committed_size_) return refuse("a later one was committed before");
    const auto consistent = log::verify_consistency(order.committed.size, order.committed.root, order.next.size,
                                                    order.next.root, order.proof);
    if (!consistent) return refuse(consistent.error().message.c_str());
    committed_size_ = order.committed.size;
    ++checkpoints_;
    return log::sign_checkpoint(order.next, keys_.log);
}

Result<Bytes> Core::sign_crl(const CrlOrder& order) {
    auto& last = crl_numbers_[std::min(order.shard, kMostShards)];
    if (auto ok = check_envelope(envelope_, order, last, clock_.now()); !ok) return pass(ok.error());
    wire::Crl crl{issuing_.subject_common_name,
                  keys_.x509.public_key().algorithm,
                  issuing_.subject_key_id,
                  order.number,
                  order.this_update,
                  order.next_update,
                  order.entries,
                  order.distribution_point};
    const auto to_be_signed = wire::encode_to_be_signed(crl);
    if (!to_be_signed) return pass(to_be_signed.error());
    JournalEntry entry;
    entry.time = clock_.now();
    entry.serial = journal_serial(order);
    entry.to_be_signed = crypto::sha256(*to_be_signed);
    if (auto ok = journal_.append(std::move(entry)); !ok) return pass(ok.error());
    last = order.number;
    const auto signature = keys_.x509.sign_x509(*to_be_signed);
    if (!signature) return pass(signature.error());
    return wire::encode_signed_crl(*to_be_signed, crl.issuer_algorithm, *signature);
}

bool Core::is_our_key(const PublicKey& key) const {
    return key == keys_.x509.public_key() || key == keys_.ssh_user.public_key() || key == keys_.ssh_host.public_key() ||
           key == keys_.log.public_key() || crypto::x509_key_identifier(key) == issuing_.authority_key_id;  // the root
}

Status Core::warm_up() const {
    const Bytes nothing(32);
    for (const auto* key : {&keys_.x509, &keys_.ssh_user, &keys_.ssh_host, &keys_.log})
        if (const auto made = key->sign_x509(nothing); !made) return pass(made.error());
    (void)crypto::sha256(nothing);
    Bytes random(16);
    crypto::SystemRng().fill(random);
    return {};
}

}  // namespace mayfly::signer
