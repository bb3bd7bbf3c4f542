#include "lib/client/context.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "lib/files/files.h"
#include "lib/wire/text.h"
#include "lib/wire/x509.h"
#include "mayfly/names.h"

namespace mayfly::client {

namespace {

namespace fs = std::filesystem;

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string base_dir(const char* variable, const char* below_home) {
    const std::string dir = from_environment(variable);
    if (!dir.empty() && dir.front() == '/') return dir + "/mayfly";  // XDG: relative paths are to be ignored
    return from_environment("HOME") + below_home + "/mayfly";
}

std::string file_of(const std::string& name) { return config_dir() + "/" + name + ".json"; }

/// chosen_context is what `use_context` wrote; the environment may override it.
std::string chosen_context() {
    const auto file = files::read(config_dir() + "/current", 256);
    if (!file) return {};
    std::string name(text_of(*file));
    while (!name.empty() && name.back() == '\n') name.pop_back();
    return name;
}

tl::unexpected<Error> no_session(std::string message) {
    return fail(Code::unauthenticated, std::move(message), "E-SESSION", "every call but the front doors is mutual TLS",
                "mayfly login");
}

}  // namespace

std::string config_dir() { return base_dir("XDG_CONFIG_HOME", "/.config"); }
std::string state_dir() { return base_dir("XDG_STATE_HOME", "/.local/state"); }

std::string Context::state_dir() const { return client::state_dir() + "/" + name; }

std::optional<Instant> Context::session_until() const {
    const auto chain = files::read(state_dir() + "/session.pem", 64 * 1024);
    if (!chain) return std::nullopt;
    const auto blocks = wire::parse_pem(text_of(*chain));
    if (!blocks || blocks->empty()) return std::nullopt;
    const auto leaf = wire::parse_x509(blocks->front().der);
    if (!leaf) return std::nullopt;
    return Instant(leaf->not_after.seconds() + 1);
}

Result<Credential> Context::session(Instant now) const {
    const auto until = session_until();
    if (!until) return no_session("you are not logged in to " + name);
    if (*until <= now) return no_session("your session with " + name + " ended at " + until->text());
    const auto chain = files::read(state_dir() + "/session.pem", 64 * 1024);
    auto key = files::read(state_dir() + "/session.key", 64 * 1024);
    if (!chain || !key) return no_session("the session's files cannot be read");
    return Credential{std::string(text_of(*chain)), Secret(std::move(*key))};
}

Status Context::save_session(const crypto::PrivateKey& key, const api::CertificateReply& reply) const {
    if (auto ok = files::make_private_dir(state_dir()); !ok) return ok;
    const Secret pem = key.export_pem();
    if (auto ok = files::write(state_dir() + "/session.key", pem.reveal(), 0600); !ok) return ok;
    return files::write(state_dir() + "/session.pem", view(reply.certificate + reply.chain), 0600);
}

Status Context::forget_session() const {
    std::error_code ignored;
    fs::remove(state_dir() + "/session.key", ignored);
    fs::remove(state_dir() + "/session.pem", ignored);
    return {};
}

std::string current_context() {
    const std::string forced = from_environment("MAYFLY_CONTEXT");
    if (!forced.empty()) return forced;
    return chosen_context();
}

Result<Context> load_context(const std::string& wanted) {
    const std::string name = wanted.empty() ? current_context() : wanted;
    if (name.empty())
        return fail(Code::not_found, "no CA is known here yet", "E-CONTEXT", {},
                    "mayfly bootstrap https://CA --fingerprint SHA256:…");
    if (auto ok = word_rule("context name", name); !ok) return pass(ok.error());
    const auto file = files::read(file_of(name), 1 << 20);
    if (!file)
        return fail(Code::not_found, "there is no context \"" + name + "\"", "E-CONTEXT", {}, "mayfly context list");
    const auto damaged = [&](const std::string& what) {
        return fail(Code::corrupt, "the context's file is damaged: " + what, "E-CONTEXT", file_of(name),
                    "mayfly context remove " + name + ", then bootstrap again");
    };
    const auto json = wire::parse_json(text_of(*file));
    if (!json) return damaged(json.error().message);
    wire::Fields fields(*json, "it");
    const std::string url = fields.text("url");
    const auto* pinned = fields.member("bundle");
    if (auto ok = fields.finish(); !ok) return damaged(ok.error().message);
    if (pinned == nullptr) return damaged("it holds no bundle");
    auto bundle = wire::from_json<api::Bundle>(*pinned, "bundle");
    if (!bundle) return damaged(bundle.error().message);
    return Context{name, url, std::move(*bundle)};
}

Status save_context(const Context& context) {
    if (auto ok = word_rule("context name", context.name); !ok) return ok;
    if (auto ok = files::make_private_dir(config_dir()); !ok) return ok;
    const wire::Json json(wire::Json::Object{{"url", context.url}, {"bundle", wire::to_json(context.bundle)}});
    return files::write(file_of(context.name), view(json.pretty()), 0644);
}

Status use_context(const std::string& name) {
    if (auto ok = word_rule("context name", name); !ok) return ok;
    if (const auto known = load_context(name); !known) return pass(known.error());
    return files::write(config_dir() + "/current", view(name + "\n"), 0644);
}

Status remove_context(const std::string& name) {
    if (auto ok = word_rule("context name", name); !ok) return ok;
    // By name alone: a context whose file is damaged can be removed too.
    std::error_code ignored;
    const bool known = fs::remove(file_of(name), ignored);
    fs::remove_all(Context{name, {}, {}}.state_dir(), ignored);
    if (chosen_context() == name) fs::remove(config_dir() + "/current", ignored);
    if (!known)
        return fail(Code::not_found, "there is no context \"" + name + "\"", "E-CONTEXT", {}, "mayfly context list");
    return {};
}

std::vector<std::string> list_contexts() {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(config_dir(), error))
        if (entry.path().extension() == ".json") out.push_back(entry.path().stem().string());
    std::sort(out.begin(), out.end());
    return out;
}

std::string runtime_dir() {
    const std::string dir = from_environment("XDG_RUNTIME_DIR");
    if (!dir.empty() && dir.front() == '/') return dir + "/mayfly";
    // Not /tmp, where somebody else could have made the folder first. No context is called ".run".
    return state_dir() + "/.run";
}

}  // namespace mayfly::client
