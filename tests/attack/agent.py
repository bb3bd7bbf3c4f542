#!/usr/bin/env python3
"""A CA that turned hostile, from a node's side: a relay with a certificate of the CA stands between agent and CA and changes
what it likes. Whatever it sends, sshd lets in the same people as before, the last good set stays, and the agent says so."""
import http.client
import http.server
import json
import os
import pathlib
import ssl
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from sshd_node import ACCOUNT, Node, policy  # noqa: E402
from world import World  # noqa: E402

GUESTS = f"""
[[role]]
name = "guests"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{ACCOUNT}"]
nodes = {{ env = "dev" }}
extensions = []
"""
tamper = {}  # path → function of the body that becomes the body
seen = {}  # path → the last honest body
node, rows = None, []
world = World(policy())


class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def relay(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # The node's own identity, as whoever holds the CA's host could use it.
        context = ssl._create_unverified_context()
        if pathlib.Path(node.at("agent/node.pem")).exists():
            context.load_cert_chain(node.at("agent/node.pem"), node.at("agent/node.key"))
        host, port = world.url.removeprefix("https://").rsplit(":", 1)
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
        keep = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "content-length")}
        connection.request(self.command, self.path, body or None, keep)
        answer = connection.getresponse()
        data, status = answer.read(), answer.status
        path = self.path.split("?")[0]
        if status == 200:
            seen[path] = data
            if path in tamper:
                data = tamper[path](data)
        self.send_response(status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # the agent had enough
        connection.close()

    do_GET = do_POST = relay


def changed(**members):
    """The body with other members."""
    def change(data):
        body = json.loads(data)
        for name, value in members.items():
            body[name] = value(body[name]) if callable(value) else value
        return json.dumps(body).encode()
    return change


def krl(*sections, version=2 ** 40):
    return b"SSHKRL\n\0" + struct.pack(">IQQQ", 1, version, 1795235162, 0) + struct.pack(">I", 0) * 2 + b"".join(bytes([kind]) + struct.pack(">I", len(data)) + data for kind, data in sections)


try:
    world.start()
    world.login()
    world.must("mayfly", "role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test")
    for name in ("me", "lost", "more"):
        world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", name)
    me = (world.dir / "me", world.dir / "me-cert.pub")
    serial = {name: next(line.split()[-1] for line in world.must("ssh-keygen", "-L", "-f", f"{name}-cert.pub").stdout.splitlines() if "Serial:" in line) for name in ("lost", "more")}
    world.must("mayfly", "cert", "issue", "--role", "web", "--name", "ip:127.0.0.1", "--out", "tls")
    node = Node(world, "only")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.dir / "tls/fullchain.pem", world.dir / "tls/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    node.config.write_text(node.config.read_text().replace(world.url, f"https://127.0.0.1:{server.server_address[1]}"))
    node.start()

    def honest():
        tamper.clear()
        done = node.once()
        assert done["event"] == "round", done
        assert node.status()["health"] == "ok", node.status()

    honest()
    old_list = dict(seen)  # the first list, with all that names it
    world.must("mayfly", "revoke", serial["lost"], "--issuer", "ssh-user", "--reason", "test")
    honest()
    assert not node.opens(world.dir / "lost", world.dir / "lost-cert.pub") and node.opens(*me) and not node.by_old_key()
    evil = world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "evil") and (world.dir / "evil.pub").read_text().strip()

    TRUST, KRL, LISTS, HOST, CANARY = "/v1/node/trust", "/v1/krl", "/v1/revocation", "/v1/ssh/host-certificates", "/v1/node/canary"
    krl_path = next(path for path, body in seen.items() if body.startswith(b"SSHKRL"))
    other_bundle = changed(bundle=lambda bundle: dict(bundle, version=7, ssh_user_cas=[evil]))
    other_hash = lambda lists: [dict(item, sha256="0" * 64) for item in lists]  # noqa: E731
    account = lambda *principals, name=ACCOUNT: changed(accounts={name: list(principals)})  # noqa: E731
    # Somebody else's role opened the account until a moment ago.
    wider, narrow = policy() + GUESTS, policy()
    for text, reason in ((wider, "guests come"), (narrow, "guests leave")):
        (world.dir / "next.toml").write_text(text)
        world.must("mayfly", "policy", "apply", "-f", "next.toml", "--reason", reason)
        honest()
        if text == wider:
            old_trust = seen[TRUST]
    assert "guests" in json.loads(old_trust)["accounts"][ACCOUNT] and "guests" not in json.loads(seen[TRUST])["accounts"][ACCOUNT]
    old_proof = {name: json.loads(old_trust)[name] for name in ("log_entry", "log_proof")}
    newer = changed(revocation=lambda lists: [dict(item, sha256="0" * 64, number=item["number"] + 1) for item in lists])
    cases = {
        "trust: not JSON": {TRUST: lambda data: b"\x00\xff"},
        "trust: cut short": {TRUST: lambda data: data[:-5]},
        "trust: larger than any": {TRUST: lambda data: b" " * (20 << 20) + data},
        "trust: deep": {TRUST: lambda data: b"[" * 100000},
        "trust: a member too many": {TRUST: changed(sshd_config="PermitRootLogin yes")},
        "trust: a number for a list": {TRUST: changed(ssh_user_cas=7)},
        "trust: no user CA": {TRUST: changed(ssh_user_cas=[])},
        "trust: another user CA beside the real one": {TRUST: changed(ssh_user_cas=lambda keys: [*keys, evil])},
        "trust: another user CA in place of the real one": {TRUST: changed(ssh_user_cas=[evil])},
        "trust: another user CA, with a bundle that nobody published": {TRUST: changed(ssh_user_cas=[evil], bundle_version=7), "/v1/bundle": other_bundle},
        "trust: another user CA, with a bundle of the past": {TRUST: changed(ssh_user_cas=[evil], bundle_version=7)},
        "trust: a CA with a second line": {TRUST: changed(ssh_user_cas=lambda keys: [keys[0] + "\n" + evil])},
        "trust: a CA with options": {TRUST: changed(ssh_user_cas=lambda keys: ["cert-authority " + keys[0]])},
        "trust: a role more for an account": {TRUST: changed(accounts=lambda accounts: {name: [*roles, "guests"] for name, roles in accounts.items()})},
        "trust: an account more": {TRUST: changed(accounts=lambda accounts: dict(accounts, root=["ops"]) if "root" not in accounts else dict(accounts, daemon=["ops"]))},
        "trust: no account": {TRUST: changed(accounts={})},
        "trust: what opened the account before, with its own proof": {TRUST: lambda data: old_trust},
        "trust: the proof of what was before": {TRUST: changed(**old_proof)},
        "trust: no leaf": {TRUST: changed(log_entry="")},
        "trust: no proof": {TRUST: changed(log_proof="")},
        "trust: another node": {TRUST: changed(node="db-8")},
        "trust: another host's name": {TRUST: changed(hosts=["www.corp.example"])},
        "trust: an envelope that is not there": {TRUST: changed(breakglass="00" * 32)},
        "trust: a path for an account": {TRUST: account("ops", name="../../x")},
        "trust: an account of two words": {TRUST: account("ops", name="a b")},
        "trust: options for a principal": {TRUST: account('command="sh" root')},
        "trust: a principal with a line end": {TRUST: account("ops\nroot")},
        "trust: a principal with an escape": {TRUST: account("ops\x1b[2J")},
        "trust: any principal": {TRUST: account("*")},
        "trust: the canary's own principal": {TRUST: account("mayfly.canary@db-7")},
        "trust: another node's name with a path": {TRUST: changed(node="../db-7")},
        "list: a byte changed": {TRUST: newer, krl_path: lambda data: data[:-1] + bytes([data[-1] ^ 1])},
        "list: cut short": {TRUST: newer, krl_path: lambda data: data[:-3]},
        "list: empty": {TRUST: newer, krl_path: lambda data: b""},
        "list: serial 0, which sshd cannot read": {TRUST: newer, krl_path: lambda data: krl((1, struct.pack(">II", 0, 0) + b"\x20" + struct.pack(">I", 8) + bytes(8)))},
        "list: a critical extension": {TRUST: newer, krl_path: lambda data: krl((255, b"x"))},
        "list: longer than any": {TRUST: newer, krl_path: lambda data: data + bytes(20 << 20)},
        "list: not the one in the log": {TRUST: newer, LISTS: changed(items=other_hash)},
        "list: the older one, with its own proof": {TRUST: changed(revocation=json.loads(old_list[TRUST])["revocation"]), LISTS: lambda data: old_list[LISTS], krl_path: lambda data: old_list[krl_path]},
        "host: another certificate": {HOST: changed(certificate=(world.dir / "me-cert.pub").read_text().strip())},
        "host: words": {HOST: changed(certificate="PermitRootLogin yes")},
        "host: a validity that is none": {HOST: changed(valid_before="soon")},
        "host: a proof of something else": {HOST: changed(log_proof="c2sp.org/tlog-proof@v1\n")},
    }
    for what, how in cases.items():
        link, text = os.readlink(node.at("trust/current")), node.drop_in.read_text()
        files = {path: path.read_bytes() for path in pathlib.Path(node.at("trust/current")).resolve().rglob("*") if path.is_file()}
        tamper.clear()
        tamper.update(how)
        done = node.once()
        assert done["event"] == "trouble", f"{what}: {done}"
        assert all(0x20 <= ord(c) != 0x7f for c in done["text"]), f"{what}: {done}"
        kept = {path: path.read_bytes() for path in pathlib.Path(node.at("trust/current")).resolve().rglob("*") if path.is_file()}
        assert os.readlink(node.at("trust/current")) == link and node.drop_in.read_text() == text and kept == files, f"{what}: it was taken"
        assert node.run("status").returncode == 1, f"{what}: no alarm"
        rows.append(what)
    assert node.opens(*me) and not node.by_old_key() and not node.opens(world.dir / "lost", world.dir / "lost-cert.pub")

    # A canary that is none is not used; the rest goes on.
    for what, line in {"canary: somebody's own certificate": (world.dir / "me-cert.pub").read_text().strip(), "canary: words": "x"}.items():
        pathlib.Path(node.at("agent/canary-cert.pub")).unlink(missing_ok=True)
        tamper.clear()
        tamper[CANARY] = changed(certificate=line)
        done = node.once()
        assert done["event"] == "round" and "without a certificate" in node.status()["sshd"]["asked"], f"{what}: {done} {node.status()}"
        assert not pathlib.Path(node.at("agent/canary-cert.pub")).exists(), what
        rows.append(what)

    # Honest again: everything goes on, revocations among it, and the CA hears what was refused.
    world.must("mayfly", "revoke", serial["more"], "--issuer", "ssh-user", "--reason", "test")
    honest()
    assert node.opens(*me) and not node.opens(world.dir / "more", world.dir / "more-cert.pub") and not node.by_old_key()
    alarms = [entry["data"]["what"] for entry in world.entries() if entry["type"] == "node.alarm"]
    for rule in ("E-KRL-OLDER", "E-TRUST-PROOF", "E-TRUST-OLDER", "E-TRUST-CA", "E-BUNDLE-PROOF", "E-LIST-PROOF"):
        assert any(rule in words for words in alarms), f"{rule} is not in {alarms}"
finally:
    if node:
        node.stop()
    world.close()
print(f"{len(rows)} ways to be hostile, none of which reached sshd")
