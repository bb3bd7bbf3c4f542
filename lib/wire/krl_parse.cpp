// Reading a KRL (PROTOCOL.krl) strictly: what any sshd in use would refuse, or read differently, is refused here.
#include <algorithm>
#include <map>
#include <set>

#include "lib/wire/buffer.h"
#include "lib/wire/krl.h"
#include "lib/wire/krl_sections.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::wire {

namespace {

using detail::KrlSection;
using detail::KrlSubsection;

constexpr std::size_t kLargest = 16U << 20U;
constexpr std::size_t kMostRanges = 4'000'000;
constexpr std::size_t kLargestBitmap = 2048;  // SSHBUF_MAX_BIGNUM

tl::unexpected<Error> bad(std::string why) {
    return fail(Code::malformed, "KRL: " + std::move(why), "E-KRL",
                "sshd refuses every key when it cannot read the list it was given", {});
}

/// Collected is what the sections said so far, of each authority once.
struct Collected {
    struct Of {
        std::vector<SerialRange> serials;
        std::set<std::string> key_ids;
    };
    std::map<Bytes, Of> certificates;
    std::size_t ranges = 0;
    std::set<Bytes> keys;
    std::set<std::array<std::uint8_t, 20>> sha1;
    std::set<Digest> sha256;
};

Status add_range(Collected& all, Collected::Of& of, std::uint64_t first, std::uint64_t last) {
    if (first == 0) return bad("serial 0, which no certificate has");
    if (first > last) return bad("a range that ends before it begins");
    if (++all.ranges > kMostRanges) return bad("more than 4,000,000 ranges of serials");
    of.serials.push_back({first, last});
    return {};
}

Status read_list(Reader in, Collected& all, Collected::Of& of) {
    while (!in.empty()) {
        const auto serial = in.u64("KRL serial");
        if (!serial) return pass(serial.error());
        if (auto ok = add_range(all, of, *serial, *serial); !ok) return ok;
    }
    return {};
}

Status read_range(Reader in, Collected& all, Collected::Of& of) {
    const auto first = in.u64("KRL range"), last = in.u64("KRL range");
    if (!first || !last) return bad("a range that is cut short");
    if (auto ok = in.finish("KRL range"); !ok) return ok;
    return add_range(all, of, *first, *last);
}

Status read_bitmap(Reader in, Collected& all, Collected::Of& of) {
    const auto offset = in.u64("KRL bitmap");
    if (!offset) return pass(offset.error());
    const auto bits = in.mpint("KRL bitmap");
    if (!bits) return pass(bits.error());
    if (auto ok = in.finish("KRL bitmap"); !ok) return ok;
    if (bits->size() > kLargestBitmap) return bad("a bitmap of more than 2048 bytes");
    const std::uint64_t width = bits->size() * 8;
    const auto set = [&](std::uint64_t i) { return ((*bits)[bits->size() - 1 - i / 8] >> (i % 8) & 1U) != 0; };
    for (std::uint64_t i = 0; i < width; ++i) {
        if (!set(i)) continue;
        std::uint64_t end = i;
        while (end + 1 < width && set(end + 1)) ++end;
        if (*offset + end < *offset) return bad("a bitmap that reaches beyond the largest serial");
        if (auto ok = add_range(all, of, *offset + i, *offset + end); !ok) return ok;
        i = end;
    }
    return {};
}

Status read_key_ids(Reader in, Collected::Of& of) {
    while (!in.empty()) {
        auto id = in.text("KRL key id");
        if (!id) return pass(id.error());
        of.key_ids.insert(std::move(*id));
    }
    return {};
}

Status read_subsection(Reader& in, Collected& all, Collected::Of& of) {
    const auto type = in.u8("KRL section");
    if (!type) return pass(type.error());
    const auto data = in.string("KRL section");
    if (!data) return pass(data.error());
    switch (static_cast<KrlSubsection>(*type)) {
        case KrlSubsection::list: return read_list(Reader(*data), all, of);
        case KrlSubsection::range: return read_range(Reader(*data), all, of);
        case KrlSubsection::bitmap: return read_bitmap(Reader(*data), all, of);
        case KrlSubsection::key_ids: return read_key_ids(Reader(*data), of);
    }
    return bad("a part of kind " + std::to_string(*type) + " among the certificates, which not every sshd reads");
}

Status read_certificates(Reader in, Collected& all) {
    const auto authority = in.string("KRL authority");
    if (!authority) return pass(authority.error());
    if (!authority->empty())
        if (const auto key = parse_ssh_key(*authority); !key) return pass(key.error(), "KRL authority");
    const auto reserved = in.string("KRL reserved field");
    if (!reserved) return pass(reserved.error());
    if (!reserved->empty()) return bad("a reserved field that is not empty");
    Collected::Of here;
    while (!in.empty())
        if (auto ok = read_subsection(in, all, here); !ok) return ok;
    if (here.serials.empty() && here.key_ids.empty()) return {};
    auto& of = all.certificates[to_bytes(*authority)];
    of.serials.insert(of.serials.end(), here.serials.begin(), here.serials.end());
    of.key_ids.merge(here.key_ids);
    return {};
}

Status read_keys(Reader in, Collected& all) {
    while (!in.empty()) {
        const auto blob = in.string("KRL key");
        if (!blob) return pass(blob.error());
        if (const auto key = parse_ssh_key(*blob); !key) return pass(key.error(), "KRL key");
        all.keys.insert(to_bytes(*blob));
    }
    return {};
}

template <std::size_t N>
Status read_hashes(Reader in, std::set<std::array<std::uint8_t, N>>& out) {
    while (!in.empty()) {
        const auto bytes = in.string("KRL hash");
        if (!bytes) return pass(bytes.error());
        if (bytes->size() != N) return bad("a hash of " + std::to_string(bytes->size()) + " bytes");
        std::array<std::uint8_t, N> hash{};
        std::copy(bytes->begin(), bytes->end(), hash.begin());
        out.insert(hash);
    }
    return {};
}

Status read_section(Reader& in, Collected& all) {
    const auto type = in.u8("KRL section");
    if (!type) return pass(type.error());
    const auto data = in.string("KRL section");
    if (!data) return pass(data.error());
    switch (static_cast<KrlSection>(*type)) {
        case KrlSection::certificates: return read_certificates(Reader(*data), all);
        case KrlSection::keys: return read_keys(Reader(*data), all);
        case KrlSection::sha1: return read_hashes(Reader(*data), all.sha1);
        case KrlSection::sha256: return read_hashes(Reader(*data), all.sha256);
    }
    return bad("a section of kind " + std::to_string(*type) + ", which not every sshd reads");
}

Result<Krl> read_header(Reader& in) {
    const auto magic = in.raw(detail::kKrlMagic.size(), "KRL");
    if (!magic) return pass(magic.error());
    if (text_of(*magic) != detail::kKrlMagic) return bad("the file does not begin as one");
    const auto format = in.u32("KRL format");
    if (!format) return pass(format.error());
    if (*format != detail::kKrlFormat) return bad("format " + std::to_string(*format) + " is not known");
    const auto version = in.u64("KRL version"), generated = in.u64("KRL date"), flags = in.u64("KRL flags");
    if (!version || !generated || !flags) return bad("the header is cut short");
    if (*flags != 0) return bad("flags that are not known");
    if (*generated > static_cast<std::uint64_t>(INT64_MAX)) return bad("a date beyond all time");
    const auto reserved = in.string("KRL reserved field");
    if (!reserved) return pass(reserved.error());
    if (!reserved->empty()) return bad("a reserved field that is not empty");
    auto comment = in.text("KRL comment");
    if (!comment) return pass(comment.error());
    Krl out;
    out.version = *version;
    out.generated = Instant(static_cast<std::int64_t>(*generated));
    out.comment = std::move(*comment);
    return out;
}

/// Sorted, and joined where they touch or overlap.
std::vector<SerialRange> joined(std::vector<SerialRange> ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<SerialRange> out;
    for (const auto& range : ranges) {
        if (!out.empty() && range.first - 1 <= out.back().last)
            out.back().last = std::max(out.back().last, range.last);
        else
            out.push_back(range);
    }
    return out;
}

}  // namespace

Result<Krl> parse_krl(ByteView bytes) {
    if (bytes.size() > kLargest) return bad("larger than 16 MiB");
    Reader in(bytes);
    auto out = read_header(in);
    if (!out) return out;
    Collected all;
    while (!in.empty())
        if (auto ok = read_section(in, all); !ok) return pass(ok.error());
    for (auto& [authority, of] : all.certificates)
        out->certificates.push_back({authority, joined(std::move(of.serials)), {of.key_ids.begin(), of.key_ids.end()}});
    out->keys.assign(all.keys.begin(), all.keys.end());
    out->sha1.assign(all.sha1.begin(), all.sha1.end());
    out->sha256.assign(all.sha256.begin(), all.sha256.end());
    return out;
}

}  // namespace mayfly::wire
