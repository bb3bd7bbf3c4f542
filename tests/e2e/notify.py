#!/usr/bin/env python3
"""What happens reaches the example receiver: signed, in order, once, over TLS by a certificate of this very CA; what is not
from Mayfly does not; a receiver that is gone costs nobody anything; a killed CA goes on where it was."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from world import POLICY, World, checked, expect  # noqa: E402

RECEIVER = pathlib.Path(__file__).resolve().parents[2] / "examples/receiver/receiver.py"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
sys.path.insert(0, str(RECEIVER.parent))
sys.dont_write_bytecode = True
import receiver as example  # noqa: E402


def until(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)  # a poll of what we wait for


def verifier_alone():
    """The receiver's own check, against the published vector and against everything that is not it."""
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    body, now, secrets = b'{"test": 2432232314}', 1614265330, [base64.b64decode(SECRET[6:])]
    assert example.verify(headers, body, secrets, now) == headers["webhook-id"]
    assert example.verify(dict(headers, **{"webhook-signature": "v1,AAAA v2,x " + headers["webhook-signature"]}), body, [b"old" * 10] + secrets, now + 299)
    for change, text, when in (({"webhook-signature": "v1,AAAA"}, body, now), ({"webhook-id": "msg_x"}, body, now), ({"webhook-timestamp": "1614265331"}, body, now), ({}, body + b" ", now),
                               ({}, body, now + 301), ({}, body, now - 301), ({"webhook-timestamp": "soon"}, body, now), ({"webhook-signature": ""}, body, now)):
        try:
            example.verify(dict(headers, **change), text, secrets, when)
        except example.Refused:
            checked.append(change)
            continue
        raise AssertionError(f"{change} {text} {when} was taken")


class Desk:
    def __init__(self, world, name, certificate=None):
        self.world, self.name, self.dir = world, name, world.dir / name
        self.argv = [sys.executable, "-B", str(RECEIVER), "--secret-file", str(world.dir / "desk.secret"), "--dir", str(self.dir), "--address-file", str(world.dir / f"{name}.address")]
        if certificate:
            self.argv += ["--certificate", str(certificate / "fullchain.pem"), "--key", str(certificate / "key.pem")]
        self.process, self.port = None, 0

    def start(self):
        file = self.world.dir / f"{self.name}.address"
        file.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.argv + ["--listen", f"127.0.0.1:{self.port}"], stderr=open(self.world.dir / f"{self.name}.log", "ab"))
        until("the receiver did not come up", lambda: file.exists() or self.process.poll() is not None)
        self.port = int(file.read_text().strip().rsplit(":", 1)[1])

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def events(self):
        file = self.dir / "events.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []

    def post(self, body, headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", data=body, headers=headers)
        try:
            return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code


def signed(identifier, body, at=None):
    at = str(int(at or time.time()))
    mac = hmac.new(base64.b64decode(SECRET[6:]), f"{identifier}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": identifier, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(mac).decode(), "Content-Type": "application/json"}


def restart(world, targets, how=signal.SIGTERM):
    world.stop(how)
    config = world.dir / "ca/ca.toml"
    config.write_text(config.read_text().split("\n[[webhook]]")[0] + "\n" + targets)
    world.start(world.port)


def hook(name, url, events, *lines):
    return "\n".join(["", "[[webhook]]", f'name = "{name}"', f'url = "{url}"', 'secret_file = "../desk.secret"', f"events = {json.dumps(events)}", "allow_private = true", *lines, ""])


def run(world):
    secret = world.dir / "desk.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    world.start()
    world.port = int(world.url.rsplit(":", 1)[1])
    world.login()
    run_verb = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    expect(run_verb("notify", "list"), 0)
    expect(run_verb("cert", "issue", "--role", "web", "--name", "ip:127.0.0.1", "--out", "tls"), 0)
    desk, plain = Desk(world, "desk", world.dir / "tls"), Desk(world, "plain")
    desk.start()
    plain.start()

    # 1. What does not fit in ca.toml stops the start, and says what to do.
    config = world.dir / "ca/ca.toml"
    before = config.read_text()
    world.stop()
    for text, words in ((hook("a", "https://169.254.169.254/", ["*"]), ("E-CONFIG", "169.254.169.254")), (hook("a", "https://desk.example/", ["*"]).replace("desk.secret", "no.secret"), ("no.secret",)),
                        (hook("a", "http://desk.example/", ["*"]), ("https",))):
        config.write_text(before + text)
        done = world.run("mayfly-ca", "serve", "--config", "ca/ca.toml")
        assert done.returncode != 0
        expect(done, done.returncode, *words)

    # 2. Over TLS, by a certificate that this CA minted; in the log's order, from now on, each once.
    secure = hook("desk", f"https://127.0.0.1:{desk.port}/", ["owner.*", "identity.*", "notify.*"], 'roots = "root.pem"')
    gone = hook("gone", "https://127.0.0.1:1/", ["owner.*"], 'first_retry = "1s"', 'longest_retry = "1s"', 'deadline = "1s"')
    restart(world, secure + gone + hook("plain", f"http://127.0.0.1:{plain.port}/", ["owner.*"], "allow_http = true"))
    for name in ("bob", "carol"):
        expect(run_verb("owner", "create", name), 0)
    expect(run_verb("identity", "create", "workload/shop", "--owner", "bob", "--purpose", "a-purpose-that-stays-here"), 0)
    until("the desk was not told", lambda: len([e for e in desk.events() if not e["type"].startswith("notify.")]) >= 3)
    told = [event for event in desk.events() if not event["type"].startswith("notify.")]
    assert [event["type"] for event in told] == ["owner.created", "owner.created", "identity.created"], told
    assert [event["index"] for event in told] == sorted({event["index"] for event in told})
    assert "carol" in told[1]["summary"]
    until("the plain one was not told", lambda: len(plain.events()) == 2)
    entries = world.entries()
    assert all(entries[event["index"]]["type"] == event["type"] for event in told), "the index is not where the log has it"
    for file in desk.dir.rglob("*"):
        assert not file.is_file() or b"a-purpose-that-stays-here" not in file.read_bytes(), "what somebody wrote left the CA"

    # 3. A target that is gone: dead letters in the log, told to the others; seen and told again by a person.
    until("no dead letter", lambda: len(json.loads(run_verb("notify", "dead", "-o", "json").stdout)) == 2)
    until("the desk was not told of it", lambda: len([e for e in desk.events() if e["type"] == "notify.dead"]) == 2)
    dead = json.loads(expect(run_verb("notify", "dead", "-o", "json"), 0).stdout)
    assert {letter["target"] for letter in dead} == {"gone"} and all("127.0.0.1" not in letter["why"] or "E-" in letter["why"] for letter in dead), dead
    expect(run_verb("notify", "list"), 0, "gone", "desk", "plain")
    expect(run_verb("notify", "show", dead[0]["id"]), 0, "owner.created", "gone")
    expect(run_verb("notify", "show", "n-999"), 1, "E-LETTER")
    expect(run_verb("notify", "retry", "n-999"), 1, "E-LETTER")
    expect(run_verb("notify", "retry", dead[0]["id"], "--dry-run"), 0, "would be told again")
    expect(run_verb("notify", "retry", dead[0]["id"]), 0, "will be told again")
    until("it was not tried", lambda: next(x for x in json.loads(run_verb("notify", "dead", "-o", "json").stdout) if x["id"] == dead[0]["id"])["tries"] > dead[0]["tries"])
    restart(world, secure + hook("gone", f"http://127.0.0.1:{plain.port}/", ["owner.*"], "allow_http = true"))
    expect(run_verb("notify", "retry", *[letter["id"] for letter in dead]), 0)
    until("it was not delivered", lambda: json.loads(run_verb("notify", "dead", "-o", "json").stdout) == [])
    assert len(plain.events()) == 2, "the receiver acted twice on one event"

    # 4. Only the platform duty sees to it.
    expect(run_verb("identity", "create", "human/bob", "--owner", "bob", "--key", "bob.pub"), 0)
    bob = lambda *argv: world.run("env", f"XDG_STATE_HOME={world.dir}/bob-state", "mayfly", *argv)  # noqa: E731
    expect(bob("login", "--key", "bob"), 0)
    for verb in (("list",), ("dead",), ("retry", dead[0]["id"])):
        expect(bob("notify", *verb), 5, "E-DUTY")
    assert world.entries()[-1]["type"] == "request.refused"

    # 5. A receiver that was away, and a CA that was killed: nothing is lost, nothing is acted on twice.
    desk.stop()
    expect(run_verb("owner", "create", "dave"), 0)
    until("no attempt", lambda: any(row["tries"] for row in json.loads(run_verb("notify", "list", "-o", "json").stdout) if row["name"] == "desk"))
    world.stop(signal.SIGKILL)
    world.start(world.port)
    expect(run_verb("owner", "create", "erin"), 0)
    desk.start()
    until("they were not told after all", lambda: {"dave", "erin"} <= {word for event in desk.events() for word in event["summary"].split()}, 90)
    indexes = [event["index"] for event in desk.events()]
    assert indexes == sorted(set(indexes)), "out of order, or twice"

    # 6. What is not from Mayfly, or not from now, is refused; what comes twice is done once.
    body = json.dumps({"type": "x.y", "timestamp": "", "data": {"index": 1, "summary": "forged", "commands": [], "event": {"subject": "", "data": {}}}}).encode()
    count = len(plain.events())
    for headers in ({}, dict(signed("m1", body), **{"webhook-signature": "v1,AAAA"}), signed("m1", body + b" "), signed("m1", body, time.time() - 400), signed("m1", body, time.time() + 400)):
        assert plain.post(body, headers) == 401
        checked.append(headers)
    assert len(plain.events()) == count
    assert [plain.post(body, signed("m1", body)) for _ in range(3)] == [204] * 3
    assert len(plain.events()) == count + 1


verifier_alone()
world = World(POLICY)
receivers = []
start = Desk.start
Desk.start = lambda self: (receivers.append(self), start(self))[1]
try:
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "bob")
    run(world)
    print(f"{len(checked)} facts hold")
except BaseException:
    print((world.dir / "ca.log").read_text()[-3000:] if (world.dir / "ca.log").exists() else "", file=sys.stderr)
    raise
finally:
    for one in receivers:
        one.stop()
    world.close()
