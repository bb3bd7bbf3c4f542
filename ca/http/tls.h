#pragma once
// The server's TLS context. Private to ca/http.
#include <boost/asio/ssl/context.hpp>

#include <memory>

#include "ca/http/server.h"

namespace mayfly::http {

/// make_tls: TLS 1.3 only, no tickets, no resumption, ALPN http/1.1. A client certificate is asked for and optional; it
/// is accepted whatever its issuer, because the caller is identified later by looking up its exact bytes among those we
/// minted. The handshake has then proved possession of its key. Absurd certificates are refused at once.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls(const Identity& identity);
/// The DER of the certificate that the other side presented, or nothing.
Bytes peer_certificate(SSL* connection);

}  // namespace mayfly::http
