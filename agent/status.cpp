#include "agent/status.h"

#include "lib/files/files.h"

namespace mayfly::agent {

namespace {

constexpr std::size_t kLargest = 1 << 20;

std::string text_at(const wire::Json& json, const char* name) {
    if (json.object() == nullptr) return {};
    const auto found = json.object()->find(name);
    const auto* text = found == json.object()->end() ? nullptr : found->second.string();
    return text == nullptr ? std::string() : *text;
}

std::optional<Instant> time_at(const wire::Json& json, const char* name) {
    const auto at = Instant::parse(text_at(json, name));
    return at ? std::optional(*at) : std::nullopt;
}

Result<wire::Json> read_json(const Config& config) {
    const auto text = files::read(status_file(config), kLargest);
    if (!text) return pass(text.error());
    return wire::parse_json(text_of(*text));
}

/// How far sshd is taken over, what is otherwise than it should be, and what would stand outside.
void say_sshd(const wire::Json& json, std::vector<std::string>& out) {
    if (json.object() == nullptr || !json.object()->contains("sshd")) return;
    const wire::Json& sshd = json.object()->at("sshd");
    if (sshd.object() == nullptr) return;
    out.push_back("sshd          mode " + text_at(sshd, "mode") + ": " + text_at(sshd, "means"));
    for (const auto& [member, words] : {std::pair{"differs", "  differs     "},
                                        {"would_break_in_only", "  would break "},
                                        {"old_ways_used", "  was used    "}}) {
        const auto found = sshd.object()->find(member);
        if (found == sshd.object()->end() || found->second.array() == nullptr) continue;
        for (const auto& one : *found->second.array())
            if (one.string() != nullptr) out.push_back(words + *one.string());
    }
}

/// An agent that does not run renews nothing and reports nothing, however well it stood when it last did.
Verdict silent(Instant last) {
    return {Standing::trouble, Health::trouble, "the agent has not run since " + last.text(),
            "systemctl start mayfly-agent; journalctl -u mayfly-agent says why it stopped"};
}

}  // namespace

std::string status_file(const Config& config) { return config.state_dir + "/status.json"; }

Memory recall(const Config& config) {
    Memory out;
    const auto json = read_json(config);
    if (!json) return out;
    if (const auto standing = parse_standing(text_at(*json, "standing"))) out.standing = *standing;
    out.since = time_at(*json, "since").value_or(Instant(0));
    out.last_contact = time_at(*json, "last_contact");
    out.cloned = text_at(*json, "cloned");
    return out;
}

wire::Json::Object standing_members(const Verdict& verdict, const Memory& memory, std::optional<std::int64_t> ahead) {
    wire::Json::Object out{{"health", std::string(name(verdict.health))},
                           {"standing", std::string(name(verdict.standing))},
                           {"since", memory.since.text()},
                           {"why", verdict.why},
                           {"fix", verdict.fix},
                           {"last_contact", memory.last_contact ? memory.last_contact->text() : ""},
                           {"cloned", memory.cloned}};
    if (ahead) out.emplace("clock_ahead_seconds", *ahead);
    return out;
}

Result<Report> read_status(const Config& config, Instant now) {
    auto json = read_json(config);
    if (!json && json.error().code == Code::not_found)
        return fail(Code::not_found, "the agent has not run yet", "E-STATUS", {}, "mayfly-agent run");
    if (!json) return pass(json.error(), status_file(config));
    Report out;
    out.standing = parse_standing(text_at(*json, "standing")).value_or(Standing::trouble);
    Verdict verdict{out.standing, Health::trouble, text_at(*json, "why"), text_at(*json, "fix")};
    std::string health = text_at(*json, "health"), since = text_at(*json, "since");
    const auto last = time_at(*json, "time");
    constexpr std::int64_t kMissedRounds = 3;
    const std::int64_t patience = kMissedRounds * config.poll.seconds() + 60;
    if (last && now.seconds() - last->seconds() > patience) {
        verdict = silent(*last);
        out.standing = verdict.standing;
        health = name(verdict.health);
        since = last->text();
        auto members = *json->object();
        members["standing"] = std::string(name(verdict.standing));
        members["health"] = health;
        members["why"] = verdict.why;
        members["fix"] = verdict.fix;
        members["since"] = since;
        json = wire::Json(std::move(members));
    }
    out.lines.push_back(std::string(name(out.standing)) + (since.empty() ? "" : " since " + since) +
                        (health == name(Health::ok) ? "" : ", health " + health));
    if (!verdict.why.empty()) out.lines.push_back("  why: " + verdict.why);
    if (!verdict.fix.empty()) out.lines.push_back("  fix: " + verdict.fix);
    const auto line = [&](const char* what, const char* member) {
        if (const auto text = text_at(*json, member); !text.empty()) out.lines.push_back(std::string(what) + text);
    };
    line("CA            ", "ca");
    line("last round    ", "time");
    line("last contact  ", "last_contact");
    line("identity ends ", "identity_until");
    say_sshd(*json, out.lines);
    out.json = std::move(*json);
    return out;
}

}  // namespace mayfly::agent
