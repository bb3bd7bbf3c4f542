#include "lib/client/revocation.h"

#include <algorithm>

#include "lib/crypto/crypto.h"
#include "lib/log/published.h"
#include "lib/wire/crl.h"
#include "lib/wire/text.h"

namespace mayfly::client {

namespace {

tl::unexpected<Error> dishonest(const std::string& what) {
    return fail(Code::corrupt, "the CA's revocation list contradicts its log: " + what, "E-LIST-PROOF",
                "a list that the log does not know must not be used",
                "tell whoever answers for the CA, with this message");
}

}  // namespace

Status check_list(const api::RevocationList& named, const std::string& bytes, const log::VerifierKey& key) {
    if (wire::hex(crypto::sha256(view(bytes))) != named.sha256) return dishonest("it has another hash than was named");
    const auto event = log::read_published(named.log_entry, named.log_proof, named.kind + ".published", key);
    if (!event) return dishonest(event.error().message);
    const auto says = [&](const char* member, const wire::Json& value) { return log::says(*event, member, value); };
    if (!says("sha256", named.sha256) || !says("number", named.number))
        return dishonest("the log published another list");
    if (named.kind == "crl" && !says("shard", named.shard)) return dishonest("the log published another shard");
    return {};
}

Result<FetchedList> fetch_list(CaClient& ca, const std::string& kind, std::int64_t shard) {
    // Between the name and the list a newer one may be published; the second time round they agree.
    for (int attempt = 1;; ++attempt) {
        auto names = ca.get<api::List<api::RevocationList>>("/v1/revocation");
        if (!names) return pass(names.error());
        for (auto& named : names->items) {
            if (named.kind != kind || named.shard != shard) continue;
            auto bytes = ca.fetch(named.path);
            if (!bytes) return pass(bytes.error());
            if (attempt == 1 && wire::hex(crypto::sha256(view(*bytes))) != named.sha256) break;
            if (auto ok = check_list(named, *bytes, ca.log_key()); !ok) return pass(ok.error());
            return FetchedList{std::move(named), std::move(*bytes)};
        }
        if (attempt > 1) break;
    }
    return fail(Code::not_found, "the CA publishes no such list", "E-LIST", {}, {});
}

Result<FetchedList> fetch_crl_for(CaClient& ca, ByteView serial) {
    const auto names = ca.get<api::List<api::RevocationList>>("/v1/revocation");
    if (!names) return pass(names.error());
    const auto shards =
        std::count_if(names->items.begin(), names->items.end(), [](const auto& named) { return named.kind == "crl"; });
    return fetch_list(ca, "crl", wire::shard_of(serial, static_cast<std::uint32_t>(shards)));
}

}  // namespace mayfly::client
