#pragma once
// The one place where an Error becomes what the other side sees (RFC 9457).
#include "ca/http/request.h"
#include "mayfly/api.h"

namespace mayfly::http {

unsigned status_of(Code code);
/// What a stranger who asks too often is told.
Error too_many_from_address();
/// Defects of ours (internal, corrupt) show nothing but the request id; the text goes to Response::note for the log.
Response problem(const Error& error, const std::string& request_id, std::vector<std::string> reasons = {});

}  // namespace mayfly::http
