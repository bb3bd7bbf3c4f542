#pragma once
// Witness: cosigns the heads of the logs it knows, and never two that contradict each other. What it has seen is on
// disk before a cosignature leaves. Thread-safe.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/crypto.h"
#include "lib/log/witness.h"
#include "mayfly/time.h"

namespace mayfly::witness {

/// Reply is an answer of tlog-witness: status, content type, body.
struct Reply {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

class Witness {
public:
    struct Options {
        std::string name, state_dir;
        std::vector<log::VerifierKey> logs;
    };
    /// Loads what it has seen. Corrupt (E-WITNESS-STATE) when that is not what it wrote.
    static Result<std::unique_ptr<Witness>> open(Options options, crypto::PrivateKey key, const Clock& clock);

    /// POST /add-checkpoint.
    Reply add_checkpoint(std::string_view body);
    /// GET /<hex SHA-256 of the origin>/checkpoint: the newest head it cosigned, with both signatures.
    Reply checkpoint(std::string_view origin_hash);

private:
    struct Watched {
        log::VerifierKey key;
        std::string file;
        std::string note;                     ///< cosigned; "" when it has seen nothing
        std::optional<log::Checkpoint> seen;  ///< what `note` says
    };
    Witness(Options options, crypto::PrivateKey key, const Clock& clock)
        : options_(std::move(options)), key_(std::move(key)), clock_(clock) {}
    Status load();

    Options options_;
    crypto::PrivateKey key_;
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, Watched> logs_;  ///< by origin; guarded by mutex_
};

}  // namespace mayfly::witness
