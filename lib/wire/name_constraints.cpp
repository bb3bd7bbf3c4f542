#include "lib/wire/name_constraints.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "lib/wire/der.h"
#include "mayfly/names.h"

namespace mayfly::wire {

namespace {

using Type = SubjectName::Type;

constexpr std::size_t kMostWritten = 64, kMostRead = 1024;

/// A block of addresses: 4 or 16 bytes, and how many bits of them count.
struct Block {
    std::array<std::uint8_t, 16> address{};
    std::size_t size = 0;
    std::size_t bits = 0;
};

bool bit(const Block& block, std::size_t at) { return (block.address[at / 8] & (0x80U >> (at % 8))) != 0; }

std::optional<Block> parse_address(const std::string& text) {
    Block out;
    if (::inet_pton(AF_INET, text.c_str(), out.address.data()) == 1)
        out.size = 4;
    else if (::inet_pton(AF_INET6, text.c_str(), out.address.data()) == 1)
        out.size = 16;
    else
        return std::nullopt;
    out.bits = out.size * 8;
    return out;
}

std::optional<Block> parse_block(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return std::nullopt;
    auto out = parse_address(text.substr(0, slash));
    const std::string digits = text.substr(slash + 1);
    if (!out || digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out->bits);
    if (error != std::errc() || end != digits.data() + digits.size() || out->bits > out->size * 8) return std::nullopt;
    for (std::size_t i = out->bits; i < out->size * 8; ++i)
        if (bit(*out, i)) return std::nullopt;
    return out;
}

std::string cidr_of(const Block& block) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    ::inet_ntop(block.size == 4 ? AF_INET : AF_INET6, block.address.data(), out.data(), out.size());
    return std::string(out.data()) + "/" + std::to_string(block.bits);
}

bool holds(const Block& block, const Block& address) {
    if (block.size != address.size) return false;
    for (std::size_t i = 0; i < block.bits; ++i)
        if (bit(block, i) != bit(address, i)) return false;
    return true;
}

/// Zero or more labels to the left (RFC 5280 section 4.2.1.10).
bool below(std::string_view name, std::string_view base) {
    if (name == base) return true;
    return name.size() > base.size() && name.ends_with(base) && name[name.size() - base.size() - 1] == '.';
}

enum class Wildcard { stands_for_all, stands_for_any };

bool matches(const Subtree& subtree, const SubjectName& name, Wildcard wildcard) {
    if (subtree.type == Type::ip) {
        const auto block = parse_block(subtree.text), address = parse_address(name.text);
        return block && address && holds(*block, *address);
    }
    const bool star = name.text.starts_with("*.");
    const std::string_view rest = std::string_view(name.text).substr(star ? 2 : 0);
    if (below(rest, subtree.text)) return true;
    if (!star || wildcard == Wildcard::stands_for_all) return false;
    // "*.corp.example" could stand for "secret.corp.example".
    const auto dot = subtree.text.find('.');
    return dot != std::string::npos && std::string_view(subtree.text).substr(dot + 1) == rest;
}

/// GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }; within RFC 5280 the
/// two numbers are never written.
Bytes encode(const Subtree& subtree) {
    if (subtree.type == Type::dns) return der::sequence({der::tlv(der::context_primitive(2), view(subtree.text))});
    const auto block = parse_block(subtree.text);
    ensure(block.has_value(), "a block was parsed before");
    Bytes value(block->address.begin(), block->address.begin() + static_cast<std::ptrdiff_t>(block->size));
    value.resize(block->size * 2);
    for (std::size_t i = 0; i < block->bits; ++i)
        value[block->size + i / 8] = static_cast<std::uint8_t>(value[block->size + i / 8] | (0x80U >> (i % 8)));
    return der::sequence({der::tlv(der::context_primitive(7), value)});
}

Bytes encode(const std::vector<Subtree>& subtrees, std::uint8_t tag) {
    if (subtrees.empty()) return {};
    Bytes all;
    for (const auto& one : subtrees) {
        const Bytes der = encode(one);
        all.insert(all.end(), der.begin(), der.end());
    }
    return der::tlv(der::context(tag), all);
}

tl::unexpected<Error> bad(const std::string& what) {
    return fail(Code::malformed, "nameConstraints: " + what, "E-NAME-CONSTRAINT", {}, {});
}

Result<Block> read_block(ByteView bytes) {
    Block out;
    out.size = bytes.size() / 2;
    if (bytes.size() != 8 && bytes.size() != 32) return bad("an address of neither 8 nor 32 bytes");
    std::copy_n(bytes.begin(), out.size, out.address.begin());
    const ByteView mask = bytes.subspan(out.size);
    const auto set = [&](std::size_t i) { return (mask[i / 8] & (0x80U >> (i % 8))) != 0; };
    while (out.bits < out.size * 8 && set(out.bits)) ++out.bits;
    for (std::size_t i = out.bits; i < out.size * 8; ++i)
        if (set(i) || bit(out, i)) return bad("an address that is no block (RFC 4632)");
    return out;
}

Status read_base(const der::Element& base, std::vector<Subtree>& out, std::vector<std::string>& others) {
    const auto text = text_of(base.contents);
    switch (base.tag) {
        case der::context_primitive(2):
            if (const auto subtree = Subtree::parse("dns:" + std::string(text)))
                out.push_back(*subtree);
            else
                others.push_back("dns:" + printable(text.substr(0, 253)));
            return {};
        case der::context_primitive(7): {
            const auto block = read_block(base.contents);
            if (!block) return pass(block.error());
            out.push_back({Type::ip, cidr_of(*block)});
            return {};
        }
        case der::context_primitive(1): others.push_back("email:" + printable(text.substr(0, 320))); return {};
        case der::context_primitive(6): others.push_back("uri:" + printable(text.substr(0, 320))); return {};
        case der::context(0):
        case der::context(3):
        case der::context(4):
        case der::context(5):
        case der::context_primitive(8): others.emplace_back("a name of another kind"); return {};
        default: return bad("what is not a name (RFC 5280 section 4.2.1.6)");
    }
}

Status read_subtrees(ByteView contents, std::vector<Subtree>& out, std::vector<std::string>& others) {
    if (contents.empty()) return bad("an empty list (RFC 5280 section 4.2.1.10)");
    der::Reader list(contents);
    while (!list.empty()) {
        if (out.size() + others.size() >= kMostRead) return bad("more than 1024 subtrees");
        const auto subtree = list.expect(der::kSequence, "nameConstraints");
        if (!subtree) return pass(subtree.error());
        der::Reader fields(subtree->contents);
        const auto base = fields.any("nameConstraints");
        if (!base) return pass(base.error());
        if (auto ok = read_base(*base, out, others); !ok) return ok;
        // "minimum MUST be zero", which as a DEFAULT is not written, "and maximum MUST be absent".
        if (!fields.empty()) return bad("a minimum or maximum (RFC 5280 section 4.2.1.10)");
    }
    return {};
}

}  // namespace

Result<Subtree> Subtree::parse(std::string_view text) {
    if (text.starts_with("dns:")) {
        const auto host = HostName::parse(text.substr(4));
        if (!host) return pass(host.error());
        return Subtree{Type::dns, host->text()};
    }
    if (text.starts_with("ip:")) {
        const auto block = parse_block(std::string(text.substr(3)));
        if (block) return Subtree{Type::ip, cidr_of(*block)};
    }
    return fail(Code::malformed, "\"" + printable(text.substr(0, 80)) + "\" is no constraint on names",
                "E-NAME-CONSTRAINT", "dns:corp.example, or a block like ip:10.0.0.0/8 with its host bits zero", {});
}

std::string Subtree::tagged() const { return (type == Type::dns ? "dns:" : "ip:") + text; }

std::string outside(const NameConstraints& constraints, const SubjectName& name) {
    bool restricted = false, permitted = false;
    for (const auto& subtree : constraints.excluded)
        if (subtree.type == name.type && matches(subtree, name, Wildcard::stands_for_any))
            return subtree.tagged() + " is excluded";
    std::string allowed;
    for (const auto& subtree : constraints.permitted) {
        if (subtree.type != name.type) continue;
        restricted = true;
        permitted = permitted || matches(subtree, name, Wildcard::stands_for_all);
        allowed += (allowed.empty() ? "" : ", ") + subtree.tagged();
    }
    return restricted && !permitted ? "only " + allowed + " is permitted" : "";
}

namespace detail {

Result<Bytes> encode_name_constraints(const NameConstraints& constraints) {
    if (!constraints.others.empty() || constraints.empty()) return bad("nothing that can be written");
    if (constraints.permitted.size() + constraints.excluded.size() > kMostWritten) return bad("more than 64 subtrees");
    for (const auto* list : {&constraints.permitted, &constraints.excluded})
        for (const auto& one : *list)
            if (const auto again = Subtree::parse(one.tagged()); !again || !(*again == one))
                return bad("a subtree that is not in canonical form");
    return der::sequence({encode(constraints.permitted, 0), encode(constraints.excluded, 1)});
}

Result<NameConstraints> parse_name_constraints(ByteView value) {
    der::Reader outer(value);
    const auto body = outer.expect(der::kSequence, "nameConstraints");
    if (!body) return pass(body.error());
    if (auto ok = outer.finish("nameConstraints"); !ok) return pass(ok.error());
    NameConstraints out;
    der::Reader in(body->contents);
    for (const std::uint8_t tag : {std::uint8_t{0}, std::uint8_t{1}}) {
        const auto list = in.optional(der::context(tag), "nameConstraints");
        if (!list) return pass(list.error());
        if (list->whole.empty()) continue;
        if (auto ok = read_subtrees(list->contents, tag == 0 ? out.permitted : out.excluded, out.others); !ok)
            return pass(ok.error());
    }
    if (auto ok = in.finish("nameConstraints"); !ok) return pass(ok.error());
    if (out.empty()) return bad("it constrains nothing");
    return out;
}

}  // namespace detail

}  // namespace mayfly::wire
