#pragma once
// Child: the CA's side of the socketpair. One thread talks to the signer, and tells callers what it answered. What is
// waiting when the signer is free goes into one frame.
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "ca/signer/frames.h"

namespace mayfly::signer {

class Child final : public Signer {
public:
    /// Takes over the socket and the process.
    Child(int socket, int process);
    ~Child() override;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    Result<Description> describe() override;
    Result<std::string> sign_checkpoint(const CheckpointOrder& order) override;
    std::future<Result<std::string>> begin_checkpoint(CheckpointOrder order) override;
    Result<Bytes> sign_crl(const CrlOrder& order) override;
    void send() override;

protected:
    Result<Bytes> sign_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts) override;
    void begin_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts,
                     std::function<void(Result<Bytes>)> then) override;

private:
    struct Waiting {
        Order order;
        std::function<void(Result<Bytes>)> then;
    };
    struct Call {
        Verb verb;
        Bytes body;
        std::promise<Result<Bytes>> answer;
    };
    Result<Bytes> call(Verb verb, Bytes body) { return begin(verb, std::move(body)).get(); }
    std::future<Result<Bytes>> begin(Verb verb, Bytes body);
    void run();
    void run_batch(std::vector<Waiting> batch);
    /// One frame there, one back; the payload as owned bytes.
    Result<Bytes> exchange(Verb verb, ByteView body);

    int socket_;
    int process_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> waiting_;  ///< guarded by mutex_
    std::deque<Call> calls_;       ///< guarded by mutex_; served first, the log waits for nobody
    bool stop_ = false;            ///< guarded by mutex_
    bool gone_ = false;            ///< only the thread
    std::thread thread_;
};

}  // namespace mayfly::signer
