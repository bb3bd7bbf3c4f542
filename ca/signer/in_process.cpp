#include <mutex>

#include "ca/signer/core.h"

namespace mayfly::signer {

namespace {

/// The same core behind a lock instead of a process boundary.
class InProcess final : public Signer {
public:
    explicit InProcess(Core core) : core_(std::move(core)) {}
    Result<Description> describe() override {
        const std::lock_guard lock(mutex_);
        return core_.describe();
    }
    Result<std::string> sign_checkpoint(const CheckpointOrder& order) override {
        const std::lock_guard lock(mutex_);
        return core_.sign_checkpoint(order);
    }
    Result<Bytes> sign_crl(const CrlOrder& order) override {
        const std::lock_guard lock(mutex_);
        return core_.sign_crl(order);
    }

protected:
    Result<Bytes> sign_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts) override {
        const std::lock_guard lock(mutex_);
        return core_.sign(Order{issuer, facts});
    }

private:
    std::mutex mutex_;
    Core core_;
};

}  // namespace

Result<std::unique_ptr<Signer>> in_process(Keys keys, std::string issuer_certificate_pem, std::string log_origin,
                                           Envelope envelope, const Clock& clock, const std::string& journal) {
    auto writer = JournalWriter::open(journal);
    if (!writer) return pass(writer.error());
    auto core =
        Core::make(std::move(keys), issuer_certificate_pem, std::move(log_origin), envelope, clock, std::move(*writer));
    if (!core) return pass(core.error());
    return std::unique_ptr<Signer>(std::make_unique<InProcess>(std::move(*core)));
}

}  // namespace mayfly::signer
