#include "ca/http/tls_library.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/provider.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "ca/http/tls_p256.h"

namespace mayfly::http {

namespace {

/// What is shown of one kind of algorithm, each by the first of its names.
struct Shown {
    int operation;
    std::vector<std::string_view> names;
};
const std::vector<Shown>& shown() {
    static const std::vector<Shown> all = {
        {OSSL_OP_CIPHER, {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"}},
        {OSSL_OP_DIGEST, {"SHA2-256", "SHA2-384", "SHA2-512"}},
        {OSSL_OP_MAC, {"HMAC"}},
        {OSSL_OP_KDF, {"TLS13-KDF", "HKDF"}},
        {OSSL_OP_RAND, {"CTR-DRBG", "SEED-SRC"}},
        {OSSL_OP_KEYMGMT, {"RSA", "RSA-PSS", "EC", "ED25519", "X25519"}},  // TLS 1.3 signs with RSA by PSS only
        {OSSL_OP_KEYEXCH, {"ECDH", "X25519"}},
        {OSSL_OP_SIGNATURE, {"RSA", "ECDSA", "ED25519"}},
        {OSSL_OP_DECODER, {"RSA", "EC", "ED25519"}},
    };
    return all;
}

std::string_view first_name(const OSSL_ALGORITHM& one) {
    const std::string_view all(one.algorithm_names);  // "EC:id-ecPublicKey:1.2.840.10045.2.1"
    return all.substr(0, all.find(':'));
}

bool is_shown(const Shown& kind, const OSSL_ALGORITHM& one) {
    if (std::find(kind.names.begin(), kind.names.end(), first_name(one)) == kind.names.end()) return false;
    if (kind.operation != OSSL_OP_DECODER) return true;
    const std::string_view properties(one.property_definition);
    return properties.find("input=der") != std::string_view::npos &&
           properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
}

/// A provider in front of OpenSSL's default one, of whose algorithms it shows a few. (provider-base(7): a provider is a
/// table of functions.)
class Front {
public:
    static OSSL_LIB_CTX* context() {
        static Front only;
        return only.context_;
    }

private:
    Front() {
        OSSL_LIB_CTX* behind = OSSL_LIB_CTX_new();
        default_ = behind == nullptr ? nullptr : OSSL_PROVIDER_load(behind, "default");
        if (default_ == nullptr) return;
        for (const auto& kind : shown()) {
            auto& few = few_[kind.operation];
            int no_cache = 0;
            const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(default_, kind.operation, &no_cache);
            for (; all != nullptr && all->algorithm_names != nullptr; ++all)
                if (is_shown(kind, *all)) few.push_back(*all);
            few.push_back({nullptr, nullptr, nullptr, nullptr});
        }
        OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
        if (context == nullptr || OSSL_PROVIDER_add_builtin(context, "mayfly-tls", init) != 1) return;
        front_ = this;
        if (OSSL_PROVIDER_load(context, "mayfly-tls") != nullptr) context_ = context;
    }

    // What OpenSSL calls. The algorithms are the default provider's own and get its context, which is therefore ours.
    static int init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH* core, const OSSL_DISPATCH** out, void** context) {
        static const OSSL_DISPATCH kFunctions[] = {
            {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
            {OSSL_FUNC_PROVIDER_GET_PARAMS, reinterpret_cast<void (*)()>(get_params)},
            {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(get_capabilities)},
            {0, nullptr}};
        *out = kFunctions;
        *context = OSSL_PROVIDER_get0_provider_ctx(front_->default_);
        OSSL_ALGORITHM* decoder = front_->few("EC", OSSL_OP_DECODER);
        const OSSL_ALGORITHM* keys = front_->few("EC", OSSL_OP_KEYMGMT);
        if (decoder != nullptr && keys != nullptr)
            decoder->implementation =
                with_short_way_for_p256(core, *context, decoder->implementation, keys->implementation);
        return 1;
    }
    OSSL_ALGORITHM* few(std::string_view name, int operation) {
        auto& all = few_[operation];
        const auto found = std::find_if(all.begin(), all.end(), [&](const OSSL_ALGORITHM& one) {
            return one.algorithm_names != nullptr && first_name(one) == name;
        });
        return found == all.end() ? nullptr : &*found;
    }
    static const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
        *no_cache = 0;
        const auto found = front_->few_.find(operation);
        return found == front_->few_.end() ? nullptr : found->second.data();
    }
    static int get_params(void*, OSSL_PARAM* parameters) {
        return OSSL_PROVIDER_get_params(front_->default_, parameters);
    }
    static int get_capabilities(void*, const char* capability, OSSL_CALLBACK* callback, void* argument) {
        return OSSL_PROVIDER_get_capabilities(front_->default_, capability, callback, argument);
    }

    static inline Front* front_ = nullptr;  ///< there is one; it lives as long as the process
    OSSL_PROVIDER* default_ = nullptr;
    std::map<int, std::vector<OSSL_ALGORITHM>> few_;  ///< by operation
    OSSL_LIB_CTX* context_ = nullptr;
};

}  // namespace

OSSL_LIB_CTX* tls_library() {
#if OPENSSL_VERSION_PREREQ(3, 2)
    return nullptr;
#else
    return EVP_default_properties_is_fips_enabled(nullptr) == 1 ? nullptr : Front::context();
#endif
}

}  // namespace mayfly::http
