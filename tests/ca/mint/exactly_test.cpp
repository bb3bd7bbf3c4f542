// What step 5 fixes: the serial of an X.509 certificate.
#include "ca/mint/mint.h"
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

/// The serial of a session certificate, in hexadecimal.
std::string minted_serial(fakes::Authority& authority) {
    const auto outcome = authority.mint->mint(authority.session_request(authority.alice));
    REQUIRE(outcome);
    REQUIRE(std::holds_alternative<steps::Issued>(*outcome));
    return std::get<steps::Issued>(*outcome).serial();
}

}  // namespace

TEST_CASE("X.509 serials are in the order in which certificates are made, and nobody guesses the next") {
    fakes::Authority authority;
    std::vector<std::string> serials;
    for (int i = 0; i < 300; ++i) serials.push_back(minted_serial(authority));
    authority.clock.advance(1);
    serials.push_back(minted_serial(authority));

    CHECK(std::is_sorted(serials.begin(), serials.end()));
    std::set<std::string> random;
    for (const auto& serial : serials) {
        REQUIRE(serial.size() == 36);        // 18 octets: RFC 5280 section 4.1.2.2 allows 20
        CHECK(serial.substr(0, 2) == "01");  // the node, which keeps the number positive
        random.insert(serial.substr(14));
    }
    CHECK(random.size() == serials.size());
    // The second in which it was made, as notBefore tells it.
    CHECK(std::stoull(serials.back().substr(2, 8), nullptr, 16) == static_cast<unsigned long long>(fakes::kNow) + 1);
    // Eleven random octets: no bit of them stands still.
    for (std::size_t bit = 0; bit < 88; ++bit) {
        const auto is_set = [&](const std::string& serial) {
            return (std::stoul(serial.substr(14 + bit / 8 * 2, 2), nullptr, 16) >> (bit % 8) & 1U) != 0;
        };
        const auto ones = std::count_if(serials.begin(), serials.end(), is_set);
        CHECK(ones > 75);  // of 301: eight standard deviations
        CHECK(ones < 226);
    }
}
