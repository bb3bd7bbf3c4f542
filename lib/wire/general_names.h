#pragma once
// GeneralNames (RFC 5280 section 4.2.1.6), of which Mayfly uses four forms. Private to lib/wire.
#include <vector>

#include "lib/wire/der.h"
#include "lib/wire/spki.h"

namespace mayfly::wire::detail {

/// Fails unless there is room for the names and each is as SubjectName::parse makes it: the encoder trusts nobody.
Status check_names(const std::vector<SubjectName>& names);
/// The names must have passed check_names.
Bytes encode_general_names(const std::vector<SubjectName>& names);

/// Whether names that Mayfly cannot express (otherName, "FOO_BAR", urn:…) fail or are left out. Empty names and names
/// with a control character or a byte that is not ASCII always fail: readers disagree about what they say.
enum class OtherNames { refuse, skip };
/// `contents` is the extension's value. With `skip`, as for certificates of others, DNS names are put in lower case.
Result<std::vector<SubjectName>> parse_general_names(ByteView contents, OtherNames others);

}  // namespace mayfly::wire::detail
