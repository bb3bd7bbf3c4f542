#pragma once
// Config: what agent.toml says: which CA, which sshd, where things stand on this host.
#include <optional>
#include <string>
#include <vector>

#include "agent/mode.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::agent {

/// What sshd_log says instead of a file.
inline constexpr const char* kJournal = "journal";
inline constexpr const char* kNoLog = "none";
inline constexpr const char* kProbeAuto = "auto";
inline constexpr const char* kNoProbe = "none";

struct Config {
    std::string file{};     ///< where this was read from; "" when it was not
    std::string url;        ///< the CA
    std::string state_dir;  ///< identity key and certificate, pinned bundle, status
    std::string sshd_program = "/usr/sbin/sshd";
    std::string sshd_config = "/etc/ssh/sshd_config";
    std::string drop_in = "/etc/ssh/sshd_config.d/00-mayfly.conf";  ///< must be included before other settings
    std::string trust_dir = "/etc/ssh/mayfly";                      ///< generations of what sshd reads
    std::vector<std::string> host_keys{"/etc/ssh/ssh_host_ed25519_key"};
    std::vector<std::string> reload{"systemctl", "reload", "ssh"};  ///< argv; never a shell
    std::string reload_pid_file;                                    ///< when set: SIGHUP to that process instead
    Lifetime poll = *Lifetime::of_seconds(60);                      ///< how often the trust is asked for
    std::string breakglass_envelope{};                              ///< file; when set, it stands in place of the CA's
    std::string sshd_log = kJournal;  ///< where sshd's words about logins are: the journal, a file, or none
    bool sshd_log_plain = false;      ///< the file is of sshd -E: messages without time and tag
    Mode mode = Mode::only;           ///< what agent.toml meant before it named a mode
    std::string probe = kProbeAuto;   ///< where sshd is asked what it lets in: auto, ADDRESS:PORT, or none
    Lifetime recent = *Lifetime::of_seconds(30LL * 86400);  ///< an old key used since then would be missed
    std::optional<Lifetime> discover_every = *Lifetime::of_seconds(3600);  ///< none: what stands here is not looked at
    std::string discovery_etc = "/etc";                                    ///< where passwd, sudoers and ssh are
    std::string network_user{};    ///< whom the part that talks with the CA becomes; "": mayfly-agent, else nobody
    bool into_containers = false;  ///< commands that reload may enter namespaces: podman exec, nsenter
    std::string workload_dir{};    ///< certificates for what runs here, one file each
};

Result<Config> load_config(const std::string& path);
std::string config_text(const Config& config);

}  // namespace mayfly::agent
