#!/usr/bin/env python3
"""Certificates that must not exist. An attacker with a valid session and roles of their own asks for each; every one is
refused with a 4xx that names the rule, nothing is signed, and no intent enters the log. The ids are those of the threat
model: S is SSH, X is X.509."""
import base64
import json
import os
import pathlib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "e2e")]
from api import Api, key_line, ssh_string  # noqa: E402
from world import POLICY, World  # noqa: E402

SSH, X509 = "/v1/ssh/user-certificates", "/v1/x509/certificates"
BOUND = """
[[role]]
name = "bound"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["backup"]
nodes = "all"
force_command = "/usr/bin/backup"
source_addresses = ["10.0.0.0/8"]
"""
world, rows = World(POLICY + BOUND), []


def refused(row, answer, *rules):
    """A 4xx whose code is one of `rules`; the caller's checks of journal and log come at the end, over all rows."""
    status, body = answer
    assert 400 <= status < 500, f"{row}: {status} {body}"
    assert isinstance(body, dict), f"{row}: {body}"
    assert "certificate" not in body, f"{row}: a certificate came out"
    assert body.get("id") in rules, f"{row}: {body.get('id')} is none of {rules}: {body}"
    assert body.get("detail") or body.get("title"), f"{row}: no sentence in {body}"
    rows.append(row)


def openssl(*argv, data=None):
    return subprocess.run(["openssl", *argv], cwd=world.dir, input=data, capture_output=True, check=True).stdout


def csr(*extensions, subject="/", key="x.key", digest=()):
    """A request by openssl with whatever extensions the attacker likes."""
    config = ["[req]", "distinguished_name=dn", "req_extensions=e", "[dn]", "[e]", *extensions] if extensions else ["[req]", "distinguished_name=dn", "[dn]"]
    (world.dir / "csr.cnf").write_text("\n".join(config) + "\n")
    return openssl("req", "-new", "-key", key, "-subj", subject, "-config", "csr.cnf", "-utf8", *digest).decode()


def intents():
    return sum(event["type"] == "certificate.intent" for event in world.entries())


def journal():
    return (world.dir / "ca/signer.journal").read_text().count("\n")


try:
    world.start()
    world.login()
    api = Api(world)
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "s")
    good_key = (world.dir / "s.pub").read_text().strip()
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "x.key")
    san = "subjectAltName=DNS:a.test.internal"

    def ssh(**asked):
        return api.post(SSH, {"role": "ops", "public_key": good_key, **asked}, key="s")

    def x509(request, names=("dns:a.test.internal",), **asked):
        return api.post(X509, {"role": "web", "csr": request, "names": list(names), **asked})

    # This client can get what it may have; so what follows fails for its own reason.
    assert ssh()[0] == 200 and x509(csr(san))[0] == 200
    assert ssh(role="bound")[0] == 200
    signed, promised, allowed = journal(), intents(), 0

    # ---- SSH: names -------------------------------------------------------------------------------------------------
    for row, principal in (("S02", "deploy,root"), ("S03", 'command="sh" root'), ("S03 tab", "a\tb"), ("S03 hash", "#ops"), ("S04 nul", "ops\0root"), ("S04 newline", "ops\nroot"), ("S04 escape", "ops\x1b[2J"),
                           ("S04 bidi", "ops\u202eroot"), ("S04 empty", ""), ("S04 long", "a" * 65), ("S05", "*"), ("S05 dotted", "*.corp"), ("S07", "{{owner}}"), ("P06 case", "OPS"), ("P06 look-alike", "\u043eps")):
        refused(row, ssh(principals=[principal]), "E-NAME", "E-PRINCIPAL", "E-BODY", "E-JSON")
    refused("S01 of another role", ssh(principals=["web"]), "E-PRINCIPAL")
    refused("P06 trailing space", ssh(role="ops "), "E-NAME")
    # ---- SSH: keys --------------------------------------------------------------------------------------------------
    certified = api.post(SSH, {"role": "ops", "public_key": good_key}, key="s")[1]["certificate"]
    allowed += 1
    refused("S09 a certificate as subject", ssh(public_key=certified), "E-KEY-NESTED")
    ed25519 = b"ssh-ed25519"
    for row, line in (("S23 all zero", key_line("ssh-ed25519", ssh_string(bytes(32)))), ("S23 small order", key_line("ssh-ed25519", ssh_string(b"\1" + bytes(31)))), ("S23 short", key_line("ssh-ed25519", ssh_string(bytes(31)))),
                      ("S23 dsa", key_line("ssh-dss", ssh_string(b"\1"), ssh_string(b"\1"), ssh_string(b"\1"), ssh_string(b"\1"))),
                      ("S23 off the curve", key_line("ecdsa-sha2-nistp256", ssh_string(b"nistp256"), ssh_string(b"\4" + b"\1" * 64))), ("S23 infinity", key_line("ecdsa-sha2-nistp256", ssh_string(b"nistp256"), ssh_string(b"\0"))),
                      ("S27 trailing bytes", key_line("ssh-ed25519", ssh_string(os.urandom(32)), b"x")), ("S27 4 GiB length", "ssh-ed25519 " + base64.b64encode(ssh_string(ed25519) + b"\xff\xff\xff\xff").decode()),
                      ("S27 two types", "ssh-rsa " + good_key.split()[1]), ("S27 not base64", "ssh-ed25519 AAAA!!!"), ("S27 empty", "")):
        refused(row, ssh(public_key=line), "E-KEY-LINE", "E-KEY-WEAK", "E-KEY-POINT", "E-KEY-TYPE", "E-WIRE")
    for row, bits, exponent in (("S23 rsa 1024", 1024, 65537), ("S23 e is 3", 2048, 3)):
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-pkeyopt", f"rsa_keygen_pubexp:{exponent}", "-out", "weak.pem")
        (world.dir / "weak.pem").chmod(0o600)
        refused(row, ssh(public_key=world.must("ssh-keygen", "-y", "-f", "weak.pem").stdout.strip()), "E-KEY-WEAK")
        refused(row + " X.509", x509(csr(san, key="weak.pem")), "E-KEY-WEAK")
    # ---- SSH: extent ------------------------------------------------------------------------------------------------
    for extension in ("permit-agent-forwarding", "permit-everything@evil", "", "permit-pty\0"):
        refused(f"S11/S15 {extension!r}", ssh(extensions=[extension]), "E-EXTENSION", "E-BODY", "E-JSON")
    for block in ("0.0.0.0/0", "10.0.0.1/8", "10/8", "::/0", "corp.example", "10.0.0.0/8,", " 10.0.0.0/8", "192.168.0.0/16"):
        refused(f"S12 {block!r}", ssh(role="bound", source_addresses=[block]), "E-CIDR", "E-SOURCE-ADDRESS")
    refused("S12 many", ssh(source_addresses=[f"10.{n // 250}.{n % 250}.0/24" for n in range(1000)]), "E-HTTP-LIMIT", "E-SOURCE-ADDRESS")
    refused("S13 another command", ssh(role="bound", force_command="/bin/sh"), "E-FORCE-COMMAND")
    for command in ("a\0b", "a\nb", "x" * 4096, "`id`\x1b"):
        refused(f"S14 {command[:5]!r}", ssh(force_command=command), "E-FORCE-COMMAND")
    for ttl in ("-1s", "0s", "1000000000000000000s", "1h\n", "9223372036854775807s", "", "99h", "1e9s", "1h 1h"):
        status, body = ssh(ttl=ttl)
        if ttl == "":  # the absent lifetime in another spelling: the role's own
            assert status == 200, body
            allowed += 1
            continue
        refused(f"S19 {ttl!r}", (status, body), "E-DURATION", "E-ROLE-TTL")
    refused("S16 a host certificate for a person", api.post("/v1/ssh/host-certificates", {"public_key": good_key}, key="s"), "E-KIND")
    for member in ("serial", "key_id", "valid_before", "type", "critical_options", "signer"):
        refused(f"S17/S22/E03 {member}", ssh(**{member: 0}), "E-BODY")
    # ---- SSH: possession --------------------------------------------------------------------------------------------
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "other")
    ask = {"role": "ops", "public_key": good_key}
    refused("S29 no proof", api.post(SSH, ask), "E-PROOF")
    refused("S29 by another key", api.post(SSH, ask, key="other"), "E-PROOF")
    refused("S29 other namespace", api.post(SSH, ask, key="s", name_space="git"), "E-PROOF")
    refused("S29 other domain", api.post(SSH, ask, key="s", domain="evil.internal"), "E-PROOF")
    refused("S29 other path", api.send("POST", SSH, b'{"role":"ops"}', {"Mayfly-Proof": api.proof("s", X509, b'{"role":"ops"}')}), "E-PROOF", "E-BODY")
    refused("S29 invented nonce", api.post(SSH, ask, key="s", nonce="A" * 43), "E-NONCE", "E-PROOF")
    nonce = api.nonce()
    assert api.post(SSH, ask, key="s", nonce=nonce)[0] == 200
    allowed += 1
    refused("S29 replayed nonce", api.post(SSH, ask, key="s", nonce=nonce), "E-NONCE", "E-PROOF")

    # ---- X.509 ------------------------------------------------------------------------------------------------------
    for row, entry in (("X01 dns", "DNS:evil.com"), ("X01 ip", "IP:8.8.8.8"), ("X01 email", "email:a@evil.com"), ("X01 uri", "URI:spiffe://test.internal/human/bob"), ("X01 upn", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:root@corp"),
                       ("X01 dirName", "dirName:dn2"), ("X01 rid", "RID:1.2.3.4")):
        extra = ["[dn2]", "CN=root"] if "dirName" in entry else []
        refused(row, x509(csr(san + "," + entry, *extra)), "E-CSR-NAMES", "E-CSR", "E-NAME", "E-DER", "E-SAN")
    refused("X03 CN that is no SAN", x509(csr(san, subject="/CN=evil.com")), "E-CSR-NAMES")
    refused("X03 mixed case", x509(csr(san, subject="/CN=Sub.EVIL.COM")), "E-CSR-NAMES")
    for row, name in (("X04 nul", "dns:a.test.internal\0.evil.com"), ("X04 newline", "dns:a\nb.test.internal"), ("X04 empty", "dns:"), ("X04 8 bit", "dns:\u00e4.test.internal"), ("X05 star", "dns:*"), ("X05 tld", "dns:*.com"),
                      ("X05 partial", "dns:f*.test.internal"), ("X05 two", "dns:*.*.internal"), ("X05 right", "dns:a.*"), ("X05 no flag", "dns:*.test.internal"), ("X01 name of the role", "dns:evil.com"), ("X01 type", "other:root")):
        refused(row, x509(csr(), names=[name]), "E-NAME", "E-SAN", "E-WILDCARD", "E-JSON", "E-BODY")
    refused("X01 identity of another", x509(csr(), names=["uri:spiffe://test.internal/human/bob"]), "E-SAN")
    for row, extension in (("X07 CA", "basicConstraints=critical,CA:TRUE"), ("X07 pathlen", "basicConstraints=CA:TRUE,pathlen:3"), ("X09 unknown", "1.2.3.4=critical,DER:0500"), ("X09 policies", "certificatePolicies=1.2.3.4"),
                           ("X14 constraints", "nameConstraints=permitted;DNS:evil.com"), ("X23 crl", "crlDistributionPoints=URI:http://127.0.0.1/")):
        refused(row, x509(csr(san, extension)), "E-CSR-CA", "E-CSR-EXTENSION")
    for row, usage in (("X08 any", "2.5.29.37.0"), ("X08 code", "codeSigning"), ("X07 keyCertSign", None)):
        # Usages of a request are not copied: what comes out is the role's, whatever was asked.
        status, body = x509(csr(san, f"extendedKeyUsage={usage}" if usage else "keyUsage=keyCertSign"))
        allowed += 1
        assert status == 200, body
        shown = openssl("x509", "-noout", "-ext", "keyUsage,extendedKeyUsage,basicConstraints", data=body["certificate"].encode()).decode()
        assert "Any Extended" not in shown and "Code Signing" not in shown and "Certificate Sign" not in shown and "CA:FALSE" in shown, shown
        rows.append(row)
    genuine = base64.b64decode("".join(line for line in csr(san).splitlines() if "-" * 5 not in line))
    for row, der in (("X10 changed signature", genuine[:-1] + bytes([genuine[-1] ^ 1])), ("X10 changed key", genuine.replace(genuine[60:64], os.urandom(4), 1)), ("S27 trailing", genuine + b"\0"), ("S27 truncated", genuine[:-1])):
        refused(row, x509("-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der).decode() + "-----END CERTIFICATE REQUEST-----\n"), "E-CSR-PROOF", "E-DER", "E-KEY-POINT")
    refused("X10 SHA-1", x509(csr(san, digest=("-sha1",))), "E-CSR-PROOF")
    for row, parameters in (("X11 explicit curve", ("-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")), ("X11 P-192", ("-pkeyopt", "ec_paramgen_curve:P-192")), ("X11 secp256k1", ("-pkeyopt", "ec_paramgen_curve:secp256k1"))):
        openssl("genpkey", "-algorithm", "EC", *parameters, "-out", "odd.key")
        refused(row, x509(csr(san, key="odd.key")), "E-KEY-CURVE")

    # ---- X.509: a bare key, with a proof by it --------------------------------------------------------------------------
    def pem(key):
        return openssl("pkey", "-in", key, "-pubout").decode()

    def bare(key="x.key", proof="x.key", **asked):
        how = {name: asked.pop(name) for name in ("nonce", "domain", "name_space", "method") if name in asked}
        return api.post(X509, {"role": "web", "public_key": pem(key), "names": ["dns:a.test.internal"], **asked}, key=proof, **how)

    def signs(key):
        """ssh-keygen signs with a PEM key when its public line stands beside it."""
        (world.dir / key).chmod(0o600)
        (world.dir / f"{key}.pub").write_text(world.must("ssh-keygen", "-y", "-f", key).stdout)

    signs("x.key")
    for name, parameters in (("p384", ("EC", "-pkeyopt", "ec_paramgen_curve:P-384")), ("p521", ("EC", "-pkeyopt", "ec_paramgen_curve:P-521")), ("rsa2048", ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")),
                             ("rsa4096", ("RSA", "-pkeyopt", "rsa_keygen_bits:4096"))):
        openssl("genpkey", "-algorithm", *parameters, "-out", f"{name}.key")
        signs(f"{name}.key")
    for key in ("x.key", "p384.key", "p521.key", "rsa2048.key", "rsa4096.key"):
        status, body = bare(key, key)
        assert status == 200, body
        allowed += 1
        assert openssl("x509", "-noout", "-pubkey", data=body["certificate"].encode()).decode() == pem(key)
    # Ed25519: ssh-keygen signs with its own file, openssl writes the same key's PEM.
    point = base64.b64decode(good_key.split()[1])[-32:]
    ed_pem = openssl("pkey", "-pubin", "-inform", "DER", "-pubout", data=bytes.fromhex("302a300506032b6570032100") + point).decode()
    status, body = api.post(X509, {"role": "web", "public_key": ed_pem, "names": ["dns:a.test.internal"]}, key="s")
    assert status == 200, body
    allowed += 1
    ask = {"role": "web", "public_key": pem("x.key"), "names": ["dns:a.test.internal"]}
    refused("S29 X.509 no proof", api.post(X509, ask), "E-PROOF")
    refused("S29 X.509 by another key", bare(proof="s"), "E-PROOF")
    refused("S29 X.509 another key's name", bare("p384.key"), "E-PROOF")
    refused("S29 X.509 other namespace", bare(name_space="file"), "E-PROOF")
    refused("S29 X.509 other domain", bare(domain="evil.internal"), "E-PROOF")
    refused("S29 X.509 other method", bare(method="GET"), "E-PROOF")
    body = b'{"names":["dns:a.test.internal"],"public_key":' + json.dumps(pem("x.key")).encode() + b',"role":"web"}'
    refused("S29 X.509 other path", api.send("POST", X509, body, {"Mayfly-Proof": api.proof("x.key", SSH, body)}), "E-PROOF")
    refused("S29 X.509 other body", api.send("POST", X509, body, {"Mayfly-Proof": api.proof("x.key", X509, body + b" ")}), "E-PROOF")
    refused("S29 X.509 invented nonce", bare(nonce="A" * 43), "E-NONCE", "E-PROOF")
    proof = api.proof("x.key", X509, body)
    assert api.send("POST", X509, body, {"Mayfly-Proof": proof, "Idempotency-Key": "first-of-the-two"})[0] == 200
    allowed += 1
    refused("S29 X.509 replayed proof", api.send("POST", X509, body, {"Mayfly-Proof": proof, "Idempotency-Key": "second-of-the-two"}), "E-NONCE", "E-PROOF")
    refused("E03 both a request and a key", api.post(X509, {**ask, "csr": csr(san)}, key="x.key"), "E-BODY")
    refused("E03 neither", api.post(X509, {"role": "web", "names": ["dns:a.test.internal"]}, key="x.key"), "E-BODY")
    refused("X01 X.509 bare: another name", bare(names=["dns:evil.com"]), "E-SAN")
    refused("X.509 bare: no name", bare(names=[]), "E-NAMES-EMPTY")
    for row, text in (("nothing", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"), ("a private key", (world.dir / "x.key").read_text()), ("an SSH line", good_key), ("two", pem("x.key") * 2), ("text", "x"),
                      ("trailing bytes", "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(openssl("pkey", "-in", "x.key", "-pubout", "-outform", "DER") + b"\0").decode() + "-----END PUBLIC KEY-----\n")):
        refused(f"S27 X.509 bare: {row}", api.post(X509, {**ask, "public_key": text}, key="x.key"), "E-PEM", "E-DER", "E-BODY", "E-KEY-LINE")
    off = bytearray(openssl("pkey", "-in", "x.key", "-pubout", "-outform", "DER"))
    off[-1] ^= 1
    wrap = lambda der: "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(bytes(der)).decode() + "-----END PUBLIC KEY-----\n"  # noqa: E731
    refused("S23 X.509 bare: off the curve", api.post(X509, {**ask, "public_key": wrap(off)}, key="x.key"), "E-KEY-POINT")
    refused("S23 X.509 bare: small order", api.post(X509, {**ask, "public_key": wrap(bytes.fromhex("302a300506032b6570032100") + b"\1" + bytes(31))}, key="s"), "E-KEY-WEAK")
    for row, key, rule in (("rsa 1024", ("RSA", "-pkeyopt", "rsa_keygen_bits:1024"), "E-KEY-WEAK"), ("P-192", ("EC", "-pkeyopt", "ec_paramgen_curve:P-192"), "E-KEY-CURVE"),
                           ("explicit curve", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"), "E-KEY-CURVE"), ("X25519", ("X25519",), "E-KEY-TYPE")):
        openssl("genpkey", "-algorithm", *key, "-out", "odd.key")
        refused(f"S23/X11 X.509 bare: {row}", api.post(X509, {**ask, "public_key": pem("odd.key")}, key="x.key"), rule)

    # ---- what all of that left ----------------------------------------------------------------------------------------
    assert journal() == signed + allowed, f"{journal() - signed - allowed} signatures were made for what was refused"
    assert intents() == promised + allowed, "an intent for what was refused"
    assert sum(event["type"] == "request.refused" for event in world.entries()) >= len(rows) - 8, "a refusal without a leaf"
    print(f"{len(rows)} attempts refused, no signature, no intent")
finally:
    world.close()
