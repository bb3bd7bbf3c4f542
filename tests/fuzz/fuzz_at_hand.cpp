#include <algorithm>
#include <cstdint>

#include "lib/desk/check.h"
#include "lib/desk/include_line.h"
#include "lib/desk/ssh_config.h"
#include "mayfly/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const std::string_view text = text_of(ByteView(data, size));
    // Whatever a person's file looks like: what is added can be taken away, and nothing else is.
    const std::string line = *desk::include_line("/home/a/.config/mayfly/ssh/*.conf");
    const std::string without = desk::without_line(text, line);
    ensure(desk::without_line(desk::with_line(without, line), line) == without, "the file is what it was");
    const auto state = desk::parse_at_hand(text);
    (void)desk::check(state ? *state : desk::AtHand{}, text.substr(0, 300), Instant(1'800'000'000),
                      desk::Agent::running);
    if (!state) return 0;
    const auto again = desk::parse_at_hand(desk::encode_at_hand(*state));
    ensure(again && desk::encode_at_hand(*again) == desk::encode_at_hand(*state), "what was read is written alike");
    const auto config =
        desk::render({"a", desk::Keeping::own_agent, "/m", "/c /r", "/s", {}, state->roles, state->nodes});
    ensure(config.has_value(), "names that were read can stand in a configuration");
    for (std::string_view rest = *config; !rest.empty();) {
        const auto one = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        const bool ours = one.empty() || one.starts_with('#') || one.starts_with("Match originalhost ") ||
                          one.starts_with("    User ") || one == "    IdentityAgent /s" ||
                          one == "    ForwardAgent no" || one == "    IdentitiesOnly no" ||
                          one == "    StrictHostKeyChecking yes" || one == "    UpdateHostKeys no" ||
                          one == "    KnownHostsCommand /m --context a ssh known-hosts %H --key %K";
        ensure(ours, "every line of it is one of ours");
    }
    return 0;
}
