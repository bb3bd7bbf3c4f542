#pragma once
// Table: strict reading of one TOML table. The first error sticks, with line and column; unknown keys are refused with
// the nearest known one. For .cpp files only: no other header includes the TOML library.
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "lib/wire/json.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::config {

/// place_of says where something stands: "line 3, column 7: ", or "roles/db.toml:3:7: " in one of several files.
inline std::string place_of(const toml::source_region& source) {
    const auto line = std::to_string(source.begin.line), column = std::to_string(source.begin.column);
    if (source.path && !source.path->empty()) return *source.path + ":" + line + ":" + column + ": ";
    return "line " + line + ", column " + column + ": ";
}

class Table {
public:
    Table(const toml::table& table, std::string what, Status& status)
        : table_(table), what_(std::move(what)), status_(status) {}

    [[nodiscard]] bool has(const char* key) const { return table_.contains(key); }
    std::string text(const char* key, std::string fallback = {}) {
        const auto* node = take(key);
        if (node == nullptr) return fallback;
        if (const auto value = node->value_exact<std::string>()) return *value;
        return refuse(node, std::string(key) + " must be a string"), fallback;
    }
    bool flag(const char* key) {
        const auto* node = take(key);
        if (node == nullptr) return false;
        if (const auto value = node->value_exact<bool>()) return *value;
        return refuse(node, std::string(key) + " must be true or false"), false;
    }
    /// An integer within bounds.
    template <class Integer>
    void integer(const char* key, Integer& out, std::int64_t least, std::int64_t most) {
        const auto value = integer(key, static_cast<std::int64_t>(out));
        if (value < least || value > most)
            refuse(table_.get(key),
                   std::string(key) + " lies between " + std::to_string(least) + " and " + std::to_string(most));
        else
            out = static_cast<Integer>(value);
    }
    std::int64_t integer(const char* key, std::int64_t fallback) {
        const auto* node = take(key);
        if (node == nullptr) return fallback;
        if (const auto value = node->value_exact<std::int64_t>()) return *value;
        return refuse(node, std::string(key) + " must be an integer"), fallback;
    }
    void lifetime(const char* key, Lifetime& out) {
        const auto* node = table_.get(key);
        const std::string word = text(key);
        if (node == nullptr || !status_) return;
        if (const auto value = Lifetime::parse(word))
            out = *value;
        else
            refuse(node, std::string(key) + ": " + value.error().message, value.error().why);
    }
    std::vector<std::string> texts(const char* key) {
        std::vector<std::string> out;
        const auto* node = take(key);
        if (node == nullptr) return out;
        if (node->as_array() == nullptr) return refuse(node, std::string(key) + " must be an array of strings"), out;
        for (const auto& item : *node->as_array()) {
            if (const auto value = item.value_exact<std::string>())
                out.push_back(*value);
            else
                refuse(&item, std::string(key) + " must be an array of strings");
        }
        return out;
    }
    std::map<std::string, std::string> text_map(const char* key) {
        std::map<std::string, std::string> out;
        const auto* node = take(key);
        if (node == nullptr) return out;
        if (node->as_table() == nullptr) return refuse(node, std::string(key) + " must be a table of strings"), out;
        for (const auto& [name, item] : *node->as_table()) {
            if (const auto value = item.value_exact<std::string>())
                out.emplace(name.str(), *value);
            else
                refuse(&item, std::string(key) + " must be a table of strings");
        }
        return out;
    }
    const toml::table* table(const char* key) {
        const auto* node = take(key);
        if (node == nullptr) return nullptr;
        if (node->as_table() == nullptr) refuse(node, std::string(key) + " must be a table");
        return node->as_table();
    }
    const toml::node* node(const char* key) { return take(key); }
    /// One of a few words.
    template <class Value>
    Value word(const char* key, Value fallback, std::initializer_list<Value> values) {
        const auto* found = table_.get(key);
        const std::string given = text(key);
        if (found == nullptr || !status_) return fallback;
        std::string list;
        for (const auto value : values) {
            if (name(value) == given) return value;
            list += (list.empty() ? "\"" : ", \"") + std::string(name(value)) + "\"";
        }
        return refuse(found, std::string(key) + " must be one of " + list), fallback;
    }
    /// What `T::parse` makes of each text.
    template <class T>
    std::vector<T> parsed(const char* key) {
        std::vector<T> out;
        for (const auto& word : texts(key)) {
            if (const auto value = T::parse(word))
                out.push_back(*value);
            else
                refuse(table_.get(key), std::string(key) + ": " + value.error().message, value.error().why);
        }
        return out;
    }
    /// `why` is the rule behind it, where the message alone does not say what would be right.
    void refuse(const toml::node* node, const std::string& message, std::string why = {}) {
        if (!status_) return;
        status_ = fail(Code::malformed,
                       place_of((node == nullptr ? static_cast<const toml::node&>(table_) : *node).source()) + what_ +
                           ": " + message,
                       "E-CONFIG", std::move(why), "mend the file");
    }
    void finish() {
        for (const auto& [key, node] : table_) {
            const std::string word(key.str());
            if (std::find(known_.begin(), known_.end(), word) != known_.end()) continue;
            const std::string close = wire::nearest(word, known_);
            refuse(&node, "unknown key \"" + printable(word) + "\"" +
                              (close.empty() ? "" : ", did you mean \"" + close + "\"?"));
        }
    }

private:
    const toml::node* take(const char* key) {
        known_.emplace_back(key);
        return table_.get(key);
    }
    const toml::table& table_;
    std::string what_;
    Status& status_;
    std::vector<std::string> known_;
};

/// parse reads TOML text; the library's exception becomes an Error with its place. `file` names it where there are
/// several.
inline Result<toml::table> parse(std::string_view text, const std::string& file = {}) {
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        return fail(Code::malformed, place_of(error.source()) + printable(error.description()), "E-CONFIG", {},
                    "mend the file");
    }
}

}  // namespace mayfly::config
