#pragma once
// Step 1 of the minting path: what a body asks for, once the key in it has proved that its holder sent it. Everything
// that is wrong with a request before policy is asked is found here.
#include <string>

#include "ca/app.h"
#include "ca/policy/decide.h"
#include "lib/wire/api.h"

namespace mayfly::ca {

/// not_known refuses a key on one of the operator's lists of weak keys (E-KEY-KNOWN).
Status not_known(const App& app, const PublicKey& key);
/// claim_of is the Mayfly-Proof header together with what it has to cover.
auth::ProofClaim claim_of(const http::Request& request, const std::string& header);

/// read_csr_ask: a profile whose names are the CA's to choose, and a PKCS#10 request that contributes a key. `ttl` may
/// be "".
Result<policy::Ask> read_csr_ask(const App& app, policy::Profile profile, const std::string& csr,
                                 const std::string& ttl);
/// The others prove possession by Mayfly-Proof (SSH, and bare keys of X.509) or by the request's own signature
/// (PKCS#10).
Result<policy::Ask> read_ask(App& app, const http::Request& request, const api::SshUserRequest& body);
Result<policy::Ask> read_ask(App& app, const http::Request& request, const api::SshHostRequest& body);
Result<policy::Ask> read_ask(App& app, const http::Request& request, const api::X509Request& body);

}  // namespace mayfly::ca
