#pragma once
// Bodies of reports for auditors.
#include "mayfly/api.h"

namespace mayfly::api {

struct ReportRow {
    std::vector<std::string> cells;
    std::vector<std::int64_t> entries;
    MAYFLY_FIELDS {
        field("cells", self.cells, Need::required, "one for each column");
        field("entries", self.entries, Need::optional, "log entries that the row rests on");
    }
};

/// GET /v1/report?kind=K[&after=CURSOR] (duty auditor).
struct ReportPage {
    std::string kind, at, policy_version, next;
    std::vector<std::string> columns;
    std::vector<ReportRow> rows;
    MAYFLY_FIELDS {
        field("kind", self.kind, Need::required, "access, nhi, reviews, breakglass, sod or standing");
        field("at", self.at, Need::required, "RFC 3339: when the CA looked");
        field("policy_version", self.policy_version, Need::required, "the policy in force then");
        field("columns", self.columns, Need::required, "their names");
        field("rows", self.rows, Need::required, "a page of them");
        field("next", self.next, Need::optional, "give it as after= to go on; empty when the report is done");
    }
};

}  // namespace mayfly::api
