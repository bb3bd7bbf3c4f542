// breakglass shares: making, checking and describing the parts of the emergency key. No context, no network.
#include <algorithm>

#include "cli/breakglass.h"
#include "cli/out_files.h"
#include "cli/passphrase.h"
#include "lib/breakglass/share.h"
#include "lib/crypto/locked_memory.h"
#include "lib/files/files.h"
#include "lib/wire/cidr.h"
#include "lib/wire/ssh_key.h"
#include "lib/wire/text.h"

namespace mayfly::cli {

namespace {

constexpr std::size_t kLargestShare = 64 * 1024;
constexpr const char* kAnyNode = "any";

struct CreateFlags {
    std::string trust_domain, out, longest = "15m", expires = "365d", force_command;
    unsigned threshold = 0;
    std::vector<std::string> holders, accounts, nodes, source_addresses;
    PassphraseFlags passphrases;
    bool cheap_seal = false;
};

struct ShareFlags {
    std::vector<std::string> files;
    std::string envelope;
    PassphraseFlags passphrases;
};

template <class Name>
Result<std::vector<Name>> sorted_names(const std::vector<std::string>& words) {
    std::vector<Name> out;
    for (const auto& word : words) {
        auto name = Name::parse(word);
        if (!name) return pass(name.error());
        out.push_back(std::move(*name));
    }
    std::sort(out.begin(), out.end());
    if (const auto twice = std::adjacent_find(out.begin(), out.end()); twice != out.end())
        return fail(Code::malformed, "\"" + twice->text() + "\" is named twice", "E-USAGE", {}, "name each once");
    return out;
}

Result<breakglass::Envelope> envelope_of(const CreateFlags& flags, const PublicKey& key, Instant now) {
    const auto domain = TrustDomain::parse(flags.trust_domain);
    if (!domain) return pass(domain.error());
    auto holders = sorted_names<OwnerName>(flags.holders);
    if (!holders) return pass(holders.error());
    auto accounts = sorted_names<AccountName>(flags.accounts);
    if (!accounts) return pass(accounts.error());
    const bool any = flags.nodes == std::vector<std::string>{kAnyNode};
    auto nodes = sorted_names<NodeName>(any ? std::vector<std::string>{} : flags.nodes);
    if (!nodes) return pass(nodes.error());
    const auto longest = Lifetime::parse(flags.longest), life = Lifetime::parse(flags.expires);
    if (!longest) return pass(longest.error(), "--longest");
    if (!life) return pass(life.error(), "--expires");
    std::vector<std::string> blocks;
    for (const auto& word : flags.source_addresses) {
        auto block = wire::parse_cidr(word);
        if (!block) return pass(block.error());
        blocks.push_back(std::move(*block));
    }
    std::sort(blocks.begin(), blocks.end());
    return breakglass::Envelope{
        *domain,           key,      flags.threshold,     std::move(*holders), std::move(*accounts),
        std::move(*nodes), *longest, flags.force_command, std::move(blocks),   now,
        now + *life};
}

std::string share_file(const std::string& dir, const breakglass::Share& share) {
    return dir + "/share-" + std::to_string(share.number) + "-" + share.holder.text() + ".json";
}

/// 1 memory  2 the key and its envelope  3 each holder's passphrase  4 split and seal  5 try it  6 the files.
Result<int> create(const Globals& globals, const CreateFlags& flags) {
    if (auto ok = crypto::keep_memory_private(); !ok) return pass(ok.error());
    const SystemClock clock;
    crypto::SystemRng rng;
    const auto key = crypto::PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!key) return pass(key.error());
    const auto wanted = envelope_of(flags, key->public_key(), clock.now());
    if (!wanted) return pass(wanted.error());
    const auto envelope = breakglass::sign_envelope(*wanted, *key);
    if (!envelope) return pass(envelope.error());

    const std::string envelope_file = flags.out + "/envelope.json", public_file = flags.out + "/emergency.pub";
    if (auto ok = make_folder(flags.out); !ok) return pass(ok.error());
    if (auto ok = may_write({envelope_file, public_file}, Existing::keep); !ok) return pass(ok.error());
    std::vector<Secret> passphrases;
    for (const auto& holder : wanted->holders) {
        auto secret = passphrase_of(holder.text(), flags.passphrases, globals, Asked::twice);
        if (!secret) return pass(secret.error());
        passphrases.push_back(std::move(*secret));
    }
    const auto cost = flags.cheap_seal ? crypto::SealCost{64, 1, 1} : crypto::SealCost{};
    const auto shares = breakglass::make_shares(*key, *envelope, passphrases, rng, cost);
    if (!shares) return pass(shares.error());

    // A share that does not open would be noticed on the worst day: each is opened once, and they make the key again.
    std::vector<Secret> opened;
    for (std::size_t i = 0; i < shares->size(); ++i) {
        auto secret = breakglass::open_share((*shares)[i], passphrases[i]);
        if (!secret) return pass(secret.error());
        opened.push_back(std::move(*secret));
    }
    if (const auto again = breakglass::assemble(opened, *envelope); !again) return pass(again.error());

    Answer answer{{}, {envelope_file, public_file}};
    for (const auto& share : *shares) {
        const std::string path = share_file(flags.out, share);
        if (auto ok = files::write(path, view(breakglass::encode_share(share)), 0600); !ok) return pass(ok.error());
        answer.names.push_back(path);
    }
    const std::string line = wire::encode_ssh_key_line(key->public_key(), "breakglass@" + wanted->trust_domain.text());
    if (auto ok = files::write(public_file, view(line + "\n"), 0644); !ok) return pass(ok.error());
    if (auto ok = files::write(envelope_file, view(envelope->text), 0644); !ok) return pass(ok.error());
    const std::string fingerprint = wire::fingerprint(crypto::ssh_fingerprint(key->public_key()));
    wire::Json data(wire::Json::Object{{"envelope", envelope_file},
                                       {"key", fingerprint},
                                       {"sha256", wire::hex(envelope->hash)},
                                       {"files", json_of(answer.names)}});
    std::swap(answer.data, data);
    answer.messages = {"✓ emergency key " + fingerprint + ": " + std::to_string(wanted->threshold) + " of " +
                           std::to_string(wanted->holders.size()) + " shares make it, until " + wanted->expires.text(),
                       "wrote " + flags.out + ": give each holder their share, and delete it here",
                       "next: mayfly breakglass envelope publish " + envelope_file};
    return show(globals, answer);
}

Result<breakglass::Share> load_share(const std::string& path) {
    const auto text = files::read(path, kLargestShare);
    if (!text) return pass(text.error());
    auto share = breakglass::parse_share(text_of(*text));
    if (!share) return pass(share.error(), path);
    return share;
}

/// One share, opened and closed again: what is inside is never shown.
Result<int> verify(const Globals& globals, const ShareFlags& flags) {
    if (auto ok = crypto::keep_memory_private(); !ok) return pass(ok.error());
    const auto share = load_share(flags.files.front());
    if (!share) return pass(share.error());
    if (!flags.envelope.empty()) {
        const auto envelope = load_envelope(flags.envelope);
        if (!envelope) return pass(envelope.error());
        // Alone it need not be enough; it must belong.
        if (auto ok = breakglass::fit({*share}, *envelope); !ok && ok.error().id != "E-SHARE-FEW")
            return pass(ok.error());
    }
    const auto secret = passphrase_of(share->holder.text(), flags.passphrases, globals, Asked::once);
    if (!secret) return pass(secret.error());
    if (const auto opened = breakglass::open_share(*share, *secret); !opened) return pass(opened.error());
    return show(globals, {wire::Json::Object{{"holder", share->holder.text()}, {"opens", true}},
                          {share->holder.text()},
                          {},
                          {},
                          {},
                          {"✓ share " + std::to_string(share->number) + " of " + share->holder.text() + " opens" +
                           (flags.envelope.empty() ? "" : " and belongs to the envelope")}});
}

Result<int> list(const Globals& globals, const ShareFlags& flags) {
    Answer answer{{}, {}, {{"FILE"}, {"HOLDER"}, {"SHARE"}, {"NEEDED"}, {"TRUST DOMAIN"}, {"ENVELOPE"}}};
    wire::Json::Array items;
    for (const auto& path : flags.files) {
        const auto share = load_share(path);
        if (!share) return pass(share.error());
        const std::string hash = wire::hex(share->envelope);
        items.emplace_back(wire::Json::Object{{"file", path},
                                              {"holder", share->holder.text()},
                                              {"number", static_cast<std::int64_t>(share->number)},
                                              {"threshold", static_cast<std::int64_t>(share->threshold)},
                                              {"count", static_cast<std::int64_t>(share->count)},
                                              {"trust_domain", share->trust_domain.text()},
                                              {"envelope", hash}});
        answer.names.push_back(share->holder.text());
        answer.rows.push_back({path, share->holder.text(),
                               std::to_string(share->number) + " of " + std::to_string(share->count),
                               std::to_string(share->threshold), share->trust_domain.text(), hash.substr(0, 12)});
    }
    wire::Json data(std::move(items));
    std::swap(answer.data, data);
    return show(globals, answer);
}

}  // namespace

Result<breakglass::SignedEnvelope> load_envelope(const std::string& path) {
    const auto text = files::read(path, kLargestShare);
    if (!text) return pass(text.error());
    auto envelope = breakglass::read_envelope(text_of(*text));
    if (!envelope) return pass(envelope.error(), path);
    return envelope;
}

Result<std::vector<breakglass::Share>> load_shares(const std::vector<std::string>& paths) {
    std::vector<breakglass::Share> out;
    for (const auto& path : paths) {
        auto share = load_share(path);
        if (!share) return pass(share.error());
        out.push_back(std::move(*share));
    }
    return out;
}

void add_breakglass_share_verbs(Verb breakglass, Cli& cli) {
    const auto shares = breakglass.group("shares", "the emergency key, as shares of named holders");
    auto flags = std::make_shared<CreateFlags>();
    const auto make = cli.verb(
        shares, "create", "make an emergency key that exists only as shares; needs no CA and no network",
        [&cli, flags] { return create(cli.globals, *flags); }, DryRun::refused);
    make.add_option("--trust-domain", flags->trust_domain, "whose emergency key it is").required();
    make.add_option("--threshold", flags->threshold, "how many holders must meet").required();
    make.add_option("--holder", flags->holders, "owner who holds a share (repeat)").required();
    make.add_option("--account", flags->accounts, "account that it may open (repeat)").required();
    make.add_option("--node", flags->nodes, "node that it may open (repeat), or any").required();
    make.add_option("--longest", flags->longest, "longest certificate").shows_default();
    make.add_option("--expires", flags->expires, "how long nodes trust it").shows_default();
    make.add_option("--force-command", flags->force_command, "the only command it may run");
    make.add_option("--source-address", flags->source_addresses, "CIDR block it may come from (repeat)");
    make.add_option("--out", flags->out, "folder for the shares, the envelope and the public key").required();
    flags->passphrases.add_to(make);
    make.add_flag("--insecure-fast-seal", flags->cheap_seal, "for tests: seal with almost no work");

    auto one = std::make_shared<ShareFlags>();
    const auto check = cli.verb(shares, "verify", "open one share with its passphrase, and show nothing of it",
                                [&cli, one] { return verify(cli.globals, *one); });
    check.add_option("file", one->files, "the share's file").required().once();
    check.add_option("--envelope", one->envelope, "the envelope that it should belong to");
    one->passphrases.add_to(check);

    auto many = std::make_shared<ShareFlags>();
    const auto describe =
        cli.verb(shares, "list", "what shares say about themselves", [&cli, many] { return list(cli.globals, *many); });
    describe.add_option("files", many->files, "share files").required();
}

}  // namespace mayfly::cli
