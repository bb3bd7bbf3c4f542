// api: one call to the CA as it stands in its OpenAPI document, with our session.
#include <algorithm>
#include <cstdio>

#include "cli/verbs.h"
#include "lib/files/files.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestBody = 1 << 20;

struct ApiFlags {
    std::string method, path, body;
};

Result<std::string> body_text(const std::string& given) {
    if (given.empty()) return "{}";
    if (given != "-" && !given.starts_with('@')) return given;
    const auto file = files::read(given == "-" ? "/dev/stdin" : given.substr(1), kLargestBody);
    if (!file) return pass(file.error());
    return std::string(text_of(*file));
}

/// The answer as data when it is JSON that we read, else as its lines.
Answer answer_of(const std::string& text) {
    const auto json = wire::parse_json(text);
    Answer out{json ? *json : wire::Json(text), {}};
    std::string_view rest = json ? std::string_view() : std::string_view(text);
    const std::string pretty = json ? json->pretty() : std::string();
    if (json) rest = pretty;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        out.lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    out.names = out.lines;
    return out;
}

Result<int> show_reply(const Globals& globals, const std::string& text) {
    const bool document = text.starts_with('{') || text.starts_with('[');
    if (globals.output == Output::json && document && !wire::parse_json(text)) {
        std::fputs((text + "\n").c_str(), stdout);  // larger than our reader takes: as it came
        return 0;
    }
    return show(globals, answer_of(text));
}

Result<int> call(const Globals& globals, const ApiFlags& flags) {
    const bool graphic = std::all_of(flags.path.begin(), flags.path.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!flags.path.starts_with('/') || !graphic)
        return fail(Code::malformed, "that is not a path of the API", "E-USAGE",
                    "it begins with / and has no spaces, e.g. /v1/whoami", "mayfly api GET /v1/openapi.json");
    if (flags.method == "GET" && !flags.body.empty())
        return fail(Code::malformed, "GET takes no body", "E-USAGE", {}, {});
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    if (flags.method == "GET") {
        const auto text = session->ca.fetch(flags.path);
        return text ? show_reply(globals, *text) : Result<int>(pass(text.error()));
    }
    const auto body = body_text(flags.body);
    if (!body) return pass(body.error());
    const auto text = session->ca.send(flags.path, *body, nullptr);
    return text ? show_reply(globals, *text) : Result<int>(pass(text.error()));
}

}  // namespace

void add_api_verb(Cli& cli) {
    auto flags = std::make_shared<ApiFlags>();
    const auto verb = cli.verb(
        cli.root, "api", "one authenticated call, as /v1/openapi.json describes it",
        [&cli, flags] { return call(cli.globals, *flags); }, DryRun::refused);
    verb.add_option("method", flags->method, "GET or POST").required().one_of({"GET", "POST"});
    verb.add_option("path", flags->path, "/v1/…").required();
    verb.add_option("body", flags->body, "JSON, @FILE or - for standard input; {} when absent");
}

}  // namespace mayfly::cli
