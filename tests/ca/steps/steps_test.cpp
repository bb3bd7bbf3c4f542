// The order of the minting path, kept by the compiler: whoever holds a step's result has taken the steps before it.
#include "ca/steps/steps.h"

#include <type_traits>

#include "ca/policy/decide.h"
#include "tests/catch.h"

using namespace mayfly;

namespace {

template <class Step>
constexpr bool kMoveOnly = std::is_move_constructible_v<Step>&& std::is_move_assignable_v<Step> &&
                           !std::is_copy_constructible_v<Step> && !std::is_copy_assignable_v<Step>;

using policy::Permit;
using steps::Checked, steps::Intent, steps::Issued, steps::Signed, steps::Spec;

// Nobody but the step itself makes its result: not from nothing, and not from the parts.
static_assert(!std::is_default_constructible_v<Permit> && !std::is_default_constructible_v<Spec> &&
              !std::is_default_constructible_v<Intent> && !std::is_default_constructible_v<Signed> &&
              !std::is_default_constructible_v<Checked> && !std::is_default_constructible_v<Issued>);
static_assert(!std::is_constructible_v<Permit, policy::Profile, IdentityName, OwnerName, PublicKey, Lifetime>);
static_assert(!std::is_constructible_v<Spec, steps::IntentId, steps::IssuerId, steps::CertificateFacts, Bytes, Digest,
                                       steps::Accountability, Digest, std::string, Validity>);
static_assert(!std::is_constructible_v<Intent, Spec, std::uint64_t>);
static_assert(!std::is_constructible_v<Signed, Spec, Bytes>);
static_assert(!std::is_constructible_v<Checked, Spec, Bytes>);
static_assert(!std::is_constructible_v<Issued, Bytes, steps::Accountability, steps::IssuerId, std::string, std::string,
                                       Validity, Bytes, std::string>);

// What must not happen twice cannot be held twice.
static_assert(kMoveOnly<Intent> && kMoveOnly<Signed> && kMoveOnly<Checked>);

}  // namespace

TEST_CASE("each issuer has one name, and the log's names never change") {
    CHECK(steps::name(steps::IssuerId::x509) == "x509");
    CHECK(steps::name(steps::IssuerId::ssh_user) == "ssh-user");
    CHECK(steps::name(steps::IssuerId::ssh_host) == "ssh-host");
}
