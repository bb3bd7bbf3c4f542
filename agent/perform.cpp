#include "agent/perform.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

#include "agent/before.h"
#include "agent/generations.h"
#include "agent/revocation.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/files/untrusted.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargestFile = 17 << 20;
constexpr std::size_t kMostAnswers = 3, kMostClosed = 20;
const std::string kAnybody = "root";         // whom a connection names that asks about no certificate
constexpr std::int64_t kRetryRefused = 600;  // seconds until a set that sshd answered with no is tried again

std::string current_link(const Config& config) { return config.trust_dir + "/" + kCurrent; }
std::string refused_file(const Config& config) { return config.state_dir + "/refused"; }

/// Asks OpenSSH itself whether it can read the list: a list that sshd cannot read locks everybody out. The question is
/// put for our own CA's key, which no list of ours may name: it would end every certificate at once.
Status try_list(const std::string& dir, const TrustSet& set) {
    if (!set.files.contains(kKrlFile)) return {};
    const auto asked = client::run({"ssh-keygen", "-Q", "-f", dir + "/" + kKrlFile, dir + "/user_ca.pub"});
    if (!asked) return pass(asked.error());
    if (asked->exit_code == 0) return {};
    return fail(Code::corrupt, "ssh-keygen refuses the revocation list: " + (asked->out + asked->err).substr(0, 400),
                "E-KRL", "the last good set stays in place", "mayfly-agent status");
}

/// Judges the candidate as sshd would read it: its settings first, then the whole of sshd's own configuration.
Status judge(const Config& config, const std::string& dir, const TrustSet& set, const std::string& keys_before) {
    if (auto ok = try_list(dir, set); !ok) return ok;
    const auto main_config = files::read(config.sshd_config, kLargestFile);
    if (!main_config) return pass(main_config.error());
    // Included, so that a Match block in ours ends where ours ends.
    const std::string ours = dir + "/candidate-drop-in.conf", path = dir + "/candidate.conf";
    const std::string snippet = sshd_snippet(dir, set, config.mode, keys_before);
    if (auto ok = files::write(ours, view(snippet), 0600); !ok) return ok;
    const std::string whole = "Include " + ours + "\n" + std::string(text_of(*main_config));
    if (auto ok = files::write(path, view(whole), 0600); !ok) return ok;
    const auto judged = client::run({config.sshd_program, "-t", "-f", path});
    ::unlink(path.c_str());
    ::unlink(ours.c_str());
    if (!judged) return pass(judged.error());
    // sshd -t complains about a certificate that it cannot use, and still ends with 0.
    const bool certificates_work = judged->err.find("certificate") == std::string::npos;
    if (judged->exit_code == 0 && certificates_work) return {};
    return fail(Code::corrupt, "sshd refuses the new set: " + judged->err.substr(0, 400), "E-SSHD-TEST",
                "the last good set stays in place", "mayfly-agent status");
}

Status reload(const Config& config) {
    if (!config.reload_pid_file.empty()) {
        const auto file = files::open_regular(config.reload_pid_file);
        const auto held = file ? file->read(64) : Result<Bytes>(pass(file.error()));
        if (!held) return {};  // sshd is not running: it will read the new set when it starts
        pid_t process = 0;
        const auto text = text_of(*held);
        std::from_chars(text.data(), text.data() + text.size(), process);
        if (process > 1 && ::kill(process, SIGHUP) == 0) return {};
        return errno == ESRCH ? Status{}
                              : fail(Code::unavailable, "cannot signal sshd (pid file " + config.reload_pid_file + ")",
                                     "E-SSHD-RELOAD", {}, {});
    }
    const auto done = client::run(config.reload);
    if (!done) return pass(done.error());
    if (done->exit_code == 0) return {};
    return fail(Code::unavailable, "sshd cannot be reloaded: " + done->err.substr(0, 400), "E-SSHD-RELOAD",
                "the last good set stays in place", {});
}

std::optional<std::string> read_drop_in(const Config& config) {
    const auto there = files::read(config.drop_in, kLargestFile);
    if (!there) return std::nullopt;
    return std::string(text_of(*there));
}

std::optional<Address> where(const Config& config) {
    if (config.probe == kNoProbe) return std::nullopt;
    if (config.probe != kProbeAuto) return parse_address(config.probe);
    const auto settings = effective(config, kAnybody);
    return settings ? reach(*settings) : std::nullopt;
}

/// What came of asking: `no` is sshd's own word that it would not let the canary in, or that sshd is gone.
enum class Verdict { yes, no, unknown, not_asked };
struct Proof {
    Verdict verdict = Verdict::not_asked;
    std::string words;
    std::vector<std::string> doubts{};
    bool answered = false;  ///< the last word was sshd's own
};

void doubt(const Config& config, const TrustSet& set, const Answer& answer, std::vector<std::string>& out) {
    if (config.mode == Mode::only) {
        if (answer.stranger) out.emplace_back("sshd would let in a key that was made this moment");
        for (const auto& method : answer.methods)
            if (method != "publickey") out.push_back("sshd still offers to log in by " + printable(method));
    }
    bool has_host = false, shown = false;
    for (const auto& [name, line] : set.files) {
        if (!name.ends_with("-cert.pub")) continue;
        has_host = true;
        const auto blob = wire::parse_ssh_certificate_line(line.substr(0, line.find('\n')));
        const auto read = blob ? wire::parse_ssh_certificate(*blob)
                               : Result<wire::SignedSshCertificate>(fail(Code::malformed, "none"));
        shown = shown || (read && read->fields.serial == answer.host_serial &&
                          wire::fingerprint(crypto::ssh_fingerprint(read->fields.signer)) == answer.host_authority);
    }
    if (has_host && !shown) out.emplace_back("sshd does not show the host certificate that it was given");
}

/// Asks until sshd says what it should, or time is over: a reloaded sshd answers as before for a moment. Few
/// connections: from 9.8 on sshd holds back addresses whose logins come to nothing (PerSourcePenalties).
Proof prove(const Config& config, const Trial& trial, const TrustSet& set, const std::optional<Address>& address) {
    using Heard = Answer::Heard;
    if (config.probe == kNoProbe) return {Verdict::not_asked, "sshd is not asked (probe = \"none\")"};
    if (!address) return {Verdict::unknown, "sshd was not listening, so it could not be asked"};
    const bool with_certificate = trial.canary && !trial.accounts.empty();
    const std::string canary = with_certificate ? trial.canary->line : "";
    Proof proof{Verdict::unknown, "sshd did not answer in time"};
    // While sshd starts anew nobody takes the connection, which costs nothing; answers are few.
    std::size_t answers = 0, closed = 0;
    while (answers < kMostAnswers && closed < kMostClosed) {
        const int pause = closed > 0 ? 500 : answers == 0 ? 100 : answers == 1 ? 700 : 2500;
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));  // between two times of asking for what we await
        const auto& account = with_certificate ? trial.accounts[answers % trial.accounts.size()] : kAnybody;
        const auto answer = ask_sshd(*address, account, canary, config.state_dir + "/probe");
        if (!answer) return {Verdict::unknown, "sshd could not be asked: " + answer.error().message};
        if (answer->heard == Heard::refused_connection) {
            ++closed;
            proof = {Verdict::no, "sshd no longer takes connections"};
            continue;
        }
        ++answers;
        closed = 0;
        if (answer->heard == Heard::nothing) {
            proof = {Verdict::unknown, "sshd did not answer in time"};
            continue;
        }
        proof.answered = true;
        proof.doubts.clear();
        doubt(config, set, *answer, proof.doubts);
        if (with_certificate && !answer->certificate) {
            proof.verdict = Verdict::no;
            proof.words = "sshd would not let the canary certificate in as " + account;
            continue;
        }
        proof.verdict = with_certificate ? Verdict::yes : Verdict::not_asked;
        proof.words = with_certificate ? "sshd would let the canary certificate in as " + account
                                       : "sshd was asked without a certificate: there is none, or no account for it";
        if (proof.doubts.empty()) return proof;
    }
    return proof;
}

std::string fingerprint_of(const TrustSet& set, const std::string& drop_in) {
    std::string all = drop_in + "\n";
    for (const auto& [file, contents] : set.files) all += file + "\n" + contents + "\n";
    return wire::hex(crypto::sha256(view(all)));
}

/// What sshd said no to is not tried every minute: each try takes the node through it.
Status tried_lately(const Config& config, const std::string& what, Instant now) {
    const auto text = files::read(refused_file(config), 4096);
    if (!text || !text_of(*text).starts_with(what + " ")) return {};
    const auto at = Instant::parse(text_of(*text).substr(what.size() + 1, 20));
    if (!at || now.seconds() - at->seconds() >= kRetryRefused || now < *at) return {};
    return fail(Code::conflict, "sshd refused this set at " + at->text() + "; it is tried again after ten minutes",
                "E-PROBE", "the last good set is in place", "journalctl -u ssh says why sshd refuses it");
}

/// Everything that a step needs, and how to take the steps back.
class Update {
public:
    Update(const Config& config, const TrustSet& set, const Trial& trial, const Observed& seen, std::string drop_in,
           std::string keys_before)
        : config_(config),
          set_(set),
          trial_(trial),
          seen_(seen),
          drop_in_(std::move(drop_in)),
          keys_before_(std::move(keys_before)),
          generation_(seen.current) {}

    Status run(const std::vector<Act>& acts, Done& done) {
        const bool changes =
            std::any_of(acts.begin(), acts.end(), [](Act act) { return act == Act::write || act == Act::put; });
        if (std::find(acts.begin(), acts.end(), Act::prove) != acts.end()) {
            address_ = where(config_);
            if (address_ && !is_listening(*address_)) address_.reset();
        }
        for (const auto act : acts) {
            // Nobody listens and nothing changed: sshd reads it when it starts.
            if (act == Act::reload && !changes && !address_) continue;
            if (auto ok = take(act, done); !ok) {
                if ((switched_ || put_) && act != Act::prove) go_back();
                return ok;
            }
        }
        if (changes) done.change = Change::applied;
        return {};
    }

private:
    Status take(Act act, Done& done) {
        switch (act) {
            case Act::record: return record();
            case Act::write:
                generation_ = next_generation(std::max(seen_.current, seen_.proven, [](const auto& a, const auto& b) {
                    return a.size() != b.size() ? a.size() < b.size() : a < b;
                }));
                return write_generation(config_, generation_, set_, drop_in_);
            case Act::judge: return judge(config_, config_.trust_dir + "/" + generation_, set_, keys_before_);
            case Act::switch_to: switched_ = true; return point(config_, kCurrent, generation_);
            case Act::put: put_ = true; return files::write(config_.drop_in, view(drop_in_), 0644);
            case Act::reload: return reload(config_);
            case Act::prove: return try_it(done);
            case Act::forget:
                forget_all_but(config_, {generation_, seen_.current, link_now(config_, kProven)});
                return {};
            case Act::restore: break;
        }
        return {};
    }
    Status record() {
        const auto now = effective(config_, kAnybody);
        if (!now) return pass(now.error(), "what is in effect before the take-over cannot be read");
        return record_before(config_, *now);
    }
    Status try_it(Done& done) {
        auto proof = prove(config_, trial_, set_, address_);
        done.proof = proof.words;
        done.doubts = std::move(proof.doubts);
        switch (proof.verdict) {
            case Verdict::yes:
            case Verdict::not_asked:
                ::unlink(refused_file(config_).c_str());
                return point(config_, kProven, generation_);
            case Verdict::unknown:
                // An sshd that does not run is nobody's fault; one that does not answer may be.
                if (address_) done.doubts.push_back(proof.words);
                return {};
            case Verdict::no: break;
        }
        if (!better()) {
            done.doubts.push_back(proof.words);
            return {};
        }
        const std::string to = good();
        go_back();
        if (!to.empty() && proof.answered && !would_answer(to)) {
            // It says no to what it said yes to before: that is not what we changed, and going back would only keep
            // revocations from taking effect.
            if (auto ok = go_forward(); !ok) return ok;
            done.doubts.push_back(proof.words + ", nor with the set before");
            return {};
        }
        (void)files::write(refused_file(config_), view(fingerprint_of(set_, drop_in_) + " " + trial_.now.text() + "\n"),
                           0600);
        return fail(Code::corrupt, proof.words + "; the last good set is in place again", "E-PROBE",
                    "a set that lets nobody in is taken back", "journalctl -u ssh says why sshd refuses it");
    }
    /// The generation to go back to; "" is what was there before the first.
    [[nodiscard]] std::string good() const {
        if (!seen_.proven.empty()) return seen_.proven;
        return seen_.current != generation_ ? seen_.current : std::string();
    }
    /// Is there something better than what there is? Before the first generation: only while that was never proven, and
    /// was not there before anybody asked sshd. A node that has been taken over is never opened again by itself.
    [[nodiscard]] bool better() const {
        if (const auto to = good(); !to.empty()) return to != generation_;
        const auto before = load_before(config_);
        return before && !before->taken_over;
    }
    /// The drop-in first: what it names is in the newer set too. Then sshd, then the link.
    void go_back() {
        if (!better()) return;
        const std::string to = good();
        if (to.empty()) {
            if (const auto before = load_before(config_)) (void)give_back(config_, *before);
        } else if (const std::string text = drop_in_of(config_, to); !text.empty()) {
            (void)files::write(config_.drop_in, view(text), 0644);
        } else if (seen_.drop_in) {
            (void)files::write(config_.drop_in, view(*seen_.drop_in), 0644);
        }
        (void)reload(config_);
        (void)point(config_, kCurrent, to);
    }

    /// Does sshd accept the canary with this generation? False also where it was never let into that.
    [[nodiscard]] bool would_answer(const std::string& generation) const {
        const auto set = read_generation(config_, generation);
        if (!set || !trial_.canary) return false;
        bool named = false;
        for (const auto& account : trial_.accounts)
            if (const auto file = set->files.find("principals/" + account); file != set->files.end())
                named = named || file->second.find(trial_.canary->principal) != std::string::npos;
        return named && prove(config_, trial_, *set, address_).verdict != Verdict::no;
    }
    Status go_forward() {
        if (auto ok = point(config_, kCurrent, generation_); !ok) return ok;
        if (auto ok = files::write(config_.drop_in, view(drop_in_), 0644); !ok) return ok;
        return reload(config_);
    }

    const Config& config_;
    const TrustSet& set_;
    const Trial& trial_;
    const Observed& seen_;
    std::string drop_in_, keys_before_, generation_;
    std::optional<Address> address_;
    bool switched_ = false, put_ = false;
};

/// The key files that mode both keeps beside certificates. Refused where it would break what there is.
Result<std::string> carried(const Config& config) {
    if (config.mode != Mode::both) return std::string();
    auto before = load_before(config);
    if (!before && before.error().code == Code::not_found) {
        const auto now = effective(config, kAnybody);
        if (!now) return pass(now.error());
        before = look_before(config, *now);
    }
    if (!before) return pass(before.error());
    if (before->in_the_way.empty()) return before->keys;
    return fail(Code::conflict, "mode both would break what there is: " + before->in_the_way.front(), "E-BOTH",
                "sshd takes one value for it, and somebody uses it; nothing was changed",
                "move what uses it to the CA and remove the setting, or go to mode only");
}

}  // namespace

Result<Settings> effective(const Config& config, const std::string& account) {
    const auto asked = client::run({config.sshd_program, "-T", "-f", config.sshd_config, "-C",
                                    "user=" + account + ",host=localhost,addr=127.0.0.1"});
    if (!asked) return pass(asked.error());
    if (asked->exit_code != 0)
        return fail(Code::corrupt, "sshd cannot read its configuration: " + asked->err.substr(0, 400), "E-SSHD-TEST",
                    "nothing is changed", "sshd -t");
    return parse_settings(asked->out);
}

Result<TrustSet> observe(const Config& config) { return read_generation(config, link_now(config, kCurrent)); }

Observed observe_host(const Config& config) {
    Observed out;
    out.current = link_now(config, kCurrent);
    out.proven = link_now(config, kProven);
    if (auto set = read_generation(config, out.current)) {
        out.altered = !is_as_written(config, out.current, *set);
        out.set = std::move(*set);
    } else {
        out.altered = !out.current.empty();
    }
    out.drop_in = read_drop_in(config);
    for (const auto& name : {out.current, out.proven})
        if (auto text = drop_in_of(config, name); !text.empty()) out.written.push_back(std::move(text));
    out.recorded = ::access(before_file(config).c_str(), F_OK) == 0;
    return out;
}

Result<Change> restore(const Config& config) {
    const auto before = load_before(config);
    if (!before && before.error().code != Code::not_found) return pass(before.error());
    const auto drop_in = read_drop_in(config);
    const bool ours = drop_in && drop_in->starts_with("# Written by mayfly-agent");
    if (!before && !ours && link_now(config, kCurrent).empty()) return Change::none;
    const Before was = before ? *before : Before{};
    if (before || ours)
        if (auto ok = give_back(config, was); !ok) return pass(ok.error());
    const auto judged = client::run({config.sshd_program, "-t", "-f", config.sshd_config});
    if (!judged || judged->exit_code != 0) {
        if (drop_in) (void)files::write(config.drop_in, view(*drop_in), 0644);
        return fail(Code::conflict,
                    "sshd would not start with what was there before: " +
                        (judged ? judged->err.substr(0, 400) : judged.error().message),
                    "E-SSHD-TEST", "sshd_config was changed since; nothing was given back", "sshd -t, then again");
    }
    // sshd must have read it before what it named until now goes away.
    if (auto ok = reload(config); !ok) return pass(ok.error());
    if (auto ok = forget_trust(config, was); !ok) return pass(ok.error());
    for (const auto& path : {config.state_dir + "/set.sha256", refused_file(config)}) ::unlink(path.c_str());
    // Last: until here a second run begins anew.
    ::unlink(before_file(config).c_str());
    return Change::restored;
}

Result<Done> perform(const Config& config, const TrustSet& set, const Trial& trial) {
    Done done;
    const Observed seen = observe_host(config);
    const auto keys_before = carried(config);
    if (!keys_before) return pass(keys_before.error());
    const std::string drop_in = sshd_snippet(current_link(config), set, config.mode, *keys_before);
    const Plan plan = plan_acts(seen, set, drop_in, config.mode);
    done.left = plan.left;
    if (plan.acts == std::vector{Act::restore}) {
        const auto back = restore(config);
        if (!back) return pass(back.error());
        done.change = *back;
        return done;
    }
    auto acts = plan.acts;
    if (acts.empty() && trial.again && config.mode != Mode::observe) acts = {Act::prove};
    if (acts.empty()) return done;
    if (auto ok = tried_lately(config, fingerprint_of(set, drop_in), trial.now); !ok) return pass(ok.error());
    if (auto ok = Update(config, set, trial, seen, drop_in, *keys_before).run(acts, done); !ok) return pass(ok.error());
    done.mended = plan.mended;
    return done;
}

}  // namespace mayfly::agent
