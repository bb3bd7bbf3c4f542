#include "ca/restore.h"

#include <cstdio>

#include "ca/store/rollback.h"

namespace mayfly::ca {

namespace {

void say_what_breaks(const store::Rollback& rollback) {
    std::fprintf(
        stderr,
        "the database holds %llu log entries; %llu were promised\n"
        "what this breaks:\n"
        "  - %llu log entries are forgotten: grants, approvals, revocations and refusals among them\n"
        "  - %zu signatures were made that it does not know: those certificates stay valid until they expire and\n"
        "    cannot be revoked by serial here; their holders cannot renew, they ask again\n"
        "  - the log forks: auditors, nodes and witnesses that saw the longer one report it (exit 10) from now on,\n"
        "    and witnesses cosign this log no more\n"
        "what to do first: look for a newer database or backup; it breaks none of this\n",
        static_cast<unsigned long long>(rollback.size), static_cast<unsigned long long>(rollback.promised),
        static_cast<unsigned long long>(rollback.promised > rollback.size ? rollback.promised - rollback.size : 0),
        rollback.lost.size());
}

}  // namespace

Status restore(const Config& config, AcceptRollback accept, const Clock& clock) {
    const auto rollback = store::find_rollback(config.database(), config.journal());
    if (!rollback) return pass(rollback.error());
    if (!rollback->any()) {
        std::fprintf(stderr, "✓ the database has forgotten nothing; start it: mayfly-ca serve\n");
        return {};
    }
    say_what_breaks(*rollback);
    if (accept == AcceptRollback::no)
        return fail(Code::denied, "nothing was changed", "E-RESTORE", "an older database is not taken without a word",
                    "if there is no newer one: mayfly-ca restore --config ca.toml --accept-rollback");
    const auto passphrase = passphrase_path(config);
    if (!passphrase) return pass(passphrase.error());
    auto signer =
        signer::spawn_child({config.signer_program, config.keys_dir(), *passphrase, config.journal(),
                             config.issuing_certificate(), config.origin(), config.signer_user, config.envelope});
    if (!signer) return pass(signer.error());
    if (auto ok = store::accept_rollback(config.database(), config.origin(), config.journal(), **signer, *rollback,
                                         clock.now());
        !ok)
        return ok;
    std::fprintf(stderr,
                 "✓ done: %zu signatures are forgotten, the log says so in log.rolled_back\n"
                 "next: mayfly-ca serve; then revoke what must not live on, and tell whoever watches the log\n",
                 rollback->lost.size());
    return {};
}

}  // namespace mayfly::ca
