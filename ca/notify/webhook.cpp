#include "ca/notify/carrier.h"
#include "ca/notify/signature.h"

namespace mayfly::notify {

namespace {

constexpr long kTimeout = 408, kTooEarly = 425, kTooMany = 429;  // RFC 9110, 8470, 6585: "come again"

class WebhookCarrier final : public Carrier {
public:
    WebhookCarrier(Webhook hook, std::string log_origin, Egress egress)
        : hook_(std::move(hook)), log_origin_(std::move(log_origin)), egress_(std::move(egress)) {}
    [[nodiscard]] const std::string& target() const override { return hook_.name; }
    [[nodiscard]] const Patience& patience() const override { return hook_.patience; }
    Result<std::vector<std::string>> recipients(const Letter& letter) override;
    Delivery carry(const Letter& letter, const std::string& recipient, Instant now) override;

private:
    Webhook hook_;
    std::string log_origin_;
    Egress egress_;
};

Result<std::vector<std::string>> WebhookCarrier::recipients(const Letter& letter) {
    const bool own_trouble = letter.event.type.starts_with("notify.") && letter.event.subject == "target/" + hook_.name;
    if (own_trouble || !wanted(hook_.events, letter.event.type)) return std::vector<std::string>();
    return std::vector{hook_.name};
}

Delivery WebhookCarrier::carry(const Letter& letter, const std::string&, Instant now) {
    // Read each time: a secret is replaced without a restart, by a second line and later by its removal.
    const auto secrets = read_secrets(hook_.secret_file);
    if (!secrets) return {Delivery::Verdict::later, secrets.error().message};
    Post post{hook_.url, {}, webhook_body(letter, log_origin_)};
    post.headers = {{"Content-Type", "application/json"},
                    {"User-Agent", "mayfly/" MAYFLY_VERSION},
                    {"webhook-id", letter.id},
                    {"webhook-timestamp", std::to_string(now.seconds())},
                    {"webhook-signature", signature_header(*secrets, letter.id, now, post.body)}};
    const auto answer = egress_.post(post);
    if (!answer) return {Delivery::Verdict::later, answer.error().message};
    if (answer->status >= 200 && answer->status < 300) return {};
    const std::string trouble = "the receiver answers " + std::to_string(answer->status) +
                                (answer->status / 100 == 3 ? "; redirects are not followed" : "");
    const bool refused = answer->status >= 400 && answer->status < 500 && answer->status != kTimeout &&
                         answer->status != kTooEarly && answer->status != kTooMany;
    return {refused ? Delivery::Verdict::refused : Delivery::Verdict::later, trouble, answer->retry_after};
}

}  // namespace

std::unique_ptr<Carrier> webhook_carrier(Webhook hook, std::string log_origin, Egress egress) {
    return std::make_unique<WebhookCarrier>(std::move(hook), std::move(log_origin), std::move(egress));
}

}  // namespace mayfly::notify
