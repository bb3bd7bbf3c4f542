// report: tables for auditors with the proof of what they say: CSV, JSON and HTML, the log entries that each row rests
// on with their proofs against one signed head, and a manifest of hashes. `report verify` needs the folder and the
// log's key, and no CA.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/audit.h"
#include "lib/crypto/crypto.h"
#include "lib/files/files.h"
#include "lib/log/proof.h"
#include "lib/wire/text.h"
#include "mayfly/api_report.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargest = 256 << 20, kMostRows = 1000000;
constexpr const char* kManifest = "manifest.json";

struct Report {
    std::string kind, at, policy_version;
    std::vector<std::string> columns;
    std::vector<api::ReportRow> rows;
};

Result<Report> fetch(Session& session, const std::string& kind) {
    Report out;
    std::string after;
    do {
        const auto page =
            session.ca.get<api::ReportPage>("/v1/report?kind=" + kind + (after.empty() ? "" : "&after=" + after));
        if (!page) return pass(page.error());
        if (!out.columns.empty() && page->columns != out.columns)
            return fail(Code::corrupt, "the CA's pages are not of one report");
        out.kind = page->kind;
        out.at = page->at;
        out.policy_version = page->policy_version;
        out.columns = page->columns;
        out.rows.insert(out.rows.end(), page->rows.begin(), page->rows.end());
        after = page->next;
    } while (!after.empty() && out.rows.size() < kMostRows);
    return out;
}

// ---- forms ----------------------------------------------------------------------------------------------------------

/// RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe: what people wrote is data.
std::string csv_cell(const std::string& text) {
    const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    std::string out = formula ? "\"'" : "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

std::string csv(const Report& report) {
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells, const std::string& last) {
        for (const auto& cell : cells) out += csv_cell(cell) + ",";
        out += csv_cell(last) + "\r\n";
    };
    line(report.columns, "log_entries");
    for (const auto& row : report.rows) {
        std::string entries;
        for (const auto index : row.entries) entries += (entries.empty() ? "" : " ") + std::to_string(index);
        line(row.cells, entries);
    }
    return out;
}

std::string json(const Report& report) {
    wire::Json::Array rows;
    for (const auto& row : report.rows) {
        wire::Json::Object one;
        for (std::size_t i = 0; i < report.columns.size() && i < row.cells.size(); ++i)
            one.emplace(report.columns[i], row.cells[i]);
        wire::Json::Array entries;
        for (const auto index : row.entries) entries.emplace_back(index);
        one.emplace("log_entries", std::move(entries));
        rows.emplace_back(std::move(one));
    }
    return wire::Json(wire::Json::Object{{"report", report.kind},
                                         {"at", report.at},
                                         {"policy_version", report.policy_version},
                                         {"rows", std::move(rows)}})
               .pretty() +
           "\n";
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? std::string(" ") : std::string(1, c);
        }
    }
    return out;
}

/// One file that shows itself: no script, nothing from anywhere else, and a policy that says so to the browser.
std::string html(const Report& report, const log::Checkpoint& head) {
    std::string out =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta "
        "http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>" +
        escaped(report.kind) + " " + escaped(report.at) +
        "</title>\n<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}th,td{border:1px solid "
        "#999;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}</style></head><body>\n<h1>" +
        escaped(report.kind) + "</h1>\n<p>At " + escaped(report.at) + ", policy " + escaped(report.policy_version) +
        ", " + std::to_string(report.rows.size()) + " rows. Rests on the log " + escaped(head.origin) + " of " +
        std::to_string(head.size) + " entries; <code>mayfly report verify</code> checks it.</p>\n<table><thead><tr>";
    for (const auto& column : report.columns) out += "<th>" + escaped(column) + "</th>";
    out += "<th>log entries</th></tr></thead><tbody>\n";
    for (const auto& row : report.rows) {
        out += "<tr>";
        for (const auto& cell : row.cells) out += "<td>" + escaped(cell) + "</td>";
        out += "<td>";
        for (const auto index : row.entries) out += std::to_string(index) + " ";
        out += "</td></tr>\n";
    }
    return out + "</tbody></table></body></html>\n";
}

// ---- evidence -------------------------------------------------------------------------------------------------------

/// Entries out of the published bundles, each bundle fetched once.
class Entries {
public:
    Entries(log::FileReader files, std::uint64_t size) : files_(std::move(files)), size_(size) {}
    Result<Bytes> at(std::uint64_t index) {
        const std::uint64_t bundle = index / log::kTileWidth;
        if (bundle != bundle_ || bytes_.empty()) {
            const auto width = std::min<std::uint64_t>(log::kTileWidth, size_ - bundle * log::kTileWidth);
            auto bytes = files_(log::entries_path(bundle, static_cast<unsigned>(width)));
            if (!bytes) return pass(bytes.error());
            bytes_ = std::move(*bytes);
            bundle_ = bundle;
        }
        const auto entries = log::parse_bundle(bytes_);
        if (!entries) return pass(entries.error());
        const std::uint64_t within = index % log::kTileWidth;
        if (within >= entries->size()) return fail(Code::corrupt, "the log has no entry " + std::to_string(index));
        const auto entry = (*entries)[within];
        return Bytes(entry.begin(), entry.end());
    }

private:
    log::FileReader files_;
    std::uint64_t size_, bundle_ = 0;
    Bytes bytes_;
};

/// One line for each entry: its index, the leaf, its proof against the head that lies beside it.
Result<std::string> evidence(Session& session, const Report& report, std::string_view note,
                             const log::Checkpoint& head) {
    std::set<std::int64_t> wanted;
    for (const auto& row : report.rows) wanted.insert(row.entries.begin(), row.entries.end());
    const auto source = published(session);
    const auto tiles = log::tiles_of(source, head.size);
    Entries entries(source, head.size);
    std::string out;
    for (const auto index : wanted) {
        const auto place = static_cast<std::uint64_t>(index);
        if (index < 0 || place >= head.size) continue;  // newer than the head: the next report has it
        const auto entry = entries.at(place);
        if (!entry) return pass(entry.error());
        auto hashes = log::prove_inclusion(place, head.size, tiles);
        if (!hashes) return pass(hashes.error());
        const log::TlogProof proof{place, std::move(*hashes), std::string(note)};
        if (auto ok = log::verify_proof(proof, *entry, session.ca.log_key()); !ok)
            return pass(Error{Code::corrupt, ok.error().message, "E-LOG-PROOF", {}, {}});
        wire::Json::Array path;
        for (const auto& hash : proof.hashes) path.emplace_back(wire::base64(hash));
        out += wire::Json(
                   wire::Json::Object{{"index", index}, {"entry", wire::base64(*entry)}, {"proof", std::move(path)}})
                   .canonical() +
               "\n";
    }
    return out;
}

std::string hash_of(std::string_view text) { return wire::hex(crypto::sha256(view(text))); }

Result<int> write_report(const Globals& globals, const std::string& kind, const std::string& dir) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto report = fetch(*session, kind);
    if (!report) return pass(report.error());
    // The head is taken after the rows, so that it covers what they rest on.
    const auto note = published(*session)(log::kCheckpointPath);
    if (!note) return pass(note.error());
    const auto head = log::open_checkpoint(text_of(*note), session->ca.log_key());
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-HEAD", {}, {}});
    const auto proofs = evidence(*session, *report, text_of(*note), *head);
    if (!proofs) return pass(proofs.error());
    const std::map<std::string, std::string> contents = {{"report.csv", csv(*report)},
                                                         {"report.json", json(*report)},
                                                         {"report.html", html(*report, *head)},
                                                         {"evidence.jsonl", *proofs},
                                                         {"checkpoint", std::string(text_of(*note))}};
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (error) return fail(Code::unavailable, "cannot make the folder " + dir + ": " + error.message());
    wire::Json::Object hashes;
    for (const auto& [name, text] : contents) {
        if (auto ok = files::write(dir + "/" + name, view(text), 0644); !ok) return pass(ok.error());
        hashes.emplace(name, hash_of(text));
    }
    const wire::Json manifest(wire::Json::Object{{"report", report->kind},
                                                 {"at", report->at},
                                                 {"policy_version", report->policy_version},
                                                 {"rows", static_cast<std::int64_t>(report->rows.size())},
                                                 {"log", session->ca.log_key().text()},
                                                 {"log_size", static_cast<std::int64_t>(head->size)},
                                                 {"sha256", std::move(hashes)}});
    const std::string text = manifest.pretty() + "\n";
    if (auto ok = files::write(dir + "/" + kManifest, view(text), 0644); !ok) return pass(ok.error());
    return show(globals, {manifest,
                          {dir},
                          {},
                          {},
                          {},
                          {"✓ " + std::to_string(report->rows.size()) + " row(s) of " + kind + ", " +
                               std::to_string(std::count(proofs->begin(), proofs->end(), '\n')) +
                               " log entries proven against the head of " + std::to_string(head->size) + "   " + dir,
                           "manifest sha256 " + hash_of(text)}});
}

// ---- verifying ------------------------------------------------------------------------------------------------------

tl::unexpected<Error> damaged(const std::string& file, const std::string& what) {
    return fail(Code::corrupt, file + ": " + what, "E-REPORT-DAMAGED", "a report is what its manifest and the log say",
                "ask for the report again");
}

Result<std::string> read_text(const std::string& path) {
    const auto bytes = files::read(path, kLargest);
    if (!bytes) return pass(bytes.error());
    return std::string(text_of(*bytes));
}

/// Every line proves its entry; the indexes that are proven.
Result<std::set<std::int64_t>> verify_evidence(const std::string& text, const std::string& note,
                                               const log::VerifierKey& key) {
    std::set<std::int64_t> out;
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const std::string where = "evidence.jsonl:" + std::to_string(++line);
        const auto parsed = wire::parse_json(std::string_view(text).substr(at, end - at));
        if (!parsed) return damaged(where, parsed.error().message);
        wire::Fields fields(*parsed, "evidence");
        const auto index = fields.integer("index");
        const auto entry = wire::parse_base64(fields.text("entry"));
        log::TlogProof proof{static_cast<std::uint64_t>(index), {}, note};
        for (const auto& hash : fields.texts_or_empty("proof")) {
            const auto bytes = wire::parse_base64(hash);
            if (!bytes || bytes->size() != std::tuple_size_v<Digest>) return damaged(where, "a hash is damaged");
            std::copy(bytes->begin(), bytes->end(), proof.hashes.emplace_back().begin());
        }
        if (auto ok = fields.finish(); !ok) return damaged(where, ok.error().message);
        if (index < 0 || !entry) return damaged(where, "the entry is damaged");
        if (const auto ok = log::verify_proof(proof, *entry, key); !ok) return damaged(where, ok.error().message);
        out.insert(index);
        at = end + 1;
    }
    return out;
}

/// The rows again, out of the JSON that the manifest vouches for: each rests on entries that are proven.
Result<std::size_t> verify_rows(const std::string& csv_text, const std::set<std::int64_t>& proven, std::int64_t size) {
    std::size_t rows = 0;
    for (std::size_t at = csv_text.find("\r\n"); at != std::string::npos && at + 2 < csv_text.size();) {
        const auto end = csv_text.find("\"\r\n", at + 2);
        if (end == std::string::npos) return damaged("report.csv", "it ends in the middle of a row");
        const auto open = csv_text.rfind('"', end - 1);
        std::int64_t number = -1;
        for (auto i = open + 1; i <= end; ++i) {
            const char c = csv_text[i];
            if (c >= '0' && c <= '9') {
                number = (number < 0 ? 0 : number * 10) + (c - '0');
                continue;
            }
            if (number >= 0 && number < size && proven.count(number) == 0)
                return damaged("report.csv", "entry " + std::to_string(number) + " is not proven");
            number = -1;
        }
        ++rows;
        at = end + 1;
    }
    return rows;
}

Result<int> verify_report(const Globals& globals, const PinnedLog& log, const std::string& dir) {
    const auto key = log.key(globals);
    if (!key) return pass(key.error());
    const auto manifest_text = read_text(dir + "/" + kManifest);
    if (!manifest_text) return pass(manifest_text.error());
    const auto manifest = wire::parse_json(*manifest_text);
    if (!manifest) return damaged(kManifest, manifest.error().message);
    wire::Fields fields(*manifest, "manifest");
    const std::string kind = fields.text("report"), at = fields.text("at");
    (void)fields.text("policy_version");
    (void)fields.text("log");
    const auto rows = fields.integer("rows");
    const auto size = fields.integer("log_size");
    const auto hashes = fields.text_map_or_empty("sha256");
    if (auto ok = fields.finish(); !ok) return damaged(kManifest, ok.error().message);
    std::map<std::string, std::string> contents;
    for (const auto* name : {"checkpoint", "evidence.jsonl", "report.csv", "report.html", "report.json"}) {
        auto text = read_text(dir + "/" + name);
        if (!text) return pass(text.error());
        const auto hash = hashes.find(name);
        if (hash == hashes.end() || hash_of(*text) != hash->second)
            return damaged(name, "it is not what the manifest says");
        contents.emplace(name, std::move(*text));
    }
    if (hashes.size() != contents.size()) return damaged(kManifest, "it names a file that no report has");
    const auto head = log::open_checkpoint(contents["checkpoint"], *key);
    if (!head) return pass(Error{Code::corrupt, head.error().message, "E-LOG-HEAD", {}, {}});
    if (static_cast<std::int64_t>(head->size) != size) return damaged(kManifest, "the log's size is another one");
    const auto proven = verify_evidence(contents["evidence.jsonl"], contents["checkpoint"], *key);
    if (!proven) return pass(proven.error());
    const auto counted = verify_rows(contents["report.csv"], *proven, size);
    if (!counted) return pass(counted.error());
    if (static_cast<std::int64_t>(*counted) != rows) return damaged("report.csv", "it has another number of rows");
    return show(globals, {wire::Json::Object{{"verified", true},
                                             {"report", kind},
                                             {"at", at},
                                             {"rows", rows},
                                             {"entries", static_cast<std::int64_t>(proven->size())},
                                             {"log_size", size}},
                          {kind},
                          {},
                          {},
                          {},
                          {"✓ " + kind + " of " + at + ": " + std::to_string(rows) + " row(s), " +
                               std::to_string(proven->size()) + " entries in the log of " + std::to_string(size) +
                               " signed by " + head->origin,
                           "manifest sha256 " + hash_of(*manifest_text)}});
}

}  // namespace

void add_report_verbs(Cli& cli) {
    const auto group = cli.root.group("report", "tables for auditors, with the proof of what they say (duty auditor)");
    auto out = std::make_shared<std::string>();
    for (const auto& [kind, help] : {std::pair{"access", "who holds what, on whose word, until when"},
                                     {"nhi", "identities that are not people, and who answers for them"},
                                     {"reviews", "what somebody had to look at, and what became of it"},
                                     {"breakglass", "broken glass, and its reviews"},
                                     {"sod", "who decided what for whom, and where nobody else could"},
                                     {"standing", "standing grants above the lowest risk that no request activated"}}) {
        const auto verb = cli.verb(
            group, kind, help, [&cli, out, kind = std::string(kind)] { return write_report(cli.globals, kind, *out); });
        verb.add_option("--out", *out, "folder to write it into").required();
    }
    auto dir = std::make_shared<std::string>();
    auto log = std::make_shared<PinnedLog>();
    const auto verify = cli.verb(group, "verify", "check a report against the pinned log key, offline",
                                 [&cli, dir, log] { return verify_report(cli.globals, *log, *dir); });
    verify.add_option("dir", *dir, "the report's folder").required();
    log->add_options(verify);
}

}  // namespace mayfly::cli
