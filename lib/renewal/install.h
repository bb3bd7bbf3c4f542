#pragma once
// Install: a new key and certificate under a running service, or everything as it was.
#include <optional>
#include <string>
#include <vector>

#include "lib/files/together.h"
#include "lib/renewal/probe.h"
#include "lib/renewal/reload.h"

namespace mayfly::renewal {

/// Service is what reads the files: how it is told, and where it can be asked.
struct Service {
    Reload reload{};
    std::optional<Endpoint> verify{};
    Lifetime within = *Lifetime::of_seconds(10);  ///< how long a reload may take to show
};

/// install replaces the set of files in `folder` at one instant, tells the service, and asks it whether it shows
/// `leaf`. When the service cannot be told, or shows another certificate, the set before comes back, the service is
/// told again, and the error says so. Without a set before, the new one stays: a service that never had a certificate
/// loses nothing.
Status install(const std::string& folder, const std::vector<files::SetFile>& set, files::Ownership owner, ByteView leaf,
               const Service& service);

}  // namespace mayfly::renewal
