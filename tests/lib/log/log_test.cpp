// The log's formats against the vectors of the specifications, and its proofs against a naive RFC 6962.
#include <bit>
#include <map>

#include "lib/log/event.h"
#include "lib/log/merkle.h"
#include "lib/log/note.h"
#include "lib/log/proof.h"
#include "lib/wire/text.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

Digest naive_root(const std::vector<Digest>& leaves, std::size_t first, std::size_t last) {
    if (last == first) return log::empty_root();
    if (last - first == 1) return leaves[first];
    const std::size_t split = std::bit_floor(last - first - 1);
    return log::node_hash(naive_root(leaves, first, first + split), naive_root(leaves, first + split, last));
}

/// A tree with its tiles kept, as a store would.
struct Kept {
    log::Tree tree;
    std::map<log::Tile, Bytes> tiles;
    std::vector<Digest> leaves;
    void grow(std::size_t size) {
        while (leaves.size() < size) {
            leaves.push_back(log::leaf_hash(view(std::to_string(leaves.size()))));
            tree.append(leaves.back());
        }
        for (auto& [tile, bytes] : tree.take_changed()) tiles[tile] = bytes;
    }
    [[nodiscard]] log::TileReader reader() const {
        return [this](const log::Tile& tile) -> Result<Bytes> {
            const auto found = tiles.find(tile);
            if (found == tiles.end()) return fail(Code::not_found, "no tile");
            return found->second;
        };
    }
};

constexpr const char* kCheckpoint =
    "ca.example.internal/audit\n3\nXIdG8ltZ4/c3xx3wioGYX4opyrtAL/Pbx1jZk/pG8Vc=\n\n"
    "— ca.example.internal/audit "
    "khH9YHWWZbnFtot/qUWgqAayd8ZeEbz8j9sBC/HNrxwnxxLfFZTqhuTwRVo3w++GyDAK8uaR9b0Tch0zUSLsqQGrhgI=\n";

}  // namespace

TEST_CASE("RFC 6962 hashes") {
    CHECK(wire::hex(log::empty_root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(wire::hex(log::leaf_hash({})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST_CASE("the checkpoint vector, whose root Go's tlog and note confirm") {
    log::Tree tree;
    tree.append(log::leaf_hash({}));
    tree.append(log::leaf_hash(Bytes{0}));
    tree.append(log::leaf_hash(view("issue:1")));
    CHECK(wire::base64(tree.root()) == "XIdG8ltZ4/c3xx3wioGYX4opyrtAL/Pbx1jZk/pG8Vc=");
    const auto key =
        log::VerifierKey::parse("ca.example.internal/audit+9211fd60+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
    REQUIRE(key);
    const auto head = log::open_checkpoint(kCheckpoint, *key);
    REQUIRE(head);
    CHECK(head->size == 3);
    CHECK(head->root == tree.root());
}

TEST_CASE("the signed-note vector of C2SP") {
    const auto key = log::VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    REQUIRE(key);
    CHECK(key->text() == "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    const std::string note =
        "This is an example message.\n\n— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const auto parsed = log::parse_note(note);
    REQUIRE(parsed);
    CHECK(log::verify_note(*parsed, *key));
    CHECK(log::encode_note(*parsed) == note);
    auto forged = *parsed;
    forged.text = "This is another message.\n";
    CHECK_FALSE(log::verify_note(forged, *key));
    auto unknown = *parsed;
    unknown.signatures.front().name = "example.com/bar";
    CHECK(log::verify_note(unknown, *key).error().code == Code::untrusted);
}

TEST_CASE("a verifier key with another id is refused") {
    CHECK_FALSE(log::VerifierKey::parse("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"));
    CHECK_FALSE(log::VerifierKey::parse("example.com/foo"));
    CHECK_FALSE(log::VerifierKey::parse("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"));
}

TEST_CASE("notes that are not notes are refused") {
    const auto* text = GENERATE("", "a\n", "a\n\n", "a\n\n- x AAAAAAA=\n", "a\n\n— x\n", "a\n\n— x AAAA",
                                "a\rb\n\n— x AAAAAAAAAAA=\n");
    CHECK_FALSE(log::parse_note(text));
}

TEST_CASE("tile paths are C2SP tlog-tiles") {
    CHECK(log::path({0, 1234067}, 256) == "tile/0/x001/x234/067");
    CHECK(log::path({1, 0}, 17) == "tile/1/000.p/17");
    CHECK(log::path({0, 1}, 44) == "tile/0/001.p/44");
    CHECK(log::entries_path(273, 112) == "tile/entries/273.p/112");
}

TEST_CASE("70,000 leaves make the tiles of the specification") {
    Kept kept;
    kept.grow(70000);
    CHECK(kept.tiles.at({0, 272}).size() == 256 * 32);
    CHECK(kept.tiles.at({0, 273}).size() == 112 * 32);
    CHECK(kept.tiles.at({1, 0}).size() == 256 * 32);
    CHECK(kept.tiles.at({1, 1}).size() == 17 * 32);
    CHECK(kept.tiles.at({2, 0}).size() == 32);
    CHECK(kept.tree.root() == naive_root(kept.leaves, 0, 70000));
    CHECK(*log::root_of(70000, kept.reader()) == kept.tree.root());
    const auto resumed = log::Tree::resume(70000, kept.reader());
    REQUIRE(resumed);
    CHECK(resumed->root() == kept.tree.root());
    for (const std::uint64_t index : {0ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 69999ULL}) {
        const auto proof = log::prove_inclusion(index, 70000, kept.reader());
        REQUIRE(proof);
        CHECK(log::verify_inclusion(kept.leaves[index], index, 70000, *proof, kept.tree.root()));
    }
    for (const std::uint64_t old_size : {1ULL, 256ULL, 257ULL, 65536ULL, 69999ULL}) {
        const auto proof = log::prove_consistency(old_size, 70000, kept.reader());
        REQUIRE(proof);
        CHECK(log::verify_consistency(old_size, naive_root(kept.leaves, 0, old_size), 70000, kept.tree.root(), *proof));
    }
}

TEST_CASE("every small tree agrees with RFC 6962, proof by proof") {
    Kept kept;
    for (std::size_t size = 1; size <= 260; size += size < 70 ? 1 : 19) {
        kept.grow(size);
        const Digest root = naive_root(kept.leaves, 0, size);
        REQUIRE(kept.tree.root() == root);
        for (std::size_t index = 0; index < size; index += size < 70 ? 1 : 7) {
            const auto proof = log::prove_inclusion(index, size, kept.reader());
            REQUIRE(proof);
            REQUIRE(log::verify_inclusion(kept.leaves[index], index, size, *proof, root));
            REQUIRE_FALSE(log::verify_inclusion(kept.leaves[index], index + 1, size, *proof, root));
            REQUIRE_FALSE(log::verify_inclusion(log::empty_root(), index, size, *proof, root));
            auto longer = *proof;
            longer.push_back(root);
            REQUIRE_FALSE(log::verify_inclusion(kept.leaves[index], index, size, longer, root));
            for (std::size_t i = 0; i < proof->size(); ++i) {
                auto changed = *proof;
                changed[i][5] ^= 1;
                REQUIRE_FALSE(log::verify_inclusion(kept.leaves[index], index, size, changed, root));
            }
        }
        for (std::size_t old_size = 0; old_size <= size; old_size += size < 70 ? 1 : 7) {
            const auto proof = log::prove_consistency(old_size, size, kept.reader());
            REQUIRE(proof);
            const Digest old_root = naive_root(kept.leaves, 0, old_size);
            REQUIRE(log::verify_consistency(old_size, old_root, size, root, *proof));
            if (old_size > 0 && old_size < size)
                REQUIRE_FALSE(log::verify_consistency(old_size, log::empty_root(), size, root, *proof));
        }
    }
}

TEST_CASE("a proof file carries a leaf to its signed head") {
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    Kept kept;
    kept.grow(5);
    const auto note = log::sign_checkpoint({"test.log", 5, kept.tree.root()}, *key);
    const auto verifier = log::VerifierKey::make("test.log", key->public_key());
    const log::TlogProof proof{3, *log::prove_inclusion(3, 5, kept.reader()), *note};
    const auto back = log::parse_proof(log::encode_proof(proof));
    REQUIRE(back);
    CHECK(log::verify_proof(*back, view("3"), *verifier)->size == 5);
    CHECK_FALSE(log::verify_proof(*back, view("4"), *verifier));
    const auto other = log::VerifierKey::make("other.log", key->public_key());
    CHECK_FALSE(log::verify_proof(*back, view("3"), *other));
}

TEST_CASE("an event has one form") {
    const log::Event event{"certificate.intent", Instant(1795235162),
                           "human/alice",        "alice",
                           "human/alice",        {{"serial", "1"}, {"names", wire::Json::Array{"ops"}}}};
    const Bytes leaf = log::encode_event(event);
    CHECK(
        text_of(leaf) ==
        R"({"actor":"human/alice","data":{"names":["ops"],"serial":"1"},"owner":"alice","subject":"human/alice","time":"2026-11-21T04:26:02Z","type":"certificate.intent","v":1})");
    CHECK(*log::parse_event(leaf) == event);
    CHECK_FALSE(log::parse_event(
        view(R"({ "actor":"a","data":{},"owner":"","subject":"","time":"2026-11-21T04:26:02Z","type":"t","v":1})")));
    CHECK_FALSE(log::parse_event(
        view(R"({"actor":"a","data":{},"owner":"","subject":"","time":"2026-11-21T04:26:02Z","type":"t","v":2})")));
}
