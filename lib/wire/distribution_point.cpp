#include "lib/wire/distribution_point.h"

#include <algorithm>

#include "mayfly/names.h"

namespace mayfly::wire::detail {

namespace {

constexpr std::size_t kLongestUrl = 1024;
constexpr std::size_t kMostPoints = 256;

}  // namespace

Status check_distribution_url(const std::string& url) {
    const bool http = url.starts_with("http://") || url.starts_with("https://");
    const bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (http && plain && url.size() <= kLongestUrl) return {};
    return fail(Code::malformed, "the distribution point is not an http or https URL of at most 1024 characters");
}

Bytes encode_distribution_name(const std::string& url) {
    return der::tlv(der::context(0), der::tlv(der::context(0), der::tlv(der::context_primitive(6), view(url))));
}

Status read_distribution_name(ByteView contents, std::vector<std::string>& urls) {
    der::Reader in(contents);
    const auto name = in.any("distribution point name");
    if (!name) return pass(name.error());
    if (auto ok = in.finish("distribution point name"); !ok) return ok;
    if (name->tag != der::context(0)) return {};  // a name relative to the issuer's
    der::Reader names(name->contents);
    while (!names.empty()) {
        const auto one = names.any("distribution point name");
        if (!one) return pass(one.error());
        if (one->tag == der::context_primitive(6)) urls.push_back(printable(text_of(one->contents)));
    }
    return {};
}

Bytes encode_crl_pointer(const std::string& url) {
    return der::sequence({der::sequence({encode_distribution_name(url)})});
}

Result<std::vector<std::string>> parse_crl_pointers(ByteView value) {
    der::Reader outer(value);
    const auto list = outer.expect(der::kSequence, "cRLDistributionPoints");
    if (!list) return pass(list.error());
    if (auto ok = outer.finish("cRLDistributionPoints"); !ok) return pass(ok.error());
    if (list->contents.empty()) return fail(Code::malformed, "cRLDistributionPoints: empty");
    std::vector<std::string> urls;
    der::Reader points(list->contents);
    for (std::size_t count = 0; !points.empty(); ++count) {
        const auto point = points.expect(der::kSequence, "cRLDistributionPoints");
        if (!point) return pass(point.error());
        if (count == kMostPoints) return fail(Code::malformed, "cRLDistributionPoints: more than 256");
        der::Reader in(point->contents);
        const auto name = in.optional(der::context(0), "distribution point");
        if (!name) return pass(name.error());
        if (!name->whole.empty())
            if (auto ok = read_distribution_name(name->contents, urls); !ok) return pass(ok.error());
        for (const auto tag : {der::context_primitive(1), der::context(2)})  // reasons, cRLIssuer
            if (const auto skipped = in.optional(tag, "distribution point"); !skipped) return pass(skipped.error());
        if (auto ok = in.finish("distribution point"); !ok) return pass(ok.error());
    }
    return urls;
}

}  // namespace mayfly::wire::detail
