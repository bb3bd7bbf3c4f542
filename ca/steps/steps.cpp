#include "ca/steps/steps.h"

namespace mayfly::steps {

std::string_view name(IssuerId issuer) {
    switch (issuer) {
        case IssuerId::x509: return "x509";
        case IssuerId::ssh_user: return "ssh-user";
        case IssuerId::ssh_host: return "ssh-host";
    }
    return "unknown";
}

}  // namespace mayfly::steps
