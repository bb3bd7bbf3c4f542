// cert renew, cert needs-renewal, cert run: the next certificate for the same key holder, by a timer, a script, or for
// as long as one program runs.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "cli/cert_files.h"
#include "cli/password.h"
#include "cli/verbs.h"
#include "lib/client/run.h"
#include "lib/crypto/pkcs12.h"
#include "lib/renewal/plan.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

constexpr const char* kPath = "/v1/x509/certificates";

struct RenewFlags {
    std::string folder, unit, signal, exec, verify, server_name, starttls;
    std::vector<std::string> arguments;
    PasswordFrom password;
    bool if_needed = false;
};

struct RunFlags {
    api::X509Request request;
    std::string key_type = "p256", signal;
    std::vector<std::string> command;
};

tl::unexpected<Error> not_so(const std::string& message, const std::string& fix) {
    return fail(Code::malformed, message, "E-USAGE", {}, fix);
}

Result<renewal::Reload> read_reload(const RenewFlags& flags) {
    if (!flags.arguments.empty() && flags.exec.empty())
        return not_so("arguments after -- belong to --exec PROGRAM", "mayfly cert renew DIR --exec nginx -- -s reload");
    if (!flags.unit.empty()) {
        const auto unit = renewal::parse_unit(flags.unit);
        if (!unit) return pass(unit.error());
        return *unit;
    }
    if (!flags.signal.empty()) {
        const auto colon = flags.signal.find(':');
        if (colon == std::string::npos || colon + 1 == flags.signal.size())
            return not_so("--signal wants a signal and a pid file", "--signal HUP:/run/nginx.pid");
        const auto signal = renewal::parse_signal(flags.signal.substr(0, colon));
        if (!signal) return pass(signal.error());
        return renewal::SignalTo{*signal, flags.signal.substr(colon + 1)};
    }
    if (flags.exec.empty()) return renewal::Reload{};
    std::vector<std::string> argv = {flags.exec};
    argv.insert(argv.end(), flags.arguments.begin(), flags.arguments.end());
    return renewal::Exec{std::move(argv)};
}

Result<renewal::Service> read_service(const RenewFlags& flags) {
    renewal::Service out;
    auto reload = read_reload(flags);
    if (!reload) return pass(reload.error());
    out.reload = std::move(*reload);
    if (flags.verify.empty()) return out;
    auto endpoint = renewal::parse_endpoint(flags.verify);
    if (!endpoint) return pass(endpoint.error());
    endpoint->server_name = flags.server_name;
    endpoint->before = flags.starttls.empty() ? renewal::Before::nothing : renewal::Before::postgresql;
    out.verify = std::move(*endpoint);
    return out;
}

/// The files keep the mode and owner that they have.
HandOver as_it_is(const std::string& key_file) {
    HandOver out;
    struct stat info {};
    if (::stat(key_file.c_str(), &info) != 0) return out;
    constexpr mode_t kAllowed = 0660;
    out.secret_mode = info.st_mode & kAllowed;
    if (::geteuid() == 0) out.owner = {info.st_uid, info.st_gid};
    return out;
}

Result<CertFiles> read_files(const Globals& globals, const RenewFlags& flags, renewal::Wish wish) {
    CertFiles out{flags.folder};
    const auto& words = form_words();
    for (const auto& word : wish.forms) {
        const auto found = std::find(words.begin(), words.end(), word);
        if (found == words.end())
            return fail(Code::malformed, flags.folder + "/" + renewal::kWishFile + " names a form that is none",
                        "E-WISH", {}, "mayfly cert issue … --force");
        out.forms.push_back(static_cast<Form>(found - words.begin()));
    }
    out.hand_over = as_it_is(flags.folder + "/key.pem");
    out.wish = std::move(wish);
    auto service = read_service(flags);
    if (!service) return pass(service.error());
    out.service = std::move(*service);
    if (flags.password.named() && !out.has(Form::pkcs12))
        return not_so("there is no cert.p12 to put under a password", "leave the password out");
    if (!out.has(Form::pkcs12)) return out;
    auto password = read_password(flags.password, globals.asking(), flags.folder + "/cert.p12");
    if (!password) return pass(password.error());
    if (auto ok = crypto::check_password(*password); !ok) return pass(ok.error());
    out.password = std::move(*password);
    return out;
}

Result<renewal::Wish> wish_in(const std::string& folder) {
    auto wish = renewal::read_wish(folder);
    if (!wish) return wish;
    if (!wish->identity.empty())
        return fail(Code::conflict, folder + " is kept by mayfly-agent, for " + printable(wish->identity), "E-WISH",
                    "two who renew the same files undo each other's work", "mayfly-agent workloads");
    if (wish->key_type.empty())
        return fail(Code::unsupported, "the key of " + folder + " was not made here", "E-WISH",
                    "a new certificate needs the request, or whoever keeps the key",
                    "mayfly cert issue --csr FILE, or --public-key, --out " + folder + " --force");
    return wish;
}

Result<int> not_yet(const Globals& globals, const renewal::Held& held) {
    return show(globals, {wire::Json(wire::Json::Object{{"serial", held.serial},
                                                        {"due", held.due.text()},
                                                        {"valid_before", held.before.text()},
                                                        {"renewed", false}}),
                          {held.serial},
                          {},
                          {},
                          {},
                          {"not due until " + held.due.text() + " (serial " + held.serial + ")"}});
}

Result<int> renew(const Globals& globals, const RenewFlags& flags) {
    auto wish = wish_in(flags.folder);
    if (!wish) return pass(wish.error());
    const auto held = renewal::read_held(flags.folder + "/cert.pem");
    if (flags.if_needed && held && SystemClock().now() < held->due) return not_yet(globals, *held);
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    api::X509Request request;
    request.role = wish->role;
    request.names = wish->names;
    request.ttl = wish->ttl;
    request.dry_run = globals.dry_run;
    auto fresh = renewal::make_key(wish->key_type, wish->names);
    if (!fresh) return pass(fresh.error());
    request.csr = fresh->csr;
    if (globals.dry_run) return would_be_minted(globals, session->ca.post<api::DryRunReply>(kPath, request, nullptr));
    const auto files = read_files(globals, flags, std::move(*wish));
    if (!files) return pass(files.error());
    const auto reply = session->ca.mint(kPath, request);
    if (!reply) return pass(reply.error());
    if (auto ok = renewal::is_for(fresh->key.public_key(), *reply); !ok) return pass(ok.error());
    if (auto ok = write_cert_files(*files, &fresh->key, *reply, session->context.bundle); !ok) return pass(ok.error());
    return show(globals, {wire::to_json(*reply),
                          {reply->serial},
                          {},
                          {},
                          {},
                          {"✓ " + joined(reply->names, ", ") + " (serial " + reply->serial + ") until " +
                           reply->valid_before + "   " + flags.folder}});
}

/// A predicate: 0 it is due, 1 it is not, 255 nobody can say.
Result<int> needs_renewal(const Globals& globals, const std::string& path) {
    constexpr int kYes = 0, kNo = 1, kNobodyCanSay = 255;
    const auto held = renewal::read_held(path);
    if (!held) {
        (void)report(held.error(), globals.output);
        return kNobodyCanSay;
    }
    const bool due = held->due <= SystemClock().now();
    print(globals.output,
          {wire::Json(wire::Json::Object{{"serial", held->serial},
                                         {"due", held->due.text()},
                                         {"valid_before", held->before.text()},
                                         {"needs_renewal", due}}),
           {held->serial},
           {},
           {},
           {},
           {std::string(due ? "due since " : "not due until ") + held->due.text() + ", ends " + held->before.text()}});
    return due ? kYes : kNo;
}

/// Running is one program with its certificate: kept fresh until it ends.
struct Running {
    const Globals& globals;
    const RunFlags& flags;
    const client::PrivateFolder& folder;
    int signal = 0;
    Instant due = Instant(0);
    Instant ends = Instant(0);
    renewal::Failures failures{};

    Status get() {
        auto session = open_session(globals);
        if (!session) return pass(session.error());
        auto fresh = renewal::make_key(flags.key_type, flags.request.names);
        if (!fresh) return pass(fresh.error());
        api::X509Request request = flags.request;
        request.csr = fresh->csr;
        const auto reply = session->ca.mint(kPath, request);
        if (!reply) return pass(reply.error());
        if (auto ok = renewal::is_for(fresh->key.public_key(), *reply); !ok) return ok;
        CertFiles files{folder.path()};
        files.forms = {Form::combined};
        files.wish = {"", request.role, request.ttl, flags.key_type, request.names, {"combined"}};
        if (auto ok = write_cert_files(files, &fresh->key, *reply, session->context.bundle); !ok) return ok;
        const auto held = renewal::read_issued(*reply);
        if (!held) return pass(held.error());
        due = held->due;
        ends = held->before;
        return {};
    }

    /// Renews when it is time, and says after how many seconds to look again.
    std::int64_t look(pid_t process) {
        constexpr std::int64_t kLongest = 60;  // the clock of a laptop that slept jumps
        const Instant now = SystemClock().now();
        if (due > now) return std::min(kLongest, due.seconds() - now.seconds());
        const auto got = get();
        if (got) {
            failures = {};
            if (signal > 0) ::kill(process, signal);
            return 1;
        }
        ++failures.count;
        crypto::SystemRng rng;
        due = renewal::retry_at(now, failures, ends, rng);
        say("mayfly: the certificate was not renewed (" + got.error().message + "); it ends at " + ends.text() +
            ", asked for again at " + due.text());
        return 1;
    }
};

Result<int> run_with(const Globals& globals, RunFlags flags) {
    if (globals.dry_run) return not_so("\"cert run\" cannot be tried without doing it", "mayfly cert issue --dry-run");
    if (auto ok = renewal::tag_names(flags.request.names); !ok) return pass(ok.error());
    const auto folder = client::PrivateFolder::make();
    if (!folder) return pass(folder.error());
    Running running{globals, flags, *folder};
    if (!flags.signal.empty()) {
        const auto signal = renewal::parse_signal(flags.signal);
        if (!signal) return pass(signal.error());
        running.signal = *signal;
    }
    if (auto ok = running.get(); !ok) return pass(ok.error());
    if (::setenv("MAYFLY_CERT_DIR", folder->path().c_str(), 1) != 0)
        return fail(Code::internal, "the environment cannot be changed");
    constexpr std::string_view kPlace = "{dir}";
    for (auto& word : flags.command)
        for (auto at = word.find(kPlace); at != std::string::npos; at = word.find(kPlace, at + folder->path().size()))
            word.replace(at, kPlace.size(), folder->path());
    return client::run_attached(flags.command, [&](pid_t process) { return running.look(process); });
}

}  // namespace

void add_renew_verbs(Verb cert, Cli& cli) {
    auto flags = std::make_shared<RenewFlags>();
    const auto verb = cli.verb(cert, "renew", "the next certificate for a folder of cert issue, with a new key",
                               [&cli, flags] { return renew(cli.globals, *flags); });
    verb.add_option("folder", flags->folder, "folder that cert issue --out wrote").required();
    verb.add_flag("--if-needed", flags->if_needed, "only between one half and three quarters of its life, or later");
    const auto unit = verb.add_option("--reload", flags->unit, "systemd unit to reload afterwards");
    const auto signal = verb.add_option("--signal", flags->signal, "SIGNAL:PIDFILE, for example HUP:/run/nginx.pid");
    verb.add_option("--exec", flags->exec, "program to run afterwards; its arguments follow --")
        .excludes(unit)
        .excludes(signal);
    signal.excludes(unit);
    verb.add_option("arguments", flags->arguments, "after --: arguments of --exec");
    const auto verify = verb.add_option("--verify", flags->verify,
                                        "HOST:PORT that must show the new certificate, or the old files come back");
    verb.add_option("--server-name", flags->server_name, "name to ask the service for").needs(verify);
    verb.add_option("--starttls", flags->starttls, "what is spoken before TLS").one_of({"postgresql"}).needs(verify);
    verb.add_option("--password-file", flags->password.file,
                    "first line is the password of cert.p12; - for standard input");
    verb.add_option("--password-fd", flags->password.descriptor, "descriptor to read that password from");

    auto path = std::make_shared<std::string>();
    const auto asks = cli.verb(cert, "needs-renewal", "exit 0: it is due; 1: it is not; 255: it cannot be read",
                               [&cli, path] { return needs_renewal(cli.globals, *path); });
    asks.add_option("file", *path, "certificate, PEM or DER").required();

    auto running = std::make_shared<RunFlags>();
    const auto runs = cli.verb(cert, "run", "run a program with a certificate that is kept fresh while it runs",
                               [&cli, running] { return run_with(cli.globals, *running); });
    runs.add_option("--role", running->request.role, "role whose x509 scope applies").required();
    // One value each time: an option that takes many would swallow the -- before the program.
    runs.add_option("--name", running->request.names, "dns:…, ip:…, uri:… or email:… (repeat)")
        .required()
        .one_at_a_time();
    runs.add_option("--ttl", running->request.ttl, "lifetime; the role's maximum when absent");
    runs.add_option("--reason", running->request.reason, "why");
    runs.add_option("--key-type", running->key_type, "key to make").one_of(renewal::key_types());
    runs.add_option("--signal", running->signal, "sent to the program after each renewal; nothing when absent");
    runs.add_option("command", running->command,
                    "after --: the program and its arguments; {dir} becomes the folder, as in $MAYFLY_CERT_DIR")
        .required();
}

}  // namespace mayfly::cli
