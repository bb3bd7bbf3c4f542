#include <cstdint>

#include "lib/log/note.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const ByteView input(data, size);
    const auto note = log::parse_note(text_of(input));
    if (!note) return 0;
    ensure(log::parse_note(log::encode_note(*note))->text == note->text, "a note reads back");
    const auto head = log::parse_checkpoint(note->text);
    if (head) ensure(*log::parse_checkpoint(log::encode_checkpoint(*head)) == *head, "a checkpoint reads back");
    return 0;
}
