#include "ca/http/tls_p256.h"

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <vector>

namespace mayfly::http {

namespace {

/// SubjectPublicKeyInfo of P-256 up to the point: id-ecPublicKey, prime256v1, a bit string of 65 bytes, uncompressed
/// (RFC 5480, section 2).
constexpr std::array<unsigned char, 27> kBefore = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t kWhole = 91, kPoint = 65;

template <class Function>
Function* find(const OSSL_DISPATCH* table, int id) {
    for (; table->function_id != 0; ++table)
        if (table->function_id == id) return reinterpret_cast<Function*>(table->function);
    return nullptr;
}

struct ShortWay {
    OSSL_FUNC_BIO_read_ex_fn* read = nullptr;
    OSSL_FUNC_BIO_ctrl_fn* control = nullptr;
    OSSL_FUNC_decoder_decode_fn* long_way = nullptr;
    OSSL_FUNC_keymgmt_dup_fn* copy = nullptr;
    OSSL_FUNC_keymgmt_set_params_fn* set = nullptr;
    OSSL_FUNC_keymgmt_free_fn* release = nullptr;
    void* curve = nullptr;             ///< a key without a point; never changed, so any thread may copy it
    std::vector<OSSL_DISPATCH> table;  ///< the decoder's, with ours in the place of `long_way`
};
ShortWay way;

/// A key with this point; null when it is not on the curve.
void* key_with(unsigned char* point) {
    void* key = way.copy(way.curve, OSSL_KEYMGMT_SELECT_ALL_PARAMETERS);
    if (key == nullptr) return nullptr;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, kPoint),
        OSSL_PARAM_construct_end()};
    if (way.set(key, parameters) == 1) return key;
    way.release(key);
    return nullptr;
}

/// provider-object(7): the key by reference, which whoever takes it clears.
int hand_over(void* key, OSSL_CALLBACK* take, void* argument) {
    int type = OSSL_OBJECT_PKEY;
    char name[] = "EC";
    const OSSL_PARAM object[] = {OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                                 OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
                                 OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof key),
                                 OSSL_PARAM_construct_end()};
    const int taken = take(object, argument);
    way.release(key);  // null by now if it was taken
    return taken;
}

int decode(void* context, OSSL_CORE_BIO* in, int selection, OSSL_CALLBACK* take, void* argument,
           OSSL_PASSPHRASE_CALLBACK* ask, void* ask_argument) {
    std::array<unsigned char, kWhole + 1> der{};
    std::size_t size = 0;
    const long from = way.control(in, BIO_C_FILE_TELL, 0, nullptr);
    if (way.read(in, der.data(), der.size(), &size) == 1 && size == kWhole &&
        std::equal(kBefore.begin(), kBefore.end(), der.begin()))
        if (void* key = key_with(der.data() + kWhole - kPoint); key != nullptr) return hand_over(key, take, argument);
    way.control(in, BIO_C_FILE_SEEK, from, nullptr);
    return way.long_way(context, in, selection, take, argument, ask, ask_argument);
}

void* curve_alone(void* provider, const OSSL_DISPATCH* keys) {
    const auto make = find<OSSL_FUNC_keymgmt_new_fn>(keys, OSSL_FUNC_KEYMGMT_NEW);
    const auto import = find<OSSL_FUNC_keymgmt_import_fn>(keys, OSSL_FUNC_KEYMGMT_IMPORT);
    void* key = make == nullptr || import == nullptr ? nullptr : make(provider);
    if (key == nullptr) return nullptr;
    char group[] = "prime256v1";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                                     OSSL_PARAM_construct_end()};
    if (import(key, OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, parameters) == 1) return key;
    way.release(key);
    return nullptr;
}

}  // namespace

const OSSL_DISPATCH* with_short_way_for_p256(const OSSL_DISPATCH* core, void* provider, const OSSL_DISPATCH* decoder,
                                             const OSSL_DISPATCH* keys) {
    way.read = find<OSSL_FUNC_BIO_read_ex_fn>(core, OSSL_FUNC_BIO_READ_EX);
    way.control = find<OSSL_FUNC_BIO_ctrl_fn>(core, OSSL_FUNC_BIO_CTRL);
    way.long_way = find<OSSL_FUNC_decoder_decode_fn>(decoder, OSSL_FUNC_DECODER_DECODE);
    way.copy = find<OSSL_FUNC_keymgmt_dup_fn>(keys, OSSL_FUNC_KEYMGMT_DUP);
    way.set = find<OSSL_FUNC_keymgmt_set_params_fn>(keys, OSSL_FUNC_KEYMGMT_SET_PARAMS);
    way.release = find<OSSL_FUNC_keymgmt_free_fn>(keys, OSSL_FUNC_KEYMGMT_FREE);
    const bool all = way.read != nullptr && way.control != nullptr && way.long_way != nullptr && way.copy != nullptr &&
                     way.set != nullptr && way.release != nullptr;
    way.curve = all ? curve_alone(provider, keys) : nullptr;
    if (way.curve == nullptr) return decoder;
    for (const auto* one = decoder; one->function_id != 0; ++one) way.table.push_back(*one);
    way.table.push_back({0, nullptr});
    for (auto& one : way.table)
        if (one.function_id == OSSL_FUNC_DECODER_DECODE) one.function = reinterpret_cast<void (*)()>(decode);
    return way.table.data();
}

}  // namespace mayfly::http
