#include "ca/store/schema.h"

#include "ca/store/node_notices.h"
#include "ca/store/schema_nodes.h"

namespace mayfly::store {

namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- Customers and environments. What names none belongs to "home", which is always there.
CREATE TABLE tenant (
    name TEXT PRIMARY KEY, description TEXT NOT NULL, owner TEXT REFERENCES owner(name),
    state TEXT NOT NULL CHECK (state IN ('open','closed')), created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- People who answer, and who they answer for. An identity without an owner cannot be written down.
CREATE TABLE owner (
    name TEXT PRIMARY KEY, full_name TEXT NOT NULL, email TEXT NOT NULL, backup TEXT REFERENCES owner(name),
    manager TEXT REFERENCES owner(name), tenant TEXT NOT NULL DEFAULT 'home' REFERENCES tenant(name),
    duties TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('active','leaving','suspended')),
    adopt_by INTEGER NOT NULL DEFAULT 0  -- leaving: when everything they own must be somebody else's
) STRICT, WITHOUT ROWID;
CREATE INDEX owner_tenant ON owner(tenant);
CREATE INDEX owner_backup ON owner(backup) WHERE backup IS NOT NULL;
CREATE INDEX owner_leaving ON owner(adopt_by) WHERE state = 'leaving';
CREATE INDEX owner_gone ON owner(name) WHERE state <> 'active';
CREATE INDEX tenant_owner ON tenant(owner) WHERE owner IS NOT NULL;
CREATE TABLE identity (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES owner(name), purpose TEXT NOT NULL,
    tenant TEXT NOT NULL DEFAULT 'home' REFERENCES tenant(name),
    state TEXT NOT NULL CHECK (state IN ('active','suspended')), why_suspended TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL, review_by INTEGER NOT NULL DEFAULT 0,  -- 0: people are reviewed by their grants
    labels TEXT NOT NULL, hosts TEXT NOT NULL, duties TEXT NOT NULL DEFAULT '[]',  -- of a machine's own
    review INTEGER NOT NULL DEFAULT 0, look TEXT NOT NULL DEFAULT ''              -- as with a grant
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_owner ON identity(owner);
-- Who answered for it before, however long ago: what somebody answered for at a past moment is asked of the log, and this
-- says for whom to ask.
CREATE TABLE owned_before (
    owner TEXT NOT NULL REFERENCES owner(name), identity TEXT NOT NULL REFERENCES identity(name),
    PRIMARY KEY (owner, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_tenant ON identity(tenant);
CREATE INDEX identity_review ON identity(review_by) WHERE state = 'active' AND review = 0 AND review_by > 0;
CREATE INDEX identity_look ON identity(look) WHERE look <> '' AND review = 0;
-- Ownership changes hands by two acts: one person offers, the other takes.
CREATE TABLE offer (
    identity TEXT PRIMARY KEY REFERENCES identity(name), to_owner TEXT NOT NULL REFERENCES owner(name),
    by_owner TEXT NOT NULL REFERENCES owner(name), expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX offer_to ON offer(to_owner);
CREATE TABLE enrolled_key (
    key BLOB PRIMARY KEY CHECK (length(key) = 32), identity TEXT NOT NULL REFERENCES identity(name), blob BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolled_key_identity ON enrolled_key(identity);
-- Who holds which role, on whose word. A grant that was activated by a request or a broken glass holds for the version of
-- the role that was decided on, perhaps for one node, perhaps for one certificate, perhaps from its first use on.
CREATE TABLE role_grant (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL REFERENCES identity(name), role TEXT NOT NULL,
    by_owner TEXT NOT NULL REFERENCES owner(name), starts INTEGER NOT NULL, ends INTEGER NOT NULL,
    reason TEXT NOT NULL, review_owed INTEGER NOT NULL,
    how TEXT NOT NULL DEFAULT 'standing' CHECK (how IN ('standing','eligible','request','breakglass')),
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active','suspended','ended')),
    why_ended TEXT NOT NULL DEFAULT '', request INTEGER NOT NULL DEFAULT 0, role_version TEXT NOT NULL DEFAULT '',
    node TEXT NOT NULL DEFAULT '', first_use INTEGER NOT NULL DEFAULT 0, single_use INTEGER NOT NULL DEFAULT 0,
    uses INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0, review_by INTEGER NOT NULL DEFAULT 0,
    review INTEGER NOT NULL DEFAULT 0,  -- the open review of it, so that it is never asked about twice at once
    look TEXT NOT NULL DEFAULT '',      -- why somebody should look at it before its time
    held_for TEXT NOT NULL DEFAULT ''   -- the holder's owner, kept true by the two triggers
) STRICT;
-- What excludes a role is found among its asker's own by one look, however many machines the asker answers for.
CREATE INDEX role_grant_held_for ON role_grant(held_for, role, ends) WHERE state = 'active';
CREATE TRIGGER role_grant_made AFTER INSERT ON role_grant BEGIN
    UPDATE role_grant SET held_for = (SELECT owner FROM identity WHERE name = NEW.identity) WHERE id = NEW.id;
END;
CREATE TRIGGER identity_moved AFTER UPDATE OF owner ON identity WHEN NEW.owner <> OLD.owner BEGIN
    UPDATE role_grant SET held_for = NEW.owner WHERE identity = NEW.name;
    INSERT OR IGNORE INTO owned_before(owner, identity) VALUES (OLD.owner, NEW.name);
END;
CREATE INDEX role_grant_holder ON role_grant(identity, role, ends);
CREATE INDEX role_grant_current ON role_grant(identity, ends);
CREATE INDEX role_grant_ends ON role_grant(ends);
CREATE INDEX role_grant_role ON role_grant(role, ends, starts);
CREATE INDEX role_grant_request ON role_grant(request) WHERE request > 0;
-- What the sweep looks for, and nothing that is over: its cost does not grow with history.
CREATE INDEX role_grant_over ON role_grant(ends) WHERE state <> 'ended' AND request = 0;
CREATE INDEX role_grant_review ON role_grant(review_by) WHERE state = 'active' AND request = 0 AND review = 0 AND review_by > 0;
CREATE INDEX role_grant_look ON role_grant(look) WHERE state = 'active' AND look <> '' AND review = 0;
CREATE INDEX role_grant_idle ON role_grant(role, max(starts, last_used)) WHERE state = 'active' AND request = 0;

-- Asking, and what people said. A request changes state in one statement that names the state it comes from.
CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL REFERENCES identity(name),
    owner TEXT NOT NULL REFERENCES owner(name), asked_by TEXT NOT NULL REFERENCES identity(name),
    asked_by_owner TEXT NOT NULL REFERENCES owner(name), role TEXT NOT NULL, role_version TEXT NOT NULL,
    policy_version TEXT NOT NULL, tenant TEXT NOT NULL, node TEXT NOT NULL, seconds INTEGER NOT NULL CHECK (seconds > 0),
    starts TEXT NOT NULL CHECK (starts IN ('approval','first-use','at')), start_at INTEGER NOT NULL,
    single_use INTEGER NOT NULL, reason TEXT NOT NULL, ticket TEXT NOT NULL, evidence TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    state TEXT NOT NULL CHECK (state IN ('pending','approved','denied','expired','cancelled','ended')),
    stage INTEGER NOT NULL DEFAULT 0, asked TEXT NOT NULL, escalate_at INTEGER NOT NULL DEFAULT 0,
    escalated INTEGER NOT NULL DEFAULT 0,  -- 1 + the stage for which somebody else is asked too
    created INTEGER NOT NULL, expires INTEGER NOT NULL, decided INTEGER NOT NULL DEFAULT 0,
    grant_id INTEGER NOT NULL DEFAULT 0, extends INTEGER NOT NULL DEFAULT 0, alone INTEGER NOT NULL DEFAULT 0,
    why_ended TEXT NOT NULL DEFAULT '', ended INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX request_pending ON request(expires) WHERE state = 'pending';
CREATE INDEX request_escalate ON request(escalate_at) WHERE state = 'pending' AND escalate_at > 0;
CREATE INDEX request_approved ON request(grant_id) WHERE state = 'approved';
CREATE INDEX request_identity ON request(identity, state);
CREATE INDEX request_role ON request(role, state);
CREATE INDEX request_ticket ON request(ticket) WHERE ticket <> '';
CREATE TABLE request_word (
    request INTEGER NOT NULL REFERENCES request(id), n INTEGER NOT NULL, stage INTEGER NOT NULL,
    by_owner TEXT NOT NULL REFERENCES owner(name), stands_for TEXT NOT NULL REFERENCES owner(name),
    by_identity TEXT NOT NULL REFERENCES identity(name), verdict TEXT NOT NULL CHECK (verdict IN ('approve','deny')),
    comment TEXT NOT NULL, seconds INTEGER NOT NULL, node TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (request, n), UNIQUE (request, stage, by_owner), UNIQUE (request, stage, stands_for)
) STRICT, WITHOUT ROWID;
-- One person may let another decide, for a while. Never passed on.
CREATE TABLE delegation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, from_owner TEXT NOT NULL REFERENCES owner(name),
    to_owner TEXT NOT NULL REFERENCES owner(name), role TEXT NOT NULL, request INTEGER NOT NULL,
    starts INTEGER NOT NULL, ends INTEGER NOT NULL CHECK (ends > starts), CHECK (from_owner <> to_owner)
) STRICT;
CREATE INDEX delegation_to ON delegation(to_owner, ends);

-- What somebody has to look at again: a grant, an identity, a role, a decision taken alone, a use of broken glass.
CREATE TABLE review (
    id INTEGER PRIMARY KEY AUTOINCREMENT, campaign INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL CHECK (kind IN ('grant','identity','role','decision','breakglass','policy')),
    subject TEXT NOT NULL, about TEXT NOT NULL REFERENCES owner(name),  -- who may not close it
    role TEXT NOT NULL, tenant TEXT NOT NULL, reviewer TEXT NOT NULL REFERENCES owner(name), evidence TEXT NOT NULL,
    opened INTEGER NOT NULL, due INTEGER NOT NULL, lapse_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open','closed','lapsed')), outcome TEXT NOT NULL DEFAULT '',
    comment TEXT NOT NULL DEFAULT '', closed_by TEXT REFERENCES owner(name), closed INTEGER NOT NULL DEFAULT 0,
    why TEXT NOT NULL DEFAULT 'cadence', lapse TEXT NOT NULL DEFAULT 'keep' CHECK (lapse IN ('suspend','keep','remove')),
    alone INTEGER NOT NULL DEFAULT 0,    -- nobody else is there to look: it is the subject's own, and marked
    reminded INTEGER NOT NULL DEFAULT 0, did TEXT NOT NULL DEFAULT ''  -- what closing or lapsing did, to be undone
) STRICT;
CREATE INDEX review_open ON review(lapse_at) WHERE state = 'open';
CREATE INDEX review_remind ON review(due) WHERE state = 'open' AND reminded = 0;
CREATE INDEX review_subject ON review(kind, subject);
CREATE INDEX review_reviewer ON review(reviewer, state);
CREATE INDEX review_campaign ON review(campaign) WHERE campaign > 0;
-- Roles are written in the policy; this is when each was looked at, and as which version.
CREATE TABLE role_review (
    role TEXT PRIMARY KEY, version TEXT NOT NULL, review_by INTEGER NOT NULL, review INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, scope TEXT NOT NULL,
    by_owner TEXT NOT NULL REFERENCES owner(name), opened INTEGER NOT NULL, due INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open','closed'))
) STRICT;

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, secret_hash BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    node TEXT NOT NULL, owner TEXT NOT NULL REFERENCES owner(name), labels TEXT NOT NULL, hosts TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES owner(name), expires INTEGER NOT NULL, used INTEGER NOT NULL,
    tenant TEXT NOT NULL DEFAULT 'home' REFERENCES tenant(name)
) STRICT;
CREATE INDEX token_open ON token(tenant) WHERE used = 0;

-- One row per intent. A serial is never used twice by one issuer, whatever became of the certificate. Rows stand in the
-- order in which they were made, and what is random (intent, serial, key) is indexed only where it is asked for later:
-- a new certificate touches the newest page of the table and a few pages of indexes, however long the history is.
-- These rows stay for ever; what many have in common stands once. What only a living certificate needs stands in
-- certificate_body.
CREATE TABLE certificate_terms (  -- terms.h
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), terms TEXT NOT NULL
) STRICT;
CREATE TABLE certificate (
    n INTEGER PRIMARY KEY,
    intent BLOB NOT NULL CHECK (length(intent) = iif(state = 'intent', 16, 0)),  -- until it has come to something
    issuer INTEGER NOT NULL, serial TEXT NOT NULL,
    kind TEXT NOT NULL, identity TEXT NOT NULL REFERENCES identity(name), owner TEXT NOT NULL REFERENCES owner(name),
    role TEXT NOT NULL, grant_id TEXT NOT NULL, key BLOB NOT NULL, spec BLOB NOT NULL, valid_after INTEGER NOT NULL,
    valid_before INTEGER NOT NULL, terms INTEGER NOT NULL REFERENCES certificate_terms(id),
    -- One by one: for IN with three or more SQLite makes a table in memory, each time.
    state TEXT NOT NULL CHECK (state = 'intent' OR state = 'issued' OR state = 'void'), revoked INTEGER NOT NULL DEFAULT 0,
    leaf INTEGER NOT NULL,  -- the promise's, and once it is issued the outcome's: the row does not grow
    strong INTEGER NOT NULL DEFAULT 0,  -- sessions: by a hardware key
    sha256 BLOB  -- of issued sessions and nodes: with these somebody calls us, a node even late
) STRICT;
-- The serial first: whoever revokes one may not know its issuer.
CREATE UNIQUE INDEX certificate_serial ON certificate(serial, issuer);
-- By the beginning of the key; whoever looks must say substr(key, 1, 8) = substr(?, 1, 8) AND key = ?.
CREATE INDEX certificate_key ON certificate(substr(key, 1, 8), identity);
CREATE INDEX certificate_identity ON certificate(identity, valid_before);
-- What a grant was used for until any past moment; whoever asks must say
-- grant_id <> '' AND state = 'issued' too.
CREATE INDEX certificate_grant ON certificate(grant_id, leaf) WHERE grant_id <> '' AND state = 'issued';
CREATE INDEX certificate_sha256 ON certificate(sha256) WHERE sha256 IS NOT NULL;
CREATE UNIQUE INDEX certificate_open ON certificate(intent) WHERE state = 'intent';
-- Until a day after its end (thinning.h): the certificate itself, zeros until it is issued, and the request it answers.
CREATE TABLE certificate_body (
    n INTEGER PRIMARY KEY REFERENCES certificate(n), ends INTEGER NOT NULL, certificate BLOB,
    actor TEXT NOT NULL, idempotency TEXT NOT NULL, request_hash BLOB NOT NULL
) STRICT;
-- Whoever looks for a key must say idempotency <> '' too, or SQLite does not see that this index serves.
CREATE UNIQUE INDEX certificate_idempotency ON certificate_body(actor, idempotency) WHERE idempotency <> '';
CREATE INDEX certificate_ends ON certificate_body(ends);
CREATE TABLE serial_block (issuer INTEGER PRIMARY KEY, next INTEGER NOT NULL) STRICT;
CREATE TABLE revoked_key (
    key BLOB PRIMARY KEY CHECK (length(key) = 32), at INTEGER NOT NULL, ssh BLOB CHECK (length(ssh) = 32)
) STRICT, WITHOUT ROWID;

-- What the lists are made of: rows go when the certificate has ended and a list said so once more.
CREATE TABLE revocation (
    issuer INTEGER NOT NULL, serial TEXT NOT NULL, ends INTEGER NOT NULL, at INTEGER NOT NULL, reason INTEGER NOT NULL,
    PRIMARY KEY (issuer, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX revocation_end ON revocation(ends);
-- The lists in force. Numbers only rise; a signature over a list was promised before it was made.
CREATE TABLE revocation_list (
    kind TEXT NOT NULL CHECK (kind IN ('krl','crl')), shard INTEGER NOT NULL, number INTEGER NOT NULL,
    bytes BLOB NOT NULL, sha256 BLOB NOT NULL, entries INTEGER NOT NULL, this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY (kind, shard)
) STRICT;
CREATE TABLE crl_promise (
    name TEXT NOT NULL, spec BLOB NOT NULL CHECK (length(spec) = 32), PRIMARY KEY (name, spec)
) STRICT, WITHOUT ROWID;

-- What an identity was seen with before, for roles that want to know what is new.
CREATE TABLE seen (
    identity TEXT NOT NULL REFERENCES identity(name), what TEXT NOT NULL, first INTEGER NOT NULL,
    PRIMARY KEY (identity, what)
) STRICT, WITHOUT ROWID;

-- Every policy that was ever in force, with what brought it there.
CREATE TABLE policy (
    n INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE, toml TEXT NOT NULL, applied INTEGER NOT NULL, sha256 TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('init','file','change','rollback')), change INTEGER NOT NULL,
    by_identity TEXT NOT NULL, signed_off TEXT NOT NULL, alone INTEGER NOT NULL
) STRICT;
-- A policy that somebody proposes. What is signed off is this text, against this base.
CREATE TABLE policy_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, by_owner TEXT NOT NULL REFERENCES owner(name),
    by_identity TEXT NOT NULL REFERENCES identity(name), toml TEXT NOT NULL, sha256 TEXT NOT NULL, base TEXT NOT NULL,
    reason TEXT NOT NULL, rollback INTEGER NOT NULL, risk TEXT NOT NULL, asked TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending','applied','denied','expired','cancelled','overtaken')),
    alone INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, expires INTEGER NOT NULL,
    decided INTEGER NOT NULL DEFAULT 0, version TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX policy_change_pending ON policy_change(expires) WHERE state = 'pending';
CREATE TABLE policy_word (
    change INTEGER NOT NULL REFERENCES policy_change(id), n INTEGER NOT NULL, by_owner TEXT NOT NULL REFERENCES owner(name),
    by_identity TEXT NOT NULL REFERENCES identity(name), verdict TEXT NOT NULL CHECK (verdict IN ('approve','deny')),
    comment TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (change, n), UNIQUE (change, by_owner)
) STRICT, WITHOUT ROWID;
CREATE TABLE bundle (version INTEGER PRIMARY KEY, json TEXT NOT NULL, leaf INTEGER NOT NULL) STRICT;

-- What the world outside has been told of the log, and what could not be told (outbox.h).
CREATE TABLE notify_cursor (
    target TEXT PRIMARY KEY, next INTEGER NOT NULL, served TEXT NOT NULL, tries INTEGER NOT NULL, since INTEGER NOT NULL,
    retry_at INTEGER NOT NULL, trouble TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notify_dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, entry INTEGER NOT NULL, type TEXT NOT NULL,
    recipients TEXT NOT NULL, tries INTEGER NOT NULL, at INTEGER NOT NULL, why TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('dead','asked','delivered'))
) STRICT;
CREATE INDEX notify_dead_open ON notify_dead(id) WHERE state <> 'delivered';
CREATE INDEX notify_dead_asked ON notify_dead(target, id) WHERE state = 'asked';

-- The log. Entries are only ever added; what people wrote stands beside them, under its salted hash, and may be erased.
CREATE TABLE log_entry (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TRIGGER log_entry_is_kept BEFORE DELETE ON log_entry BEGIN SELECT RAISE(ABORT, 'log entries are never deleted'); END;
CREATE TRIGGER log_entry_is_final BEFORE UPDATE ON log_entry BEGIN SELECT RAISE(ABORT, 'log entries are never changed'); END;
-- Entries that change who may have what, by whom they are about (ca/store/past.h). Rebuilt from the log, it is the same.
CREATE TABLE log_about (subject TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (subject, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE log_tile (
    level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_head (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
-- The newest head that met the witnesses' quorum, with their cosignatures.
CREATE TABLE log_cosigned (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE log_text (hash TEXT PRIMARY KEY, salt BLOB NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO tenant(name, description, owner, state, created) VALUES ('home', 'whoever runs this CA', NULL, 'open', 0);
)sql";

// What certificates were used for, the emergency key, and broken glass.
constexpr const char* kUseSchema = R"sql(
CREATE TABLE session (
    node TEXT NOT NULL, id TEXT NOT NULL, authority TEXT NOT NULL CHECK (authority IN ('mayfly','breakglass','unknown')),
    ca BLOB NOT NULL CHECK (length(ca) = 32), key BLOB NOT NULL CHECK (length(key) = 32), serial TEXT NOT NULL,
    key_id TEXT NOT NULL, account TEXT NOT NULL, source TEXT NOT NULL, identity TEXT NOT NULL, owner TEXT NOT NULL,
    role TEXT NOT NULL, grant_id TEXT NOT NULL, opened INTEGER NOT NULL, closed INTEGER NOT NULL, how_closed TEXT NOT NULL,
    reported INTEGER NOT NULL, glass TEXT NOT NULL, alarmed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (node, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_opened ON session(opened);
CREATE INDEX session_node ON session(node, opened);
CREATE INDEX session_identity ON session(identity, opened) WHERE identity <> '';
CREATE INDEX session_grant ON session(grant_id, opened) WHERE grant_id <> '';
CREATE INDEX session_glass ON session(glass, opened) WHERE glass <> '';
CREATE INDEX session_emergency ON session(serial) WHERE authority = 'breakglass';
CREATE INDEX session_unexplained ON session(reported) WHERE authority = 'breakglass' AND glass = '' AND alarmed = 0;
-- Envelopes of the emergency key. The newest that was not withdrawn is in force.
CREATE TABLE envelope (
    n INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), key BLOB NOT NULL CHECK (length(key) = 32),
    document TEXT NOT NULL, expires INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, leaf INTEGER NOT NULL
) STRICT;
CREATE INDEX envelope_key ON envelope(key);
-- Glass that was broken: with the emergency key (offline) or with a role (online). Each owes a review.
CREATE TABLE glass (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, mode TEXT NOT NULL CHECK (mode IN ('offline','online')),
    by_owner TEXT NOT NULL REFERENCES owner(name), second TEXT REFERENCES owner(name), identity TEXT NOT NULL,
    role TEXT NOT NULL, grant_id INTEGER NOT NULL, node TEXT NOT NULL, account TEXT NOT NULL, serial TEXT NOT NULL,
    key_id TEXT NOT NULL, holders TEXT NOT NULL, reason TEXT NOT NULL, opened INTEGER NOT NULL, until INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0, hash BLOB, line TEXT NOT NULL, review INTEGER NOT NULL REFERENCES review(id),
    overdue_noted INTEGER NOT NULL DEFAULT 0, CHECK (mode = 'online' OR length(hash) = 32), CHECK (second <> by_owner)
) STRICT;
CREATE UNIQUE INDEX glass_hash ON glass(hash) WHERE hash IS NOT NULL;
CREATE INDEX glass_serial ON glass(serial) WHERE mode = 'offline';
CREATE INDEX glass_review ON glass(review);
CREATE TABLE glass_wait (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL REFERENCES identity(name),
    by_owner TEXT NOT NULL REFERENCES owner(name), role TEXT NOT NULL, node TEXT NOT NULL, reason TEXT NOT NULL,
    second TEXT REFERENCES owner(name), until INTEGER NOT NULL, joined INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX glass_grant ON glass(grant_id) WHERE grant_id > 0;
)sql";

}  // namespace

Status create_schema(Database& database) {
    return database.execute(std::string("BEGIN IMMEDIATE;") + kSchema + kUseSchema + kNodeNoticeSchema + kNodeSchema +
                            "PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";COMMIT;");
}

Status check_schema(Database& database) {
    Query query(database, "PRAGMA user_version");
    const auto row = query.row();
    if (!row) return pass(row.error());
    const std::int64_t version = *row ? query.integer(0) : 0;
    if (version == kSchemaVersion) return {};
    return fail(
        Code::unsupported,
        "the database has schema " + std::to_string(version) + ", this build reads " + std::to_string(kSchemaVersion),
        "E-STORE-SCHEMA", "a database is never read by a build that might misunderstand it",
        "run the build that wrote it");
}

}  // namespace mayfly::store
