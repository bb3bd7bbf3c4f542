#!/usr/bin/env python3
"""The command line against a real CA: every exit code, every refusal with its rule, and what the log says of it."""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import POLICY, World, checked, expect  # noqa: E402

world = World(POLICY)
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    # Before anything is known.
    expect(run("frobnicate"), 2)
    expect(run("ssh", "cert"), 2, "--role")
    expect(run("--version"), 0, "mayfly 0.")
    expect(run("status"), 1, "E-CONTEXT", "fix: mayfly bootstrap")
    expect(run("bootstrap", "https://127.0.0.1:1", "--fingerprint", world.fingerprint), 8, "E-UNREACHABLE")
    expect(world.run("mayfly-ca", "init", "--dir", "ca", "--trust-domain", "x", "--owner", "a", "--owner-key", "alice.pub", "--passphrase-file", "pass", "--name", "dns:x"), 1, "E-INIT-TWICE")

    # A CA that cannot open its keys says why, and leaves nothing behind.
    (world.dir / "pass").write_text("wrong\n")
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 5, "E-UNSEAL")
    (world.dir / "pass").write_text("a passphrase of the test\n")
    (world.dir / "ca/keys/log.sealed").chmod(0o644)
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 9, "E-KEY-MODE", "log.sealed", "chmod 600")
    (world.dir / "ca/keys/log.sealed").chmod(0o600)
    config = (world.dir / "ca/ca.toml").read_text()
    (world.dir / "ca/ca.toml").write_text(config.replace("[signer]", "[singer]"))
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 2, 'did you mean "signer"')
    (world.dir / "ca/ca.toml").write_text(config)

    world.start()
    wrong = "SHA256:" + "A" * 43
    expect(run("bootstrap", world.url, "--fingerprint", wrong), 9, "E-FINGERPRINT")
    assert not (world.dir / "config").exists() or not list((world.dir / "config").rglob("*.json")), "an untrusted CA left a context"
    expect(run("bootstrap", world.url, "--fingerprint", world.fingerprint), 0, "verified")
    expect(run("status"), 4, "E-SESSION", "fix: mayfly login")

    # Pins are replaced by saying so, never by the way, and never before the new ones are proved.
    context = world.dir / "config/mayfly/default.json"
    expect(run("bootstrap", world.url, "--fingerprint", world.fingerprint, "-o", "json"), 0, '"pinned": true')
    expect(run("bootstrap", "https://127.0.0.1:1", "--fingerprint", wrong), 1, "E-CONTEXT-EXISTS", world.fingerprint, "--replace")
    kept = context.read_text()
    expect(run("bootstrap", world.url, "--fingerprint", wrong, "--replace"), 9, "E-FINGERPRINT")
    assert context.read_text() == kept
    context.write_text(kept.replace('"version": 1', '"version": 2'))
    expect(run("bootstrap", world.url, "--fingerprint", world.fingerprint), 1, "E-CONTEXT-EXISTS")
    expect(run("bootstrap", world.url, "--fingerprint", world.fingerprint, "--replace"), 0, "verified")
    assert context.read_text() == kept
    expect(run("--context", "other", "bootstrap", world.url, "--fingerprint", world.fingerprint, "--dry-run"), 0, "nothing was pinned")
    assert run("context", "list", "-o", "name").stdout == "default\n"

    # Only the pinned root counts: a root that this machine's administrator trusts is not one that the user pinned.
    world.must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "f.key", "-out", "f.pem", "-subj", "/CN=foreign", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1")
    foreign = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "f.pem", "-key", "f.key", "-tls1_3", "-www"], cwd=world.dir, stdout=subprocess.PIPE, text=True)
    line = ""
    while not line.startswith("ACCEPT"):
        line = foreign.stdout.readline()
    context.write_text(kept.replace(world.url, "https://127.0.0.1:" + line.strip().rsplit(":", 1)[1]))
    expect(world.run("env", f"SSL_CERT_FILE={world.dir}/f.pem", "mayfly", "login", "--key", "alice"), 9, "E-SERVER-UNTRUSTED")
    foreign.kill()
    foreign.wait()
    context.write_text(kept)
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "mallory")
    expect(run("login", "--key", "mallory"), 4, "E-WHO")
    expect(run("login", "--key", "nobody"), 1, "cannot use the key nobody", "E-KEY-FILE", "fix:")
    expect(run("login", "--key", "policy.toml"), 1, "cannot use the key policy.toml", "E-KEY-FILE")
    print_of = lambda key: world.must("ssh-keygen", "-lf", f"{key}.pub").stdout.split()[1]  # noqa: E731
    expect(run("login", "--key", print_of("alice")), 1, "E-AGENT")
    # A passphrase is asked for at a terminal only, and never with --no-input.
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", "locked")
    expect(run("login", "--key", "locked"), 4, "E-SIGN", "ssh-add locked")
    expect(run("login", "--key", "locked", "--no-input", "-o", "json"), 4, '"id": "E-SIGN"')
    # An agent's key, by its fingerprint.
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(world.dir / "agent")], stdout=subprocess.PIPE, text=True)
    agent.stdout.readline()
    with_agent = lambda *argv: world.run("env", f"SSH_AUTH_SOCK={world.dir}/agent", *argv)  # noqa: E731
    expect(with_agent("mayfly", "login", "--key", print_of("alice")), 1, "E-AGENT", "it holds no key")
    expect(with_agent("ssh-add", "-q", "mallory", "alice"), 0)
    expect(with_agent("mayfly", "login", "--key", print_of("locked")), 1, "E-AGENT", print_of("alice"))
    expect(with_agent("mayfly", "login", "--key", print_of("alice")), 0, print_of("alice"))
    expect(with_agent("mayfly", "login"), 0, print_of("alice"))  # mallory's is tried first, and is not enrolled
    expect(with_agent("mayfly", "ssh", "cert", "--role", "ops", "-o", "name"), 0)
    assert "human/alice/ops" in with_agent("ssh-add", "-L").stdout
    expect(with_agent("mayfly", "ssh", "cert", "--role", "ops", "--key", print_of("alice"), "--out", "from-agent-cert.pub"), 0)
    expect(world.run("ssh-keygen", "-L", "-f", "from-agent-cert.pub"), 0, print_of("alice"))
    # A key that stays where it is, and signs a proof: in the agent, by its line, its PEM or its fingerprint; or in a file.
    world.must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "kept.key")
    (world.dir / "kept.key").chmod(0o600)
    world.must("openssl", "pkey", "-in", "kept.key", "-pubout", "-out", "kept.pem")
    (world.dir / "kept.pub").write_text(world.must("ssh-keygen", "-y", "-f", "kept.key").stdout)
    (world.dir / "kept.key.pub").write_text((world.dir / "kept.pub").read_text())
    bare = ("mayfly", "cert", "issue", "--role", "web", "--name", "a.test.internal", "--public-key")
    expect(with_agent(*bare, "kept.pem", "--out", "no"), 1, "E-AGENT", "kept.pem")
    expect(with_agent("ssh-add", "-q", "kept.key"), 0)
    for number, name in enumerate(("kept.pem", "kept.key", "kept.key.pub", print_of("kept"))):
        expect(with_agent(*bare, name, "--out", f"kept{number}"), 0, f"kept{number}")
        assert not (world.dir / f"kept{number}/key.pem").exists()
        assert world.must("openssl", "x509", "-in", f"kept{number}/cert.pem", "-noout", "-pubkey").stdout == (world.dir / "kept.pem").read_text()
    expect(with_agent(*bare, "kept.pem", "--out", "no", "--dry-run"), 0, "would be minted")
    expect(with_agent(*bare, "kept.pem", "--out", "no", "--format", "combined"), 2, "E-USAGE")
    expect(with_agent(*bare, "kept.pem", "--out", "no", "--csr", "c.csr"), 2, "E-USAGE")
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--public-key", "kept.key", "--out", "kept9"), 0)
    assert not (world.dir / "no").exists()
    agent.kill()
    agent.wait()
    expect(run("logout", "-o", "json"), 0, '"revoked": true')
    expect(run("login", "--key", "alice", "--ttl", "9h"), 5, "E-SESSION-TTL", "8h")
    expect(run("login", "--key", "alice"), 0, "human/alice")
    me = json.loads(expect(run("status", "-o", "json"), 0).stdout)
    assert me["identity"] == "human/alice" and me["roles"] == ["ops", "web"] and me["duties"] == ["platform", "auditor"], me
    assert oct((world.dir / "state/mayfly/default/session.key").stat().st_mode)[-3:] == "600"

    # Certificates, and the outside limits of each role.
    expect(run("ssh", "cert", "--role", "ops", "--out", "k"), 0, "human/alice/ops/g-1")
    expect(world.run("ssh-keygen", "-L", "-f", "k-cert.pub"), 0, "permit-pty", "ops")
    expect(world.run("ssh-keygen", "-y", "-f", "k"), 0, "ssh-ed25519")
    expect(run("ssh", "cert", "--role", "ops"), 1, "E-AGENT")
    before = len(world.entries())
    signed = (world.dir / "ca/signer.journal").read_text().count("\n")
    for arguments, rule in ((["--ttl", "2h"], "E-ROLE-TTL"), (["--principal", "strict"], "E-PRINCIPAL"), (["--extension", "permit-agent-forwarding"], "E-EXTENSION"), (["--node", "nowhere"], "E-NODE")):
        expect(run("ssh", "cert", "--role", "ops", "--out", "no", *arguments), 5, rule, "why:", "fix:")
    expect(run("cert", "issue", "--role", "web", "--name", "evil.com", "--out", "no"), 5, "E-SAN", "dns:*.test.internal")
    expect(run("cert", "issue", "--role", "web", "--name", "*.test.internal", "--out", "no"), 5, "E-WILDCARD")
    expect(run("ssh", "cert", "--role", "strict", "--out", "no"), 5, "E-ROLE-NOT-HELD")
    expect(run("ssh", "cert", "--role", "none-such", "--out", "no"), 5, "E-ROLE-UNKNOWN")
    denied = [event for event in world.entries()[before:] if event["type"] == "request.refused"]
    assert len(denied) == 8, denied
    assert (world.dir / "ca/signer.journal").read_text().count("\n") == signed, "a refusal was signed"
    assert not (world.dir / "no").exists()

    # What is malformed is refused before it is decided.
    expect(run("ssh", "cert", "--role", "ops", "--ttl", "1", "--out", "no"), 2, "E-DURATION")
    expect(run("ssh", "cert", "--role", "op s", "--out", "no"), 2, "E-NAME")
    expect(run("ssh", "cert", "--role", "ops", "--principal", "deploy,root", "--out", "no"), 2, "E-NAME")
    expect(run("ssh", "cert", "--role", "ops", "--source-address", "0.0.0.0/0", "--out", "no"), 2, "E-CIDR")

    # Other people's requests, with more in them than was asked for.
    world.must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "c.key", "-out", "c.csr", "-subj", "/CN=a.test.internal", "-addext", "subjectAltName=DNS:a.test.internal")
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--csr", "c.csr", "--out", "c"), 0)
    expect(world.run("openssl", "verify", "-CAfile", "c/ca.pem", "-untrusted", "c/chain.pem", "c/cert.pem"), 0, "OK")
    expect(run("cert", "issue", "--role", "web", "--name", "b.test.internal", "--csr", "c.csr", "--out", "no"), 5, "E-CSR-NAMES")
    last = world.entries()[-1]
    assert last["type"] == "request.refused" and last["data"]["reasons"][0]["rule"] == "E-CSR-NAMES", last
    expect(run("--dry-run", "cert", "issue", "--role", "web", "--name", "b.test.internal", "--out", "no"), 0, "would be minted")
    assert not (world.dir / "no").exists()

    # Who decides: never the asker where the role is strict, never somebody without the duty.
    expect(run("role", "grant", "strict", "human/alice", "--for", "1d", "--reason", "mine"), 5, "E-SELF-GRANT")
    expect(run("owner", "create", "bob"), 0)
    expect(run("identity", "create", "human/bob", "--owner", "bob", "--key", "mallory.pub"), 0)
    expect(run("role", "grant", "strict", "human/bob", "--for", "200d", "--reason", "long"), 5, "E-GRANT-TTL")
    expect(run("role", "grant", "strict", "human/bob", "--for", "1d", "--reason", "on call"), 0, "holds strict")
    bob = lambda *argv: world.run("env", f"XDG_STATE_HOME={world.dir}/bob", "mayfly", *argv)  # noqa: E731
    expect(bob("login", "--key", "mallory"), 0, "human/bob")
    expect(bob("ssh", "cert", "--role", "strict", "--out", "bobs"), 0)
    expect(bob("ssh", "cert", "--role", "ops", "--out", "no"), 5, "E-ROLE-NOT-HELD")
    expect(bob("role", "grant", "ops", "human/bob", "--for", "1d", "--reason", "mine"), 5, "E-NOT-CONTROL-OWNER")
    expect(bob("owner", "create", "eve"), 5, "E-DUTY")
    expect(bob("token", "create", "--node", "n1", "--owner", "alice"), 5, "E-DUTY")
    expect(bob("audit", "tail"), 5, "E-DUTY")
    expect(bob("revoke", "--identity", "human/alice", "--reason", "no"), 5, "E-DUTY")
    expect(run("revoke", "--identity", "human/bob", "--reason", "left"), 0, "revoked")
    expect(bob("status"), 4, "E-WHO")
    expect(bob("login", "--key", "mallory"), 4)

    # Secrets are shown once and never kept.
    token = expect(run("token", "create", "--node", "db-7", "--owner", "alice", "--label", "env=dev"), 0).stdout.strip()
    assert re.fullmatch(r"mayfly-join-[A-Za-z0-9_-]{43}", token), token
    for file in list((world.dir / "ca").rglob("*")) + [world.dir / "ca.log"]:
        if file.is_file():
            assert token.encode() not in file.read_bytes(), f"the token stands in {file}"
    expect(run("token", "create", "--node", "db-7", "--owner", "alice", "--ttl", "2h"), 5, "E-TOKEN-TTL")
    expect(run("revoke", "--identity", "human/nobody", "--reason", "x"), 1, "E-IDENTITY-UNKNOWN")

    # What is there already is neither written over nor made private.
    key = (world.dir / "k").read_text()
    signed = (world.dir / "ca/signer.journal").read_text().count("\n")
    expect(run("ssh", "cert", "--role", "ops", "--out", "k"), 1, "E-FILE-EXISTS", "--force")
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "c"), 1, "c/cert.pem", "E-FILE-EXISTS", "--force")
    assert (world.dir / "k").read_text() == key and (world.dir / "ca/signer.journal").read_text().count("\n") == signed
    expect(run("ssh", "cert", "--role", "ops", "--out", "k", "--force"), 0)
    assert (world.dir / "k").read_text() != key
    for name in ("shared", "saved"):
        (world.dir / name).mkdir()
        (world.dir / name).chmod(0o755)
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "shared"), 0)
    expect(run("audit", "export", "--out", "saved"), 0)
    assert [oct((world.dir / name).stat().st_mode)[-3:] for name in ("shared", "saved", "c")] == ["755", "755", "700"]
    assert oct((world.dir / "shared/key.pem").stat().st_mode)[-3:] == "600"

    # Requests in DER, on standard input, and files that are none.
    world.must("openssl", "req", "-in", "c.csr", "-outform", "DER", "-out", "c.der")
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--csr", "c.der", "--out", "d"), 0)
    assert world.must("openssl", "x509", "-in", "d/cert.pem", "-noout", "-pubkey").stdout == world.must("openssl", "pkey", "-in", "c.key", "-pubout").stdout
    expect(world.run("mayfly", "cert", "issue", "--role", "web", "--name", "a.test.internal", "--csr", "-", "--out", "e", input=(world.dir / "c.csr").read_text()), 0)
    (world.dir / "short.der").write_bytes((world.dir / "c.der").read_bytes()[:-1])
    for file in ("short.der", "c.key", "policy.toml"):
        expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--csr", file, "--out", "no"), 2, file)
    assert not (world.dir / "no").exists()

    # A dry run of a login asks the CA and starts nothing; options after -- reach ssh, before the command.
    (world.dir / "fake").mkdir()
    (world.dir / "fake/ssh").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 7\n")
    (world.dir / "fake/ssh").chmod(0o755)
    connect = lambda *argv: world.run("env", f"PATH={world.dir}/fake:{world.env['PATH']}", "mayfly", "ssh", "connect", *argv)  # noqa: E731
    signed = (world.dir / "ca/signer.journal").read_text().count("\n")
    assert expect(connect("deploy@db-7", "--dry-run"), 0, "would be minted: ops").stdout == ""
    assert json.loads(expect(connect("deploy@db-7", "--dry-run", "-o", "json"), 0).stdout)["verdict"] == "permit"
    assert (world.dir / "ca/signer.journal").read_text().count("\n") == signed
    words = expect(connect("deploy@db-7", "--port", "2222", "--no-input", "--", "-v", "-L", "8080:localhost:80", "uptime", "-p"), 7).stdout.splitlines()
    assert words[-6:] == ["db-7", "-v", "-L", "8080:localhost:80", "uptime", "-p"], words
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "HostKeyAlias=db-7", "2222", "deploy"} <= set(words), words
    assert not list((world.dir / "run/mayfly").iterdir()), "a login left its key behind"
    expect(connect("deploy@db-7", "--host", "-oProxyCommand=true"), 2, "E-USAGE")
    expect(connect("nobody@db-7"), 2, "E-ROLE-PICK")
    expect(connect("db-7", "--role", "web"), 1, "E-ROLE-SCOPE")
    expect(connect("db-7", "--role", "none-such"), 1, "E-ROLE-UNKNOWN")

    # A key is revoked by its file; what is no file says so.
    expect(run("revoke", "--key", "SHA256:short", "--reason", "x"), 2, "E-FINGERPRINT")
    expect(run("revoke", "--key", "no-such-file", "--reason", "x"), 1, "cannot use the key no-such-file")
    expect(run("identity", "create", "human/zoe", "--owner", "alice", "--key", print_of("k")), 2, "a fingerprint does not say")
    expect(run("revoke", "--key", "k.pub", "--reason", "lost", "--dry-run"), 0, "1 living certificate(s) would be revoked")
    expect(run("revoke", "--key", "k.pub", "--reason", "lost"), 0, "1 living certificate(s) revoked")
    expect(run("ssh", "cert", "--role", "ops", "--key", "k"), 5, "E-KEY-REVOKED")

    # Every verb answers in every form. Programs read stdout; nobody else's words are in it.
    verbs = [("status",), ("context", "list"), ("context", "show"), ("context", "use", "default"), ("config", "show", "--origin"), ("role", "list"), ("role", "grants"), ("owner", "list"),
             ("identity", "list"), ("token", "list"), ("audit", "tail", "-n", "3"), ("audit", "verify"), ("audit", "prove", "0"), ("inspect", "k-cert.pub"), ("inspect", "c/cert.pem"),
             ("inspect", "c.csr"), ("version",), ("help", "ssh"), ("completion", "bash"), ("api", "GET", "/v1/whoami"), ("api", "GET", "/v1/log/checkpoint"),
             ("owner", "create", "dora", "--dry-run"), ("identity", "create", "workload/shop", "--owner", "alice", "--dry-run"), ("token", "create", "--node", "n2", "--owner", "alice", "--dry-run"),
             ("role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "x", "--dry-run"), ("revoke", "--identity", "human/alice", "--reason", "x", "--dry-run"),
             ("ssh", "cert", "--role", "ops", "--dry-run"), ("ssh", "cert", "--role", "ops", "--key", "alice", "--dry-run"), ("ssh", "connect", "db-7", "--dry-run"),
             ("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "no", "--dry-run"), ("ssh", "cert", "--role", "ops", "--key", "alice"),
             ("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "e", "--force")]
    for verb in verbs:
        data = json.loads(expect(run(*verb, "-o", "json"), 0).stdout)
        lines = expect(run("-o", "jsonl", *verb), 0).stdout.splitlines()
        assert len(lines) == (len(data) if isinstance(data, list) else 1), verb
        assert [json.loads(line) for line in lines], verb
        assert expect(run(*verb, "--output", "yaml"), 0).stdout, verb
        assert expect(run(*verb, "-o", "name"), 0).stdout or verb[0] == "inspect", verb
        people = expect(run(*verb, "-o", "wide"), 0)
        assert people.stdout + people.stderr, verb
    assert sorted(run("role", "list", "-o", "name").stdout.split()) == ["ops", "strict", "web"]
    assert "DESCRIPTION" in run("role", "list", "-o", "wide").stdout and "DESCRIPTION" not in run("role", "list").stdout
    assert json.loads(expect(run("role", "grant", "strict", "human/alice", "--for", "1d", "--reason", "mine", "-o", "jsonl"), 5).stderr)["error"]["id"] == "E-SELF-GRANT"

    # What somebody wrote into the CA does not act on the terminals of others.
    expect(run("identity", "create", "workload/evil", "--owner", "alice", "--purpose", "x\x1b[2J\u009b31m\u202e\nroot"), 0)
    shown = expect(run("identity", "list"), 0, "\\x1b[2J").stdout
    assert not set(shown) & set("\x1b\u009b\u202e") and "\nroot" not in shown, shown

    # Calls that no verb has.
    expect(run("api", "POST", "/v1/owners?dry_run=true", '{"name":"dora"}'), 0, '"name": "dora"')
    (world.dir / "body").write_text('{"name":"dora","bakcup":"alice"}')
    expect(run("api", "POST", "/v1/owners", "@body"), 2, "E-BODY", "did you mean")
    assert "/v1/whoami" in json.loads(expect(run("api", "GET", "/v1/openapi.json", "-o", "json"), 0).stdout)["paths"]
    expect(run("api", "GET", "/v1/nowhere"), 1, "E-HTTP-PATH")
    expect(run("api", "GET", "v1/whoami"), 2, "E-USAGE")
    expect(run("api", "GET", "/v1/whoami HTTP/1.1\r\nX: y"), 2, "E-USAGE")
    assert "dora" not in run("owner", "list", "-o", "name").stdout

    # The log's end, as it grows.
    following = subprocess.Popen(["mayfly", "audit", "tail", "-n", "1", "--follow", "-o", "jsonl"], cwd=world.dir, env=world.env, stdout=subprocess.PIPE, text=True)
    newest = json.loads(following.stdout.readline())
    expect(run("owner", "create", "dora"), 0)
    entry = json.loads(following.stdout.readline())
    while entry["event"]["subject"] != "dora":
        assert entry["entry"] == newest["entry"] + 1
        newest, entry = entry, json.loads(following.stdout.readline())
    following.stdout.close()
    assert following.wait(timeout=20) == 0, "it went on with nobody reading"

    # The log: every certificate a client holds is in it, and what was kept aside shows a rollback.
    events = world.entries()
    hashes = {event["data"].get("certificate_sha256") for event in events if event["type"] == "certificate.issued"}
    import base64
    for name in ("k-cert.pub", "bobs-cert.pub"):
        blob = base64.b64decode((world.dir / name).read_text().split()[1])
        assert hashlib.sha256(blob).hexdigest() in hashes, name
    saved = next(file for file in (world.dir / "log/tile/entries").rglob("*") if file.is_file())
    raw = bytearray(saved.read_bytes())
    raw[40] ^= 1
    saved.unlink()
    saved.write_bytes(bytes(raw))
    expect(run("audit", "verify", "log"), 10, "E-LOG-DAMAGED", "entry 0 ")
    expect(run("inspect", "k-cert.pub"), 0, "SSH user certificate", "human/alice/ops/g-1")
    expect(run("inspect", "alice"), 1, "E-INSPECT")
    expect(run("logout"), 0)
    expect(run("status"), 4, "E-SESSION")
    openapi = world.run("curl", "-sk", world.url + "/v1/openapi.json").stdout
    assert "/v1/ssh/user-certificates" in json.loads(openapi)["paths"]
    expect(world.run("curl", "-sk", "--tls-max", "1.2", world.url + "/healthz"), 35)
    assert world.stop() == 0, "the CA did not stop gracefully"
    print(f"{len(checked)} passed, 0 failed")
finally:
    world.close()
