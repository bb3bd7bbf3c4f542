#pragma once
// Tables about nodes: the generations of their keys, what opens them, what was found on them. Part of the schema
// (schema.cpp).
namespace mayfly::store {

inline constexpr const char* kNodeSchema = R"sql(
-- The newest keys of each node, in order. `seen`: when somebody first came with the certificate for it.
CREATE TABLE node_generation (
    node TEXT NOT NULL REFERENCES identity(name), generation INTEGER NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 32), seen INTEGER NOT NULL DEFAULT 0, began INTEGER NOT NULL,
    token INTEGER NOT NULL DEFAULT 0,  -- of the join token that began it
    PRIMARY KEY (node, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_generation_key ON node_generation(key, node);
CREATE INDEX session_open ON session(node) WHERE closed = 0;
-- What opens each node, as the log said it last.
CREATE TABLE node_trust (
    node TEXT PRIMARY KEY REFERENCES identity(name), sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- What nodes found on themselves, and who answers for it.
CREATE TABLE found (
    node TEXT NOT NULL REFERENCES identity(name), id TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL,
    place TEXT NOT NULL, fingerprint TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,
    effective INTEGER NOT NULL, proposed TEXT REFERENCES owner(name), basis TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open','accepted','dismissed')), owner TEXT REFERENCES owner(name),
    reason TEXT NOT NULL DEFAULT '', look TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (node, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX found_owner ON found(owner) WHERE owner IS NOT NULL;
-- Nodes that were looked at as a whole: what comes after that is drift.
CREATE TABLE found_look (node TEXT PRIMARY KEY REFERENCES identity(name), at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql";

}  // namespace mayfly::store
