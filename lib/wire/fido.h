#pragma once
// What a FIDO authenticator says about a key that it made: OpenSSH's file of it (PROTOCOL.u2f, "ssh-sk-attest-v01", as
// ssh-keygen -O write-attestation writes it) and the authenticator data inside (WebAuthn section 6.1).
#include <array>
#include <cstdint>

#include "mayfly/keys.h"

namespace mayfly::wire {

struct FidoAttestation {
    Bytes certificate;  ///< DER, of the key that the maker built into the device; empty: it attests itself
    Bytes signature;    ///< over authenticator data and the hash of the challenge (WebAuthn section 8.2, "packed")
    Bytes authenticator_data;
};
/// parse_fido_attestation reads the file's bytes strictly: version 01, reserved parts empty, nothing behind.
Result<FidoAttestation> parse_fido_attestation(ByteView bytes);

struct AuthenticatorData {
    Digest application_hash{};
    bool user_present = false, user_verified = false;
    std::uint32_t counter = 0;
    std::array<std::uint8_t, 16> aaguid{};  ///< the model, as its maker numbers it
    Bytes credential;
    PublicKey key;  ///< sk-ed25519 or sk-ecdsa; without its application, of which only the hash is said
};
/// parse_authenticator_data reads the data of an enrolment: flags, attested credential, extensions when the flag says
/// so, nothing else. The key is a COSE_Key (RFC 9052 section 7, RFC 9053 section 7) of exactly the members that its
/// algorithm has, ES256 on P-256 or EdDSA on Ed25519.
Result<AuthenticatorData> parse_authenticator_data(ByteView bytes);

}  // namespace mayfly::wire
