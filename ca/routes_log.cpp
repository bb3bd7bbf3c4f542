// Reading the log: entries for auditors, proofs for everyone with a certificate.
#include <charconv>

#include "ca/answers.h"
#include "lib/wire/text.h"

namespace mayfly::ca {

namespace {

using http::Request;
using http::Response;

Result<std::uint64_t> number(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    const std::string text = found == request.query.end() ? "" : found->second;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && value < (std::uint64_t{1} << 53U)) return value;
    return fail(Code::malformed, "?" + name + "= must be a number", "E-QUERY", {}, {});
}

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
    const auto proven = app.store->prove(*index);
    if (!proven) return http::problem(proven.error(), request.request_id);
    return on_success(app.store->read_entries(*index, 1), request, [&](const auto& leaves) {
        return answer(api::LogProof{wire::base64(leaves.front()), log::encode_proof(*proven)});
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
    const auto hashes = log::prove_consistency(*old_size, head->size,
                                               [&](const log::Tile& tile) { return app.store->read_tile(tile); });
    return on_success(hashes, request, [&](const auto& list) {
        api::LogConsistency reply{*note, {}};
        for (const auto& hash : list) reply.hashes.push_back(wire::base64(hash));
        return answer(reply);
    });
}

}  // namespace

void add_log_routes(App& app, std::vector<http::Route>& table) {
    using http::Who;
    const auto add = [&](const char* path, Who who, const char* summary, wire::Json reply, auto handler) {
        table.push_back({"GET",
                         path,
                         who,
                         summary,
                         {},
                         std::move(reply),
                         0,
                         with_caller(app, who, [&app, handler](const Request& request, const auth::Caller& caller) {
                             return handler(app, request, caller);
                         })});
    };
    add("/v1/log/entries", Who::person, "entries (duty auditor)", wire::schema<api::LogEntries>(), entries);
    add("/v1/log/proof", Who::person, "inclusion proof of one entry (duty auditor)", wire::schema<api::LogProof>(),
        proof);
    add("/v1/log/consistency", Who::certificate, "proof that the log only grew", wire::schema<api::LogConsistency>(),
        consistency);
}

}  // namespace mayfly::ca
