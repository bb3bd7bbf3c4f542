#include "ca/signer/child.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>

namespace mayfly::signer {

namespace {

/// The answer to a frame of orders is a little longer than they are, and has to fit into a frame too.
constexpr std::size_t kMostOrderBytes = kLargestFrame / 2;

tl::unexpected<Error> signer_gone() {
    return fail(Code::unavailable, "the signer is gone", "E-SIGNER-GONE",
                "without it nothing is minted and nothing is logged",
                "restart mayfly-ca; its log says why the signer ended");
}

}  // namespace

Line::~Line() { ::close(socket_); }

void Line::ask(ByteView body) {
    if (!gone_) gone_ = !write_frame(socket_, body);
}

Result<Bytes> Line::answer(Verb verb) {
    if (gone_) return signer_gone();
    const auto reply = read_frame(socket_);
    gone_ = !reply;  // after half a frame nothing that follows could be trusted
    if (gone_) return signer_gone();
    const auto payload = open_reply(verb, *reply);
    if (!payload) return pass(payload.error());
    return to_bytes(*payload);
}

Child::Child(Sockets sockets, int process)
    : orders_(sockets.orders), heads_(sockets.heads), process_(process), thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "signer-client");
}

Child::~Child() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
    orders_.reset();  // the signer reads end of file and ends
    heads_.reset();
    ::waitpid(process_, nullptr, 0);
}

Result<Description> Child::describe() {
    const auto payload = call(Verb::describe, encode_describe());
    if (!payload) return pass(payload.error());
    return parse_description(*payload);
}

Result<std::string> Child::sign_checkpoint(const CheckpointOrder& order) { return begin_checkpoint(order).get(); }

Child::Head::Head(Child& child, ByteView order) : child_(child) {
    child_.heads_free_.acquire();
    child_.heads_->ask(order);
}

Child::Head::~Head() {
    if (!read_) (void)child_.heads_->answer(Verb::sign_checkpoint);  // or the next to ask would read it
    child_.heads_free_.release();
}

Result<Bytes> Child::Head::answer() {
    read_ = true;
    return child_.heads_->answer(Verb::sign_checkpoint);
}

std::future<Result<std::string>> Child::begin_checkpoint(CheckpointOrder order) {
    return std::async(std::launch::deferred,
                      [head = std::make_unique<Head>(*this, encode_checkpoint_order(order))]() mutable {
                          const auto payload = head->answer();
                          head.reset();
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

Result<Bytes> Child::call(Verb verb, Bytes body) {
    std::future<Result<Bytes>> answer;
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back({verb, std::move(body), {}});
        answer = calls_.back().answer.get_future();
    }
    wake_.notify_one();
    return answer.get();
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
        for (auto& one : calls) {
            orders_->ask(one.body);
            one.answer.set_value(orders_->answer(one.verb));
        }
        if (!batch.empty()) run_batch(std::move(batch));
    }
}

void Child::run_batch(std::vector<Waiting> batch) {
    std::vector<Order> orders;
    orders.reserve(batch.size());
    for (auto& waiting : batch) orders.push_back(std::move(waiting.order));
    auto results = ask(orders);
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].then(std::move(results[i]));
}

std::vector<Result<Bytes>> Child::ask(std::span<const Order> orders) {
    const Bytes body = encode_orders(orders);
    if (body.size() > kMostOrderBytes && orders.size() > 1) {
        auto all = ask(orders.first(orders.size() / 2));
        auto others = ask(orders.subspan(orders.size() / 2));
        std::move(others.begin(), others.end(), std::back_inserter(all));
        return all;
    }
    orders_->ask(body);
    const auto payload = orders_->answer(Verb::sign_certificates);
    auto results = payload ? parse_certificates(*payload, orders.size()) : pass(payload.error());
    if (results) return std::move(*results);
    return {orders.size(), Result<Bytes>(pass(results.error()))};
}

}  // namespace mayfly::signer
