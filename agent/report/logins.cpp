#include "agent/report/logins.h"

#include <algorithm>

#include "lib/files/files.h"
#include "lib/wire/json.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 16 << 20, kMostAccounts = 2000, kMostOld = 50;

Instant time_of(const std::string& text) { return Instant::parse(text).value_or(Instant(0)); }

}  // namespace

Result<Logins> Logins::load(const std::string& path) {
    Logins out(path);
    const auto text = files::read(path, kLargest);
    if (!text && text.error().code == Code::not_found) return out;
    if (!text) return pass(text.error());
    const auto json = wire::parse_json(text_of(*text));
    // It is a memory of the log, and the log goes on: a damaged one begins anew.
    if (!json || json->object() == nullptr) return out;
    for (const auto& [account, use] : *json->object()) {
        wire::Fields fields(use, "logins");
        AccountUse& entry = out.accounts_[account];
        entry.certificate = time_of(fields.text_or("certificate", ""));
        if (const auto* list = fields.member("old"); list != nullptr && list->array() != nullptr)
            for (const auto& item : *list->array()) {
                wire::Fields one(item, "logins");
                entry.old.push_back({one.text_or("how", ""), one.text_or("key", ""), one.text_or("seems", ""),
                                     time_of(one.text_or("last", ""))});
            }
    }
    return out;
}

void Logins::note(const Login& login, const std::string& seems) {
    if (!accounts_.contains(login.account) && accounts_.size() >= kMostAccounts) return;
    AccountUse& use = accounts_[login.account];
    if (login.by_certificate()) {
        use.certificate = std::max(use.certificate, login.at);
        return;
    }
    const auto same = std::find_if(use.old.begin(), use.old.end(),
                                   [&](const OldUse& one) { return one.how == login.how && one.key == login.key; });
    OldUse next{login.how, login.key, seems, login.at};
    if (same != use.old.end()) {
        next.last = std::max(next.last, same->last);
        use.old.erase(same);
    }
    use.old.push_back(std::move(next));
    if (use.old.size() > kMostOld) use.old.erase(use.old.begin());
}

Status Logins::save() const {
    wire::Json::Object out;
    for (const auto& [account, use] : accounts_) {
        wire::Json::Array old;
        for (const auto& one : use.old)
            old.emplace_back(wire::Json::Object{
                {"how", one.how}, {"key", one.key}, {"seems", one.seems}, {"last", one.last.text()}});
        wire::Json::Object entry{{"old", std::move(old)}};
        if (use.certificate > Instant(0)) entry["certificate"] = use.certificate.text();
        out.emplace(account, std::move(entry));
    }
    return files::write(path_, view(wire::Json(std::move(out)).canonical()), 0600);
}

std::vector<Logins::Broken> Logins::would_break(Instant since) const {
    std::vector<Broken> out;
    for (const auto& [account, use] : accounts_) {
        std::string whose;
        for (auto one = use.old.rbegin(); one != use.old.rend(); ++one) {
            if (one->last < since) continue;
            whose += whose.empty() ? "" : "; ";
            whose += one->how + (one->key.empty() ? "" : " " + one->key) +
                     (one->seems.empty() ? "" : " (" + one->seems + ")") + ", last " + one->last.text();
        }
        if (whose.empty()) continue;
        const bool only = use.certificate < since;
        out.push_back({account, (only ? "no certificate opened it: " : "certificates open it too: ") + whose, only});
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const Broken& a, const Broken& b) { return a.only_way && !b.only_way; });
    return out;
}

}  // namespace mayfly::agent
