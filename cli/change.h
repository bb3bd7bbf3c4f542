#pragma once
// What verbs about people share: making a change and telling of it, and reading lists that come in pages.
#include "cli/verbs.h"

namespace mayfly::cli {

inline std::vector<std::string> names_of(const std::string& name) { return {name}; }
inline std::vector<std::string> names_of(const std::vector<std::string>& names) { return names; }
inline std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

/// Posts a change and tells of it: `name` is what -o name calls the result, `message` what people read.
template <class Reply, class Body, class Name>
Result<int> change(const Globals& globals, const std::string& path, const Body& body, Name name,
                   const std::function<std::string(const Reply&)>& message) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto reply = session->ca.post<Reply>(path + globals.query(), body);
    if (!reply) return pass(reply.error());
    return show(globals, {wire::to_json(*reply),
                          names_of(std::invoke(name, *reply)),
                          {},
                          {},
                          {},
                          {(globals.dry_run ? "would be done: " : "✓ ") + message(*reply)}});
}

/// A value in a query: what is not a letter, digit or one of -._~/ as %XX (RFC 3986 section 2.1).
std::string in_query(std::string_view text);

/// Query puts a path together with what is asked of it; empty values are left out.
struct Query {
    std::string path;
    Query& add(const std::string& name, const std::string& value) {
        if (!value.empty()) path += (path.find('?') == std::string::npos ? "?" : "&") + name + "=" + in_query(value);
        return *this;
    }
    Query& add(const std::string& name, bool value) { return add(name, std::string(value ? "true" : "")); }
};

/// Reads a list page by page, up to `most` bodies (0: all).
template <class Body>
Result<std::vector<Body>> read_pages(Session& session, const Query& query, std::size_t most = 0) {
    std::vector<Body> out;
    std::string after;
    for (;;) {
        auto page = session.ca.get<api::List<Body>>(Query(query).add("after", after).path);
        if (!page) return pass(page.error());
        for (auto& item : page->items) {
            if (most != 0 && out.size() == most) return out;
            out.push_back(std::move(item));
        }
        if (page->next.empty()) return out;
        after = page->next;
    }
}

/// As print_list, for lists that come in pages.
template <class Body, class Row, class Name>
Result<int> print_pages(const Globals& globals, const Query& query, std::vector<Column> columns, Row row, Name name,
                        std::size_t most = 0) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto list = read_pages<Body>(*session, query, most);
    if (!list) return pass(list.error());
    Answer answer{{}, {}, std::move(columns)};
    wire::Json::Array items;
    for (const auto& item : *list) {
        items.push_back(wire::to_json(item));
        answer.names.push_back(std::invoke(name, item));
        answer.rows.push_back(row(item));
    }
    answer.data = std::move(items);
    return show(globals, answer);
}

}  // namespace mayfly::cli
