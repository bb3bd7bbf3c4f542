#pragma once
// SqliteStore: the embedded Store. Its verbs stand in one file per subject. Private to ca/store.
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "ca/store/remembered.h"
#include "ca/store/standing.h"
#include "ca/store/store.h"
#include "ca/store/writer.h"

namespace mayfly::store {

/// Readers hands out read-only connections and takes them back.
class Readers {
public:
    explicit Readers(std::string path) : path_(std::move(path)) {}
    struct Lease {
        Readers& home;
        std::unique_ptr<Database> database;
        Lease(Readers& readers, std::unique_ptr<Database> held) : home(readers), database(std::move(held)) {}
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (database) home.give_back(std::move(database));
        }
        Database& operator*() const { return *database; }
    };
    Result<Lease> take();

private:
    void give_back(std::unique_ptr<Database> database);
    std::string path_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Database>> idle_;  ///< guarded by mutex_
};

/// SaltedText is what people wrote, on its way into the store: the log has its salted hash only. Empty for no text.
struct SaltedText {
    Bytes salt;
    std::string text, hash;
};

class SqliteStore final : public Store {
public:
    SqliteStore(const std::string& path, std::unique_ptr<Writer> writer, Rng& rng)
        : readers_(path), writer_(std::move(writer)), rng_(rng) {}

    Result<KnownFacts> load_facts(const FactsQuery& query, Instant now) override;
    Result<std::uint64_t> next_serial(steps::IssuerId issuer) override;
    void record_intent(IntentRequest request, Instant now, std::function<void(Result<steps::Intent>)> then) override;
    Result<steps::Issued> record_outcome(steps::Checked checked, Instant now) override;
    Status void_intent(const steps::IntentId& id, std::string_view why, Instant now) override;
    Status record_refusal(const RefusalRecord& refusal) override;
    Result<std::optional<steps::Issued>> find_issued(const IdentityName& actor, const Idempotency& key) override;

    Result<std::optional<CertificateCaller>> find_certificate(const Digest& sha256_of_der) override;
    Result<std::optional<CallerRecord>> find_enrolled_key(const Digest& key) override;
    Result<std::optional<TokenRecord>> find_token(const Digest& secret_hash) override;
    Status record_closed_doors(const std::vector<ClosedDoor>& doors, Instant now) override;
    Status record_login(const IdentityName& who, std::string_view door, bool success, std::string_view remote,
                        Instant now) override;

    using Store::list_grants;
    using Store::list_owners;
    using Store::list_tokens;
    Status create_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<OwnerRecord>> list_owners() override;
    Status create_identity(const IdentityRecord& identity, const IdentityName& actor, Instant now,
                           Effect effect) override;
    Result<std::vector<IdentityRecord>> list_identities() override;
    Result<std::optional<IdentityRecord>> find_identity(const IdentityName& name) override;
    Result<GrantRecord> create_grant(GrantRecord grant, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<GrantRecord>> list_grants(const std::optional<IdentityName>& holder, Instant now) override;
    Result<TokenRecord> create_token(TokenRecord token, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<TokenRecord>> list_tokens(Instant now) override;
    Result<api::RevokeReply> revoke(const RevokeOrder& order, const IdentityName& actor, Instant now,
                                    Effect effect) override;

    Result<RequestRecord> judge_request(const SceneQuery& query, const policy::Policy& policy,
                                        const IdentityName& actor, const Judge& judge, const Clock& clock,
                                        Effect effect) override;
    Result<std::optional<RequestRecord>> find_request(std::int64_t id) override;
    Result<std::vector<RequestRecord>> list_requests(const RequestFilter& filter) override;
    Result<std::vector<std::int64_t>> due_requests(Instant now, std::size_t limit) override;
    Result<DelegationRecord> create_delegation(DelegationRecord delegation, const IdentityName& actor, Instant now,
                                               Effect effect) override;
    Result<std::vector<DelegationRecord>> list_delegations(Instant now) override;

    Result<Sight> load_sight(const IdentityName& identity, const OwnerName& owner, bool everything) override;
    Status create_tenant(const TenantRecord& tenant, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<TenantRecord>> list_tenants(const Sight& sight) override;
    Result<std::optional<TenantRecord>> find_tenant(const std::string& name, const Sight& sight) override;
    Result<Ending> close_tenant(const std::string& name, const std::vector<RoleName>& roles, bool revoke,
                                std::string_view reason, const IdentityName& actor, Instant now,
                                Effect effect) override;
    Result<std::vector<OwnerRecord>> list_owners(const Sight& sight, const OwnerQuery& asked) override;
    Result<std::optional<OwnerRecord>> find_owner(const OwnerName& name) override;
    Status change_owner(const OwnerRecord& owner, const IdentityName& actor, Instant now, Effect effect) override;
    Result<Ending> disable_owner(const OwnerName& name, Instant adopt_by, bool revoke, std::string_view reason,
                                 const IdentityName& actor, Instant now, Effect effect) override;
    Status enable_owner(const OwnerName& name, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::optional<OwnerName>> stand_in(const OwnerName& name) override;
    Result<std::vector<policy::HeldFact>> held_of(const OwnerName& owner, const std::vector<RoleName>& roles,
                                                  Instant now) override;
    Result<std::vector<InventoryRow>> inventory(const InventoryQuery& query, Instant now) override;
    Result<std::vector<GrantRecord>> all_grants_of(const IdentityName& name) override;
    Result<std::optional<GrantRecord>> find_grant(const std::string& id) override;
    Result<std::vector<GrantRecord>> list_grants(const Sight& sight, const std::string& after, std::size_t limit,
                                                 Instant now) override;
    Result<std::vector<TokenRecord>> list_tokens(const Sight& sight) override;
    Result<Ending> suspend_identity(const IdentityName& name, bool revoke, std::string_view reason,
                                    const IdentityName& actor, Instant now, Effect effect) override;
    Status enable_identity(const IdentityName& name, const IdentityName& actor, Instant now, Effect effect) override;
    Status import(const InventoryBatch& batch, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<IdentityName>> offer_identities(const OwnerName& from, const std::vector<IdentityName>& names,
                                                       const OwnerName& to, const OwnerName& by, Instant expires,
                                                       const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<IdentityName>> adopt_identities(const OwnerName& from, const std::vector<IdentityName>& names,
                                                       const OwnerName& by, const IdentityName& actor, Instant now,
                                                       Effect effect) override;

    Result<std::size_t> end_hand_overs(Instant now, std::size_t limit) override;

    Result<std::vector<ReviewItem>> items_of(const ItemQuery& query, Instant now) override;
    Result<std::optional<ReviewItem>> suspended_item(const std::string& grant, Instant now) override;
    Result<std::string> evidence_of(const ReviewItem& item, Instant since, Instant now) override;
    Result<std::vector<std::string>> open_reviews(const std::vector<ReviewRecord>& reviews, CampaignRecord* campaign,
                                                  const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<ReviewRecord>> list_reviews(const ReviewQuery& query) override;
    Result<std::optional<ReviewRecord>> find_review(const std::string& id, const Sight& sight) override;
    Result<Closing> closing_of(const ReviewRecord& review, Instant now) override;
    Result<Ending> close_review(const std::string& id, std::string_view outcome, std::string_view comment, bool revoke,
                                const OwnerName& by, std::optional<Instant> next_review, const IdentityName& actor,
                                Instant now, Effect effect) override;
    Status undo_review(const std::string& id, std::int64_t window, const IdentityName& actor, Instant now,
                       Effect effect) override;
    Status reassign_review(const std::string& id, const OwnerName& to, const IdentityName& actor, Instant now,
                           Effect effect) override;
    Result<std::vector<CampaignRecord>> list_campaigns() override;
    Result<CampaignRecord> close_campaign(const std::string& id, bool lapse, const IdentityName& actor, Instant now,
                                          Effect effect) override;
    Result<std::size_t> end_expired(Instant now, std::size_t limit) override;
    Result<std::vector<ReviewItem>> due_items(Instant before, std::size_t limit) override;
    Status postpone_item(const ReviewItem& item, Instant next) override;
    Result<std::vector<ReviewItem>> due_roles(const std::vector<RoleVersion>& roles, Instant before,
                                              std::size_t limit) override;
    Result<std::size_t> remind_reviews(Instant now, std::size_t limit) override;
    Result<std::size_t> lapse_reviews(Instant now, std::size_t limit) override;
    Result<std::size_t> suspend_idle(const std::vector<IdleRule>& rules, Instant now, std::size_t limit) override;

    Result<std::uint64_t> revocations_recorded() override;
    Result<RevocationFacts> load_revocations(Instant ended, Instant keys_since) override;
    Status forget_revocations(Instant ended) override;
    Result<std::vector<RevocationList>> current_lists() override;
    Status promise_crl(const std::string& journal_serial, const Digest& to_be_signed) override;
    Result<std::uint64_t> publish_list(const RevocationList& list, Instant now) override;

    Status record_notices(const NodeName& node, const std::vector<ReportedNotice>& notices, std::int64_t lost,
                          Instant now) override;
    Status record_uses(const NodeName& node, const std::vector<ReportedUse>& uses, std::int64_t lost,
                       const std::vector<Digest>& own, const std::vector<std::string>& notify, Instant now) override;
    Result<std::vector<SessionRecord>> list_sessions(const SessionQuery& query) override;
    Status publish_envelope(const breakglass::SignedEnvelope& envelope, const IdentityName& actor, Instant now,
                            Effect effect) override;
    Status withdraw_envelope(const std::string& reason, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::optional<PublishedEnvelope>> current_envelope(Instant now) override;
    Result<std::optional<PublishedEnvelope>> find_envelope(const Digest& hash) override;
    Result<Reconciled> record_emergency(const std::vector<breakglass::SignedRecord>& records, Instant due,
                                        const std::vector<std::string>& notify, const IdentityName& actor, Instant now,
                                        Effect effect) override;
    Result<std::size_t> alarm_unrecorded(Instant reported_before, const std::vector<std::string>& notify,
                                         Instant now) override;
    Result<std::optional<IdentityName>> find_glass_identity(const OwnerName& owner, const RoleName& role,
                                                            Instant now) override;
    Result<std::string> ask_second(const GlassOrder& order, const std::optional<OwnerName>& second,
                                   const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::optional<GlassWait>> find_wait(const std::string& id, Instant now) override;
    Result<Glass> open_glass(const GlassOrder& order, const IdentityName& actor, Instant now, Effect effect) override;
    Status close_glass(const std::string& id, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<Glass>> list_glass(bool unreviewed_only, std::size_t limit) override;
    Result<std::optional<Glass>> find_glass(const std::string& id) override;
    Status review_glass(const GlassReview& review, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::size_t> note_overdue(Instant now) override;

    Status apply_policy(std::string_view toml, const IdentityName& actor, Instant now) override;
    Result<bool> take_policy_file(std::string_view toml, const std::function<Status(const policy::People&)>& check,
                                  const IdentityName& actor, Instant now) override;
    Result<PolicyRecord> current_policy() override;
    Result<PolicyRecord> find_policy(std::string_view version) override;
    Result<PolicyRecord> policy_at(Instant time) override;
    Result<std::vector<PolicyRecord>> list_policies() override;
    Result<PolicyChange> propose_policy(PolicyChange change, const Settle& settle, Instant now, Effect effect) override;
    Result<PolicyChange> sign_policy(std::string_view id, PolicyWord word, std::string_view sha256,
                                     const Settle& settle, Instant now, Effect effect) override;
    Result<PolicyChange> cancel_policy(std::string_view id, const IdentityName& actor, Instant now,
                                       Effect effect) override;
    Result<std::optional<PolicyChange>> find_policy_change(std::string_view id) override;
    Result<std::vector<PolicyChange>> list_policy_changes() override;
    Status close_policy_changes(Instant now) override;
    Result<policy::People> list_people() override;
    Result<bool> visit_mints(Instant since, std::size_t limit,
                             const std::function<Status(const PastMint&)>& visit) override;
    Result<std::optional<std::map<std::string, std::string>>> node_labels(const NodeName& node) override;
    Result<ReportPage> report(ReportKind kind, std::string_view after, std::size_t limit, Instant now) override;
    Result<std::uint64_t> log_size_at(Instant time) override;
    Result<std::vector<PastEvent>> events_about(std::string_view subject, std::uint64_t below) override;
    Result<std::vector<PastGrant>> grants_at(const std::optional<IdentityName>& identity,
                                             const std::optional<RoleName>& role, Instant time,
                                             std::size_t limit) override;
    Result<std::vector<PastGrant>> grants_before(const IdentityName& identity, const RoleName& role, Instant time,
                                                 std::size_t limit) override;
    Result<PastUse> use_of(const IdentityName& identity, std::string_view grant, std::uint64_t below) override;
    Result<std::vector<IdentityName>> identities_of(const OwnerName& owner, std::size_t limit) override;
    Status order_renewal(const RenewalOrder& order, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::vector<RenewalOrder>> renewal_orders(Instant now) override;
    Result<std::vector<std::string>> revoked_of(const IdentityName& actor, Instant now) override;
    Status record_workload_trouble(const NodeName& node, const WorkloadTrouble& trouble, Instant now) override;
    Status publish_bundle(const api::Bundle& bundle, const IdentityName& actor, Instant now) override;
    Result<api::BundleReply> current_bundle() override;

    Result<std::string> checkpoint() override;
    Result<std::uint64_t> log_size() override;
    Result<std::vector<Bytes>> read_entries(std::uint64_t start, std::uint64_t count) override;
    Result<Bytes> read_tile(const log::Tile& tile) override;
    using Store::prove;
    Result<log::TlogProof> prove(std::uint64_t index, Head head) override;
    Result<Found> search(const log::Search& search, std::uint64_t before, std::size_t limit) override;
    Result<std::string> cosigned_checkpoint() override;
    Status keep_cosigned(std::string_view note) override;

    Result<Cursor> load_cursor(const std::string& target) override;
    Status keep_cursor(const std::string& target, const Cursor& cursor) override;
    Result<std::vector<NamedCursor>> list_cursors() override;
    Result<std::string> bury(const DeadLetter& letter, const Cursor& then, Instant now) override;
    Result<std::vector<DeadLetter>> list_dead(Which which) override;
    Result<DeadLetter> ask_again(const std::string& id, const IdentityName& actor, Instant now, Effect effect) override;
    Result<std::optional<DeadLetter>> next_asked(const std::string& target) override;
    Status settle(const DeadLetter& letter) override;
    Result<std::optional<Addressee>> find_addressee(const OwnerName& owner) override;

    Result<Generations> generations_of(const NodeCertificate& certificate, Instant now) override;
    Status see_generation(const IdentityName& node, std::int64_t generation, Instant now) override;
    Status begin_generation(const IdentityName& node, std::int64_t after, const Digest& key, Instant now) override;
    Status stop_clone(const NodeCertificate& certificate, const Generations& generations,
                      const std::vector<std::string>& notify, Instant now) override;
    Status record_return(const NodeCertificate& certificate, Instant ended, Instant now) override;
    Result<std::uint64_t> publish_trust(const PublishedTrust& trust, Instant now) override;
    Result<FoundCounts> record_found(const NodeName& node, const FoundReport& report,
                                     const std::vector<std::string>& notify, Instant now) override;
    Result<std::vector<FoundRecord>> list_found(const FoundQuery& query) override;
    Status accept_found(const FoundRecord& found, const OwnerName& owner, const std::string& reason,
                        const IdentityName& actor, Instant now, Effect effect) override;
    Status dismiss_found(const FoundRecord& found, const std::string& reason, const IdentityName& actor, Instant now,
                         Effect effect) override;
    Result<std::vector<Overstay>> overstays_on(const NodeName& node, const std::vector<RoleName>& roles,
                                               Instant now) override;

    Result<Recovery> recover(const std::string& journal, Instant now) override;
    Status probe() override;

private:
    Result<Reconciled> add_record(Transaction& transaction, const breakglass::SignedRecord& record, Instant due,
                                  const std::vector<std::string>& notify, const IdentityName& actor, Instant now);
    // One new row each, with its event: what the verbs of the same names and an import share.
    Status insert_owner(Transaction& transaction, const OwnerRecord& owner, const IdentityName& actor, Instant now);
    Status update_owner(Transaction& transaction, const OwnerRecord& owner, const IdentityName& actor, Instant now);
    Status insert_identity(Transaction& transaction, const IdentityRecord& identity, const IdentityName& actor,
                           Instant now);
    Status insert_grant(Transaction& transaction, GrantRecord& grant, const IdentityName& actor, Instant now);
    /// Keeps free text beside the log and returns what the leaf says of it: its salted hash ("" for no text).
    Result<std::string> keep_text(Transaction& transaction, std::string_view text);
    // Read, and remembered under this generation.
    Result<std::optional<Standing>> read_standing(Database& database, const IdentityName& identity,
                                                  std::uint64_t generation);
    Result<std::vector<policy::GrantFact>> read_grants(Database& database, const FactsQuery& query,
                                                       std::uint64_t generation, Instant now);
    /// Those for the role that is asked for: none when no role is, nothing when they have to be read.
    std::optional<std::vector<policy::GrantFact>> remembered_grants(const FactsQuery& query, std::uint64_t generation,
                                                                    Instant now);
    std::optional<std::uint64_t> take_serial(steps::IssuerId issuer);
    /// What one call of record_intent keeps until its commit.
    struct Promise;
    Status keep_promise(Transaction& transaction, Promise& promise);
    SaltedText salt(std::string_view text);
    static Status keep_text(Transaction& transaction, const SaltedText& salted);
    /// What `revoke` does, within a transaction that is open.
    Result<api::RevokeReply> revoke_now(Transaction& transaction, const RevokeOrder& order, const IdentityName& actor,
                                        Instant now);
    Readers readers_;
    Remembered<Digest, CertificateCaller> callers_;  ///< by the hash of what they present
    Remembered<std::string, Standing> standings_;    ///< of identities
    /// Of an identity, for a role; only what minting itself does not change.
    Remembered<std::pair<std::string, std::string>, std::vector<policy::GrantFact>> grants_;
    std::unique_ptr<Writer> writer_;
    Rng& rng_;
    std::mutex serials_mutex_;
    /// Reserved and not handed out yet: the next and the end of each block.
    std::map<steps::IssuerId, std::deque<std::pair<std::uint64_t, std::uint64_t>>> serials_;
};

// ---- how values stand in columns ------------------------------------------------------------------------------------
std::string text_of_map(const std::map<std::string, std::string>& labels);
std::map<std::string, std::string> map_of_text(const std::string& json);
std::string text_of_list(const std::vector<std::string>& words);
std::vector<std::string> list_of_text(const std::string& json);
std::vector<std::string> texts(const std::vector<HostName>& hosts);
std::vector<HostName> hosts_of_text(const std::string& json);
policy::State state_of_text(std::string_view text);
policy::Activation activation_of_text(std::string_view text);
wire::Json json_list(const std::vector<std::string>& words);
/// The lists look at this count, not at the rows, to know that something happened.
Status count_revocation(Database& database);
/// Who is asked to review what this owner did: somebody preferred, else somebody with a duty, else anybody; never the
/// second person. With nobody else there it is the owner, who may not close it: it stays owed.
Result<OwnerName> pick_reviewer(Database& database, const OwnerName& about, const std::optional<OwnerName>& second,
                                const std::vector<OwnerName>& preferred);
/// Names in the database were valid when they were written; anything else is damage, and ends the process.
template <class Name>
Name stored(std::string_view text) {
    auto name = Name::parse(text);
    ensure(name.has_value(), "a name in the store is valid");
    return std::move(*name);
}

}  // namespace mayfly::store
