#!/usr/bin/env python3
"""The nine questions of an auditor, asked of the real programs about moments that are past: who had it, whose it was,
what it opened, why, approved by whom, until when, used, removed by whom, and could anyone else. Then the reports, and
that a report that somebody touched is found out."""
import datetime
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from nodes import Node  # noqa: E402
from person import Person  # noqa: E402
from world import World, checked, expect  # noqa: E402

POLICY = """
version = 1
[[role]]
name = "db-admin"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = "owner"
open_to = ["person:bob"]
[role.ssh]
accounts = ["root"]
nodes = { env = "prod" }
extensions = ["permit-pty", "permit-port-forwarding"]
[[role]]
name = "deploy"
owner = "alice"
max_lifetime = "8h"
risk = "medium"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
extensions = ["permit-pty", "permit-user-rc"]
"""

world = World(POLICY)


def moment():
    """A second that lies between what was before and what comes after: the log is dated in whole seconds."""
    now = datetime.datetime.now(datetime.timezone.utc)
    end = now.replace(microsecond=0) + datetime.timedelta(seconds=2)
    while datetime.datetime.now(datetime.timezone.utc) < end:
        time.sleep(0.05)  # a poll of what we wait for: the clock itself
    return (end - datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


try:
    world.start()
    world.login()
    bob, carol, ann = Person(world, "bob"), Person(world, "carol"), Person(world, "ann", "--duty", "auditor")
    Node(world, "db-7", labels={"env": "prod"}, folder="node-before", hosts=["db-7"])
    nobody_yet = moment()
    request = bob.ask("db-admin", "--for", "45m", "--reason", "disk full on db-7")
    asked = moment()
    expect(carol.run("request", "approve", request, "--comment", "go"), 0)
    expect(bob.certify("db-admin", "--ttl", "20m"), 0)
    had_it = moment()
    expect(bob.run("request", "release", request), 0)
    released = moment()
    # The policy goes on; the past stays what it was.
    (world.dir / "next.toml").write_text(POLICY.replace('owner = "carol"', 'owner = "alice"').replace('max_lifetime = "1h"', 'max_lifetime = "30m"'))
    expect(world.run("mayfly", "policy", "apply", "-f", "next.toml", "--reason", "carol leaves"), 0, "in force: 2:")
    now = moment()

    explain = lambda at, *more: ann.run("explain", "human/bob", "db-admin", *(("--at", at) if at else ()), *more)  # noqa: E731
    who_can = lambda at, *more: ann.run("who-can", *(more or ("db-admin",)), *(("--at", at) if at else ()))  # noqa: E731

    def nine():
        """The table of docs/auditor.md, row by row, about the moment when it was held: what each command must say."""
        expect(who_can(had_it), 0, "human/bob", "permit", "request", "carol")  # 1 who
        expect(explain(had_it), 0, "its owner bob is active")  # 2 whose
        expect(explain(had_it, "--node", "db-7"), 0, "on db-7", "opens accounts: root", "permit, for at most 4")  # 3 what
        expect(explain(had_it), 0, "why: disk full on db-7")  # 4 why
        expect(explain(had_it), 0, "by carol", f"asked for as {request}", "carol: approve at")  # 5 approved by whom
        expect(explain(had_it), 0, "until 20")  # 6 until when
        expect(explain(had_it), 0, "used: 1 certificate(s), last 20")  # 7 used
        expect(explain(released), 6, "ended by human/bob at 20")  # 8 removed by whom
        expect(who_can(had_it, "db-7", "--kind", "node"), 0, "by db-admin, deploy", "human/bob", "may ask for db-admin: person:bob")  # 9 could anyone else
        # The same rows in full: what a later change must leave as it is, but for the number of the newest entry.
        asks = [explain(at, "-o", "json") for at in (asked, had_it, released)] + [explain(had_it, "--node", "db-7", "-o", "json")]
        asks += [who_can(at, *what, "-o", "json") for at in (nobody_yet, asked, had_it, released) for what in (("db-admin",), ("deploy",))]
        asks += [who_can(had_it, "db-7", "--kind", "node", "-o", "json"), who_can(had_it, "home", "--kind", "tenant", "-o", "json")]
        return [json.loads(done.stdout) for done in asks]

    then = nine()
    # And of now: nobody holds it, the release is told, a new approver is named.
    expect(who_can(None), 0, "db-admin: person:bob")
    assert json.loads(who_can(None, "db-admin", "-o", "json").stdout)["rows"] == []
    expect(explain(None), 6, "its owner bob is active", "why: disk full on db-7", "by carol", "until 20", "used: 1 certificate(s)", "ended by human/bob", "missing in stage 1: 1 of owner (alice)", "policy 2:")
    expect(explain(None, "--node", "db-7"), 6, "opens accounts: root")
    expect(who_can(None, "db-7", "--kind", "node"), 0, "by db-admin, deploy")

    rows = json.loads(who_can(had_it, "db-admin", "-o", "json").stdout)
    assert [row["identity"] for row in rows["rows"]] == ["human/bob"], rows
    assert rows["may_ask"] == ["db-admin: person:bob"] and rows["policy_version"].startswith("1:"), rows
    for at in (nobody_yet, asked, now):
        assert json.loads(who_can(at, "db-admin", "-o", "json").stdout)["rows"] == [], at
    told = expect(explain(had_it), 0).stdout
    assert "policy 1:" in told, told
    data = json.loads(explain(had_it, "-o", "json").stdout)
    assert data["grants"][0]["state"] == "active" and data["grants"][0]["serials"], data
    # Before it was approved, and before it was asked for: what was missing, and who could have given it.
    expect(explain(asked), 6, "needs an approved request", "missing in stage 1: 1 of owner (carol)")
    expect(explain(now), 6, "missing in stage 1: 1 of owner (alice)", "policy 2:")
    expect(explain(nobody_yet, "--node", "db-9"), 5, 'there is no node "db-9"')
    expect(ann.run("explain", "human/zoe", "db-admin"), 1, "E-IDENTITY-UNKNOWN")
    expect(ann.run("explain", "human/bob", "db-admin", "--at", "2999-01-01T00:00:00Z"), 2, "nobody knows")
    # People see what they answer for, and nobody else's.
    expect(bob.run("explain", "human/bob", "db-admin"), 6)
    expect(bob.run("explain", "human/carol", "db-admin"), 5, "E-DUTY")
    expect(bob.run("who-can", "db-admin"), 5, "E-DUTY")
    # What the answer rests on is in the log.
    for index in data["entries"]:
        expect(ann.run("audit", "prove", str(index)), 0)

    # Right-sizing.
    expect(world.run("mayfly", "role", "grant", "deploy", "human/bob", "--for", "30d", "--reason", "builds <b>&</b> =cmd()"), 0)
    expect(bob.run("ssh", "cert", "--role", "deploy", "--key", "home-bob/key", "--out", "home-bob/d.pub", "--ttl", "1h"), 0)
    expect(ann.run("role", "usage", "deploy"), 0, "1 certificate(s)", "the longest asked for was 1h", 'max_lifetime = "1h')

    # What a tighter policy would have meant.
    (world.dir / "tight.toml").write_text((world.dir / "next.toml").read_text().replace('max_lifetime = "8h"', 'max_lifetime = "10m"'))
    expect(world.run("mayfly", "policy", "diff", "-f", "tight.toml", "--replay", "30d"), 3, "max_lifetime: 8h → 10m", "loses", "human/bob in deploy", "E-ROLE-TTL")

    # Reports: each verifies offline, none of them if a byte of it was touched.
    for kind in ("access", "nhi", "reviews", "breakglass", "sod", "standing"):
        expect(ann.run("report", kind, "--out", f"reports/{kind}"), 0, "proven against the head")
        expect(world.run("mayfly", "report", "verify", f"reports/{kind}"), 0, kind)
    expect(bob.run("report", "access", "--out", "reports/none"), 5, "E-DUTY")
    rows = json.loads((world.dir / "reports/standing/report.json").read_text())["rows"]
    assert [(row["identity"], row["role"], row["risk"]) for row in rows] == [("human/bob", "deploy", "medium")], rows
    page = (world.dir / "reports/access/report.html").read_text()
    assert "<script" not in page and "http" not in page.replace("http-equiv", "") and "&lt;b&gt;&amp;" in page, page
    sod = json.loads((world.dir / "reports/sod/report.json").read_text())["rows"]
    assert sod[0]["words"] == "carol: approve" and sod[0]["finding"] == "", sod
    for name in ("report.csv", "report.json", "report.html", "evidence.jsonl", "checkpoint"):
        file = world.dir / "reports/access" / name
        good = file.read_bytes()
        file.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
        expect(world.run("mayfly", "report", "verify", "reports/access"), 10, "E-REPORT-DAMAGED")
        file.write_bytes(good)
    # A report whose hashes were made to fit still needs entries that are in the log.
    folder = world.dir / "reports/access"
    lines = (folder / "evidence.jsonl").read_text().splitlines()
    forged = json.loads(lines[0])
    forged["index"] += 1
    text = "\n".join([json.dumps(forged)] + lines[1:]) + "\n"
    (folder / "evidence.jsonl").write_text(text)
    import hashlib
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["evidence.jsonl"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    expect(world.run("mayfly", "report", "verify", "reports/access"), 10, "E-REPORT-DAMAGED", "evidence.jsonl:1")

    # Whatever becomes of them later, no answer about the past changes: he is revoked, she leaves, the node comes back as
    # another one's, and the rules go on.
    expect(world.run("mayfly", "revoke", "--identity", "human/bob", "--reason", "lost laptop"), 0)
    expect(world.run("mayfly", "owner", "disable", "carol", "--reason", "left the company", "--revoke"), 0)
    Node(world, "db-7", labels={"env": "dev"}, folder="node-after", hosts=["db-7"])
    expect(world.run("mayfly", "policy", "apply", "-f", "tight.toml", "--reason", "tighter"), 0, "in force: 3:")
    for before, after in zip(then, nine(), strict=True):
        assert before == after, f"{before}\n{after}"
    expect(explain(None), 5, "human/bob is suspended", "policy 3:")
    print(f"{len(checked)} facts about auditors' questions and reports")
finally:
    world.close()
