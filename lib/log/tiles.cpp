#include "lib/log/tiles.h"

#include <algorithm>
#include <charconv>

namespace mayfly::log {

namespace {

constexpr unsigned kTopLevel = 7;  // 8 levels of 8 bits: more leaves than a 64-bit size can count

tl::unexpected<Error> bad_path(std::string_view path) {
    return fail(Code::malformed, "\"" + std::string(path.substr(0, 80)) + "\" is not the name of a tile", "E-TILE-PATH",
                "tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>] as C2SP tlog-tiles spells them",
                {});
}

/// A decimal number without leading zeros; nothing else in the text.
template <class Number>
std::optional<Number> plain_number(std::string_view digits) {
    Number value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
    return value;
}

/// "x001/x234/067": groups of three digits, all but the last marked with x.
std::optional<std::uint64_t> index_of(std::string_view text) {
    std::uint64_t index = 0;
    for (bool first = true;; first = false) {
        const bool more = text.starts_with('x');
        if (more) text.remove_prefix(1);
        if (text.size() < 3 || (more ? text.size() < 4 || text[3] != '/' : text.size() != 3)) return std::nullopt;
        const auto group = text.substr(0, 3);
        if (!std::all_of(group.begin(), group.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
        if (first && more && group == "000") return std::nullopt;  // a group that says nothing
        const auto value =
            static_cast<std::uint64_t>((group[0] - '0') * 100 + (group[1] - '0') * 10 + (group[2] - '0'));
        if (index > (std::uint64_t{1} << 55U) / 1000) return std::nullopt;
        index = index * 1000 + value;
        if (!more) return index;
        text.remove_prefix(4);
    }
}

/// Shows one file of the log that ends with hash or entry `end` (of those at its level); false stops.
bool show(TileFile::Kind kind, unsigned level, std::uint64_t end, const std::function<bool(const TileFile&)>& visit) {
    const auto rest = static_cast<unsigned>(end % kTileWidth);
    return visit({kind, {level, (end - 1) / kTileWidth}, rest == 0 ? kTileWidth : rest});
}

}  // namespace

std::string TileFile::path() const {
    return kind == Kind::entries ? entries_path(tile.index, width) : log::path(tile, width);
}

std::uint64_t TileFile::end() const { return (tile.index * kTileWidth + width) << (tile.level * 8); }

Result<TileFile> parse_tile_path(std::string_view path) {
    std::string_view rest = path;
    if (!rest.starts_with("tile/")) return bad_path(path);
    rest.remove_prefix(5);
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) return bad_path(path);
    TileFile file;
    const auto level = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (level == "entries") {
        file.kind = TileFile::Kind::entries;
    } else {
        const auto number = plain_number<unsigned>(level);
        if (!number || *number > kTopLevel) return bad_path(path);
        file.tile.level = *number;
    }
    if (const auto partial = rest.find(".p/"); partial != std::string_view::npos) {
        const auto width = plain_number<unsigned>(rest.substr(partial + 3));
        if (!width || *width == 0 || *width >= kTileWidth) return bad_path(path);
        file.width = *width;
        rest = rest.substr(0, partial);
    }
    const auto index = index_of(rest);
    // No log has more than 2^62 entries, so none of these numbers overflows.
    if (!index || *index * kTileWidth + file.width > (std::uint64_t{1} << 62U) >> (8 * file.tile.level))
        return bad_path(path);
    file.tile.index = *index;
    return file;
}

void files_of(std::uint64_t size, const std::function<bool(const TileFile&)>& visit) {
    for (std::uint64_t end = 0; end < size;) {
        end = std::min<std::uint64_t>(end + kTileWidth, size);
        if (!show(TileFile::Kind::entries, 0, end, visit)) return;
        // A full tile is hashed into the one above; a partial one never is.
        for (auto [level, count] = std::pair{0U, end}; count % kTileWidth == 0 && count > 0;
             ++level, count /= kTileWidth)
            if (!show(TileFile::Kind::hashes, level, count, visit)) return;
    }
    for (auto [level, count] = std::pair{0U, size}; count > 0; ++level, count /= kTileWidth)
        if (count % kTileWidth != 0 && !show(TileFile::Kind::hashes, level, count, visit)) return;
}

Bytes encode_bundle(const std::vector<Bytes>& entries) {
    Bytes out;
    for (const auto& entry : entries) {
        ensure(entry.size() <= kLargestEntry, "a log entry fits into 65,535 bytes");
        out.push_back(static_cast<std::uint8_t>(entry.size() >> 8U));
        out.push_back(static_cast<std::uint8_t>(entry.size()));
        out.insert(out.end(), entry.begin(), entry.end());
    }
    return out;
}

std::optional<ByteView> take_entry(ByteView& bundle) {
    if (bundle.size() < 2) return {};
    const std::size_t size = static_cast<std::size_t>(bundle[0]) << 8U | static_cast<std::size_t>(bundle[1]);
    if (bundle.size() < 2 + size) return {};
    const auto entry = bundle.subspan(2, size);
    bundle = bundle.subspan(2 + size);
    return entry;
}

Result<std::vector<ByteView>> parse_bundle(ByteView bundle) {
    std::vector<ByteView> out;
    while (!bundle.empty()) {
        if (out.size() == kTileWidth) return fail(Code::corrupt, "an entry bundle holds more than 256 entries");
        const auto entry = take_entry(bundle);
        if (!entry)
            return fail(Code::corrupt, "an entry bundle ends in the middle of its entry " + std::to_string(out.size()));
        out.push_back(*entry);
    }
    return out;
}

}  // namespace mayfly::log
