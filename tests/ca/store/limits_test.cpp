// What one entry of the log can hold, and what a request that would say more leaves behind.
#include "tests/catch.h"
#include "tests/fakes/authority.h"

using namespace mayfly;

namespace {

mint::Request request_for(const fakes::Authority& a, const std::vector<std::string>& names) {
    auto request = a.ssh_request();
    request.ask.profile = policy::Profile::x509;
    request.ask.key = crypto::PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
    request.ask.role = *RoleName::parse("web");
    for (const auto& name : names) request.ask.names.push_back(*wire::SubjectName::parse(name));
    return request;
}

}  // namespace

TEST_CASE("a request that breaks a rule two thousand times leaves one leaf of a bounded size") {
    fakes::Authority a;
    std::vector<std::string> names;
    for (int i = 0; i < 1900; ++i) names.push_back("dns:h" + std::to_string(i) + ".evil.example");
    const auto outcome = a.mint->mint(request_for(a, names));
    REQUIRE(outcome);
    CHECK(std::get<mint::Denied>(*outcome).reasons.size() > 1900);
    const auto entries = a.store->read_entries(0, 1000);
    CHECK(entries->back().size() < 20000);
    const auto event = log::parse_event(entries->back());
    REQUIRE(event);
    CHECK(event->type == "request.refused");
    CHECK(event->data.at("reasons").array()->size() == 16);
    CHECK(*event->data.at("more").integer() == 1901 - 16);
    CHECK(a.signatures() == 0);
}

TEST_CASE("a certificate with more names than fit is refused, and nothing ends") {
    fakes::Authority a;
    a.policy.current = std::make_shared<mint::CurrentPolicy::InForce>(mint::CurrentPolicy::InForce{
        *policy::parse_policy("version = 1\n[[role]]\nname = \"web\"\nowner = \"alice\"\nmax_lifetime = \"1h\"\nrisk = "
                              "\"low\"\n[role.x509]\nusage = [\"server\"]\nnames = [\"uri:https://a.example/*\"]\n"),
        "2:test"});
    std::vector<std::string> names;
    for (int i = 0; i < 32; ++i)
        names.push_back("uri:https://a.example/" + std::to_string(10 + i) + std::string(2000, 'x'));
    const auto size = *a.store->log_size();
    const auto outcome = a.mint->mint(request_for(a, names));
    REQUIRE_FALSE(outcome);
    INFO(outcome.error().message);
    CHECK(outcome.error().id == "E-NAMES-LARGE");
    CHECK(outcome.error().code == Code::malformed);
    CHECK(*a.store->log_size() == size);
    CHECK(a.signatures() == 0);
    names.resize(15);
    const auto fewer = a.mint->mint(request_for(a, names));
    INFO((fewer ? "" : fewer.error().message));
    CHECK(fewer);
}
