#include "mayfly/error_codes.h"

#include <algorithm>
#include <array>

namespace mayfly {

namespace {

constexpr std::array kCodes = {
    ErrorCode{"E-ADD-CHECKPOINT",
              "What was sent to the witness is not an add-checkpoint request of C2SP tlog-witness."},
    ErrorCode{"E-AGENT",
              "ssh-agent is not running, does not answer, or does not hold the key. SSH_AUTH_SOCK says "
              "where it is; ssh-add -l what it holds."},
    ErrorCode{"E-APPROVAL-OUTDATED",
              "The role changed since the request was approved. An approval holds for the version that was decided on: "
              "ask again."},
    ErrorCode{"E-ATTESTATION",
              "What a FIDO device said when it made the key does not hold, or is missing where the role wants it: "
              "ssh-keygen -O challenge=FILE -O write-attestation=FILE."},
    ErrorCode{"E-BASE64", "What should be base64 (RFC 4648) is not."},
    ErrorCode{"E-BODY",
              "A JSON body lacks a member, has one too many, or one of another type. /v1/openapi.json "
              "describes every body."},
    ErrorCode{"E-BREAKGLASS-CLOSED",
              "A break-glass identity holds nothing until it is opened: mayfly breakglass open."},
    ErrorCode{"E-BUNDLE", "A pinned root certificate cannot be read. Bootstrap again."},
    ErrorCode{"E-BUNDLE-OLD",
              "The CA offers an older trust bundle than the pinned one. Versions only rise: somebody "
              "may be turning the clock back."},
    ErrorCode{"E-BUNDLE-OTHER",
              "The CA offers the trust bundle of another authority. Trust domain and log key never "
              "change by an update."},
    ErrorCode{"E-BUNDLE-PROOF",
              "The trust bundle is not the one that the CA's log published, so it must not be trusted."},
    ErrorCode{"E-BUSY", "Too many requests are waiting. Ask again in a moment."},
    ErrorCode{"E-CBOR", "What a FIDO device said is not CBOR as CTAP 2 writes it."},
    ErrorCode{"E-CHECK",
              "A certificate that the signer returned is not the one that was meant; it was not handed "
              "out. Tell whoever runs the CA."},
    ErrorCode{"E-CIDR", "A source address is not a block like 10.0.0.0/8, or is one that means everybody."},
    ErrorCode{"E-CLOCK", "The CA's clock runs behind its own log. It does not write until the clock is right."},
    ErrorCode{"E-CONDITION-NETWORK", "The role is used from certain networks only, and this is none of them."},
    ErrorCode{"E-CONDITION-TIME", "The role is used at certain times only, and this is none of them."},
    ErrorCode{"E-CONFIG",
              "A configuration file is missing or says something that is not understood. The message "
              "names the line."},
    ErrorCode{"E-CONFIRM",
              "What would end everybody's certificates is done only when its name is said again: --confirm."},
    ErrorCode{"E-CONTEXT",
              "There is no such context here, or its file is damaged. mayfly context list shows what "
              "is known."},
    ErrorCode{"E-CONTEXT-EXISTS",
              "The context pins another CA already. Pins are replaced only when that is said: "
              "--replace."},
    ErrorCode{"E-CREDENTIAL", "A systemd credential that the configuration names was not given to the service."},
    ErrorCode{"E-CRL", "The X.509 revocation list cannot be read. mayfly inspect FILE says more of one that can."},
    ErrorCode{
        "E-CRL-LARGE",
        "More certificates are revoked than one X.509 list holds. Raise crl_shards under [revocation] in ca.toml."},
    ErrorCode{"E-CSR", "The PKCS#10 request has an attribute twice or another version than RFC 2986 knows."},
    ErrorCode{"E-CSR-CA", "The request asks for a CA certificate. Roles give leaf certificates only."},
    ErrorCode{"E-CSR-EXTENSION",
              "The request carries an extension that a request cannot ask for. Only subjectAltName is "
              "read."},
    ErrorCode{"E-CSR-FILE", "The file holds no PKCS#10 request."},
    ErrorCode{"E-CSR-NAMES",
              "The request carries a name that was not asked for with --name. What is asked for must "
              "be said, not smuggled."},
    ErrorCode{"E-CSR-PROOF", "The request is not signed by its own key, so nobody has proved to hold that key."},
    ErrorCode{"E-DELEGATION-TTL", "A delegation lasts at most thirty days."},
    ErrorCode{"E-DER",
              "A certificate, key or request is not the DER it claims to be: it was cut, changed or made wrongly."},
    ErrorCode{"E-DRY-RUN", "The verb cannot be tried without doing it, so with --dry-run it does nothing."},
    ErrorCode{"E-DURATION", "A length of time reads 90s, 45m, 8h, 30d or 1h30m, between one second and ten years."},
    ErrorCode{"E-DUTY",
              "The verb needs a duty (platform, auditor, intake) that your owner does not have. mayfly "
              "status shows yours."},
    ErrorCode{"E-EGRESS",
              "A webhook or mail would have gone to an address that its target may not have: this machine, a private "
              "network, or one that is no receiver's."},
    ErrorCode{"E-EGRESS-FAILED",
              "A webhook or mail could not be delivered this time. It is tried again until its deadline."},
    ErrorCode{"E-ENVELOPE",
              "The signer refused: what it was asked to sign lies outside its own limits, whatever the "
              "CA decided."},
    ErrorCode{"E-EXCEPTION", "A defect of the CA. Its log has the request id that stands in this error."},
    ErrorCode{"E-EXTENSION", "The SSH extension asked for is not among the role's."},
    ErrorCode{"E-FIDO-TOUCH", "The security key signed without being touched. Touch it when it blinks."},
    ErrorCode{"E-FILE-EXISTS",
              "A file that would be written is there already. Nothing was minted; --force replaces it."},
    ErrorCode{"E-FILE-MODE",
              "A file with a private key is read by its owner, by its group where that is wanted, by nobody else."},
    ErrorCode{"E-FILE-OWNER", "There is no such user or group, or only root could give the files to them."},
    ErrorCode{"E-FINGERPRINT",
              "The CA at the URL has another fingerprint than the one given, or the text is no "
              "fingerprint. Ask whoever runs the CA, over another channel."},
    ErrorCode{"E-FIRST-TIME",
              "This identity was never seen from here or with this node, and the role wants somebody's word for that."},
    ErrorCode{"E-FORCE-COMMAND",
              "The role forces another command, or the text is not one line of at most 1,024 "
              "characters."},
    ErrorCode{"E-GRANT-ENDS", "The certificate would outlive the grant that it is minted on."},
    ErrorCode{"E-GRANT-NODE", "The grant is good for one node only. Name it with --node."},
    ErrorCode{"E-GRANT-TTL", "The grant would stand longer than the policy lets grants stand."},
    ErrorCode{"E-HEX", "What should be hexadecimal is not."},
    ErrorCode{"E-HOST", "The host name is not registered for the node that asks."},
    ErrorCode{"E-HOST-TTL", "The host certificate would live longer than the policy lets host certificates live."},
    ErrorCode{"E-HTTP", "The request is not HTTP/1.1 as it should be."},
    ErrorCode{"E-HTTP-ENCODING", "A body is sent as it is: no Content-Encoding."},
    ErrorCode{"E-HTTP-LIMIT", "The headers or the body are larger than the path takes."},
    ErrorCode{"E-HTTP-PATH", "There is no such path, or it takes another method. /v1/openapi.json lists them."},
    ErrorCode{"E-HTTP-TYPE", "Bodies are application/json."},
    ErrorCode{"E-IDEMPOTENCY",
              "The Idempotency-Key is malformed, was used for another request, or belongs to one that "
              "is being answered. Use a new one for a new request."},
    ErrorCode{"E-IDENTITY-EXISTS", "There is an identity of that name already."},
    ErrorCode{"E-IDENTITY-SUSPENDED", "The identity is suspended and gets no certificates."},
    ErrorCode{"E-IDENTITY-UNKNOWN", "There is no active identity of that name. mayfly identity list shows all."},
    ErrorCode{"E-INIT-TWICE", "mayfly-ca init runs once, into an empty folder. It never replaces an authority."},
    ErrorCode{"E-INSPECT",
              "The file is nothing that inspect knows: SSH certificates and keys, X.509, PKCS#10, "
              "bundles, checkpoints and log proofs are."},
    ErrorCode{"E-ISSUER", "The issuing certificate does not fit the CA's key, or cannot be read."},
    ErrorCode{"E-ISSUER-ENDS",
              "The certificate would outlive the certificate of its issuer. The issuer is due for "
              "renewal."},
    ErrorCode{"E-ISSUER-NAMES", "The issuing CA's own certificate does not let it certify this name."},
    ErrorCode{"E-ISSUER-TTL", "The certificate would live longer than the issuer ever signs for."},
    ErrorCode{"E-JOURNAL",
              "The signer's journal and the log do not tell the same story. The CA stops: find out "
              "which certificates one of them lacks."},
    ErrorCode{"E-JOURNAL-FULL",
              "The signer cannot write its journal, so it signs nothing. Free space on the CA's disk "
              "and restart it."},
    ErrorCode{"E-JSON",
              "The text is not JSON as Mayfly takes it: no duplicate names, no fractions, limited "
              "depth and size."},
    ErrorCode{"E-KEY-AUTHORITY", "The key is one of the CA's own. It is nobody's subject key."},
    ErrorCode{"E-KEY-BOUND", "The key belongs to another identity already. One key, one identity: make a new one."},
    ErrorCode{"E-KEY-CURVE", "The elliptic curve is not given by name, or not supported. P-256, P-384 and P-521 are."},
    ErrorCode{"E-KEY-FILE",
              "A key's file is missing, unreadable, or not a key. A key is named by its private file, "
              "its .pub, or SHA256:… of one in ssh-agent."},
    ErrorCode{"E-KEY-HARDWARE", "The role needs a hardware key: ssh-keygen -t ed25519-sk."},
    ErrorCode{"E-KEY-KNOWN", "The key is on a list of keys whose private half anyone could have. Make a new one."},
    ErrorCode{"E-KEY-LINE", "The text is not an SSH public key line: type, base64, comment."},
    ErrorCode{"E-KEY-MISMATCH",
              "A key and a certificate do not belong together; they are never left side by side. Move the key away, or "
              "give another --out."},
    ErrorCode{"E-KEY-MODE", "A file of the CA's keys can be read by others, or is no plain file. chmod 600 it."},
    ErrorCode{"E-KEY-NESTED", "A certificate was given where a public key belongs."},
    ErrorCode{"E-KEY-POINT", "The public key is not a point on its curve. Make a new key."},
    ErrorCode{"E-KEY-REUSE", "Two issuers would share one key. Each has its own."},
    ErrorCode{"E-KEY-REVOKED", "The key is revoked. A revoked key is never certified again: make a new one."},
    ErrorCode{"E-KEY-TYPE",
              "Keys of this kind are not certified, or not for this purpose. Ed25519, ECDSA, RSA of "
              "2,048 bits and more, and for people their FIDO forms are."},
    ErrorCode{"E-KEY-UNKNOWN",
              "A fingerprint revokes a key that is enrolled or stands in a living certificate. For any other, give the "
              "key itself."},
    ErrorCode{"E-KEY-WEAK", "The RSA key is too small or its factors can be found. Make a new key."},
    ErrorCode{"E-KIND",
              "The verb is for another kind of identity: people, nodes and workloads each have their "
              "own way in."},
    ErrorCode{"E-KRL",
              "The SSH revocation list cannot be read, or not be used. The agent keeps the last good one: sshd refuses "
              "every key when it cannot read its list."},
    ErrorCode{"E-KRL-FORK", "The CA offers two SSH revocation lists of one version. Tell whoever runs it."},
    ErrorCode{"E-KRL-OLDER",
              "The CA offers an older SSH revocation list than the node holds. It is not taken: that would un-revoke."},
    ErrorCode{"E-LAST-OWNER", "Nobody could administer the CA any more. Give another owner the duty platform first."},
    ErrorCode{"E-LETTER", "There is no such dead letter, or it is on its way again or delivered already."},
    ErrorCode{"E-LIST", "The CA publishes no such revocation list."},
    ErrorCode{"E-LIST-NUMBER",
              "A revocation list of this number or a later one is published already. Numbers only rise."},
    ErrorCode{"E-LIST-PROOF",
              "The revocation list is not the one that the CA's log published, so it must not be used."},
    ErrorCode{"E-LISTEN", "The CA cannot listen on its address. Is another one running?"},
    ErrorCode{"E-LOG-BEHIND",
              "The log ends before a head that was verified earlier: entries are missing. Keep both, "
              "and tell whoever answers for the CA."},
    ErrorCode{"E-LOG-DAMAGED", "The log's entries do not lead to its signed head."},
    ErrorCode{"E-LOG-ENTRY",
              "What the log would have to say of this does not fit into one entry. What is not recorded is not done: "
              "ask for less at once."},
    ErrorCode{"E-LOG-FORK",
              "The log contradicts a head that was verified or signed earlier: it was rewritten. Keep "
              "both, and tell whoever answers for the CA."},
    ErrorCode{"E-LOG-HEAD", "The log's head is not signed by the pinned log key."},
    ErrorCode{"E-LOG-ORIGIN", "The database holds the log of another authority. Check trust_domain in ca.toml."},
    ErrorCode{"E-LOG-PROOF",
              "The certificate or entry is not in the log that was pinned. A certificate that is not "
              "in the log must not be used."},
    ErrorCode{"E-LOG-SEARCH", "The CA's answers to a search do not come to an end. Tell whoever answers for the CA."},
    ErrorCode{"E-LOG-SIZE", "The log does not reach that far yet."},
    ErrorCode{"E-LOGIN-KEY",
              "There is no SSH key to log in with, neither in ssh-agent nor in ~/.ssh. Make one and "
              "have its .pub enrolled."},
    ErrorCode{"E-LOGIN-OLD", "The role wants a fresh login: mayfly login."},
    ErrorCode{"E-LOGIN-WEAK", "The role wants a login with a hardware-backed key."},
    ErrorCode{"E-NAME", "The text is not a name of its kind. The message says which characters are."},
    ErrorCode{
        "E-NAME-CONSTRAINT",
        "A constraint on a CA's names is not dns:DOMAIN or ip:BLOCK, or the CA could not certify itself under it."},
    ErrorCode{"E-NAMES-EMPTY", "The certificate would name nobody. Ask for a name."},
    ErrorCode{"E-NAMES-LARGE", "The names of one certificate are longer together than 32 KiB. Ask for fewer."},
    ErrorCode{"E-NODE", "There is no such node, the role does not open it, or this machine is not enrolled."},
    ErrorCode{"E-NODE-EXPIRED", "The node's identity has ended. Enrol it again with a new join token."},
    ErrorCode{"E-NODE-OWNER", "Another owner answers for a node of that name. Choose another."},
    ErrorCode{"E-NODE-TTL", "The node's certificate would live longer than the policy lets them live."},
    ErrorCode{"E-NONCE", "The nonce of the proof is unknown, old or used. Get a new one; mayfly does so itself."},
    ErrorCode{"E-NOT-A-CA", "What answers at the URL is no Mayfly CA. Check the URL."},
    ErrorCode{"E-NOT-APPROVER", "The decision belongs to others; the error names them."},
    ErrorCode{"E-NOT-CONTROL-OWNER",
              "Only the role's control owner, or their backup, grants the role. mayfly role list shows "
              "who that is."},
    ErrorCode{"E-NOT-READY", "The CA is up and cannot mint yet. The message says what is missing."},
    ErrorCode{"E-OWNER-EXISTS", "There is an owner of that name already."},
    ErrorCode{"E-OWNER-INACTIVE", "Nobody answers for it: its owner is disabled. Hand it to another owner."},
    ErrorCode{"E-OWNER-LEAVING",
              "The owner is leaving; until somebody adopts what they own, its certificates live shorter and shorter."},
    ErrorCode{"E-OWNER-UNKNOWN", "There is no owner of that name. mayfly owner list shows all."},
    ErrorCode{"E-PASSPHRASE", "The file of the CA's passphrase is missing, empty, or readable by others."},
    ErrorCode{"E-PASSWORD",
              "The password of a PKCS#12 file is missing, empty, typed differently twice, not plain ASCII, or in a "
              "file that others can read."},
    ErrorCode{"E-PATTERN", "The text is not a pattern of names: dns:*.corp.example, ip:10.0.0.0/8, uri:spiffe://…"},
    ErrorCode{"E-PAUSED",
              "Too much time went by between the decision and the signature; nothing was signed. Ask "
              "again."},
    ErrorCode{"E-PEM", "The text does not hold exactly the PEM blocks that belong there, or one of them has no end."},
    ErrorCode{"E-PRINCIPAL", "The principal asked for is not the role's, or there are more than sshd reads."},
    ErrorCode{"E-PROOF", "The proof of possession is malformed, of another key, or over another request."},
    ErrorCode{"E-QUERY", "A number is missing in the query of the URL."},
    ErrorCode{"E-QUORUM",
              "Too few of the policy's witnesses have cosigned the log's head. Ask again later, or ask a witness."},
    ErrorCode{"E-RATE",
              "Too many requests a second from one address or one identity. Wait; the limits stand under [rates] in "
              "ca.toml."},
    ErrorCode{"E-REPLY-SIZE", "The answer is larger than any of the CA's. Is it the URL of a CA?"},
    ErrorCode{"E-REQUEST-CHANGED", "The decision names another request than this one: look again, then decide."},
    ErrorCode{"E-REQUEST-CLOSED", "The role is not open to this identity: its control owner can make it eligible."},
    ErrorCode{"E-REQUEST-EXPIRED", "Nobody decided in time, and silence is a denial. Ask again."},
    ErrorCode{"E-REQUEST-LONG", "The window is longer than the role is ever given for."},
    ErrorCode{"E-REQUEST-NARROW", "Two approvers narrowed the request to different nodes, so nothing is left of it."},
    ErrorCode{"E-REQUEST-NOBODY", "Nobody who is active, and whom the request does not concern, could approve it."},
    ErrorCode{"E-REQUEST-NOT-YOURS", "Only those whom the request concerns may do this to it."},
    ErrorCode{"E-REQUEST-OPEN", "The same identity has asked for the same role already, and waits for a decision."},
    ErrorCode{"E-REQUEST-PAST", "The window that was asked for is over before it began."},
    ErrorCode{"E-REQUEST-REASON", "The role wants a reason, and a denial wants one too."},
    ErrorCode{"E-REQUEST-START", "A fixed start is a time within the next thirty days, and goes with starts = at."},
    ErrorCode{"E-REQUEST-STATE", "The request is in another state than this needs: each is decided once."},
    ErrorCode{"E-REQUEST-TEXT", "A text of the request is longer than 2,000 bytes."},
    ErrorCode{"E-REQUEST-TICKET", "The role wants a ticket of a certain shape."},
    ErrorCode{"E-REQUEST-UNKNOWN", "There is no such request, or it is none of yours."},
    ErrorCode{"E-REQUEST-WIDEN", "An approver may give less than was asked for, never more."},
    ErrorCode{"E-RESTORE",
              "The database is older than what was promised since; going on with it forks the log. The message says "
              "what that breaks."},
    ErrorCode{"E-REVOKE",
              "Say exactly one of serial, key, identity, owner, role, grant and issuer; an issuer is x509, ssh-user or "
              "ssh-host."},
    ErrorCode{"E-REVOKE-CODE",
              "CRLs know these reasons: unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, "
              "cessation-of-operation, privilege-withdrawn."},
    ErrorCode{"E-ROLE-CONFLICT", "The role is never held beside another one that the same person holds."},
    ErrorCode{"E-ROLE-JIT", "The role needs somebody's approval each time it is used."},
    ErrorCode{"E-ROLE-MISSING", "No role was named. Every certificate carries the scope of a role."},
    ErrorCode{"E-ROLE-NOT-HELD",
              "You hold no grant of the role now. Its control owner can give you one: mayfly role list."},
    ErrorCode{"E-ROLE-PICK", "No role, or more than one, fits what was asked for. Name one with --role."},
    ErrorCode{"E-ROLE-SCOPE", "The role gives no certificates of this kind, or opens no account."},
    ErrorCode{"E-ROLE-TTL", "The certificate would live longer than the role allows."},
    ErrorCode{"E-ROLE-UNKNOWN", "The policy in force defines no such role. mayfly role list shows all."},
    ErrorCode{"E-ROOT-CRL",
              "The root's revocation list speaks of what the root signed, and is signed with the root's own key."},
    ErrorCode{"E-RUN", "Another program cannot be started. Is it installed, and on the PATH?"},
    ErrorCode{"E-SAN", "A name is outside what the role allows, or there are too many."},
    ErrorCode{"E-SANDBOX", "The signer cannot lock itself in, and does not run outside its sandbox."},
    ErrorCode{"E-SEALED", "A sealed key's file is not one."},
    ErrorCode{"E-SELF-APPROVAL",
              "Nobody decides on their own matter, whatever identity, group or delegation they come through."},
    ErrorCode{"E-SELF-GRANT", "Nobody grants this role to themselves. Another owner must."},
    ErrorCode{"E-SERIAL-AMBIGUOUS",
              "Two issuers count to the same serial. Say whose is meant: --issuer ssh-user, ssh-host or x509."},
    ErrorCode{"E-SERIAL-UNKNOWN", "No living certificate has this serial."},
    ErrorCode{"E-SERVER-TTL", "The CA's own certificate would live longer than the policy allows."},
    ErrorCode{"E-SERVER-UNTRUSTED",
              "The server's certificate does not lead to the pinned roots, or names another host. It "
              "may not be the CA."},
    ErrorCode{"E-SESSION", "There is no session, it has ended, or its files are damaged. mayfly login."},
    ErrorCode{"E-SESSION-TTL", "The session would last longer than the policy lets sessions last."},
    ErrorCode{"E-SIGN",
              "ssh-keygen cannot sign with the key: a passphrase or a touch is missing, or the private "
              "half is not there."},
    ErrorCode{"E-SIGNATURE-ALGORITHM",
              "The signature's algorithm is not accepted. SHA-2 with ECDSA or RSA, and Ed25519 are."},
    ErrorCode{"E-SIGNER-GONE", "The signer has ended; the CA restarts it or ends too. Its log says why."},
    ErrorCode{"E-SIGNER-START", "The signer cannot be started."},
    ErrorCode{"E-SIGNER-USAGE", "mayfly-signer is started by mayfly-ca, not by hand."},
    ErrorCode{"E-SOURCE-ADDRESS", "The source address is outside the role's blocks, or there are too many."},
    ErrorCode{"E-SSHD-RELOAD", "sshd was not reloaded, so it still goes by the old configuration."},
    ErrorCode{"E-SSHD-TEST", "sshd refuses the new configuration; the old one stays in force."},
    ErrorCode{"E-STALE", "What the decision went by changed on the way. Ask again."},
    ErrorCode{"E-STATUS", "There is no status to tell, or what answers is no Mayfly CA."},
    ErrorCode{"E-STORE", "The store failed in a way that nobody foresaw. The CA's log says more."},
    ErrorCode{"E-STORE-BUSY", "Another program holds the store."},
    ErrorCode{"E-STORE-CONSTRAINT", "The store refuses the change: it contradicts what is recorded."},
    ErrorCode{"E-STORE-EXISTS", "The database exists already. It is never replaced."},
    ErrorCode{"E-STORE-FULL", "The store cannot be written: the disk is full or read-only."},
    ErrorCode{"E-STORE-IO",
              "The disk failed under the store. The CA stops writing until it is restarted on a sound "
              "one."},
    ErrorCode{"E-STORE-OPEN", "There is no database where the configuration says, or it cannot be opened."},
    ErrorCode{"E-STORE-SCHEMA", "The database was made by another version than this build reads."},
    ErrorCode{"E-SVID",
              "A SPIFFE ID is not written as SPIFFE has it, or does not stand alone: a certificate has one URI then."},
    ErrorCode{"E-TENANT-UNKNOWN", "There is no such tenant, or it is closed."},
    ErrorCode{"E-TILE", "The log does not reach that far yet: no such tile is published."},
    ErrorCode{"E-TILE-PATH", "That is not how C2SP tlog-tiles names a file of the log."},
    ErrorCode{"E-TIME", "A time reads 2026-11-21T04:26:02Z (RFC 3339)."},
    ErrorCode{"E-TLS", "OpenSSL gives no TLS context."},
    ErrorCode{"E-TLS-IDENTITY", "The server's key and certificate do not belong together."},
    ErrorCode{"E-TOKEN", "The join token is unknown, used, too old or for another node. Ask for a new one."},
    ErrorCode{"E-TOKEN-TTL", "The join token would live longer than the policy lets tokens live."},
    ErrorCode{"E-TRUST", "What the CA sent for this node's sshd is not acceptable."},
    ErrorCode{"E-TRUST-EMPTY", "The CA sent no user CA key: sshd would let nobody in. The old set stays."},
    ErrorCode{"E-UNREACHABLE", "The CA does not answer. Is it running, and is the URL right? Ask again later."},
    ErrorCode{"E-UNSEAL", "The passphrase does not open the sealed key, or the file was changed."},
    ErrorCode{"E-URL", "The text is not the URL of a CA. Write it like https://ca.corp.example:8443."},
    ErrorCode{"E-USAGE", "The command line is not understood. Each verb has --help."},
    ErrorCode{"E-VALIDITY", "A validity ends before it starts."},
    ErrorCode{"E-VERIFY", "There is nothing to verify: no certificate in the file, or no log entry with the proof."},
    ErrorCode{"E-VERIFY-FORM",
              "The certificate contradicts itself: no revocation is available (RFC 9608), and there is where to look."},
    ErrorCode{"E-VERIFY-ISSUER", "The certificate does not lead to the pinned CA."},
    ErrorCode{"E-VERIFY-LIST",
              "The revocation list does not answer for the certificate: it is of another issuer, not of now, a part, "
              "or not signed."},
    ErrorCode{"E-VERIFY-REVOKED", "The certificate is revoked. There is no way back; get a new one."},
    ErrorCode{"E-VERIFY-TIME", "The certificate is not valid now."},
    ErrorCode{"E-WEAK-LIST", "A file that weak_keys in ca.toml names is not a list of digests."},
    ErrorCode{"E-WEBHOOK-SECRET",
              "A webhook's secret file does not hold one or two Standard Webhooks secrets (whsec_ and base64 of 24 to "
              "64 bytes)."},
    ErrorCode{"E-WEBHOOK-URL",
              "The URL of a webhook or mail server is not one that may be used: https (smtp or smtps for mail), "
              "without user, password and fragment."},
    ErrorCode{"E-WHO",
              "The CA could not establish who is asking: the key is not enrolled, the identity is "
              "suspended, or the certificate is not one of its own."},
    ErrorCode{"E-WILDCARD", "Wildcards are for roles that allow them."},
    ErrorCode{"E-WIRE", "SSH bytes end too early, go on too long, or hold what their format forbids (RFC 4251)."},
    ErrorCode{"E-WITNESS-POLICY", "The witness policy is not one of C2SP tlog-policy. The message names the line."},
    ErrorCode{"E-WITNESS-ROOTS", "The file of the roots that the witnesses' fronts lead to holds no certificate."},
    ErrorCode{"E-WITNESS-STATE",
              "What the witness kept of a log is not what it wrote. Restore the file; a witness that forgets must be "
              "replaced."},
};

}  // namespace

std::span<const ErrorCode> error_codes() { return kCodes; }

const ErrorCode* find_error_code(std::string_view id) {
    const auto* found =
        std::find_if(kCodes.begin(), kCodes.end(), [id](const ErrorCode& code) { return code.id == id; });
    return found == kCodes.end() ? nullptr : found;
}

}  // namespace mayfly
