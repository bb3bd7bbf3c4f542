#include "lib/desk/at_hand.h"

#include <algorithm>
#include <charconv>

namespace mayfly::desk {

namespace {

constexpr std::string_view kFirstLine = "mayfly-at-hand 1";
constexpr std::int64_t kLatest = 253402300799;  // 9999-12-31T23:59:59Z

tl::unexpected<Error> damaged(std::string_view line) {
    return fail(Code::corrupt, "the file of what is at hand is damaged: \"" + printable(line.substr(0, 80)) + "\"",
                "E-AT-HAND", "nothing in it is believed", "mayfly ssh agent start, or mayfly login");
}

/// The text up to `separator`, which is taken away with it; all of it when there is none.
std::string_view take(std::string_view& rest, char separator) {
    const auto end = std::min(rest.find(separator), rest.size());
    const auto out = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
}

Result<Instant> parse_seconds(std::string_view word) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
    if (error != std::errc() || end != word.data() + word.size() || seconds < 0 || seconds > kLatest)
        return damaged(word);
    return Instant(seconds);
}

/// Comma-separated names; "-" is none of them.
template <class Name>
Result<std::vector<Name>> parse_names(std::string_view words) {
    std::vector<Name> out;
    if (words == "-") return out;
    while (!words.empty()) {
        auto one = Name::parse(take(words, ','));
        if (!one) return pass(one.error());
        out.push_back(std::move(*one));
    }
    return out;
}

template <class Name>
std::string joined(const std::vector<Name>& names) {
    std::string out;
    for (const auto& one : names) out += (out.empty() ? "" : ",") + one.text();
    return out.empty() ? "-" : out;
}

/// Texts for people stand between tabs, with nothing in them that moves a cursor or ends a line.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 1000)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    return out;
}

Status read_line(std::string_view line, AtHand& state) {
    std::string_view rest = line;
    const auto kind = take(rest, ' ');
    if (kind == "keeping") {
        const auto keeping = parse_keeping(rest);
        if (!keeping) return damaged(line);
        state.keeping = *keeping;
        return {};
    }
    if (kind == "context") {
        if (auto ok = word_rule("context name", rest); !ok) return damaged(line);
        state.context = rest;
        return {};
    }
    const auto until_of = [&]() { return parse_seconds(take(rest, ' ')); };
    if (kind == "session") {
        const auto until = until_of();
        if (!until || !rest.empty()) return damaged(line);
        state.session_until = *until;
        return {};
    }
    if (kind == "role") {
        auto principal = Principal::parse(take(rest, ' '));
        const auto until = until_of();
        auto accounts = parse_names<AccountName>(take(rest, ' '));
        const auto ticket = take(rest, ' ');
        if (!principal || !until || !accounts || (ticket != "ticket" && ticket != "-")) return damaged(line);
        state.roles.push_back(
            {std::move(*principal), *until, std::move(*accounts), ticket == "ticket", std::string(rest)});
        return {};
    }
    if (kind == "node") {
        auto node = NodeName::parse(take(rest, ' '));
        auto hosts = parse_names<HostName>(take(rest, ' '));
        auto roles = parse_names<RoleName>(take(rest, ' '));
        if (!node || !hosts || !roles || !rest.empty()) return damaged(line);
        state.nodes.push_back({std::move(*node), std::move(*hosts), std::move(*roles)});
        return {};
    }
    if (kind == "certificate") {
        const auto until = until_of();
        auto principal = Principal::parse(rest);
        if (!until || !principal) return damaged(line);
        state.certificates.push_back({*until, std::move(*principal)});
        return {};
    }
    if (kind == "trouble") {
        const auto until = until_of();
        const auto word = take(rest, ' ');
        auto about = Principal::parse(word);
        if (!until || (word != "-" && !about)) return damaged(line);
        Trouble trouble{*until};
        if (about) trouble.about = std::move(*about);
        trouble.message = take(rest, '\t');
        trouble.fix = rest;
        state.troubles.push_back(std::move(trouble));
        return {};
    }
    return damaged(line);
}

}  // namespace

std::string_view name(Keeping keeping) { return keeping == Keeping::own_agent ? "private" : "user"; }

Result<Keeping> parse_keeping(std::string_view word) {
    for (const auto keeping : {Keeping::own_agent, Keeping::user_agent})
        if (word == name(keeping)) return keeping;
    return fail(Code::malformed, "there is no agent \"" + printable(word) + "\"", "E-USAGE", "private or user", {});
}

const ReachedNode* AtHand::node_of(const HostName& host) const {
    for (const auto& node : nodes)
        if (std::find(node.hosts.begin(), node.hosts.end(), host) != node.hosts.end()) return &node;
    return nullptr;
}

std::vector<const ReachedRole*> AtHand::held_for(const ReachedNode& node, Instant now) const {
    std::vector<const ReachedRole*> out;
    for (const auto& wanted : node.roles)
        for (const auto& role : roles) {
            if (role.principal.role() != wanted || role.held_until <= now || !opens(node, role.principal)) continue;
            out.push_back(&role);
            break;
        }
    return out;
}

std::vector<const ReachedRole*> AtHand::to_ask_for(const ReachedNode& node, Instant now) const {
    std::vector<const ReachedRole*> out;
    for (const auto& wanted : node.roles)
        for (const auto& role : roles)
            if (role.principal.role() == wanted && role.held_until <= now && !role.principal.node())
                out.push_back(&role);
    return out;
}

bool AtHand::opens(const ReachedNode& node, const Principal& principal) {
    if (principal.node() && *principal.node() != node.name) return false;
    return std::find(node.roles.begin(), node.roles.end(), principal.role()) != node.roles.end();
}

std::string encode_at_hand(const AtHand& state) {
    std::string out(kFirstLine);
    out += "\nkeeping " + std::string(name(state.keeping)) + "\n";
    if (!state.context.empty()) out += "context " + state.context + "\n";
    const auto seconds = [](Instant at) { return std::to_string(std::clamp<std::int64_t>(at.seconds(), 0, kLatest)); };
    out += "session " + seconds(state.session_until) + "\n";
    for (const auto& role : state.roles)
        out += "role " + role.principal.text() + " " + seconds(role.held_until) + " " + joined(role.accounts) +
               (role.ticket ? " ticket " : " - ") + plain(role.approve) + "\n";
    for (const auto& node : state.nodes)
        out += "node " + node.name.text() + " " + joined(node.hosts) + " " + joined(node.roles) + "\n";
    for (const auto& one : state.certificates)
        out += "certificate " + seconds(one.until) + " " + one.principal.text() + "\n";
    for (const auto& one : state.troubles)
        out += "trouble " + seconds(one.until) + " " + (one.about ? one.about->text() : "-") + " " +
               plain(one.message) + "\t" + plain(one.fix) + "\n";
    return out;
}

Result<AtHand> parse_at_hand(std::string_view text) {
    if (text.size() > kLargestAtHand || take(text, '\n') != kFirstLine) return damaged("first line");
    // A file that ends in the middle of a line was not written by us: it is replaced as a whole.
    if (!text.empty() && text.back() != '\n') return damaged("last line");
    AtHand state;
    while (!text.empty())
        if (auto ok = read_line(take(text, '\n'), state); !ok) return pass(ok.error());
    return state;
}

}  // namespace mayfly::desk
