#!/usr/bin/env python3
"""Revocation with the real programs: a node's sshd refuses a revoked certificate within two polls and admits others, and
openssl refuses what the CRL lists."""
import getpass
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node  # noqa: E402
from waiting import wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

ACCOUNT = getpass.getuser()
POLICY = f"""
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{ACCOUNT}"]
nodes = {{ env = "dev" }}
[[role]]
name = "web"
owner = "alice"
max_lifetime = "24h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
names = ["dns:*.test.internal"]
"""

world = World(POLICY)
node = None
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    world.start()
    world.login()
    expect(run("role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test"), 0)

    # A node whose sshd trusts certificates only; its agent polls every second.
    node = Node(world, "db-7")
    at = node.at
    snippet = pathlib.Path(at("mayfly.conf")).read_text()
    assert "RevokedKeys " + at("trust/current/revoked.krl") in snippet, snippet
    world.must("ssh-keygen", "-l", "-Q", "-f", at("trust/current/revoked.krl"))

    for name in ("lost", "kept", "stolen"):
        expect(run("ssh", "cert", "--role", "ops", "--out", name), 0)
    serial = {name: next(line.split()[-1] for line in world.must("ssh-keygen", "-L", "-f", f"{name}-cert.pub").stdout.splitlines() if "Serial:" in line) for name in ("lost", "kept", "stolen")}

    login = lambda name: node.login(ACCOUNT, name).returncode == 0  # noqa: E731

    assert all(login(name) for name in serial), node.words()[-2000:]
    expect(run("verify", "lost-cert.pub"), 0, "issuer", "time", "not in list")

    # One is revoked by its serial. SSH serials count per issuer, and the host has one of its own.
    before = len(node.rounds())
    expect(run("revoke", serial["lost"], "--issuer", "ssh-user", "--reason", "laptop lost"), 0, "1 living certificate(s) revoked")
    after = len(node.rounds())
    fresh = lambda: [number for number, text in enumerate(node.rounds()) if number >= before and "new set" in text]  # noqa: E731
    wait_until("the revocation reaches the node", fresh)
    # A round may have been under way when the revocation was recorded; the one after it has seen it.
    assert fresh()[0] < after + 2, node.rounds()[before:]
    assert not login("lost")
    assert login("kept") and login("stolen")
    assert "revoked by file " + at("trust/current/revoked.krl") in node.words()
    expect(run("verify", "lost-cert.pub"), 9, "its serial is revoked")
    expect(run("verify", "kept-cert.pub"), 0)

    # Another by its key: the fingerprint is enough.
    fingerprint = world.must("ssh-keygen", "-l", "-f", "stolen.pub").stdout.split()[1]
    expect(run("revoke", "--key", fingerprint, "--reason", "stolen"), 0, "1 living")
    wait_until("the second revocation reaches sshd", lambda: not login("stolen"))
    assert login("kept")
    expect(run("verify", "stolen-cert.pub"), 9, "revoked")

    # The list as a file for others, and what everybody's tools say of it.
    expect(run("ca", "krl", "--out", "list.krl"), 0, "krl")
    assert "REVOKED" in world.run("ssh-keygen", "-Q", "-f", "list.krl", "lost-cert.pub").stdout
    expect(world.run("ssh-keygen", "-Q", "-f", "list.krl", "kept-cert.pub"), 0)
    expect(run("inspect", "list.krl"), 0, "OpenSSH key revocation list", "serials      2", serial["lost"])
    shown = json.loads(expect(run("-o", "json", "inspect", "list.krl"), 0).stdout)
    assert {"name": "serials", "value": "2"} in shown["fields"], shown
    expect(run("verify", "lost-cert.pub", "--krl", "list.krl", "--offline"), 9, "revoked")
    expect(run("verify", "lost-cert.pub", "--offline"), 0, "not asked")

    # X.509: openssl and we agree.
    for name in ("a", "b"):
        expect(run("cert", "issue", "--role", "web", "--name", f"{name}.test.internal", "--out", name), 0)
    hexed = world.must("openssl", "x509", "-in", "a/cert.pem", "-noout", "-serial").stdout.strip().split("=")[1]
    expect(run("verify", "a/fullchain.pem"), 0, "form", "RFC 9608")
    colons = ":".join(hexed[i : i + 2] for i in range(0, len(hexed), 2))  # as in openssl's long form
    assert hexed.lower() != hexed, hexed
    expect(run("audit", "search", "--serial", colons), 0, "certificate.issued")
    expect(run("revoke", colons, "--code", "superseded", "--reason", "replaced"), 0, "1 living")
    expect(run("verify", "a/fullchain.pem"), 9, "its serial is revoked")
    expect(run("verify", "b/fullchain.pem"), 0)
    expect(run("ca", "crl", "--pem", "--out", "list.pem"), 0)
    expect(run("ca", "crl", "--out", "list.crl"), 0)
    expect(run("ca", "bundle", "--x509", "--out", "roots.pem"), 0)
    # One authority for -crl_check: the root has no list of its own here, so the leaf's issuer is the anchor.
    check = lambda name: world.run("openssl", "verify", "-partial_chain", "-crl_check", "-CRLfile", "list.pem", "-CAfile", f"{name}/chain.pem", f"{name}/cert.pem")  # noqa: E731
    expect(check("a"), 2, "certificate revoked")
    expect(check("b"), 0, "OK")
    expect(world.run("openssl", "verify", "-CAfile", "roots.pem", "-untrusted", "b/chain.pem", "b/cert.pem"), 0, "OK")
    verified = world.run("openssl", "crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "a/chain.pem", "-verify", "-noout")
    assert "verify OK" in verified.stderr, verified
    expect(run("inspect", "list.crl"), 0, "X.509 revocation list", "superseded", hexed.lower())
    expect(run("inspect", "list.pem"), 0, "X.509 revocation list")
    expect(run("verify", "a/fullchain.pem", "--crl", "list.crl", "--offline"), 9, "revoked")
    expect(run("verify", "a/cert.pem"), 9, "its serial is revoked")  # chain.pem stands beside it
    (world.dir / "alone.pem").write_bytes((world.dir / "a/cert.pem").read_bytes())
    expect(run("verify", "alone.pem"), 9, "pinned root", "--chain FILE")
    expect(run("verify", "alone.pem", "--chain", "a/chain.pem"), 9, "its serial is revoked")
    world.must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "f.key", "-out", "f.pem", "-subj", "/CN=foreign", "-days", "2")
    expect(run("verify", "f.pem"), 9, "pinned root")

    # HTTP: cached by hash, named by the bundle, and in the log.
    curl = lambda *argv: world.run("curl", "-sk", "-D", "-", "-o", "/dev/null", *argv).stdout  # noqa: E731
    headers = curl(world.url + "/v1/crl")
    assert " 200 " in headers and "application/pkix-crl" in headers, headers
    tag = next(line.split(":", 1)[1].strip() for line in headers.splitlines() if line.lower().startswith("etag:"))
    assert " 304 " in curl("-H", f"If-None-Match: {tag}", world.url + "/v1/crl")
    assert " 200 " in curl("-H", 'If-None-Match: "other"', world.url + "/v1/crl")
    named = {item["kind"]: item for item in json.loads(world.run("curl", "-sk", world.url + "/v1/bundle").stdout)["revocation"]}
    assert tag.strip('"') == named["crl"]["sha256"], (tag, named)
    published = [event for event in world.entries() if event["type"] in ("krl.published", "crl.published")]
    assert published[-1]["data"]["sha256"] == named["crl"]["sha256"] and published[-1]["data"]["number"] == named["crl"]["number"], published[-1]
    for kind in ("krl", "crl"):
        numbers = [event["data"]["number"] for event in published if event["subject"] == kind]
        assert numbers == sorted(set(numbers)) and len(numbers) >= 2, numbers

    # What many have in common, and what cannot be meant.
    expect(run("revoke", "--role", "ops", "--reason", "rotated"), 0, "1 living")
    wait_until("the role's last certificate is refused", lambda: not login("kept"))
    expect(run("revoke", "--owner", "alice", "--reason", "oops"), 1, "E-LAST-OWNER")
    expect(run("revoke", "--issuer", "ssh-user", "--reason", "oops"), 2, "E-CONFIRM")
    expect(run("--dry-run", "revoke", "--issuer", "x509", "--reason", "what if"), 0, "would be done")
    expect(run("revoke", "--issuer", "moon", "--confirm", "moon", "--reason", "x"), 2, "E-REVOKE")
    expect(run("revoke", "1", "--identity", "human/bob", "--reason", "x"), 2, "E-REVOKE")
    expect(run("revoke", serial["lost"], "--issuer", "ssh-user", "--reason", "again"), 1, "E-SERIAL-UNKNOWN")
    expect(run("revoke", "--key", "SHA256:" + "A" * 43, "--reason", "x"), 1, "E-KEY-UNKNOWN")
    expect(run("revoke", "--grant", "g-1", "--code", "certificate-hold", "--reason", "x"), 2, "E-REVOKE-CODE")

    # The lists outlive a restart of the CA, and so does what the node holds.
    assert world.stop() == 0
    world.start(port=int(world.url.rsplit(":", 1)[1]))
    again = {item["kind"]: item["number"] for item in json.loads(world.run("curl", "-sk", world.url + "/v1/bundle").stdout)["revocation"]}
    assert again["crl"] == named["crl"]["number"], (again, named)
    assert not login("lost")
    print(f"{len(checked)} passed, 0 failed")
except BaseException:
    for log in ("ca.log", "node-db-7/agent.log", "node-db-7/sshd.log"):
        if (world.dir / log).exists():
            print(f"--- {log}\n{(world.dir / log).read_text()[-3000:]}", file=sys.stderr)
    raise
finally:
    if node:
        node.close()
    world.close()
