// An auditor with nothing but the key: what was done to a published log is found, and the first bad index is named.
#include "tests/catch.h"
#include "tests/lib/log/published.h"

using namespace mayfly;

namespace {

void expect(const Result<log::Checkpoint>& result, const char* id, const std::string& text) {
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::corrupt);
    CHECK(result.error().id == id);
    CHECK_THAT(result.error().message + " / " + result.error().why, Contains(text));
}

}  // namespace

TEST_CASE("a log as it was published verifies, at every shape of its edge") {
    const auto size = GENERATE(as<std::size_t>{}, 0, 1, 2, 255, 256, 257, 300, 511, 512, 65535, 65536, 65537, 70000);
    Published log(size);
    std::uint64_t seen = 0;
    log::AuditOptions options;
    options.entry = [&](std::uint64_t index, ByteView entry) -> Status {
        CHECK(index == seen++);
        CHECK(text_of(entry) == "entry " + std::to_string(index));
        return {};
    };
    for (const std::size_t older : {size / 3, size / 2, size}) options.older.push_back(log.head(older));
    const auto head = log.audit(options);
    REQUIRE(head);
    CHECK(head->size == size);
    CHECK(seen == size);
}

TEST_CASE("a flipped bit is found and its entry named") {
    Published log(600);
    auto& bundle = log.files.at("tile/entries/001");
    bundle[2 + 3] ^= 1;
    expect(log.audit(), "E-LOG-DAMAGED", "entry 256 ");
}

TEST_CASE("a flipped bit in a hash tile is found and its entry named") {
    Published log(600);
    log.files.at("tile/0/001")[32 * 7] ^= 1;
    expect(log.audit(), "E-LOG-DAMAGED", "entry 263 and the hash in tile/0/001");
}

TEST_CASE("a changed entry whose tile was changed with it is found one level up") {
    Published log(600), other(600);
    other.entries[300] = to_bytes("another");
    other.publish();
    log.files["tile/entries/001"] = other.files.at("tile/entries/001");
    log.files["tile/0/001"] = other.files.at("tile/0/001");
    expect(log.audit(), "E-LOG-DAMAGED", "entries 256 to 511 and the hash in tile/1/000.p/2");
}

TEST_CASE("a whole log under another log's head is found") {
    Published log(600);
    const Bytes head = log.files.at("checkpoint");
    log.entries[300] = to_bytes("another");
    log.publish();
    log.files["checkpoint"] = head;
    expect(log.audit(), "E-LOG-DAMAGED", "do not lead to the signed head");
}

TEST_CASE("deleted, swapped, inserted and appended entries are found and the first is named") {
    Published log(600);
    const auto bundle = [&](std::vector<Bytes> entries) {
        log.files["tile/entries/000"] = log::encode_bundle(entries);
    };
    std::vector<Bytes> first(log.entries.begin(), log.entries.begin() + 256);
    SECTION("deleted") {
        first.erase(first.begin() + 9);
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "holds 255 entries, not 256");
        expect(log.audit(), "E-LOG-DAMAGED", "the first that is wrong or missing is entry 9");
    }
    SECTION("deleted, and the next moved up") {
        first.erase(first.begin() + 9);
        first.push_back(log.entries[256]);
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "entry 9 ");
    }
    SECTION("swapped") {
        std::swap(first[10], first[20]);
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "entry 10 ");
    }
    SECTION("inserted") {
        first.insert(first.begin() + 100, to_bytes("more"));
        first.pop_back();
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "entry 100 ");
    }
    SECTION("inserted, and one too many") {
        first.insert(first.begin() + 100, to_bytes("more"));
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "more than 256 entries / the first that is wrong or missing is entry 100");
    }
    SECTION("appended") {
        first.push_back(to_bytes("more"));
        bundle(first);
        expect(log.audit(), "E-LOG-DAMAGED", "more than 256 entries / the first that is wrong or missing is entry 256");
    }
    SECTION("deleted together with its hash tile") {
        first.erase(first.begin() + 9);
        bundle(first);
        log.files.erase("tile/0/000");
        expect(log.audit(), "E-LOG-DAMAGED", "the first that is wrong or missing is entry 255");
    }
    SECTION("cut in the middle") {
        log.files.at("tile/entries/000").resize(501);  // "entry 0" to "entry 9" take 9 bytes each, the next 10
        expect(log.audit(), "E-LOG-DAMAGED",
               "ends in the middle of its entry 51 / the first that is wrong or missing is entry 51");
    }
    SECTION("a bundle is gone") {
        log.files.erase("tile/entries/001");
        expect(log.audit(), "E-LOG-DAMAGED", "tile/entries/001 is missing: entries 256 to 511");
    }
    SECTION("a hash tile is gone") {
        log.files.erase("tile/1/000.p/2");
        expect(log.audit(), "E-LOG-DAMAGED", "tile/1/000.p/2 is missing");
    }
    SECTION("a hash tile is short") {
        log.files.at("tile/0/000").resize(100);
        expect(log.audit(), "E-LOG-DAMAGED", "tile/0/000 is 100 bytes long");
    }
}

TEST_CASE("a log that was rolled back or forked contradicts what was verified before") {
    Published log(600);
    log::AuditOptions options;
    options.older = {log.head(500)};
    SECTION("rolled back") {
        log.entries.resize(400);
        log.publish();
        expect(log.audit(options), "E-LOG-BEHIND", "from 500 to 400");
    }
    SECTION("forked before") {
        log.entries[450] = to_bytes("another");
        log.publish();
        expect(log.audit(options), "E-LOG-FORK", "before 500");
    }
    SECTION("changed after: nobody can know") {
        log.entries[550] = to_bytes("another");
        log.publish();
        CHECK(log.audit(options));
    }
    SECTION("two histories of one length") {
        options.older = {log.head(600)};
        log.entries[599] = to_bytes("another");
        log.publish();
        expect(log.audit(options), "E-LOG-FORK", "before 600");
    }
}

TEST_CASE("a head that the pinned key did not sign is no head") {
    Published log(3), stranger(3);
    log.files["checkpoint"] = stranger.files.at("checkpoint");
    expect(log.audit(), "E-LOG-HEAD", "not signed by");
    log.files["checkpoint"] = to_bytes("nothing");
    expect(log.audit(), "E-LOG-HEAD", "not a signed note");
    log.files.erase("checkpoint");
    CHECK(log.audit().error().code == Code::not_found);
}
