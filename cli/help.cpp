// version: about the program itself.
#include "cli/verbs.h"

namespace mayfly::cli {

namespace {

Result<int> version(const Globals& globals) {
    return show(globals, {wire::Json::Object{{"program", "mayfly"}, {"version", MAYFLY_VERSION}},
                          {MAYFLY_VERSION},
                          {},
                          {},
                          {"mayfly " MAYFLY_VERSION}});
}

}  // namespace

void add_help_verbs(Cli& cli) {
    cli.verb(&cli.app, "version", "which build this is", [&cli] { return version(cli.globals); });
}

}  // namespace mayfly::cli
