// Cosignatures, whose word counts, and what a witness answers.
#include "lib/log/cosignature.h"

#include "lib/log/proof.h"
#include "lib/log/witness.h"
#include "lib/log/witness_policy.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/lib/log/published.h"

using namespace mayfly;

namespace {

// Ed25519 seeds 000102…1f (log) and 202122…3f (witness), and what they made at 1700000000.
constexpr const char* kLogKey = "ca.example.internal/audit+9211fd60+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr const char* kWitnessKey = "witness.example.internal/w1+ce64fc16+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
constexpr const char* kText = "ca.example.internal/audit\n3\nXIdG8ltZ4/c3xx3wioGYX4opyrtAL/Pbx1jZk/pG8Vc=\n";
constexpr const char* kCosigned =
    "ca.example.internal/audit\n3\nXIdG8ltZ4/c3xx3wioGYX4opyrtAL/Pbx1jZk/pG8Vc=\n\n"
    "— ca.example.internal/audit "
    "khH9YHWWZbnFtot/qUWgqAayd8ZeEbz8j9sBC/HNrxwnxxLfFZTqhuTwRVo3w++GyDAK8uaR9b0Tch0zUSLsqQGrhgI=\n"
    "— witness.example.internal/w1 "
    "zmT8FgAAAABlU/EAnynY2NXP7aD+yrcs6x4+0V/6Eq5hUKXc6ihe0E1PRuO7atCPKFA+EQNmcOzWFtJVTKDIdEH++Ir3sHG9blr8Ag==\n";

/// The key whose RFC 8032 seed is 32 bytes counted up from `first`.
crypto::PrivateKey key_of_seed(std::uint8_t first) {
    // RFC 8410 section 7: PrivateKeyInfo of an Ed25519 seed.
    Bytes der = *wire::parse_hex("302e020100300506032b657004220420");
    for (std::uint8_t i = 0; i < 32; ++i) der.push_back(static_cast<std::uint8_t>(first + i));
    return std::move(*crypto::PrivateKey::import_secret(Secret(std::move(der))));
}

crypto::PrivateKey new_key() { return std::move(*crypto::PrivateKey::generate(KeyAlgorithm::ed25519)); }

}  // namespace

TEST_CASE("the cosignature vector, made and verified") {
    const auto key = log::WitnessKey::parse(kWitnessKey);
    REQUIRE(key);
    CHECK(key->text() == kWitnessKey);
    const auto note = log::parse_note(kCosigned);
    REQUIRE(note);
    CHECK(log::verify_note(*note, *log::VerifierKey::parse(kLogKey)));
    const auto at = log::find_cosignature(*note, *key);
    REQUIRE(at);
    CHECK(at->seconds() == 1700000000);

    const auto made = log::cosign(kText, "witness.example.internal/w1", key_of_seed(0x20), Instant(1700000000));
    REQUIRE(made);
    CHECK(log::encode_signature_line(*made) == log::encode_signature_line(note->signatures.at(1)));
    CHECK(*log::sign_checkpoint(*log::parse_checkpoint(kText), key_of_seed(0)) ==
          std::string(kCosigned).substr(0, std::string(kCosigned).find("— witness")));
}

TEST_CASE("a cosignature says one time about one checkpoint") {
    const auto key = new_key();
    const auto witness = *log::WitnessKey::make("w.example/1", key.public_key());
    auto made = *log::cosign(kText, "w.example/1", key, Instant(5));
    CHECK(log::verify_cosignature(kText, made, witness)->seconds() == 5);
    CHECK_FALSE(log::verify_cosignature("other.example/log\n3\n", made, witness));
    CHECK(log::verify_cosignature(kText, made, *log::WitnessKey::make("w.example/2", key.public_key())).error().code ==
          Code::untrusted);
    auto later = made;
    later.signature[7] ^= 1;
    CHECK_FALSE(log::verify_cosignature(kText, later, witness));
    auto timeless = made;
    std::fill_n(timeless.signature.begin(), 8, std::uint8_t{0});
    CHECK_FALSE(log::verify_cosignature(kText, timeless, witness));
    made.signature.pop_back();
    CHECK_FALSE(log::verify_cosignature(kText, made, witness));
    CHECK_FALSE(log::cosign(kText, "w.example/1", key, Instant(0)));
    CHECK_FALSE(log::cosign(kText, "w example", key, Instant(5)));
}

TEST_CASE("a witness key is no log key, nor the other way round") {
    CHECK_FALSE(log::WitnessKey::parse(kLogKey));
    CHECK_FALSE(log::VerifierKey::parse(kWitnessKey));
}

TEST_CASE("a quorum is counted over groups") {
    std::string text = "# two sites, and one of the others\nlog " + std::string(kLogKey) + " https://ca.example/log\n";
    std::vector<crypto::PrivateKey> keys;
    for (const auto* name : {"a", "b", "c", "d"}) {
        keys.push_back(new_key());
        text += std::string("witness ") + name + "\t" +
                log::WitnessKey::make(std::string("w.example/") + name, keys.back().public_key())->text() +
                " https://w.example/" + name + "\n";
    }
    text += "\ngroup others any c d\ngroup sites all a b\ngroup both 2 others sites\nquorum both\n";
    const auto policy = log::WitnessPolicy::parse(text);
    REQUIRE(policy);
    CHECK(policy->logs().size() == 1);
    CHECK(policy->witnesses().at(3).url == "https://w.example/d");
    CHECK(policy->satisfied_by({"a", "b", "c"}));
    CHECK(policy->satisfied_by({"a", "b", "d"}));
    CHECK_FALSE(policy->satisfied_by({"a", "b"}));
    CHECK_FALSE(policy->satisfied_by({"a", "c", "d"}));
    CHECK_FALSE(policy->satisfied_by({}));

    log::Note note{kText, {}};
    CHECK(log::check_quorum(note, *policy).error().id == "E-QUORUM");
    for (const std::size_t i : {0U, 1U, 3U})
        note.signatures.push_back(*log::cosign(kText, "w.example/" + std::string(1, static_cast<char>('a' + i)),
                                               keys[i], Instant(1700000000)));
    CHECK(*log::check_quorum(note, *policy) == std::set<std::string>{"a", "b", "d"});
    note.signatures.back().signature[20] ^= 1;
    CHECK(log::check_quorum(note, *policy).error().code == Code::corrupt);
}

TEST_CASE("no quorum asked, none needed") {
    const auto policy = log::WitnessPolicy::parse("quorum none");
    REQUIRE(policy);
    CHECK(policy->satisfied_by({}));
}

TEST_CASE("a policy that says something else is refused with its line") {
    const std::string w = "witness a " + std::string(kWitnessKey) + "\n";
    const auto [text, why] = GENERATE_COPY(table<std::string, const char*>({
        {"", "no quorum"},
        {"quorum none\nquorum none\n", "line 2: a second quorum"},
        {"quorum a\n", "not defined"},
        {w + w + "quorum a\n", "line 2: \"a\" is defined twice"},
        {w + "witness b " + kWitnessKey + "\nquorum a\n", "stands here already"},
        {w + "group g 2 a\nquorum g\n", "line 2: a group needs"},
        {w + "group g 0 a\nquorum g\n", "a group needs"},
        {w + "group g any a a\nquorum g\n", "in two groups"},
        {w + "group g any a\ngroup h any a\nquorum g\n", "in two groups"},
        {w + "group g any b\nquorum g\n", "not defined"},
        {w + "group g any g\nquorum g\n", "not defined"},
        {w + "group none any a\nquorum none\n", "word of the format"},
        {w + "group g any\nquorum a\n", "it reads: group"},
        {"witness a nonsense\nquorum none\n", "verifier key"},
        {"log " + std::string(kWitnessKey) + "\nquorum none\n", "verifier key"},
        {"quorum none extra\n", "it reads: quorum"},
        {"trust everybody\nquorum none\n", "line 1: a line starts with"},
        {std::string("quorum none\0\n", 13), "control characters"},
    }));
    const auto policy = log::WitnessPolicy::parse(text);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().id == "E-WITNESS-POLICY");
    CHECK_THAT(policy.error().message, Contains(why));
}

TEST_CASE("an add-checkpoint request reads back") {
    log::AddCheckpoint request{7, {log::empty_root(), log::leaf_hash({})}, kCosigned};
    const auto back = log::parse_add_checkpoint(log::encode_add_checkpoint(request));
    REQUIRE(back);
    CHECK(back->old_size == 7);
    CHECK(back->proof == request.proof);
    CHECK(back->checkpoint == kCosigned);
    CHECK(*log::origin_of(*back) == "ca.example.internal/audit");
    request.proof.assign(64, log::empty_root());
    CHECK_FALSE(log::parse_add_checkpoint(log::encode_add_checkpoint(request)));
    const auto* text =
        GENERATE("", "old 1", "old 1\n", "old 01\n\n", "old -1\n\n", "old 1 \n\n", "new 1\n\n", "old 1\nAAAA\n\n");
    CHECK_FALSE(log::parse_add_checkpoint(text));
}

TEST_CASE("a witness answers each request with the status of the specification") {
    Published log(300);
    const auto reader = [](const Published& from) {
        return [&from](const log::Tile& tile) -> Result<Bytes> {
            for (unsigned width = 256; width > 0; --width)
                if (const auto found = from.files.find(log::path(tile, width)); found != from.files.end())
                    return found->second;
            return fail(Code::not_found, "no tile");
        };
    };
    const auto order = [&](std::uint64_t old_size, std::size_t size) {
        log::AddCheckpoint out{old_size, {}, *log::sign_checkpoint(log.head(size), log.key)};
        if (old_size > 0 && old_size <= size) out.proof = *log::prove_consistency(old_size, size, reader(log));
        return out;
    };
    const auto status = [&](const log::AddCheckpoint& request, std::optional<log::Checkpoint> seen) {
        return log::judge(request, &log.verifier, seen).status;
    };
    const auto first = log::judge(order(0, 100), &log.verifier, {});
    CHECK(first.status == 200);
    CHECK(*first.accepted == log.head(100));
    CHECK(first.text == log::encode_checkpoint(log.head(100)));
    CHECK(log::judge(order(0, 100), nullptr, {}).status == 404);
    CHECK(status(order(100, 300), log.head(100)) == 200);
    CHECK(status(order(300, 300), log.head(300)) == 200);

    // 409 names the size that it has seen.
    const auto stale = log::judge(order(0, 300), &log.verifier, log.head(100));
    CHECK(stale.status == 409);
    CHECK(stale.size == 100);
    CHECK(status(order(100, 300), {}) == 409);
    CHECK(status(order(300, 100), log.head(300)) == 400);

    Published stranger(300);
    auto foreign = order(0, 100);
    foreign.checkpoint = *log::sign_checkpoint(log.head(100), stranger.key);
    CHECK(status(foreign, {}) == 403);
    foreign.checkpoint = "nothing";
    CHECK(status(foreign, {}) == 400);
    log::Note extended{log::encode_checkpoint(log.head(100)) + "more\n", {}};
    extended.signatures.push_back({log.verifier.name(), log.verifier.id(), *log.key.sign_x509(view(extended.text))});
    foreign.checkpoint = log::encode_note(extended);
    CHECK(status(foreign, {}) == 400);

    // 422: another past, in each of its forms.
    Published fork(300, "other ");
    auto forked = order(100, 300);
    forked.checkpoint = *log::sign_checkpoint(fork.head(300), log.key);
    CHECK(status(forked, log.head(100)) == 422);
    auto same = order(300, 300);
    same.checkpoint = *log::sign_checkpoint(fork.head(300), log.key);
    CHECK(status(same, log.head(300)) == 422);
    auto proven = order(0, 100);
    proven.proof.push_back(log::empty_root());
    CHECK(status(proven, {}) == 422);
    log::AddCheckpoint empty{0, {}, *log::sign_checkpoint({log.verifier.name(), 0, log::leaf_hash({})}, log.key)};
    CHECK(status(empty, {}) == 422);
    empty.checkpoint = *log::sign_checkpoint({log.verifier.name(), 0, log::empty_root()}, log.key);
    CHECK(status(empty, {}) == 200);
    auto broken = order(100, 300);
    broken.proof.front()[0] ^= 1;
    CHECK(status(broken, log.head(100)) == 422);
}

TEST_CASE("extra data travels in a proof file and proves nothing") {
    const std::string text = "c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 0\n\n" + std::string(kCosigned);
    const auto proof = log::parse_proof(text);
    REQUIRE(proof);
    CHECK(text_of(*proof->extra) == "hello");
    CHECK(log::encode_proof(*proof) == text);
    CHECK_FALSE(log::parse_proof("c2sp.org/tlog-proof@v1\nextra ?\nindex 0\n\n"));
    CHECK_FALSE(log::parse_proof("c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 0\n\n"));
    CHECK_FALSE(log::parse_proof("c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\n"));
}
