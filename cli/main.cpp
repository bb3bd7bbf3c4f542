// mayfly: the command line for people and pipelines.
#include <sys/stat.h>
#include <unistd.h>

#include "cli/verbs.h"

namespace mayfly::cli {

CLI::App* Cli::verb(CLI::App* parent, const std::string& name, const std::string& help, Action run) {
    auto* made = parent->add_subcommand(name, help);
    made->fallthrough();
    made->callback([this, run = std::move(run)] { action = run; });
    return made;
}

Result<Session> open_session(const Globals& globals) {
    auto context = client::load_context(globals.context);
    if (!context) return pass(context.error());
    const auto credential = context->session(SystemClock().now());
    if (!credential) return pass(credential.error());
    auto ca = client::CaClient::connect(context->url, context->bundle, &*credential);
    if (!ca) return pass(ca.error());
    return Session{std::move(*context), std::move(*ca)};
}

}  // namespace mayfly::cli

int main(int argc, char** argv) {
    using namespace mayfly;
    ::umask(077);
    cli::Cli cli;
    cli.app.require_subcommand(1);
    cli.app.set_version_flag("--version", std::string("mayfly ") + MAYFLY_VERSION);
    cli.app.add_option("--context", cli.globals.context, "which CA; the current context when absent");
    cli.app.add_option("-o,--output", cli.globals.output, "table or json")->check(CLI::IsMember({"table", "json"}));
    cli.app.add_flag("--dry-run", cli.globals.dry_run, "let the server evaluate a change and undo it");
    cli::add_session_verbs(cli);
    cli::add_ssh_verbs(cli);
    cli::add_cert_verbs(cli);
    cli::add_people_verbs(cli);
    cli::add_audit_verbs(cli);
    cli::add_inspect_verbs(cli);
    try {
        cli.app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = cli.app.exit(error);
        return code == 0 ? 0 : 2;
    }
    const auto done = cli.action();
    return done ? *done : cli::report(done.error(), cli.globals.format());
}
