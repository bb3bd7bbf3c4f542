#include "cli/ssh_keeper.h"

#include <algorithm>

#include "cli/render.h"
#include "lib/files/files.h"

namespace mayfly::cli {

namespace {

constexpr std::int64_t kTroubleLasts = 60, kUnreachableLasts = 15;
/// A certificate that ends while ssh is still shaking hands is of no use.
constexpr std::int64_t kHandshake = 5;

/// One line for the agent's own log.
void note(const std::string& what) { say(SystemClock().now().text() + " " + what); }

}  // namespace

Keeper::Keeper(SshPlaces places, Courier& courier, const Clock& clock, bool& stop)
    : places_(std::move(places)), courier_(courier), clock_(clock), stop_(stop) {
    state_.keeping = desk::Keeping::own_agent;
    state_.context = places_.context;
}

const desk::ReachedNode* Keeper::node_of(const ssh_agent::BoundHost& host) const {
    for (const auto& name : host.names)
        if (const auto* node = state_.node_of(name)) return node;
    return nullptr;
}

bool Keeper::ask_for(const Principal& principal) {
    const Instant now = clock_.now();
    if (on_their_way_.count(principal.text()) == 1) return true;
    if (state_.session_until <= now) return false;
    for (const auto& trouble : state_.troubles)
        if (trouble.until > now && (!trouble.about || *trouble.about == principal)) return false;
    courier_.fetch(principal);
    on_their_way_.emplace(principal.text(), 0);
    return true;
}

bool Keeper::fetch_missing(const desk::ReachedNode& node) {
    const Instant now = clock_.now();
    bool waits = false;
    for (const auto* role : state_.held_for(node, now)) {
        const auto* card = keyring_.find(role->principal, now);
        const bool lasts = card != nullptr && card->until().seconds() > now.seconds() + kHandshake;
        if (!lasts && ask_for(role->principal)) waits = true;
    }
    return waits;
}

std::optional<Bytes> Keeper::list(ssh_agent::Connection& connection, Patience patience) {
    const Instant now = clock_.now();
    std::vector<ssh_agent::Identity> out;
    const auto offer = [&](const ssh_agent::Card& card) {
        if (!card.superseded && card.valid(now)) out.push_back({card.certificate, card.fields.key_id});
    };
    if (connection.refused) return ssh_agent::identities({});
    if (!connection.bound) {  // somebody looks at what is held; nothing is signed on such a connection
        for (const auto& card : keyring_.cards()) offer(card);
        return ssh_agent::identities(out);
    }
    const auto* node = node_of(*connection.bound);
    if (node == nullptr) return ssh_agent::identities({});
    if (fetch_missing(*node) && patience == Patience::more) return std::nullopt;
    for (const auto& role : node->roles)
        for (const auto& card : keyring_.cards())
            if (card.principal.role() == role && desk::AtHand::opens(*node, card.principal) &&
                out.size() < kMostOffered)
                offer(card);
    return ssh_agent::identities(out);
}

Bytes Keeper::sign(const ssh_agent::Connection& connection, const ssh_agent::SignRequest& request) {
    const auto refuse = [](const std::string& why) {
        note("did not sign: " + why);
        return ssh_agent::failure();
    };
    if (connection.refused || !connection.bound) return refuse("the connection is bound to no host");
    const auto login = ssh_agent::parse_authentication(request.data);
    if (!login) return refuse(login.error().message);
    if (auto ok = ssh_agent::permits(*connection.bound, *login); !ok) return refuse(ok.error().message);
    if (login->key != request.key) return refuse("the login offers another key than it asks for");
    auto* card = keyring_.find(request.key, clock_.now());
    if (card == nullptr) return refuse("there is no such certificate");
    const auto* node = node_of(*connection.bound);
    if (node == nullptr || !desk::AtHand::opens(*node, card->principal))
        return refuse(card->principal.text() + " does not open " + connection.bound->names.front().text());
    const auto signature = ssh_agent::sign(*card, request.data);
    if (!signature) return refuse(signature.error().message);
    card->used = true;
    return ssh_agent::signed_answer(*signature);
}

/// Once bound, a connection stays with its session: a second host would be one that it was passed on to.
Bytes Keeper::bind(ssh_agent::Connection& connection, const ssh_agent::BindRequest& request) {
    const auto& bound = connection.bound;
    if (!connection.refused && bound && !request.forwarding && bound->session_id == request.session_id &&
        bound->host_key == request.host_key)
        return ssh_agent::success();
    auto host = bound ? Result<ssh_agent::BoundHost>(fail(Code::denied, "it is bound to another session"))
                      : ssh_agent::bind(request, trust_, clock_.now());
    if (connection.refused || !host) {
        connection.refused = true;
        if (!host)
            note("did not bind: " + host.error().message + (host.error().why.empty() ? "" : ": " + host.error().why));
        return ssh_agent::failure();
    }
    connection.bound = std::move(*host);
    return ssh_agent::success();
}

std::optional<Bytes> Keeper::refresh(ssh_agent::Connection& connection, Patience patience) {
    if (connection.ticket == 0) {
        state_.troubles.clear();
        connection.ticket = looking_ = courier_.look(true);
    }
    if (looked_ < connection.ticket && patience == Patience::more) return std::nullopt;
    connection.ticket = 0;
    return ssh_agent::success();
}

std::optional<Bytes> Keeper::answer(ssh_agent::Connection& connection, const ssh_agent::Request& request,
                                    Patience patience) {
    if (std::holds_alternative<ssh_agent::ListRequest>(request)) return list(connection, patience);
    if (const auto* asked = std::get_if<ssh_agent::SignRequest>(&request)) return sign(connection, *asked);
    if (const auto* asked = std::get_if<ssh_agent::BindRequest>(&request)) return bind(connection, *asked);
    if (std::holds_alternative<ssh_agent::RefreshRequest>(request)) return refresh(connection, patience);
    if (std::holds_alternative<ssh_agent::QueryRequest>(request)) return ssh_agent::query_answer();
    const bool stops = std::holds_alternative<ssh_agent::StopRequest>(request);
    if (stops || std::holds_alternative<ssh_agent::RemoveAllRequest>(request)) {
        keyring_.clear();
        write_down();
        if (stops) stop_ = true;
        return ssh_agent::success();
    }
    return std::get<ssh_agent::OtherRequest>(request).extension ? ssh_agent::extension_failure() : ssh_agent::failure();
}

void Keeper::remember_trouble(const std::optional<Principal>& about, const Error& error) {
    const Instant now = clock_.now();
    const bool passing = error.code == Code::unavailable || error.code == Code::rate_limited;
    note((about ? about->text() + ": " : "") + error.message);
    desk::Trouble trouble{Instant(now.seconds() + (passing ? kUnreachableLasts : kTroubleLasts))};
    if (!passing) trouble.about = about;
    trouble.message = error.message;
    trouble.fix = error.fix;
    std::erase_if(state_.troubles,
                  [&](const desk::Trouble& one) { return one.until <= now || one.about == trouble.about; });
    state_.troubles.push_back(std::move(trouble));
}

void Keeper::believe(News& news) {
    const Instant now = clock_.now();
    if (news.public_half) next_public_ = Instant(now.seconds() + (news.error ? kLookAfterTrouble : kLookPublic));
    if (news.public_half && !news.error)  // it answers again
        std::erase_if(state_.troubles, [](const desk::Trouble& one) { return !one.about; });
    if (news.host_cas) trust_.host_cas = std::move(*news.host_cas);
    if (news.revoked) trust_.revoked = std::move(*news.revoked);
    if (!news.private_half) return;
    next_all_ = Instant(now.seconds() + kLookAll);
    state_.session_until = news.session_until;
    if (!news.reach) return;  // certificates outlive the session that they were got with, but no revocation
    state_.roles = std::move(news.reach->roles);
    state_.nodes = std::move(news.reach->nodes);
    keyring_.drop_unless([&](const RoleName& role) {
        return std::any_of(state_.roles.begin(), state_.roles.end(), [&](const desk::ReachedRole& one) {
            return one.principal.role() == role && one.held_until > now;
        });
    });
}

void Keeper::take(News& news) {
    const Instant now = clock_.now();
    if (news.asked) on_their_way_.erase(news.asked->text());
    if (news.error) {
        remember_trouble(news.asked, *news.error);
        if (news.error->code == Code::unauthenticated) state_.session_until = Instant(0);
        if (!news.asked) next_public_ = next_all_ = Instant(now.seconds() + kLookAfterTrouble);
    }
    believe(news);
    if (!news.asked) looked_ = std::max(looked_, news.errand);
    if (news.card && !ssh_agent::is_revoked(news.card->fields, trust_.revoked))
        keyring_.add(std::move(*news.card), now);
    if (const auto gone = keyring_.drop_revoked(trust_.revoked); gone > 0)
        note(std::to_string(gone) + " certificate(s) revoked: forgotten");
}

/// A certificate that was used is renewed before it ends; one that was not is left to end, and got again when asked
/// for.
void Keeper::renew() {
    const Instant now = clock_.now();
    std::vector<Principal> due;
    for (const auto& card : keyring_.cards())
        if (card.used && !card.superseded && card.renewal() <= now) due.push_back(card.principal);
    for (const auto& principal : due) {
        const bool held = std::any_of(state_.roles.begin(), state_.roles.end(), [&](const desk::ReachedRole& role) {
            return role.principal == principal && role.held_until > now;
        });
        if (held) ask_for(principal);
    }
}

/// Nothing is looked after while nothing is held: an agent without session and certificates sleeps.
void Keeper::look() {
    const Instant now = clock_.now();
    if (looking_ > looked_) return;
    const bool session = state_.session_until > now, holds = !keyring_.cards().empty();
    if (session && next_all_ <= now)
        looking_ = courier_.look(true);
    else if (holds && next_public_ <= now)
        looking_ = courier_.look(false);
}

void Keeper::write_down() {
    state_.certificates.clear();
    for (const auto& card : keyring_.cards())
        if (!card.superseded) state_.certificates.push_back({card.until(), card.principal});
    std::string text = desk::encode_at_hand(state_);
    if (text == written_) return;
    if (auto ok = files::write(places_.at_hand(), view(text), 0600); !ok) return note(ok.error().message);
    written_ = std::move(text);
}

std::chrono::milliseconds Keeper::tend() {
    for (auto& news : courier_.take()) take(news);
    const Instant now = clock_.now();
    keyring_.drop_ended(now);
    renew();
    look();
    write_down();
    std::int64_t next = now.seconds() + kLookPublic;
    const auto earlier = [&](Instant at) { next = std::min(next, std::max(at.seconds(), now.seconds() + 1)); };
    if (const auto end = keyring_.next_end()) earlier(*end);
    for (const auto& card : keyring_.cards())
        if (card.used && !card.superseded) earlier(card.renewal());
    const bool idle = keyring_.cards().empty() && state_.session_until <= now;
    return std::chrono::seconds(idle ? kLookAll : next - now.seconds());
}

}  // namespace mayfly::cli
