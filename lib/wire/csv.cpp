#include "lib/wire/csv.h"

#include <algorithm>
#include <optional>
#include <set>

#include "lib/wire/json.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

constexpr std::size_t kLongestCell = 64 * 1024;

tl::unexpected<Error> wrong(std::size_t line, const std::string& what) {
    return fail(Code::malformed, "line " + std::to_string(line) + ": " + what, "E-CSV",
                "comma-separated values as RFC 4180 has them", {});
}

struct Reader {
    std::string_view text;
    std::size_t at = 0, line = 1;

    [[nodiscard]] bool done() const { return at == text.size(); }
    [[nodiscard]] char here() const { return text[at]; }
    /// Steps over a line end; false when there is none.
    bool line_end() {
        if (done()) return true;
        if (here() == '\r' && at + 1 < text.size() && text[at + 1] == '\n') ++at;
        if (here() != '\n') return false;
        ++at;
        ++line;
        return true;
    }

    Result<std::string> quoted() {
        const std::size_t first = line;
        std::string out;
        for (++at; !done(); ++at) {
            const char c = here();
            if (c == '"') {
                if (at + 1 < text.size() && text[at + 1] == '"') {
                    ++at;
                    out += '"';
                    continue;
                }
                ++at;
                return out;
            }
            if (c == '\n') ++line;
            if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t')
                return wrong(line, "a control character");
            out += c;
            if (out.size() > kLongestCell) return wrong(first, "a cell longer than 64 KiB");
        }
        return wrong(first, "a quote that is never closed");
    }

    Result<std::string> cell() {
        if (!done() && here() == '"') return quoted();
        std::string out;
        for (; !done() && here() != ',' && here() != '\n' && here() != '\r'; ++at) {
            if (here() == '"') return wrong(line, "a quote inside a cell that is not quoted");
            if (static_cast<unsigned char>(here()) < 0x20 && here() != '\t') return wrong(line, "a control character");
            out += here();
            if (out.size() > kLongestCell) return wrong(line, "a cell longer than 64 KiB");
        }
        return out;
    }

    Result<std::vector<std::string>> row() {
        std::vector<std::string> cells;
        for (;;) {
            auto one = cell();
            if (!one) return pass(one.error());
            cells.push_back(std::move(*one));
            if (!done() && here() == ',') {
                ++at;
                continue;
            }
            if (!line_end()) return wrong(line, "text after a closing quote");
            return cells;
        }
    }
};

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::vector<std::string>& known) {
    Reader reader{text};
    if (reader.done()) return wrong(1, "no line that names the columns");
    const auto columns = reader.row();
    if (!columns) return pass(columns.error());
    std::set<std::string> seen;
    for (const auto& column : *columns) {
        if (std::find(known.begin(), known.end(), column) == known.end()) {
            const auto meant = nearest(column, known);
            return wrong(1, "there is no column \"" + printable(column) + "\"" +
                                (meant.empty() ? "" : ", did you mean \"" + std::string(meant) + "\""));
        }
        if (!seen.insert(column).second) return wrong(1, "the column \"" + column + "\" twice");
    }
    std::vector<CsvRow> rows;
    while (!reader.done()) {
        CsvRow row{reader.line, {}};
        const auto cells = reader.row();
        if (!cells) return pass(cells.error());
        if (cells->size() == 1 && cells->front().empty()) continue;  // a blank line
        if (cells->size() != columns->size())
            return wrong(row.line, std::to_string(cells->size()) + " cells, and there are " +
                                       std::to_string(columns->size()) + " columns");
        for (std::size_t i = 0; i < cells->size(); ++i) row.cells.emplace((*columns)[i], (*cells)[i]);
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string encode_csv(const std::vector<std::string>& cells) {
    std::string out;
    for (const auto& cell : cells) {
        if (&cell != &cells.front()) out += ',';
        if (cell.find_first_of(",\"\r\n") == std::string::npos) {
            out += cell;
            continue;
        }
        out += '"';
        for (const char c : cell) out += c == '"' ? std::string("\"\"") : std::string(1, c);
        out += '"';
    }
    return out + "\n";
}

}  // namespace mayfly::wire
