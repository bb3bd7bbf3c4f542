#include "agent/report/notices.h"

#include <algorithm>
#include <cstdio>

#include "lib/files/files.h"
#include "lib/wire/api.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 64 << 20;

}  // namespace

Result<Notices> Notices::load(const std::string& path, std::size_t most) {
    Notices out(path, most);
    const auto text = files::read(path, kLargest);
    if (!text && text.error().code == Code::not_found) return out;
    if (!text) return pass(text.error());
    std::string_view rest = text_of(*text);
    bool first = true;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto json = wire::parse_json(line);
        if (first && json) {
            wire::Fields fields(*json, "notices");
            out.lost_ = fields.integer("lost");
            first = false;
            if (fields.finish()) continue;
        }
        auto notice =
            json ? wire::from_json<api::NodeNotice>(*json, "notice") : Result<api::NodeNotice>(pass(json.error()));
        if (!notice) {
            // What comes matters more than what was: the file stays for whoever looks into it.
            (void)std::rename(path.c_str(), (path + ".damaged").c_str());
            out.lost_ += 1;
            break;
        }
        out.pending_.push_back(std::move(*notice));
    }
    return out;
}

Status Notices::rewrite() {
    std::string text = wire::Json(wire::Json::Object{{"lost", lost_}}).canonical() + "\n";
    for (const auto& notice : pending_) text += wire::to_json(notice).canonical() + "\n";
    return files::write(path_, view(text), 0600);
}

Status Notices::add(const std::vector<api::NodeNotice>& notices) {
    const auto had = pending_.size();
    const auto had_lost = lost_;
    for (const auto& notice : notices) {
        const bool waits =
            std::any_of(pending_.begin(), pending_.end(), [&](const auto& known) { return known.id == notice.id; });
        if (waits) continue;
        if (pending_.size() < most_)
            pending_.push_back(notice);
        else
            ++lost_;
    }
    if (pending_.size() == had && lost_ == had_lost) return {};
    if (auto ok = rewrite(); !ok) {
        pending_.resize(had);
        lost_ = had_lost;
        return ok;
    }
    return {};
}

api::NodeNotices Notices::oldest(std::size_t most) const {
    api::NodeNotices out{{}, lost_};
    for (const auto& notice : pending_) {
        if (out.notices.size() == most) break;
        out.notices.push_back(notice);
    }
    return out;
}

Status Notices::delivered(std::size_t count, std::int64_t lost) {
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(std::min(count, pending_.size())));
    lost_ -= lost;
    return rewrite();
}

}  // namespace mayfly::agent
