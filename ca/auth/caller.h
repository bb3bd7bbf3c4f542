#pragma once
// Caller: an identity that has proved who it is. Only Doors can make one, so a handler that holds a Caller cannot have
// forgotten to ask.
#include <map>
#include <string>
#include <vector>

#include "ca/store/store.h"
#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::auth {

class Caller {
public:
    [[nodiscard]] const IdentityName& identity() const { return record_.identity; }
    [[nodiscard]] const OwnerName& owner() const { return record_.owner; }
    [[nodiscard]] const std::vector<store::Duty>& duties() const { return record_.duties; }
    [[nodiscard]] bool has(store::Duty duty) const;
    [[nodiscard]] const std::map<std::string, std::string>& labels() const { return record_.labels; }
    [[nodiscard]] const std::vector<HostName>& hosts() const { return record_.hosts; }
    /// The door passed: "certificate", "enrolled-key", "join-token" or "itself".
    [[nodiscard]] const std::string& door() const { return door_; }
    /// Serial of the certificate presented (door "certificate"), else empty.
    [[nodiscard]] const std::string& serial() const { return serial_; }
    [[nodiscard]] const std::string& tenant() const { return record_.tenant; }
    /// When the caller logged in, and whether with a hardware-backed key (door "certificate": as its session began).
    [[nodiscard]] Instant login() const { return login_; }
    [[nodiscard]] bool strong() const { return strong_; }
    /// Until when the door stays open for this caller.
    [[nodiscard]] Instant until() const { return until_; }

private:
    friend class Doors;
    Caller(store::CallerRecord record, std::string door, std::string serial, Instant until, Instant login = Instant(0),
           bool strong = false)
        : record_(std::move(record)),
          door_(std::move(door)),
          serial_(std::move(serial)),
          until_(until),
          login_(login),
          strong_(strong) {}
    store::CallerRecord record_;
    std::string door_, serial_;
    Instant until_, login_;
    bool strong_;
};

}  // namespace mayfly::auth
