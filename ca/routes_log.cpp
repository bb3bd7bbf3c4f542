// Reading the log: the published files of C2SP tlog-tiles under /log, and what auditors ask under /v1/log.
#include <algorithm>
#include <charconv>

#include "ca/answers.h"
#include "lib/log/tiles.h"
#include "lib/wire/text.h"
#include "mayfly/api_log.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

constexpr const char* kPrefix = "/log/";
constexpr std::size_t kMostMatches = 200;
// What a name holds never changes, so a cache may keep it; entries are for auditors, so no shared cache may.
constexpr const char* kForEver = "public, max-age=604800, immutable";
constexpr const char* kForEverForOne = "private, max-age=604800, immutable";

std::string text(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? "" : found->second;
}

Result<std::uint64_t> number(const Request& request, const std::string& name) {
    const std::string digits = text(request, name);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc{} && end == digits.data() + digits.size() && value < (std::uint64_t{1} << 53U)) return value;
    return fail(Code::malformed, "?" + name + "= must be a number", "E-QUERY", {}, {});
}
Result<std::uint64_t> number_or(const Request& request, const std::string& name, std::uint64_t fallback) {
    return request.query.count(name) == 0 ? fallback : number(request, name);
}

// ---- the published files ------------------------------------------------------------------------------------------
Response checkpoint(App& app, const Request& request) {
    // With witnesses, what counts is what they have seen too. Before they have seen anything it is what there is.
    auto note = app.config.witness_policy.empty() ? app.store->checkpoint() : app.store->cosigned_checkpoint();
    if (!note && note.error().code == Code::not_found) note = app.store->checkpoint();
    return on_success(note, request, [](const std::string& head) {
        Response ok;
        ok.content_type = "text/plain; charset=utf-8";
        ok.body = head;
        return ok;
    });
}

Result<Bytes> bundle(store::Store& store, const log::TileFile& file) {
    const auto entries = store.read_entries(file.tile.index * log::kTileWidth, file.width);
    if (!entries) return pass(entries.error());
    return log::encode_bundle(*entries);
}

Result<Bytes> hashes(store::Store& store, const log::TileFile& file) {
    auto tile = store.read_tile(file.tile);
    if (!tile) return tile;
    tile->resize(std::size_t{file.width} * 32);
    return tile;
}

Response tile(App& app, const Request& request) {
    const auto file = log::parse_tile_path(std::string_view(request.path).substr(std::string_view(kPrefix).size()));
    if (!file) return http::problem(file.error(), request.request_id);
    const auto size = app.store->log_size();
    if (!size) return http::problem(size.error(), request.request_id);
    if (file->end() > *size)
        return http::problem(Error{Code::not_found, "the log does not reach that far yet", "E-TILE", {}, {}},
                             request.request_id);
    const bool entries = file->kind == log::TileFile::Kind::entries;
    return on_success(entries ? bundle(*app.store, *file) : hashes(*app.store, *file), request, [&](const Bytes& body) {
        Response ok;
        ok.content_type = "application/octet-stream";
        ok.body = std::string(text_of(body));
        ok.headers.emplace_back("Cache-Control", entries ? kForEverForOne : kForEver);
        return ok;
    });
}

Response entry_tile(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_audit(caller); !ok) return http::problem(ok.error(), request.request_id);
    return tile(app, request);
}

// ---- what auditors ask ---------------------------------------------------------------------------------------------
Response entries(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_audit(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto start = number(request, "start"), count = number(request, "count");
    if (!start || !count) return http::problem(start ? count.error() : start.error(), request.request_id);
    const auto size = app.store->log_size();
    if (!size) return http::problem(size.error(), request.request_id);
    return on_success(app.store->read_entries(*start, *count), request, [&](const auto& leaves) {
        api::LogEntries reply{static_cast<std::int64_t>(*start), static_cast<std::int64_t>(*size), {}};
        for (const auto& leaf : leaves) reply.entries.push_back(wire::base64(leaf));
        return answer(reply);
    });
}

Response proof(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_audit(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto index = number(request, "index");
    if (!index) return http::problem(index.error(), request.request_id);
    const auto head = text(request, "cosigned") == "true" ? store::Store::Head::cosigned : store::Store::Head::newest;
    auto proven = app.store->prove(*index, head);
    if (!proven) return http::problem(proven.error(), request.request_id);
    return on_success(app.store->read_entries(*index, 1), request, [&](const auto& leaves) {
        proven->extra = leaves.front();
        return answer(api::LogProof{wire::base64(leaves.front()), log::encode_proof(*proven)});
    });
}

Result<log::Search> search_of(const Request& request) {
    log::Search out;
    for (const auto& [name, member] :
         {std::pair{"actor", &out.actor}, std::pair{"owner", &out.owner}, std::pair{"identity", &out.identity},
          std::pair{"role", &out.role}, std::pair{"serial", &out.serial}, std::pair{"request", &out.request},
          std::pair{"node", &out.node}, std::pair{"type", &out.type}})
        *member = text(request, name);
    for (const auto& [name, member] : {std::pair{"since", &out.since}, std::pair{"until", &out.until}}) {
        if (request.query.count(name) == 0) continue;
        const auto time = Instant::parse(text(request, name));
        if (!time) return pass(time.error(), name);
        *member = *time;
    }
    return out;
}

Response search(App& app, const Request& request, const auth::Caller& caller) {
    if (auto ok = access::may_audit(caller); !ok) return http::problem(ok.error(), request.request_id);
    const auto wanted = search_of(request);
    if (!wanted) return http::problem(wanted.error(), request.request_id);
    const auto before = number_or(request, "before", 0), limit = number_or(request, "limit", kMostMatches);
    if (!before || !limit) return http::problem(before ? limit.error() : before.error(), request.request_id);
    const auto most = std::clamp<std::size_t>(*limit, 1, kMostMatches);
    return on_success(app.store->search(*wanted, *before, most), request, [&](const store::Store::Found& found) {
        api::LogMatches reply{{}, static_cast<std::int64_t>(found.next)};
        for (const auto& [index, entry] : found.entries)
            reply.matches.push_back({static_cast<std::int64_t>(index), wire::base64(entry)});
        return answer(reply);
    });
}

Response consistency(App& app, const Request& request, const auth::Caller&) {
    const auto old_size = number(request, "old");
    if (!old_size) return http::problem(old_size.error(), request.request_id);
    const auto note = app.store->checkpoint();
    if (!note) return http::problem(note.error(), request.request_id);
    const auto parsed = log::parse_note(*note);
    const auto head = parsed ? log::parse_checkpoint(parsed->text) : pass(parsed.error());
    if (!head) return http::problem(head.error(), request.request_id);
    const auto new_size = number_or(request, "new", head->size);
    if (!new_size) return http::problem(new_size.error(), request.request_id);
    if (*new_size > head->size)
        return http::problem(Error{Code::not_found, "the log does not reach that far yet", "E-LOG-SIZE", {}, {}},
                             request.request_id);
    const auto hashes =
        log::prove_consistency(*old_size, *new_size, [&](const log::Tile& tile) { return app.store->read_tile(tile); });
    return on_success(hashes, request, [&](const auto& list) {
        api::LogConsistency reply{*note, {}};
        for (const auto& hash : list) reply.hashes.push_back(wire::base64(hash));
        return answer(reply);
    });
}

}  // namespace

void add_log_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    Routes routes(app, table, Who::person);
    const auto publish = [&](const char* path, const char* summary, auto handler) {
        table.push_back({"GET", path, Who::anyone, summary, {}, {}, 0, [&app, handler](const Request& request) {
                             return handler(app, request);
                         }});
    };
    publish("/log/checkpoint", "the published head (C2SP tlog-tiles), cosigned when there are witnesses", checkpoint);
    routes.get("/log/tile/entries/{path}", Who::person, "an entry bundle (C2SP tlog-tiles; duty auditor)", {},
               entry_tile);
    publish("/log/tile/{path}", "a hash tile (C2SP tlog-tiles)", tile);
    routes.get("/v1/log/entries", Who::person, "entries (duty auditor)", wire::schema<api::LogEntries>(), entries);
    routes.get("/v1/log/search", Who::person, "entries by actor, owner, role, time and so on (duty auditor)",
               wire::schema<api::LogMatches>(), search);
    routes.get("/v1/log/proof", Who::person, "inclusion proof of one entry (duty auditor)",
               wire::schema<api::LogProof>(), proof);
    routes.get("/v1/log/consistency", Who::certificate, "proof that the log only grew",
               wire::schema<api::LogConsistency>(), consistency);
}

}  // namespace mayfly::ca
