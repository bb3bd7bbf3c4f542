// What Mayfly never puts into an SSH certificate, though OpenSSH would parse it.
#include <algorithm>
#include <array>
#include <limits>

#include "lib/wire/ssh_certificate.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

using Findings = std::vector<std::string>;

constexpr std::array<std::string_view, 3> kCritical = {"force-command", "source-address", "verify-required"};
constexpr std::array<std::string_view, 6> kExtensions = {
    "no-touch-required", "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding",
    "permit-pty",        "permit-user-rc"};

bool plain_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

enum class Custom { allowed, refused };

template <class Known>
void lint_options(const std::vector<SshOption>& options, const Known& known, Custom custom, const std::string& what,
                  Findings& out) {
    for (std::size_t i = 0; i < options.size(); ++i) {
        const auto& option = options[i];
        if (i > 0 && !(options[i - 1].name < option.name))
            out.push_back(what + " are not sorted and unique at \"" + printable(option.name) + "\"");
        const bool own = custom == Custom::allowed && is_custom_option(option.name);
        if (!own && std::find(known.begin(), known.end(), option.name) == known.end())
            out.push_back(what + ": \"" + printable(option.name) + "\" is not one that Mayfly issues");
        if (!plain_ascii(option.value)) out.push_back(what + ": the value of " + option.name + " is not printable");
        const bool valued = option.name == "force-command" || option.name == "source-address";
        if (!own && valued == option.value.empty())
            out.push_back(what + ": " + option.name + (valued ? " lacks its value" : " has a value"));
    }
}

void lint_principals(const SshCertificate& certificate, Findings& out) {
    const auto& list = certificate.principals;
    if (list.empty()) out.push_back("no principals: OpenSSH before 10.3 may take that as any");
    if (list.size() > 256) out.push_back("more than 256 principals");
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i > 0 && !(list[i - 1] < list[i])) out.push_back("principals are not sorted and unique");
        const bool good = certificate.type == SshCertificateType::user ? Principal::parse(list[i]).has_value()
                                                                       : HostName::parse(list[i]).has_value();
        if (!good) out.push_back("\"" + printable(list[i]) + "\" is not a principal that Mayfly issues");
    }
}

}  // namespace

bool is_custom_option(std::string_view name) {
    constexpr std::size_t kLongest = 128;
    const auto at = name.find('@');
    if (at == std::string_view::npos || at == 0 || name.size() > kLongest) return false;
    const auto word = name.substr(0, at);
    const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    // openssh.com's own belong to OpenSSH: what they mean is not a role's to say.
    return plain && HostName::parse(name.substr(at + 1)) && name.substr(at + 1) != "openssh.com";
}

std::vector<std::string> lint(const SshCertificate& certificate) {
    constexpr auto kLast = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    Findings out;
    if (certificate.nonce.size() < 16) out.emplace_back("the nonce is shorter than 16 bytes");
    if (certificate.serial == 0 || certificate.serial > kLast) out.emplace_back("the serial is not within 1 to 2^63-1");
    if (certificate.key_id.empty() || certificate.key_id.size() > 255 || !plain_ascii(certificate.key_id))
        out.emplace_back("the key id is empty, too long or not printable");
    lint_principals(certificate, out);
    if (certificate.valid_before > kLast) out.emplace_back("the certificate never ends");
    if (certificate.valid_after >= certificate.valid_before) out.emplace_back("the certificate ends before it starts");
    if (certificate.type == SshCertificateType::host &&
        !(certificate.critical_options.empty() && certificate.extensions.empty()))
        out.emplace_back("a host certificate carries options");
    lint_options(certificate.critical_options, kCritical, Custom::allowed, "critical options", out);
    lint_options(certificate.extensions, kExtensions, Custom::refused, "extensions", out);
    return out;
}

}  // namespace mayfly::wire
