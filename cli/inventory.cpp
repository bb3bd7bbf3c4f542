// inventory: owners, identities and grants as one file, out and in.
#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/change.h"
#include "cli/out_files.h"
#include "lib/files/files.h"
#include "lib/wire/csv.h"
#include "mayfly/api_people.h"
#include "mayfly/names.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargest = 64 << 20;

/// One table holds all three kinds of rows; what a kind has no use for stays empty. `about` is a person's full name, an
/// identity's purpose, a grant's reason.
const std::vector<std::string>& columns() {
    static const std::vector<std::string> names = {"what",   "name",    "owner",     "tenant", "about",
                                                   "backup", "manager", "email",     "duties", "role",
                                                   "until",  "how",     "review_by", "keys"};
    return names;
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : text + at) {
        if (c != at) {
            word += c;
            continue;
        }
        if (!word.empty()) out.push_back(std::move(word));
        word.clear();
    }
    return out;
}

/// Table is what a file brings, and on which line each row stands.
struct Table {
    api::Inventory rows;
    std::vector<std::size_t> owners{}, identities{}, grants{};
};

Result<Table> read_csv(std::string_view text) {
    const auto rows = wire::parse_csv(text, columns());
    if (!rows) return pass(rows.error());
    Table table;
    for (const auto& row : *rows) {
        const auto cell = [&](const char* name) {
            const auto found = row.cells.find(name);
            return found == row.cells.end() ? std::string() : found->second;
        };
        const auto what = cell("what");
        if (what == "owner") {
            api::Owner owner{
                cell("name"), cell("about"), cell("email"), cell("backup"), {}, split(cell("duties"), ' ')};
            owner.manager = cell("manager");
            owner.tenant = cell("tenant");
            table.rows.owners.push_back(std::move(owner));
            table.owners.push_back(row.line);
        } else if (what == "identity") {
            api::Identity identity;
            identity.name = cell("name");
            identity.owner = cell("owner");
            identity.purpose = cell("about");
            identity.tenant = cell("tenant");
            identity.review_by = cell("review_by");
            identity.keys = split(cell("keys"), '|');
            table.rows.identities.push_back(std::move(identity));
            table.identities.push_back(row.line);
        } else if (what == "grant") {
            table.rows.grants.push_back({cell("name"), cell("role"), cell("until"), cell("about"), cell("how")});
            table.grants.push_back(row.line);
        } else {
            return fail(Code::malformed,
                        "line " + std::to_string(row.line) + ": \"" + printable(what) + "\" is no kind of row", "E-CSV",
                        "owner, identity or grant", {});
        }
    }
    return table;
}

Result<Table> read_table(const std::string& file) {
    const auto bytes = files::read(file, kLargest);
    if (!bytes) return pass(bytes.error());
    const auto text = text_of(*bytes);
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || text[first] != '{') {
        auto table = read_csv(text);
        if (!table) return pass(table.error(), file);
        return table;
    }
    auto rows = wire::parse_body<api::Inventory>(text, file);
    if (!rows) return pass(rows.error());
    return Table{std::move(*rows)};
}

std::string cells_of(const api::Owner& owner) {
    return wire::encode_csv({"owner", owner.name, "", owner.tenant, owner.full_name, owner.backup, owner.manager,
                             owner.email, joined(owner.duties, " "), "", "", "", "", ""});
}
std::string cells_of(const api::Identity& identity) {
    return wire::encode_csv({"identity", identity.name, identity.owner, identity.tenant, identity.purpose, "", "", "",
                             "", "", "", "", identity.review_by, joined(identity.keys, "|")});
}
std::string cells_of(const api::Holding& grant) {
    return wire::encode_csv(
        {"grant", grant.identity, "", "", grant.reason, "", "", "", "", grant.role, grant.until, grant.how, "", ""});
}

/// What an import would make again: people, what they answer for by hand, and what stands. Nodes join; activations end.
Result<api::Inventory> gather(Session& session) {
    api::Inventory out;
    auto owners = read_pages<api::Owner>(session, Query{"/v1/owners"});
    if (!owners) return pass(owners.error());
    for (auto& owner : *owners) {
        if (owner.state != "active") continue;
        owner.state.clear();
        out.owners.push_back(std::move(owner));
    }
    const auto identities = read_pages<api::Identity>(session, Query{"/v1/identities"});
    if (!identities) return pass(identities.error());
    for (const auto& identity : *identities) {
        if (identity.name.starts_with("node/") || identity.name.starts_with("ca/") || identity.state != "active")
            continue;
        api::Identity row;
        row.name = identity.name;
        row.owner = identity.owner;
        row.purpose = identity.purpose;
        row.tenant = identity.tenant;
        row.keys = identity.keys;
        out.identities.push_back(std::move(row));
    }
    const auto grants = read_pages<api::Grant>(session, Query{"/v1/grants"});
    if (!grants) return pass(grants.error());
    for (const auto& grant : *grants)
        if ((grant.how == "standing" || grant.how == "eligible") && grant.state == "active")
            out.grants.push_back({grant.identity, grant.role, grant.until, grant.reason, grant.how});
    return out;
}

Result<int> export_all(const Globals& globals, const std::string& format, const std::string& file, Existing existing) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto all = gather(*session);
    if (!all) return pass(all.error());
    std::string text;
    if (format == "json") {
        text = wire::to_json(*all).pretty() + "\n";
    } else {
        text = wire::encode_csv(columns());
        for (const auto& owner : all->owners) text += cells_of(owner);
        for (const auto& identity : all->identities) text += cells_of(identity);
        for (const auto& grant : all->grants) text += cells_of(grant);
    }
    const std::string counts = std::to_string(all->owners.size()) + " owner(s), " +
                               std::to_string(all->identities.size()) + " identity(s), " +
                               std::to_string(all->grants.size()) + " grant(s)";
    if (file.empty()) {
        std::cout << text;
        say(counts);
        return 0;
    }
    if (auto ok = may_write({file}, existing); !ok) return pass(ok.error());
    if (auto ok = files::write(file, view(text), 0600); !ok) return pass(ok.error());
    return show(globals, {wire::Json(file), {file}, {}, {}, {}, {"✓ " + file + ": " + counts}});
}

std::string place(const Table& table, const api::Difference& difference) {
    const auto& lines = difference.what == "owner"      ? table.owners
                        : difference.what == "identity" ? table.identities
                                                        : table.grants;
    const auto row = static_cast<std::size_t>(difference.row);
    if (row == 0 || row > lines.size()) return difference.what + " " + std::to_string(row);
    return "line " + std::to_string(lines[row - 1]);
}

/// The server takes so many rows at once: each part is made as a whole, or not at all.
constexpr std::size_t kPart = 1000;

template <class Row>
void move_part(std::vector<Row>& from, std::vector<std::size_t>& lines, std::vector<Row>& into,
               std::vector<std::size_t>& into_lines, std::size_t& room) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(room, from.size()));
    std::move(from.begin(), from.begin() + count, std::back_inserter(into));
    from.erase(from.begin(), from.begin() + count);
    const auto lined = std::min(count, static_cast<std::ptrdiff_t>(lines.size()));
    into_lines.assign(lines.begin(), lines.begin() + lined);
    lines.erase(lines.begin(), lines.begin() + lined);
    room -= static_cast<std::size_t>(count);
}

/// Owners first, for the identities need them; then what is granted to these.
Table next_part(Table& table) {
    Table part;
    std::size_t room = kPart;
    move_part(table.rows.owners, table.owners, part.rows.owners, part.owners, room);
    move_part(table.rows.identities, table.identities, part.rows.identities, part.identities, room);
    move_part(table.rows.grants, table.grants, part.rows.grants, part.grants, room);
    return part;
}

Result<int> import_all(const Globals& globals, const std::string& file) {
    auto table = read_table(file);
    if (!table) return pass(table.error());
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    Answer answer{{}, {}, {{"WHERE"}, {"WHAT"}, {"NAME"}, {"CHANGE"}, {"DETAIL"}}};
    wire::Json::Array data;
    std::int64_t same = 0;
    bool refused = false;
    while (!refused) {
        const Table part = next_part(*table);
        if (part.rows.owners.empty() && part.rows.identities.empty() && part.rows.grants.empty()) break;
        const auto found = session->ca.post<api::Differences>("/v1/inventory" + globals.query(), part.rows);
        if (!found) return pass(found.error(), file);
        same += found->same;
        for (const auto& one : found->differences) {
            data.push_back(wire::to_json(one));
            answer.names.push_back(one.name);
            answer.rows.push_back({place(part, one), one.what, one.name, one.change, one.detail});
            refused = refused || one.change == "refused";
        }
    }
    const auto count = std::to_string(answer.rows.size()) + " difference(s)";
    const auto rest = ", " + std::to_string(same) + " the same";
    answer.data = std::move(data);
    answer.messages = {refused           ? "rows are refused: nothing of them and what follows was done"
                       : globals.dry_run ? "would be done: " + count + rest
                                         : "✓ " + count + " made" + rest};
    print(globals.output, answer);
    if (refused) return 1;
    return globals.dry_run && !answer.rows.empty() ? 3 : 0;
}

}  // namespace

void add_inventory_verbs(Cli& cli) {
    const auto inventory =
        cli.root.group("inventory", "owners, identities and grants as one file; what was found on nodes");
    auto format = std::make_shared<std::string>("csv");
    auto out = std::make_shared<std::string>();
    auto force = std::make_shared<bool>(false);
    const auto exporting =
        cli.verb(inventory, "export", "write what you can see, as CSV or JSON", [&cli, format, out, force] {
            return export_all(cli.globals, *format, *out, *force ? Existing::replace : Existing::keep);
        });
    exporting.add_option("--format", *format, "csv or json").one_of({"csv", "json"});
    exporting.add_option("--out", *out, "file to write; stdout when absent");
    exporting.add_flag("--force", *force, "replace the file");
    auto in = std::make_shared<std::string>();
    cli.verb(inventory, "import", "make what a file has and the CA has not; --dry-run shows the differences (exit 3)",
             [&cli, in] { return import_all(cli.globals, *in); })
        .add_option("file", *in, "CSV or JSON, as export writes it")
        .required();
    add_found_verbs(inventory, cli);
}

}  // namespace mayfly::cli
