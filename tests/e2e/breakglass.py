#!/usr/bin/env python3
"""Break-glass on a real sshd. First with the CA, its database and the agent gone: shares, unseal, a login; then the CA is back,
the use is in the log, its record and its review are owed, and a use without a record raises the alarm. Then the ordinary
break-glass of a role, alone and with a second person."""
import getpass
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node  # noqa: E402
from waiting import wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

ACCOUNT = getpass.getuser()
ROLE = """
[[role]]
name = "{name}"
owner = "{owner}"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{account}"]
nodes = {{ env = "dev" }}
[role.breakglass]
lifetime = "10m"
second_person = {second}
review_within = "{within}"
"""
POLICY = ("version = 1\n[[role]]\nname = \"ops\"\nowner = \"alice\"\nmax_lifetime = \"1h\"\nrisk = \"high\"\nseparation = \"reviewed\"\n"
          f"[role.ssh]\naccounts = [\"{ACCOUNT}\"]\nnodes = {{ env = \"dev\" }}\n"
          + ROLE.format(name="db-root", owner="bob", account=ACCOUNT, second="false", within="24h")
          + ROLE.format(name="vault-root", owner="bob", account=ACCOUNT, second="true", within="24h")
          + ROLE.format(name="hasty", owner="bob", account=ACCOUNT, second="false", within="1s"))


world = World(POLICY)
node = None
try:
    alice = lambda *argv: world.run("mayfly", *argv)  # noqa: E731

    def person(name):
        """Somebody else, with a configuration of their own."""
        env = dict(world.env)
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            env[variable] = f"{world.env[variable]}-{name}"
        return lambda *argv: subprocess.run(("mayfly",) + argv, cwd=world.dir, env=env, capture_output=True, text=True, timeout=60)

    config = world.dir / "ca/ca.toml"
    config.write_text(config.read_text().replace('grace = "1h"', 'grace = "1s"'))
    assert 'grace = "1s"' in config.read_text()
    world.start()
    world.login()
    port_of_ca = int(world.url.rsplit(":", 1)[1])
    people = {}
    for name in ("bob", "carol"):
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name)
        expect(alice("owner", "create", name), 0)
        expect(alice("identity", "create", f"human/{name}", "--owner", name, "--key", f"{name}.pub"), 0)
        people[name] = person(name)
        expect(people[name]("bootstrap", world.url, "--fingerprint", world.fingerprint), 0)
        expect(people[name]("login", "--key", name), 0)
    bob, carol = people["bob"], people["carol"]

    # ---- the day of the ceremony: no CA is needed for it -------------------------------------------------------------------
    for name in ("alice", "bob", "carol"):
        (world.dir / f"{name}.words").write_text(f"the long words of {name}\n")
        (world.dir / f"{name}.words").chmod(0o600)
    words = lambda *names: [part for name in names for part in ("--passphrase-file", f"{name}={name}.words")]  # noqa: E731
    made = expect(alice("breakglass", "shares", "create", "--trust-domain", "test.internal", "--threshold", "2", "--holder", "alice", "--holder", "bob", "--holder", "carol", "--account", ACCOUNT,
                        "--node", "db-7", "--node", "db-8", "--out", "shares", "--insecure-fast-seal", *words("alice", "bob", "carol")), 0, "2 of 3 shares")
    share = {name: f"shares/share-{number}-{name}.json" for number, name in enumerate(("alice", "bob", "carol"), 1)}
    for path in share.values():
        assert (world.dir / path).stat().st_mode & 0o777 == 0o600
    expect(alice("breakglass", "shares", "list", *share.values()), 0, "2 of 3", "carol")
    expect(alice("breakglass", "shares", "verify", share["bob"], "--envelope", "shares/envelope.json", *words("bob")), 0, "opens and belongs")
    expect(alice("breakglass", "shares", "verify", share["bob"], "--passphrase-file", "bob=alice.words"), 5, "E-UNSEAL")
    expect(alice("--no-input", "breakglass", "shares", "verify", share["bob"]), 2, "E-PASSPHRASE")
    expect(alice("breakglass", "shares", "create", "--trust-domain", "test.internal", "--threshold", "1", "--holder", "alice", "--account", ACCOUNT, "--node", "any", "--out", "one", *words("alice")), 2,
           "E-BREAKGLASS-ENVELOPE")
    # Only the platform's people tell nodes what to trust.
    expect(carol("breakglass", "envelope", "publish", "shares/envelope.json"), 5, "E-DUTY")
    expect(alice("breakglass", "envelope", "publish", "shares/envelope.json"), 0, "nodes trust")
    expect(alice("breakglass", "envelope", "publish", "shares/envelope.json"), 1, "E-BREAKGLASS-PUBLISHED")
    expect(carol("breakglass", "envelope", "show"), 0, "2 of 3: alice, bob, carol")

    # ---- a node ------------------------------------------------------------------------------------------------------------
    node = Node(world, "db-7", report=True)
    at = node.at
    keys_file = node.dir / f"trust/current/breakglass/{ACCOUNT}"
    wait_until("the agent's first set", keys_file.exists)
    assert keys_file.read_text().startswith(f'cert-authority,principals="breakglass.{ACCOUNT}@db-7",restrict,pty,expiry-time='), keys_file.read_text()

    login = lambda name, certificate=None, command="true": node.login(ACCOUNT, name, certificate, command)  # noqa: E731
    opens = lambda *argv: login(*argv).returncode == 0  # noqa: E731
    log_words = lambda: node.words()[-2000:]  # noqa: E731

    # An ordinary session first: what it was used for is known by identity, role and grant.
    expect(alice("role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test"), 0)
    expect(alice("ssh", "cert", "--role", "ops", "--out", "daily"), 0)
    assert opens("daily"), log_words()
    sessions = lambda *argv: json.loads(expect(alice("-o", "json", "session", "list", *argv), 0).stdout)  # noqa: E731
    wait_until("the session is reported, and its end", lambda: [one for one in sessions("--identity", "human/alice") if one.get("closed")])
    daily = sessions("--identity", "human/alice")[0]
    assert (daily["role"], daily["node"], daily["account"], daily["end"], daily["authority"]) == ("ops", "db-7", ACCOUNT, "disconnected", "mayfly"), daily
    expect(alice("session", "show", daily["id"]), 0, "human/alice", daily["key_id"])

    # ---- CA, database and agent are gone ---------------------------------------------------------------------------------
    node.process.terminate()
    node.process.wait(timeout=20)
    world.stop(signal.SIGKILL)
    os.rename(world.dir / "ca", world.dir / "gone")
    assert alice("breakglass", "list").returncode == 8
    assert opens("daily"), "valid certificates go on working"
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "outsider")
    world.must("ssh-keygen", "-q", "-s", "outsider", "-I", "me", "-n", "ops", "-V", "+1h", "outsider.pub")
    assert not opens("outsider") and not opens("outsider", "daily-cert.pub"), "and nothing else does"

    started = time.monotonic()
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "night")
    unseal = lambda *more, node="db-7", out="night-cert.pub", record="records", shares=("alice", "carol"), envelope="shares/envelope.json", by="alice": alice(  # noqa: E731
        "breakglass", "unseal", *[part for name in shares for part in ("--share", share.get(name, name))], "--envelope", envelope, "--node", node, "--account", ACCOUNT, "--key", "night.pub", "--reason",
        "the database is down and nobody can log in", "--by", by, "--out", out, "--record", record, *words("alice", "bob", "carol"), *more)
    expect(unseal("--ttl", "10m"), 0, "breakglass-offline/alice/db-7/b-", "a review is owed")
    opened = login("night", command="echo open")
    assert opened.stdout == "open\n", opened.stderr + log_words()
    took = time.monotonic() - started
    assert took < 30, took
    print(f"with CA, database and agent gone a login was open after {took:.1f} s of commands")

    # What the envelope does not allow, and what is wrong with shares: each with its own words, none with a certificate.
    refused = lambda done, code, word: expect(done, code, word)  # noqa: E731
    refused(unseal("--ttl", "16m", out="no"), 5, "E-BREAKGLASS-TTL")
    refused(unseal(node="web-1", out="no"), 5, "E-BREAKGLASS-NODE")
    refused(unseal(shares=("alice",), out="no"), 5, "E-SHARE-FEW")
    refused(unseal(shares=("alice", "alice"), out="no"), 5, "E-SHARE-TWICE")
    refused(unseal("--passphrase-file", "alice=bob.words", out="no"), 2, "given twice")
    refused(unseal(), 1, "E-FILE-EXISTS")
    expect(alice("breakglass", "shares", "create", "--trust-domain", "test.internal", "--threshold", "2", "--holder", "alice", "--holder", "bob", "--account", ACCOUNT, "--node", "any", "--out", "other",
                 "--insecure-fast-seal", *words("alice", "bob")), 0)
    refused(unseal(shares=("alice", "other/share-2-bob.json"), out="no"), 5, "E-SHARE-MIXED")
    refused(unseal(envelope="other/envelope.json", out="no"), 5, "E-SHARE-MIXED")
    envelope = (world.dir / "shares/envelope.json").read_text()
    (world.dir / "changed.json").write_text(envelope.replace('"15m"', '"45m"'))
    refused(unseal(envelope="changed.json", out="no"), 10, "E-BREAKGLASS-CHANGED")
    lines = (world.dir / "records").read_text()
    (world.dir / "forged").write_text(lines.replace("nobody can log in", "all is well"))
    refused(unseal(record="forged", out="no"), 10, "E-BREAKGLASS-RECORD")
    assert not (world.dir / "no").exists()
    # For another node: sshd here refuses it. By other shares: a certificate that nodes of this CA never heard of.
    expect(unseal(node="db-8", out="other-node"), 0)
    assert not opens("night", "other-node"), log_words()
    share.update(alice="other/share-1-alice.json", bob="other/share-2-bob.json")
    expect(unseal(shares=("alice", "bob"), envelope="other/envelope.json", out="stranger", record="stranger-records"), 0)
    assert not opens("night", "stranger"), log_words()
    share.update(alice="shares/share-1-alice.json", bob="shares/share-2-bob.json")
    # Somebody keeps their record to themselves.
    expect(unseal(out="hidden", record="hidden-records", shares=("bob", "carol"), by="carol"), 0)
    assert opens("night", "hidden"), log_words()

    # ---- they are back ---------------------------------------------------------------------------------------------------
    os.rename(world.dir / "gone", world.dir / "ca")
    world.start(port=port_of_ca)
    node.start()
    node.processes.append(node.process)
    glass_sessions = lambda: [one for one in sessions("--node", "db-7") if one["authority"] == "breakglass"]  # noqa: E731
    wait_until("both emergency uses are reported", lambda: len([one for one in glass_sessions() if one.get("closed")]) == 2)
    assert not [one for one in glass_sessions() if one.get("record")], "no record is known yet"
    expect(alice("session", "list"), 0, "UNRECORDED")
    done = expect(alice("breakglass", "reconcile", "--record", "records"), 0, "2 records new", "explain 1 sessions")
    expect(carol("breakglass", "reconcile", "--record", "records"), 0, "0 records new, 2 known")
    expect(alice("breakglass", "reconcile", "--record", "forged"), 5, "E-BREAKGLASS-RECORD")
    expect(alice("breakglass", "reconcile", "--record", "stranger-records"), 1, "E-BREAKGLASS-NONE")
    (world.dir / "tail").write_text((world.dir / "records").read_text().splitlines(True)[1])
    expect(alice("breakglass", "reconcile", "--record", "tail"), 0, "1 known")

    # The use that nobody recorded is an alarm, and stays one only until its record is there.
    unrecorded = lambda: [event for event in world.entries() if event["type"] == "breakglass.unrecorded"]  # noqa: E731

    def alarm():
        world.ca.send_signal(signal.SIGHUP)
        return unrecorded()

    wait_until("the alarm", alarm)
    (found,) = unrecorded()
    assert found["data"]["key_id"].startswith("breakglass-offline/carol/db-7/") and found["data"]["notify"] == ["alice"], found
    alarm(), alarm()
    assert len(unrecorded()) == 1, "one alarm for one use"

    # The review: owed, by somebody else, with the session beside the reason.
    owed = json.loads(expect(alice("-o", "json", "breakglass", "list", "--unreviewed"), 0).stdout)
    (used,) = [one for one in owed if one.get("sessions")]
    assert (used["by"], used["node"], used["state"], used["reason"]) == ("alice", "db-7", "owed", "the database is down and nobody can log in"), used
    assert used["holders"] == ["alice", "carol"] and used["reviewer"] in ("bob", "carol"), used
    expect(alice("breakglass", "show", used["id"]), 0, "the database is down", f"session    {ACCOUNT}@db-7 from 127.0.0.1")
    expect(alice("breakglass", "review", used["id"], "--outcome", "justified", "--comment", "I was right"), 5, "E-REVIEW-SELF")
    other = people[used["reviewer"]]
    expect(other("breakglass", "review", used["id"], "--outcome", "fine", "--comment", "x"), 2)
    expect(other("breakglass", "review", used["id"], "--outcome", "policy-gap", "--comment", "ops should reach it without this"), 0)
    expect(other("breakglass", "review", used["id"], "--outcome", "abuse", "--comment", "on second thoughts"), 1, "E-REVIEW-DONE")
    expect(alice("breakglass", "list"), 0, "policy-gap")
    for other_use in owed:
        if other_use["id"] != used["id"]:
            expect(bob("breakglass", "review", other_use["id"], "--outcome", "justified", "--comment", "a drill") if other_use["reviewer"] == "bob"
                   else carol("breakglass", "review", other_use["id"], "--outcome", "justified", "--comment", "a drill"), 0)
    types = {event["type"] for event in world.entries()}
    assert {"breakglass.published", "breakglass.used", "session.opened", "session.closed", "breakglass.recorded", "breakglass.unrecorded", "breakglass.reviewed"} <= types, types
    # The same spool is never told twice.
    opened_events = [event["data"]["session"] for event in world.entries() if event["type"] == "session.opened"]
    assert len(opened_events) == len(set(opened_events)), opened_events

    # A share is lost: nodes stop trusting the key though its certificate still stands.
    expect(unseal(out="still-good", record="records"), 0)
    assert opens("night", "still-good"), log_words()
    expect(bob("breakglass", "envelope", "withdraw", "--reason", "bob lost his share"), 0)
    wait_until("the node forgets the key", lambda: not opens("night", "still-good"))
    wait_until("the file is gone", lambda: not keys_file.exists())
    assert "AuthorizedKeysFile none" in pathlib.Path(at("mayfly.conf")).read_text()
    expect(alice("breakglass", "envelope", "show"), 1, "E-BREAKGLASS-NONE")
    assert opens("daily"), log_words()

    # ---- while the CA is there: the glass of a role ----------------------------------------------------------------------
    expect(alice("breakglass", "open", "ops", "--node", "db-7", "--reason", "x", "--out", "a"), 5, "E-BREAKGLASS-ROLE")
    expect(alice("breakglass", "open", "db-root", "--node", "db-7", "--reason", "x", "--out", "a"), 5, "E-BREAKGLASS-IDENTITY")
    for name in ("alice", "carol"):
        expect(alice("identity", "create", f"breakglass/{name}", "--owner", name, "--purpose", "nights"), 0)
    for role in ("db-root", "vault-root", "hasty"):
        expect(bob("role", "grant", role, "breakglass/alice", "--for", "30d", "--reason", "on call"), 0)
    expect(bob("role", "grant", "hasty", "breakglass/carol", "--for", "30d", "--reason", "on call"), 0)
    # The identity holds nothing until it is opened, and the person does not hold it at all.
    expect(alice("ssh", "cert", "--role", "db-root", "--node", "db-7", "--out", "a"), 5, "E-ROLE-NOT-HELD")
    expect(alice("breakglass", "open", "db-root", "--node", "db-7", "--reason", "", "--out", "a"), 2, "E-REASON")
    expect(alice("breakglass", "open", "db-root", "--node", "db-7", "--reason", "disk full", "--for", "1h", "--out", "a"), 5, "E-BREAKGLASS-TTL")
    expect(alice("breakglass", "open", "db-root", "--node", "db-7", "--reason", "disk full", "--out", "glass"), 0, "breakglass/alice/db-root")
    assert opens("glass"), log_words()
    expect(alice("breakglass", "open", "db-root", "--node", "db-7", "--reason", "again", "--out", "b"), 1, "E-BREAKGLASS-OPEN")
    shown = world.must("ssh-keygen", "-L", "-f", "glass-cert.pub").stdout
    assert "db-root@db-7" in shown and "db-8" not in shown, shown
    (broken,) = [event for event in world.entries() if event["type"] == "breakglass.opened"]
    events = world.entries()
    order = [event["type"] for event in events if event["subject"] == "breakglass/alice" and event["type"] in ("breakglass.opened", "certificate.intent", "certificate.issued")]
    assert order == ["breakglass.opened", "certificate.intent", "certificate.issued"], order
    assert broken["data"]["notify"] == ["bob"] and broken["data"]["reviewer"] == "bob" and broken["actor"] == "human/alice", broken
    glass = broken["data"]["glass"]
    expect(carol("breakglass", "certificate", glass, "--out", "c"), 5, "E-BREAKGLASS-UNKNOWN")
    expect(carol("breakglass", "close", glass), 5, "E-DUTY")
    wait_until("its session is beside it", lambda: json.loads(alice("-o", "json", "breakglass", "show", glass).stdout).get("sessions"))
    expect(alice("breakglass", "close", glass), 0)
    expect(alice("breakglass", "certificate", glass, "--out", "d"), 5, "E-BREAKGLASS-CLOSED")
    wait_until("its certificate is revoked", lambda: not opens("glass"))
    expect(alice("breakglass", "review", glass, "--outcome", "justified", "--comment", "mine"), 5, "E-REVIEW-SELF")
    expect(carol("breakglass", "review", glass, "--outcome", "justified", "--comment", "not asked"), 5, "E-DUTY")
    expect(bob("breakglass", "review", glass, "--outcome", "justified", "--comment", "the disk was full"), 0)

    # Two people: naming somebody is not their word, and one's own other names are oneself.
    expect(alice("breakglass", "open", "vault-root", "--node", "db-7", "--reason", "sealed", "--second", "alice", "--out", "e"), 5, "E-BREAKGLASS-SECOND")
    waiting = expect(alice("-o", "name", "breakglass", "open", "vault-root", "--node", "db-7", "--reason", "sealed", "--second", "carol", "--out", "e"), 6).stdout.strip()
    expect(alice("breakglass", "join", waiting), 5, "E-BREAKGLASS-SECOND")
    expect(bob("breakglass", "join", waiting), 5, "E-BREAKGLASS-SECOND")
    both = expect(carol("-o", "name", "breakglass", "join", waiting), 0).stdout.strip()
    expect(carol("breakglass", "join", waiting), 1, "E-BREAKGLASS-WAIT")
    expect(carol("breakglass", "certificate", both, "--out", "f"), 5, "E-BREAKGLASS-UNKNOWN")
    expect(alice("breakglass", "certificate", both, "--out", "two"), 0)
    assert opens("two"), log_words()
    expect(carol("breakglass", "review", both, "--outcome", "justified", "--comment", "I was there"), 5, "E-REVIEW-SELF")

    # A review that is overdue blocks the person and the role.
    late = expect(carol("-o", "name", "breakglass", "open", "hasty", "--node", "db-7", "--reason", "quick", "--out", "g"), 0).stdout.strip()

    def overdue():
        world.ca.send_signal(signal.SIGHUP)
        return [event for event in world.entries() if event["type"] == "breakglass.overdue"]

    wait_until("the review is overdue", overdue)
    expect(alice("breakglass", "open", "hasty", "--node", "db-7", "--reason", "the role is blocked", "--out", "h"), 5, "E-REVIEW-OVERDUE", "hasty")
    expect(carol("breakglass", "close", late), 0)
    expect(carol("breakglass", "open", "hasty", "--node", "db-7", "--reason", "so am I", "--out", "h"), 5, "E-REVIEW-OVERDUE", "carol")
    expect(alice("breakglass", "list", "--unreviewed"), 0, "OVERDUE")
    expect(bob("breakglass", "review", late, "--outcome", "abuse", "--comment", "nothing was broken"), 0)
    expect(alice("breakglass", "open", "hasty", "--node", "db-7", "--reason", "open again", "--out", "h"), 0)
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
