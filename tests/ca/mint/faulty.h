#pragma once
// A signer with a fault: it holds real keys and signs with them, but not what it was asked to sign.
#include <functional>

#include "lib/wire/der.h"
#include "tests/fakes/authority.h"

namespace faulty {

using namespace mayfly;

struct Fault {
    std::function<void(wire::SshCertificate&)> ssh;    ///< changes the facts before they are encoded
    std::function<void(wire::X509Certificate&)> x509;  ///< likewise
    std::function<void(Bytes&)> body;                  ///< changes the bytes before they are signed
    std::function<void(Bytes&)> certificate;           ///< changes what comes out
    bool foreign_key = false;                          ///< signs with a key that is not the issuer's
};

class Signer final : public signer::Signer {
public:
    Signer() : keys_(fakes::make_keys()), foreign_(fakes::make_keys()) {}
    Fault fault;
    std::uint64_t signatures = 0;

    Result<signer::Description> describe() override {
        return signer::Description{keys_.x509.public_key(),
                                   keys_.ssh_user.public_key(),
                                   keys_.ssh_host.public_key(),
                                   keys_.log.public_key(),
                                   signatures,
                                   0};
    }
    Result<std::string> sign_checkpoint(const signer::CheckpointOrder& order) override {
        return log::sign_checkpoint(order.next, keys_.log);
    }
    Result<Bytes> sign_crl(const signer::CrlOrder&) override {
        return fail(Code::unsupported, "nobody asks this one for a list");
    }
    [[nodiscard]] const signer::Keys& keys() const { return keys_; }

protected:
    Result<Bytes> sign_facts(steps::IssuerId, const steps::CertificateFacts& facts) override {
        ++signatures;
        auto made = std::holds_alternative<wire::SshCertificate>(facts) ? ssh(std::get<wire::SshCertificate>(facts))
                                                                        : x509(std::get<wire::X509Certificate>(facts));
        if (made && fault.certificate) fault.certificate(*made);
        return made;
    }

private:
    Result<Bytes> ssh(wire::SshCertificate facts) {
        if (fault.ssh) fault.ssh(facts);
        const auto& key = fault.foreign_key                             ? foreign_.ssh_user
                          : facts.signer == keys_.ssh_host.public_key() ? keys_.ssh_host
                                                                        : keys_.ssh_user;
        Bytes body = wire::encode_to_be_signed(facts);
        if (fault.body) fault.body(body);
        const auto signature = key.sign_ssh(body);
        if (!signature) return pass(signature.error());
        return wire::encode_signed(body, signature->algorithm, signature->signature);
    }
    Result<Bytes> x509(wire::X509Certificate facts) {
        if (fault.x509) fault.x509(facts);
        auto body = wire::encode_to_be_signed(facts);
        if (!body) return pass(body.error());
        if (fault.body) fault.body(*body);
        const auto signature = (fault.foreign_key ? foreign_ : keys_).x509.sign_x509(*body);
        if (!signature) return pass(signature.error());
        return wire::encode_signed(*body, KeyAlgorithm::ecdsa_p256, *signature);
    }

    signer::Keys keys_, foreign_;
};

// ---- changing one part of a to-be-signed certificate ----------------------------------------------------------------

inline std::vector<Bytes> parts_of(ByteView contents) {
    wire::der::Reader reader(contents);
    std::vector<Bytes> out;
    while (!reader.empty()) out.push_back(to_bytes(reader.any("part")->whole));
    return out;
}
inline Bytes joined(const std::vector<Bytes>& parts) {
    Bytes out;
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}
inline ByteView contents_of(const Bytes& element) { return wire::der::Reader(element).any("element")->contents; }

/// The fields of a TBSCertificate: version, serial, algorithm, issuer, validity, subject, key, extensions.
inline void edit_fields(Bytes& body, const std::function<void(std::vector<Bytes>&)>& edit) {
    auto parts = parts_of(contents_of(body));
    edit(parts);
    body = wire::der::tlv(wire::der::kSequence, joined(parts));
}
inline void edit_extensions(Bytes& body, const std::function<void(std::vector<Bytes>&)>& edit) {
    edit_fields(body, [&](auto& fields) {
        const Bytes list = to_bytes(contents_of(fields.back()));
        auto extensions = parts_of(contents_of(list));
        edit(extensions);
        fields.back() = wire::der::tlv(wire::der::context(3), wire::der::tlv(wire::der::kSequence, joined(extensions)));
    });
}
inline Bytes extension(std::string_view oid, bool critical, ByteView value) {
    using namespace wire;
    if (critical) return der::sequence({der::oid(oid), der::boolean(true), der::octet_string(value)});
    return der::sequence({der::oid(oid), der::octet_string(value)});
}

}  // namespace faulty
