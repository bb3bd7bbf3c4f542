#pragma once
// Store: the durable truth, in domain verbs, each one transaction; never "execute".
//
// Contract. A verb that changes something writes its event(s) into the log in the same transaction and returns after
// the commit is on disk (synchronous=FULL), together with a checkpoint that covers them. If it fails, nothing of it
// happened. After a failed commit whose state is unknown (EIO, fsync) the process ends itself: restart re-verifies. All
// verbs are thread-safe and may block; readers never block the writer. Times come in as arguments.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/policy/decide.h"
#include "ca/signer/journal.h"
#include "ca/signer/signer.h"
#include "ca/steps/steps.h"
#include "ca/store/found.h"
#include "ca/store/history.h"
#include "ca/store/node_notices.h"
#include "ca/store/nodes.h"
#include "ca/store/outbox.h"
#include "ca/store/overstays.h"
#include "ca/store/past.h"
#include "ca/store/people.h"
#include "ca/store/policies.h"
#include "ca/store/records.h"
#include "ca/store/renewals.h"
#include "ca/store/reports.h"
#include "ca/store/requests.h"
#include "ca/store/reviews.h"
#include "ca/store/use.h"
#include "lib/log/event.h"
#include "lib/log/proof.h"
#include "lib/log/search.h"
#include "lib/wire/crl.h"
#include "mayfly/api.h"

namespace mayfly::store {

/// CertificateRow is one minted certificate as the store knows it.
struct CertificateRow {
    steps::IssuerId issuer = steps::IssuerId::x509;
    std::string kind, serial, role, grant;
    IdentityName identity;
    OwnerName owner;
    Digest key{};
    Validity validity;
    bool revoked = false;
    bool strong = false;  ///< a session that began with a hardware-backed key
};

/// CallerRecord is what auth needs about whoever presents a certificate or an enrolled key.
struct CallerRecord {
    IdentityName identity;
    policy::State identity_state = policy::State::active;
    OwnerName owner;
    policy::State owner_state = policy::State::active;
    std::vector<Duty> duties;  ///< of the owner, for human identities; a workload's own, if the owner has them too
    std::map<std::string, std::string> labels;
    std::vector<HostName> hosts;
    std::string tenant = policy::kHomeTenant;
};
struct CertificateCaller {
    CallerRecord caller;
    CertificateRow certificate;
};

/// Idempotency ties a repeated request to its first answer.
struct Idempotency {
    std::string key;        ///< client-chosen; "" = none
    Digest request_hash{};  ///< of method, path and body
};

/// IntentRequest is what step 6 makes durable.
struct IntentRequest {
    steps::Spec spec;
    IdentityName actor;  ///< who asked
    Idempotency idempotency;
    std::optional<Digest> join_token;    ///< enrolment: consumed in this very transaction, exactly once
    bool strong_login = false;           ///< sessions: the login was by a hardware-backed key
    std::vector<std::string> seen{};     ///< what this use is seen with, for roles that want to know what is new
    std::optional<Instant> review_by{};  ///< enrolment: when somebody has to look at the node again
    std::uint64_t as_of = 0;  ///< KnownFacts::as_of: what was known then is asked again when it may have changed
};

/// RefusalRecord becomes one certificate.refused leaf (the DENY record).
struct RefusalRecord {
    std::string actor, owner, kind, role;
    std::vector<policy::Reason> reasons;
    Digest request_hash{};
    Instant time = Instant(0);
};

/// ClosedDoor: so many credentials from one address were refused at a door. Becomes one door.refused leaf.
struct ClosedDoor {
    std::string door;     ///< "enrolled-key", "join-token" or "certificate"
    std::string address;  ///< IPv4 address or IPv6 /64, or what stands for many of them
    std::int64_t count = 0;
    Instant first = Instant(0), last = Instant(0);
};

/// FactsQuery says which facts one Ask needs.
struct FactsQuery {
    IdentityName identity;
    std::optional<RoleName> role;
    std::optional<NodeName> node;
    Digest key{};                        ///< crypto::key_id of the subject key
    std::optional<Digest> join_token{};  ///< enrolment: facts of the node that is about to exist come from its token
    std::vector<RoleName> against{};     ///< roles that conflict with `role`
    std::vector<std::string> seen{};     ///< what this use would be seen with
    std::string tenant{};                ///< of `role`; empty: it has none
};
/// KnownFacts is the store's part of policy::Facts, and the policy they belong to.
struct KnownFacts {
    policy::State identity_state, owner_state;
    OwnerName owner;
    std::vector<policy::GrantFact> grants;
    bool key_revoked = false;
    std::optional<IdentityName> key_bound_to;
    std::vector<HostName> hosts;
    std::optional<std::map<std::string, std::string>> target_labels;
    std::string tenant = policy::kHomeTenant;
    std::optional<std::string> target_tenant{};
    std::vector<policy::HeldFact> beside{};
    std::optional<Instant> adopt_by{};
    std::vector<std::string> seen{};    ///< FactsQuery::seen, and how many in the last hour where that is unusual
    std::vector<std::string> new_to{};  ///< of `seen` what was never seen before
    bool tenant_open = true;            ///< of FactsQuery::tenant
    std::uint64_t as_of = 0;            ///< for IntentRequest
};

enum class RevokeBy { serial, identity, key, role, owner, grant, issuer };
struct RevokeOrder {
    RevokeBy by;
    std::string serial;                    ///< RevokeBy::serial
    std::optional<IdentityName> identity;  ///< RevokeBy::identity: also suspends it
    std::optional<Digest> key;             ///< RevokeBy::key: crypto::key_id; refuses future minting for it
    std::string reason;
    std::string name{};                       ///< RevokeBy::role, owner (also suspends it) or grant ("g-7")
    std::optional<steps::IssuerId> issuer{};  ///< RevokeBy::issuer; RevokeBy::serial when two issuers know the serial
    std::optional<Digest>
        ssh_key{};  ///< RevokeBy::key: crypto::ssh_fingerprint, for the KRL; enough alone when the key is known
    std::optional<wire::CrlReason> code{};  ///< what a CRL says of it; by what is revoked when absent
};

/// RevocationFacts is what revocation lists are made of, at one moment.
struct RevocationFacts {
    std::vector<std::uint64_t> ssh_user, ssh_host;
    std::vector<wire::CrlEntry> x509;  ///< sorted by serial
    std::vector<Digest> ssh_keys;      ///< fingerprints; sorted
};

enum class ListKind { krl, crl };
std::string_view name(ListKind kind);
/// RevocationList is one published list.
struct RevocationList {
    ListKind kind = ListKind::krl;
    std::uint32_t shard = 0;
    std::uint64_t number = 0;  ///< KRL version, CRL number
    Bytes bytes;
    Digest sha256{};
    std::uint64_t entries = 0;
    Instant this_update = Instant(0), next_update = Instant(0);
    std::uint64_t leaf = 0;  ///< of the event that published it
};

class Store : public People,
              public Reviews,
              public Requests,
              public Outbox,
              public UseStore,
              public NodeNotices,
              public Policies,
              public History,
              public Past,
              public Renewals,
              public Reports,
              public Nodes,
              public FoundStore,
              public Overstays {
public:
    using People::list_grants;
    using People::list_owners;
    using People::list_tokens;

    // ---- the minting path ------------------------------------------------------------------------------------------
    virtual Result<KnownFacts> load_facts(const FactsQuery& query, Instant now) = 0;
    /// next_serial hands out SSH serials from a durably reserved block: never twice, gaps after a crash.
    virtual Result<std::uint64_t> next_serial(steps::IssuerId issuer) = 0;
    /// record_intent: conflict when the idempotency key is in use (E-IDEMPOTENCY), the serial exists, or the identity,
    /// owner or grant ended since the facts were read (E-STALE); denied when the join token was used or expired
    /// (E-TOKEN).
    /// `then` hears of it once, on the thread that made the promise durable: it must not wait for anything, and goes on
    /// while the caller sleeps.
    virtual void record_intent(IntentRequest request, Instant now, std::function<void(Result<steps::Intent>)> then) = 0;
    virtual Result<steps::Issued> record_outcome(steps::Checked checked, Instant now) = 0;
    /// void_intent marks an intent whose signature will never be released (signer refused, check failed).
    virtual Status void_intent(const steps::IntentId& id, std::string_view why, Instant now) = 0;
    virtual Status record_refusal(const RefusalRecord& refusal) = 0;
    /// The first answer to this caller and key: nullopt when there is none; conflict for another request_hash or one
    /// that is still in flight.
    virtual Result<std::optional<steps::Issued>> find_issued(const IdentityName& actor, const Idempotency& key) = 0;

    // ---- who is calling -------------------------------------------------------------------------------------------
    /// find_certificate finds certificates that open a session with the CA (session, node); to it, others are unknown.
    virtual Result<std::optional<CertificateCaller>> find_certificate(const Digest& sha256_of_der) = 0;
    virtual Result<std::optional<CallerRecord>> find_enrolled_key(const Digest& key) = 0;
    /// find_token by SHA-256 of its text; unknown → nullopt. Consumption happens in record_intent only.
    virtual Result<std::optional<TokenRecord>> find_token(const Digest& secret_hash) = 0;
    /// record_closed_doors: nobody is known, so these leaves have no actor. The caller bounds how many there are.
    virtual Status record_closed_doors(const std::vector<ClosedDoor>& doors, Instant now) = 0;
    virtual Status record_login(const IdentityName& who, std::string_view door, bool success, std::string_view remote,
                                Instant now) = 0;

    // ---- owners, identities, grants, tokens -------------------------------------------------------------------------
    // `actor` is who does it. Names are unique; an identity without an active owner cannot be made
    // (not_found/conflict).
    virtual Status create_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) = 0;
    virtual Result<std::vector<OwnerRecord>> list_owners() = 0;
    virtual Status create_identity(const IdentityRecord& identity, const IdentityName& actor, Instant now,
                                   Effect effect) = 0;
    virtual Result<std::vector<IdentityRecord>> list_identities() = 0;
    virtual Result<std::optional<IdentityRecord>> find_identity(const IdentityName& name) = 0;
    /// create_grant fills in the id and returns the record.
    virtual Result<GrantRecord> create_grant(GrantRecord grant, const IdentityName& actor, Instant now,
                                             Effect effect) = 0;
    virtual Result<std::vector<GrantRecord>> list_grants(const std::optional<IdentityName>& holder, Instant now) = 0;
    virtual Result<TokenRecord> create_token(TokenRecord token, const IdentityName& actor, Instant now,
                                             Effect effect) = 0;
    virtual Result<std::vector<TokenRecord>> list_tokens(Instant now) = 0;
    virtual Result<api::RevokeReply> revoke(const RevokeOrder& order, const IdentityName& actor, Instant now,
                                            Effect effect) = 0;

    // ---- revocation lists ------------------------------------------------------------------------------------------
    /// How many revocations were ever recorded: lists made at another count may be out of date.
    virtual Result<std::uint64_t> revocations_recorded() = 0;
    /// Certificates that were revoked and end after `ended`; keys that were revoked after `keys_since`.
    virtual Result<RevocationFacts> load_revocations(Instant ended, Instant keys_since) = 0;
    /// Forgets what load_revocations would no longer name.
    virtual Status forget_revocations(Instant ended) = 0;
    virtual Result<std::vector<RevocationList>> current_lists() = 0;
    /// promise_crl makes durable what the signer will be asked to sign, under the name its journal will say.
    virtual Status promise_crl(const std::string& journal_serial, const Digest& to_be_signed) = 0;
    /// publish_list replaces the list of that kind and shard, with its event. conflict (E-LIST-NUMBER) unless the
    /// number rises. Returns the event's index.
    virtual Result<std::uint64_t> publish_list(const RevocationList& list, Instant now) = 0;

    // ---- the bundle (policies: ca/store/policies.h) -----------------------------------------------------------------
    virtual Status publish_bundle(const api::Bundle& bundle, const IdentityName& actor, Instant now) = 0;
    /// The bundle in force with its event and a proof against the current checkpoint.
    virtual Result<api::BundleReply> current_bundle() = 0;

    // ---- the log --------------------------------------------------------------------------------------------------
    virtual Result<std::string> checkpoint() = 0;  ///< the latest committed, signed
    virtual Result<std::uint64_t> log_size() = 0;
    virtual Result<std::vector<Bytes>> read_entries(std::uint64_t start, std::uint64_t count) = 0;
    virtual Result<Bytes> read_tile(const log::Tile& tile) = 0;
    /// prove against the newest checkpoint; or, with Head::cosigned, against the newest that met the witnesses' quorum
    /// (not_found when there is none that covers the entry).
    enum class Head { newest, cosigned };
    virtual Result<log::TlogProof> prove(std::uint64_t index, Head head) = 0;
    Result<log::TlogProof> prove(std::uint64_t index) { return prove(index, Head::newest); }
    /// search looks from `before` downwards (0: from the newest) through a bounded stretch of the log.
    struct Found {
        std::vector<std::pair<std::uint64_t, Bytes>> entries;  ///< newest first
        std::uint64_t next = 0;                                ///< go on with this as `before`; 0: it is done
    };
    virtual Result<Found> search(const log::Search& search, std::uint64_t before, std::size_t limit) = 0;
    /// The newest checkpoint that met the quorum, with its cosignatures; not_found when there is none yet.
    virtual Result<std::string> cosigned_checkpoint() = 0;
    virtual Status keep_cosigned(std::string_view note) = 0;

    // ---- housekeeping ---------------------------------------------------------------------------------------------
    /// recover runs once at start: verifies the right edge of the log against the last checkpoint, voids intents
    /// without an outcome (each with its event), compares the signer's journal from where it was last compared. Reports
    /// counts. corrupt (E-LOG-BEHIND / E-JOURNAL) when the journal holds signatures that the store does not know.
    struct Recovery {
        std::uint64_t voided = 0, journal_entries = 0;
    };
    virtual Result<Recovery> recover(const std::string& journal, Instant now) = 0;
    /// probe writes and commits (a row, no event) - for /readyz.
    virtual Status probe() = 0;

protected:
    // The step types can only be made here; implementations go through these.
    static steps::Intent make_intent(steps::Spec spec, std::uint64_t leaf) { return {std::move(spec), leaf}; }
    static steps::Issued make_issued(Bytes certificate, steps::Accountability whose, steps::IssuerId issuer,
                                     std::string serial, std::string key_id, Validity validity, Bytes entry,
                                     std::string proof) {
        return {std::move(certificate), std::move(whose), issuer,           std::move(serial),
                std::move(key_id),      validity,         std::move(entry), std::move(proof)};
    }
};

/// open_sqlite opens (or, with Create::yes, makes) the embedded store. The file's folder must exist. `origin` names the
/// log. The signer signs every checkpoint. Refuses a schema newer than this build (unsupported), a database whose log
/// origin is another one (conflict), and a missing file when not creating (not_found).
enum class Create { no, yes };
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, Create create, const std::string& origin,
                                           signer::Signer& signer, Rng& rng);

}  // namespace mayfly::store
