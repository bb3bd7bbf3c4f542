#!/usr/bin/env python3
"""Every SSH certificate that Mayfly mints, before other people's implementations: they take it, and nothing that is wrong.

    ssh.py             with what is installed; what is not is named
    MAYFLY_INTEROP=all what is not installed is a failure
"""
import dataclasses
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import go_programs  # noqa: E402
import ssh_hands  # noqa: E402
from ssh_minted import SshWorld, altered  # noqa: E402
from table import Table, cannot  # noqa: E402

FIDO = os.environ["MAYFLY_SOFTWARE_FIDO"]


def accepted(table, minted, first_user):
    for one in minted:
        for hand in table.hands:
            table.accept(one.row, hand, hand.judge(one, one.authority, one.principal, user=first_user))


def refused(table, world, users, hosts, far, expired):
    """One thing is wrong each time; the same call with nothing wrong was accepted above."""
    def ask(hand, row, what, minted, authority, name, **more):
        verdict = cannot(hand.blind[what]) if what in hand.blind else lambda: hand.judge(minted, authority, name, user=users[0], **more)
        table.refuse(f"{minted.row}: {row}", hand, verdict, of=minted.row)

    for hand in table.hands:
        for good in (users[0], users[1], users[4], hosts[0], hosts[1], hosts[4]):
            ask(hand, "another principal", "name", good, good.authority, "nobody" if good.kind == "user" else "db-8.test.internal")
            ask(hand, "another CA", "CA", good, world.other_ca, good.principal)
            for where in ("field", "signature"):
                ask(hand, f"a changed byte in a {where}", "byte", altered(good, where, f"{where}-{good.key.name}"), good.authority, good.principal)
        for old in expired:
            ask(hand, "expired", "time", old, old.authority, old.principal)
        ask(hand, "from elsewhere", "address", far, far.authority, far.principal)
        for hard in (one for one in users if "hard" in one.marks):
            ask(hand, "a signature without verification", "verification", hard, hard.authority, hard.principal, env=dict(world.env, SOFTWARE_FIDO_VERIFIES="0"))


table = Table("ssh")
world = SshWorld(FIDO)
try:
    for kind in (ssh_hands.KeygenList, ssh_hands.KeygenVerify, ssh_hands.OpenSsh, ssh_hands.PuTTY, ssh_hands.Asyncssh, ssh_hands.Paramiko, ssh_hands.Go):
        table.hand(kind(world))
    if any(hand.name == ssh_hands.Go.name for hand in table.hands):
        ssh_hands.Go.program = go_programs.build("ssh_peer", world.dir)
    users, hosts = world.users(), world.hosts()
    users.append(dataclasses.replace(world.user("user, role@node", "Ed25519", world.key("user-node", "-t ed25519"), "bare", "--node", "db-7"), principal="bare@db-7"))
    far = world.user("user, source-address", "Ed25519", world.key("user-far", "-t ed25519"), "far", marks={"far"})
    expired = [world.expired("user, Ed25519", "Ed25519", "-t ed25519"), world.expired("user, RSA 2048", "RSA 2048", "-t rsa -b 2048")]
    accepted(table, users + hosts, users[0])
    refused(table, world, users, hosts, far, expired)
    table.finish()
finally:
    world.close()
