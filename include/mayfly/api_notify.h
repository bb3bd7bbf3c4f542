#pragma once
// API bodies about what goes out: targets and dead letters.
#include "mayfly/api.h"

namespace mayfly::api {

/// GET /v1/notify/targets
struct NotifyTarget {
    std::string name, trouble, retry_at;
    std::int64_t next = 0, behind = 0, tries = 0, dead = 0;
    bool configured = false;
    MAYFLY_FIELDS {
        field("name", self.name, Need::required, "webhook's name in ca.toml, or \"mail\"");
        field("configured", self.configured, Need::optional, "whether ca.toml still has it");
        field("next", self.next, Need::required, "index of the first log entry it has not been told of");
        field("behind", self.behind, Need::required, "log entries from there to the log's end");
        field("tries", self.tries, Need::optional, "failed attempts at that entry");
        field("retry_at", self.retry_at, Need::optional, "RFC 3339, no attempt before");
        field("trouble", self.trouble, Need::optional, "what the last attempt met");
        field("dead", self.dead, Need::optional, "letters that it did not take");
    }
};

/// GET /v1/notify/dead, and the answer of POST /v1/notify/retry
struct DeadLetter {
    std::string id, target, type, at, why, state;
    std::vector<std::string> recipients;
    std::int64_t entry = 0, tries = 0;
    MAYFLY_FIELDS {
        field("id", self.id, Need::required, "n-…");
        field("target", self.target, Need::required, "who did not take it");
        field("entry", self.entry, Need::required, "index of the entry in the log");
        field("type", self.type, Need::required, "type of the event");
        field("recipients", self.recipients, Need::optional, "who is still without it");
        field("tries", self.tries, Need::required, "attempts");
        field("at", self.at, Need::required, "when it was given up, RFC 3339");
        field("why", self.why, Need::required, "what the last attempt met");
        field("state", self.state, Need::required, "dead, asked or delivered");
    }
};

/// POST /v1/notify/retry
struct RetryRequest {
    std::string letter;
    MAYFLY_FIELDS { field("letter", self.letter, Need::required, "n-…: tell it once more"); }
};

}  // namespace mayfly::api
