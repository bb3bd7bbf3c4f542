#!/usr/bin/env python3
"""Ends the agent by SIGKILL before a system call of its work on sshd, and the next one, and the next: an update, the first
take-over, and leaving. Beside it a real sshd runs and is asked each time: it lets in what the state before or the state
after lets in, never nobody, never both ways at once in mode only; and the next round heals.

  agent_kill.py --points 12     that many points of each kind of work, spread evenly (ctest)
  agent_kill.py --points 0      every one of them; with --only first --begin 400, those of the take-over from there on
MAYFLY_KILL_AT is the program that ends others (tests/fault/kill_at/main.cpp)."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from sshd_node import Node, policy  # noqa: E402
from world import World  # noqa: E402

arguments = argparse.ArgumentParser()
arguments.add_argument("--points", type=int, default=12)
arguments.add_argument("--only", default="")
arguments.add_argument("--begin", type=int, default=1)
wanted = arguments.parse_args()
killer = os.environ["MAYFLY_KILL_AT"]

node = None
world = World(policy())
try:
    world.start()
    world.login()
    world.must("mayfly", "role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test")
    minted = None

    def lets_me_in():
        """With a certificate that is young: every point of a long run takes longer than a certificate lives."""
        global minted
        if minted is None or time.monotonic() - minted > 1200:
            world.must("mayfly", "login", "--key", "alice")
            world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", "me", "--force")
            minted = time.monotonic()
        return node.opens(world.dir / "me", world.dir / "me-cert.pub")

    before = "# as it was\n"
    node = Node(world, "only", before=before)
    node.start()

    def killed(at, *verb):
        return subprocess.run([killer, str(at), node.at("trust"), "mayfly-agent", *verb, "--config", str(node.config)], cwd=world.dir, env=world.env, capture_output=True, text=True, timeout=120)

    def points(*verb):
        """How many system calls the work has, and at which of them it is ended."""
        done = killed("count", *verb)
        if done.returncode == 77:
            print("skipped: this place does not allow ptrace")
            sys.exit(77)
        assert done.returncode == 0, done.stderr + done.stdout
        total = int(done.stdout.splitlines()[-1])
        step = max(1, total // wanted.points) if wanted.points else 1
        return total, range(wanted.begin, total + 1, step)

    def heals(where):
        for _ in range(2):
            done = node.once()
            if done["event"] == "round":
                break
        assert done["event"] == "round", f"{where}: {done}"
        assert os.readlink(node.at("trust/current")) == os.readlink(node.at("trust/proven")), where
        assert lets_me_in() and not node.by_old_key(), f"{where}: not healed"

    def generations():
        return [name for name in os.listdir(node.at("trust")) if name.startswith("gen-")]

    assert node.once()["event"] == "round"
    # Every process asks for a new host certificate, so that each run is an update.
    if wanted.only in ("", "update"):
        total, at = points("run", "--once")
        for point in at:
            done = killed(point, "run", "--once")
            where = f"update, call {point} of {total}"
            assert done.returncode in (137, 0), f"{where}: {done.returncode} {done.stderr}"
            assert lets_me_in(), f"{where}: locked out\n{node.log()[-2000:]}"
            assert not node.by_old_key(), f"{where}: open\n{node.log()[-2000:]}"
            if point % 5 == 1 or wanted.points:
                heals(where)
                assert len(generations()) <= 3, f"{where}: {generations()}"
        print(f"update: {len(at)} of {total} system calls")

    def undo():
        done = node.run("leave", "--keep-identity")
        assert done.returncode == 0, done.stderr
        assert node.drop_in.read_text() == before and not os.path.lexists(node.at("trust")), "not as it was"
        assert node.by_old_key() and not lets_me_in()

    if wanted.only in ("", "first"):
        undo()
        assert node.mode("only", "--anyway").returncode == 0
        total, at = points("run", "--once")
        for point in at:
            undo()
            assert node.mode("only", "--anyway").returncode == 0
            done = killed(point, "run", "--once")
            where = f"take-over, call {point} of {total}"
            assert done.returncode in (137, 0), f"{where}: {done.returncode} {done.stderr}"
            assert lets_me_in() != node.by_old_key(), f"{where}: neither the old state nor the new\n{node.log()[-2000:]}"
            heals(where)
        print(f"take-over: {len(at)} of {total} system calls")

    if wanted.only in ("", "leave"):
        total, at = points("leave", "--keep-identity")
        for point in at:
            assert node.mode("only", "--anyway").returncode == 0
            heals("before leaving")
            done = killed(point, "leave", "--keep-identity")
            where = f"leave, call {point} of {total}"
            assert done.returncode in (137, 0), f"{where}: {done.returncode} {done.stderr}"
            assert lets_me_in() != node.by_old_key(), f"{where}: neither the old state nor the new\n{node.log()[-2000:]}"
            undo()
        print(f"leave: {len(at)} of {total} system calls")
finally:
    if node:
        node.stop()
    world.close()
