#!/usr/bin/env python3
"""The log through other hands: a verifier of its own, written from RFC 6962 and the C2SP specifications (signed-note,
tlog-checkpoint, tlog-tiles, tlog-cosignature, tlog-proof) with python3-cryptography, checks what the programs publish."""
import base64
import hashlib
import json
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import POLICY, World, checked, expect  # noqa: E402

sha256 = lambda data: hashlib.sha256(data).digest()  # noqa: E731


# ---- RFC 6962 section 2.1 ----------------------------------------------------------------------------------------------
def leaf_hash(entry):
    return sha256(b"\0" + entry)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def root_from_path(leaf, index, size, path):
    """Walks PATH(m, D[n]) of section 2.1.1 from the leaf up; the recursion of the text, read backwards."""
    def walk(m, n, hashes):
        if n == 1:
            assert not hashes, "the proof is too long"
            return leaf
        assert hashes, "the proof is too short"
        k = split(n)
        if m < k:
            return node_hash(walk(m, k, hashes[:-1]), hashes[-1])
        return node_hash(hashes[-1], walk(m - k, n - k, hashes[:-1]))
    assert index < size
    return walk(index, size, path)


def consistency_roots(m, n, proof, old_root):
    """PROOF(m, D[n]) of section 2.1.2: the old and the new root that it leads to."""
    def walk(m, n, whole, hashes):
        if m == n:
            return (old_root, old_root, hashes) if whole else (hashes[0], hashes[0], hashes[1:])
        k = split(n)
        if m <= k:
            old, new, rest = walk(m, k, whole, hashes)
            return old, node_hash(new, rest[0]), rest[1:]
        old, new, rest = walk(m - k, n - k, False, hashes)
        return node_hash(rest[0], old), node_hash(rest[0], new), rest[1:]
    old, new, rest = walk(m, n, True, proof)
    assert not rest, "the proof is too long"
    return old, new


# ---- C2SP signed-note, tlog-checkpoint, tlog-cosignature -----------------------------------------------------------------
class Key:
    def __init__(self, vkey, kind):
        self.name, key_id, blob = vkey.split("+", 2)
        blob = base64.b64decode(blob, validate=True)
        assert blob[0] == kind and len(blob) == 33
        self.id = sha256(self.name.encode() + b"\n" + blob)[:4]
        assert self.id.hex() == key_id
        self.public = Ed25519PublicKey.from_public_bytes(blob[1:])


def signatures_by(key, note):
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    found = []
    for line in lines.splitlines():
        dash, name, blob = line.split(" ")
        assert dash == "\u2014"
        blob = base64.b64decode(blob, validate=True)
        if name == key.name and blob[:4] == key.id:
            found.append(blob[4:])
    return text, found


def checkpoint(note, key):
    text, found = signatures_by(key, note)
    assert len(found) == 1, "signed by the log, once"
    key.public.verify(found[0], text.encode())
    origin, size, root = text.split("\n")[:3]
    assert origin == key.name and size == str(int(size))
    return int(size), base64.b64decode(root, validate=True)


def cosigned_at(note, key):
    text, found = signatures_by(key, note)
    assert len(found) == 1, f"cosigned by {key.name}, once"
    (seconds,) = struct.unpack(">Q", found[0][:8])
    key.public.verify(found[0][8:], f"cosignature/v1\ntime {seconds}\n{text}".encode())
    return seconds


# ---- C2SP tlog-tiles -----------------------------------------------------------------------------------------------------
def tile_path(level, index, width):
    groups = [f"{index % 1000:03}"]
    index //= 1000
    while index:
        groups.insert(0, f"x{index % 1000:03}")
        index //= 1000
    return f"tile/{level}/" + "/".join(groups) + ("" if width == 256 else f".p/{width}")


def entries_in(folder, size):
    out = []
    for first in range(0, size, 256):
        raw = (folder / tile_path("entries", first // 256, min(256, size - first))).read_bytes()
        before = len(out)
        while raw:
            (length,) = struct.unpack(">H", raw[:2])
            assert len(raw) >= 2 + length
            out.append(raw[2:2 + length])
            raw = raw[2 + length:]
        assert len(out) - before == min(256, size - first)
    return out


def verify_folder(folder, key):
    size, root = checkpoint((folder / "checkpoint").read_text(), key)
    entries = entries_in(folder, size)
    leaves = [leaf_hash(entry) for entry in entries]
    assert mth(leaves) == root, "the entries do not lead to the signed root"
    level, hashes = 0, leaves
    while hashes:
        for first in range(0, len(hashes), 256):
            part = hashes[first:first + 256]
            assert (folder / tile_path(level, first // 256, len(part))).read_bytes() == b"".join(part), f"tile {level}/{first // 256}"
        hashes = [mth(hashes[i:i + 256]) for i in range(0, len(hashes) - len(hashes) % 256, 256)]
        level += 1
    return size, root, entries


def tlog_proof(text):
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1"
    extra = base64.b64decode(lines.pop(0)[6:]) if lines[0].startswith("extra ") else None
    index = lines.pop(0)
    assert index.startswith("index ")
    return int(index[6:]), [base64.b64decode(line, validate=True) for line in lines], note, extra


# ---- what is shown ---------------------------------------------------------------------------------------------------------
def self_test():
    """The vector of the specifications, so that this verifier is checked before it checks."""
    key = Key("ca.example.internal/audit+9211fd60+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", 1)
    witness = Key("witness.example.internal/w1+ce64fc16+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X", 4)
    note = ("ca.example.internal/audit\n3\nXIdG8ltZ4/c3xx3wioGYX4opyrtAL/Pbx1jZk/pG8Vc=\n\n"
            "\u2014 ca.example.internal/audit khH9YHWWZbnFtot/qUWgqAayd8ZeEbz8j9sBC/HNrxwnxxLfFZTqhuTwRVo3w++GyDAK8uaR9b0Tch0zUSLsqQGrhgI=\n"
            "\u2014 witness.example.internal/w1 zmT8FgAAAABlU/EAnynY2NXP7aD+yrcs6x4+0V/6Eq5hUKXc6ihe0E1PRuO7atCPKFA+EQNmcOzWFtJVTKDIdEH++Ir3sHG9blr8Ag==\n")
    leaves = [leaf_hash(b""), leaf_hash(b"\0"), leaf_hash(b"issue:1")]
    assert checkpoint(note, key) == (3, mth(leaves))
    assert cosigned_at(note, witness) == 1700000000
    assert root_from_path(leaves[2], 2, 3, [node_hash(leaves[0], leaves[1])]) == mth(leaves)
    assert consistency_roots(2, 3, [leaves[2]], mth(leaves[:2])) == (mth(leaves[:2]), mth(leaves))


def curl(world, path, *options):
    return subprocess.run(["curl", "-sk", "-D", "-", *options, world.url + path], capture_output=True, timeout=30)


def headers_of(done):
    head = done.stdout.split(b"\r\n\r\n", 1)[0].decode()
    lines = head.split("\r\n")
    return int(lines[0].split()[1]), {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}


def body_of(done):
    return done.stdout.split(b"\r\n\r\n", 1)[1]


def wait_for(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)  # a poll of what we wait for
    return found


self_test()
world = World(POLICY)
witness = None
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    world.start()
    world.login()
    expect(run("ssh", "cert", "--role", "ops", "--out", "k"), 0)
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "c"), 0)
    vkey = json.loads(world.must("mayfly", "ca", "bundle", "-o", "json").stdout)["log"]["vkey"]
    key = Key(vkey, 1)

    # A folder, and nothing else but the key.
    expect(run("audit", "export", "--out", "log"), 0, "entries lead to the head")
    size, root, entries = verify_folder(world.dir / "log", key)
    nowhere = lambda *argv: world.run("env", "XDG_CONFIG_HOME=/nonexistent", "XDG_STATE_HOME=/nonexistent", "mayfly", *argv)  # noqa: E731
    expect(nowhere("audit", "verify", "log", "--log-key", vkey, "--events"), 0, f"{size} entries")
    expect(nowhere("audit", "verify", "log"), 1, "E-CONTEXT")

    # What the front publishes is those very files; hashes for everybody, entries for auditors.
    status, headers = headers_of(curl(world, "/log/checkpoint"))
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8" and headers["cache-control"] == "no-store", headers
    name = tile_path(0, 0, size)
    status, headers = headers_of(curl(world, "/log/" + name))
    assert status == 200 and headers["content-type"] == "application/octet-stream", headers
    assert "immutable" in headers["cache-control"] and "replay-nonce" not in headers, headers
    assert body_of(curl(world, "/log/" + name)) == (world.dir / "log" / name).read_bytes()
    assert body_of(curl(world, "/log/" + tile_path(0, 0, 3))) == (world.dir / "log" / name).read_bytes()[:96], "a partial tile of an older size"
    for path, wanted in ((f"/log/{tile_path(0, 0, 255)}", 404), ("/log/tile/0/0", 400), ("/log/tile/0/000.p/0", 400), ("/log/tile/8/000", 400), ("/log/" + tile_path("entries", 0, size), 401)):
        assert headers_of(curl(world, path))[0] == wanted, path
    session = world.dir / "state/mayfly/default"
    mutual = ("--cert", str(session / "session.pem"), "--key", str(session / "session.key"))
    done = curl(world, "/log/" + tile_path("entries", 0, size), *mutual)
    assert headers_of(done)[0] == 200 and headers_of(done)[1]["cache-control"].startswith("private"), done.stdout[:300]
    assert body_of(done) == (world.dir / "log" / tile_path("entries", 0, size)).read_bytes()
    checked.extend(["fact"] * 8)

    # Every certificate comes with its proof, which is enough by itself.
    index, path, note, leaf = tlog_proof((world.dir / "c/cert.tlog-proof").read_text())
    head_size, head_root = checkpoint(note, key)
    assert root_from_path(leaf_hash(leaf), index, head_size, path) == head_root
    der = base64.b64decode("".join((world.dir / "c/cert.pem").read_text().split("-----")[2].split()))
    assert json.loads(leaf)["data"]["certificate_sha256"] == hashlib.sha256(der).hexdigest()
    assert entries[index] == leaf
    expect(nowhere("verify", "c/cert.pem", "--proof", "c/cert.tlog-proof", "--log-key", vkey), 0, "human/alice", f"entry {index}")
    expect(run("verify", "c/cert.pem", "--proof", "c/cert.tlog-proof"), 0)
    expect(run("verify", "c/chain.pem", "--proof", "c/cert.tlog-proof"), 10, "E-LOG-PROOF", "another certificate")
    expect(run("verify", "k-cert.pub", "--proof", "c/cert.tlog-proof"), 10, "E-LOG-PROOF")
    expect(nowhere("verify", "k-cert.pub", "--proof", "k-cert.tlog-proof", "--log-key", vkey), 0, "human/alice")
    broken = (world.dir / "c/cert.tlog-proof").read_text().replace(f"index {index}", f"index {index - 1}")
    (world.dir / "broken").write_text(broken)
    expect(run("verify", "c/cert.pem", "--proof", "broken"), 10, "E-LOG-PROOF")
    expect(run("verify", "c/cert.pem", "--proof", "c/cert.pem"), 2, "tlog-proof")

    # Every entry is proved, and every smaller log is how this one began.
    for index in range(size):
        shown = json.loads(world.must("mayfly", "audit", "prove", str(index), "-o", "json").stdout) if index % 7 == 0 else None
        if shown:
            at, path, note, leaf = tlog_proof(shown["log_proof"])
            head_size, head_root = checkpoint(note, key)
            assert at == index and leaf == entries[index] and root_from_path(leaf_hash(leaf), index, head_size, path) == head_root
            checked.extend(["fact"] * 1)
    leaves = [leaf_hash(entry) for entry in entries]
    for old in range(1, size, 3):
        shown = json.loads(world.must("mayfly", "audit", "consistency", str(old), str(size), "-o", "json").stdout)
        proof = [base64.b64decode(text) for text in shown["hashes"]]
        assert consistency_roots(old, size, proof, mth(leaves[:old])) == (mth(leaves[:old]), root)
        checked.extend(["fact"] * 1)
    (world.dir / "old.checkpoint").write_text((world.dir / "log/checkpoint").read_text())
    expect(run("audit", "consistency", "old.checkpoint", str(size)), 0)
    expect(run("audit", "consistency", "3", "1"), 10, "E-LOG-BEHIND")

    # Reading: search by every side, show with proof.
    found = [json.loads(line) for line in expect(run("audit", "search", "--type", "certificate.", "--identity", "human/alice", "-o", "jsonl"), 0).stdout.splitlines()]
    assert [one["entry"] for one in found] == sorted((i for i, entry in enumerate(entries) if json.loads(entry)["type"].startswith("certificate.") and "human/alice" in (json.loads(entry)["actor"], json.loads(entry)["subject"])), reverse=True), found
    serial = json.loads(leaf if json.loads(leaf)["type"].startswith("certificate") else entries[tlog_proof((world.dir / "c/cert.tlog-proof").read_text())[0]])["data"].get("serial")
    expect(run("audit", "search", "--serial", serial), 0, "certificate.intent", "certificate.issued")
    assert expect(run("audit", "search", "--until", "1h", "-o", "jsonl"), 0).stdout == ""
    expect(run("audit", "search", "--since", "1h", "--limit", "5"), 0, "there may be more")
    assert len(expect(run("audit", "search", "--since", "1h", "-o", "name", "--limit", "5"), 0).stdout.splitlines()) == 5
    expect(run("audit", "search", "--since", "yesterday"), 2, "--since")
    expect(run("audit", "show", "0"), 0, '"type"', "in the log of")
    expect(run("audit", "show", "99999"), 1)

    # A witness, and its word with the head.
    world.must("mayfly", "cert", "issue", "--role", "web", "--name", "ip:127.0.0.1", "--out", "w")
    w_vkey = world.must("mayfly-ca", "witness", "init", "--dir", "witness", "--name", "witness.test/1", "--log", vkey, "--listen", "127.0.0.1:0", "--tls-certificate", "w/fullchain.pem", "--tls-key", "w/key.pem").stdout.strip()
    expect(world.run("mayfly-ca", "witness", "init", "--dir", "witness", "--name", "x", "--log", vkey, "--tls-certificate", "a", "--tls-key", "b"), 1, "E-INIT-TWICE")

    def start_witness(port="0"):
        address = world.dir / "witness/address"
        address.unlink(missing_ok=True)
        toml = world.dir / "witness/witness.toml"
        toml.write_text(toml.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        process = subprocess.Popen(["mayfly-ca", "witness", "serve", "--config", "witness/witness.toml"], cwd=world.dir, env=world.env, stdout=open(world.dir / "witness.log", "ab"), stderr=subprocess.STDOUT)
        wait_for(lambda: process.poll() is not None or (address.exists() and address.read_text().endswith("\n")))
        assert process.poll() is None, (world.dir / "witness.log").read_text()
        return process, address.read_text().strip()

    witness, where = start_witness()
    world.stop()
    config = world.dir / "ca/ca.toml"
    config.write_text(config.read_text().replace("[signer]", '[witness]\npolicy = "witnesses.policy"\nroots = "root.pem"\nevery_seconds = 1\n\n[signer]'))
    policy = world.dir / "ca/witnesses.policy"
    policy.write_text(f"log {vkey}\nwitness one {w_vkey} https://{where}/\nquorum one\n")
    world.start()
    world.must("mayfly", "context", "remove", "default")
    world.login()
    cosigner = Key(w_vkey, 4)
    published = lambda: body_of(curl(world, "/log/checkpoint")).decode()  # noqa: E731
    note = wait_for(lambda: (text := published()).count("\u2014") == 2 and text)
    at = cosigned_at(note, cosigner)
    assert abs(at - time.time()) < 3600
    cosigned_size, cosigned_root = checkpoint(note, key)
    expect(run("audit", "export", "--out", "log2", "--witness-policy", "ca/witnesses.policy"), 0, "cosigned by one")
    verify_folder(world.dir / "log2", key)
    expect(run("audit", "verify", "log2", "--witness-policy", "ca/witnesses.policy"), 0, "cosigned by one")
    expect(run("audit", "verify", "log", "--witness-policy", "ca/witnesses.policy"), 9, "E-QUORUM")
    expect(run("audit", "prove", "1", "--cosigned", "--proof", "one.tlog-proof"), 0)
    at, path, note, leaf = tlog_proof((world.dir / "one.tlog-proof").read_text())
    cosigned_at(note, cosigner)
    assert root_from_path(leaf_hash(leaf), 1, checkpoint(note, key)[0], path) == checkpoint(note, key)[1]
    # The witness shows what it has seen to anybody.
    seen = subprocess.run(["curl", "-sk", f"https://{where}/{hashlib.sha256(key.name.encode()).hexdigest()}/checkpoint"], capture_output=True, text=True).stdout
    cosigned_at(seen, cosigner)

    # A witness that is gone delays no certificate.
    witness.kill()
    witness.wait()
    expect(run("cert", "issue", "--role", "web", "--name", "b.test.internal", "--out", "d"), 0)
    wait_for(lambda: "witness.failing" in (world.dir / "ca.log").read_text())
    # It remembers, comes back, and catches up from where it was.
    witness, _ = start_witness(where.rsplit(":", 1)[1])
    wait_for(lambda: checkpoint(published(), key)[0] > cosigned_size)
    raw = (world.dir / "log2/checkpoint").read_text()
    stale = subprocess.run(["curl", "-sk", "-i", "--data-binary", f"old 0\n\n{raw}", "-H", "Content-Type: text/plain", f"https://{where}/add-checkpoint"], capture_output=True, text=True).stdout
    assert " 409 " in stale.splitlines()[0] and "text/x.tlog.size" in stale, stale
    checked.extend(["fact"] * 6)

    # A database behind the head that is kept outside is refused, with what to do about it.
    world.stop()
    shutil.copytree(world.dir / "ca", world.dir / "backup")
    world.start()
    world.must("mayfly", "context", "remove", "default")
    world.login()
    expect(run("ssh", "cert", "--role", "ops", "--out", "lost"), 0)
    (world.dir / "longer.checkpoint").write_bytes(body_of(curl(world, "/v1/log/checkpoint")))
    world.stop()
    for file in world.dir.joinpath("ca").glob("mayfly.db*"):
        if file.name != "mayfly.db.head":
            file.unlink()
    shutil.copy(world.dir / "backup/mayfly.db", world.dir / "ca/mayfly.db")
    expect(world.run("mayfly-ca", "serve", "--config", "ca/ca.toml"), 10, "E-LOG-BEHIND", "mayfly-ca restore")
    expect(world.run("mayfly-ca", "restore", "--config", "ca/ca.toml"), 5, "E-RESTORE", "--accept-rollback", "cannot be revoked by serial")
    expect(world.run("mayfly-ca", "restore", "--config", "ca/ca.toml", "--accept-rollback"), 0, "forgotten")
    world.start()
    world.must("mayfly", "context", "remove", "default")
    world.login()
    expect(run("ssh", "cert", "--role", "ops", "--out", "again"), 0)
    events = world.entries()
    rolled = [event for event in events if event["type"] == "log.rolled_back"]
    assert len(rolled) == 1 and rolled[0]["data"]["lost_signatures"] >= 1, rolled
    serials = [subprocess.run(["ssh-keygen", "-L", "-f", world.dir / name], capture_output=True, text=True).stdout.split("Serial: ")[1].split()[0] for name in ("lost-cert.pub", "again-cert.pub")]
    assert int(serials[1]) > int(serials[0]), f"a serial was handed out again: {serials}"
    # Whoever saw the longer log is told.
    expect(run("audit", "consistency", "longer.checkpoint", str(len(events))), 10, "E-LOG")
    assert world.stop() == 0
    print(f"{len(checked)} passed, 0 failed")
finally:
    if witness and witness.poll() is None:
        witness.kill()
        witness.wait()
    world.close()
