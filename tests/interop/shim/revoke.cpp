// ssh-keygen -k: a revocation list by Mayfly's writer (lib/wire/krl.h), from what ssh-keygen's manual describes: public
// keys, certificates, and specifications ("serial: 1-4", "id: …", "key: …", "sha1: …", "sha256: …", "hash: …").
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <map>

#include "lib/crypto/crypto.h"
#include "lib/wire/krl.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"
#include "tests/interop/shim/shim.h"

namespace mayfly::shim {

namespace {

/// What a list is made from, before it is put in order.
struct Revoked {
    std::map<Bytes, std::vector<std::uint64_t>> serials;
    std::map<Bytes, std::vector<std::string>> key_ids;
    std::vector<Bytes> keys;
    std::vector<std::array<std::uint8_t, 20>> sha1;
    std::vector<Digest> sha256;
};

template <class List>
void put_in_order(List& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

/// A certificate is revoked by its serial under its CA's key, or by its key id when it has none (ssh-keygen's manual).
Status add_certificate(Revoked& out, ByteView blob) {
    const auto certificate = wire::parse_ssh_certificate(blob);
    if (!certificate) return pass(certificate.error());
    const auto& fields = certificate->fields;
    const Bytes authority = wire::encode_ssh_key(fields.signer);
    if (fields.serial != 0)
        out.serials[authority].push_back(fields.serial);
    else
        out.key_ids[authority].push_back(fields.key_id);
    return {};
}

Status add_serials(Revoked& out, const Bytes& authority, std::string_view text) {
    const auto dash = text.find('-');
    const std::string_view low = text.substr(0, dash),
                           high = dash == std::string_view::npos ? low : text.substr(dash + 1);
    std::uint64_t first = 0, last = 0;
    const auto a = std::from_chars(low.data(), low.data() + low.size(), first);
    const auto b = std::from_chars(high.data(), high.data() + high.size(), last);
    if (a.ec != std::errc() || b.ec != std::errc() || a.ptr != low.end() || b.ptr != high.end() || first == 0 ||
        last < first || last - first > 1'000'000)
        return fail(Code::malformed, "serial: \"" + std::string(text) + "\"");
    for (std::uint64_t serial = first; serial <= last; ++serial) out.serials[authority].push_back(serial);
    return {};
}

/// "hash: SHA256:…" as ssh-keygen -l prints it: base64 without padding.
Status add_hash(Revoked& out, std::string text) {
    if (!text.starts_with("SHA256:")) return fail(Code::malformed, "hash: not SHA256");
    text.erase(0, 7);
    while (text.size() % 4 != 0) text += '=';
    const auto bytes = wire::parse_base64(text);
    if (!bytes || bytes->size() != 32) return fail(Code::malformed, "hash: not 32 bytes");
    std::copy(bytes->begin(), bytes->end(), out.sha256.emplace_back().begin());
    return {};
}

/// One line of a file: a specification, or a key or certificate. `authority` is null when no -s was given.
Status add_line(Revoked& out, const Bytes* authority, const std::string& line) {
    const auto colon = line.find(": ");
    const std::string what = line.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (what == "serial" || what == "id") {
        if (authority == nullptr) return fail(Code::malformed, "revoking by " + what + " needs a CA (-s)");
        if (what == "serial") return add_serials(out, *authority, value);
        out.key_ids[*authority].push_back(value);
        return {};
    }
    if (what == "hash") return add_hash(out, value);
    const auto blob = blob_of_line(colon == std::string::npos ? line : value);
    if (!blob) return pass(blob.error());
    if (what == "sha1") {
        ::SHA1(blob->data(), blob->size(), out.sha1.emplace_back().data());
    } else if (what == "sha256") {
        out.sha256.push_back(crypto::sha256(*blob));
    } else if (line.find("-cert-v01@") != std::string::npos) {
        return add_certificate(out, *blob);
    } else {
        out.keys.push_back(*blob);
    }
    return {};
}

Status add_file(Revoked& out, const Bytes* authority, const std::string& path) {
    const auto text = slurp(path);
    if (!text) return pass(text.error());
    for (std::size_t at = 0; at < text->size();) {
        const auto end = std::min(text->find('\n', at), text->size());
        const std::string line = text->substr(at, end - at);
        at = end + 1;
        if (line.empty() || line.front() == '#') continue;
        if (auto ok = add_line(out, authority, line); !ok) return ok;
    }
    return {};
}

/// -u: what stands in the list already stays.
Status add_list(Revoked& out, const std::string& path) {
    const auto text = slurp(path);
    if (!text) return pass(text.error());
    const auto krl = wire::parse_krl(view(*text));
    if (!krl) return pass(krl.error());
    for (const auto& part : krl->certificates) {
        for (const auto& range : part.serials)
            for (std::uint64_t serial = range.first; serial <= range.last; ++serial)
                out.serials[part.authority].push_back(serial);
        auto& ids = out.key_ids[part.authority];
        ids.insert(ids.end(), part.key_ids.begin(), part.key_ids.end());
    }
    out.keys = krl->keys;
    out.sha1 = krl->sha1;
    out.sha256 = krl->sha256;
    return {};
}

wire::Krl ordered(Revoked revoked) {
    wire::Krl krl;
    std::map<Bytes, wire::KrlCertificates> parts;
    for (auto& [authority, serials] : revoked.serials)
        parts[authority].serials = wire::serial_ranges(std::move(serials));
    for (auto& [authority, ids] : revoked.key_ids) {
        put_in_order(ids);
        parts[authority].key_ids = std::move(ids);
    }
    for (auto& [authority, part] : parts) {
        part.authority = authority;
        if (!part.serials.empty() || !part.key_ids.empty()) krl.certificates.push_back(std::move(part));
    }
    put_in_order(revoked.keys);
    put_in_order(revoked.sha1);
    put_in_order(revoked.sha256);
    krl.keys = std::move(revoked.keys);
    krl.sha1 = std::move(revoked.sha1);
    krl.sha256 = std::move(revoked.sha256);
    return krl;
}

/// -s names a CA by its public or private key, or NONE for any CA.
Result<Bytes> authority_of(const std::string& path) {
    if (path == "NONE") return Bytes{};
    const auto line = slurp(path.ends_with(".pub") ? path : path + ".pub");
    if (!line) return pass(line.error());
    return blob_of_line(*line);
}

}  // namespace

Result<Outcome> revoke(const Arguments& arguments) {
    Revoked revoked;
    if (arguments.update)
        if (auto ok = add_list(revoked, arguments.file); !ok) return pass(ok.error());
    Bytes authority;
    if (!arguments.authority.empty()) {
        auto named = authority_of(arguments.authority);
        if (!named) return pass(named.error());
        authority = std::move(*named);
    }
    const Bytes* signer = arguments.authority.empty() ? nullptr : &authority;
    for (const auto& operand : arguments.operands)
        if (auto ok = add_file(revoked, signer, operand); !ok) return pass(ok.error(), operand);
    wire::Krl krl = ordered(std::move(revoked));
    krl.version = arguments.number;
    krl.generated = Instant(std::time(nullptr));
    const Bytes bytes = wire::encode_krl(krl);
    const auto again = wire::parse_krl(bytes);
    if (!again) return pass(again.error(), "our own list");
    if (!(*again == krl)) return fail(Code::internal, "our own list does not read back as written");
    std::ofstream out(arguments.file, std::ios::binary | std::ios::trunc);
    out << text_of(bytes);
    if (!out.flush()) return fail(Code::unavailable, "cannot write " + arguments.file);
    return Outcome{};
}

}  // namespace mayfly::shim
