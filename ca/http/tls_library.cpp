#include "ca/http/tls_library.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace mayfly::http {

namespace {

/// A provider in front of OpenSSL's default one: it answers what that answers, but for decoders and kinds of key, of
/// which it shows the few that TLS with our callers needs. (provider-base(7): a provider is a table of functions.)
class FewDecoders {
public:
    static OSSL_LIB_CTX* context() {
        static FewDecoders only;
        return only.context_;
    }

private:
    FewDecoders() {
        OSSL_LIB_CTX* behind = OSSL_LIB_CTX_new();
        default_ = behind == nullptr ? nullptr : OSSL_PROVIDER_load(behind, "default");
        if (default_ == nullptr) return;
        show(OSSL_OP_DECODER, decoders_, [](const OSSL_ALGORITHM& one) {
            const std::string_view properties(one.property_definition);
            return has(kInCertificates, one) && properties.find("input=der") != std::string_view::npos &&
                   properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
        });
        show(OSSL_OP_KEYMGMT, keys_,
             [](const OSSL_ALGORITHM& one) { return has(kInCertificates, one) || has(kInHandshakes, one); });
        OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
        if (context == nullptr || OSSL_PROVIDER_add_builtin(context, "mayfly-tls", init) != 1) return;
        front_ = this;
        if (OSSL_PROVIDER_load(context, "mayfly-tls") != nullptr) context_ = context;
    }

    static constexpr std::array<std::string_view, 3> kInCertificates = {"RSA", "EC", "ED25519"};
    static constexpr std::array<std::string_view, 1> kInHandshakes = {"X25519"};

    /// By the first of its names: "EC:id-ecPublicKey:1.2.840.10045.2.1".
    template <std::size_t N>
    static bool has(const std::array<std::string_view, N>& names, const OSSL_ALGORITHM& one) {
        const std::string_view all(one.algorithm_names);
        return std::find(names.begin(), names.end(), all.substr(0, all.find(':'))) != names.end();
    }

    template <class Wanted>
    void show(int operation, std::vector<OSSL_ALGORITHM>& shown, Wanted wanted) {
        int no_cache = 0;
        const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(default_, operation, &no_cache);
        for (; all != nullptr && all->algorithm_names != nullptr; ++all)
            if (wanted(*all)) shown.push_back(*all);
        shown.push_back({nullptr, nullptr, nullptr, nullptr});
    }

    // What OpenSSL calls. The algorithms are the default provider's own and get its context, which is therefore ours.
    static int init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
        static const OSSL_DISPATCH kFunctions[] = {
            {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
            {OSSL_FUNC_PROVIDER_GET_PARAMS, reinterpret_cast<void (*)()>(get_params)},
            {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(get_capabilities)},
            {0, nullptr}};
        *out = kFunctions;
        *context = OSSL_PROVIDER_get0_provider_ctx(front_->default_);
        return 1;
    }
    static const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
        *no_cache = 0;
        if (operation == OSSL_OP_DECODER) return front_->decoders_.data();
        if (operation == OSSL_OP_KEYMGMT) return front_->keys_.data();
        return OSSL_PROVIDER_query_operation(front_->default_, operation, no_cache);
    }
    static int get_params(void*, OSSL_PARAM* parameters) {
        return OSSL_PROVIDER_get_params(front_->default_, parameters);
    }
    static int get_capabilities(void*, const char* capability, OSSL_CALLBACK* callback, void* argument) {
        return OSSL_PROVIDER_get_capabilities(front_->default_, capability, callback, argument);
    }

    static inline FewDecoders* front_ = nullptr;  ///< there is one; it lives as long as the process
    OSSL_PROVIDER* default_ = nullptr;
    std::vector<OSSL_ALGORITHM> decoders_, keys_;
    OSSL_LIB_CTX* context_ = nullptr;
};

}  // namespace

OSSL_LIB_CTX* tls_library() {
#if OPENSSL_VERSION_PREREQ(3, 2)
    return nullptr;
#else
    return EVP_default_properties_is_fips_enabled(nullptr) == 1 ? nullptr : FewDecoders::context();
#endif
}

}  // namespace mayfly::http
