// The minting path's verbs that write: serials, intent, outcome, refusal. What they go by is facts.cpp's.
#include <algorithm>

#include "ca/steps/key_id.h"
#include "ca/store/node_rows.h"
#include "ca/store/requests_rows.h"
#include "ca/store/rows.h"
#include "ca/store/standing.h"
#include "ca/store/terms.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"

namespace mayfly::store {

namespace {

constexpr std::uint64_t kSerialBlock = 256;

tl::unexpected<Error> stale(std::string what) {
    return fail(Code::conflict, std::move(what), "E-STALE", "it changed while the request was on its way", "ask again");
}

/// Identity, owner and key are as they were when the request was decided.
Status still_known(Database& database, const steps::Spec& spec, Instant now) {
    const auto& whose = spec.whose();
    const auto standing = find_standing(database, whose.identity);
    if (!standing) return pass(standing.error());
    if (!*standing || !(*standing)->may_have_certificates(whose.identity.kind(), now) ||
        (*standing)->owner != whose.owner)
        return stale(whose.identity.text() + " or its owner is no longer active");
    Query revoked(database, "SELECT 1 FROM revoked_key WHERE key = ?");
    const auto dead = exists(revoked.with(ByteView(spec.key())));
    if (!dead) return pass(dead.error());
    if (*dead) return stale("the key was revoked");
    return {};
}

/// What decided the request must still hold in the transaction that makes it durable.
Status still_stands(Transaction& transaction, const IntentRequest& request, Instant now) {
    Database& database = transaction.database();
    const auto& whose = request.spec.whose();
    if (!transaction.unchanged_since(request.as_of))
        if (auto ok = still_known(database, request.spec, now); !ok) return ok;
    if (whose.grant.empty()) return {};
    // A certificate on its way may have used it up.
    Query grant(database,
                "SELECT 1 FROM role_grant WHERE id = CAST(substr(?, 3) AS INTEGER) AND identity = ? AND role = ? AND "
                "state = 'active' AND starts <= ? AND ends > ? AND (single_use = 0 OR uses = 0)");
    const auto held = exists(grant.with(whose.grant, whose.identity.text(), whose.role, now, now));
    if (!held) return pass(held.error());
    if (!*held) return stale("grant " + whose.grant + " no longer stands");
    return {};
}

/// A grant that was given for an occasion counts its uses; a window that waited for its first use begins with it. A
/// standing grant keeps the hour in which it was last used, and the first time somebody is to look at it: a busy
/// machine writes that once an hour, not with each certificate.
Status use_grant(Database& database, const steps::Spec& spec, Instant now) {
    const auto& grant = spec.whose().grant;
    if (grant.empty()) return {};
    Query use(
        database,
        "UPDATE role_grant SET uses = uses + 1, look = CASE WHEN last_used = 0 AND how = 'standing' THEN 'first-use' "
        "ELSE look END, last_used = ?2, ends = CASE WHEN first_use > 0 THEN ?2 + first_use ELSE ends END, first_use = "
        "0 "
        "WHERE id = CAST(substr(?1, 3) AS INTEGER) AND (how IN ('request', 'breakglass') OR last_used < ?2 - 3600)");
    return use.with(grant, now).run();
}

Status remember(Database& database, const IdentityName& identity, const std::vector<std::string>& seen, Instant now) {
    for (const auto& what : seen) {
        Query insert(database, "INSERT INTO seen(identity, what, first) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
        if (auto ok = insert.with(identity.text(), what, now).run(); !ok) return ok;
    }
    return {};
}

/// What sshd calls the certificate; "" for X.509.
std::string key_id_of(steps::IssuerId issuer, const steps::Accountability& whose) {
    return issuer == steps::IssuerId::x509 ? std::string() : steps::ssh_key_id(whose);
}

/// How long the certificate will be: exactly, when an Ed25519 key signs SSH, and at most, when P-256 signs X.509. The
/// row has this room from the beginning, so that the outcome is written over it; a row that grew would have to move,
/// and its neighbours with it.
std::int64_t room_for(const steps::Spec& spec) {
    constexpr std::size_t kSshSignature = 4 + 4 + 11 + 4 + 64;  // RFC 8709 section 6, as a string
    constexpr std::size_t kX509Signature = 4 + 12 + 3 + 72;     // RFC 5280 section 4.1.1: header, algorithm, signature
    return static_cast<std::int64_t>(spec.to_be_signed().size() +
                                     (spec.issuer() == steps::IssuerId::x509 ? kX509Signature : kSshSignature));
}

/// The row that stays, and beside it what goes a day after the certificate's end.
Status insert_certificate(Transaction& transaction, const IntentRequest& request, const TermsText& terms) {
    Database& database = transaction.database();
    const auto& spec = request.spec;
    const auto& whose = spec.whose();
    const auto number = keep_terms(database, terms);
    if (!number) return pass(number.error());
    Query row(database,
              "INSERT INTO certificate(intent, issuer, serial, kind, identity, owner, role, grant_id, key, spec, "
              "valid_after, valid_before, terms, state, leaf, strong) VALUES "
              "(?,?,?,?,?,?,?,?,?,?,?,?,?,'intent',?,?)");
    row.with(ByteView(spec.id()), static_cast<std::int64_t>(spec.issuer()), spec.serial(), whose.kind,
             whose.identity.text(), whose.owner.text(), whose.role, whose.grant, ByteView(spec.key()),
             ByteView(spec.digest()));
    row.with(spec.validity().after(), spec.validity().before(), *number, static_cast<std::int64_t>(transaction.next()),
             static_cast<std::int64_t>(request.strong_login));
    if (auto ok = row.run(); !ok) return ok;
    Query body(database,
               "INSERT INTO certificate_body(n, ends, certificate, actor, idempotency, request_hash) VALUES "
               "(last_insert_rowid(), ?, zeroblob(?), ?, ?, ?)");
    return body
        .with(spec.validity().before(), room_for(spec), request.actor.text(), request.idempotency.key,
              ByteView(request.idempotency.request_hash))
        .run();
}

/// Is this caller's idempotency key free? An index refuses a second use in any case; this says what it was.
Status not_in_use(Database& database, const IntentRequest& request) {
    if (request.idempotency.key.empty()) return {};
    Query used(database, "SELECT 1 FROM certificate_body WHERE actor = ? AND idempotency = ? AND idempotency <> ''");
    const auto found = exists(used.with(request.actor.text(), request.idempotency.key));
    if (!found) return pass(found.error());
    if (!*found) return {};
    return fail(Code::conflict, "this request is being answered already", "E-IDEMPOTENCY", {}, "ask again in a moment");
}

/// The row of an intent without outcome; none when there is no such intent (any more).
Result<std::optional<std::int64_t>> open_intent(Database& database, const steps::IntentId& id) {
    Query query(database, "SELECT n FROM certificate WHERE intent = ? AND state = 'intent'");
    const auto row = query.with(ByteView(id)).row();
    if (!row) return pass(row.error());
    return *row ? std::optional(query.integer(0)) : std::nullopt;
}

log::Event intent_event(const IntentRequest& request, const std::string& reason_hash, Instant now) {
    const auto& spec = request.spec;
    const auto& whose = spec.whose();
    log::Event event{"certificate.intent",
                     now,
                     request.actor.text(),
                     whose.owner.text(),
                     whose.identity.text(),
                     {{"intent", wire::hex(spec.id())},
                      {"kind", whose.kind},
                      {"issuer", std::string(steps::name(spec.issuer()))},
                      {"serial", spec.serial()},
                      {"role", whose.role},
                      {"grant", whose.grant},
                      {"names", json_list(whose.names)},
                      {"valid_after", spec.validity().after().text()},
                      {"valid_before", spec.validity().before().text()},
                      {"key", wire::hex(spec.key())},
                      {"spec_sha256", wire::hex(spec.digest())},
                      {"policy_version", whose.policy_version},
                      {"reasons", json_list(whose.reasons)},
                      {"reason_hash", reason_hash}}};
    if (!whose.marks.empty()) event.data.emplace("marks", json_list(whose.marks));
    return event;
}

/// A request may break a rule two thousand times over; a leaf says the first of them and how many more there were.
constexpr std::size_t kMostReasons = 16, kLongestReason = 512;

wire::Json json_reasons(const std::vector<policy::Reason>& reasons) {
    wire::Json::Array out;
    for (const auto& reason : reasons) {
        if (out.size() == kMostReasons) break;
        out.emplace_back(wire::Json::Object{{"rule", reason.rule},
                                            {"message", reason.message.substr(0, kLongestReason)},
                                            {"why", reason.why.substr(0, kLongestReason)}});
    }
    return out;
}

}  // namespace

Result<std::uint64_t> SqliteStore::next_serial(steps::IssuerId issuer) {
    if (const auto serial = take_serial(issuer)) return *serial;
    // Nobody holds the lock meanwhile, so several may come to this. Each of their blocks is used.
    const std::function<Result<std::uint64_t>(Transaction&)> reserve =
        [issuer](Transaction& transaction) -> Result<std::uint64_t> {
        Query query(transaction.database(),
                    "INSERT INTO serial_block(issuer, next) VALUES (?1, 1 + ?2) ON CONFLICT DO UPDATE SET next = next "
                    "+ ?2 RETURNING next");
        query.with(static_cast<std::int64_t>(issuer), static_cast<std::int64_t>(kSerialBlock));
        const auto row = query.row();
        if (!row) return pass(row.error());
        return static_cast<std::uint64_t>(query.integer(0));
    };
    const auto end = writer_->change<std::uint64_t>(Effect::apply, reserve, Touches::own_rows);
    if (!end) return pass(end.error());
    const std::lock_guard lock(serials_mutex_);
    const std::uint64_t serial = *end - kSerialBlock;
    serials_[issuer].push_back({serial + 1, *end});
    return serial;
}

std::optional<std::uint64_t> SqliteStore::take_serial(steps::IssuerId issuer) {
    const std::lock_guard lock(serials_mutex_);
    auto& blocks = serials_[issuer];
    if (blocks.empty()) return std::nullopt;
    auto& [next, end] = blocks.front();
    const std::uint64_t serial = next++;
    if (next == end) blocks.pop_front();
    return serial;
}

struct SqliteStore::Promise {
    Promise(IntentRequest asked, SaltedText why, Instant time)
        : request(std::move(asked)),
          now(time),
          terms(terms_of(request.spec)),
          reason(std::move(why)),
          leaf(intent_event(request, reason.hash, now)) {}
    IntentRequest request;
    Instant now;
    TermsText terms;
    SaltedText reason;
    Leaf leaf;
    std::uint64_t index = 0;
};

Status SqliteStore::keep_promise(Transaction& transaction, Promise& promise) {
    Database& database = transaction.database();
    const auto& [request, now, terms, reason, leaf, _] = promise;
    const auto& spec = request.spec;
    const auto& whose = spec.whose();
    if (request.join_token) {
        // Asked before, so that a repeated request is not told that its token was used: it was, by itself.
        if (auto ok = not_in_use(database, request); !ok) return ok;
        if (auto ok =
                consume_token(transaction, *request.join_token, whose.identity, spec.key(), request.review_by, now);
            !ok)
            return ok;
    }
    if (auto ok = still_stands(transaction, request, now); !ok) return ok;
    if (auto ok = use_grant(database, spec, now); !ok) return ok;
    if (auto ok = remember(database, whose.identity, request.seen, now); !ok) return ok;
    if (auto ok = insert_certificate(transaction, request, terms); !ok) {
        const auto free = not_in_use(database, request);
        return free ? ok : free;
    }
    if (auto ok = keep_text(transaction, reason); !ok) return ok;
    const auto index = transaction.append(leaf);
    if (!index) return pass(index.error());
    promise.index = *index;
    return {};
}

void SqliteStore::record_intent(IntentRequest request, Instant now, std::function<void(Result<steps::Intent>)> then) {
    auto reason = salt(request.spec.whose().reason_text);
    const auto promise = std::make_shared<Promise>(std::move(request), std::move(reason), now);
    writer_->begin(
        Effect::apply, [this, promise](Transaction& transaction) { return keep_promise(transaction, *promise); },
        promise->request.join_token ? Touches::anything : Touches::own_rows,  // a token makes a node known
        [promise, then = std::move(then)](Status durable) {
            if (!durable) return then(pass(durable.error()));
            then(make_intent(std::move(promise->request.spec), promise->index));
        },
        nullptr, &promise->leaf);
}

Result<steps::Issued> SqliteStore::record_outcome(steps::Checked checked, Instant now) {
    const auto& spec = checked.spec();
    const Digest sha256 = crypto::sha256(checked.certificate());
    const Leaf outcome({"certificate.issued",
                        now,
                        "ca/server",
                        spec.whose().owner.text(),
                        spec.whose().identity.text(),
                        {{"intent", wire::hex(spec.id())},
                         {"issuer", std::string(steps::name(spec.issuer()))},
                         {"serial", spec.serial()},
                         {"certificate_sha256", wire::hex(sha256)}}});
    const bool calls_us = spec.whose().kind == "session" || spec.whose().kind == "node";
    const auto keep = [&](Transaction& transaction) -> Result<std::uint64_t> {
        const auto index = transaction.append(outcome);
        if (!index) return pass(index.error());
        Database& database = transaction.database();
        const auto number = open_intent(database, spec.id());
        if (!number) return pass(number.error());
        if (!*number) return stale("the intent was voided before its outcome was kept");
        Query update(database,
                     "UPDATE certificate SET state = 'issued', intent = x'', leaf = ?, sha256 = ? WHERE n = ?");
        update.with(static_cast<std::int64_t>(*index));
        if (calls_us)
            update.bind(ByteView(sha256));
        else
            update.bind_null();
        if (auto ok = update.with(**number).run(); !ok) return pass(ok.error());
        Query body(database, "UPDATE certificate_body SET certificate = ? WHERE n = ?");
        if (auto ok = body.with(ByteView(checked.certificate()), **number).run(); !ok) return pass(ok.error());
        if (database.changes() != 1) return stale("the promise has no place for its certificate");
        return *index;
    };
    log::TlogProof proof;
    const auto leaf = writer_->change<std::uint64_t>(Effect::apply, keep, Touches::own_rows, &proof, &outcome);
    if (!leaf) return pass(leaf.error());
    proof.extra = outcome.entry;  // so that the proof file alone is enough to check the certificate with
    return make_issued(checked.certificate(), spec.whose(), spec.issuer(), spec.serial(),
                       key_id_of(spec.issuer(), spec.whose()), spec.validity(), outcome.entry,
                       log::encode_proof(proof));
}

Status SqliteStore::void_intent(const steps::IntentId& id, std::string_view why, Instant now) {
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        Query update(
            transaction.database(),
            "UPDATE certificate SET state = 'void', intent = x'' WHERE intent = ? AND state = 'intent' RETURNING "
            "identity, owner, serial, n");
        const auto row = update.with(ByteView(id)).row();
        if (!row) return pass(row.error());
        if (!*row) return {};
        // Its request may be made again, under the same key.
        if (auto ok =
                Query(transaction.database(), "DELETE FROM certificate_body WHERE n = ?").with(update.integer(3)).run();
            !ok)
            return ok;
        const auto leaf =
            transaction.append({"certificate.void",
                                now,
                                "ca/server",
                                update.text(1),
                                update.text(0),
                                {{"intent", wire::hex(id)}, {"serial", update.text(2)}, {"why", std::string(why)}}});
        if (!leaf) return pass(leaf.error());
        return {};
    });
}

Status SqliteStore::record_refusal(const RefusalRecord& refusal) {
    log::Event event{"request.refused",
                     refusal.time,
                     refusal.actor,
                     refusal.owner,
                     refusal.actor,
                     {{"kind", refusal.kind},
                      {"role", refusal.role},
                      {"reasons", json_reasons(refusal.reasons)},
                      {"request_sha256", wire::hex(refusal.request_hash)}}};
    if (refusal.reasons.size() > kMostReasons)
        event.data.emplace("more", static_cast<std::int64_t>(refusal.reasons.size() - kMostReasons));
    return writer_->change(Effect::apply, [&](Transaction& transaction) -> Status {
        const auto leaf = transaction.append(event);
        if (!leaf) return pass(leaf.error());
        return {};
    });
}

Result<std::optional<steps::Issued>> SqliteStore::find_issued(const IdentityName& actor, const Idempotency& key) {
    if (key.key.empty()) return std::optional<steps::Issued>();
    const auto lease = readers_.take();
    if (!lease) return pass(lease.error());
    Query query(**lease,
                "SELECT b.request_hash, c.state, b.certificate, c.issuer, c.serial, c.valid_after, c.valid_before, "
                "c.kind, c.identity, c.owner, c.role, c.grant_id, t.terms, c.leaf, l.entry FROM certificate_body b "
                "JOIN certificate c ON c.n = b.n JOIN certificate_terms t ON t.id = c.terms LEFT JOIN log_entry l ON "
                "l.idx = c.leaf WHERE b.actor = ? AND b.idempotency = ? AND b.idempotency <> ''");
    const auto row = query.with(actor.text(), key.key).row();
    if (!row) return pass(row.error());
    if (!*row) return std::optional<steps::Issued>();
    if (query.digest(0) != key.request_hash)
        return fail(Code::conflict, "this idempotency key was used for another request", "E-IDEMPOTENCY",
                    "one key, one request", "choose a new key");
    if (query.text(1) != "issued")
        return fail(Code::conflict, "this request is being answered already", "E-IDEMPOTENCY", {},
                    "ask again in a moment");
    auto terms = parse_terms(query.text(12));
    if (!terms) return pass(terms.error());
    steps::Accountability whose{query.text(7),
                                stored<IdentityName>(query.text(8)),
                                stored<OwnerName>(query.text(9)),
                                query.text(10),
                                query.text(11),
                                std::move(terms->names),
                                {},
                                std::move(terms->policy_version),
                                {}};
    const auto validity = Validity::between(query.time(5), query.time(6));
    if (!validity) return pass(validity.error());
    auto proof = prove(static_cast<std::uint64_t>(query.integer(13)));
    if (!proof) return pass(proof.error());
    proof->extra = query.blob(14);
    const auto issuer = static_cast<steps::IssuerId>(query.integer(3));
    std::string key_id = key_id_of(issuer, whose);
    return std::optional(make_issued(query.blob(2), std::move(whose), issuer, query.text(4), std::move(key_id),
                                     *validity, query.blob(14), log::encode_proof(*proof)));
}

}  // namespace mayfly::store
