// breakglass: when the ordinary way in is not there.
#include "cli/breakglass.h"

namespace mayfly::cli {

void add_breakglass_verbs(Cli& cli) {
    const auto breakglass = cli.root.group("breakglass", "access in an emergency, always alarmed and always reviewed");
    add_breakglass_share_verbs(breakglass, cli);
    add_breakglass_unseal_verb(breakglass, cli);
    add_breakglass_record_verbs(breakglass, cli);
    add_breakglass_online_verbs(breakglass, cli);
}

}  // namespace mayfly::cli
