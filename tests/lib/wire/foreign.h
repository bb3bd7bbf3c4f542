#pragma once
// What the tests of requests and certificates share: other people's tools, and structures with one thing wrong in them.
#include <string>
#include <string_view>
#include <vector>

#include "lib/wire/der.h"
#include "lib/wire/text.h"
#include "tests/catch.h"
#include "tests/run_command.h"
#include "tests/temporary_folder.h"

namespace mayfly::test {

/// must_run returns the standard output of a command that has to succeed.
inline std::string must_run(std::vector<std::string> argv, std::string_view input = {}) {
    const Command done = run_command(std::move(argv), input);
    INFO(done.err);
    INFO(done.out);
    REQUIRE(done.ok());
    return done.out;
}

/// make_key writes a private key of openssl's making: an algorithm of genpkey and its option, e.g. EC and
/// ec_paramgen_curve:P-256.
inline std::string make_key(const TemporaryFolder& folder, const std::string& algorithm, const std::string& option = {},
                            const std::string& name = "key.pem") {
    std::vector<std::string> argv = {"openssl", "genpkey", "-algorithm", algorithm, "-out", folder.file(name)};
    if (!option.empty()) argv.insert(argv.end(), {"-pkeyopt", option});
    must_run(argv);
    return folder.file(name);
}

inline Bytes der_of(std::string_view output) { return to_bytes(output); }

/// Every way to cut a structure short, for parsers that must notice each.
template <class Parse>
void refuses_every_truncation(const Bytes& whole, Parse parse) {
    REQUIRE(parse(ByteView(whole)));
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) accepted += parse(ByteView(whole).first(size)) ? 1 : 0;
    CHECK(accepted == 0);
    Bytes longer = whole;
    longer.push_back(0);
    CHECK_FALSE(parse(ByteView(longer)));
}

/// Calls `look` with every change of one byte to four other values: 1020 of 1024 need not be tried to find a crash.
template <class Look>
void for_every_mutation(const Bytes& whole, Look look) {
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const unsigned change : {0x01U, 0x20U, 0x80U, 0xffU}) {
            Bytes changed = whole;
            changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
            look(ByteView(changed));
        }
}

/// One extension as it stands in a certificate or request.
inline Bytes extension(std::string_view oid, ByteView value) {
    using namespace wire;
    return der::sequence({der::oid(oid), der::octet_string(value)});
}

inline Bytes unhex(std::string_view text) {
    const auto bytes = wire::parse_hex(text);
    REQUIRE(bytes);
    return *bytes;
}

}  // namespace mayfly::test
