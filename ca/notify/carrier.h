#pragma once
// Carrier: one way of telling one target. Courier: sees to it that the target is told everything, in order.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ca/notify/config.h"
#include "ca/notify/egress.h"
#include "ca/notify/letter.h"
#include "ca/store/outbox.h"

namespace mayfly::notify {

struct Delivery {
    enum class Verdict {
        taken,    ///< the other side has it
        later,    ///< it does not answer, or not well: ask again until the deadline
        refused,  ///< it answers, and says that it will not: ask again a few times
    };
    Verdict verdict = Verdict::taken;
    std::string trouble{};         ///< one of our own sentences; "" when taken
    std::int64_t retry_after = 0;  ///< seconds the other side asks for
};

class Carrier {
public:
    virtual ~Carrier() = default;
    [[nodiscard]] virtual const std::string& target() const = 0;
    [[nodiscard]] virtual const Patience& patience() const = 0;
    /// Who is to be told of this letter here; none: it is not for this target.
    virtual Result<std::vector<std::string>> recipients(const Letter& letter) = 0;
    virtual Delivery carry(const Letter& letter, const std::string& recipient, Instant now) = 0;
};

/// A webhook has one recipient, itself.
std::unique_ptr<Carrier> webhook_carrier(Webhook hook, std::string log_origin, Egress egress);

/// Directory answers who is behind an event, at the moment of writing.
struct Directory {
    std::function<Result<std::optional<store::Addressee>>(const OwnerName&)> find;
    std::function<std::vector<OwnerName>(const std::string& role)> role_owners;  ///< none for an unknown role
    std::function<std::vector<OwnerName>(const std::string& group)> members;     ///< none for an unknown group
};
/// A mail goes to each recipient on its own. Recipients are addresses.
std::unique_ptr<Carrier> mail_carrier(Mail mail, std::string log_origin, Directory directory, Egress egress);

}  // namespace mayfly::notify
