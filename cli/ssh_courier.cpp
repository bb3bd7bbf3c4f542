#include "cli/ssh_courier.h"

#include "lib/client/context.h"
#include "lib/client/revocation.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::cli {

namespace {

std::vector<PublicKey> keys_of(const std::vector<std::string>& lines) {
    std::vector<PublicKey> out;
    for (const auto& line : lines)
        if (auto key = wire::parse_ssh_key_line(line)) out.push_back(std::move(key->key));
    return out;
}

/// A bundle that the pinned log published after the one we hold takes its place: the CA's keys were rotated.
Result<client::Context> with_current_bundle(client::Context context, client::CaClient& ca) {
    auto reply = ca.get<api::BundleReply>("/v1/bundle");
    if (!reply) return pass(reply.error());
    if (auto ok = client::verify_update(context.bundle, *reply); !ok) return pass(ok.error());
    if (reply->bundle.version == context.bundle.version) return context;
    context.bundle = std::move(reply->bundle);
    if (auto ok = client::save_context(context); !ok) return pass(ok.error());
    return context;
}

}  // namespace

Courier::Courier(SshPlaces places, std::function<void()> arrived)
    : places_(std::move(places)), arrived_(std::move(arrived)), thread_([this] { work(); }) {}

Courier::~Courier() {
    {
        const std::lock_guard guard(lock_);
        ends_ = true;
        errands_.clear();
    }
    something_.notify_all();
    thread_.join();
}

std::uint64_t Courier::look(bool everything) { return send({0, std::nullopt, everything}); }
void Courier::fetch(const Principal& principal) { send({0, principal, false}); }

std::uint64_t Courier::send(Errand errand) {
    std::uint64_t number = 0;
    {
        const std::lock_guard guard(lock_);
        number = errand.number = ++last_;
        errands_.push_back(std::move(errand));
    }
    something_.notify_one();
    return number;
}

std::vector<News> Courier::take() {
    const std::lock_guard guard(lock_);
    return std::exchange(news_, {});
}

void Courier::work() {
    for (;;) {
        Errand errand;
        {
            std::unique_lock guard(lock_);
            something_.wait(guard, [this] { return ends_ || !errands_.empty(); });
            if (ends_) return;
            errand = std::move(errands_.front());
            errands_.pop_front();
        }
        News news = run(errand);
        news.errand = errand.number;
        {
            const std::lock_guard guard(lock_);
            news_.push_back(std::move(news));
        }
        arrived_();
    }
}

News Courier::run(const Errand& errand) {
    News news;
    news.asked = errand.principal;
    const auto context = client::load_context(places_.context);
    if (!context) {
        news.error = context.error();
        news.private_half = true;  // a context that was removed has no session
        return news;
    }
    if (errand.principal) {
        fetch(*context, *errand.principal, news);
        return news;
    }
    look_public(*context, news);
    if (errand.everything) look_private(*context, news);
    return news;
}

void Courier::look_public(const client::Context& pinned, News& news) {
    auto ca = client::CaClient::connect(pinned.url, pinned.bundle, nullptr);
    if (!ca) {
        news.error = ca.error();
        return;
    }
    const auto context = with_current_bundle(pinned, *ca);
    if (!context) {
        news.error = context.error();
        return;
    }
    news.public_half = true;
    news.host_cas = keys_of(context->bundle.ssh_host_cas);
    const auto names = ca->get<api::List<api::RevocationList>>("/v1/revocation");
    if (!names) {
        news.error = names.error();
        return;
    }
    for (const auto& named : names->items) {
        if (named.kind != "krl" || named.number <= list_number_) continue;
        const auto list = client::fetch_list(*ca, "krl", 0);
        const auto krl = list ? wire::parse_krl(view(list->bytes)) : Result<wire::Krl>(pass(list.error()));
        if (!krl) {
            news.error = krl.error();
            return;
        }
        list_number_ = list->named.number;
        (void)files::write(places_.revoked(), view(list->bytes), 0644);
        news.revoked = *krl;
    }
}

void Courier::look_private(const client::Context& context, News& news) {
    const Instant now = SystemClock().now();
    const auto credential = context.session(now);
    if (!credential) {
        news.private_half = true;
        return;
    }
    auto ca = client::CaClient::connect(context.url, context.bundle, &*credential);
    auto reach = ca ? client::fetch_reach(*ca) : Result<client::Reach>(pass(ca.error()));
    if (!reach) {
        // A session that the CA no longer knows (revoked, suspended) is none.
        news.private_half = reach.error().code == Code::unauthenticated;
        news.error = reach.error();
        return;
    }
    news.private_half = true;
    news.session_until = context.session_until().value_or(Instant(0));
    news.reach = std::move(*reach);
}

void Courier::fetch(const client::Context& context, const Principal& principal, News& news) {
    const auto failed = [&](const Error& error) { news.error = error; };
    const auto credential = context.session(SystemClock().now());
    if (!credential) return failed(credential.error());
    auto ca = client::CaClient::connect(context.url, context.bundle, &*credential);
    if (!ca) return failed(ca.error());
    auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return failed(key.error());
    api::SshUserRequest request;
    request.role = principal.role().text();
    if (principal.node()) request.node = principal.node()->text();
    request.public_key = wire::encode_ssh_key_line(key->public_key(), "");
    const auto prover = client::prove_with(*key);
    const auto reply = ca->mint("/v1/ssh/user-certificates", request, &prover);
    if (!reply) return failed(reply.error());
    const auto blob = wire::parse_ssh_certificate_line(reply->certificate);
    if (!blob) return failed(blob.error());
    auto card = ssh_agent::read_card(*blob, std::move(*key));
    if (!card) return failed(card.error());
    if (card->principal != principal)
        return failed({Code::corrupt, "the certificate is for another role than was asked for", {}, {}, {}});
    news.card = std::move(*card);
}

}  // namespace mayfly::cli
