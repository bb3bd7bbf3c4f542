#pragma once
// GeneralName (RFC 5280 section 4.2.1.6) in the four forms that Mayfly uses. Private to lib/wire.
#include <vector>

#include "lib/wire/der.h"
#include "lib/wire/spki.h"

namespace mayfly::wire::detail {

Bytes encode_general_names(const std::vector<SubjectName>& names);
/// `contents` is the extension's value. Other forms of name are refused when `strict`, else skipped.
enum class OtherNames { refuse, skip };
Result<std::vector<SubjectName>> parse_general_names(ByteView contents, OtherNames others);

}  // namespace mayfly::wire::detail
