#include "lib/ssh_agent/message.h"

#include <utility>

#include "lib/wire/buffer.h"

namespace mayfly::ssh_agent {

namespace {

// draft-ietf-sshm-ssh-agent section 5.1.
constexpr std::uint8_t kFailure = 5, kSuccess = 6, kRequestIdentities = 11, kIdentitiesAnswer = 12, kSignRequest = 13,
                       kSignResponse = 14, kRemoveAll = 19, kExtension = 27, kExtensionFailure = 28,
                       kExtensionResponse = 29;
constexpr std::string_view kBind = "session-bind@openssh.com", kQuery = "query", kRefresh = "refresh@mayfly",
                           kStop = "stop@mayfly";

template <class Value>
Result<Request> whole(const wire::Reader& in, Value value) {
    if (auto ok = in.finish("message"); !ok) return pass(ok.error());
    return Request(std::move(value));
}

Result<Request> parse_sign(wire::Reader& in) {
    const auto key = in.string("key");
    if (!key) return pass(key.error());
    const auto data = in.string("data");
    if (!data) return pass(data.error());
    const auto flags = in.u32("flags");
    if (!flags) return pass(flags.error());
    return whole(in, SignRequest{to_bytes(*key), to_bytes(*data), *flags});
}

Result<Request> parse_bind(wire::Reader& in) {
    const auto key = in.string("host key");
    if (!key) return pass(key.error());
    const auto session = in.string("session id");
    if (!session) return pass(session.error());
    const auto signature = in.string("signature");
    if (!signature) return pass(signature.error());
    const auto forwarding = in.u8("forwarding");
    if (!forwarding) return pass(forwarding.error());
    return whole(in, BindRequest{to_bytes(*key), to_bytes(*session), to_bytes(*signature), *forwarding != 0});
}

Result<Request> parse_extension(wire::Reader& in) {
    const auto name = in.text("extension");
    if (!name) return pass(name.error());
    if (*name == kBind) return parse_bind(in);
    if (*name == kQuery) return whole(in, QueryRequest{});
    if (*name == kRefresh) return whole(in, RefreshRequest{});
    if (*name == kStop) return whole(in, StopRequest{});
    return Request(OtherRequest{kExtension, true});
}

Bytes one(std::uint8_t type) { return {type}; }

}  // namespace

Result<Request> parse_request(ByteView message) {
    wire::Reader in(message);
    const auto type = in.u8("type");
    if (!type) return pass(type.error());
    switch (*type) {
        case kRequestIdentities: return whole(in, ListRequest{});
        case kSignRequest: return parse_sign(in);
        case kRemoveAll: return whole(in, RemoveAllRequest{});
        case kExtension: return parse_extension(in);
        default: return Request(OtherRequest{*type, false});
    }
}

Bytes encode_request(const Request& request) {
    wire::Writer out;
    if (std::holds_alternative<ListRequest>(request)) return one(kRequestIdentities);
    if (std::holds_alternative<RemoveAllRequest>(request)) return one(kRemoveAll);
    if (const auto* sign = std::get_if<SignRequest>(&request))
        return out.u8(kSignRequest).string(sign->key).string(sign->data).u32(sign->flags).take();
    if (const auto* bind = std::get_if<BindRequest>(&request))
        return out.u8(kExtension)
            .string(kBind)
            .string(bind->host_key)
            .string(bind->session_id)
            .string(bind->signature)
            .u8(bind->forwarding ? 1 : 0)
            .take();
    if (std::holds_alternative<QueryRequest>(request)) return out.u8(kExtension).string(kQuery).take();
    if (std::holds_alternative<RefreshRequest>(request)) return out.u8(kExtension).string(kRefresh).take();
    if (std::holds_alternative<StopRequest>(request)) return out.u8(kExtension).string(kStop).take();
    return one(std::get<OtherRequest>(request).type);
}

Bytes identities(const std::vector<Identity>& list) {
    wire::Writer out;
    out.u8(kIdentitiesAnswer).u32(static_cast<std::uint32_t>(list.size()));
    for (const auto& identity : list) out.string(identity.key).string(identity.comment);
    return out.take();
}

Bytes signed_answer(ByteView signature_blob) {
    wire::Writer out;
    return out.u8(kSignResponse).string(signature_blob).take();
}

Bytes success() { return one(kSuccess); }
Bytes failure() { return one(kFailure); }
Bytes extension_failure() { return one(kExtensionFailure); }

Bytes query_answer() {
    wire::Writer out;
    return out.u8(kExtensionResponse).string(kQuery).string(kQuery).string(kBind).string(kRefresh).string(kStop).take();
}

Result<Authentication> parse_authentication(ByteView data) {
    constexpr std::uint8_t kUserauthRequest = 50;
    constexpr std::string_view kPlain = "publickey", kHostbound = "publickey-hostbound-v00@openssh.com";
    wire::Reader in(data);
    const auto refuse = [] {
        return fail(Code::malformed, "what is to be signed is not a login by public key (RFC 4252 section 7)");
    };
    const auto session = in.string("session id");
    const auto type = in.u8("type");
    if (!session || session->empty() || !type || *type != kUserauthRequest) return refuse();
    auto user = in.text("user");
    const auto service = in.text("service");
    const auto method = in.text("method");
    if (!user || !service || *service != "ssh-connection" || !method) return refuse();
    const bool hostbound = *method == kHostbound;
    const auto has_signature = in.u8("has signature");
    if ((!hostbound && *method != kPlain) || !has_signature || *has_signature != 1) return refuse();
    const auto algorithm = in.text("algorithm");
    const auto key = in.string("key");
    if (!algorithm || !key) return refuse();
    Authentication out{to_bytes(*session), std::move(*user), to_bytes(*key), std::nullopt};
    if (hostbound) {
        const auto host = in.string("host key");
        if (!host) return refuse();
        out.host_key = to_bytes(*host);
    }
    if (!in.empty()) return refuse();
    return out;
}

}  // namespace mayfly::ssh_agent
