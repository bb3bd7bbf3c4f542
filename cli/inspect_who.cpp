// inspect --who: what the CA's log knows of a certificate.
#include "cli/finding.h"
#include "cli/verbs.h"
#include "lib/log/event.h"
#include "lib/wire/text.h"
#include "mayfly/api_log.h"

namespace mayfly::cli {

namespace {

std::string text_of_member(const wire::Json::Object& data, const char* member) {
    const auto found = data.find(member);
    const auto* text = found == data.end() ? nullptr : found->second.string();
    return text == nullptr ? "" : *text;
}

void add_promise(const log::Event& event, Finding& out) {
    out.add("identity", event.subject);
    out.add("owner", event.owner);
    out.add("asked by", event.actor + " at " + event.time.text());
    for (const auto* member : {"role", "grant", "policy_version"})
        if (const auto text = text_of_member(event.data, member); !text.empty()) out.add(member, text);
    const auto reasons = event.data.find("reasons");
    const auto* list = reasons == event.data.end() ? nullptr : reasons->second.array();
    if (list == nullptr) return;
    for (const auto& reason : *list)
        if (const auto* text = reason.string()) out.add("because", *text);
}

/// The events of a serial: this very certificate's outcome, and the promise that it kept. Serials of SSH are small
/// numbers, and other CAs have the same: the certificate's hash says whether the log means this one.
const log::Event* promise_of(const std::vector<log::Event>& events, const std::string& sha256) {
    for (const auto& issued : events) {
        if (issued.type != "certificate.issued" || text_of_member(issued.data, "certificate_sha256") != sha256)
            continue;
        for (const auto& promise : events)
            if (promise.type == "certificate.intent" &&
                text_of_member(promise.data, "intent") == text_of_member(issued.data, "intent"))
                return &promise;
    }
    return nullptr;
}

std::string field_of(const Finding& finding, std::string_view name) {
    for (const auto& [field, value] : finding.fields)
        if (field == name) return value;
    return {};
}

}  // namespace

Status ask_who(const Globals& globals, Finding& finding) {
    const std::string serial = field_of(finding, "serial"), sha256 = field_of(finding, "sha256");
    if (serial.empty() || sha256.empty() || finding.what.find("certificate") == std::string::npos)
        return fail(Code::malformed, "--who is for certificates", "E-USAGE", {}, "leave --who out");
    auto session = open_session(globals);
    if (!session) return pass(session.error());
    const auto found = session->ca.get<api::LogMatches>("/v1/log/search?serial=" + serial + "&limit=50");
    if (!found) return pass(found.error());
    std::vector<log::Event> events;
    for (const auto& match : found->matches) {
        const auto entry = wire::parse_base64(match.entry);
        auto event = entry ? log::parse_event(*entry) : pass(entry.error());
        if (!event) return pass(event.error());
        events.push_back(std::move(*event));
    }
    const auto* promise = promise_of(events, sha256);
    if (promise == nullptr)
        return fail(Code::not_found, "the log of this CA does not know this certificate", "E-INSPECT",
                    "it may be another CA's, or made by nobody who may",
                    "mayfly verify says whether it is to be trusted");
    add_promise(*promise, finding);
    return {};
}

}  // namespace mayfly::cli
