#pragma once
// From Beast's parsed message to our Request, or the problem with it. Private to ca/http.
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "ca/http/request.h"
#include "ca/http/server.h"

namespace mayfly::http {

using Message = boost::beast::http::request<boost::beast::http::string_body>;

/// check_head judges a header before a byte of body is read: framing, encoding, type.
Status check_head(const boost::beast::http::request_header<>& head, const Limits& limits);
/// read_message fills method, path, query, headers and body.
Status read_message(Message& message, Request& out);

}  // namespace mayfly::http
