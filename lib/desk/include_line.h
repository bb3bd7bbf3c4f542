#pragma once
// One line in a file that belongs to somebody else. Adding it and taking it away again leaves every other byte as it
// was, whatever the file looks like and whoever edited it in between.
#include <string>
#include <string_view>

#include "mayfly/result.h"

namespace mayfly::desk {

/// include_line is `Include "PATH"` for ssh_config. Fails (E-SSH-PATH) when ssh would not read the path as it stands.
Result<std::string> include_line(const std::string& path);

/// with_line puts the line first, before any Host or Match, so that no condition of the file applies to it; with the
/// end of line that the file uses. Where it stands already before those, nothing changes; elsewhere it is moved.
std::string with_line(std::string_view file, std::string_view line);

/// without_line takes the line away wherever it stands, with its end of line.
std::string without_line(std::string_view file, std::string_view line);

}  // namespace mayfly::desk
