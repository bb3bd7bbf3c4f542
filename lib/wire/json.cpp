#include "lib/wire/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kDeepest = 16;
constexpr std::size_t kMostNodes = 20'000;
constexpr std::int64_t kLargest = 1LL << 53U;  // RFC 8785 section 3.2.2.3: what every reader of JSON can hold

/// Builder receives nlohmann's SAX events and refuses what a trust boundary must not let through: duplicate keys (two
/// readers would see two documents), depth, size, fractions.
class Builder {
public:
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;

    bool null() { return add(Json()); }
    bool boolean(bool value) { return add(Json(value)); }
    bool number_integer(number_integer_t value) {
        if (value < -kLargest || value > kLargest) return refuse("a number beyond 2^53");
        return add(Json(static_cast<std::int64_t>(value)));
    }
    bool number_unsigned(number_unsigned_t value) {
        if (value > static_cast<number_unsigned_t>(kLargest)) return refuse("a number beyond 2^53");
        return add(Json(static_cast<std::int64_t>(value)));
    }
    bool number_float(number_float_t, const string_t&) { return refuse("a number that is not an integer"); }
    bool string(string_t& value) { return add(Json(std::move(value))); }
    bool binary(binary_t&) { return refuse("binary data"); }
    bool start_object(std::size_t) { return open({Json::Object{}, {}, {}, true}); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open({{}, Json::Array{}, {}, false}); }
    bool end_array() { return close(); }
    bool key(string_t& name) {
        auto& level = levels_.back();
        if (level.members.contains(name)) return refuse("the member \"" + printable(name.substr(0, 64)) + "\" twice");
        level.key = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
        return refuse("bad syntax at byte " + std::to_string(position));
    }

    Json result;
    std::string why;

private:
    struct Level {
        Json::Object members;
        Json::Array items;
        std::string key;
        bool object = false;
    };

    bool refuse(std::string reason) {
        if (why.empty()) why = std::move(reason);
        return false;
    }
    bool open(Level level) {
        if (levels_.size() == kDeepest) return refuse("nested deeper than 16 levels");
        levels_.push_back(std::move(level));
        return true;
    }
    bool close() {
        Level level = std::move(levels_.back());
        levels_.pop_back();
        return add(level.object ? Json(std::move(level.members)) : Json(std::move(level.items)));
    }
    bool add(Json value) {
        if (++nodes_ > kMostNodes) return refuse("more than 20,000 values");
        if (levels_.empty()) return result = std::move(value), true;
        auto& level = levels_.back();
        if (level.object)
            level.members.emplace(level.key, std::move(value));
        else
            level.items.push_back(std::move(value));
        return true;
    }

    std::vector<Level> levels_;
    std::size_t nodes_ = 0;
};

constexpr auto stands_for_itself = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
};

/// RFC 8785 section 3.2.2.2: only the two quotes and control characters are escaped, the latter in their short form
/// where JSON has one.
void write_string(std::string& out, const std::string& text) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    out += '"';
    for (auto at = text.begin(); at != text.end();) {
        const auto plain = std::find_if_not(at, text.end(), stands_for_itself);
        out.append(at, plain);
        if (plain == text.end()) break;
        switch (const char c = *plain) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out += kHex[static_cast<unsigned char>(c) >> 4U];
                out += kHex[static_cast<unsigned char>(c) & 15U];
        }
        at = plain + 1;
    }
    out += '"';
}

/// `indent` < 0 writes the canonical form.
void write(std::string& out, const Json& json, int indent) {
    const auto line = [&](int depth) {
        if (indent >= 0) out.append("\n").append(static_cast<std::size_t>(depth) * 2, ' ');
    };
    const int inner = indent < 0 ? indent : indent + 1;  // stays negative: no line breaks at any depth
    if (const auto* value = json.boolean())
        out += *value ? "true" : "false";
    else if (const auto* number = json.integer())
        out += std::to_string(*number);
    else if (const auto* text = json.string())
        write_string(out, *text);
    else if (const auto* array = json.array()) {
        out += '[';
        for (std::size_t i = 0; i < array->size(); ++i) {
            if (i > 0) out += ',';
            line(inner);
            write(out, (*array)[i], inner);
        }
        if (!array->empty()) line(indent);
        out += ']';
    } else if (const auto* object = json.object()) {
        out += '{';
        bool first = true;
        for (const auto& [name, member] : *object) {
            if (!std::exchange(first, false)) out += ',';
            line(inner);
            write_string(out, name);
            out += indent < 0 ? ":" : ": ";
            write(out, member, inner);
        }
        if (!object->empty()) line(indent);
        out += '}';
    } else {
        out += "null";
    }
}

/// About how long the canonical form is: growing step by step would copy an answer of 4 KiB ten times over.
std::size_t length_of(const Json& json) {
    constexpr std::size_t kOther = 8;  // quotes and commas, numbers, literals
    std::size_t out = kOther;
    if (const auto* text = json.string()) return out + text->size();
    if (const auto* array = json.array())
        for (const auto& item : *array) out += length_of(item);
    if (const auto* object = json.object())
        for (const auto& [name, member] : *object) out += name.size() + length_of(member);
    return out;
}

}  // namespace

std::string Json::canonical() const {
    std::string out;
    out.reserve(length_of(*this));
    write(out, *this, -1);
    return out;
}

void Json::append_canonical(std::string& out) const { write(out, *this, -1); }

std::string Json::pretty() const {
    std::string out;
    write(out, *this, 0);
    return out + "\n";
}

Result<Json> parse_json(std::string_view text) {
    Builder builder;
    // The library reports through the builder; strict = nothing may follow the document. It checks UTF-8 itself.
    const bool ok = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (ok) return std::move(builder.result);
    return fail(Code::malformed, "not acceptable JSON: " + builder.why, "E-JSON", {}, {});
}

Fields::Fields(const Json& json, std::string_view what) : object_(json.object()), what_(what) {
    if (object_ == nullptr) status_ = fail(Code::malformed, what_ + " must be a JSON object", "E-BODY", {}, {});
}

const Json* Fields::member(const std::string& name) {
    known_.push_back(name);
    if (object_ == nullptr) return nullptr;
    const auto found = object_->find(name);
    return found == object_->end() ? nullptr : &found->second;
}

void Fields::note(const std::string& name, const Error& error) {
    if (status_) status_ = pass(error, what_ + "." + name);
}

std::string Fields::text(const std::string& name) {
    const Json* found = member(name);
    if (found != nullptr && found->string() != nullptr) return *found->string();
    note(name, Error{Code::malformed, "a string is required", "E-BODY", {}, {}});
    return {};
}

std::string Fields::text_or(const std::string& name, std::string_view fallback) {
    const Json* found = member(name);
    if (found == nullptr) return std::string(fallback);
    if (found->string() != nullptr) return *found->string();
    note(name, Error{Code::malformed, "must be a string", "E-BODY", {}, {}});
    return {};
}

std::int64_t Fields::integer(const std::string& name) {
    const Json* found = member(name);
    if (found != nullptr && found->integer() != nullptr) return *found->integer();
    note(name, Error{Code::malformed, "an integer is required", "E-BODY", {}, {}});
    return 0;
}

std::int64_t Fields::integer_or(const std::string& name, std::int64_t fallback) {
    const Json* found = member(name);
    if (found == nullptr) return fallback;
    if (found->integer() != nullptr) return *found->integer();
    note(name, Error{Code::malformed, "must be an integer", "E-BODY", {}, {}});
    return 0;
}

bool Fields::boolean_or(const std::string& name, bool fallback) {
    const Json* found = member(name);
    if (found == nullptr) return fallback;
    if (found->boolean() != nullptr) return *found->boolean();
    note(name, Error{Code::malformed, "must be true or false", "E-BODY", {}, {}});
    return false;
}

std::vector<std::string> Fields::texts_or_empty(const std::string& name) {
    std::vector<std::string> out;
    const Json* found = member(name);
    if (found == nullptr) return out;
    const auto wrong = [&] { note(name, Error{Code::malformed, "must be an array of strings", "E-BODY", {}, {}}); };
    if (found->array() == nullptr) return wrong(), out;
    for (const auto& item : *found->array()) {
        if (item.string() != nullptr)
            out.push_back(*item.string());
        else
            wrong();
    }
    return out;
}

std::map<std::string, std::string> Fields::text_map_or_empty(const std::string& name) {
    std::map<std::string, std::string> out;
    const Json* found = member(name);
    if (found == nullptr) return out;
    const auto wrong = [&] { note(name, Error{Code::malformed, "must be an object of strings", "E-BODY", {}, {}}); };
    if (found->object() == nullptr) return wrong(), out;
    for (const auto& [key, item] : *found->object()) {
        if (item.string() != nullptr)
            out.emplace(key, *item.string());
        else
            wrong();
    }
    return out;
}

Status Fields::finish() const {
    if (!status_) return status_;
    for (const auto& [name, value] : *object_) {
        if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
        const std::string close = nearest(name, known_);
        return fail(Code::malformed, what_ + " has an unknown member \"" + printable(name) + "\"", "E-BODY", {},
                    close.empty() ? std::string() : "did you mean \"" + close + "\"?");
    }
    return {};
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t kFarthest = 2;
    std::string best;
    std::size_t best_distance = kFarthest + 1;
    for (const auto& candidate : known) {
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < word.size(); ++i) {
            std::size_t diagonal = std::exchange(row[0], i + 1);
            for (std::size_t j = 0; j < candidate.size(); ++j) {
                const std::size_t replace = diagonal + (word[i] == candidate[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = std::min({replace, row[j] + 1, diagonal + 1});
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

}  // namespace mayfly::wire
