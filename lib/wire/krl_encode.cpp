// Writing a KRL (PROTOCOL.krl), as small as its sections allow.
#include <algorithm>
#include <deque>

#include "lib/wire/buffer.h"
#include "lib/wire/krl.h"
#include "lib/wire/krl_sections.h"

namespace mayfly::wire {

namespace {

using detail::KrlSection;
using detail::KrlSubsection;

// What one stretch costs, in bits: a serial in the list; a range; a bitmap beside its bits, of which the last byte may
// be begun and one more be needed for the sign.
constexpr std::uint64_t kSerialBits = 64, kRangeBits = (5 + 16) * 8, kBitmapBits = (5 + 8 + 4 + 1) * 8 + 7;
// OpenSSH takes bignums of 2048 bytes (SSHBUF_MAX_BIGNUM); one byte is left for the sign.
constexpr std::uint64_t kWidestBitmap = 2047 * 8;

enum class Form : std::uint8_t { list, range, bitmap };
/// Piece is the ranges from `begin` up to and with `end`, written in one form.
struct Piece {
    std::size_t begin = 0, end = 0;
    Form form = Form::list;
};

std::uint64_t count(const SerialRange& range) { return range.last - range.first + 1; }

Form alone(const SerialRange& range) { return range.last - range.first < 2 ? Form::list : Form::range; }

/// The cheapest way to write the ranges, by dynamic programming: best[n] is the cost of the first n. A bitmap from
/// range i to range j costs what its span is wide, so the best i for every j within reach is the smallest best[i] -
/// first[i], which a queue keeps in order: linear in the number of ranges.
std::vector<Piece> cut(const std::vector<SerialRange>& ranges) {
    std::vector<std::uint64_t> best(ranges.size() + 1);
    std::vector<Piece> last(ranges.size() + 1);
    std::deque<std::size_t> starts;
    for (std::size_t j = 0; j < ranges.size(); ++j) {
        const auto& range = ranges[j];
        const Form form = alone(range);
        best[j + 1] = best[j] + (form == Form::list ? count(range) * kSerialBits : kRangeBits);
        last[j + 1] = {j, j, form};
        // best never falls, so the difference of two starts can be compared without going below zero.
        const auto no_better = [&](std::size_t i) { return best[i] + (range.first - ranges[i].first) >= best[j]; };
        while (!starts.empty() && (range.last - ranges[starts.front()].first >= kWidestBitmap)) starts.pop_front();
        while (!starts.empty() && no_better(starts.back())) starts.pop_back();
        if (range.last - range.first < kWidestBitmap) starts.push_back(j);
        if (starts.empty()) continue;
        const std::size_t i = starts.front();
        const std::uint64_t cost = best[i] + kBitmapBits + (range.last - ranges[i].first + 1);
        if (cost >= best[j + 1]) continue;
        best[j + 1] = cost;
        last[j + 1] = {i, j, Form::bitmap};
    }
    std::vector<Piece> pieces;
    for (std::size_t n = ranges.size(); n > 0; n = last[n].begin) pieces.push_back(last[n]);
    std::reverse(pieces.begin(), pieces.end());
    return pieces;
}

void write_subsection(Writer& out, KrlSubsection type, ByteView data) {
    out.u8(static_cast<std::uint8_t>(type)).string(data);
}

/// Bit i of the number stands for serial `first` + i.
Bytes bitmap(const std::vector<SerialRange>& ranges, const Piece& piece) {
    const std::uint64_t first = ranges[piece.begin].first;
    Bytes bits((ranges[piece.end].last - first) / 8 + 1);
    for (std::size_t n = piece.begin; n <= piece.end; ++n)
        for (std::uint64_t i = ranges[n].first - first; i <= ranges[n].last - first; ++i)
            bits[bits.size() - 1 - i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
    Writer out;
    out.u64(first).mpint(bits);
    return out.take();
}

void write_serials(Writer& out, const std::vector<SerialRange>& ranges) {
    Writer list;  // one list for all single serials, wherever they stand
    for (const auto& piece : cut(ranges)) {
        const auto& range = ranges[piece.begin];
        if (piece.form == Form::list)
            for (std::uint64_t n = 0; n < count(range); ++n) list.u64(range.first + n);
        else if (piece.form == Form::range)
            write_subsection(out, KrlSubsection::range, Writer().u64(range.first).u64(range.last).bytes());
        else
            write_subsection(out, KrlSubsection::bitmap, bitmap(ranges, piece));
    }
    if (!list.bytes().empty()) write_subsection(out, KrlSubsection::list, list.bytes());
}

void write_section(Writer& out, KrlSection type, ByteView data) {
    out.u8(static_cast<std::uint8_t>(type)).string(data);
}

void write_certificates(Writer& out, const KrlCertificates& certificates) {
    Writer section;
    section.string(certificates.authority).string(ByteView());
    write_serials(section, certificates.serials);
    if (!certificates.key_ids.empty()) {
        Writer ids;
        for (const auto& id : certificates.key_ids) ids.string(id);
        write_subsection(section, KrlSubsection::key_ids, ids.bytes());
    }
    write_section(out, KrlSection::certificates, section.bytes());
}

template <class Items>
void write_strings(Writer& out, KrlSection type, const Items& items) {
    if (items.empty()) return;
    Writer section;
    for (const auto& item : items) section.string(ByteView(item));
    write_section(out, type, section.bytes());
}

template <class Items>
bool ascending(const Items& items) {
    return std::adjacent_find(items.begin(), items.end(), [](const auto& a, const auto& b) { return !(a < b); }) ==
           items.end();
}

bool well_formed(const KrlCertificates& certificates) {
    const auto& ranges = certificates.serials;
    if ((ranges.empty() && certificates.key_ids.empty()) || !ascending(certificates.key_ids)) return false;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (ranges[i].first == 0 || ranges[i].first > ranges[i].last) return false;
        if (i > 0 && ranges[i].first - 1 <= ranges[i - 1].last) return false;
    }
    return true;
}

bool well_formed(const Krl& krl) {
    const auto& all = krl.certificates;
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return well_formed(one); }) &&
           std::adjacent_find(all.begin(), all.end(),
                              [](const auto& a, const auto& b) { return !(a.authority < b.authority); }) == all.end() &&
           ascending(krl.keys) && ascending(krl.sha1) && ascending(krl.sha256) && krl.generated.seconds() >= 0 &&
           krl.comment.find('\0') == std::string::npos;
}

}  // namespace

Bytes encode_krl(const Krl& krl) {
    ensure(well_formed(krl), "a KRL of ours is sorted, without repetitions and without serial 0");
    Writer out;
    out.raw(view(detail::kKrlMagic)).u32(detail::kKrlFormat).u64(krl.version);
    out.u64(static_cast<std::uint64_t>(krl.generated.seconds())).u64(0).string(ByteView()).string(krl.comment);
    for (const auto& one : krl.certificates) write_certificates(out, one);
    write_strings(out, KrlSection::keys, krl.keys);
    write_strings(out, KrlSection::sha1, krl.sha1);
    write_strings(out, KrlSection::sha256, krl.sha256);
    return out.take();
}

}  // namespace mayfly::wire
