#pragma once
// Name constraints of a CA certificate (RFC 5280 section 4.2.1.10): the names below which, and only below which, it may
// certify. Mayfly writes constraints on DNS names and IP addresses, and reads any.
#include <string>
#include <vector>

#include "lib/wire/spki.h"

namespace mayfly::wire {

/// Subtree is one branch of names: "corp.example" with everything below it, or the block "10.0.0.0/8".
struct Subtree {
    SubjectName::Type type = SubjectName::Type::dns;  ///< dns or ip
    std::string text;                                 ///< canonical
    auto operator<=>(const Subtree&) const = default;
    /// parse takes "dns:corp.example" and "ip:10.0.0.0/8". A block's host bits are zero.
    static Result<Subtree> parse(std::string_view text);
    [[nodiscard]] std::string tagged() const;
};

struct NameConstraints {
    std::vector<Subtree> permitted, excluded;
    std::vector<std::string> others{};  ///< of a reader: forms that Subtree does not express, for people
    bool operator==(const NameConstraints&) const = default;
    [[nodiscard]] bool empty() const { return permitted.empty() && excluded.empty() && others.empty(); }
};

/// outside says which constraint a name breaks, or "" when it breaks none. As section 4.2.1.10 has it, a form of names
/// that no permitted subtree speaks of is not restricted. A wildcard is taken for every name that it could stand for.
/// What `others` says is not looked at: whoever asks has to refuse a CA that has them.
std::string outside(const NameConstraints& constraints, const SubjectName& name);

namespace detail {

/// The value of the extension. Fails when there is nothing to say, more than 64 subtrees, or one that
/// Subtree::parse would not make.
Result<Bytes> encode_name_constraints(const NameConstraints& constraints);
/// At most 1024 subtrees.
Result<NameConstraints> parse_name_constraints(ByteView value);

}  // namespace detail

}  // namespace mayfly::wire
