#include "cli/ending.h"

namespace mayfly::cli {

namespace {

std::string counted(std::int64_t number, const std::string& what) { return std::to_string(number) + " " + what; }

std::string summary(const api::Ending& ending) {
    std::string out = counted(ending.identities, "identity(s) suspended, ") +
                      counted(ending.grants, "grant(s) stopped, ") + counted(ending.revoked, "certificate(s) revoked");
    if (ending.tokens > 0) out += ", " + counted(ending.tokens, "join token(s) void");
    return out;
}

}  // namespace

std::string in_query(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~' || c == '/';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

Status confirmed(const Globals& globals, const std::string& act, const std::string& name, const std::string& again) {
    if (globals.dry_run || again == name) return {};
    return fail(Code::malformed, act + " \"" + name + "\" must be confirmed", "E-CONFIRM", "there is no way back",
                "try --dry-run first, then --confirm " + name);
}

Result<int> stop_it(const Globals& globals, const std::string& path, const api::Stop& body, const std::string& done) {
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto ending = session->ca.post<api::Ending>(path + globals.query(), body);
    if (!ending) return pass(ending.error());
    Answer answer{wire::to_json(*ending), {ending->name}};
    answer.messages.push_back((globals.dry_run ? "would be done: " : "✓ ") + ending->name + " " + done + ": " +
                              summary(*ending));
    if (ending->to_adopt > 0)
        answer.messages.push_back(counted(ending->to_adopt, "thing(s) wait for somebody to adopt them until ") +
                                  ending->adopt_by + ": mayfly owner adopt " + ending->name);
    if (ending->living > 0) {
        answer.messages.push_back(counted(ending->living,
                                          "certificate(s) live on until they expire; --revoke ends "
                                          "them now"));
        answer.columns = {{"SERIAL"}, {"KIND"}, {"IDENTITY"}, {"ROLE"}, {"UNTIL"}};
        for (const auto& one : ending->certificates)
            answer.rows.push_back({one.serial, one.kind, one.identity, or_dash(one.role), one.until});
    }
    return show(globals, answer);
}

}  // namespace mayfly::cli
