#!/usr/bin/env python3
"""A node against the real CA, with a real sshd: what stands on it is found and somebody answers for it; a line that somebody adds
is told; a role that is lost ends what is open; and how the node stands is said, in a word, when the CA, the clock or the identity
fails it."""
import datetime
import getpass
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from clock import Clock  # noqa: E402
from waiting import free_port, wait_until  # noqa: E402
from world import PLAIN_SSHD, World, checked, expect  # noqa: E402

ACCOUNT = getpass.getuser()
ROLE = """
[[role]]
name = "{name}"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{account}"]
nodes = {{ env = "dev" }}
end_sessions = {ends}
"""
POLICY = ("version = 1\n[limits]\nrenew_grace = \"2h\"\n" + ROLE.format(name="ops", account=ACCOUNT, ends="true")
          + ROLE.format(name="quiet", account=ACCOUNT, ends="false"))
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


world = World(POLICY)
processes = []
try:
    alice = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    config = world.dir / "ca/ca.toml"
    world.start()
    world.login()
    port_of_ca = int(world.url.rsplit(":", 1)[1])
    for role in ("ops", "quiet"):
        expect(alice("role", "grant", role, "human/alice", "--for", "1d", "--reason", "test"), 0)

    # ---- a host in a folder: its own passwd, sudoers and homes; and a real sshd ------------------------------------------------
    at = lambda name: str(world.dir / "host" / name)  # noqa: E731
    for folder in ("etc/sudoers.d", "etc/ssh", "home/deploy/.ssh", "sshd"):
        os.makedirs(at(folder))
    pathlib.Path(at("etc/passwd")).write_text(f"root:x:0:0:root:{at('home/root')}:/bin/bash\ndeploy:x:1000:1000::{at('home/deploy')}:/bin/bash\n")
    pathlib.Path(at("etc/group")).write_text("sudo:x:27:deploy\n")
    pathlib.Path(at("etc/shadow")).write_text("root:*:1\ndeploy:$y$j9T$secret$hash:1\n")
    pathlib.Path(at("etc/sudoers")).write_text("%sudo ALL=(ALL) NOPASSWD: ALL\n")
    alices = (world.dir / "alice.pub").read_text().strip()
    pathlib.Path(at("home/deploy/.ssh/authorized_keys")).write_text(f"{alices}\n")
    os.mkfifo(at("home/deploy/.ssh/known_hosts"))
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("home/deploy/.ssh/id_ed25519"))
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("sshd/host_key"))
    sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    port = free_port()
    pathlib.Path(at("sshd/mayfly.conf")).write_text("")
    pathlib.Path(at("sshd/config")).write_text(f"Include {at('sshd/mayfly.conf')}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {at('sshd/host_key')}\nPidFile {at('sshd/pid')}\n"
                                               f"LogLevel VERBOSE\n{PLAIN_SSHD}PermitRootLogin prohibit-password\n")
    if os.getuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def token():
        (world.dir / "token").write_text(world.must("mayfly", "token", "create", "--node", "db-7", "--owner", "alice", "--label", "env=dev").stdout)

    def enroll(folder, url=None):
        return world.run("mayfly-agent", "enroll", url or world.url, "--fingerprint", world.fingerprint, "--token-file", "token", "--dir", folder, "--sshd-program", sshd, "--sshd-config",
                         at("sshd/config"), "--drop-in", at("sshd/mayfly.conf"), "--trust-dir", at("trust"), "--host-key", at("sshd/host_key"), "--reload-pid-file", at("sshd/pid"), "--mode", "only")

    # ---- the answer to an enrolment is lost ------------------------------------------------------------------------------------
    token()

    def post(path, body):
        """A call by hand whose answer nobody reads."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port_of_ca)) as raw, context.wrap_socket(raw) as tls:
            text = json.dumps(body).encode()
            tls.sendall(b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (path.encode(), port_of_ca, len(text)) + text)
            return tls.recv(65536).decode()

    def csr_for(key):
        world.must("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "raw.key")
        world.must("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "raw.key", "-out", key)
        return world.must("openssl", "req", "-new", "-key", key, "-subj", "/").stdout

    secret = (world.dir / "token").read_text().split()[0]
    os.makedirs(world.dir / "agent", mode=0o700)
    csr = csr_for("agent/node.next.key")
    (world.dir / "agent/node.next.key").chmod(0o600)
    assert " 200 " in post("/v1/enroll", {"token": secret, "csr": csr}).split("\r\n")[0]
    stolen = post("/v1/enroll", {"token": secret, "csr": csr_for("thief.key")})
    assert " 401 " in stolen.split("\r\n")[0] and "E-TOKEN" in stolen, stolen
    expect(enroll("agent"), 0, "enrolled")  # the same key again: a new answer
    expect(enroll("another"), 4, "E-TOKEN")  # with a key of its own

    agent_toml = world.dir / "agent/agent.toml"
    text = agent_toml.read_text().replace('poll = "1m"', 'poll = "1s"').replace('sshd_log = "journal"', f'sshd_log = "{at("sshd/log")}"\nplain = true')
    text = text.replace('every = "1h"', f'every = "1h"\netc = "{at("etc")}"')
    assert text.count("1s") == 1 and "plain = true" in text and "etc = " in text, text
    agent_toml.write_text(text)
    agent_log = world.dir / "agent.log"

    def start_agent():
        process = subprocess.Popen(["mayfly-agent", "run", "--config", str(agent_toml)], cwd=world.dir, env=world.env, stdout=open(agent_log, "ab"), stderr=subprocess.STDOUT)
        processes.append(process)
        return process

    def status():
        done = world.run("mayfly-agent", "status", "--config", str(agent_toml), "-o", "json")
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}

    agent = start_agent()
    wait_until("the agent's first set", lambda: pathlib.Path(at("trust/current/user_ca.pub")).exists())
    processes.append(subprocess.Popen([sshd, "-D", "-f", at("sshd/config"), "-E", at("sshd/log")]))
    wait_until("sshd", lambda: pathlib.Path(at("sshd/pid")).exists())

    # ---- what stands there ---------------------------------------------------------------------------------------------------------
    found = lambda *argv: json.loads(expect(alice("-o", "json", "inventory", "found", *argv), 0).stdout)  # noqa: E731
    wait_until("what was found", lambda: found("--node", "db-7"))
    # The first look was before our settings were in effect; they are a change that is looked at.
    look = lambda: {(one["kind"], one.get("account", "")): one for one in found()}  # noqa: E731
    wait_until("the key opens nothing any more", lambda: not look()["authorized-key", "deploy"].get("effective"))
    things = look()
    key = things["authorized-key", "deploy"]
    assert (key["proposed"], key["basis"]) == ("alice", "enrolled-key") and key["state"] == "open", key
    assert things["root-account", "deploy"]["detail"] == "sudo: ALL, no password, by group sudo", things
    assert things["password", "deploy"]["detail"] == "set" and things["private-key", "deploy"]["detail"] == "no passphrase", things
    assert things["unread", "deploy"]["place"].endswith("/known_hosts"), things
    expect(alice("inventory", "found"), 0, "alice? (enrolled-key)", "opens nothing now")
    short = key["id"][:key["id"].index("/") + 9]
    expect(alice("--dry-run", "inventory", "accept", short), 0, "would be done")
    expect(alice("inventory", "accept", short, "--reason", "hers, until she moves"), 0, "alice answers for authorized-key")
    expect(alice("inventory", "accept", things["password", "deploy"]["id"], "--owner", "nobody"), 1, "E-OWNER-UNKNOWN")
    expect(alice("inventory", "dismiss", things["password", "deploy"]["id"]), 2)
    expect(alice("inventory", "dismiss", things["password", "deploy"]["id"], "--reason", "console only"), 0)
    expect(alice("inventory", "dismiss", "db-7/ffffffff", "--reason", "x"), 1, "E-FOUND-GONE")
    assert {one["state"] for one in found("--all")} == {"open", "accepted", "dismissed"}
    # Somebody who answers for something else sees none of it, and can decide on none of it.
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "bob")
    expect(alice("owner", "create", "bob"), 0)
    expect(alice("identity", "create", "human/bob", "--owner", "bob", "--key", "bob.pub"), 0)
    bobs = dict(world.env)
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        bobs[variable] = f"{world.env[variable]}-bob"
    bob = lambda *argv: subprocess.run(("mayfly",) + argv, cwd=world.dir, env=bobs, capture_output=True, text=True, timeout=60)  # noqa: E731
    expect(bob("bootstrap", world.url, "--fingerprint", world.fingerprint), 0)
    expect(bob("login", "--key", "bob"), 0)
    assert json.loads(expect(bob("-o", "json", "inventory", "found"), 0).stdout) == []
    expect(bob("inventory", "dismiss", key["id"], "--reason", "mine now"), 1, "E-FOUND-GONE")
    # No secret and no hash has left the node.
    for place in (world.dir / "ca").glob("mayfly.db*"):
        assert b"$y$j9T" not in place.read_bytes(), place

    # ---- somebody adds a line: told, and harmless ---------------------------------------------------------------------------------
    with open(at("home/deploy/.ssh/authorized_keys"), "a") as file:
        file.write(f"{KEY} mallory@elsewhere\n")
    drift = lambda: [event for event in world.entries() if event["type"] == "found.drift"]  # noqa: E731
    wait_until("the drift is told", drift)
    (told,) = drift()
    (item,) = told["data"]["items"]
    assert item["kind"] == "authorized-key" and item["fingerprint"] == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", item
    assert told["data"]["notify"] == ["alice"] and item["effective"] is False, told
    wait_until("status says it", lambda: status()[1]["found"]["appeared_since_first_look"] == 1)
    assert item["fingerprint"] in status()[1]["found"]["appeared"][0]
    pathlib.Path(at("home/deploy/.ssh/authorized_keys")).write_text(f"{alices}\n")
    wait_until("that it went is told", lambda: [event for event in world.entries() if event["type"] == "found.gone"])

    # ---- a role that is lost ends what is open -----------------------------------------------------------------------------------
    for name in ("ops", "quiet", "spare"):
        expect(alice("ssh", "cert", "--role", "ops" if name == "spare" else name, "--out", name), 0)

    def session(name):
        process = subprocess.Popen(["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", name, "-p",
                                    str(port), "-l", ACCOUNT, "127.0.0.1", "echo open; exec sleep 3600"], cwd=world.dir, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        processes.append(process)
        assert process.stdout.readline() == "open\n", pathlib.Path(at("sshd/log")).read_text()[-2000:]
        return process

    open_now = lambda: {one["serial"] for one in json.loads(expect(alice("-o", "json", "session", "list", "--open"), 0).stdout)}  # noqa: E731
    serial = lambda name: expect(alice("-o", "name", "inspect", f"{name}-cert.pub"), 0).stdout.strip()  # noqa: E731
    sessions = {name: session(name) for name in ("ops", "quiet", "spare")}
    wait_until("three sessions are known", lambda: len(open_now()) == 3)
    expect(alice("revoke", serial("ops"), "--issuer", "ssh-user", "--reason", "a test"), 0)
    expect(alice("revoke", serial("quiet"), "--issuer", "ssh-user", "--reason", "a test"), 0)
    wait_until("the session of the revoked certificate ends", lambda: sessions["ops"].poll() is not None)
    wait_until("its end is told", lambda: len(open_now()) == 2)
    ended = [event for event in world.entries() if event["type"] == "session.closed" and event["data"]["end"] == "ended"]
    assert len(ended) == 1, ended
    # The role that does not say so keeps what is open, and another certificate of the same role and person is not this one.
    assert sessions["quiet"].poll() is None and sessions["spare"].poll() is None
    expect(alice("identity", "create", "human/carol", "--owner", "alice"), 0)
    grants = json.loads(expect(alice("-o", "json", "role", "grants"), 0).stdout)
    (ops,) = [grant["id"] for grant in grants if grant["role"] == "ops" and grant["identity"] == "human/alice"]
    expect(alice("revoke", "--grant", ops, "--reason", "the role is lost"), 0)
    wait_until("what was open in the role ends", lambda: sessions["spare"].poll() is not None)
    assert sessions["quiet"].poll() is None, "the role that does not say so keeps what is open"
    wait_until("status counts them", lambda: status()[1]["sessions_ended"] == 2)
    assert status()[0] == 0 and status()[1]["standing"] == "ok", status()

    # ---- doctor ------------------------------------------------------------------------------------------------------------------
    doctor = lambda *argv: world.run("mayfly-agent", "doctor", "--config", str(agent_toml), *argv)  # noqa: E731
    done = doctor()
    assert "✓ identity: valid until" in done.stdout and "✓ CA: answers" in done.stdout and "✓ sshd: every setting" in done.stdout, done.stdout
    original = pathlib.Path(at("sshd/config")).read_text()
    pathlib.Path(at("sshd/first.conf")).write_text("Match all\n    PasswordAuthentication yes\n")
    pathlib.Path(at("sshd/config")).write_text(f"Include {at('sshd/first.conf')}\n" + original)
    expect(doctor(), 1, "passwordauthentication is not in effect", "fix: the drop-in must be included before")
    broken = [one for one in json.loads(doctor("-o", "json").stdout) if one["grade"] == "wrong"]
    assert broken and all(one["fix"] for one in broken), broken
    pathlib.Path(at("sshd/config")).write_text(original)

    # ---- the CA is away ------------------------------------------------------------------------------------------------------------
    login = lambda name: world.run("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", name, "-p",  # noqa: E731
                                   str(port), "-l", ACCOUNT, "127.0.0.1", "true").returncode == 0
    expect(alice("ssh", "cert", "--role", "quiet", "--out", "later"), 0)
    world.stop()
    wait_until("offline", lambda: status()[0] == 8)
    done = world.run("mayfly-agent", "status", "--config", str(agent_toml))
    assert done.stdout.startswith("offline since ") and "why: cannot reach the CA" in done.stdout and "fix: " in done.stdout, done.stdout
    assert login("later"), "valid certificates go on working"
    world.start(port=port_of_ca)
    wait_until("ok again", lambda: status()[0] == 0)

    # ---- a copy of the machine ---------------------------------------------------------------------------------------------------
    agent.terminate()
    agent.wait(timeout=20)
    shutil.copytree(world.dir / "agent", world.dir / "copy")
    copy_toml = world.dir / "copy/agent.toml"

    def renew(folder):
        """One renewal, as the agent does it, by hand; the answer's status and body."""
        csr = csr_for(f"{folder}/node.next.key")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(world.dir / folder / "node.pem", world.dir / folder / "node.key")
        with socket.create_connection(("127.0.0.1", port_of_ca)) as raw, context.wrap_socket(raw) as tls:
            text = json.dumps({"csr": csr}).encode()
            tls.sendall(b"POST /v1/node/renew HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (port_of_ca, len(text)) + text)
            answer = b""
            while chunk := tls.recv(65536):
                answer += chunk
        head, body = answer.decode().split("\r\n\r\n", 1)
        return int(head.split()[1]), json.loads(body)

    once = lambda toml: world.run("mayfly-agent", "run", "--once", "--config", str(toml))  # noqa: E731
    code, reply = renew("agent")
    assert code == 200, reply
    # The agent was killed here: certificate replaced, key not. It finds the key beside it.
    (world.dir / "agent/node.pem").write_text(reply["certificate"] + reply["chain"])
    expect(once(agent_toml), 0)
    assert not (world.dir / "agent/node.next.key").exists()
    code, reply = renew("copy")
    assert code == 403 and reply["id"] == "E-NODE-CLONE", (code, reply)
    cloned = [event for event in world.entries() if event["type"] == "node.cloned"]
    assert len(cloned) == 1 and cloned[0]["data"]["notify"] == ["alice"], cloned
    once(copy_toml)
    assert world.run("mayfly-agent", "status", "--config", str(copy_toml)).returncode == 5
    expect(once(agent_toml), 0)  # the other goes on

    # ---- away for longer than its identity lives ---------------------------------------------------------------------------------
    # The signer's clock is nobody's to set, so here lives are short instead.
    def rules(life, grace):
        world.stop()
        (world.dir / "ca/policy.toml").write_text(POLICY.replace("[limits]", f"[limits]\nnode = \"{life}\"").replace("2h", grace))
        world.start(port=port_of_ca)

    def join():
        token()
        expect(enroll("agent"), 0)
        agent_toml.write_text(text)

    def outlive():
        """Until the identity of this node has ended."""
        until = datetime.datetime.fromisoformat(status()[1]["identity_until"])
        wait_until("the identity ends", lambda: datetime.datetime.now(datetime.timezone.utc) > until + datetime.timedelta(seconds=2), 120)

    assert 'renew_grace = "2h"' in POLICY
    rules("15s", "2h")
    join()
    expect(once(agent_toml), 0)
    world.stop()
    outlive()
    once(agent_toml)
    done = world.run("mayfly-agent", "status", "--config", str(agent_toml))
    assert done.returncode == 4 and "renew_grace" in done.stdout, done.stdout
    world.start(port=port_of_ca)
    expect(once(agent_toml), 0)
    assert status()[0] == 0, status()
    assert [event for event in world.entries() if event["type"] == "node.returned"], "its return is in the log"
    # Away for longer than the grace, it joins again.
    rules("15s", "1s")
    outlive()
    once(agent_toml)
    done = world.run("mayfly-agent", "status", "--config", str(agent_toml))
    assert done.returncode == 4 and "does not renew it" in done.stdout, done.stdout
    rules("24h", "2h")
    join()
    expect(once(agent_toml), 0)

    # ---- its clock is wrong: said, and not mistaken for another CA ----------------------------------------------------------------
    clock = Clock(world.dir)
    env = world.env
    for hours, word in ((-72, "behind"), (144, "ahead of")):
        clock.forward(hours * 3600)
        world.env = dict(env, **clock.environment())
        once(agent_toml)
        done = world.run("mayfly-agent", "status", "--config", str(agent_toml))
        assert done.returncode == 9 and f"s {word} the CA's" in done.stdout, done.stdout
        expect(doctor(), 1, "clock-skewed")
    world.env = env
    expect(once(agent_toml), 0)
    assert status()[0] == 0, status()
    print(f"{len(checked)} passed, 0 failed")
except BaseException:
    for log in ("ca.log", "agent.log", "host/sshd/log"):
        if (world.dir / log).exists():
            print(f"--- {log}\n{(world.dir / log).read_text()[-3000:]}", file=sys.stderr)
    raise
finally:
    for process in processes:
        process.kill()
        process.wait()
    world.close()
