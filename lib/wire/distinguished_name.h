#pragma once
// Name (RFC 5280 section 4.1.2.4), of which Mayfly itself writes a single CN. Private to lib/wire.
#include <string>
#include <string_view>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::wire::detail {

/// Name is a distinguished name. The text is for people: characters that separate its parts are escaped as in RFC 4514,
/// so that a value cannot pose as two, and all but printable ASCII as \xNN.
struct Name {
    std::string text;              ///< one line, "CN=…,O=…"; parts of one RDN are joined by "+"
    std::string common_name;       ///< of the last CN, UTF-8 unless it is a TeletexString; "" when there is none
    std::size_t common_names = 0;  ///< how many there are
};
/// `rdn_sequence` is the contents of the Name.
Result<Name> read_name(ByteView rdn_sequence);
/// Fails unless the text is UTF-8 without control characters, at most ub-common-name long (RFC 5280 appendix A).
Status check_common_name(std::string_view text, std::string_view whose);

/// encode_common_name is a Name of one CN (UTF8String), or the empty one for "".
Bytes encode_common_name(const std::string& text);

}  // namespace mayfly::wire::detail
