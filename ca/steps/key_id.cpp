#include "ca/steps/key_id.h"

namespace mayfly::steps {

std::string ssh_key_id(const Accountability& whose) {
    if (whose.kind == "ssh-host") return whose.identity.text() + "/host";
    if (whose.kind == "canary") return whose.identity.text() + "/canary";
    return whose.identity.text() + "/" + whose.role + "/" + whose.grant;
}

}  // namespace mayfly::steps
