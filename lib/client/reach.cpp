#include "lib/client/reach.h"

#include <algorithm>

namespace mayfly::client {

namespace {

tl::unexpected<Error> unusable(const Error& error) {
    return fail(Code::untrusted, "the CA names something that is no name: " + error.message, "E-REACH",
                "such a name could be read as syntax by ssh or a shell; nothing of the answer is used",
                "tell whoever answers for the CA, with this message");
}

/// A last label of digits only makes an address, or something that resolvers may take for one (RFC 1123 section 2.1).
bool of_this_machine(const HostName& host) {
    const auto& text = host.text();
    const auto last = std::string_view(text).substr(text.rfind('.') + 1);
    return last == "localhost" || std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<desk::ReachedRole> read_role(const api::ReachedRole& role) {
    const auto name = RoleName::parse(role.name);
    if (!name) return pass(name.error());
    desk::ReachedRole out{Principal::of(*name), Instant(0), {}, role.ticket, role.approve};
    if (!role.node.empty()) {
        const auto node = NodeName::parse(role.node);
        if (!node) return pass(node.error());
        out.principal = Principal::of(*name, *node);
    }
    if (!role.held_until.empty()) {
        const auto until = Instant::parse(role.held_until);
        if (!until) return pass(until.error());
        out.held_until = *until;
    }
    for (const auto& text : role.accounts) {
        auto account = AccountName::parse(text);
        if (!account) return pass(account.error());
        out.accounts.push_back(std::move(*account));
    }
    return out;
}

Result<desk::ReachedNode> read_node(const api::ReachedNode& node) {
    auto name = NodeName::parse(node.name);
    if (!name) return pass(name.error());
    desk::ReachedNode out{std::move(*name), {}, {}};
    for (const auto& text : node.hosts) {
        auto host = HostName::parse(text);
        if (!host) return pass(host.error());
        if (!of_this_machine(*host)) out.hosts.push_back(std::move(*host));
    }
    for (const auto& text : node.roles) {
        auto role = RoleName::parse(text);
        if (!role) return pass(role.error());
        out.roles.push_back(std::move(*role));
    }
    return out;
}

}  // namespace

Result<Reach> read_reach(const api::Reach& reply) {
    Reach out;
    for (const auto& role : reply.roles) {
        auto read = read_role(role);
        if (!read) return unusable(read.error());
        out.roles.push_back(std::move(*read));
    }
    for (const auto& node : reply.nodes) {
        auto read = read_node(node);
        if (!read) return unusable(read.error());
        if (!read->hosts.empty()) out.nodes.push_back(std::move(*read));
    }
    return out;
}

Result<Reach> fetch_reach(CaClient& ca) {
    const auto reply = ca.get<api::Reach>("/v1/ssh/reach");
    if (!reply) return pass(reply.error());
    return read_reach(*reply);
}

}  // namespace mayfly::client
