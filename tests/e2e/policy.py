#!/usr/bin/env python3
"""Policy as code with the real programs: a folder is validated and tested offline, compared with what is in force,
proposed, signed off by somebody else, and rolled back; what may not be is refused, and stands in the log."""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import World, checked, expect  # noqa: E402

BASE = """version = 1
[limits]
session = "4h"
"""


def role(name, owner, lines="", risk="low"):
    return f"""# what {name} is for
[[role]]
name = "{name}"
owner = "{owner}"
max_lifetime = "1h"
risk = "{risk}"
separation = "reviewed"
{lines}
[role.ssh]
accounts = ["deploy"]
nodes = {{ env = "dev" }}
"""


CASES = """
[[case]]
name = "ops is held by grant"
identity = "human/alice"
role = "ops"
expect = "permit"
[[case]]
name = "db asks first"
identity = "human/alice"
role = "db"
expect = "approval"
reasons = ["E-ROLE-JIT"]
"""

world = World(BASE + role("ops", "alice"))
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    as_json = lambda *argv: json.loads(world.must("mayfly", *argv, "-o", "json").stdout)  # noqa: E731
    folder = world.dir / "rules"
    (folder / "roles").mkdir(parents=True)
    (folder / "base.toml").write_text(BASE)
    (folder / "roles/ops.toml").write_text(role("ops", "alice"))
    (folder / "roles/db.toml").write_text(role("db", "alice", 'approve = "owner"', "medium"))
    (folder / "all.cases.toml").write_text(CASES)

    # Offline: no CA runs yet.
    expect(run("policy", "validate", "-f", "rules"), 0, "2 roles", "sha256 ")
    expect(run("policy", "test", "-f", "rules"), 0, "2 cases")
    (folder / "all.cases.toml").write_text(CASES.replace('expect = "approval"', 'expect = "permit"'))
    expect(run("policy", "test", "-f", "rules"), 1, "db asks first", "expected permit, it says approval", "all.cases.toml:7")
    (folder / "all.cases.toml").write_text(CASES)
    (folder / "roles/db.toml").write_text(role("db", "alice", 'aprove = "owner"'))
    expect(run("policy", "validate", "-f", "rules"), 2, "roles/db.toml:8:", 'unknown key "aprove", did you mean "approve"?')
    (folder / "roles/db.toml").write_text(role("db", "alice", 'approve = "owner"', "medium"))

    world.start()
    world.login()
    # Alone on day one: applied at once, marked, and owed a review.
    expect(run("policy", "diff", "-f", "rules"), 3, "+ role db", "new, owned by alice, decided by owner", "nobody but you")
    before = len(world.entries())
    expect(run("policy", "apply", "-f", "rules", "--reason", "databases", "--dry-run"), 0, "would be in force")
    assert len(world.entries()) == before, "a dry run left something in the log"
    expect(run("policy", "apply", "-f", "rules", "--reason", "databases"), 0, "in force: 2:", "a review is owed")
    expect(run("policy", "diff", "-f", "rules"), 0, "nothing changes")
    expect(run("policy", "apply", "-f", "rules", "--reason", "again"), 1, "E-POLICY-SAME")
    expect(run("role", "list"), 0, "db")
    shown = expect(run("policy", "show"), 0, "##@ file roles/db.toml", "# what db is for").stdout
    (world.dir / "shown.toml").write_text(shown)
    assert as_json("policy", "validate", "-f", "shown.toml")["sha256"] == as_json("policy", "show")["sha256"]
    expect(run("policy", "show", "--version", "1"), 0)
    expect(run("policy", "show", "--version", "99"), 1, "E-POLICY-VERSION")
    applied = [event for event in world.entries() if event["type"] == "policy.applied"][-1]
    assert applied["data"]["alone"] and applied["data"]["review_owed"] and applied["data"]["source"] == "change", applied

    # A restart does not undo it: the file beside ca.toml is the one that was taken before.
    assert world.stop() == 0
    world.start()
    world.must("mayfly", "bootstrap", world.url, "--fingerprint", world.fingerprint, "--replace")
    world.must("mayfly", "login", "--key", "alice")
    assert as_json("policy", "show")["version"].startswith("2:")
    # What would lock everybody out is refused, by either way in.
    (folder / "change.toml").write_text('[[group]]\nname = "gone"\nmembers = ["zoe"]\n[change]\nhigh = "group:gone"\n')
    expect(run("policy", "apply", "-f", "rules", "--reason", "oops"), 1, "E-POLICY-LOCKOUT", "nobody could sign off")
    (folder / "change.toml").unlink()

    # A second platform owner: from now on nobody goes alone.
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "bob")
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "carol")
    for name, duty in (("bob", ("--duty", "platform")), ("carol", ())):
        world.must("mayfly", "owner", "create", name, *duty)
        world.must("mayfly", "identity", "create", f"human/{name}", "--owner", name, "--key", f"{name}.pub")
    people = {}
    for name in ("bob", "carol"):
        world.must("mayfly", "--context", name, "bootstrap", world.url, "--fingerprint", world.fingerprint)
        world.must("mayfly", "--context", name, "login", "--key", name)
        people[name] = lambda *argv, name=name: world.run("mayfly", "--context", name, *argv)
    world.must("mayfly", "context", "use", "default")
    (folder / "roles/db.toml").write_text(role("db", "alice", "", "medium"))
    expect(run("policy", "apply", "-f", "rules", "--reason", "no more asking"), 6, "p-2 waits for", "waits for bob")
    expect(run("policy", "approve", "p-2"), 5, "E-POLICY-SELF")
    expect(people["carol"]("policy", "approve", "p-2"), 5, "E-POLICY-NOT-ASKED")
    expect(people["carol"]("policy", "apply", "-f", "rules", "--reason", "mine"), 5, "E-POLICY-PROPOSE")
    expect(people["carol"]("policy", "cancel", "p-2"), 5, "E-POLICY-PROPOSE")
    expect(people["bob"]("policy", "changes", "p-2"), 0, "~ role db", "approve: owner → none", "pending", "no more asking")
    expect(people["bob"]("policy", "approve", "p-2", "--sha256", "0" * 12), 1, "E-POLICY-DIGEST")
    expect(people["bob"]("policy", "approve", "p-99"), 1, "E-POLICY-CHANGE")
    expect(people["bob"]("policy", "approve", "p-2", "--dry-run"), 0, "would be in force")
    # Another change overtakes it.
    (folder / "roles/web.toml").write_text(role("web", "alice"))
    expect(run("policy", "apply", "-f", "rules", "--reason", "web too"), 6, "p-3")
    expect(people["bob"]("policy", "approve", "p-3", "--comment", "fine"), 0, "in force: 3:")
    expect(people["bob"]("policy", "approve", "p-2"), 1, "E-POLICY-CLOSED", "overtaken")
    expect(people["bob"]("policy", "approve", "p-3"), 0)  # the same word twice is once

    # A veto, a cancellation.
    (folder / "roles/db.toml").write_text(role("db", "alice", 'approve = "owner"', "medium"))
    expect(run("policy", "apply", "-f", "rules", "--reason", "ask again"), 6, "p-4")
    expect(people["bob"]("policy", "deny", "p-4"), 2)
    expect(people["bob"]("policy", "deny", "p-4", "--comment", "not now"), 0, "p-4 is denied")
    expect(run("policy", "apply", "-f", "rules", "--reason", "ask again"), 6, "p-5")
    expect(run("policy", "cancel", "p-5"), 0, "p-5 is cancelled")
    expect(run("policy", "changes"), 0, "denied", "cancelled", "overtaken", "applied")

    # Going back: what only narrows needs nobody, what gives something back needs the same sign-offs.
    expect(run("policy", "rollback", "--reason", "db without asking was wrong"), 0, "in force: 4:")
    expect(run("policy", "rollback", "3", "--reason", "and now with it"), 6, "waits for bob")
    expect(people["bob"]("policy", "approve", "p-7"), 0, "in force: 5:")
    versions = as_json("policy", "list")
    assert [v["source"] for v in versions] == ["rollback", "rollback", "change", "change", "init"], versions
    assert versions[0]["sha256"] == versions[2]["sha256"] and versions[0]["signed_off"] == ["bob"], versions

    # How who signs off must have logged in is a rule like any other; and holds for the next change.
    (folder / "change.toml").write_text("[change]\nfresh = \"15m\"\nstrong = true\n")
    expect(run("policy", "apply", "-f", "rules", "--reason", "hardware keys only"), 6, "p-8 waits")
    expect(people["bob"]("policy", "approve", "p-8"), 0, "in force: 6:")
    (folder / "roles/web.toml").write_text(role("web", "alice", "", "medium"))
    expect(run("policy", "apply", "-f", "rules", "--reason", "web again"), 6, "p-9")
    expect(people["bob"]("policy", "approve", "p-9"), 5, "E-LOGIN-WEAK")

    # The file is the emergency way: taken when it changed, marked and owed a review.
    (world.dir / "ca/policy.toml").write_text(BASE + role("ops", "alice") + role("night", "alice"))
    world.ca.send_signal(signal.SIGHUP)
    while "night" not in run("role", "list").stdout:
        pass
    assert as_json("policy", "list")[0]["source"] == "file"
    events = world.entries()
    last = [event for event in events if event["type"] == "policy.applied"][-1]
    assert last["data"]["source"] == "file" and last["data"]["review_owed"] and last["actor"] == "ca/server", last
    refused = [reason["rule"] for event in events if event["type"] == "request.refused" for reason in event["data"]["reasons"]]
    for rule in ("E-POLICY-SELF", "E-POLICY-NOT-ASKED", "E-POLICY-PROPOSE", "E-LOGIN-WEAK"):
        assert rule in refused, f"{rule} left nothing in the log: {refused}"
    # A policy of thousands of roles is larger than anything else that is sent.
    big = world.dir / "big"
    big.mkdir()
    (big / "base.toml").write_text(BASE)
    (big / "roles.toml").write_text("".join(role(f"r-{n}", "alice") for n in range(1500)))
    expect(run("policy", "diff", "-f", "big"), 3, "+ role r-0", " more")
    print(f"{len(checked)} facts about policy as code")
finally:
    world.close()
