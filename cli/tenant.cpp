// tenant: customers and environments.
#include "cli/ending.h"

namespace mayfly::cli {

namespace {

std::vector<std::string> row_of(const api::Tenant& tenant) {
    return {tenant.name, or_dash(tenant.owner), tenant.state, or_dash(tenant.created), tenant.description};
}

Result<int> show_tenant(const Globals& globals, const std::string& name) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto tenant = session->ca.get<api::Tenant>(Query{"/v1/tenant"}.add("name", name).path);
    if (!tenant) return pass(tenant.error());
    return show(globals,
                {wire::to_json(*tenant),
                 {tenant->name},
                 {},
                 {},
                 {"tenant   " + tenant->name, "state    " + tenant->state, "owner    " + or_dash(tenant->owner),
                  "created  " + or_dash(tenant->created), "about    " + or_dash(tenant->description)}});
}

}  // namespace

void add_tenant_verbs(Cli& cli) {
    const auto tenant = cli.root.group("tenant", "customers and environments, apart from each other");
    cli.verb(tenant, "list", "the tenants you can see", [&cli] {
        return print_list<api::Tenant>(cli.globals, "/v1/tenants",
                                       {{"TENANT"}, {"OWNER"}, {"STATE"}, {"CREATED"}, {"ABOUT"}}, row_of,
                                       &api::Tenant::name);
    });
    auto name = std::make_shared<std::string>();
    cli.verb(tenant, "show", "one tenant", [&cli, name] { return show_tenant(cli.globals, *name); })
        .add_option("name", *name, "the tenant")
        .required();
    auto body = std::make_shared<api::Tenant>();
    const auto create = cli.verb(tenant, "create", "add a tenant (duty platform)", [&cli, body] {
        return change<api::Tenant>(cli.globals, "/v1/tenants", *body, &api::Tenant::name, [](const api::Tenant& t) {
            return "tenant " + t.name + ", " + t.owner + " answers for it";
        });
    });
    create.add_option("name", body->name, "a word, e.g. acme").required();
    create.add_option("--owner", body->owner, "who answers for it; yourself when absent");
    create.add_option("--description", body->description, "what it is");
    auto stop = std::make_shared<api::Stop>();
    auto confirm = std::make_shared<std::string>();
    const auto close = cli.verb(tenant, "close", "end every grant in it and suspend its identities, for good",
                                [&cli, stop, confirm]() -> Result<int> {
                                    if (auto ok = confirmed(cli.globals, "closing tenant", stop->name, *confirm); !ok)
                                        return pass(ok.error());
                                    return stop_it(cli.globals, "/v1/tenants/close", *stop, "closed");
                                });
    close.add_option("name", stop->name, "the tenant").required();
    close.add_option("--reason", stop->reason, "why").required();
    close.add_flag("--revoke", stop->revoke, "revoke its living certificates too");
    close.add_option("--confirm", *confirm, "the tenant's name again");
}

}  // namespace mayfly::cli
