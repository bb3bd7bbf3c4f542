#include "lib/log/search.h"

#include "tests/catch.h"

using namespace mayfly;

namespace {

log::Event issued() {
    return {"certificate.issued",
            Instant(1000),
            "human/alice",
            "team-web",
            "node/db-7",
            {{"serial", "17"}, {"role", "ops"}, {"intent", "00ff"}, {"serials", wire::Json::Array{"3", "4"}}}};
}

bool scan_would_find(const log::Event& event, const log::Search& search) {
    const std::string text(text_of(log::encode_event(event)));
    for (const auto& needle : log::texts_of(search))
        if (text.find(needle) == std::string::npos) return false;
    return true;
}

}  // namespace

TEST_CASE("a search finds an event by each of its sides, and a scan of the bytes skips nothing that matches") {
    struct Row {
        log::Search search;
        bool found;
    };
    const std::vector<Row> rows = {
        {{}, true},
        {{.actor = "human/alice"}, true},
        {{.actor = "alice"}, false},
        {{.owner = "team-web"}, true},
        {{.owner = "team"}, false},
        {{.identity = "human/alice"}, true},
        {{.identity = "node/db-7"}, true},
        {{.identity = "team-web"}, false},
        {{.role = "ops"}, true},
        {{.role = "op"}, false},
        {{.serial = "17"}, true},
        {{.serial = "4"}, true},
        {{.serial = "1"}, false},
        {{.request = "00ff"}, true},
        {{.request = "00"}, false},
        {{.node = "db-7"}, true},
        {{.node = "db-70"}, false},
        {{.type = "certificate.issued"}, true},
        {{.type = "certificate."}, true},
        {{.type = "certificate"}, false},
        {{.since = Instant(1000)}, true},
        {{.since = Instant(1001)}, false},
        {{.until = Instant(1000)}, false},
        {{.until = Instant(1001)}, true},
        {{.actor = "human/alice", .role = "dba"}, false},
        {{.actor = "human/alice", .role = "ops"}, true},
    };
    for (const auto& row : rows) {
        INFO(&row - rows.data());
        CHECK(log::matches(issued(), row.search) == row.found);
        if (row.found) CHECK(scan_would_find(issued(), row.search));
    }
}
