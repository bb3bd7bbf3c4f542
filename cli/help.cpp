// help, completion, version: about the program itself.
#include <CLI/CLI.hpp>

#include "cli/completion.h"
#include "cli/verbs.h"
#include "mayfly/error_codes.h"

namespace mayfly::cli {

namespace {

/// Lines of a text that ends in a line break.
std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

Result<int> explain_code(const Globals& globals, const std::string& id) {
    const auto* known = find_error_code(id);
    if (known != nullptr)
        return show(globals,
                    {wire::Json::Object{{"id", std::string(known->id)}, {"meaning", std::string(known->meaning)}},
                     {std::string(known->id)},
                     {},
                     {},
                     {std::string(known->id), "  " + std::string(known->meaning)}});
    std::vector<std::string> ids;
    for (const auto& code : error_codes()) ids.emplace_back(code.id);
    const std::string close = wire::nearest(id, ids);
    return fail(Code::not_found, "there is no error \"" + id + "\"", "E-USAGE", {},
                close.empty() ? "mayfly help errors lists all" : "did you mean " + close + "?");
}

Result<int> list_codes(const Globals& globals) {
    Answer answer{{}, {}, {{"ERROR"}, {"MEANING"}}};
    wire::Json::Array all;
    for (const auto& [id, meaning] : error_codes()) {
        all.emplace_back(wire::Json::Object{{"id", std::string(id)}, {"meaning", std::string(meaning)}});
        answer.names.emplace_back(id);
        answer.rows.push_back({std::string(id), std::string(meaning)});
    }
    answer.data = std::move(all);
    return show(globals, answer);
}

Result<int> help(Cli& cli, const std::vector<std::string>& words) {
    if (words.size() == 1 && words.front().starts_with("E-")) return explain_code(cli.globals, words.front());
    if (words.size() == 1 && words.front() == "errors") return list_codes(cli.globals);
    const CLI::App* app = cli.root.app();
    std::string path = app->get_name(), above;
    for (const auto& word : words) {
        std::vector<std::string> known;
        const CLI::App* found = nullptr;
        for (const auto* child : app->get_subcommands([](const CLI::App*) { return true; })) {
            known.push_back(child->get_name());
            if (child->get_name() == word) found = child;
        }
        const std::string close = wire::nearest(word, known);
        if (found == nullptr)
            return fail(Code::not_found, "there is no verb \"" + word + "\" after \"" + path + "\"", "E-USAGE", {},
                        close.empty() ? path + " --help" : "did you mean " + close + "?");
        app = found;
        above = path;
        path += " " + word;
    }
    const std::string text = app->help(above);
    return show(cli.globals, {wire::Json::Object{{"verb", path}, {"help", text}}, {path}, {}, {}, lines_of(text)});
}

Result<int> completion(Cli& cli, const std::string& shell) {
    const auto script = completion_script(*cli.root.app(), shell);
    if (!script) return pass(script.error());
    return show(cli.globals,
                {wire::Json::Object{{"shell", shell}, {"script", *script}}, {shell}, {}, {}, lines_of(*script)});
}

Result<int> version(const Globals& globals) {
    return show(globals, {wire::Json::Object{{"program", "mayfly"}, {"version", MAYFLY_VERSION}},
                          {MAYFLY_VERSION},
                          {},
                          {},
                          {"mayfly " MAYFLY_VERSION}});
}

}  // namespace

void add_help_verbs(Cli& cli) {
    auto words = std::make_shared<std::vector<std::string>>();
    cli.verb(cli.root, "help", "about a verb, an error (E-ROLE-TTL), or all errors",
             [&cli, words] { return help(cli, *words); })
        .add_option("what", *words, "a verb's words, an error's code, or \"errors\"");
    auto shell = std::make_shared<std::string>();
    cli.verb(cli.root, "completion", "the completion script of a shell",
             [&cli, shell] { return completion(cli, *shell); })
        .add_option("shell", *shell, "which")
        .required()
        .one_of({"bash", "zsh", "fish"});
    cli.verb(cli.root, "version", "which build this is", [&cli] { return version(cli.globals); });
}

}  // namespace mayfly::cli
