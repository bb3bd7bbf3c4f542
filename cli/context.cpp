// bootstrap, context, config: which CAs we trust, and from where we know.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cli/ssh_places.h"
#include "cli/verbs.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

struct BootstrapFlags {
    std::string url, fingerprint;
    bool replace = false;
};

std::string pinned(const client::Context& context) { return wire::fingerprint(client::fingerprint_of(context.bundle)); }

/// Pins are changed by saying so, never by the way.
Status may_pin(const std::string& name, const Digest& fingerprint, bool replace) {
    const auto known = client::list_contexts();
    if (replace || std::find(known.begin(), known.end(), name) == known.end()) return {};
    const auto before = client::load_context(name);
    if (!before) return pass(before.error());
    if (client::fingerprint_of(before->bundle) == fingerprint) return {};
    return fail(Code::conflict, "the context \"" + name + "\" pins another CA", "E-CONTEXT-EXISTS",
                "it pins " + pinned(*before) + " at " + before->url,
                "--context NAME for a second CA, or --replace to trust this one instead");
}

Result<int> bootstrap(const Globals& globals, const BootstrapFlags& flags) {
    const auto digest = wire::parse_fingerprint(flags.fingerprint);
    if (!digest) return pass(digest.error());
    const std::string name = globals.context.empty() ? "default" : globals.context;
    if (auto ok = may_pin(name, *digest, flags.replace); !ok) return pass(ok.error());
    const auto reply = client::fetch_bundle(flags.url, *digest);
    if (!reply) return pass(reply.error());
    const client::Context context{name, flags.url, reply->bundle};
    if (!globals.dry_run) {
        if (flags.replace)  // a session with the CA that was trusted before is worth nothing with this one
            if (auto ok = context.forget_session(); !ok) return pass(ok.error());
        if (auto ok = client::save_context(context); !ok) return pass(ok.error());
        if (auto ok = client::use_context(context.name); !ok) return pass(ok.error());
    }
    return show(globals, {wire::Json::Object{{"context", name},
                                             {"url", flags.url},
                                             {"trust_domain", reply->bundle.trust_domain},
                                             {"version", reply->bundle.version},
                                             {"fingerprint", pinned(context)},
                                             {"pinned", !globals.dry_run}},
                          {name},
                          {},
                          {},
                          {},
                          {"✓ trust bundle " + std::to_string(reply->bundle.version) + " of " +
                               reply->bundle.trust_domain + " verified (X.509 root, SSH user CA, SSH host CA, log key)",
                           globals.dry_run ? "nothing was pinned: --dry-run" : "next: mayfly login"}});
}

Result<int> context_list(const Globals& globals) {
    const std::string current = client::current_context();
    Answer answer{{}, {}, {{""}, {"NAME"}, {"URL"}, {"TRUST DOMAIN"}, {"FINGERPRINT", Column::Shown::wide}}};
    wire::Json::Array items;
    for (const auto& name : client::list_contexts()) {
        const auto context = client::load_context(name);
        wire::Json::Object item{{"name", name}, {"current", name == current}, {"damaged", !context}};
        if (context) {
            item.emplace("url", context->url);
            item.emplace("trust_domain", context->bundle.trust_domain);
            item.emplace("fingerprint", pinned(*context));
        }
        items.emplace_back(std::move(item));
        answer.names.push_back(name);
        answer.rows.push_back({name == current ? "*" : "", name, context ? context->url : "(damaged)",
                               context ? context->bundle.trust_domain : "", context ? pinned(*context) : ""});
    }
    answer.data = std::move(items);
    return show(globals, answer);
}

Result<int> context_show(const Globals& globals, const std::string& name) {
    const auto context = client::load_context(name.empty() ? globals.context : name);
    if (!context) return pass(context.error());
    const auto& bundle = context->bundle;
    Answer answer{wire::Json::Object{{"name", context->name},
                                     {"url", context->url},
                                     {"fingerprint", pinned(*context)},
                                     {"bundle", wire::to_json(bundle)}},
                  {context->name}};
    answer.lines = {"name          " + context->name,
                    "url           " + context->url,
                    "fingerprint   " + pinned(*context),
                    "trust domain  " + bundle.trust_domain,
                    "version       " + std::to_string(bundle.version),
                    "log key       " + bundle.log_key};
    for (const auto& line : bundle.ssh_user_cas) answer.lines.push_back("ssh user CA   " + line);
    for (const auto& line : bundle.ssh_host_cas) answer.lines.push_back("ssh host CA   " + line);
    answer.lines.push_back("X.509 roots   " + std::to_string(bundle.x509_roots.size()) + " (-o json has them)");
    return show(globals, answer);
}

Result<int> context_use(const Globals& globals, const std::string& name) {
    if (const auto known = client::load_context(name); !known) return pass(known.error());
    if (!globals.dry_run)
        if (auto ok = client::use_context(name); !ok) return pass(ok.error());
    return show(globals,
                {wire::Json::Object{{"name", name}, {"current", !globals.dry_run}},
                 {name},
                 {},
                 {},
                 {},
                 {(globals.dry_run ? "would be done: " : "✓ ") + ("context " + name + " is the current one")}});
}

Result<int> context_remove(const Globals& globals, const std::string& name) {
    const auto known = client::list_contexts();
    if (std::find(known.begin(), known.end(), name) == known.end()) return pass(client::load_context(name).error());
    if (!globals.dry_run)
        if (auto ok = client::remove_context(name); !ok) return pass(ok.error());
    Answer answer{wire::Json::Object{{"name", name}, {"removed", !globals.dry_run}}, {name}};
    answer.messages = {(globals.dry_run ? "would be done: " : "✓ ") +
                       ("context " + name + " and its session forgotten")};
    // That is a change to ~/.ssh/config, and is shown before it is made.
    std::error_code none;
    if (std::filesystem::exists(SshPlaces{name}.config(), none))
        answer.messages.push_back("next: mayfly ssh config --remove --context " + name);
    return show(globals, answer);
}

/// Setting is one thing that this run goes by, and who said so.
struct Setting {
    std::string name, value, origin;
};

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

Setting folder(const char* name, const std::string& path, const char* from) {
    const auto value = variable(from);
    const bool used = value && value->front() == '/';  // XDG: relative paths are to be ignored
    return {name, path, used ? std::string("environment ") + from : "default"};
}

std::vector<Setting> settings(const Cli& cli) {
    std::vector<Setting> out;
    const std::string current = client::current_context();
    const std::string name = cli.globals.context.empty() ? current : cli.globals.context;
    const std::string from = !cli.globals.context.empty() ? "flag --context"
                             : variable("MAYFLY_CONTEXT") ? "environment MAYFLY_CONTEXT"
                             : current.empty()            ? "default"
                                                          : "file " + client::config_dir() + "/current";
    out.push_back({"context", name, from});
    if (const auto context = client::load_context(name)) {
        const std::string file = "file " + client::config_dir() + "/" + name + ".json";
        out.push_back({"url", context->url, file});
        out.push_back({"fingerprint", pinned(*context), file});
    }
    const bool chosen = cli.root.given("--output");
    out.push_back(
        {"output", output_words()[static_cast<std::size_t>(cli.globals.output)], chosen ? "flag --output" : "default"});
    out.push_back({"no_input", cli.globals.asking() == client::Asking::never ? "true" : "false",
                   cli.globals.no_input                            ? "flag --no-input"
                   : cli.globals.asking() == client::Asking::never ? "standard input is no terminal"
                                                                   : "default"});
    out.push_back(folder("config_folder", client::config_dir(), "XDG_CONFIG_HOME"));
    out.push_back(folder("state_folder", client::state_dir(), "XDG_STATE_HOME"));
    out.push_back(folder("runtime_folder", client::runtime_dir(), "XDG_RUNTIME_DIR"));
    const auto agent = variable("SSH_AUTH_SOCK");
    out.push_back({"ssh_agent", agent.value_or(""), agent ? "environment SSH_AUTH_SOCK" : "default"});
    return out;
}

Result<int> config_show(const Cli& cli, bool origin) {
    Answer answer{{}, {}, {{"SETTING"}, {"VALUE"}}};
    if (origin) answer.columns.push_back({"ORIGIN"});
    wire::Json::Object all;
    for (const auto& [name, value, from] : settings(cli)) {
        answer.names.push_back(name);
        answer.rows.push_back({name, value.empty() ? "-" : value, from});
        all.emplace(name,
                    origin ? wire::Json(wire::Json::Object{{"value", value}, {"origin", from}}) : wire::Json(value));
    }
    answer.data = std::move(all);
    return show(cli.globals, answer);
}

}  // namespace

void add_context_verbs(Cli& cli) {
    auto flags = std::make_shared<BootstrapFlags>();
    const auto boot = cli.verb(cli.root, "bootstrap", "pin a CA by its fingerprint",
                               [&cli, flags] { return bootstrap(cli.globals, *flags); });
    boot.add_option("url", flags->url, "https://host[:port]").required();
    boot.add_option("--fingerprint", flags->fingerprint, "SHA256:… as mayfly-ca init printed it").required();
    boot.add_flag("--replace", flags->replace, "trust this CA instead of the one that the context pins");

    const auto context = cli.root.group("context", "the CAs that you trust");
    auto name = std::make_shared<std::string>();
    cli.verb(context, "list", "all of them", [&cli] { return context_list(cli.globals); });
    cli.verb(context, "show", "one, with its bundle", [&cli, name] { return context_show(cli.globals, *name); })
        .add_option("name", *name, "the current one when absent");
    cli.verb(context, "use", "make one the current", [&cli, name] { return context_use(cli.globals, *name); })
        .add_option("name", *name, "which")
        .required();
    cli.verb(context, "remove", "forget one and its session",
             [&cli, name] { return context_remove(cli.globals, *name); })
        .add_option("name", *name, "which")
        .required();

    const auto config = cli.root.group("config", "what this run goes by");
    auto origin = std::make_shared<bool>(false);
    cli.verb(config, "show", "every setting", [&cli, origin] { return config_show(cli, *origin); })
        .add_flag("--origin", *origin, "say who set it: a flag, the environment, a file, or nobody");
}

}  // namespace mayfly::cli
