#pragma once
// CSV at trust boundaries, as RFC 4180 has it and no wider: comma, CRLF or LF, quotes doubled within quotes. Every row
// has the columns of the first, which names them; an error says the line.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mayfly/result.h"

namespace mayfly::wire {

struct CsvRow {
    std::size_t line = 0;  ///< where it begins, from 1
    std::map<std::string, std::string> cells;
};

/// parse_csv reads a table whose columns are all among `known`; it may leave some out. Refused are: text after a
/// closing quote, a quote that is never closed, rows of another width, columns twice, control characters other than
/// line ends within quotes, invalid lengths (64 KiB a cell).
Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::vector<std::string>& known);

/// encode_csv writes one row; a cell is quoted when it has to be. A cell that a spreadsheet would take for a formula
/// stays as it is: it is data, and is read back as it was.
std::string encode_csv(const std::vector<std::string>& cells);

}  // namespace mayfly::wire
