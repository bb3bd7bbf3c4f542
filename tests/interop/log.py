#!/usr/bin/env python3
"""The log before other people's code: what sum.golang.org is checked with reads an exported log of ours, whole and spoiled.

    log.py             with what is installed; what is not is named
    MAYFLY_INTEROP=all what is not installed is a failure
"""
import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import go_programs  # noqa: E402
from table import Table, run, said  # noqa: E402
from world import POLICY, World, expect  # noqa: E402


class Go:
    name, package = "Go x/mod/sumdb", "golang-golang-x-mod-dev"
    program = None

    def folder(self, vkey, folder, *older):
        return said(run(self.program, "folder", vkey, folder, *older))

    def proof(self, vkey, file):
        return said(run(self.program, "proof", vkey, file))


def bundle_of(folder):
    """The first bundle of entries, which is full: path and entries."""
    path, out = folder / "tile/entries/000", []
    raw = path.read_bytes()
    while raw:
        length = int.from_bytes(raw[:2], "big")
        out.append(raw[2:2 + length])
        raw = raw[2 + length:]
    assert len(out) == 256
    return path, out


def put(path, entries):
    path.write_bytes(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries))


def changed(path, at, bit=1):
    raw = bytearray(path.read_bytes())
    raw[at] ^= bit
    path.write_bytes(bytes(raw))


def spoiled(before, size):
    """What may be done to a copy of a log: its name, how, and the number of the first bad entry that we must name."""
    def entries(edit):
        def spoil(folder):
            path, own = bundle_of(folder)
            edit(own)
            put(path, own)
        return spoil

    def flip(own):
        own[100] = own[100][:20] + bytes([own[100][20] ^ 1]) + own[100][21:]

    def swap(own):
        own[70], own[71] = own[71], own[70]

    def delete(own):
        own[90:91] = []

    def replace_missing(own):
        own[90:91] = []
        own.append(own[-1])

    def insert(own):
        own.insert(50, own[49])

    def shove(own):
        own.insert(50, own[49])
        own.pop()

    def roll_back(folder):
        (folder / "checkpoint").write_text(before.read_text())

    def truncate(folder):
        path = next((folder / "tile/entries/001.p").iterdir())
        path.write_bytes(path.read_bytes()[:-10])

    def other_head(folder):
        head = (folder / "checkpoint").read_text().split("\n")
        head[1] = str(int(head[1]) - 1)
        (folder / "checkpoint").write_text("\n".join(head))

    return [
        ("a bit of entry 100 is changed", entries(flip), "entry 100 "),
        ("entries 70 and 71 changed places", entries(swap), "entry 70 "),
        ("entry 90 is gone", entries(delete), "entry 90"),
        ("entry 90 is gone and the last stands there twice", entries(replace_missing), "entry 90 "),
        ("an entry was put in before entry 50", entries(insert), "entry 50"),
        ("an entry was put in before entry 50, the last dropped", entries(shove), "entry 50 "),
        ("the last bundle is cut short", truncate, f"missing is entry {size - 1}"),
        ("a bundle is missing", lambda folder: (folder / "tile/entries/000").unlink(), "entries 0 to 255"),
        ("a bit of a hash of entry 7 is changed", lambda folder: changed(folder / "tile/0/000", 7 * 32), "entry 7 "),
        ("a bit of the upper tile is changed", lambda folder: changed(folder / "tile/1/000.p/1", 5), "entries 0 to 255"),
        ("a tile of hashes is missing", lambda folder: (folder / "tile/0/000").unlink(), "entries 0 to 255"),
        ("the head says another size", other_head, "signature"),
        ("the head is an older one", roll_back, None),
    ]


def spoiled_proofs(text):
    lines = text.split("\n")
    index = int(lines[2].split()[1])
    size = lines.index("") + 2  # after the blank line the head: origin, size, root

    def with_line(n, line):
        return "\n".join([*lines[:n], line, *lines[n + 1:]])

    letter = "B" if lines[1][20] != "B" else "C"
    return [
        ("another index", with_line(2, f"index {index - 1}")),
        ("another entry", with_line(1, lines[1][:20] + letter + lines[1][21:])),
        ("two hashes changed places", "\n".join([*lines[:3], lines[4], lines[3], *lines[5:]])),
        ("a hash less", "\n".join(lines[:3] + lines[4:])),
        ("a hash more", "\n".join(lines[:3] + [lines[3]] + lines[3:])),
        ("another size in the head", with_line(size, str(int(lines[size]) + 1))),
    ]


def fork_of(world):
    """Another log under the same key: the CA goes on from a copy, as if what came after had never been."""
    for file in (world.dir / "ca").glob("mayfly.db*"):
        file.unlink()
    shutil.copy(world.dir / "before.db", world.dir / "ca/mayfly.db")
    journal = world.dir / "ca/signer.journal"
    journal.write_bytes((world.dir / "before.journal").read_bytes())
    world.start()
    shutil.rmtree(world.dir / "state", ignore_errors=True)
    world.must("mayfly", "context", "remove", "default")
    world.login()
    for n in range(8):
        world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", f"fork{n}")
    world.must("mayfly", "audit", "export", "--out", "fork")
    world.stop()


table = Table("log")
table.hand(Go())
world = World(POLICY)
try:
    if table.hands:
        Go.program = go_programs.build("log_reader", world.dir)
    world.start()
    world.login()
    vkey = json.loads(world.must("mayfly", "ca", "bundle", "-o", "json").stdout)["log"]["vkey"]
    other = vkey.split("+")[0] + "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    for n in range(20):
        world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", f"early{n}")
    world.must("mayfly", "audit", "export", "--out", "old")
    world.stop()
    shutil.copy(world.dir / "ca/mayfly.db", world.dir / "before.db")
    shutil.copy(world.dir / "ca/signer.journal", world.dir / "before.journal")
    world.start()
    shutil.rmtree(world.dir / "state", ignore_errors=True)
    world.must("mayfly", "context", "remove", "default")
    world.login()
    for n in range(120):
        world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", f"late{n}")
    world.must("mayfly", "cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "c")
    world.must("mayfly", "audit", "export", "--out", "new")
    world.stop()
    fork_of(world)

    old, new, fork = (world.dir / name for name in ("old", "new", "fork"))
    size = int((new / "checkpoint").read_text().split("\n")[1])
    assert size > 256, f"{size} entries: no tile is full, nothing above the first level is tested"
    proof = world.dir / "c/cert.tlog-proof"
    whole = "an export of more than one tile: every entry's inclusion, every tile, the head"
    extends, proves = "an export against an older export's head", "cert.tlog-proof of a certificate"
    for hand in table.hands:
        table.accept("an export of one tile: every entry's inclusion, every tile, the head", hand, hand.folder(vkey, old))
        table.accept(whole, hand, hand.folder(vkey, new))
        table.accept(extends, hand, hand.folder(vkey, new, old / "checkpoint"))
        table.accept(proves, hand, hand.proof(vkey, proof))
        table.accept("late0-cert.tlog-proof", hand, hand.proof(vkey, world.dir / "late0-cert.tlog-proof"))
        table.accept("the fork by itself", hand, hand.folder(vkey, fork, old / "checkpoint"))
        table.refuse("export: another key", hand, hand.folder(other, new), of=whole)
        table.refuse("export: older than a head that was seen", hand, hand.folder(vkey, old, new / "checkpoint"), of=extends)
        table.refuse("export: a fork of a head that was seen", hand, hand.folder(vkey, new, fork / "checkpoint"), of=extends)
        table.refuse("proof: another key", hand, hand.proof(other, proof), of=proves)
    nowhere = lambda *argv: world.run("env", "XDG_CONFIG_HOME=/nonexistent", "XDG_STATE_HOME=/nonexistent", "mayfly", *argv)  # noqa: E731
    expect(nowhere("audit", "verify", "new", "--log-key", vkey), 0, f"{size} entries")
    for name, spoil, names in spoiled(old / "checkpoint", size):
        shutil.rmtree(world.dir / "spoiled", ignore_errors=True)
        shutil.copytree(new, world.dir / "spoiled", copy_function=lambda a, b: pathlib.Path(b).write_bytes(pathlib.Path(a).read_bytes()))
        spoil(world.dir / "spoiled")
        for hand in table.hands:
            # An older head with the files of a newer log is a whole log, unless somebody saw the newer head.
            seen = [new / "checkpoint"] if names is None else []
            table.refuse(f"export: {name}", hand, hand.folder(vkey, world.dir / "spoiled", *seen), of=whole)
        if names is not None:
            expect(nowhere("audit", "verify", "spoiled", "--log-key", vkey), 10, names)
    for name, text in spoiled_proofs(proof.read_text()):
        (world.dir / "spoiled.tlog-proof").write_text(text)
        for hand in table.hands:
            table.refuse(f"proof: {name}", hand, hand.proof(vkey, world.dir / "spoiled.tlog-proof"), of=proves)
        expect(nowhere("verify", "c/cert.pem", "--proof", "spoiled.tlog-proof", "--log-key", vkey), 10, "E-LOG")
    if not table.hands:
        print("0 cells, 0 implementations; our own verifier refused everything that was spoiled")
        sys.exit(0)
    table.finish()
finally:
    world.close()
