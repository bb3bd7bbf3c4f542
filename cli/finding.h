#pragma once
// Finding: what inspect prints of a file: fields in order, and what is odd about them.
#include <string>
#include <utility>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/keys.h"
#include "mayfly/result.h"
#include "mayfly/terminal.h"
#include "mayfly/time.h"

namespace mayfly::cli {

struct Finding {
    std::string what;
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> warnings;
    /// Values come from a stranger's file; escaped here they are UTF-8 in every form of the answer.
    void add(std::string name, std::string_view value) { fields.emplace_back(std::move(name), for_terminal(value)); }
};

/// "3h left", "expired"; "ecdsa-sha2-nistp256 SHA256:…".
std::string time_left(Instant until, Instant now);
std::string key_text(const PublicKey& key);

/// X.509 (inspect_x509.cpp): certificates and requests of anybody. A PKCS#12 file is recognised and not opened: what is
/// in it is under a password.
Result<Finding> inspect_x509(ByteView der, Instant now);
Result<Finding> inspect_csr(ByteView der);
bool looks_like_pkcs12(ByteView bytes);
Finding inspect_pkcs12(ByteView bytes);

/// ask_who adds what the log of the CA in use knows of a certificate by its serial: asker, owner, role, grant, and
/// every rule and word that allowed it (inspect_who.cpp). not_found when it knows none.
struct Globals;
Status ask_who(const Globals& globals, Finding& finding);

/// Revocation lists (inspect_lists.cpp).
bool looks_like_krl(ByteView bytes);
Result<Finding> inspect_krl(ByteView bytes);
Result<Finding> inspect_crl(ByteView der, Instant now);

}  // namespace mayfly::cli
