#pragma once
// JSON at trust boundaries: strict parsing (duplicate keys, depth above 16, more than 20,000 nodes, invalid UTF-8 and
// trailing bytes are refused) and RFC 8785 canonical text for what is hashed or signed.
//
// Json is our own small value type so that no other header needs the JSON library.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire {

/// Json holds null, boolean, integer (within ±2^53, RFC 8785 section 3.2.2.3), string, array or object. There are no
/// fractions in Mayfly's own documents; a fraction or exponent in foreign JSON is refused by `parse_json`.
class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::map<std::string, Json>;

    Json() = default;
    Json(bool value) : value_(value) {}                            // NOLINT: literals read naturally
    Json(std::int64_t value) : value_(value) {}                    // NOLINT
    Json(int value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT
    Json(std::string value) : value_(std::move(value)) {}          // NOLINT
    Json(std::string_view value) : value_(std::string(value)) {}   // NOLINT
    Json(const char* value) : value_(std::string(value)) {}        // NOLINT
    Json(Array value) : value_(std::move(value)) {}                // NOLINT
    Json(Object value) : value_(std::move(value)) {}               // NOLINT

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&value_); }
    [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
    [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&value_); }
    [[nodiscard]] const Array* array() const { return std::get_if<Array>(&value_); }
    [[nodiscard]] const Object* object() const { return std::get_if<Object>(&value_); }
    bool operator==(const Json&) const = default;

    /// canonical is the RFC 8785 text. Member names are ASCII here, so byte order is UTF-16 order.
    [[nodiscard]] std::string canonical() const;
    void append_canonical(std::string& out) const;  ///< the same, after what `out` says already
    /// pretty is indented by two spaces, for people.
    [[nodiscard]] std::string pretty() const;

private:
    std::variant<std::monostate, bool, std::int64_t, std::string, Array, Object> value_;
};

Result<Json> parse_json(std::string_view text);

/// Fields reads an object member by member and, at `finish`, refuses the members nobody asked for, with the nearest
/// known name. Every getter names the member in its error. The first error sticks and is returned by `finish`; getters
/// then return empty values.
class Fields {
public:
    /// `json` must outlive the Fields. A non-object is an error at finish.
    Fields(const Json& json, std::string_view what);
    std::string text(const std::string& name);  ///< required string
    std::string text_or(const std::string& name, std::string_view fallback);
    std::int64_t integer(const std::string& name);  ///< required
    std::int64_t integer_or(const std::string& name, std::int64_t fallback);
    bool boolean_or(const std::string& name, bool fallback);
    std::vector<std::string> texts_or_empty(const std::string& name);
    std::map<std::string, std::string> text_map_or_empty(const std::string& name);
    const Json* member(const std::string& name);  ///< nullptr when absent
    /// note records an error found by the caller about one member.
    void note(const std::string& name, const Error& error);
    Status finish() const;

private:
    const Json::Object* object_ = nullptr;
    std::string what_;
    std::vector<std::string> known_;
    Status status_;
};

/// nearest returns the known name closest to `word` (edit distance at most 2), or "" - for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace mayfly::wire
