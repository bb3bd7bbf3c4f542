#include "ca/signer/crl_order.h"

#include "ca/signer/frames.h"
#include "lib/wire/buffer.h"

namespace mayfly::signer {

namespace {

Result<Instant> read_time(wire::Reader& in) {
    const auto seconds = in.u64("frame");
    if (!seconds) return pass(seconds.error());
    if (*seconds > static_cast<std::uint64_t>(INT64_MAX)) return fail(Code::malformed, "frame: no such time");
    return Instant(static_cast<std::int64_t>(*seconds));
}

Result<wire::CrlEntry> read_entry(wire::Reader& in) {
    wire::CrlEntry entry;
    const auto serial = in.string("frame");
    if (!serial) return pass(serial.error());
    entry.serial = to_bytes(*serial);
    const auto revoked = read_time(in);
    if (!revoked) return pass(revoked.error());
    entry.revoked = *revoked;
    const auto reason = in.u8("frame");
    if (!reason) return pass(reason.error());
    entry.reason = static_cast<wire::CrlReason>(*reason);
    if (entry.reason != wire::CrlReason::unspecified && wire::name(entry.reason) == "unspecified")
        return fail(Code::malformed, "frame: no such reason");
    return entry;
}

}  // namespace

std::string journal_serial(const CrlOrder& order) {
    return "crl/" + std::to_string(order.shard) + "/" + std::to_string(order.number);
}

Bytes encode_crl_order(const CrlOrder& order) {
    ensure(order.entries.size() <= kMostCrlEntries, "a list of ours fits into a frame");
    wire::Writer out;
    out.u8(kFrameVersion).u8(static_cast<std::uint8_t>(Verb::sign_crl)).u32(order.shard).u64(order.number);
    out.u64(static_cast<std::uint64_t>(order.this_update.seconds()));
    out.u64(static_cast<std::uint64_t>(order.next_update.seconds()));
    out.string(order.distribution_point).u32(static_cast<std::uint32_t>(order.entries.size()));
    for (const auto& entry : order.entries)
        out.string(entry.serial)
            .u64(static_cast<std::uint64_t>(entry.revoked.seconds()))
            .u8(static_cast<std::uint8_t>(entry.reason));
    return out.take();
}

Result<CrlOrder> parse_crl_order(ByteView body) {
    wire::Reader in(body.subspan(std::min<std::size_t>(2, body.size())));  // version and verb were read
    CrlOrder order;
    const auto shard = in.u32("frame");
    const auto number = in.u64("frame");
    if (!shard || !number) return fail(Code::malformed, "frame: cut short");
    order.shard = *shard;
    order.number = *number;
    for (auto* at : {&order.this_update, &order.next_update}) {
        const auto time = read_time(in);
        if (!time) return pass(time.error());
        *at = *time;
    }
    auto url = in.text("frame");
    if (!url) return pass(url.error());
    order.distribution_point = std::move(*url);
    const auto count = in.u32("frame");
    if (!count) return pass(count.error());
    if (*count > kMostCrlEntries) return fail(Code::malformed, "frame: a count that is too large");
    for (std::uint32_t n = 0; n < *count; ++n) {
        auto entry = read_entry(in);
        if (!entry) return pass(entry.error());
        order.entries.push_back(std::move(*entry));
    }
    if (auto ok = in.finish("frame"); !ok) return pass(ok.error());
    return order;
}

}  // namespace mayfly::signer
