#pragma once
// Mayfly's certificate writer and signer, and its revocation list writer, behind the command line of ssh-keygen: only
// so far as OpenSSH's regression scripts use it, and only for tests. What is not `-s` or `-k` goes to the real
// ssh-keygen.
#include <optional>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/result.h"

namespace mayfly::shim {

/// Arguments is what ssh-keygen's command line says, as far as signing and revocation lists go.
struct Arguments {
    bool sign = false, revoke = false;
    bool makes = false, shows = false, asks = false, pass_through = false;  ///< what the real ssh-keygen does
    bool host = false, update = false;
    std::string authority;  ///< -s: a CA's private key; for lists also its public key, or NONE
    std::string key_id, principals, validity, file, type;
    std::uint64_t number = 0;  ///< -z: a certificate's serial, or a list's version
    std::vector<std::string> options, operands;
};

/// Outcome: done, or "the real ssh-keygen must do this", with the reason for the record.
struct Outcome {
    std::optional<std::string> pass_through{};
};

Result<Outcome> sign(const Arguments& arguments);
Result<Outcome> revoke(const Arguments& arguments);

/// The text of a small file; "-" is standard input.
Result<std::string> slurp(const std::string& path);
/// The blob in a public key or certificate line ("type base64 comment", as in .pub files).
Result<Bytes> blob_of_line(const std::string& line);
/// The real ssh-keygen.
std::string real_keygen();

}  // namespace mayfly::shim
