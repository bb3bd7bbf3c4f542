#pragma once
// The files of an X.509 certificate: a folder with the key, the chain in the forms that programs take, and the log
// proof, replaced at one instant.
#include <optional>
#include <string>
#include <vector>

#include "cli/hand_over.h"
#include "cli/out_files.h"
#include "lib/crypto/crypto.h"
#include "lib/renewal/install.h"
#include "lib/renewal/wish.h"
#include "mayfly/api.h"

namespace mayfly::cli {

/// Form is what is written beside key.pem, cert.pem, chain.pem, fullchain.pem, ca.pem and the log proof.
enum class Form { combined, pkcs12 };
/// form_words are the words of --format, in order of Form.
const std::vector<std::string>& form_words();

/// CertFiles is what a folder will hold; everything that can be wrong is found before something is minted.
struct CertFiles {
    std::string folder;
    std::vector<Form> forms{};
    Secret password{};  ///< of the PKCS#12 file
    HandOver hand_over{};
    Secret kept_key{};           ///< PEM of the key that is there already, when the certificate is for that one
    renewal::Wish wish{};        ///< written beside them, for `cert renew`
    renewal::Service service{};  ///< what reads them
    [[nodiscard]] bool has(Form form) const;
};

/// check_folder refuses to write over files, and to leave somebody else's key.pem beside the certificate: it keeps a
/// key.pem that is the certificate's, and refuses another (E-KEY-MISMATCH), whatever --force says. `made`: the key is
/// new and will be written.
enum class KeyIs { made, elsewhere };
Status check_folder(CertFiles& files, const PublicKey& key, KeyIs where, Existing existing);
/// write_cert_files writes them all, and tells the service. `key` is null when the key is elsewhere.
Status write_cert_files(const CertFiles& files, const crypto::PrivateKey* key, const api::CertificateReply& reply,
                        const api::Bundle& bundle);

}  // namespace mayfly::cli
