#pragma once
// The Date header of HTTP (RFC 9110 section 5.6.7), in the one form that is written today.
#include <string>
#include <string_view>

#include "mayfly/time.h"

namespace mayfly::wire {

/// "Sun, 06 Nov 1994 08:49:37 GMT". The name of the day is not held against the date.
Result<Instant> parse_http_date(std::string_view text);
std::string http_date(Instant at);

}  // namespace mayfly::wire
