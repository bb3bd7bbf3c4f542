#pragma once
// Bodies about the log: what auditors ask of the server beside the published files.
#include "mayfly/api.h"

namespace mayfly::api {

/// GET /v1/log/entries?start=N&count=M (M <= 1000).
struct LogEntries {
    std::int64_t start = 0, size = 0;
    std::vector<std::string> entries;
    MAYFLY_FIELDS {
        field("start", self.start, Need::required, "index of the first entry");
        field("size", self.size, Need::required, "size of the log now");
        field("entries", self.entries, Need::required, "base64 of each leaf");
    }
};

/// GET /v1/log/proof?index=N.
struct LogProof {
    std::string log_entry, log_proof;
    MAYFLY_FIELDS {
        field("log_entry", self.log_entry, Need::required, "base64 of the leaf");
        field("log_proof", self.log_proof, Need::required, "tlog-proof");
    }
};

/// LogMatch is one entry that a search found.
struct LogMatch {
    std::int64_t index = 0;
    std::string entry;
    MAYFLY_FIELDS {
        field("index", self.index, Need::required, "its place in the log");
        field("entry", self.entry, Need::required, "base64 of the leaf");
    }
};

/// GET /v1/log/search?actor=&owner=&identity=&role=&serial=&request=&node=&type=&since=&until=&before=&limit=.
struct LogMatches {
    std::vector<LogMatch> matches;
    std::int64_t next = 0;
    MAYFLY_FIELDS {
        field("matches", self.matches, Need::required, "newest first");
        field("next", self.next, Need::required, "give it as before= to go on; 0 when the search is done");
    }
};

/// GET /v1/log/consistency?old=N[&new=M]: from N to M, or to the current checkpoint.
struct LogConsistency {
    std::string checkpoint;
    std::vector<std::string> hashes;
    MAYFLY_FIELDS {
        field("checkpoint", self.checkpoint, Need::required, "signed checkpoint");
        field("hashes", self.hashes, Need::required, "base64 hashes (RFC 6962 2.1.2)");
    }
};

}  // namespace mayfly::api
