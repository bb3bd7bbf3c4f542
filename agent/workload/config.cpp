#include "agent/workload/config.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "lib/config/table.h"
#include "lib/files/files.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargestFile = 64 * 1024, kMostWorkloads = 200, kMostNames = 100;

template <class T>
void set(config::Table& table, const char* key, Result<T> value, T& out) {
    if (value)
        out = std::move(*value);
    else
        table.refuse(table.node(key), std::string(key) + ": " + value.error().message, value.error().why);
}

/// A file's name is one plain word that is none of our own, so that it can lead nowhere else.
bool plain_name(std::string_view name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_';
    });
    return plain && name.size() <= 100 && !name.starts_with('.') && name != "current" && !name.starts_with("gen-") &&
           name != renewal::kWishFile;
}

bool plain_path(const std::string& path) {
    return path.starts_with('/') && path.size() < 512 && std::filesystem::path(path).lexically_normal() == path &&
           !path.ends_with('/') && printable(path) == path;
}

void need_path(config::Table& table, const char* key, const std::string& path) {
    if (!plain_path(path)) table.refuse(table.node(key), std::string(key) + " must be a full path, without . and ..");
}

void read_files(config::Table& table, Status& status, Workload& out) {
    const auto* section = table.table("files");
    if (section == nullptr) return;
    config::Table inner(*section, "[files]", status);
    out.folder = inner.text("folder");
    need_path(inner, "folder", out.folder);
    std::map<std::string, const char*> taken;
    const auto read = [&](const char* key, std::string& name) {
        name = inner.text(key, name);
        if (!plain_name(name))
            inner.refuse(inner.node(key), std::string(key) + " must be a plain file name that is not ours",
                         "letters, digits, '.', '-', '_'; not current, gen-… or request.json");
        if (!name.empty() && !taken.emplace(name, key).second)
            inner.refuse(inner.node(key), std::string(key) + " has the name of another file");
    };
    read("key", out.files.key);
    read("certificate", out.files.certificate);
    read("chain", out.files.chain);
    read("bundle", out.files.bundle);
    read("combined", out.files.combined);
    if (out.files.key.empty() && out.files.combined.empty())
        inner.refuse(nullptr, "neither key nor combined is written: nobody would have the key");
    if (out.files.certificate.empty()) inner.refuse(inner.node("certificate"), "certificate cannot be left out");
    const std::string mode = inner.text("mode"), owner = inner.text("owner");
    set(inner, owner.empty() ? "mode" : "owner", files::parse_hand_over(mode, owner), out.hand_over);
    inner.finish();
}

void read_reload(config::Table& table, Status& status, Workload& out) {
    const auto* section = table.table("reload");
    if (section == nullptr) return;
    config::Table inner(*section, "[reload]", status);
    const std::string unit = inner.text("unit"), pid_file = inner.text("pid_file"), signal = inner.text("signal"),
                      postgresql = inner.text("postgresql"), haproxy = inner.text("haproxy");
    auto exec = inner.texts("exec");
    int ways = 0;
    for (const bool named : {!unit.empty(), !pid_file.empty(), !postgresql.empty(), !haproxy.empty(), !exec.empty()})
        ways += named ? 1 : 0;
    if (ways != 1) inner.refuse(nullptr, "name one of unit, pid_file, exec, postgresql and haproxy");
    if (!signal.empty() && pid_file.empty()) inner.refuse(inner.node("signal"), "signal goes with pid_file");
    if (!unit.empty()) {
        renewal::Unit one;
        set(inner, "unit", renewal::parse_unit(unit), one);
        out.service.reload = one;
    }
    if (!pid_file.empty()) {
        renewal::SignalTo to{SIGHUP, pid_file};
        need_path(inner, "pid_file", pid_file);
        if (!signal.empty()) set(inner, "signal", renewal::parse_signal(signal), to.signal);
        out.service.reload = to;
    }
    if (!postgresql.empty()) {
        need_path(inner, "postgresql", postgresql);
        out.service.reload = renewal::SignalTo{SIGHUP, postgresql + "/postmaster.pid"};
    }
    if (!haproxy.empty()) {
        need_path(inner, "haproxy", haproxy);
        if (out.files.combined.empty())
            inner.refuse(inner.node("haproxy"), "haproxy takes key and certificate in one file",
                         "name it in [files]: combined = \"combined.pem\"");
        out.service.reload = renewal::Haproxy{haproxy, out.folder + "/" + out.files.combined};
    }
    if (!exec.empty()) {
        if (!exec.front().starts_with('/'))
            inner.refuse(inner.node("exec"), "exec begins with the program's full path");
        out.service.reload = renewal::Exec{std::move(exec)};
    }
    inner.finish();
}

void read_verify(config::Table& table, Status& status, Workload& out) {
    const auto* section = table.table("verify");
    if (section == nullptr) return;
    config::Table inner(*section, "[verify]", status);
    renewal::Endpoint endpoint;
    set(inner, "address", renewal::parse_endpoint(inner.text("address")), endpoint);
    const std::string name = inner.text("server_name");
    if (!name.empty()) {
        const auto host = HostName::parse(name);
        if (host)
            endpoint.server_name = host->text();
        else
            inner.refuse(inner.node("server_name"), "server_name: " + host.error().message, host.error().why);
    }
    endpoint.before =
        inner.word("starttls", renewal::Before::nothing, {renewal::Before::nothing, renewal::Before::postgresql});
    inner.lifetime("within", out.service.within);
    constexpr std::int64_t kLongest = 60;  // other renewals wait meanwhile
    if (out.service.within.seconds() > kLongest) inner.refuse(inner.node("within"), "within is at most 60s");
    inner.finish();
    out.service.verify = std::move(endpoint);
}

void check_identity(config::Table& table, const Result<IdentityName>& identity) {
    if (!identity)
        table.refuse(table.node("identity"), "identity: " + identity.error().message, identity.error().why);
    else if (identity->kind() != Kind::workload && identity->kind() != Kind::agent)
        table.refuse(table.node("identity"), "identity is workload/NAME or agent/NAME", "a node asks for nobody else");
}

void read_wish(config::Table& table, Workload& out) {
    out.wish.role = table.text("role");
    if (const auto role = RoleName::parse(out.wish.role); table.has("role") && !role)
        table.refuse(table.node("role"), "role: " + role.error().message, role.error().why);
    out.wish.names = table.texts("names");
    if (auto ok = renewal::tag_names(out.wish.names); !ok)
        table.refuse(table.node("names"), "names: " + ok.error().message, ok.error().why);
    if (table.has("names") && (out.wish.names.empty() || out.wish.names.size() > kMostNames))
        table.refuse(table.node("names"), "names holds 1 to 100 names");
    if (table.has("lifetime")) {
        Lifetime lifetime = *Lifetime::of_seconds(1);
        table.lifetime("lifetime", lifetime);
        out.wish.ttl = lifetime.text();
    }
    out.wish.key_type = table.text("key_type", renewal::key_types().front());
    const auto& types = renewal::key_types();
    if (std::find(types.begin(), types.end(), out.wish.key_type) == types.end())
        table.refuse(table.node("key_type"), "key_type is p256, p384, ed25519 or rsa");
}

Result<Workload> load(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return fail(Code::unavailable, "cannot look at " + path.string());
    const bool trusted = (info.st_uid == 0 || info.st_uid == ::geteuid()) && (info.st_mode & 022) == 0;
    if (!trusted)
        return fail(Code::untrusted, path.string() + " can be changed by others", "E-WORKLOAD-FILE",
                    "it names programs that the agent runs", "chown root and chmod go-w it");
    const auto text = files::read(path.string(), kLargestFile);
    if (!text) return pass(text.error());
    return read_workload(path.stem().string(), text_of(*text));
}

}  // namespace

Result<Workload> read_workload(const std::string& name, std::string_view text) {
    const auto toml = config::parse(text, name + ".toml");
    if (!toml) return pass(toml.error());
    Status status;
    config::Table table(*toml, "workload", status);
    const auto identity = IdentityName::parse(table.text("identity"));
    if (table.has("identity")) check_identity(table, identity);
    Workload out{name, identity.value_or(*IdentityName::of(Kind::workload, "none")), {}, {}};
    read_wish(table, out);
    read_files(table, status, out);
    read_reload(table, status, out);
    read_verify(table, status, out);
    // A key that is misspelt is named before one that is missing: it is the same mistake, and easier to mend.
    table.finish();
    for (const auto* key : {"identity", "role", "names", "files"})
        if (!table.has(key)) table.refuse(nullptr, std::string(key) + " is missing");
    if (!status) return pass(status.error());
    out.wish.identity = out.identity.text();
    return out;
}

LoadedWorkloads load_workloads(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (entry.path().extension() == ".toml" && !entry.path().filename().string().starts_with('.'))
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    LoadedWorkloads out;
    std::map<std::string, std::string> folders;
    for (const auto& path : paths) {
        const std::string file = printable(path.filename().string());
        auto workload = load(path);
        if (workload) {
            const auto [first, fresh] = folders.emplace(workload->folder, file);
            if (!fresh)
                workload = fail(Code::conflict, file + ": " + workload->folder + " is the folder of " + first->second,
                                "E-CONFIG", "two would undo each other's work", "give each its own");
            else if (out.workloads.size() >= kMostWorkloads)
                workload = fail(Code::malformed, file + ": more than 200 workloads", "E-CONFIG", {}, {});
        }
        if (workload)
            out.workloads.push_back(std::move(*workload));
        else
            out.broken.emplace_back(file, workload.error());
    }
    return out;
}

}  // namespace mayfly::agent
