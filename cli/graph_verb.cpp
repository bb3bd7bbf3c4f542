// identity graph: the drawing, as DOT or, through Graphviz, as SVG.
#include <cstdio>

#include "cli/change.h"
#include "cli/graph.h"
#include "cli/out_files.h"
#include "lib/client/run.h"
#include "lib/files/files.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

struct GraphFlags {
    std::string centre, format = "dot", out;
    bool force = false;
};

Result<Holdings> read_holdings(Session& session) {
    auto owners = read_pages<api::Owner>(session, Query{"/v1/owners"});
    if (!owners) return pass(owners.error());
    auto identities = read_pages<api::Identity>(session, Query{"/v1/identities"});
    if (!identities) return pass(identities.error());
    auto grants = read_pages<api::Grant>(session, Query{"/v1/grants"});
    if (!grants) return pass(grants.error());
    auto roles = session.ca.get<api::List<api::Role>>("/v1/roles");
    if (!roles) return pass(roles.error());
    return Holdings{std::move(*owners), std::move(*identities), std::move(*grants), std::move(roles->items)};
}

/// Laying out a graph is Graphviz' trade: its program is run, when it is there.
Result<std::string> to_svg(const std::string& dot) {
    const auto drawn = client::run({"dot", "-Tsvg"}, dot, client::Asking::never);
    if (!drawn || drawn->exit_code == 127)
        return fail(Code::not_found, "Graphviz' program \"dot\" is not here", "E-GRAPHVIZ", "it lays the drawing out",
                    "apt install graphviz, or take --format dot to where it is");
    if (drawn->exit_code != 0)
        return fail(Code::unavailable, "dot ended with " + std::to_string(drawn->exit_code), "E-GRAPHVIZ",
                    printable(drawn->err), "draw less: mayfly identity graph tenant/NAME");
    return drawn->out;
}

Result<int> draw(const Globals& globals, const GraphFlags& flags) {
    if (!flags.out.empty())
        if (auto ok = may_write({flags.out}, flags.force ? Existing::replace : Existing::keep); !ok)
            return pass(ok.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    auto holdings = read_holdings(*session);
    if (!holdings) return pass(holdings.error());
    if (!flags.centre.empty()) {
        holdings = around(*holdings, flags.centre);
        if (!holdings) return pass(holdings.error());
    }
    std::string text = draw_dot(*holdings);
    if (flags.format == "svg") {
        auto svg = to_svg(text);
        if (!svg) return pass(svg.error());
        text = std::move(*svg);
    }
    if (flags.out.empty()) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        return 0;
    }
    if (auto ok = files::write(flags.out, view(text), 0600); !ok) return pass(ok.error());
    return show(globals, {wire::Json(wire::Json::Object{{"file", flags.out}, {"format", flags.format}}),
                          {flags.out},
                          {},
                          {},
                          {},
                          {"✓ wrote " + flags.out}});
}

}  // namespace

void add_graph_verb(Verb identity, Cli& cli) {
    auto flags = std::make_shared<GraphFlags>();
    const auto verb = cli.verb(identity, "graph", "who answers for what and who holds what, as a drawing",
                               [&cli, flags] { return draw(cli.globals, *flags); });
    verb.add_option("centre", flags->centre,
                    "what to draw around: kind/name, owner/NAME, role/NAME or tenant/NAME; everything when absent");
    verb.add_option("--format", flags->format, "dot, or svg (needs Graphviz)").one_of({"dot", "svg"}).shows_default();
    verb.add_option("--out", flags->out, "file; standard output when absent");
    verb.add_flag("--force", flags->force, "replace the file when it is there");
}

}  // namespace mayfly::cli
