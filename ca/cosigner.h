#pragma once
// Cosigner: shows the log's head to its witnesses, again and again, and keeps the newest head that their quorum
// cosigned. It has a thread of its own and nobody waits for it: a witness that is slow or gone delays no certificate.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ca/config.h"
#include "ca/log_line.h"
#include "ca/store/store.h"
#include "lib/client/http.h"
#include "lib/log/witness_policy.h"

namespace mayfly::ca {

class Cosigner {
public:
    /// Fails for a policy or roots that cannot be read, and for a witness without a URL.
    static Result<std::unique_ptr<Cosigner>> start(const Config& config, store::Store& store, const LogLine& log);
    ~Cosigner();  ///< ends the round in hand, at most one request's time
    Cosigner(const Cosigner&) = delete;
    Cosigner& operator=(const Cosigner&) = delete;

private:
    struct Asked {
        log::WitnessPolicy::Witness witness;
        client::HttpClient http;
        std::string path;
        std::uint64_t size = 0;  ///< what it has seen, as far as we know
        bool failing = false;    ///< said so already
    };
    Cosigner(log::WitnessPolicy policy, std::vector<Asked> asked, std::int64_t every, store::Store& store,
             const LogLine& log);
    void run();
    Status round();
    Result<std::vector<log::NoteSignature>> ask(Asked& asked, const std::string& note, const log::Checkpoint& head);

    log::WitnessPolicy policy_;
    std::vector<Asked> asked_;
    std::int64_t every_;
    store::Store& store_;
    const LogLine& log_;
    std::uint64_t kept_ = 0;  ///< size of the newest head that met the quorum
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stop_ = false;  ///< guarded by mutex_
    std::thread thread_;
};

}  // namespace mayfly::ca
