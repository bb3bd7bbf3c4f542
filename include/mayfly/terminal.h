#pragma once
// Text from elsewhere on its way to somebody's terminal.
#include <string>
#include <string_view>

namespace mayfly {

/// for_terminal returns `text` as a terminal may be shown it: control characters (line breaks among them), characters
/// that are invisible or turn the direction of writing, and bytes that are not UTF-8 become \xNN, byte by byte. Other
/// text, in any script, stays as it is. Every line that a program of ours prints for people goes through here, so that
/// neither a server nor a certificate can move the cursor, retitle the window or write a "fix:" line of its own.
std::string for_terminal(std::string_view text);

}  // namespace mayfly
