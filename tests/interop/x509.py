#!/usr/bin/env python3
"""Every X.509 certificate that Mayfly mints, before other people's implementations: they take it, and nothing wrong.

    x509.py            with what is installed; what is not is named
    MAYFLY_INTEROP=all what is not installed is a failure
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import go_programs  # noqa: E402
import x509_hands  # noqa: E402
from table import Table, cannot  # noqa: E402
from x509_minted import X509World, altered  # noqa: E402


def refused(table, world, minted, expired):
    """One thing is wrong each time; the same call with nothing wrong was accepted above."""
    def ask(hand, what, row, one, root, purpose, name):
        table.refuse(row, hand, cannot(hand.blind[what]) if what in hand.blind else lambda: hand.judge(one, root, purpose, name), of=one.row)

    by_row = {one.row: one for one in minted}
    keys = [by_row[f"server and client, {key}"] for key in ("P-256", "P-384", "Ed25519", "RSA 3072")]
    for hand in table.hands:
        for one in keys:
            ask(hand, "name", f"{one.row}: another name", one, one.root, "server", ("dns", "b.test.internal"))
            ask(hand, "root", f"{one.row}: another root", one, world.other_root, "server", one.name)
            for where, name in (("name", ("dns", "a.uest.internal")), ("signature", one.name)):
                ask(hand, "byte", f"{one.row}: a changed byte in the {where}", altered(one, where), one.root, "server", name)
        ip, star = by_row["server, IPv4 address"], by_row["server, wildcard"]
        ask(hand, "name", "server, IPv4 address: another address", ip, ip.root, "server", ("ip", "127.0.0.2"))
        ask(hand, "name", "server, wildcard: two labels for the star", star, star.root, "server", ("dns", "a.b.test.internal"))
        ask(hand, "use", "server: as a client", by_row["server"], world.root, "client", None)
        ask(hand, "use", "client: as a server", by_row["client"], world.root, "server", ("dns", "a.test.internal"))
        ask(hand, "time", f"{expired.row}: expired", expired, expired.root, "server", expired.name)


table = Table("x509")
world = X509World()
try:
    for kind in (x509_hands.OpenSsl, x509_hands.GnuTls, x509_hands.Nss, x509_hands.Botan, x509_hands.Cryptography, x509_hands.Go):
        table.hand(kind(world))
    if any(hand.name == x509_hands.Go.name for hand in table.hands):
        x509_hands.Go.program = go_programs.build("x509_certificates", world.dir)
    minted, expired = world.all(), world.expired()
    for one in minted:
        for hand in table.hands:
            table.accept(one.row, hand, hand.judge(one, one.root, one.purpose, one.name))
    refused(table, world, minted, expired)
    table.finish()
finally:
    world.close()
