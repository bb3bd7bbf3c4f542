// ssh check, ssh known-hosts: what ssh itself asks, at every connection. Local files only.
#include <algorithm>

#include "cli/ssh_places.h"
#include "cli/ssh_verbs.h"
#include "lib/desk/check.h"
#include "lib/desk/ssh_config.h"
#include "lib/files/files.h"
#include "lib/ssh_agent/binding.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestConfig = 16 << 20, kLargestList = 16 << 20, kMostRevoked = 1000;

std::string context_of(const Globals& globals) {
    return globals.context.empty() ? client::current_context() : globals.context;
}

Result<int> check(const Globals& globals, const std::string& host) {
    const std::string context = context_of(globals);
    desk::Verdict verdict{
        desk::kCannotSay,
        {"mayfly: no CA is known here yet", "  fix: mayfly bootstrap https://CA --fingerprint SHA256:…"}};
    if (word_rule("context name", context))
        verdict = desk::check_file(SshPlaces{context}.runtime(), host, SystemClock().now());
    for (const auto& line : verdict.lines) say(line);
    return verdict.exit_code;
}

/// What ssh looks for: a host, or [host]:port. Only names that a person agreed to (the file that was written) are ours
/// to speak of.
Result<HostName> asked_host(const std::string& text) {
    std::string host = text;
    if (host.starts_with('[')) {
        const auto end = host.find("]:");
        const auto port = end == std::string::npos ? "" : host.substr(end + 2);
        const bool number =
            !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
        host = number ? host.substr(1, end - 1) : "";
    }
    for (char& c : host)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return HostName::parse(host);
}

/// The last list that the log proved, or none: then no key is named as revoked.
wire::Krl revoked_keys(const SshPlaces& places) {
    const auto bytes = files::read(places.revoked(), kLargestList);
    if (!bytes) return {};
    auto list = wire::parse_krl(*bytes);
    return list ? std::move(*list) : wire::Krl{};
}

/// The key that is to be marked when the host's certificate, as ssh shows it, is revoked.
std::optional<PublicKey> revoked_subject(const std::string& shown, const wire::Krl& list) {
    const auto blob = wire::parse_base64(shown);
    if (!blob) return std::nullopt;
    const auto certificate = wire::parse_ssh_certificate(*blob);
    if (!certificate || !ssh_agent::is_revoked(certificate->fields, list)) return std::nullopt;
    return certificate->fields.subject;
}

Result<std::vector<std::string>> lines_for(const Globals& globals, const std::string& asked, const std::string& key) {
    const auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const SshPlaces places{context->name};
    const auto host = asked_host(asked);
    if (!host) return pass(host.error());
    const auto file = files::read(places.config(), kLargestConfig);
    const auto ours = file ? desk::hosts_in(text_of(*file)) : std::vector<HostName>{};
    if (!std::binary_search(ours.begin(), ours.end(), *host))
        return fail(Code::not_found, "no node is known here as " + host->text(), "E-NODE",
                    "only hosts that `mayfly ssh config --write` showed are vouched for", "mayfly ssh config --write");
    const auto list = revoked_keys(places);
    // The pattern is what was asked for, as it was parsed: nothing of the caller's text reaches the line otherwise.
    const std::string pattern =
        asked.starts_with('[') ? "[" + host->text() + "]" + asked.substr(asked.find("]:") + 1) : host->text();
    std::vector<std::string> lines;
    for (const auto& line : context->bundle.ssh_host_cas) {
        const auto authority = wire::parse_ssh_key_line(line);
        if (!authority) return pass(authority.error(), "SSH host CA");
        const bool revoked =
            std::binary_search(list.keys.begin(), list.keys.end(), wire::encode_ssh_key(authority->key));
        lines.push_back((revoked ? "@revoked " : "@cert-authority ") + pattern + " " +
                        wire::encode_ssh_key_line(authority->key, ""));
    }
    if (const auto subject = revoked_subject(key, list))
        lines.push_back("@revoked " + pattern + " " + wire::encode_ssh_key_line(*subject, ""));
    if (key.empty())
        for (std::size_t i = 0; i < std::min(list.keys.size(), kMostRevoked); ++i)
            if (const auto one = wire::parse_ssh_key(list.keys[i]))
                lines.push_back("@revoked " + pattern + " " + wire::encode_ssh_key_line(*one, ""));
    return lines;
}

/// To ssh, which passes a key, an answer without lines says that nobody vouches: the host is then one that ssh does not
/// know. A failure would end the connection even where the user's own known_hosts has the key, and ssh asks about
/// addresses too.
Result<int> known_hosts(const Globals& globals, const std::string& asked, const std::string& key) {
    const auto lines = lines_for(globals, asked, key);
    const bool of_others = !lines && (lines.error().id == "E-NODE" || lines.error().id == "E-NAME");
    if (!lines && key.empty()) return pass(lines.error());
    if (!lines && !of_others) (void)report(lines.error(), globals.output);
    if (!lines) return 0;
    wire::Json::Array items;
    for (const auto& line : *lines) items.emplace_back(line);
    return show(globals, {std::move(items), *lines, {}, {}, *lines});
}

}  // namespace

void add_ssh_check_verbs(Verb ssh, Cli& cli) {
    auto host = std::make_shared<std::string>(), key = std::make_shared<std::string>();
    cli.verb(ssh, "check", "is a certificate for this host at hand? local; exit 0, 1 or 255",
             [&cli, host] { return check(cli.globals, *host); })
        .add_option("host", *host, "as given to ssh")
        .required();
    const auto hosts = cli.verb(ssh, "known-hosts", "who vouches for this host, for ssh's KnownHostsCommand",
                                [&cli, host, key] { return known_hosts(cli.globals, *host, *key); });
    hosts.add_option("host", *host, "host, or [host]:port").required();
    hosts.add_option("--key", *key, "the key or certificate that the host shows, in base64; ssh's %K");
}

}  // namespace mayfly::cli
