// Names and bundles of C2SP tlog-tiles.
#include "lib/log/tiles.h"

#include <set>

#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;
using log::TileFile;

TEST_CASE("a tile's name reads back, and has one spelling") {
    const auto* path = GENERATE("tile/0/000", "tile/0/x001/x234/067", "tile/1/000.p/17", "tile/entries/273.p/112",
                                "tile/entries/x123/456", "tile/7/000.p/1", "tile/0/x010/000");
    const auto file = log::parse_tile_path(path);
    REQUIRE(file);
    CHECK(file->path() == path);
}

TEST_CASE("what is not a tile's name is refused") {
    const auto* path =
        GENERATE("", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000",
                 "tile/8/000", "tile/64/000", "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
                 "tile/0/000.p/", "tile/0/000.p/4/", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/x001/",
                 "tile/0/x01/002", "tile/0/+01", "tile/entry/000", "tile/entries", "tile/8/0/000", "tile/data/000",
                 "tile/0/000/../001", "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/7/x999/999");
    CHECK_FALSE(log::parse_tile_path(path));
}

TEST_CASE("a log of 70,000 entries publishes the files of the specification, bundles before what they complete") {
    std::vector<std::string> order;
    log::files_of(70000, [&](const TileFile& file) {
        order.push_back(file.path());
        return true;
    });
    const std::set<std::string> all(order.begin(), order.end());
    CHECK(all.size() == order.size());
    CHECK(order.size() == 274 + 274 + 2 + 1);
    for (const auto* path : {"tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
                             "tile/entries/273.p/112"})
        CHECK(all.count(path) == 1);
    CHECK(order.front() == "tile/entries/000");
    CHECK(order[1] == "tile/0/000");
}

TEST_CASE("empty tiles are never published") {
    const auto files = [](std::uint64_t size) {
        std::set<std::string> out;
        log::files_of(size, [&](const TileFile& file) { return out.insert(file.path()).second; });
        return out;
    };
    CHECK(files(0).empty());
    CHECK(files(1) == std::set<std::string>{"tile/entries/000.p/1", "tile/0/000.p/1"});
    CHECK(files(256) == std::set<std::string>{"tile/entries/000", "tile/0/000", "tile/1/000.p/1"});
}

TEST_CASE("the entry bundle of the vector") {
    const Bytes bundle = log::encode_bundle({{}, {0}, to_bytes("issue:1")});
    CHECK(wire::hex(bundle) == "00000001000007" + wire::hex(view("issue:1")));
    const auto back = log::parse_bundle(bundle);
    REQUIRE(back);
    REQUIRE(back->size() == 3);
    CHECK(text_of((*back)[2]) == "issue:1");
    for (std::size_t size = 1; size < bundle.size(); ++size) {
        const auto half = log::parse_bundle(ByteView(bundle).first(size));
        CHECK((!half || half->size() < 3));
    }
    CHECK_FALSE(log::parse_bundle(log::encode_bundle(std::vector<Bytes>(257))));
}
