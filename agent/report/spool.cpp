#include "agent/report/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/files/files.h"
#include "lib/wire/api.h"

namespace mayfly::agent {

namespace {

constexpr int kVersion = 1;
constexpr std::size_t kLargest = 64 << 20;
constexpr std::size_t kUsesInLine = 100;  // a line stays within what the JSON reader takes

template <class Uses>
wire::Json json_of(const Uses& uses) {
    wire::Json::Array out;
    for (const auto& use : uses) out.emplace_back(wire::to_json(use));
    return out;
}

Result<std::vector<api::NodeUse>> uses_of(const wire::Json* json) {
    std::vector<api::NodeUse> out;
    if (json == nullptr || json->array() == nullptr) return fail(Code::corrupt, "the spool holds something else");
    for (const auto& item : *json->array()) {
        auto use = wire::from_json<api::NodeUse>(item, "spool");
        if (!use) return pass(use.error());
        out.push_back(std::move(*use));
    }
    return out;
}

/// The same port may be somebody else's by now: it is the use that ends.
void forget(std::map<std::string, api::NodeUse>& open, const api::NodeUse& use) {
    const auto held = open.find(Spool::key_of(use));
    if (held != open.end() && held->second.id == use.id) open.erase(held);
}

std::string found_line(const std::string& position, const std::vector<api::NodeUse>& opened,
                       const std::vector<api::NodeUse>& closed, std::int64_t lost) {
    return wire::Json(
               wire::Json::Object{
                   {"position", position}, {"opened", json_of(opened)}, {"closed", json_of(closed)}, {"lost", lost}})
               .canonical() +
           "\n";
}

Status append(const std::string& path, std::string_view text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    const bool done =
        file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    const int code = errno;
    if (file >= 0) ::close(file);
    if (done) return {};
    return fail(Code::unavailable, "cannot write " + path + ": " + std::strerror(code), "E-SPOOL",
                "what was used is read again from sshd's log", "is the disk full?");
}

}  // namespace

std::string Spool::header() const {
    return wire::Json(wire::Json::Object{{"v", kVersion}, {"boot", boot_}, {"position", position_}, {"lost", lost_}})
               .canonical() +
           "\n";
}

void Spool::take(const Found& found) {
    for (const auto& use : found.opened) {
        open_.insert_or_assign(key_of(use), use);
        pending_.push_back(use);
    }
    for (const auto& use : found.closed) {
        forget(open_, use);
        pending_.push_back(use);
    }
    position_ = found.position;
}

Status Spool::read(std::string_view text) {
    bool first = true;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};  // cut short: its position was not reached
        const auto json = wire::parse_json(text.substr(0, end));
        text.remove_prefix(end + 1);
        if (!json) return pass(json.error());
        wire::Fields fields(*json, "spool");
        if (first) {
            first = false;
            if (fields.integer("v") != kVersion) return fail(Code::unsupported, "a spool of another version");
            was_boot_ = fields.text("boot");
            position_ = fields.text("position");
            lost_ = fields.integer("lost");
            if (auto ok = fields.finish(); !ok) return ok;
            continue;
        }
        const auto standing =
            fields.member("open") != nullptr ? uses_of(fields.member("open")) : std::vector<api::NodeUse>();
        const auto opened = uses_of(fields.member("opened")), closed = uses_of(fields.member("closed"));
        const std::string position = fields.text("position");
        lost_ += fields.integer("lost");
        if (auto ok = fields.finish(); !ok) return ok;
        if (!standing) return pass(standing.error());
        if (!opened) return pass(opened.error());
        if (!closed) return pass(closed.error());
        for (const auto& use : *standing) open_.insert_or_assign(key_of(use), use);
        take({position, *opened, *closed});
    }
    return {};
}

/// The header, what is open and reported already, and what is still to be reported.
Status Spool::rewrite() {
    std::string text = header();
    std::map<std::string, api::NodeUse> standing = open_;
    for (const auto& use : pending_) forget(standing, use);
    std::vector<api::NodeUse> part;
    const auto flush = [&](const char* name) {
        if (part.empty()) return;
        wire::Json::Object line{
            {"position", position_}, {"opened", wire::Json::Array{}}, {"closed", wire::Json::Array{}}, {"lost", 0}};
        line[name] = json_of(part);
        text += wire::Json(std::move(line)).canonical() + "\n";
        part.clear();
    };
    for (const auto& [key, use] : standing) {
        part.push_back(use);
        if (part.size() == kUsesInLine) flush("open");
    }
    flush("open");
    for (const auto& use : pending_) {
        // Order matters where a session and its end both wait: a line holds one kind.
        const bool closed = !use.closed.empty();
        if (!part.empty() && (part.size() == kUsesInLine || closed != !part.front().closed.empty()))
            flush(part.front().closed.empty() ? "opened" : "closed");
        part.push_back(use);
    }
    if (!part.empty()) flush(part.front().closed.empty() ? "opened" : "closed");
    return files::write(path_, view(text), 0600);
}

Result<Spool> Spool::load(const std::string& path, const std::string& boot, const std::string& now, Limits limits) {
    Spool out(path, boot, limits);
    const auto text = files::read(path, kLargest);
    if (!text && text.error().code != Code::not_found) return pass(text.error());
    if (text) {
        if (auto ok = out.read(text_of(*text)); !ok) {
            // Reporting what comes matters more than stopping over what was: the file stays for whoever looks into it.
            if (std::rename(path.c_str(), (path + ".damaged").c_str()) != 0)
                return fail(Code::unavailable, "cannot move the damaged " + path + " away: " + ok.error().message,
                            "E-SPOOL", {}, {});
            out = Spool(path, boot, limits);
            out.lost_ = 1;
        }
    }
    if (!out.was_boot_.empty() && out.was_boot_ != boot) {
        const auto open = out.open_;
        for (auto [key, use] : open) {
            use.closed = now;
            use.end = "unknown";
            out.open_.erase(key);
            out.pending_.push_back(std::move(use));
        }
    }
    if (auto ok = out.rewrite(); !ok) return pass(ok.error());
    return out;
}

Status Spool::add(const Found& found) {
    if (found.position == position_ && found.opened.empty() && found.closed.empty()) return {};
    const std::size_t count = found.opened.size() + found.closed.size();
    // Where reading begins is kept at once: what comes from here on is ours, whenever we run again.
    if (count == 0 && !found.told && !position_.empty()) {
        position_ = found.position;  // read again after a crash: nothing in it concerned us
        return {};
    }
    if (pending_.size() + count > limits_.pending || open_.size() + found.opened.size() > limits_.open + kUsesInLine) {
        if (auto ok = append(path_, found_line(found.position, {}, {}, static_cast<std::int64_t>(count))); !ok)
            return ok;
        position_ = found.position;
        lost_ += static_cast<std::int64_t>(count);
        return {};
    }
    if (auto ok = append(path_, found_line(found.position, found.opened, found.closed, 0)); !ok) return ok;
    take(found);
    return {};
}

api::NodeUses Spool::oldest(std::size_t most) const {
    api::NodeUses out{{}, lost_};
    for (const auto& use : pending_) {
        if (out.uses.size() == most) break;
        out.uses.push_back(use);
    }
    return out;
}

Status Spool::delivered(std::size_t count, std::int64_t lost) {
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(std::min(count, pending_.size())));
    lost_ -= lost;
    return rewrite();
}

}  // namespace mayfly::agent
