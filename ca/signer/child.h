#pragma once
// Child: the CA's side of the two socketpairs. One thread talks to the signer about certificates, and tells callers
// what it answered; what is waiting when the signer is free goes into one frame. Who wants a checkpoint asks by itself,
// on the other socket: everybody waits for a commit, and a commit for its checkpoint.
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <semaphore>
#include <span>
#include <thread>

#include "ca/signer/frames.h"

namespace mayfly::signer {

/// Line is one socket to the signer: a question, then its answer. For one thread at a time.
class Line {
public:
    /// Takes over the socket.
    explicit Line(int socket) : socket_(socket) {}
    ~Line();
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    void ask(ByteView body);
    /// To what was asked last: the payload. Once the signer is gone, or has broken the rules, it is gone for ever.
    Result<Bytes> answer(Verb verb);

private:
    int socket_;
    bool gone_ = false;
};

class Child final : public Signer {
public:
    /// Takes over the sockets and the process.
    Child(Sockets sockets, int process);
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
    /// A checkpoint that is on its way: whoever asked has the line until the answer is read, wanted or not.
    class Head {
    public:
        Head(Child& child, ByteView order);
        ~Head();
        Head(const Head&) = delete;
        Head& operator=(const Head&) = delete;
        Result<Bytes> answer();

    private:
        Child& child_;
        bool read_ = false;
    };
    Result<Bytes> call(Verb verb, Bytes body);
    void run();
    void run_batch(std::vector<Waiting> batch);
    /// One answer for each; in as many frames as they fill.
    std::vector<Result<Bytes>> ask(std::span<const Order> orders);

    std::optional<Line> orders_;  ///< only the thread
    std::optional<Line> heads_;   ///< whoever holds heads_free_
    std::binary_semaphore heads_free_{1};
    int process_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> waiting_;  ///< guarded by mutex_
    std::deque<Call> calls_;       ///< guarded by mutex_
    bool stop_ = false;            ///< guarded by mutex_
    std::thread thread_;
};

}  // namespace mayfly::signer
