#!/usr/bin/env python3
"""Intake is not decision. A machine and a person with the duty intake call everything that the API has: they open requests for
others, see them, and end them by their ticket; whatever decides is refused to them, with its entry in the log."""
import json
import os
import pathlib
import ssl
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "e2e")]
from api import Api  # noqa: E402
from world import World, checked, expect  # noqa: E402

POLICY = """
version = 1
[[group]]
name = "desk"
members = ["dora"]
[[role]]
name = "db"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = "owner"
open_to = ["anyone"]
[role.request]
ticket = "INC-#"
[role.ssh]
accounts = ["postgres"]
nodes = "all"
[[role]]
name = "desk-too"
description = "the desk is among those who decide, by a mistake in the policy"
owner = "carol"
max_lifetime = "1h"
risk = "high"
approve = { any = 1, of = "group:desk" }
open_to = ["anyone"]
[role.request]
ticket = "INC-#"
[role.ssh]
accounts = ["postgres"]
nodes = "all"
[[role]]
name = "low"
owner = "carol"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["viewer"]
nodes = "all"
"""
# What a machine with intake may call and be answered by anything but a refusal. A route that is added and lets it in is a
# route that somebody has to think about, here.
MAY = {"GET /v1/whoami", "GET /v1/renewal", "GET /v1/roles", "GET /v1/log/consistency", "GET /v1/requests", "POST /v1/requests", "GET /v1/requests/{path}", "POST /v1/tickets/closed"}


class As(Api):
    """The API as seen by somebody other than alice."""

    def __init__(self, world, who):
        self.world = world
        state = world.dir / f"{who}-state/mayfly/default"
        self.context = ssl.create_default_context(cafile=str(world.dir / "ca/root.pem"))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(str(state / "session.pem"), str(state / "session.key"))
        self.host, port = world.url.removeprefix("https://").rsplit(":", 1)
        self.port = int(port)


def verb(world, who):
    return lambda *argv: world.run("env", f"XDG_STATE_HOME={world.dir}/{who}-state", "mayfly", *argv)


def run(world):
    world.start()
    world.login()
    alice = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    for name, *more in (("carol",), ("tom",), ("dora", "--duty", "intake"), ("mallory",)):
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name)
        expect(alice("owner", "create", name, *more), 0)
        expect(alice("identity", "create", f"human/{name}", "--owner", name, "--key", f"{name}.pub"), 0)
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "desk")

    # Who makes such a machine: the platform, for an owner who has the duty. Nobody else, and no other duty.
    carol, tom, dora, mallory, desk = (verb(world, name) for name in ("carol", "tom", "dora", "mallory", "desk"))
    for who, name in ((carol, "carol"), (tom, "tom"), (dora, "dora"), (mallory, "mallory")):
        expect(who("login", "--key", name), 0)
    expect(dora("identity", "create", "workload/desk", "--owner", "dora", "--duty", "intake", "--key", "desk.pub"), 5, "E-DUTY")
    expect(alice("identity", "create", "workload/desk", "--owner", "dora", "--duty", "platform", "--key", "desk.pub"), 2, "E-DUTY-KIND")
    expect(alice("identity", "create", "agent/desk", "--owner", "dora", "--duty", "intake", "--key", "desk.pub"), 2, "E-DUTY-KIND")
    expect(alice("identity", "create", "workload/desk", "--owner", "dora", "--duty", "intake", "--key", "desk.pub"), 0)
    expect(desk("login", "--key", "desk"), 0, "workload/desk")
    expect(desk("status"), 0, "workload/desk", "intake")

    # What it is for.
    new = lambda who, ticket, *more: who("request", "new", "db", "--on-behalf-of", "human/tom", "--for", "30m", "--ticket", ticket, "--reason", "the nightly job hangs", "--no-wait", "-o", "json", *more)  # noqa: E731
    opened = json.loads(expect(new(desk, "INC-1"), 6).stdout)
    assert opened["identity"] == "human/tom" and opened["asked_by"] == "workload/desk" and opened["asked"] == ["carol"], opened
    request = opened["id"]
    expect(desk("request", "show", request), 0, "INC-1")
    expect(desk("request", "list"), 0, request)

    # Everything that the API has, as the machine: only what is listed lets it in.
    machine = As(world, "desk")
    routes = machine.send("GET", "/v1/openapi.json")[1]["paths"]
    seen = 0
    for path, methods in routes.items():
        for method, route in ((name.upper(), route) for name, route in methods.items()):
            if not route.get("security"):
                continue  # public: it asks nobody who they are
            real = path.replace("{path}", "r-1" if method == "GET" else "r-1/approve")
            status, body = machine.send(method, real, None if method == "GET" else json.dumps({"digest": opened["digest"]}).encode())
            let_in = status < 400 or body.get("id") not in ("E-KIND", "E-DUTY", "E-NOT-CONTROL-OWNER", "E-NOT-APPROVER")
            if f"{method} {path}" not in MAY and let_in:
                # A mint needs more than a body of this kind to be refused for the right reason: no certificate is what counts.
                assert status >= 400 and "certificate" not in body and method == "POST" and ("certificates" in path or "renew" in path), (method, real, status, body)
            seen += 1
            checked.append((method, path))
    assert seen > 20, seen

    # Every way to decide, with everything right but who says it.
    body = json.dumps({"digest": opened["digest"], "comment": "yes"}).encode()
    for who in ("desk", "dora"):
        api = As(world, who)
        for act in ("approve", "deny", "delegate"):
            status, answer = api.send("POST", f"/v1/requests/{request}/{act}", body if act != "delegate" else b'{"to":"mallory"}')
            assert status in (403, 404), (who, act, status, answer)
            checked.append((who, act))
    expect(dora("request", "approve", request), 5)
    for who in (desk, dora):
        expect(who("role", "grant", "low", "human/tom", "--for", "1d", "--reason", "x"), 5)
        expect(who("owner", "create", "eve"), 5)
        expect(who("audit", "tail"), 5)
    # Not even where the policy names the desk: who asked does not decide.
    expect(dora("request", "new", "desk-too", "--on-behalf-of", "human/tom", "--for", "30m", "--ticket", "INC-2", "--reason", "the nightly job hangs", "--no-wait"), 5, "E-REQUEST-NOBODY")
    # Nor for the desk's own people by the machine, nor by the machine for itself.
    expect(desk("request", "new", "db", "--for", "30m", "--ticket", "INC-3", "--reason", "for the machine itself", "--no-wait"), 6)
    assert json.loads(expect(carol("request", "show", request, "-o", "json"), 0).stdout)["state"] == "pending"

    # Others have no intake.
    expect(new(mallory, "INC-9"), 5, "E-DUTY")
    expect(mallory("request", "ticket-closed", "INC-1"), 1, "E-REQUEST-UNKNOWN")

    # Approved by who decides; the ticket's end is the access's end.
    expect(carol("request", "approve", request), 0)
    expect(tom("ssh", "cert", "--role", "db", "--out", "k"), 0)
    expect(desk("request", "ticket-closed", "INC-1"), 0)
    ended = json.loads(expect(carol("request", "show", request, "-o", "json"), 0).stdout)
    assert ended["state"] == "ended" and ended["why"] == "ticket closed", ended
    expect(tom("ssh", "cert", "--role", "db", "--out", "no"), 6)
    events = world.entries()
    assert [event["data"]["why"] for event in events if event["type"] == "request.ended"] == ["ticket closed"]

    # The person's duty is the machine's: gone with it. (Without a verb that takes duties away, by revoking the owner.)
    expect(alice("revoke", "--owner", "dora", "--reason", "left"), 0)
    expect(desk("request", "list"), 4)


world = World(POLICY)
try:
    run(world)
    print(f"{len(checked)} facts hold")
except BaseException:
    print((world.dir / "ca.log").read_text()[-2000:] if (world.dir / "ca.log").exists() else "", file=sys.stderr)
    raise
finally:
    world.close()
