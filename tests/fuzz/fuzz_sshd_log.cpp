#include <cstdint>

#include "agent/report/sshd_log.h"
#include "mayfly/bytes.h"
#include "mayfly/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    auto text = text_of(ByteView(data, size));
    if (const auto line = agent::split_syslog(text)) text = line->message;
    const auto fact = agent::parse_sshd_message(text);
    if (!fact) return 0;
    if (const auto* opened = std::get_if<agent::Opened>(&*fact)) {
        ensure(AccountName::parse(opened->account).has_value(), "an account that was read is one");
        ensure(printable(opened->source) == opened->source && opened->key_id.size() <= 255,
               "what a line says is printable and bounded");
        for (const char c : opened->key_id) ensure(c >= 0x20 && c < 0x7f, "a key id that was read is printable");
    }
    if (const auto* old = std::get_if<agent::OldWay>(&*fact)) {
        ensure(!old->account.empty() && old->account.size() <= 64, "an account is bounded");
        for (const auto* said : {&old->account, &old->source, &old->how, &old->key})
            for (const char c : *said) ensure(c >= 0x20 && c < 0x7f, "what an old way in says is printable");
    }
    return 0;
}
