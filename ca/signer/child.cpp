#include "ca/signer/child.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace mayfly::signer {

namespace {

tl::unexpected<Error> signer_gone() {
    return fail(Code::unavailable, "the signer is gone", "E-SIGNER-GONE",
                "without it nothing is minted and nothing is logged",
                "restart mayfly-ca; its log says why the signer ended");
}

}  // namespace

Child::Child(int socket, int process) : socket_(socket), process_(process), thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "signer-client");
}

Child::~Child() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
    ::close(socket_);  // the signer reads end of file and ends
    ::waitpid(process_, nullptr, 0);
}

Result<Description> Child::describe() {
    const auto payload = call(Verb::describe, encode_describe());
    if (!payload) return pass(payload.error());
    return parse_description(*payload);
}

Result<std::string> Child::sign_checkpoint(const CheckpointOrder& order) { return begin_checkpoint(order).get(); }

std::future<Result<std::string>> Child::begin_checkpoint(CheckpointOrder order) {
    return std::async(std::launch::deferred,
                      [answer = begin(Verb::sign_checkpoint, encode_checkpoint_order(order))]() mutable {
                          const auto payload = answer.get();
                          return payload ? parse_note_reply(*payload) : Result<std::string>(pass(payload.error()));
                      });
}

Result<Bytes> Child::sign_crl(const CrlOrder& order) {
    const auto payload = call(Verb::sign_crl, encode_crl_order(order));
    if (!payload) return pass(payload.error());
    return parse_crl_reply(*payload);
}

Result<Bytes> Child::sign_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts) {
    const auto answer = std::make_shared<std::promise<Result<Bytes>>>();
    auto heard = answer->get_future();
    begin_facts(issuer, facts, [answer](Result<Bytes> made) { answer->set_value(std::move(made)); });
    send();
    return heard.get();
}

void Child::begin_facts(steps::IssuerId issuer, const steps::CertificateFacts& facts,
                        std::function<void(Result<Bytes>)> then) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({Order{issuer, facts}, std::move(then)});
}

void Child::send() {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return;
    }
    wake_.notify_one();
}

std::future<Result<Bytes>> Child::begin(Verb verb, Bytes body) {
    std::future<Result<Bytes>> answer;
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back({verb, std::move(body), {}});
        answer = calls_.back().answer.get_future();
    }
    wake_.notify_one();
    return answer;
}

void Child::run() {
    for (;;) {
        std::deque<Call> calls;
        std::vector<Waiting> batch;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stop_ || !calls_.empty() || !waiting_.empty(); });
            if (stop_ && calls_.empty() && waiting_.empty()) return;
            calls.swap(calls_);
            while (!waiting_.empty() && batch.size() < kMostPerFrame) {
                batch.push_back(std::move(waiting_.front()));
                waiting_.pop_front();
            }
        }
        for (auto& one : calls) one.answer.set_value(exchange(one.verb, one.body));
        if (!batch.empty()) run_batch(std::move(batch));
    }
}

void Child::run_batch(std::vector<Waiting> batch) {
    std::vector<Order> orders;
    orders.reserve(batch.size());
    for (auto& waiting : batch) orders.push_back(std::move(waiting.order));
    const auto payload = exchange(Verb::sign_certificates, encode_orders(orders));
    auto results = payload ? parse_certificates(*payload, batch.size()) : pass(payload.error());
    for (std::size_t i = 0; i < batch.size(); ++i)
        batch[i].then(results ? std::move((*results)[i]) : Result<Bytes>(pass(results.error())));
}

Result<Bytes> Child::exchange(Verb verb, ByteView body) {
    if (gone_) return signer_gone();
    Result<Bytes> reply = signer_gone();
    if (write_frame(socket_, body)) reply = read_frame(socket_);
    if (!reply) {
        gone_ = true;  // after half a frame nothing that follows could be trusted
        return signer_gone();
    }
    const auto payload = open_reply(verb, *reply);
    if (!payload) return pass(payload.error());
    return to_bytes(*payload);
}

}  // namespace mayfly::signer
