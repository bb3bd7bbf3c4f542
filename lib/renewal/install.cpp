#include "lib/renewal/install.h"

namespace mayfly::renewal {

namespace {

Status tell(const Service& service, ByteView leaf) {
    if (auto ok = reload(service.reload); !ok) return ok;
    if (!service.verify) return {};
    return await_served(*service.verify, leaf, service.within);
}

}  // namespace

Status install(const std::string& folder, const std::vector<files::SetFile>& set, files::Ownership owner, ByteView leaf,
               const Service& service) {
    const std::string before = files::set_in_force(folder, "");
    if (auto ok = files::write_together(folder, "", set, owner); !ok) return ok;
    const auto told = tell(service, leaf);
    if (told) return {};
    Error error = told.error();
    if (error.id.empty()) error.id = "E-RELOAD";
    if (before.empty()) {
        error.why = "the new files stay: there were none before";
        return pass(std::move(error), "the service does not use the new certificate");
    }
    if (auto ok = files::go_back(folder, "", before); !ok) return pass(ok.error(), error.message);
    const auto again = reload(service.reload);
    error.why = again ? "the files before are in force again"
                      : "the files before are in force again; the service could not be told: " + again.error().message;
    return pass(std::move(error), "the service does not use the new certificate");
}

}  // namespace mayfly::renewal
