#!/usr/bin/env python3
"""What the CA's own certificates say, and who takes them back: name constraints, pointers to revocation lists, the root's
list, weak keys. Judged by openssl."""
import hashlib
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import World  # noqa: E402

passed = 0
POLICY = """
version = 1
[[role]]
name = "web"
owner = "alice"
max_lifetime = "30d"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
wildcard = true
names = ["dns:*.test.internal", "dns:*.evil.internal", "dns:*.secret.test.internal", "ip:127.0.0.0/8", "ip:192.0.2.0/24", "uri:https://test.internal/*", "uri:spiffe://other.internal/*", "email:alice@test.internal"]
"""


def expect(done, code, *texts):
    global passed
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{done.args}: exit {done.returncode}, not {code}\n{said}"
    for text in texts:
        assert text in said, f"{done.args}: no \"{text}\" in\n{said}"
    passed += 1
    return done


world = World(POLICY)
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    init = lambda folder, *more: world.run("mayfly-ca", "init", "--dir", folder, "--trust-domain", "test.internal", "--owner", "alice", "--owner-key", "alice.pub", "--passphrase-file", "pass",  # noqa: E731
                                           "--policy", "policy.toml", "--listen", "127.0.0.1:0", "--name", "ip:127.0.0.1", "--insecure-fast-seal", *more)
    show = lambda file, *what: world.must("openssl", "x509", "-in", file, "-noout", *what).stdout  # noqa: E731

    # A CA that could not certify itself, or that not both verifiers could judge, is not made.
    for arguments, why in ((("--permit", "dns:test.internal", "--permit", "ip:10.0.0.0/8"), "ip:127.0.0.1"), (("--exclude", "ip:0.0.0.0/0"), "excluded"), (("--permit", "ip:2001:db8::/32"), "IPv6"),
                           (("--permit", "uri:spiffe://x"), "no constraint"), (("--permit", "dns:*.test.internal"), "E-"), (("--exclude", "ip:10.0.0.1/8"), "host bits")):
        expect(init("bad", *arguments), 2, why)
        assert not (world.dir / "bad").exists()
    # Subjects are unique, even for two CAs of one name in one second.
    for folder in ("one", "two"):
        assert init(folder).returncode == 0
    subjects = {show(f"{folder}/{file}", "-subject") for folder in ("one", "two") for file in ("root.pem", "issuing.pem")}
    assert len(subjects) == 4, subjects
    assert "Name Constraints" not in show("one/issuing.pem", "-text")

    subprocess.run(["rm", "-rf", str(world.dir / "ca")], check=True)
    done = init("ca", "--permit", "dns:test.internal", "--permit", "ip:127.0.0.0/8", "--exclude", "dns:secret.test.internal", "--root-crl-url", "http://crl.test.internal/root.crl")
    expect(done, 0)
    world.fingerprint = done.stdout.strip()
    text = show("ca/issuing.pem", "-text")
    for part in ("X509v3 Name Constraints: critical", "DNS:test.internal", "IP:127.0.0.0/255.0.0.0", "DNS:secret.test.internal", "URI:http://crl.test.internal/root.crl", "pathlen:0"):
        assert part in text, (part, text)
    assert "noRevAvail" not in text and "2.5.29.56" not in text

    # Leaves that live longer than seven days need a place to say that they were revoked.
    config = (world.dir / "ca/ca.toml").read_text()
    (world.dir / "ca/ca.toml").write_text(config.replace('longest_x509 = "7d"', 'longest_x509 = "30d"'))
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 2, "crl_url")
    config = config.replace('longest_x509 = "7d"', 'longest_x509 = "30d"').replace("[revocation]", '[revocation]\ncrl_url = "http://crl.test.internal/v1/crl"')
    (world.dir / "ca/ca.toml").write_text(config)

    # Lists of keys that anyone could have: read whole or not at all.
    world.must("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "known.key")
    modulus = world.must("openssl", "rsa", "-in", "known.key", "-noout", "-modulus").stdout
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "listed")
    md5 = world.must("ssh-keygen", "-l", "-E", "md5", "-f", "listed.pub").stdout.split()[1].removeprefix("MD5:").replace(":", "")
    lines = "# openssl-blacklist and openssh-blacklist\n" + hashlib.sha1(modulus.encode()).hexdigest()[20:] + "\n" + md5[12:] + "\n"
    (world.dir / "ca/weak.txt").write_text(lines + "half a line\n")
    (world.dir / "ca/ca.toml").write_text('weak_keys = ["weak.txt"]\n' + config)
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 2, "E-WEAK-LIST", "weak.txt, line 4")
    (world.dir / "ca/weak.txt").unlink()
    assert world.run("mayfly-ca", "serve", "--config", "ca/ca.toml").returncode != 0
    (world.dir / "ca/weak.txt").write_text(lines)
    world.start()
    world.login()
    signed = lambda: (world.dir / "ca/signer.journal").read_text().count("\n")  # noqa: E731
    issue = lambda out, *names: run("cert", "issue", "--role", "web", *[word for name in names for word in ("--name", name)], "--out", out)  # noqa: E731

    before = signed()
    world.must("openssl", "req", "-new", "-key", "known.key", "-subj", "/", "-out", "known.csr")
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--csr", "known.csr", "--out", "no"), 2, "E-KEY-KNOWN")
    expect(run("identity", "create", "human/bob", "--owner", "alice", "--key", "listed.pub"), 2, "E-KEY-KNOWN")

    # The issuing CA's own constraints, before anything is promised; the log knows why.
    for names, why in ((["dns:a.evil.internal"], "dns:test.internal"), (["dns:a.secret.test.internal"], "excluded"), (["dns:a.test.internal", "ip:192.0.2.1"], "127.0.0.0/8"), (["dns:*.test.internal"], "excluded")):
        expect(issue("no", *names), 5, "E-ISSUER-NAMES", why)
    last = world.entries()[-1]
    assert last["type"] == "request.refused" and "E-ISSUER-NAMES" in [reason["rule"] for reason in last["data"]["reasons"]], last
    # SPIFFE's own rules: one URI, written in one way.
    expect(issue("no", "uri:spiffe://test.internal/human/alice", "uri:https://test.internal/a"), 5, "E-SVID", "exactly one URI")
    for name in ("uri:SPIFFE://test.internal/human/alice", "uri:spiffe://Test.Internal/human/alice", "uri:spiffe://test.internal/human//alice", "uri:spiffe://test.internal/a/../b", "uri:spiffe://test.internal", "uri:spiffe://test.internal/a?b"):
        expect(issue("no", name), 5, "E-SVID")
    assert signed() == before and not (world.dir / "no").exists()

    # What it may certify, others take, with every list at hand.
    expect(issue("short", "dns:a.test.internal", "ip:127.0.0.1"), 0)
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--ttl", "7d", "--out", "week"), 0)
    expect(run("cert", "issue", "--role", "web", "--name", "uri:spiffe://test.internal/human/alice", "--ttl", "1h", "--out", "svid"), 0)
    for folder, pointer in (("short", True), ("week", False), ("svid", False)):
        text = show(f"{folder}/cert.pem", "-text")
        no_revocation = re.search(r"2\.5\.29\.56|noRevAvail|No Revocation Available", text, re.IGNORECASE) is not None
        assert ("URI:http://crl.test.internal/v1/crl" in text) == pointer and no_revocation != pointer, text
    expect(world.run("openssl", "verify", "-x509_strict", "-CAfile", "week/ca.pem", "-untrusted", "week/chain.pem", "week/cert.pem"), 0, "OK")

    def fetch_lists():
        for path, name in (("", "issuing.crl"), ("/root", "root.crl")):
            world.must("curl", "-sk", "-o", f"{name}.der", f"{world.url}/v1/crl{path}")
            world.must("openssl", "crl", "-inform", "DER", "-in", f"{name}.der", "-out", name)
        (world.dir / "all.crl").write_text((world.dir / "issuing.crl").read_text() + (world.dir / "root.crl").read_text())

    def with_lists(folder="short"):
        return world.run("openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", "all.crl", "-CAfile", f"{folder}/ca.pem", "-untrusted", f"{folder}/chain.pem", f"{folder}/cert.pem")

    fetch_lists()
    expect(with_lists(), 0, "OK")
    expect(run("revoke", world.must("openssl", "x509", "-in", "short/cert.pem", "-noout", "-serial").stdout.strip().split("=")[1].lower(), "--reason", "test"), 0)
    fetch_lists()
    expect(with_lists(), 2, "certificate revoked", "0 depth")
    expect(with_lists("week"), 0, "OK")
    numbers = [int(world.must("openssl", "crl", "-in", "root.crl", "-noout", "-crlnumber").stdout.split("=")[1], 16)]

    # Our own verifier keeps to the constraints too, and inspect shows them and who said yes.
    expect(run("verify", "week/cert.pem", "--chain", "week/chain.pem"), 0, "within what the CAs above it may certify")
    expect(run("inspect", "ca/issuing.pem"), 0, "may certify", "dns:test.internal", "may not", "list at http://crl.test.internal/root.crl")
    expect(run("inspect", "short/cert.pem"), 0, "list at http://crl.test.internal/v1/crl", " left")
    expect(run("inspect", "week/cert.pem", "--who"), 0, "human/alice", "owner", "role         web", "because", "none: short-lived")
    expect(run("inspect", "ca/issuing.pem", "--who"), 1, "E-INSPECT", "does not know this certificate")
    expect(run("inspect", "alice.pub", "--who"), 2, "E-USAGE")

    # Who takes an issuing CA back: the root, in a ceremony.
    ceremony = lambda *more: world.run("mayfly-ca", "root-crl", "--config", "ca/ca.toml", *more)  # noqa: E731
    expect(ceremony("--revoke", "short/cert.pem"), 5, "E-ROOT-CRL", "not signed by this root")
    expect(ceremony("--revoke", "ca/root.pem"), 5, "E-ROOT-CRL", "itself")
    expect(ceremony("--revoke", "one/issuing.pem"), 5, "E-ROOT-CRL")
    expect(ceremony("--root-key", "one/keys/x509-root.sealed"), 5, "E-ROOT-CRL", "another key")
    expect(ceremony("--root-key", "ca/keys/x509-issuing.sealed"), 5, "E-UNSEAL")
    expect(ceremony("--code", "boredom"), 2, "E-REVOKE-CODE")
    expect(ceremony(), 0, "0 taken back")
    fetch_lists()
    numbers.append(int(world.must("openssl", "crl", "-in", "root.crl", "-noout", "-crlnumber").stdout.split("=")[1], 16))
    expect(ceremony("--revoke", "ca/issuing.pem", "--code", "key-compromise"), 0, "1 taken back")
    expect(ceremony("--lifetime", "90d"), 0, "1 taken back")  # what it lists stays listed
    fetch_lists()
    numbers.append(int(world.must("openssl", "crl", "-in", "root.crl", "-noout", "-crlnumber").stdout.split("=")[1], 16))
    assert numbers == sorted(set(numbers)), numbers
    expect(world.run("openssl", "crl", "-in", "root.crl", "-noout", "-text"), 0, "Key Compromise")
    expect(with_lists("week"), 2, "1 depth", "certificate revoked")
    damaged = bytearray((world.dir / "ca/root.crl").read_bytes())
    damaged[-1] ^= 1
    (world.dir / "ca/root.crl").chmod(0o644)
    (world.dir / "ca/root.crl").write_bytes(bytes(damaged))
    expect(ceremony(), 5, "E-ROOT-CRL", "not signed by this root")
    assert world.stop() == 0
    print(f"{passed} passed, 0 failed")
finally:
    world.close()
