#include <algorithm>

#include "ca/policy/policy.h"

namespace mayfly::policy {

namespace {

using Type = wire::SubjectName::Type;

/// Compares segment by segment; a pattern segment "*" stands for exactly one non-empty segment.
bool match_segments(std::string_view pattern, std::string_view text, char separator) {
    for (;;) {
        const auto p = pattern.find(separator), t = text.find(separator);
        const auto want = pattern.substr(0, p), have = text.substr(0, t);
        if (want == "*" ? have.empty() || have == "*" : want != have) return false;
        if ((p == std::string_view::npos) != (t == std::string_view::npos)) return false;
        if (p == std::string_view::npos) return true;
        pattern.remove_prefix(p + 1);
        text.remove_prefix(t + 1);
    }
}

}  // namespace

NamePattern::NamePattern(Type type, std::string pattern, std::string text)
    : type_(type), pattern_(std::move(pattern)), text_(std::move(text)) {}

Result<NamePattern> NamePattern::parse(std::string_view text) {
    const auto bad = [&](std::string why) {
        return fail(Code::malformed, "\"" + printable(text.substr(0, 80)) + "\" is not a name pattern", "E-PATTERN",
                    std::move(why), "write it like dns:*.corp.example, ip:10.0.0.0/8 or uri:spiffe://corp/workload/*");
    };
    if (text.starts_with("ip:")) {
        auto block = parse_cidr(text.substr(3));
        if (!block) return bad(block.error().why);
        return NamePattern(Type::ip, std::move(*block), std::string(text));
    }
    if (!text.starts_with("dns:") && !text.starts_with("uri:") && !text.starts_with("email:"))
        return bad("a pattern starts with dns:, ip:, uri: or email:");
    const bool dns = text.starts_with("dns:");
    const std::string_view body = text.substr(text.find(':') + 1);
    if (dns && body == "localhost") return NamePattern(Type::dns, "localhost", std::string(text));
    // A star stands for one whole segment, and never for the authority of a URI or for all of a domain.
    std::string sample(text);
    for (std::size_t star = sample.find('*'); star != std::string::npos; star = sample.find('*', star + 1)) {
        const char before = sample[star - 1];
        const char after = star + 1 < sample.size() ? sample[star + 1] : '\0';
        const bool whole = dns ? before == ':' && after == '.' : before == '/' && (after == '/' || after == '\0');
        if (!whole) return bad(dns ? "* is a whole left-most label" : "* is one whole segment of the path");
        sample[star] = 'x';
    }
    const auto name = wire::SubjectName::parse(sample);
    if (!name) return bad(name.error().why);
    if (dns && body.starts_with("*.") && body.find('.', 2) == std::string_view::npos)
        return bad("a star needs a domain of two labels");
    if (name->type == Type::uri && body.find("://*") != std::string_view::npos)
        return bad("* cannot stand for the authority");
    return NamePattern(name->type, std::string(body), std::string(text));
}

bool NamePattern::matches(const wire::SubjectName& name) const {
    if (name.type != type_) return false;
    switch (type_) {
        case Type::ip: return within(name.text, pattern_);
        case Type::dns: {
            // A wildcard name is matched by the pattern that says the same; whether it may be issued is another flag.
            if (name.text.starts_with("*.")) return name.text == pattern_;
            return match_segments(pattern_, name.text, '.');
        }
        case Type::uri: return match_segments(pattern_, name.text, '/');
        case Type::email: return name.text == pattern_;
    }
    return false;
}

}  // namespace mayfly::policy
