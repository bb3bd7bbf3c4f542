#pragma once
// Wish: what a certificate is asked for with, and what comes of it. It stands beside the certificate as request.json,
// so that whoever renews it asks for the same.
#include <string>
#include <vector>

#include "lib/crypto/crypto.h"
#include "mayfly/api.h"

namespace mayfly::renewal {

/// The file's name in a certificate's folder.
inline constexpr const char* kWishFile = "request.json";

struct Wish {
    std::string identity, role, ttl, key_type;
    std::vector<std::string> names, forms;
    bool operator==(const Wish&) const = default;
    MAYFLY_FIELDS {
        field("identity", self.identity, api::Need::optional, "the workload, when a node asked on its behalf");
        field("role", self.role, api::Need::required, "role whose x509 scope applies");
        field("names", self.names, api::Need::required, "subjectAltNames, tagged");
        field("ttl", self.ttl, api::Need::optional, "lifetime asked for");
        field("key_type", self.key_type, api::Need::optional, "of the key that is made; none is when absent");
        field("forms", self.forms, api::Need::optional, "what is written beside the usual files");
    }
};
/// text_of_wish is what the file holds; read_wish reads `folder`/request.json.
std::string text_of_wish(const Wish& wish);
Result<Wish> read_wish(const std::string& folder);

/// tag_names turns bare words into "dns:…", "ip:…", so that nobody has to guess later; malformed for what is no name.
Status tag_names(std::vector<std::string>& names);

/// The words for kinds of keys: p256, p384, ed25519, rsa.
const std::vector<std::string>& key_types();
/// FreshKey is a key made here, and the request that proves possession of it.
struct FreshKey {
    crypto::PrivateKey key;
    std::string csr;
};
Result<FreshKey> make_key(const std::string& key_type, const std::vector<std::string>& names);
/// is_for refuses a certificate for another key: a pair that does not belong together (E-KEY-MISMATCH).
Status is_for(const PublicKey& key, const api::CertificateReply& reply);

/// Held is a certificate in a file, and when it is due.
struct Held {
    Bytes leaf;
    Instant after, before, due;
    std::string serial;
};
/// read_held reads the first certificate of a PEM file, or DER.
Result<Held> read_held(const std::string& path);
/// read_issued reads what the CA answered.
Result<Held> read_issued(const api::CertificateReply& reply);

}  // namespace mayfly::renewal
