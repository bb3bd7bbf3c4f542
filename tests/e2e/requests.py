#!/usr/bin/env python3
"""Access asked for, decided by who answers for it, used, and gone: with the real programs, each person with a home of
their own. What nobody may do is tried too: each attempt is refused and stands in the log."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from person import Person  # noqa: E402
from world import World, checked, expect  # noqa: E402

POLICY = """
version = 1
[[group]]
name = "security"
members = ["dave", "bob"]
[[role]]
name = "db-admin"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = "owner"
open_to = ["person:bob"]
[role.request]
ticket = "INC-#"
reason_min = 5
longest = "2h"
[role.ssh]
accounts = ["root"]
nodes = "all"
[[role]]
name = "vault"
owner = "carol"
max_lifetime = "30m"
risk = "high"
open_to = ["anyone"]
approve = ["owner", { any = 1, of = "group:security" }]
[role.ssh]
accounts = ["root"]
nodes = "all"
"""

world = World(POLICY)


try:
    world.start()
    world.login()
    bob, carol, dave, erin = Person(world, "bob"), Person(world, "carol"), Person(world, "dave"), Person(world, "erin", "--duty", "intake")

    # Nothing is held; the error says what to do. What is wrong with a request is said at once.
    expect(bob.certify("db-admin"), 6, "E-ROLE-JIT", "mayfly request new db-admin", "INC-#")
    expect(bob.run("request", "new", "db-admin", "--for", "45m", "--reason", "disk full"), 2, "E-REQUEST-TICKET", "--ticket INC-#")
    expect(bob.run("request", "new", "db-admin", "--for", "9h", "--reason", "disk full", "--ticket", "INC-7"), 5, "E-REQUEST-LONG", "at most 2h")
    expect(dave.run("request", "new", "db-admin", "--for", "45m", "--reason", "curious", "--ticket", "INC-8"), 5, "E-REQUEST-CLOSED", "--eligible")
    expect(bob.run("request", "new", "db-admin", "--for", "45m", "--reason", "disk full", "--ticket", "INC-7", "--dry-run"), 0, "would be asked: carol")

    # Asked, seen by who is concerned, decided by the control owner and nobody else.
    request = bob.ask("db-admin", "--for", "45m", "--reason", "disk full", "--ticket", "INC-7")
    expect(bob.run("request", "new", "db-admin", "--for", "45m", "--reason", "disk full", "--ticket", "INC-7", "--no-wait"), 1, "E-REQUEST-OPEN", request)
    expect(carol.run("request", "list", "--mine"), 0, request, "db-admin", "human/bob")
    expect(dave.run("request", "show", request), 1, "E-REQUEST-UNKNOWN")
    expect(dave.run("request", "approve", request), 1, "E-REQUEST-UNKNOWN")
    expect(bob.run("request", "approve", request), 5, "E-SELF-APPROVAL", "carol")
    expect(world.run("mayfly", "request", "approve", request), 5, "E-NOT-APPROVER")
    expect(bob.run("request", "wait", request, "--timeout", "1s"), 7, "asked: carol")
    expect(carol.run("request", "approve", request, "--for", "2h"), 5, "E-REQUEST-WIDEN")
    expect(carol.run("request", "approve", request, "--digest", "00" * 32), 1, "E-REQUEST-CHANGED")
    expect(carol.run("request", "approve", request, "--for", "20m", "--comment", "go"), 0, request)
    expect(carol.run("request", "approve", request), 0)  # again: nothing changes
    expect(carol.run("request", "deny", request, "--comment", "no"), 1, "E-REQUEST-STATE")
    expect(bob.run("request", "wait", request), 0, "mayfly ssh cert --role db-admin")
    expect(bob.certify("db-admin"), 0)
    shown = json.loads(bob.run("inspect", "home-bob/db-admin-cert.pub", "-o", "json").stdout)
    assert "db-admin" in json.dumps(shown)
    expect(bob.run("request", "show", request), 0, "approved", "carol", "for 20m", "disk full")

    # Released: what was minted is revoked with it.
    expect(bob.run("request", "release", request), 0, "ended")
    expect(bob.certify("db-admin"), 6, "E-ROLE-JIT")

    # Revoked, by whoever approved it: the same end.
    request = bob.ask("db-admin", "--for", "45m", "--reason", "disk full", "--ticket", "INC-70")
    expect(carol.run("request", "approve", request), 0)
    expect(bob.certify("db-admin"), 0)
    expect(dave.run("revoke", "--request", request, "--reason", "x"), 1, "E-REQUEST-UNKNOWN")
    expect(carol.run("revoke", "--request", request, "--reason", "enough"), 0, f"{request} is over")
    expect(bob.certify("db-admin"), 6, "E-ROLE-JIT")
    expect(bob.run("request", "show", request), 0, "ended", "revoked: enough")

    # Two stages; who decides the second learns of it, who asked does not decide although a member of the group.
    request = bob.ask("vault", "--for", "20m", "--reason", "rotate")
    expect(carol.run("request", "approve", request), 0, "asked: dave")
    expect(bob.run("request", "approve", request), 5, "E-SELF-APPROVAL")
    expect(dave.run("request", "deny", request, "--comment", "not tonight"), 0, "denied")
    expect(bob.run("request", "wait", request), 5, "denied by dave")
    expect(carol.run("request", "approve", request), 0)  # said before the denial: nothing changes
    expect(bob.certify("vault"), 6)

    # The service desk asks on somebody's behalf, closes the ticket, and decides nothing.
    done = erin.run("request", "new", "db-admin", "--for", "30m", "--reason", "caller says the disk is full", "--ticket", "INC-9", "--on-behalf-of", "human/bob", "--no-wait", "-o", "json")
    assert done.returncode == 6, done.stdout + done.stderr
    request = json.loads(done.stdout)["id"]
    expect(erin.run("request", "approve", request), 5, "E-SELF-APPROVAL")
    expect(erin.certify("db-admin"), 5, "E-ROLE-NOT-HELD")
    expect(carol.run("request", "approve", request), 0)
    expect(bob.certify("db-admin"), 0)
    expect(erin.run("request", "ticket-closed", "INC-9"), 0, "ended")
    expect(bob.certify("db-admin"), 6, "E-ROLE-JIT")

    # A delegation is used once for this request, and shows.
    request = bob.ask("db-admin", "--for", "20m", "--reason", "disk full again", "--ticket", "INC-10")
    expect(carol.run("request", "delegate", request, "--to", "bob"), 5, "E-SELF-APPROVAL")
    expect(carol.run("request", "delegate", request, "--to", "dave"), 0, "dave may decide for carol")
    expect(dave.run("request", "delegate", request, "--to", "erin"), 5, "E-NOT-APPROVER")
    expect(dave.run("request", "approve", request), 0)
    expect(bob.run("request", "show", request), 0, "dave for carol")

    # Everything stands in the log, in order.
    types = [entry["type"] for entry in world.entries()]
    for wanted in ("request.opened", "request.word", "request.approved", "request.ended", "request.denied", "delegation.created", "request.refused"):
        assert wanted in types, f"{wanted} is not in the log"
    assert types.index("request.opened") < types.index("request.word") < types.index("request.approved")
    assert world.stop() == 0
    print(f"{len(checked)} facts")
finally:
    world.close()
