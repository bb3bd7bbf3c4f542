#pragma once
// JSON for the API bodies, derived from each body's list of fields: encoder, strict decoder, OpenAPI schema.
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/wire/json.h"
#include "mayfly/api.h"

namespace mayfly::wire {

/// proof_message is what a key signs to prove that its holder sends exactly this request, once:
/// "mayfly-proof-v1\n<method> <path>\n<trust domain>\n<nonce>\n<hex SHA-256 of body>\n".
std::string proof_message(std::string_view method, std::string_view path, std::string_view trust_domain,
                          std::string_view nonce, const Digest& body_hash);

template <class Body>
Json to_json(const Body& body);
/// from_json refuses unknown members (with the nearest known name), missing required ones and wrong types.
template <class Body>
Result<Body> from_json(const Json& json, std::string_view what);
/// parse_body is parse_json and from_json.
template <class Body>
Result<Body> parse_body(std::string_view text, std::string_view what) {
    const auto json = parse_json(text);
    if (!json) return pass(json.error());
    return from_json<Body>(*json, what);
}
/// JSON Schema 2020-12 of a body.
template <class Body>
Json schema();

// ---- how ------------------------------------------------------------------------------------------------------------
namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {
    using Item = T;
};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {
    using Item = T;
};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {
    using Item = T;
};

template <class T>
Json encode(const T& value) {
    if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t>) {
        return Json(value);
    } else if constexpr (IsVector<T>::value) {
        Json::Array items;
        for (const auto& item : value) items.push_back(encode(item));
        return Json(std::move(items));
    } else if constexpr (IsMap<T>::value) {
        Json::Object members;
        for (const auto& [key, item] : value) members.emplace(key, encode(item));
        return Json(std::move(members));
    } else {
        return to_json(value);
    }
}

/// An optional member that holds nothing is left out of the document.
template <class T>
bool is_blank(const T& value) {
    if constexpr (std::is_same_v<T, std::string> || IsVector<T>::value || IsMap<T>::value)
        return value.empty();
    else if constexpr (std::is_same_v<T, bool>)
        return !value;
    else
        return false;
}

struct Encoder {
    Json::Object members;
    template <class T>
    void operator()(const char* name, const T& value, api::Need need, const char*) {
        if constexpr (IsOptional<T>::value) {
            if (value) members.emplace(name, encode(*value));
        } else {
            if (need == api::Need::required || !is_blank(value)) members.emplace(name, encode(value));
        }
    }
};

inline tl::unexpected<Error> wrong_type(std::string_view where, std::string_view expected) {
    return fail(Code::malformed, std::string(where) + " must be " + std::string(expected), "E-BODY", {}, {});
}

template <class T>
Status decode(const Json& json, std::string_view where, T& out) {
    if constexpr (std::is_same_v<T, std::string>) {
        if (!json.string()) return wrong_type(where, "a string");
        out = *json.string();
    } else if constexpr (std::is_same_v<T, bool>) {
        if (!json.boolean()) return wrong_type(where, "true or false");
        out = *json.boolean();
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        if (!json.integer()) return wrong_type(where, "an integer");
        out = *json.integer();
    } else if constexpr (IsOptional<T>::value) {
        typename IsOptional<T>::Item item{};
        if (auto ok = decode(json, where, item); !ok) return ok;
        out = std::move(item);
    } else if constexpr (IsVector<T>::value) {
        if (!json.array()) return wrong_type(where, "an array");
        for (const auto& element : *json.array()) {
            typename IsVector<T>::Item item{};
            if (auto ok = decode(element, std::string(where) + "[]", item); !ok) return ok;
            out.push_back(std::move(item));
        }
    } else if constexpr (IsMap<T>::value) {
        if (!json.object()) return wrong_type(where, "an object");
        for (const auto& [key, element] : *json.object()) {
            typename IsMap<T>::Item item{};
            if (auto ok = decode(element, std::string(where) + "." + key, item); !ok) return ok;
            out.emplace(key, std::move(item));
        }
    } else {
        auto body = from_json<T>(json, where);
        if (!body) return pass(body.error());
        out = std::move(*body);
    }
    return {};
}

struct Decoder {
    const Json::Object& members;
    std::string_view what;
    std::vector<std::string> known{};
    Status status{};
    template <class T>
    void operator()(const char* name, T& value, api::Need need, const char*) {
        known.emplace_back(name);
        if (!status) return;
        const auto found = members.find(name);
        if (found == members.end()) {
            if (need == api::Need::required)
                status =
                    fail(Code::malformed, std::string(what) + " lacks the member \"" + name + "\"", "E-BODY", {}, {});
            return;
        }
        status = decode(found->second, std::string(what) + "." + name, value);
    }
};

Status refuse_unknown(const Json::Object& members, const std::vector<std::string>& known, std::string_view what);

template <class T>
Json schema_of() {
    if constexpr (std::is_same_v<T, std::string>)
        return Json::Object{{"type", "string"}};
    else if constexpr (std::is_same_v<T, bool>)
        return Json::Object{{"type", "boolean"}};
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return Json::Object{{"type", "integer"}};
    else if constexpr (IsOptional<T>::value)
        return schema_of<typename IsOptional<T>::Item>();
    else if constexpr (IsVector<T>::value)
        return Json::Object{{"type", "array"}, {"items", schema_of<typename IsVector<T>::Item>()}};
    else if constexpr (IsMap<T>::value)
        return Json::Object{{"type", "object"}, {"additionalProperties", schema_of<typename IsMap<T>::Item>()}};
    else
        return schema<T>();
}

struct Schemer {
    Json::Object properties{};
    Json::Array required{};
    template <class T>
    void operator()(const char* name, const T&, api::Need need, const char* description) {
        Json::Object property = *schema_of<T>().object();
        property["description"] = Json(description);
        properties.emplace(name, Json(std::move(property)));
        if (need == api::Need::required) required.emplace_back(name);
    }
};

}  // namespace detail

template <class Body>
Json to_json(const Body& body) {
    detail::Encoder encoder;
    Body::fields(body, encoder);
    return Json(std::move(encoder.members));
}

template <class Body>
Result<Body> from_json(const Json& json, std::string_view what) {
    if (!json.object()) return detail::wrong_type(what, "a JSON object");
    Body body;
    detail::Decoder decoder{*json.object(), what};
    Body::fields(body, decoder);
    if (!decoder.status) return pass(decoder.status.error());
    if (auto ok = detail::refuse_unknown(*json.object(), decoder.known, what); !ok) return pass(ok.error());
    return body;
}

template <class Body>
Json schema() {
    const Body body;
    detail::Schemer schemer;
    Body::fields(body, schemer);
    return Json(Json::Object{{"type", "object"},
                             {"additionalProperties", false},
                             {"properties", Json(std::move(schemer.properties))},
                             {"required", Json(std::move(schemer.required))}});
}

}  // namespace mayfly::wire
