#include "agent/discovery/discover.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "agent/discovery/accounts.h"
#include "agent/discovery/key_files.h"
#include "agent/discovery/sudoers.h"
#include "lib/client/run.h"
#include "lib/crypto/crypto.h"
#include "lib/wire/text.h"
#include "mayfly/names.h"

namespace mayfly::agent {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestList = 4 << 20, kLargestKeys = 1 << 20, kLargestPrivate = 64 * 1024;
constexpr std::size_t kMostAccounts = 500;       // whose homes are looked into
constexpr std::size_t kMostInFolder = 500;       // files of one folder
constexpr std::size_t kMostPrivateFiles = 5000;  // of all folders
constexpr int kDeepest = 2;                      // folders below ~/.ssh
constexpr std::size_t kMostSudoFiles = 200;
constexpr std::size_t kLongestPlace = 200, kLongestText = 100, kLongestAccount = 64;

/// Groups whose members are root in all but name: they mount, map or write what root would have to.
constexpr std::array kRootGroups = {"docker", "lxd", "incus-admin", "disk"};

std::string fit(std::string text, std::size_t longest) {
    if (text.size() > longest) text = text.substr(0, longest - 3) + "...";
    return text;
}

class Looker {
public:
    explicit Looker(const Config& config) : config_(config) {}

    Result<Look> run() {
        const auto passwd = read(etc("passwd"), kLargestList);
        accounts_ = parse_passwd(passwd);
        if (accounts_.empty())
            return fail(Code::unavailable, "no account can be read in " + etc("passwd"), "E-DISCOVERY",
                        "what opens doors on this host is not known", "etc under [discovery] in agent.toml");
        groups_ = parse_group(read(etc("group"), kLargestList));
        for (const char* name : {"passwd", "group", "shadow", "sudoers"}) out_.watched.insert(etc(name));
        // A folder's own times change when a file comes or goes.
        for (const auto& path :
             {config_.sshd_config, config_.drop_in, fs::path(config_.drop_in).parent_path().string()})
            out_.watched.insert(path);
        general_ = ask_sshd("root");
        roots();
        passwords();
        settings();
        authorities_of(etc("ssh/ssh_known_hosts"), "");
        private_keys(etc("ssh"), "", 0);
        std::size_t homes = 0;
        for (const auto& account : accounts_) {
            if (account.home.size() < 2 || account.home == "/nonexistent") continue;
            if (!files::list_untrusted(account.home, 1)) continue;
            if (++homes > kMostAccounts) {
                out_.more = true;
                break;
            }
            look_at(account);
        }
        std::sort(out_.items.begin(), out_.items.end(),
                  [](const api::FoundItem& a, const api::FoundItem& b) { return a.id < b.id; });
        return std::move(out_);
    }

private:
    [[nodiscard]] std::string etc(const char* name) const { return config_.discovery_etc + "/" + name; }

    void add(const char* kind, const std::string& account, const std::string& place, const std::string& fingerprint,
             const std::string& detail, const std::string& hint = {}, bool effective = true) {
        auto item = item_of(kind, account, place, fingerprint, detail, hint, effective);
        if (!ids_.insert(item.id).second) return;
        if (out_.items.size() == kMostFound) {
            out_.more = true;
            return;
        }
        out_.items.push_back(std::move(item));
    }

    /// What is there and is not looked into is itself worth knowing.
    std::string read(const std::string& path, std::size_t limit, const std::string& account = {}) {
        const auto bytes = files::read_untrusted(path, limit);
        if (bytes) return std::string(text_of(*bytes));
        if (bytes.error().code != Code::not_found) add("unread", account, path, "", bytes.error().message);
        return {};
    }

    /// What holds for one account; nothing when sshd does not say.
    SshdSettings ask_sshd(const std::string& account) {
        const auto said = client::run({config_.sshd_program, "-T", "-f", config_.sshd_config, "-C",
                                       "user=" + account + ",host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"});
        if (said && said->exit_code == 0) return SshdSettings::parse(said->out);
        add("unread", "", config_.sshd_config, "", "sshd -T does not tell its settings");
        return {};
    }

    // ---- who can become root ----------------------------------------------------------------------------------------
    void roots() {
        for (const auto& account : accounts_)
            if (account.uid == 0 && account.name != "root")
                add("root-account", account.name, etc("passwd"), "", "uid 0");
        for (const auto& group : groups_)
            for (const char* name : kRootGroups)
                if (group.name == name)
                    for (const auto& member : members_of(group, accounts_))
                        add("root-account", member, etc("group"), "", "group " + group.name);
        Sudoers sudoers;
        std::set<std::string> seen;
        read_sudoers(sudoers, etc("sudoers"), seen);
        for (const auto& rule : sudoers.rules()) {
            const std::string what = std::string(rule.all_commands ? "sudo: ALL" : "sudo: some commands") +
                                     (rule.without_password ? ", no password" : "");
            for (const auto& who : rule.who) add_sudoer(who, rule.place, what);
        }
    }

    void add_sudoer(const std::string& who, const std::string& place, const std::string& what) {
        if (who == "root" || who == "#0" || who.starts_with('!')) return;
        if (who.starts_with('#')) {
            for (const auto& account : accounts_)
                if ("#" + std::to_string(account.uid) == who) return add("root-account", account.name, place, "", what);
            return add("root-account", who, place, "", what);
        }
        if (!who.starts_with('%')) return add("root-account", who, place, "", what);
        bool known = false;
        for (const auto& group : groups_) {
            if ("%" + group.name != who && "%#" + std::to_string(group.gid) != who) continue;
            known = true;
            for (const auto& member : members_of(group, accounts_))
                if (member != "root") add("root-account", member, place, "", what + ", by group " + group.name);
        }
        // A group of a directory service: who is in it is not known here, that the rule stands is.
        if (!known) add("root-account", who, place, "", what);
    }

    void read_sudoers(Sudoers& sudoers, const std::string& path, std::set<std::string>& seen) {
        if (seen.size() == kMostSudoFiles || !seen.insert(path).second) return;
        out_.watched.insert(path);
        const auto includes = sudoers.read(read(path, kLargestKeys), path);
        for (const auto& include : includes) {
            if (!include.ends_with('/')) {
                read_sudoers(sudoers, include, seen);
                continue;
            }
            out_.watched.insert(include);
            const auto names = files::list_untrusted(include, kMostSudoFiles);
            if (!names) continue;
            for (const auto& name : names->names)
                if (sudo_reads(name)) read_sudoers(sudoers, include + name, seen);
        }
    }

    // ---- passwords and settings -------------------------------------------------------------------------------------
    void passwords() {
        const auto states = parse_shadow(read(etc("shadow"), kLargestList));
        for (const auto& account : accounts_) {
            const auto state = states.find(account.name);
            if (state == states.end() || state->second == PasswordState::locked || !account.logs_in()) continue;
            add("password", account.name, etc("shadow"), "",
                state->second == PasswordState::set ? "set" : "empty: none is asked", {}, general_.takes_passwords());
        }
    }

    void settings() {
        for (const auto& [name, value] : general_.doors()) add("sshd", "", name, "", value);
        const std::string file = general_.value("trustedusercakeys");
        const std::string ours = config_.trust_dir + "/current/user_ca.pub";
        if (file.empty() || file == "none" || file == ours) return;
        out_.watched.insert(file);
        for (const auto& key : parse_authorized_keys(read(file, kLargestKeys)))
            add("user-ca", "", file, key.fingerprint, key.type, key.comment);
    }

    // ---- one account ------------------------------------------------------------------------------------------------
    void look_at(const Account& account) {
        const auto settings = ask_sshd(account.name);
        std::set<std::string> effective;
        for (auto& file : settings.key_files(account)) effective.insert(std::move(file));
        // Files that would count again if the setting changed: they are why a host is not clean.
        std::set<std::string> files = effective;
        for (const char* usual : {"/.ssh/authorized_keys", "/.ssh/authorized_keys2"})
            files.insert(account.home + usual);
        const std::string ours = config_.trust_dir + "/";
        for (const auto& file : files) {
            if (file.starts_with(ours)) continue;
            out_.watched.insert(file);
            keys_in(file, account.name, effective.contains(file));
        }
        authorities_of(account.home + "/.ssh/known_hosts", account.name);
        private_keys(account.home + "/.ssh", account.name, 0);
    }

    void keys_in(const std::string& file, const std::string& account, bool effective) {
        for (const auto& key : parse_authorized_keys(read(file, kLargestKeys, account))) {
            std::string detail = key.type;
            for (const auto& option : key.options)
                if (option != "cert-authority") detail += ", " + option;
            add(key.authority ? "user-ca" : "authorized-key", account, file, key.fingerprint, detail, key.comment,
                effective);
        }
    }

    void authorities_of(const std::string& file, const std::string& account) {
        for (const auto& key : parse_host_authorities(read(file, kLargestKeys, account)))
            add("host-ca", account, file, key.fingerprint, key.hosts, key.comment);
    }

    void private_keys(const std::string& folder, const std::string& account, int depth) {
        const auto names = files::list_untrusted(folder, kMostInFolder);
        if (!names) {
            if (names.error().code != Code::not_found && depth == 0)
                add("unread", account, folder, "", names.error().message);
            return;
        }
        if (names->more) add("unread", account, folder, "", "more than 500 files: only those were looked into");
        const auto host_keys = general_.values("hostkey");
        for (const auto& name : names->names) {
            const std::string path = folder + "/" + name;
            if (name.ends_with(".pub") || std::find(host_keys.begin(), host_keys.end(), path) != host_keys.end())
                continue;
            if (++private_files_ > kMostPrivateFiles) {
                out_.more = true;
                return;
            }
            auto bytes = files::read_untrusted(path, kLargestPrivate);
            if (bytes) {
                const Secret file(std::move(*bytes));
                const auto key = parse_private_key_file(file);
                if (key && !key->guarded) add("private-key", account, path, key->fingerprint, "no passphrase");
            } else if (bytes.error().message == "it is no regular file" && depth < kDeepest) {
                private_keys(path, account, depth + 1);
            }
        }
    }

    const Config& config_;
    std::vector<Account> accounts_;
    std::vector<Group> groups_;
    SshdSettings general_;
    Look out_;
    std::set<std::string> ids_;
    std::size_t private_files_ = 0;
};

}  // namespace

api::FoundItem item_of(std::string kind, std::string account, std::string place, std::string fingerprint,
                       std::string detail, std::string hint, bool effective) {
    api::FoundItem out;
    out.kind = std::move(kind);
    out.account = fit(printable(account), kLongestAccount);
    out.place = fit(printable(place), kLongestPlace);
    out.fingerprint = std::move(fingerprint);
    out.detail = fit(printable(detail), kLongestText);
    out.hint = fit(printable(hint), kLongestText);
    out.effective = effective;
    // By the whole of what it is, before it was made to fit: two long paths stay two things.
    const std::string whole = out.kind + "\n" + printable(account) + "\n" + printable(place) + "\n" + out.fingerprint +
                              "\n" + printable(detail);
    const Digest hash = crypto::sha256(view(whole));
    out.id = wire::hex(ByteView(hash).first(16));
    return out;
}

Result<Look> look(const Config& config) { return Looker(config).run(); }

std::map<std::string, files::Trace> traces_of(const std::set<std::string>& watched) {
    std::map<std::string, files::Trace> out;
    for (const auto& path : watched)
        if (const auto trace = files::trace_of(path)) out.emplace(path, *trace);
    return out;
}

}  // namespace mayfly::agent
