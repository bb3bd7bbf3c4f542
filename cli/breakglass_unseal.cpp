// breakglass unseal: k holders meet at an offline machine, and one certificate comes of it.
#include "cli/breakglass.h"
#include "cli/keys.h"
#include "cli/out_files.h"
#include "cli/passphrase.h"
#include "lib/breakglass/mint.h"
#include "lib/breakglass/record_file.h"
#include "lib/crypto/locked_memory.h"
#include "lib/files/files.h"
#include "lib/wire/ssh_certificate.h"
#include "lib/wire/ssh_key.h"

namespace mayfly::cli {

namespace {

struct UnsealFlags {
    std::vector<std::string> shares;
    std::string envelope, node, account, key, ttl, reason, by, out, record;
    PassphraseFlags passphrases;
    bool force = false;
};

Result<breakglass::Wish> wish_of(const UnsealFlags& flags, const breakglass::Envelope& envelope) {
    const auto node = NodeName::parse(flags.node);
    if (!node) return pass(node.error());
    const auto account = AccountName::parse(flags.account);
    if (!account) return pass(account.error());
    const auto by = OwnerName::parse(flags.by);
    if (!by) return pass(by.error());
    const auto line = public_key_text(flags.key, Fingerprint::refused);
    if (!line) return pass(line.error());
    const auto key = wire::parse_ssh_key_line(*line);
    if (!key) return pass(key.error());
    if (auto ok = crypto::check_point(key->key); !ok) return pass(ok.error());
    const auto usual = Lifetime::of_seconds(breakglass::kUsualSeconds);
    auto ttl = flags.ttl.empty() ? std::min(*usual, envelope.longest) : Lifetime::parse(flags.ttl);
    if (!ttl) return pass(ttl.error(), "--ttl");
    return breakglass::Wish{*node, *account, key->key, *ttl, flags.reason, *by};
}

/// The key lives from here to the end of this function, in memory only.
Result<breakglass::Minted> assemble_and_mint(const Globals& globals, const UnsealFlags& flags,
                                             const breakglass::SignedEnvelope& envelope,
                                             const std::vector<breakglass::Share>& shares, const breakglass::Wish& wish,
                                             const std::vector<breakglass::SignedRecord>& before) {
    std::vector<Secret> opened;
    std::vector<OwnerName> holders;
    for (const auto& share : shares) {
        const auto secret = passphrase_of(share.holder.text(), flags.passphrases, globals, Asked::once);
        if (!secret) return pass(secret.error());
        auto part = breakglass::open_share(share, *secret);
        if (!part) return pass(part.error());
        opened.push_back(std::move(*part));
        holders.push_back(share.holder);
    }
    const auto key = breakglass::assemble(opened, envelope);
    if (!key) return pass(key.error());
    crypto::SystemRng rng;
    return breakglass::mint(envelope, *key, wish, holders, before, SystemClock().now(), rng);
}

/// 1 memory  2 everything that can be refused without a passphrase  3 the key, the certificate, its record
/// 4 the record on disk  5 the certificate.
Result<int> unseal(const Globals& globals, const UnsealFlags& flags) {
    if (auto ok = crypto::keep_memory_private(); !ok) return pass(ok.error());
    const auto envelope = load_envelope(flags.envelope);
    if (!envelope) return pass(envelope.error());
    const auto shares = load_shares(flags.shares);
    if (!shares) return pass(shares.error());
    if (auto ok = breakglass::fit(*shares, *envelope); !ok) return pass(ok.error());
    const auto wish = wish_of(flags, envelope->envelope);
    if (!wish) return pass(wish.error());
    auto file = breakglass::RecordFile::open(flags.record, *envelope);
    if (!file) return pass(file.error());
    if (auto ok = breakglass::within(envelope->envelope, *wish, file->records(), SystemClock().now()); !ok)
        return pass(ok.error());
    if (auto ok = may_write({flags.out}, flags.force ? Existing::replace : Existing::keep); !ok)
        return pass(ok.error());

    const auto minted = assemble_and_mint(globals, flags, *envelope, *shares, *wish, file->records());
    if (!minted) return pass(minted.error());
    // A crash between the two leaves a record without a certificate: said once too often, never too rarely.
    if (auto ok = file->append(minted->record); !ok) return pass(ok.error());
    const std::string line = wire::encode_ssh_certificate_line(minted->certificate, minted->record.record.key_id);
    if (auto ok = files::write(flags.out, view(line + "\n"), 0644); !ok) return pass(ok.error());
    const auto& record = minted->record.record;
    return show(globals,
                {wire::Json::Object{{"id", record.id},
                                    {"serial", std::to_string(record.serial)},
                                    {"key_id", record.key_id},
                                    {"principal", breakglass::principal_of(record.account, record.node).text()},
                                    {"valid_before", record.valid_before.text()},
                                    {"certificate", flags.out},
                                    {"record", flags.record}},
                 {record.id},
                 {},
                 {},
                 {},
                 {"✓ " + record.key_id + " until " + record.valid_before.text() + "   " + flags.out,
                  "ssh -i KEY -o CertificateFile=" + flags.out + " " + record.account.text() + "@" + record.node.text(),
                  "record " + std::to_string(record.number) + " in " + flags.record +
                      "; a review is owed: mayfly breakglass reconcile when the CA is back"}});
}

}  // namespace

void add_breakglass_unseal_verb(Verb breakglass, Cli& cli) {
    auto flags = std::make_shared<UnsealFlags>();
    const auto verb = cli.verb(
        breakglass, "unseal", "with enough shares, one certificate within the envelope; needs no CA and no network",
        [&cli, flags] { return unseal(cli.globals, *flags); }, DryRun::refused);
    verb.add_option("--share", flags->shares, "a holder's share (repeat)").required();
    verb.add_option("--envelope", flags->envelope, "the envelope that was made with them").required();
    verb.add_option("--node", flags->node, "the one node to open").required();
    verb.add_option("--account", flags->account, "the account on it").required();
    verb.add_option("--key", flags->key, "public key of whoever logs in: a .pub file, or its line").required();
    verb.add_option("--ttl", flags->ttl, "lifetime; 15m or the envelope's when absent");
    verb.add_option("--reason", flags->reason, "why; the review holds it against what was done").required();
    verb.add_option("--by", flags->by, "owner who uses it and answers for it").required();
    verb.add_option("--out", flags->out, "the certificate's file, KEY-cert.pub beside the key").required();
    verb.add_option("--record", flags->record, "the local record; a line is added").required();
    verb.add_flag("--force", flags->force, "write over a certificate that is there");
    flags->passphrases.add_to(verb);
}

}  // namespace mayfly::cli
