#include "ca/notify/notifier.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "ca/notify/signature.h"
#include "ca/signer/key_files.h"
#include "lib/files/files.h"

namespace mayfly::notify {

namespace {

constexpr std::size_t kLargestRoots = 4 << 20;
constexpr auto kPoll = std::chrono::milliseconds(200);  ///< how late a new entry may be seen
constexpr auto kTrouble = std::chrono::seconds(5);      ///< after a failure of our own store

Status check_files(const Webhook& hook) {
    if (const auto secrets = read_secrets(hook.secret_file); !secrets)
        return pass(secrets.error(), "webhook \"" + hook.name + "\"");
    return {};
}

Status check_files(const Mail& mail) {
    if (mail.password_file.empty()) return {};
    if (const auto password = signer::read_secret_file(mail.password_file); !password)
        return pass(password.error(), "mail");
    return {};
}

template <class Target>
Result<Egress> egress_for(const Target& target, const std::atomic<bool>& stop) {
    if (auto ok = check_files(target); !ok) return pass(ok.error());
    if (!target.roots.empty())
        if (const auto roots = files::read(target.roots, kLargestRoots); !roots)
            return pass(roots.error(), "roots of a target");
    EgressOptions options;
    options.reach = target.reach;
    options.roots = target.roots;
    return Egress(std::move(options), stop);
}

}  // namespace

Result<std::unique_ptr<Notifier>> Notifier::start(const Config& config, const std::string& log_origin,
                                                  store::Store& store, const Clock& clock, Rng& rng,
                                                  const Directory& directory, Courier::Report report) {
    std::unique_ptr<Notifier> out(new Notifier(clock, report));
    std::vector<std::unique_ptr<Carrier>> carriers;
    for (const auto& hook : config.webhooks) {
        auto egress = egress_for(hook, out->stop_);
        if (!egress) return pass(egress.error());
        carriers.push_back(webhook_carrier(hook, log_origin, std::move(*egress)));
    }
    if (config.mail) {
        auto egress = egress_for(*config.mail, out->stop_);
        if (!egress) return pass(egress.error());
        carriers.push_back(mail_carrier(*config.mail, log_origin, directory, std::move(*egress)));
    }
    for (auto& carrier : carriers) {
        const std::string target = carrier->target();
        // A target begins where the log ends when it is first seen: at this moment, not at its thread's first step.
        if (const auto cursor = store.load_cursor(target); !cursor) return pass(cursor.error());
        auto& courier = *out->couriers_.emplace_back(std::make_unique<Courier>(std::move(carrier), store, rng, report));
        out->threads_.emplace_back([self = out.get(), &courier, target] { self->run(courier, target); });
        ::pthread_setname_np(out->threads_.back().native_handle(), ("to " + target).substr(0, 15).c_str());
    }
    return out;
}

Notifier::~Notifier() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void Notifier::run(Courier& courier, const std::string& target) {
    while (!stop_) {
        const Instant now = clock_.now();
        const auto next = courier.step(now);
        if (!next && !stop_) report_("notify.step_failed", target, next.error().message);
        if (next && *next && **next <= now) continue;
        // Due later, or not known: a person may ask for a dead letter, and the log may grow, at any time.
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, next ? std::chrono::milliseconds(kPoll) : std::chrono::milliseconds(kTrouble),
                       [this] { return stop_.load(); });
    }
}

}  // namespace mayfly::notify
