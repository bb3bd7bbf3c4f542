#include "agent/config.h"

#include <filesystem>

#include "agent/settings.h"
#include "lib/config/table.h"
#include "lib/files/files.h"

namespace mayfly::agent {

namespace {

std::string quoted_list(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "\"" : ", \"") + word + "\"";
    return "[" + out + "]";
}

void read_breakglass(config::Table& table, Status& status, Config& out) {
    const auto* section = table.table("breakglass");
    if (section == nullptr) return;
    config::Table inner(*section, "[breakglass]", status);
    out.breakglass_envelope = inner.text("envelope");
    inner.finish();
}

void read_report(config::Table& table, Status& status, Config& out) {
    const auto* section = table.table("report");
    if (section == nullptr) return;
    config::Table inner(*section, "[report]", status);
    out.sshd_log = inner.text("sshd_log", out.sshd_log);
    out.sshd_log_plain = inner.flag("plain");
    if (out.sshd_log != kJournal && out.sshd_log != kNoLog && !out.sshd_log.starts_with('/'))
        inner.refuse(nullptr, "sshd_log must be \"journal\", \"none\" or the full path of a file");
    inner.finish();
}

void read_network(config::Table& table, Status& status, Config& out) {
    const auto* section = table.table("network");
    if (section == nullptr) return;
    config::Table inner(*section, "[network]", status);
    out.network_user = inner.text("user");
    inner.finish();
}

void read_commands(config::Table& table, Status& status, Config& out) {
    const auto* section = table.table("commands");
    if (section == nullptr) return;
    config::Table inner(*section, "[commands]", status);
    out.into_containers = inner.flag("into_containers");
    inner.finish();
}

void read_steps(config::Table& table, Config& out) {
    if (table.has("mode")) {
        const auto mode = parse_mode(table.text("mode"));
        if (mode)
            out.mode = *mode;
        else
            table.refuse(nullptr, mode.error().message + ": observe, both or only");
    }
    table.lifetime("recent", out.recent);
    out.probe = table.text("probe", out.probe);
    if (out.probe != kProbeAuto && out.probe != kNoProbe && !parse_address(out.probe))
        table.refuse(nullptr, "probe must be \"auto\", \"none\" or where sshd listens, as in \"127.0.0.1:22\"");
}

void read_discovery(config::Table& table, Status& status, Config& out) {
    const auto* section = table.table("discovery");
    if (section == nullptr) return;
    config::Table inner(*section, "[discovery]", status);
    if (inner.text("every") == "never")
        out.discover_every.reset();
    else
        inner.lifetime("every", *out.discover_every);
    out.discovery_etc = inner.text("etc", out.discovery_etc);
    if (!out.discovery_etc.starts_with('/')) inner.refuse(section->get("etc"), "etc is the full path of a folder");
    inner.finish();
}

}  // namespace

Result<Config> load_config(const std::string& path) {
    const auto text = files::read(path, 1 << 20);
    if (!text)
        return fail(Code::not_found, "there is no configuration at " + path, "E-CONFIG", {},
                    "mayfly-agent enroll makes one");
    const auto toml = config::parse(text_of(*text));
    if (!toml) return pass(toml.error(), path);
    Status status;
    config::Table table(*toml, path, status);
    Config out;
    std::error_code ignored;
    out.file = path;
    out.url = table.text("url");
    out.state_dir = table.text("state_dir", std::filesystem::absolute(path, ignored).parent_path().string());
    out.sshd_program = table.text("sshd_program", out.sshd_program);
    out.sshd_config = table.text("sshd_config", out.sshd_config);
    out.drop_in = table.text("drop_in", out.drop_in);
    out.trust_dir = table.text("trust_dir", out.trust_dir);
    if (table.has("host_keys")) out.host_keys = table.texts("host_keys");
    if (table.has("reload")) out.reload = table.texts("reload");
    out.reload_pid_file = table.text("reload_pid_file");
    table.lifetime("poll", out.poll);
    read_steps(table, out);
    out.workload_dir = table.text("workload_dir", out.state_dir + "/workload.d");
    read_breakglass(table, status, out);
    read_network(table, status, out);
    read_commands(table, status, out);
    read_report(table, status, out);
    read_discovery(table, status, out);
    if (out.url.empty()) table.refuse(nullptr, "url is missing");
    if (out.host_keys.empty()) table.refuse(nullptr, "host_keys is empty: sshd could prove nothing");
    if (out.reload.empty() && out.reload_pid_file.empty())
        table.refuse(nullptr, "neither reload nor reload_pid_file says how sshd is reloaded");
    table.finish();
    if (!status) return pass(status.error());
    return out;
}

std::string config_text(const Config& config) {
    return "# mayfly-agent reads this file. Keep it owned by root.\n"
           "url = \"" +
           config.url +
           "\"\n"
           "sshd_program = \"" +
           config.sshd_program +
           "\"\n"
           "sshd_config = \"" +
           config.sshd_config +
           "\"      # its first lines must include drop_in\n"
           "drop_in = \"" +
           config.drop_in +
           "\"\n"
           "trust_dir = \"" +
           config.trust_dir +
           "\"\n"
           "host_keys = " +
           quoted_list(config.host_keys) +
           "\n"
           "reload = " +
           quoted_list(config.reload) +
           "\n"
           "reload_pid_file = \"" +
           config.reload_pid_file +
           "\"      # when set: SIGHUP to that process instead of reload\n"
           "poll = \"" +
           config.poll.text() +
           "\"\n"
           "mode = \"" +
           std::string(name(config.mode)) +
           "\"      # observe, both or only: mayfly-agent mode changes it\n"
           "probe = \"" +
           config.probe +
           "\"      # where sshd is asked what it lets in: \"auto\", ADDRESS:PORT, or \"none\"\n"
           "\n"
           "[report]\n"
           "sshd_log = \"" +
           config.sshd_log +
           "\"      # where sshd says who logged in: \"journal\", a file, or \"none\"\n"
           "\n"
           "[discovery]\n"
           "every = \"" +
           (config.discover_every ? config.discover_every->text() : "never") +
           "\"      # how often keys, passwords and sudo rules are looked for, by fingerprint; or \"never\"\n"
           "\n"
           "[breakglass]\n"
           "envelope = \"" +
           config.breakglass_envelope +
           "\"      # when set: this envelope of the emergency key, whatever the CA publishes\n";
}

}  // namespace mayfly::agent
