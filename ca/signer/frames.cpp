#include "ca/signer/frames.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/wire/buffer.h"
#include "lib/wire/spki.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::signer {

namespace {

using wire::Writer;

/// Cursor reads a frame field by field; the first error sticks, later reads give empty values.
class Cursor {
public:
    explicit Cursor(ByteView bytes) : in_(bytes) {}
    std::uint8_t u8() { return keep(in_.u8("frame")); }
    std::uint32_t u32() { return keep(in_.u32("frame")); }
    std::uint64_t u64() { return keep(in_.u64("frame")); }
    std::string text() { return keep(in_.text("frame")); }
    Bytes bytes() {
        const auto value = in_.string("frame");
        if (!value) return note(value.error()), Bytes{};
        return to_bytes(*value);
    }
    template <std::size_t N>
    std::array<std::uint8_t, N> fixed() {
        std::array<std::uint8_t, N> out{};
        const auto value = in_.raw(N, "frame");
        if (!value) return note(value.error()), out;
        std::copy(value->begin(), value->end(), out.begin());
        return out;
    }
    /// A count that cannot exceed what is left: no allocation beyond the input.
    std::size_t count(std::size_t most) {
        const std::size_t n = u32();
        if (n > most || n > in_.rest().size())
            note(Error{Code::malformed, "frame: a count that is too large", {}, {}, {}});
        return status_ ? n : 0;
    }
    template <class T>
    T keep(Result<T> value) {
        if (value && status_) return std::move(*value);
        if (!value) note(value.error());
        return T{};
    }
    void note(const Error& error) {
        if (status_) status_ = pass(error);
    }
    [[nodiscard]] bool ok() const { return status_.has_value(); }
    Status finish() {
        if (!status_) return status_;
        return in_.finish("frame");
    }

private:
    wire::Reader in_;
    Status status_;
};

Writer request(Verb verb) {
    Writer out;
    out.u8(kFrameVersion).u8(static_cast<std::uint8_t>(verb));
    return out;
}

Writer reply(Verb verb) {
    Writer out = request(verb);
    out.u8(0);
    return out;
}

void write_options(Writer& out, const std::vector<wire::SshOption>& options) {
    out.u32(static_cast<std::uint32_t>(options.size()));
    for (const auto& option : options) out.string(option.name).string(option.value);
}

std::vector<wire::SshOption> read_options(Cursor& in) {
    std::vector<wire::SshOption> options;
    for (std::size_t n = in.count(64); n > 0; --n) {
        auto name = in.text();
        auto value = in.text();
        options.push_back({std::move(name), std::move(value)});
    }
    return options;
}

void write_facts(Writer& out, const wire::SshCertificate& facts) {
    out.u8(1).string(wire::encode_ssh_key(facts.subject)).string(facts.nonce).u64(facts.serial);
    out.u32(static_cast<std::uint32_t>(facts.type)).string(facts.key_id);
    out.u32(static_cast<std::uint32_t>(facts.principals.size()));
    for (const auto& principal : facts.principals) out.string(principal);
    out.u64(facts.valid_after).u64(facts.valid_before);
    write_options(out, facts.critical_options);
    write_options(out, facts.extensions);
}

void write_facts(Writer& out, const wire::X509Certificate& facts) {
    const auto spki = wire::encode_spki(facts.subject);
    ensure(spki.has_value(), "an X.509 subject key has an SPKI");
    out.u8(2).string(facts.serial).string(facts.subject_common_name);
    out.u64(static_cast<std::uint64_t>(facts.validity.after().seconds()));
    out.u64(static_cast<std::uint64_t>(facts.validity.before().seconds()));
    out.string(*spki).u8(static_cast<std::uint8_t>(facts.usage)).u8(facts.no_revocation ? 1 : 0).string(facts.crl_url);
    out.u32(static_cast<std::uint32_t>(facts.names.size()));
    for (const auto& name : facts.names) out.string(name.tagged());
}

wire::SshCertificate read_ssh(Cursor& in) {
    wire::SshCertificate facts;
    const Bytes key = in.bytes();
    if (in.ok()) facts.subject = in.keep(wire::parse_ssh_key(key));
    facts.nonce = in.bytes();
    facts.serial = in.u64();
    const auto type = in.u32();
    if (type != 1 && type != 2) in.note(Error{Code::malformed, "frame: no such certificate type", {}, {}, {}});
    facts.type = type == 2 ? wire::SshCertificateType::host : wire::SshCertificateType::user;
    facts.key_id = in.text();
    for (std::size_t n = in.count(256); n > 0; --n) facts.principals.push_back(in.text());
    facts.valid_after = in.u64();
    facts.valid_before = in.u64();
    facts.critical_options = read_options(in);
    facts.extensions = read_options(in);
    return facts;
}

wire::X509Certificate read_x509(Cursor& in) {
    wire::X509Certificate facts;
    facts.serial = in.bytes();
    facts.subject_common_name = in.text();
    const auto after = static_cast<std::int64_t>(in.u64());
    const auto before = static_cast<std::int64_t>(in.u64());
    const auto validity = Validity::between(Instant(after), Instant(before));
    if (validity)
        facts.validity = *validity;
    else
        in.note(validity.error());
    const Bytes spki = in.bytes();
    if (in.ok()) facts.subject = in.keep(wire::parse_spki(spki));
    const auto usage = in.u8();
    if (usage > static_cast<std::uint8_t>(wire::X509Usage::authority))
        in.note(Error{Code::malformed, "frame: no such usage", {}, {}, {}});
    facts.usage = static_cast<wire::X509Usage>(std::min<std::uint8_t>(usage, 3));
    const auto no_revocation = in.u8();
    if (no_revocation > 1) in.note(Error{Code::malformed, "frame: neither yes nor no", {}, {}, {}});
    facts.no_revocation = no_revocation == 1;
    facts.crl_url = in.text();
    for (std::size_t n = in.count(256); n > 0; --n) {
        const std::string text = in.text();
        const auto name = wire::SubjectName::parse(text);
        if (!name)
            in.note(name.error());
        else if (name->tagged() != text)  // a name has one spelling here: nothing is guessed or tidied on the way
            in.note(Error{Code::malformed, "frame: a name that is not written out", {}, {}, {}});
        else
            facts.names.push_back(*name);
    }
    return facts;
}

void write_checkpoint(Writer& out, const log::Checkpoint& checkpoint) {
    out.string(checkpoint.origin).u64(checkpoint.size).raw(checkpoint.root);
}

log::Checkpoint read_checkpoint(Cursor& in) {
    log::Checkpoint out;
    out.origin = in.text();
    out.size = in.u64();
    out.root = in.fixed<32>();
    return out;
}

void write_error(Writer& out, const Error& error) {
    out.u8(1).u8(static_cast<std::uint8_t>(error.code)).string(error.message).string(error.id);
    out.string(error.why).string(error.fix);
}

Error read_error(Cursor& in) {
    Error error;
    error.code = static_cast<Code>(std::min(in.u8(), static_cast<std::uint8_t>(Code::internal)));
    error.message = in.text();
    error.id = in.text();
    error.why = in.text();
    error.fix = in.text();
    return error;
}

/// Skips version and verb, which request_verb has read.
ByteView payload(ByteView body) { return body.subspan(std::min<std::size_t>(2, body.size())); }

}  // namespace

Bytes encode_describe() { return request(Verb::describe).take(); }

Bytes encode_orders(std::span<const Order> orders) {
    ensure(orders.size() <= kMostPerFrame, "a frame holds at most 64 orders");
    Writer out = request(Verb::sign_certificates);
    out.u32(static_cast<std::uint32_t>(orders.size()));
    for (const auto& order : orders) {
        out.u8(static_cast<std::uint8_t>(order.issuer));
        std::visit([&](const auto& facts) { write_facts(out, facts); }, order.facts);
    }
    return out.take();
}

Bytes encode_checkpoint_order(const CheckpointOrder& order) {
    Writer out = request(Verb::sign_checkpoint);
    write_checkpoint(out, order.committed);
    write_checkpoint(out, order.next);
    out.u32(static_cast<std::uint32_t>(order.proof.size()));
    for (const auto& hash : order.proof) out.raw(hash);
    return out.take();
}

Result<Verb> request_verb(ByteView body) {
    Cursor in(body);
    const auto version = in.u8();
    const auto verb = in.u8();
    if (!in.ok() || version != kFrameVersion) return fail(Code::malformed, "frame: unknown version");
    if (verb < 1 || verb > 4) return fail(Code::malformed, "frame: unknown verb " + std::to_string(verb));
    return static_cast<Verb>(verb);
}

Result<std::vector<Order>> parse_orders(ByteView body) {
    Cursor in(payload(body));
    std::vector<Order> orders;
    for (std::size_t n = in.count(kMostPerFrame); n > 0 && in.ok(); --n) {
        Order order;
        const auto issuer = in.u8();
        if (issuer < 1 || issuer > 3) in.note(Error{Code::malformed, "frame: no such issuer", {}, {}, {}});
        order.issuer = static_cast<steps::IssuerId>(std::clamp<std::uint8_t>(issuer, 1, 3));
        const auto kind = in.u8();
        if (kind == 1)
            order.facts = read_ssh(in);
        else if (kind == 2)
            order.facts = read_x509(in);
        else
            in.note(Error{Code::malformed, "frame: no such kind of facts", {}, {}, {}});
        orders.push_back(std::move(order));
    }
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    if (orders.empty()) return fail(Code::malformed, "frame: nothing to sign");
    return orders;
}

Result<CheckpointOrder> parse_checkpoint_order(ByteView body) {
    Cursor in(payload(body));
    CheckpointOrder order;
    order.committed = read_checkpoint(in);
    order.next = read_checkpoint(in);
    for (std::size_t n = in.count(128); n > 0; --n) order.proof.push_back(in.fixed<32>());
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    return order;
}

Bytes encode_error_reply(Verb verb, const Error& error) {
    Writer out = request(verb);
    write_error(out, error);
    return out.take();
}

Bytes encode_ready_reply() { return reply(Verb::ready).take(); }

Bytes encode_description_reply(const Description& description) {
    Writer out = reply(Verb::describe);
    for (const auto* key : {&description.x509, &description.ssh_user, &description.ssh_host, &description.log})
        out.string(wire::encode_ssh_key(*key));
    out.u64(description.signatures).u64(description.checkpoints);
    return out.take();
}

Bytes encode_certificates_reply(const std::vector<Result<Bytes>>& results) {
    Writer out = reply(Verb::sign_certificates);
    out.u32(static_cast<std::uint32_t>(results.size()));
    for (const auto& result : results) {
        if (result)
            out.u8(0).string(*result);
        else
            write_error(out, result.error());
    }
    return out.take();
}

Bytes encode_checkpoint_reply(std::string_view note) {
    Writer out = reply(Verb::sign_checkpoint);
    out.string(note);
    return out.take();
}

Bytes encode_crl_reply(ByteView crl) {
    Writer out = reply(Verb::sign_crl);
    out.string(crl);
    return out.take();
}

Result<ByteView> open_reply(Verb verb, ByteView body) {
    Cursor in(body);
    const auto version = in.u8();
    const auto answered = in.u8();
    const auto status = in.u8();
    if (!in.ok() || version != kFrameVersion || answered != static_cast<std::uint8_t>(verb) || status > 1)
        return fail(Code::internal, "the signer's reply is not one");
    if (status == 0) return body.subspan(3);
    Cursor error_in(body.subspan(3));
    Error error = read_error(error_in);
    if (auto ok = error_in.finish(); !ok) return fail(Code::internal, "the signer's error is not one");
    return pass(std::move(error));
}

Result<Description> parse_description(ByteView bytes) {
    Cursor in(bytes);
    Description out;
    for (auto* key : {&out.x509, &out.ssh_user, &out.ssh_host, &out.log}) {
        const Bytes blob = in.bytes();
        if (in.ok()) *key = in.keep(wire::parse_ssh_key(blob));
    }
    out.signatures = in.u64();
    out.checkpoints = in.u64();
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    return out;
}

Result<std::vector<Result<Bytes>>> parse_certificates(ByteView bytes, std::size_t expected) {
    Cursor in(bytes);
    std::vector<Result<Bytes>> out;
    for (std::size_t n = in.count(kMostPerFrame); n > 0 && in.ok(); --n) {
        if (in.u8() == 0)
            out.emplace_back(in.bytes());
        else
            out.emplace_back(pass(read_error(in)));
    }
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    if (out.size() != expected) return fail(Code::internal, "the signer answered another number of orders");
    return out;
}

Result<std::string> parse_note_reply(ByteView bytes) {
    Cursor in(bytes);
    std::string note = in.text();
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    return note;
}

Result<Bytes> parse_crl_reply(ByteView bytes) {
    Cursor in(bytes);
    Bytes crl = in.bytes();
    if (auto ok = in.finish(); !ok) return pass(ok.error());
    return crl;
}

Status write_frame(int socket, ByteView body) {
    ensure(body.size() <= kLargestFrame, "a frame of ours is at most 1 MiB");
    Writer framed;
    framed.u32(static_cast<std::uint32_t>(body.size())).raw(body);
    ByteView rest = framed.bytes();
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0)
            return fail(Code::unavailable, std::string("cannot write to the other side: ") + std::strerror(errno));
        rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    return {};
}

Result<Bytes> read_frame(int socket) {
    const auto read_all = [&](std::span<std::uint8_t> out) -> Status {
        while (!out.empty()) {
            const ssize_t got = ::recv(socket, out.data(), out.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return fail(Code::unavailable, "the other side closed the socket");
            out = out.subspan(static_cast<std::size_t>(got));
        }
        return {};
    };
    std::array<std::uint8_t, 4> header{};
    if (auto ok = read_all(header); !ok) return pass(ok.error());
    wire::Reader reader(header);
    const auto length = reader.u32("frame length");
    if (!length || *length > kLargestFrame) return fail(Code::malformed, "frame: longer than 1 MiB");
    Bytes body(*length);
    if (auto ok = read_all(body); !ok) return pass(ok.error());
    return body;
}

}  // namespace mayfly::signer
