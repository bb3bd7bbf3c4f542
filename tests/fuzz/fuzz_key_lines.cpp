#include <cstdint>

#include "agent/key_files.h"
#include "agent/settings.h"
#include "mayfly/bytes.h"
#include "mayfly/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto text = text_of(ByteView(data, size));
    // The first line is the fingerprint that is looked for; the rest is somebody's authorized_keys.
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    const auto found = agent::find_key_line(text.substr(end + 1), std::string(text.substr(0, end)));
    ensure(found.size() < 160, "what is told of a line is bounded");
    for (const char c : found) ensure(c >= 0x20 && c < 0x7f, "what is told of a line is printable");
    const auto settings = agent::parse_settings(text);
    (void)agent::against(settings, agent::Mode::only, "/etc/ssh/mayfly/current");
    if (const auto address = agent::reach(settings))
        ensure(!address->host.empty() && address->host.front() != '-', "an address is no option of ssh");
    return 0;
}
