#!/usr/bin/env python3
"""What the kernel saw, in which order: durable first, then the bytes leave. The real CA runs under strace; certificates are
minted over mutual TLS, one at a time and many at once. For each of them:

  the promise is written to the database's WAL → fdatasync → the signer's journal line
  → the outcome is written to the WAL, with its commit → fdatasync → the first byte of the answer

The client counts the ciphertext of its answers, so that a byte of an answer is a byte of a system call. The same trace
without its fdatasyncs must fail, or this test tests nothing."""
import base64
import hashlib
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "attack")]
from api import Api  # noqa: E402
from world import POLICY, World  # noqa: E402

SSH, X509 = "/v1/ssh/user-certificates", "/v1/x509/certificates"
CALLS = "fdatasync,fsync,write,writev,pwrite64,pwritev,pwritev2,send,sendto,sendmsg,sendmmsg,sendfile"


# ---- the client: HTTP over a TLS connection whose ciphertext it counts --------------------------------------------------------
class Line:
    def __init__(self, api):
        self.socket = socket.create_connection((api.host, api.port), timeout=60)
        self.port = self.socket.getsockname()[1]
        self.incoming, self.outgoing, self.received = ssl.MemoryBIO(), ssl.MemoryBIO(), 0
        self.tls = api.context.wrap_bio(self.incoming, self.outgoing, server_hostname=api.host)
        self.until_done(self.tls.do_handshake)

    def until_done(self, step):
        while True:
            try:
                done = step()
                self.flush()
                return done
            except ssl.SSLWantReadError:
                self.flush()
                data = self.socket.recv(1 << 16)
                assert data, "the CA closed the connection"
                self.received += len(data)
                self.incoming.write(data)

    def flush(self):
        if data := self.outgoing.read():
            self.socket.sendall(data)

    def post(self, path, body, headers=()):
        """(parsed answer, ciphertext before it, ciphertext after it)"""
        lines = [f"POST {path} HTTP/1.1", "Host: ca", "Content-Type: application/json", f"Content-Length: {len(body)}", f"Idempotency-Key: {uuid.uuid4().hex}", *headers]
        before = self.received
        self.tls.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.flush()
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.until_done(lambda: self.tls.read(1 << 16))
        head, _, rest = text.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
        while len(rest) < length:
            rest += self.until_done(lambda: self.tls.read(1 << 16))
        assert b" 200 " in head.split(b"\r\n")[0], text
        return json.loads(rest), before, self.received


# ---- the trace ----------------------------------------------------------------------------------------------------------------
class Call:
    """One system call: where in the trace it began and ended, on which file or socket, with which bytes; for pwrite, at what place."""
    def __init__(self, name, file, data, place, begin):
        self.name, self.file, self.data, self.place, self.begin, self.end, self.result = name, file, data, place, begin, None, None


def calls_of(trace):
    """Threads interleave: an entry "PID name(… <unfinished ...>" ends at "PID <... name resumed>…) = N"."""
    start = re.compile(r"^(\d+) +(\w+)\((\d+)<((?:->|[^<>])*)>(?:, (.*))?")
    out, open_calls = [], {}
    for at, line in enumerate(trace):
        done = re.search(r"\) += (-?\d+)", line)
        if resumed := re.match(r"^(\d+) +<\.\.\. (\w+) resumed>", line):
            call = open_calls.pop(resumed[1], None)
            if call is not None and call.name == resumed[2]:
                call.end, call.result = at, int(done[1]) if done else -1
            continue
        begun = start.match(line)
        if not begun:
            continue
        data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', begun[5] or ""))
        file = bytes.fromhex(begun[4].replace("\\x", "")).decode() if begun[4].startswith("\\x") else begun[4]
        place = re.match(r'"[^"]*", \d+, (\d+)', begun[5] or "")
        call = Call(begun[2], file, data, int(place[1]) if place else None, at)
        out.append(call)
        if "<unfinished ...>" in line:
            open_calls[begun[1]] = call
        elif done:
            call.end, call.result = at, int(done[1])
    return [call for call in out if call.end is not None and call.result >= 0]


HEADER, FRAME, PAGE = 32, 24, 4096


class Frame:
    """One frame of the WAL (sqlite.org/fileformat2.html section 4.1): a header of 24 bytes, whose second word is not 0 in a commit,
    and a page; with the call that wrote its last byte."""
    def __init__(self, data, call):
        self.commits, self.page, self.call = data[4:8] != bytes(4), data[FRAME:], call


def frames_of(calls):
    """A call may write many frames; a frame never has a hole."""
    out, held, place = [], b"", 0
    for call in calls:
        if not held:
            place = call.place
        assert call.place == place + len(held), "the WAL is not written in order"
        held += call.data
        if place == 0:
            held, place = held[HEADER:], HEADER
        assert (place - HEADER) % (FRAME + PAGE) == 0, "a frame begins where none can"
        while len(held) >= FRAME + PAGE:
            out.append(Frame(held[:FRAME + PAGE], call))
            held, place = held[FRAME + PAGE:], place + FRAME + PAGE
    return out


class Order:
    def __init__(self, calls):
        self.wal = frames_of(call for call in calls if call.name.startswith("pwrite") and call.file.endswith("mayfly.db-wal"))
        self.syncs = [call for call in calls if call.name in ("fdatasync", "fsync") and call.file.endswith("mayfly.db-wal")]
        self.journal = [call for call in calls if call.name == "write" and call.file.endswith("signer.journal")]
        self.sent = {}
        for call in calls:
            if call.file.startswith("TCP") and call.name in ("write", "writev", "send", "sendto", "sendmsg"):
                self.sent.setdefault(int(call.file.rstrip("]").rsplit(":", 1)[1]), []).append(call)

    def commit_after(self, text):
        """The calls that wrote the first page in which `text` stands, and the end of its transaction."""
        found = next((n for n, frame in enumerate(self.wal) if text in frame.page), None)
        assert found is not None, f"{text} was never written to the WAL"
        commit = next(frame for frame in self.wal[found:] if frame.commits)
        return self.wal[found].call, commit.call

    def synced(self, written, before):
        return any(written.end < sync.begin and sync.end < before.begin for sync in self.syncs)

    def first_byte(self, port, offset):
        """The call that carried the answer's first byte of ciphertext."""
        at = 0
        for call in self.sent[port]:
            if at <= offset < at + call.result:
                return call
            at += call.result
        raise AssertionError(f"byte {offset} of port {port} was never sent")

    def wrong(self, minted):
        """What is out of order for this certificate, or nothing; and which commit its outcome shares."""
        _, promised = self.commit_after(f'"intent":"{minted["intent"]}"'.encode())
        noted = next(call for call in self.journal if f' {minted["serial"]} '.encode() in call.data)
        page, kept = self.commit_after(minted["sha256"].encode())
        answer = self.first_byte(minted["port"], minted["from"])
        if not self.synced(promised, noted):
            return "signed before the promise was durable", kept.begin
        if not noted.end < page.begin:
            return "kept before the signer noted it", kept.begin
        if not self.synced(kept, answer):
            return "answered before the outcome was durable", kept.begin
        return None, kept.begin


# ---- what is minted -----------------------------------------------------------------------------------------------------------
def certificate_bytes(answer):
    text = answer["certificate"]
    return base64.b64decode("".join(text.split("-----")[2].split()) if text.startswith("-----") else text.split()[1])


def mint(line, kind, body, headers=()):
    answer, before, after = line.post(kind, body, headers)
    return {"sha256": hashlib.sha256(certificate_bytes(answer)).hexdigest(), "port": line.port, "from": before, "to": after}


world = World(POLICY)
if shutil.which("strace") is None:
    sys.exit("error: strace is not installed\n  fix: scripts/setup test")
trace = world.dir / "trace"
# -D: the CA stays our child, the tracer becomes its grandchild. -xx: every byte of every buffer, in hexadecimal.
wrapper = world.dir / "traced"
wrapper.mkdir()
(wrapper / "mayfly-ca").write_text(f'#!/bin/sh\n[ "$1" = serve ] || exec {world.bin}/mayfly-ca "$@"\n'
                                   'export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"\n'  # its search for leaks needs ptrace itself
                                   f'exec strace -D -f -yy -xx -s 131072 -o {trace} -e signal=none -e trace={CALLS} {world.bin}/mayfly-ca "$@"\n')
(wrapper / "mayfly-ca").chmod(0o755)
world.env["PATH"] = f"{wrapper}:{world.env['PATH']}"
try:
    world.start()
    world.login()
    api = Api(world)
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "x.key"], cwd=world.dir, capture_output=True, check=True)
    csr = subprocess.run(["openssl", "req", "-new", "-key", "x.key", "-subj", "/", "-addext", "subjectAltName=DNS:a.test.internal"], cwd=world.dir, capture_output=True, check=True).stdout.decode()
    x509 = json.dumps({"role": "web", "csr": csr, "names": ["dns:a.test.internal"]}).encode()
    ssh = json.dumps({"role": "ops", "public_key": (world.dir / "alice.pub").read_text().strip()}).encode()

    minted = []
    line = Line(api)
    for _ in range(6):
        minted.append(mint(line, X509, x509))
        minted.append(mint(line, SSH, ssh, [f"Mayfly-Proof: {api.proof('alice', SSH, ssh)}"]))
    alone = len(minted)

    lock = threading.Lock()

    def many():
        own = Line(api)
        for _ in range(6):
            one = mint(own, X509, x509)
            with lock:
                minted.append(one)

    threads = [threading.Thread(target=many) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(minted) == alone + 72

    issued = {event["data"]["certificate_sha256"]: event["data"] for event in world.entries() if event["type"] == "certificate.issued"}
    for one in minted:
        one["intent"], one["serial"] = (issued[one["sha256"]][name] for name in ("intent", "serial"))
    assert world.stop() == 0

    # The tracer writes its last lines after the CA has ended.
    lines = trace.read_text(errors="replace").splitlines()
    order = Order(calls_of(lines))
    commits = {}
    for one in minted:
        wrong, commit = order.wrong(one)
        assert wrong is None, f"{wrong}: {one}"
        commits.setdefault(commit, []).append(one)
    shared = max(len(group) for group in commits.values())
    assert shared > 1, "no two certificates shared a commit: batches were not tested"

    without = Order(calls_of([line for line in lines if "fdatasync" not in line and "fsync" not in line]))
    missed = [one for one in minted if without.wrong(one)[0] is None]
    assert not missed, f"without one fdatasync {len(missed)} certificates still look durable: this test sees nothing"
    print(f"{len(minted)} certificates in {len(commits)} commits, up to {shared} in one: each durable before its first byte left")
finally:
    world.close()
