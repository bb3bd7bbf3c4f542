#include "agent/doctor.h"

#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "agent/discovery/lines.h"
#include "agent/identity.h"
#include "agent/perform.h"
#include "agent/revocation.h"
#include "agent/status.h"
#include "lib/client/run.h"
#include "lib/confine/landlock.h"
#include "lib/files/files.h"
#include "lib/files/untrusted.h"
#include "lib/wire/api.h"
#include "lib/wire/krl.h"
#include "lib/wire/text.h"
#include "mayfly/api_node.h"

namespace mayfly::agent {

namespace {

using Grade = Finding::Grade;
constexpr std::size_t kLargest = 1 << 20;

Finding well(std::string what) { return {Grade::well, std::move(what)}; }
Finding wrong(std::string what, const Error& error) {
    std::string why = error.message;
    if (!error.why.empty()) why += "; " + error.why;
    return {Grade::wrong, std::move(what), std::move(why), error.fix.empty() ? "see the message" : error.fix};
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

/// "Key value…" per line; of a key that stands there more than once, every value. A Match block ends it: what ours says
/// there it says before, too.
std::map<std::string, std::vector<std::string>> settings_of(std::string_view text) {
    std::map<std::string, std::vector<std::string>> out;
    while (!text.empty()) {
        auto line = trimmed(take_line(text));
        if (line.empty() || line.front() == '#') continue;
        const std::string key = lower(take_word(line));
        if (key == "match") break;
        if (!line.empty()) out[key].emplace_back(line);
    }
    return out;
}

void look_at_identity(const Config& config, Instant now, std::vector<Finding>& out) {
    const auto identity = read_identity(config);
    if (!identity) return out.push_back(wrong("identity: none", identity.error()));
    if (const auto credential = load_credential(config); !credential)
        out.push_back(wrong("identity: its key does not fit", credential.error()));
    struct stat info {};
    const std::string key = config.state_dir + "/node.key";
    if (::stat(key.c_str(), &info) == 0 && (info.st_mode & 077U) != 0)
        out.push_back({Grade::wrong, "identity: others can read " + key, "whoever copies it is this node",
                       "chmod 600 " + key + "; if somebody may have read it: revoke this node, and join again"});
    const auto& before = identity->validity.before();
    if (before > now) return out.push_back(well("identity: valid until " + before.text()));
    out.push_back({Grade::wrong, "identity: ended at " + before.text(), "the agent could not renew it in time",
                   "systemctl restart mayfly-agent; when the CA does not take it back, join again with a new token"});
}

void look_at_ca(const Config& config, Network& network, Instant now, std::vector<Finding>& out) {
    const auto text = files::read(config.state_dir + "/bundle.json", kLargest);
    const auto bundle = text ? wire::parse_body<api::Bundle>(text_of(*text), "bundle.json") : pass(text.error());
    if (!bundle)
        return out.push_back({Grade::wrong, "bundle: cannot be read", bundle.error().message,
                              "enrol again: the CA's fingerprint is pinned anew"});
    const auto credential = load_credential(config);
    if (!credential) return;  // said before
    auto ca = network.connect(*bundle, &*credential);
    if (!ca) return out.push_back(wrong("CA: " + config.url, ca.error()));
    const auto trust = ca->get<api::NodeTrust>("/v1/node/trust");
    Signs signs;
    if (!trust) signs.error = trust.error();
    if (const auto identity = read_identity(config)) signs.identity = identity->validity;
    signs.ahead = ca->clock_ahead();
    signs.last_contact = recall(config).last_contact;
    const auto verdict = judge(signs, now);
    if (verdict.health != Health::ok)
        return out.push_back({verdict.health == Health::warning && trust ? Grade::odd : Grade::wrong,
                              "CA: " + std::string(name(verdict.standing)), verdict.why, verdict.fix});
    out.push_back(well("CA: answers at " + config.url + ", and knows this node as " + trust->node));
}

void look_at_clock(std::vector<Finding>& out) {
    struct timex state {};
    if (::adjtimex(&state) < 0 || (state.status & STA_UNSYNC) == 0) return;
    out.push_back({Grade::odd, "clock: nothing keeps it right",
                   "the kernel says that no time service has set it; certificates are about time",
                   "timedatectl set-ntp true"});
}

void look_at_agent(const Config& config, Instant now, std::vector<Finding>& out) {
    const auto status = read_status(config, now);
    if (!status) return out.push_back(wrong("agent: has not run", status.error()));
    const auto text = [&](const char* member) {
        const auto found = status->json.object()->find(member);
        return found == status->json.object()->end() || found->second.string() == nullptr ? std::string()
                                                                                          : *found->second.string();
    };
    if (status->standing == Standing::ok && text("health") == name(Health::ok))
        return out.push_back(well("agent: its last round, at " + text("time") + ", went well"));
    out.push_back({text("health") == name(Health::warning) ? Grade::odd : Grade::wrong,
                   "agent: " + std::string(name(status->standing)) + " since " + text("since"), text("why"),
                   text("fix").empty() ? "journalctl -u mayfly-agent" : text("fix")});
}

void look_at_set(const Config& config, Instant now, std::vector<Finding>& out) {
    const auto set = observe(config);
    if (!set)
        return out.push_back(
            {Grade::odd, "sshd: reads nothing from us yet", set.error().message, "mayfly-agent run --once says why"});
    for (const auto& [file, contents] : set->files) {
        if (file == kKrlFile) {
            const auto list = wire::parse_krl(view(contents));
            if (list) continue;
            out.push_back({Grade::wrong, "revocation list: cannot be read",
                           list.error().message + "; sshd refuses every key",
                           "systemctl restart mayfly-agent fetches it anew"});
        }
        if (!file.ends_with("-cert.pub")) continue;
        const auto read = validity_of(contents);
        if (!read) {
            out.push_back(wrong("host certificate " + file + ": cannot be read", read.error()));
        } else if (read->before() <= now) {
            out.push_back({Grade::wrong, "host certificate " + file + ": ended at " + read->before().text(),
                           "clients that trust the CA refuse this host", "the agent renews it when the CA answers"});
        } else {
            out.push_back(well("host certificate " + file + ": valid until " + read->before().text()));
        }
    }
}

void look_at_sshd(const Config& config, std::vector<Finding>& out) {
    const auto judged = client::run({config.sshd_program, "-t", "-f", config.sshd_config});
    if (!judged) return out.push_back(wrong("sshd: cannot be asked", judged.error()));
    if (judged->exit_code != 0)
        return out.push_back({Grade::wrong, "sshd: refuses its own configuration",
                              printable(judged->err).substr(0, 400),
                              "mend " + config.sshd_config + " before sshd is restarted: it would not come up"});
    const auto drop_in = files::read(config.drop_in, kLargest);
    if (!drop_in || drop_in->empty()) return;
    const auto effective = client::run({config.sshd_program, "-T", "-f", config.sshd_config, "-C",
                                        "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"});
    if (!effective || effective->exit_code != 0)
        return out.push_back({Grade::odd, "sshd: does not tell its settings", "sshd -T fails", "run this as root"});
    const auto compared = compare_settings(text_of(*drop_in), effective->out);
    out.insert(out.end(), compared.begin(), compared.end());
    if (compared.empty()) out.push_back(well("sshd: every setting of " + config.drop_in + " is in effect"));
}

/// Whoever writes into these chooses what root writes, runs or believes.
void look_at_places(const Config& config, std::vector<Finding>& out) {
    const auto above = [](const std::string& path) { return std::filesystem::path(path).parent_path().string(); };
    std::vector<std::string> open;
    for (const auto& path : {config.state_dir, config.file, config.trust_dir, config.drop_in, above(config.drop_in),
                             config.sshd_config, config.workload_dir}) {
        struct stat info {};
        if (path.empty() || ::stat(path.c_str(), &info) != 0) continue;
        const bool ours = info.st_uid == 0 || info.st_uid == ::geteuid();
        if (!ours || (info.st_mode & 022U) != 0) open.push_back(path);
    }
    for (const auto& path : open)
        out.push_back({Grade::wrong, "files: others can write to " + path,
                       "who writes there decides what sshd trusts, or what root runs",
                       "chown root " + path + " && chmod go-w " + path});
    if (open.empty()) out.push_back(well("files: what the agent writes and believes is root's"));
}

void look_at_confinement(const Config& config, std::vector<Finding>& out) {
    const auto user = find_user(config.network_user);
    if (!user) return out.push_back(wrong("confinement: the network part cannot start", user.error()));
    const std::string who = user->name.empty() ? "the agent's own user" : user->name;
    const std::string links = files::resolves_without_links() ? "openat2" : "name by name, without openat2";
    const int abi = confine::landlock_abi();
    if (abi > 0)
        return out.push_back(well("confinement: the network part is " + who + ", held by a filter and Landlock (ABI " +
                                  std::to_string(abi) + "); paths are resolved by " + links));
    out.push_back({Grade::odd,
                   "confinement: the network part is " + who + ", held by a filter; this kernel has no Landlock",
                   "files and ports are held by the user's rights alone",
                   "Linux 5.13 or later, with landlock among lsm= of the kernel's command line"});
}

const char* mark(Grade grade) {
    switch (grade) {
        case Grade::well: return "✓ ";
        case Grade::odd: return "? ";
        case Grade::wrong: break;
    }
    return "✗ ";
}

const char* word(Grade grade) {
    switch (grade) {
        case Grade::well: return "well";
        case Grade::odd: return "odd";
        case Grade::wrong: break;
    }
    return "wrong";
}

}  // namespace

std::vector<Finding> compare_settings(std::string_view drop_in, std::string_view effective) {
    std::vector<Finding> out;
    const auto meant = settings_of(drop_in), seen = settings_of(effective);
    for (const auto& [key, values] : meant) {
        const auto found = seen.find(key);
        const auto there = found == seen.end() ? std::vector<std::string>() : found->second;
        for (const auto& value : values) {
            const bool same = std::any_of(there.begin(), there.end(),
                                          [&](const std::string& other) { return lower(other) == lower(value); });
            if (same) continue;
            out.push_back({Grade::wrong, "sshd: " + key + " is not in effect",
                           "it is \"" + printable(there.empty() ? std::string("not set") : there.front()) +
                               "\", not \"" + printable(value) + "\": sshd takes the first value it reads",
                           "the drop-in must be included before any other setting, also before Match"});
        }
    }
    return out;
}

std::vector<Finding> examine(const Config& config, Network& network, Instant now) {
    std::vector<Finding> out;
    look_at_identity(config, now, out);
    look_at_ca(config, network, now, out);
    look_at_clock(out);
    look_at_agent(config, now, out);
    look_at_set(config, now, out);
    look_at_sshd(config, out);
    look_at_places(config, out);
    look_at_confinement(config, out);
    return out;
}

bool healthy(const std::vector<Finding>& findings) {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.grade == Grade::wrong; });
}

std::string findings_text(const std::vector<Finding>& findings) {
    std::string out;
    for (const auto& finding : findings) {
        out += (out.empty() ? "" : "\n") + std::string(mark(finding.grade)) + finding.what;
        if (!finding.why.empty()) out += "\n  why: " + finding.why;
        if (!finding.fix.empty()) out += "\n  fix: " + finding.fix;
    }
    return out;
}

wire::Json findings_json(const std::vector<Finding>& findings) {
    wire::Json::Array out;
    for (const auto& finding : findings)
        out.emplace_back(wire::Json::Object{
            {"grade", word(finding.grade)}, {"what", finding.what}, {"why", finding.why}, {"fix", finding.fix}});
    return out;
}

}  // namespace mayfly::agent
