#pragma once
// Request and Response: what a handler sees of HTTP. A Request is complete, bounded and canonical.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mayfly/bytes.h"
#include "mayfly/result.h"

namespace mayfly::http {

struct Request {
    std::string method;  ///< "GET" or "POST"
    std::string path;    ///< without query; never percent-decoded
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> headers;  ///< the few that handlers read, lower-case names
    std::string body;
    std::string remote;        ///< address of the socket's other end; no header can change it
    std::string group;         ///< the address as limits see it: an IPv4 address, or the IPv6 /64 it lies in
    Bytes client_certificate;  ///< DER that the handshake proved possession for; empty when none was given
    std::string request_id;

    [[nodiscard]] std::string header(const std::string& lower_case_name) const {
        const auto found = headers.find(lower_case_name);
        return found == headers.end() ? std::string() : found->second;
    }
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string caller;  ///< for the access log: who it turned out to be
    std::string note;    ///< for the access log: what the other side is not told
};

}  // namespace mayfly::http
