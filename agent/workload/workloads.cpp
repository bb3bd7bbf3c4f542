#include "agent/workload/workloads.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "lib/files/files.h"
#include "lib/wire/api.h"
#include "lib/wire/text.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLongestDetail = 300;

/// The CA is not there, or has too much to do: nobody else's turn would end better.
bool away(const Error& error) {
    return error.code == Code::unavailable || error.code == Code::rate_limited || error.code == Code::untrusted ||
           error.code == Code::unauthenticated || error.code == Code::internal;
}

/// The service did not take it: the certificate is well, and the files before are in force again.
bool not_served(const Error& error) { return error.id == "E-RELOAD" || error.id == "E-PROBE"; }

Secret joined_secret(ByteView a, ByteView b) {
    Secret out = Secret::of_size(a.size() + b.size());
    std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), out.writable().begin()));
    return out;
}

/// Everything that would change when a file of the folder does.
std::string fingerprint_of(const std::string& folder) {
    std::vector<std::string> lines;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        struct stat info {};
        if (::stat(entry.path().c_str(), &info) != 0) continue;
        lines.push_back(entry.path().filename().string() + " " + std::to_string(info.st_ino) + " " +
                        std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
                        std::to_string(info.st_mtim.tv_nsec) + " " + std::to_string(info.st_mode) + " " +
                        std::to_string(info.st_uid));
    }
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
}

/// What stands in the folder is what the file asks for: nobody edited the names, and no file is missing.
bool as_asked(const Workload& workload) {
    const auto wish = renewal::read_wish(workload.folder);
    if (!wish || *wish != workload.wish) return false;
    const auto& names = workload.files;
    for (const auto& name : {names.key, names.certificate, names.chain, names.bundle, names.combined}) {
        std::error_code error;
        if (!name.empty() && !std::filesystem::is_regular_file(workload.folder + "/" + name, error)) return false;
    }
    return true;
}

Status write_and_reload(const Workload& workload, const crypto::PrivateKey& key, const api::CertificateReply& reply,
                        const api::Bundle& bundle, ByteView leaf) {
    const Secret pem = key.export_pem();
    const std::string chain = reply.certificate + reply.chain, wish = renewal::text_of_wish(workload.wish);
    std::string roots;
    for (const auto& root : bundle.x509_roots) roots += root;
    // Key first, as Postfix wants it; nobody else minds.
    const Secret combined = joined_secret(pem.reveal(), view(chain));
    const mode_t secret = workload.hand_over.secret_mode;
    std::vector<files::SetFile> set;
    const auto add = [&](const std::string& name, ByteView contents, mode_t mode) {
        if (!name.empty()) set.push_back({name, contents, mode});
    };
    add(workload.files.key, pem.reveal(), secret);
    add(workload.files.certificate, view(reply.certificate), 0644);
    add(workload.files.chain, view(chain), 0644);
    add(workload.files.bundle, view(roots), 0644);
    add(workload.files.combined, combined.reveal(), secret);
    add(renewal::kWishFile, view(wish), 0644);
    if (auto ok = files::make_folder(workload.folder, workload.hand_over); !ok) return ok;
    return renewal::install(workload.folder, set, workload.hand_over.owner, leaf, workload.service);
}

}  // namespace

Instant WorkloadState::due() const {
    Instant at = held && !revoked ? held->due : Instant(0);
    if (held && moved.seconds() > 0) at = std::min(at, moved);
    return std::max(at, wait);
}

void apply(const api::Renewal& wanted, const std::string& role, WorkloadState& state) {
    state.moved = Instant(0);
    state.revoked = false;
    if (!state.held) return;
    state.revoked = std::find(wanted.revoked.begin(), wanted.revoked.end(), state.held->serial) != wanted.revoked.end();
    for (const auto& order : wanted.orders) {
        const auto issued_before = Instant::parse(order.issued_before), from = Instant::parse(order.from),
                   until = Instant::parse(order.until);
        if (!issued_before || !from || !until || (!order.role.empty() && order.role != role)) continue;
        if (state.held->after >= *issued_before) continue;
        const Instant at = renewal::moved(state.held->due, {*from, *until}, state.held->draw);
        state.moved = state.moved.seconds() == 0 ? at : std::min(state.moved, at);
    }
}

void Workloads::read_state(const Workload& workload, WorkloadState& state) {
    state.held.reset();
    if (!as_asked(workload)) return;
    const auto held = renewal::read_held(workload.folder + "/" + workload.files.certificate);
    if (!held) return;
    state.held = {held->after, held->before, held->due, renewal::draw_of(held->leaf), held->serial};
}

/// A file that changed is read again; a workload that is gone is forgotten, its files stay where they are.
void Workloads::refresh() {
    const std::string now = fingerprint_of(places_.folder);
    if (refreshed_ && now == seen_) return;
    refreshed_ = true;
    seen_ = now;
    found_ = load_workloads(places_.folder);
    std::map<std::string, WorkloadState> states;
    for (const auto& workload : found_.workloads) {
        WorkloadState& state = states[workload.name];
        if (const auto before = states_.find(workload.name); before != states_.end()) state = before->second;
        state.wait = Instant(0);
        state.failures = 0;
        state.trouble.clear();
        read_state(workload, state);
    }
    states_ = std::move(states);
}

std::vector<renewal::Standing> Workloads::standings() const {
    std::vector<renewal::Standing> out;
    for (const auto& workload : found_.workloads) {
        const auto& state = states_.at(workload.name);
        out.push_back({state.due(), state.held ? std::optional(state.held->before) : std::nullopt});
    }
    return out;
}

/// What came due while the CA was away is spread: everybody else comes back now too.
void Workloads::come_back(Instant now) {
    if (failures_.count > 0 && contact_)
        for (auto& [name, state] : states_)
            if (state.held && !state.revoked && state.due() <= now)
                state.wait =
                    renewal::catch_up(now, now.seconds() - contact_->seconds(), state.held->after, state.held->before);
    failures_.count = 0;
    failures_.told.reset();
    absence_.clear();
    contact_ = now;
}

Status Workloads::contact(client::CaClient& ca, Instant now) {
    const auto wanted = ca.get<api::Renewal>("/v1/renewal");
    if (!wanted) return pass(wanted.error());
    for (const auto& workload : found_.workloads) apply(*wanted, workload.wish.role, states_.at(workload.name));
    come_back(now);
    return {};
}

void Workloads::gone(const Error& error, Instant now, Rng& rng) {
    ++failures_.count;
    absence_ = error.message;
    std::optional<Instant> soonest;
    for (const auto& [name, state] : states_)
        if (state.held && state.held->before > now)
            soonest = soonest ? std::min(*soonest, state.held->before) : state.held->before;
    probe_ = renewal::retry_at(now, failures_, soonest, rng);
}

Status Workloads::renew(const Workload& workload, WorkloadState& state, client::CaClient& ca,
                        const api::Bundle& bundle) {
    const auto fresh = renewal::make_key(workload.wish.key_type, workload.wish.names);
    if (!fresh) return pass(fresh.error());
    api::WorkloadRequest request;
    request.identity = workload.wish.identity;
    request.role = workload.wish.role;
    request.names = workload.wish.names;
    request.ttl = workload.wish.ttl;
    request.csr = fresh->csr;
    const auto reply = ca.mint("/v1/node/workload-certificates", request);
    if (!reply) return pass(reply.error());
    if (auto ok = renewal::is_for(fresh->key.public_key(), *reply); !ok) return ok;
    const auto issued = renewal::read_issued(*reply);
    if (!issued) return pass(issued.error());
    if (auto ok = write_and_reload(workload, fresh->key, *reply, bundle, issued->leaf); !ok) {
        if (!state.held) read_state(workload, state);  // the first one stays, whatever the service says
        return ok;
    }
    state.held = {issued->after, issued->before, issued->due, renewal::draw_of(issued->leaf), issued->serial};
    return {};
}

/// The alarm: once for each thing, until it is over.
void Workloads::tell(client::CaClient& ca) {
    for (const auto& workload : found_.workloads) {
        auto& state = states_.at(workload.name);
        if (state.untold.empty() || state.untold == state.told) continue;
        const api::WorkloadTrouble trouble{workload.wish.identity, workload.wish.role, state.untold,
                                           state.held ? state.held->serial : "",
                                           printable(state.trouble.substr(0, kLongestDetail / 4))};
        const auto heard = ca.post<api::WorkloadTrouble>("/v1/node/workload-trouble", trouble);
        // What the CA does not take now it does not take later either, unless it is away.
        if (heard || !away(heard.error())) state.told = state.untold;
    }
}

std::string Workloads::round(Instant now, Rng& rng, const Connect& connect, const api::Bundle& bundle) {
    refresh();
    if (found_.workloads.empty()) {
        (void)save_status(now);
        return {};
    }
    for (auto& [name, state] : states_)
        if (state.held && state.held->before <= now) {
            state.untold = "expired";
            if (state.trouble.empty()) state.trouble = "the certificate ended at " + state.held->before.text();
        }
    const auto due = renewal::turn(standings(), now);
    const bool ask = !contact_ || *contact_ + places_.poll <= now || !due.empty();
    std::string done;
    if (ask && (absence_.empty() || probe_ <= now)) {
        auto ca = connect();
        Status reached = ca ? contact(*ca, now) : Status(pass(ca.error()));
        if (!reached) gone(reached.error(), now, rng);
        if (reached) tell(*ca);  // what ended meanwhile is told before it is mended
        for (const auto index : reached ? renewal::turn(standings(), now) : std::vector<std::size_t>{}) {
            const auto& workload = found_.workloads[index];
            auto& state = states_.at(workload.name);
            const auto renewed = renew(workload, state, *ca, bundle);
            if (renewed) {
                const auto held = state.held;
                state = WorkloadState{held};
                done += (done.empty() ? "renewed " : ", ") + workload.name;
                continue;
            }
            if (away(renewed.error()) && !not_served(renewed.error())) {
                gone(renewed.error(), now, rng);
                break;
            }
            ++state.failures;
            state.trouble =
                renewed.error().message + (renewed.error().why.empty() ? "" : " (" + renewed.error().why + ")");
            state.untold = not_served(renewed.error()) ? "not-served" : "not-renewed";
            state.wait = renewal::retry_at(now, {state.failures},
                                           state.held ? std::optional(state.held->before) : std::nullopt, rng);
        }
        if (ca && absence_.empty()) tell(*ca);
    }
    (void)save_status(now);
    return done;
}

std::optional<Instant> Workloads::next(Instant now) const {
    if (found_.workloads.empty()) return std::nullopt;
    if (!absence_.empty()) return std::max(probe_, Instant(now.seconds() + 1));
    Instant at = contact_.value_or(now) + places_.poll;
    for (const auto& one : standings()) at = std::min(at, one.due);
    return std::max(at, Instant(now.seconds() + 1));
}

std::vector<std::string> Workloads::troubles() const {
    std::vector<std::string> out;
    for (const auto& [file, error] : found_.broken) out.push_back(error.message);
    for (const auto& [name, state] : states_)
        if (!state.trouble.empty()) out.push_back(name + ": " + state.trouble);
    if (!absence_.empty()) out.push_back("the CA gives no certificates: " + absence_);
    return out;
}

Status Workloads::save_status(Instant now) const {
    wire::Json::Object all, broken;
    for (const auto& workload : found_.workloads) {
        const auto& state = states_.at(workload.name);
        all.emplace(workload.name, wire::Json::Object{{"identity", workload.wish.identity},
                                                      {"role", workload.wish.role},
                                                      {"folder", workload.folder},
                                                      {"serial", state.held ? state.held->serial : ""},
                                                      {"until", state.held ? state.held->before.text() : ""},
                                                      {"renews", state.due().seconds() > 0 ? state.due().text() : ""},
                                                      {"trouble", state.trouble}});
    }
    for (const auto& [file, error] : found_.broken) broken.emplace(file, error.message);
    const wire::Json json(wire::Json::Object{{"time", now.text()},
                                             {"health", troubles().empty() ? "ok" : "trouble"},
                                             {"ca_away", absence_},
                                             {"workloads", std::move(all)},
                                             {"broken", std::move(broken)}});
    return files::write(places_.status_file, view(json.pretty()), 0644);
}

}  // namespace mayfly::agent
