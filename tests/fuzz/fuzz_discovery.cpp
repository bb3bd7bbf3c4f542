#include <algorithm>
#include <cstdint>

#include "agent/discovery/accounts.h"
#include "agent/discovery/key_files.h"
#include "agent/discovery/sshd_settings.h"
#include "agent/discovery/sudoers.h"
#include "mayfly/bytes.h"
#include "mayfly/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    using namespace mayfly::agent;
    const ByteView bytes(data, size);
    const auto text = text_of(bytes);
    const auto accounts = parse_passwd(text);
    for (const auto& group : parse_group(text)) (void)members_of(group, accounts);
    (void)parse_shadow(text);

    Sudoers sudoers;
    const auto includes = sudoers.read(text, "/etc/sudoers");
    for (const auto& include : includes) ensure(include.front() == '/', "what is included has a full path");
    for (const auto& rule : sudoers.rules()) ensure(rule.who.size() <= 1000, "a rule is for a bounded number");

    for (const auto& keys : {parse_authorized_keys(text), parse_host_authorities(text)})
        for (const auto& key : keys) {
            ensure(key.fingerprint.starts_with("SHA256:"), "a key is told by its fingerprint");
            ensure(key.options.size() <= 32, "options are bounded");
        }
    if (const auto key = parse_private_key_file(Secret(to_bytes(bytes))))
        ensure(key->fingerprint.empty() || key->fingerprint.size() == 50, "and so is a private key");

    const auto settings = SshdSettings::parse(text);
    for (const auto& account : accounts)
        for (const auto& file : settings.key_files(account))
            ensure(file.front() == '/' || account.home.empty() || account.home.front() != '/', "a key file has a path");
    (void)settings.doors();
    return 0;
}
