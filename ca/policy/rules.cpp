#include "ca/policy/rules.h"

#include <algorithm>

namespace mayfly::policy {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<Party> Party::parse(std::string_view text) {
    if (text == "owner") return Party(Kind::owner, {});
    if (text == "backup-owner") return Party(Kind::backup_owner, {});
    if (text == "manager") return Party(Kind::manager, {});
    for (const auto& [prefix, kind] : {std::pair{std::string_view("group:"), Kind::group}, {"person:", Kind::person}}) {
        if (!text.starts_with(prefix)) continue;
        const auto name = text.substr(prefix.size());
        if (auto ok = word_rule(kind == Kind::group ? "group name" : "owner name", name); !ok) return pass(ok.error());
        return Party(kind, std::string(name));
    }
    return fail(Code::malformed, "\"" + printable(text.substr(0, 80)) + "\" is nobody who can be asked", "E-NAME",
                "owner, backup-owner, manager, group:NAME or person:OWNER", {});
}

std::string Party::text() const {
    switch (kind_) {
        case Kind::owner: return "owner";
        case Kind::backup_owner: return "backup-owner";
        case Kind::manager: return "manager";
        case Kind::group: return "group:" + name_;
        case Kind::person: return "person:" + name_;
    }
    return {};
}

std::string_view name(Starts starts) {
    switch (starts) {
        case Starts::approval: return "approval";
        case Starts::first_use: return "first-use";
        case Starts::at: return "at";
    }
    return {};
}

std::string_view name(Lapse lapse) {
    switch (lapse) {
        case Lapse::suspend: return "suspend";
        case Lapse::keep: return "keep";
        case Lapse::remove: return "remove";
    }
    return {};
}

std::string_view name(FirstTime first) {
    switch (first) {
        case FirstTime::ignore: return "ignore";
        case FirstTime::mark: return "mark";
        case FirstTime::approve: return "approve";
    }
    return {};
}

std::string text(const Approvers& approvers) {
    if (approvers.of)
        return approvers.need > 1 ? std::to_string(approvers.need) + " of " + approvers.of->text()
                                  : approvers.of->text();
    std::string out = approvers.kind == Approvers::Kind::all_of ? "all of (" : std::to_string(approvers.need) + " of (";
    for (const auto& part : approvers.parts) out += (out.back() == '(' ? "" : ", ") + text(part);
    return out + ")";
}

std::string text(const RequestRule& rule) {
    if (rule.automatic) return "automatic";
    std::string out;
    for (const auto& stage : rule.stages) out += (out.empty() ? "" : ", then ") + text(stage);
    return out.empty() ? "none" : out;
}

bool ticket_matches(std::string_view pattern, std::string_view ticket) {
    // Each star is tried shortest first and remembered once, so the cost is at most pattern × ticket.
    std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
    const auto back_to_star = [&] {
        if (star == std::string_view::npos) return false;
        p = star + 1;
        t = ++mark;
        return mark <= ticket.size();
    };
    for (;;) {
        if (p == pattern.size() && t == ticket.size()) return true;
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == '#' && t < ticket.size() && digit(ticket[t])) {
            while (t < ticket.size() && digit(ticket[t])) ++t;
            ++p;
        } else if (p < pattern.size() && t < ticket.size() && pattern[p] == ticket[t] && pattern[p] != '#') {
            ++p, ++t;
        } else if (!back_to_star()) {
            return false;
        }
    }
}

}  // namespace mayfly::policy
