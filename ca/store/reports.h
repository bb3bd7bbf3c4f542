#pragma once
// Reports: tables for auditors, in pages, each row with the log entries that it rests on. Reads only.
#include <cstdint>
#include <string>
#include <vector>

#include "mayfly/result.h"
#include "mayfly/time.h"

namespace mayfly::store {

enum class ReportKind { access, nhi, reviews, breakglass, sod, standing };
std::string_view name(ReportKind kind);
Result<ReportKind> parse_report_kind(std::string_view text);

struct ReportRow {
    std::vector<std::string> cells;
    std::vector<std::uint64_t> entries;
};
struct ReportPage {
    std::vector<std::string> columns;
    std::vector<ReportRow> rows;
    std::string next{};  ///< go on with this as `after`; empty: it is done
};

class Reports {
public:
    virtual ~Reports() = default;
    /// One page of at most `limit` rows. access: grants that stand. nhi: identities that are not people. reviews: what
    /// was owed and what became of it. breakglass: broken glass and its reviews. sod: who decided what for whom, and
    /// where nobody else could. standing: grants that stand and were not activated by a request.
    virtual Result<ReportPage> report(ReportKind kind, std::string_view after, std::size_t limit, Instant now) = 0;
};

}  // namespace mayfly::store
