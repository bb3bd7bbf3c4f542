// The command line itself: flags that every verb knows, usage errors, and the one place where a verb's result becomes
// an exit code.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace mayfly::cli {

namespace {

/// What -o says, as far as the arguments can be read: a usage error is reported in the form that was asked for too.
Output wanted_output(int argc, const char* const* argv) {
    Output out = Output::table;
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        std::string_view word = argv[i];
        if (word == "-o" || word == "--output")
            word = i + 1 < argc ? argv[i + 1] : "";
        else if (word.starts_with("--output="))
            word.remove_prefix(9);
        else if (word.starts_with("-o") && !word.starts_with("--"))
            word.remove_prefix(2);
        else
            continue;
        out = parse_output(word).value_or(out);
    }
    return out;
}

/// The verb as far as it was understood: "mayfly ssh cert".
std::string words_of(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return app.get_name() + (chosen.empty() ? "" : " " + words_of(*chosen.front()));
}

Error usage(const CLI::App& app, std::string message) {
    message = message.substr(0, message.find('\n'));
    return {Code::malformed, std::move(message), "E-USAGE", {}, words_of(app) + " --help"};
}

}  // namespace

client::Asking Globals::asking() const {
    return no_input || ::isatty(STDIN_FILENO) == 0 ? client::Asking::never : client::Asking::allowed;
}

Verb Cli::verb(Verb parent, const std::string& name, const std::string& help, Action run, DryRun dry_run) {
    auto* made = parent.app()->add_subcommand(name, help);
    made->fallthrough();
    made->callback([this, made, dry_run, run = std::move(run)] {
        action = [this, made, dry_run, run]() -> Result<int> {
            if (globals.dry_run && dry_run == DryRun::refused)
                return fail(Code::malformed, "\"" + made->get_name() + "\" cannot be tried without doing it",
                            "E-DRY-RUN", "nothing was done", "leave --dry-run out");
            return run();
        };
    });
    return Verb(made);
}

Cli::~Cli() = default;

Cli::Cli()
    : parser_(std::make_unique<CLI::App>("mayfly: short-lived certificates for people and machines", "mayfly")),
      root(parser_.get()) {
    auto& app = *parser_;
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("mayfly ") + MAYFLY_VERSION);
    app.add_option("--context", globals.context, "which CA; the current context when absent");
    app.add_option_function<std::string>(
           "-o,--output", [this](const std::string& word) { globals.output = *parse_output(word); },
           "form of the answer; table when absent")
        ->check(CLI::IsMember(output_words()));
    app.add_flag("--dry-run", globals.dry_run, "let the server evaluate a change and undo it");
    app.add_flag("--no-input", globals.no_input, "never ask anything: not for a passphrase, not for a touch");
    add_context_verbs(*this);
    add_session_verbs(*this);
    add_ssh_verbs(*this);
    add_cert_verbs(*this);
    add_tenant_verbs(*this);
    add_owner_verbs(*this);
    add_identity_verbs(*this);
    add_people_verbs(*this);
    add_request_verbs(*this);
    add_policy_verbs(*this);
    add_explain_verbs(*this);
    add_report_verbs(*this);
    add_inventory_verbs(*this);
    add_review_verbs(*this);
    add_audit_verbs(*this);
    add_inspect_verbs(*this);
    add_revocation_verbs(*this);
    add_notify_verbs(*this);
    add_verify_verbs(*this);
    add_breakglass_verbs(*this);
    add_use_verbs(*this);
    add_api_verb(*this);
    add_help_verbs(*this);
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

int run(Cli& cli, int argc, const char* const* argv) {
    try {
        cli.root.app()->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return cli.root.app()->exit(error);  // --help, --version
        return report(usage(*cli.root.app(), error.what()), wanted_output(argc, argv));
    }
    const auto done = cli.action();
    return done ? *done : report(done.error(), cli.globals.output);
}

}  // namespace mayfly::cli
