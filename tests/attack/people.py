#!/usr/bin/env python3
"""Borders between people, with the real programs: what belongs to another tenant, what is one's own to be judged by
others, what a leaver keeps, what a closed tenant still gives. Every attempt is refused; what is hidden answers exactly as
what never was."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))
from person import Person  # noqa: E402
from world import World, checked, expect  # noqa: E402

POLICY = """
version = 1
[[role]]
name = "ops"
owner = "carol"
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
[[role]]
name = "acme-web"
owner = "dora"
tenant = "acme"
guests = ["home"]
max_lifetime = "1h"
risk = "low"
[role.ssh]
accounts = ["deploy"]
nodes = "all"
"""

world = World(POLICY)


def admin(*argv):
    return world.run("mayfly", *argv)


def same(person, hidden, missing):
    """Two calls that differ in one name only: both 404, in the same words but for the name."""
    answers = []
    for argv in (hidden, missing):
        done = person.run(*argv, "-o", "json")
        assert done.returncode == 1, f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        error = json.loads(done.stderr)["error"]
        assert error["code"] == "not_found", error
        text = json.dumps(error, sort_keys=True)
        for word in argv:
            text = text.replace(word, "NAME")
        answers.append(text)
    assert answers[0] == answers[1], answers
    checked.append(hidden)


try:
    world.start()
    world.login()
    bob = Person(world, "bob")
    carol = Person(world, "carol", "--backup", "bob")
    expect(admin("tenant", "create", "acme", "--owner", "carol", "--description", "a customer", "--dry-run"), 0, "would be done")
    expect(admin("tenant", "create", "acme", "--owner", "carol"), 0)
    expect(admin("tenant", "create", "acme", "--owner", "carol"), 1, "E-TENANT-EXISTS")
    dora = Person(world, "dora", "--tenant", "acme")
    for owner, name, tenant in (("bob", "workload/shop", "home"), ("carol", "workload/acme", "acme"), ("carol", "workload/carols", "home")):
        expect(admin("identity", "create", name, "--owner", owner, "--tenant", tenant), 0)
    expect(carol.run("role", "grant", "ops", "workload/shop", "--for", "30d", "--reason", "runs it"), 0)
    expect(carol.run("role", "grant", "ops", "human/bob", "--for", "30d", "--reason", "runs it"), 0)
    expect(dora.run("role", "grant", "acme-web", "workload/acme", "--for", "30d", "--reason", "serves"), 0)
    expect(dora.run("role", "grant", "acme-web", "human/bob", "--for", "30d", "--reason", "helps"), 0)

    # What is another tenant's is not there.
    for hidden, missing in (
        (("identity", "show", "workload/shop"), ("identity", "show", "workload/none")),
        (("identity", "disable", "workload/shop", "--reason", "x"), ("identity", "disable", "workload/none", "--reason", "x")),
        (("identity", "enable", "workload/shop"), ("identity", "enable", "workload/none")),
        (("identity", "transfer", "workload/shop", "--to", "dora"), ("identity", "transfer", "workload/none", "--to", "dora")),
        (("owner", "show", "bob"), ("owner", "show", "none")),
        (("tenant", "show", "home"), ("tenant", "show", "none")),
        (("role", "grant", "ops", "workload/acme", "--for", "1d", "--reason", "x"), ("role", "grant", "none-such", "workload/acme", "--for", "1d", "--reason", "x")),
        (("owner", "adopt", "bob"), ("owner", "adopt", "none")),
        (("review", "campaign", "new", "x", "--role", "ops"), ("review", "campaign", "new", "x", "--role", "none-such")),
    ):
        same(dora, hidden, missing)
    assert [i["name"] for i in dora.data("identity", "list")] == ["human/dora", "workload/acme"]
    assert [r["name"] for r in dora.data("role", "list")] == ["acme-web"]
    assert {g["role"] for g in dora.data("role", "grants")} == {"acme-web"}
    assert "workload/acme" not in [i["name"] for i in bob.data("identity", "list")]
    assert "workload/acme" in [i["name"] for i in carol.data("identity", "list")]  # she owns the tenant

    # Nobody reviews their own, through whichever identity, and nobody reviews for others.
    expect(carol.run("review", "campaign", "new", "spring", "--role", "ops", "--dry-run"), 0, "2 item(s)")
    expect(carol.run("review", "campaign", "new", "spring", "--role", "ops", "--reviewer", "person:bob"), 0, "2 item(s)")
    reviews = carol.data("review", "list")
    assert {r["reviewer"] for r in reviews} == {"carol"}, reviews  # both are bob's: the rule's own person may not
    first = reviews[0]["id"]
    expect(bob.run("review", "certify", first), 5, "E-NOT-REVIEWER")
    expect(bob.run("review", "reassign", first, "--to", "bob"), 5, "E-NOT-REVIEWER")
    expect(carol.run("review", "reassign", first, "--to", "bob"), 5, "E-SELF-REVIEW")
    expect(dora.run("review", "certify", first), 1, "E-REVIEW-UNKNOWN")
    expect(carol.run("review", "certify", first), 0, "certified")
    expect(carol.run("review", "revoke", first, "--comment", "twice"), 1, "E-REVIEW-CLOSED")
    shop = next(r["id"] for r in reviews if r["id"] != first)
    expect(carol.run("review", "campaign", "close", "c-1"), 1, "E-CAMPAIGN-OPEN")
    expect(carol.run("review", "revoke", shop, "--comment", "not needed"), 0, "1 grant(s) ended")
    expect(carol.run("review", "undo", shop), 0, "open again")
    expect(carol.run("review", "certify", shop), 0)
    expect(carol.run("review", "show", shop), 0, "certified", "is active")
    expect(carol.run("review", "campaign", "close", "c-1"), 0, "closed")

    # An offer is taken by the one who was asked, and owning something does not make one its reviewer.
    expect(bob.run("identity", "transfer", "workload/shop", "--to", "carol"), 0, "owner adopt bob")
    expect(dora.run("owner", "adopt", "bob"), 1, "E-ADOPT")
    expect(admin("owner", "adopt", "bob"), 1, "E-ADOPT")  # running the machine takes nothing over
    expect(carol.run("owner", "adopt", "bob"), 0, "answers for 1")

    # Taking a grant back is its role's owner's: the certificates and the grant itself.
    grant = next(g["id"] for g in carol.data("role", "grants") if g["role"] == "ops" and g["identity"] == "human/bob")
    expect(bob.certify("ops"), 0)
    expect(dora.run("revoke", "--grant", grant, "--reason", "x"), 5, "E-DUTY")
    expect(bob.run("revoke", "--grant", grant, "--reason", "x"), 5, "E-DUTY")
    expect(admin("revoke", "--grant", "g-999", "--reason", "x"), 1, "E-GRANT-UNKNOWN")
    expect(admin("revoke", "--grant", grant, "--request", "r-1", "--reason", "x"), 2, "E-REVOKE")
    expect(carol.run("revoke", "--grant", grant, "--reason", "x", "--dry-run"), 0, "1 living certificate(s) would be revoked")
    expect(carol.run("revoke", "--grant", grant, "--reason", "not needed"), 0, "1 living certificate(s) revoked")
    expect(bob.certify("ops"), 5)
    expect(carol.run("role", "grant", "ops", "human/bob", "--for", "30d", "--reason", "needed again"), 0)

    # A leaver keeps nothing: no session, no certificate, no login; what they own is somebody's task.
    expect(bob.certify("ops"), 0)
    expect(admin("identity", "create", "workload/bobs", "--owner", "bob"), 0)
    expect(bob.run("owner", "disable", "carol", "--reason", "x"), 5, "E-DUTY")
    expect(admin("owner", "change", "bob", "--backup", "carol"), 0)
    expect(admin("owner", "disable", "bob", "--reason", "moved on", "--revoke", "--dry-run"), 0, "2 certificate(s) revoked")  # the session's and the one for ssh
    expect(bob.certify("ops"), 0)
    expect(admin("owner", "disable", "bob", "--reason", "moved on", "--revoke"), 0, "owner adopt bob")
    expect(bob.certify("ops"), 4)
    expect(bob.run("status"), 4)
    expect(bob.run("login", "--key", str(bob.home / "key")), 4)
    orphans = carol.data("identity", "list", "--orphaned")
    assert [(o["name"], o["backup"]) for o in orphans] == [("workload/bobs", "carol")], orphans
    expect(carol.run("owner", "adopt", "bob"), 0)
    assert carol.data("identity", "list", "--orphaned") == []
    expect(admin("owner", "disable", "alice", "--reason", "x"), 1, "E-LAST-OWNER")

    # A closed tenant gives nothing any more, to its own or to its guests.
    expect(admin("tenant", "close", "acme", "--reason", "over"), 2, "E-CONFIRM")
    expect(admin("tenant", "close", "acme", "--reason", "over", "--dry-run"), 0, "would be done")
    expect(carol.run("role", "grants", "-o", "name"), 0)
    expect(carol.run("tenant", "close", "acme", "--reason", "over", "--confirm", "acme"), 0, "acme closed")
    expect(dora.run("status"), 4)
    expect(admin("identity", "enable", "workload/acme"), 1, "E-TENANT-UNKNOWN")
    expect(admin("identity", "create", "workload/late", "--owner", "carol", "--tenant", "acme"), 1, "E-TENANT-UNKNOWN")
    expect(admin("token", "create", "--node", "n1", "--owner", "carol", "--tenant", "acme"), 1, "E-TENANT-UNKNOWN")
    expect(admin("tenant", "close", "home", "--reason", "x", "--confirm", "home"), 1, "E-TENANT-HOME")

    # The inventory as a file: what comes out goes in again without a difference, and errors name the line.
    expect(carol.run("inventory", "export", "--out", "carol.csv"), 0)
    expect(admin("inventory", "export", "--out", "all.csv"), 0)
    expect(admin("inventory", "import", "all.csv", "--dry-run"), 0, "0 difference(s)")
    expect(admin("inventory", "export", "--format", "json", "--out", "all.json"), 0)
    expect(admin("inventory", "import", "all.json", "--dry-run"), 0, "0 difference(s)")
    table = (world.dir / "all.csv").read_text()
    (world.dir / "more.csv").write_text(table + "identity,workload/new,carol,home,\"sells, and \"\"more\"\"\",,,,,,,,,\n")
    expect(admin("inventory", "import", "more.csv", "--dry-run"), 3, "workload/new")
    expect(admin("inventory", "import", "more.csv"), 0, "1 difference(s)")
    expect(admin("inventory", "import", "more.csv"), 0, "0 difference(s)")
    lines = table.count("\n")
    (world.dir / "bad.csv").write_text(table + "identity,workload/new,alice,home,,,,,,,,,,\n")
    expect(admin("inventory", "import", "bad.csv"), 1, f"line {lines + 1}", "E-IMPORT")
    (world.dir / "bad.csv").write_text(table + "identity,\"workload\n")
    expect(admin("inventory", "import", "bad.csv"), 2, f"line {lines + 1}")

    types = [event["type"] for event in world.entries()]
    for wanted in ("tenant.created", "tenant.closed", "owner.leaving", "owner.left", "identity.transferred", "review.opened", "review.closed", "review.undone", "campaign.closed", "grant.ended"):
        assert wanted in types, wanted
    print(f"{len(checked)} facts")
finally:
    world.close()
