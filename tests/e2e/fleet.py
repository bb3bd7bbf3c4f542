#!/usr/bin/env python3
"""Twenty agents, each in a network namespace of its own where that is permitted, with eight workload certificates of an hour
each. Their clocks run 30 times as fast. The CA stops for a quarter of an hour and comes back: no certificate has ended, nothing
is lost, and they do not all come at once. Before that: what an idle agent with 20 workloads costs.

With --quick, six agents and less time. MAYFLY_FLEET_SPEED slows the clocks down where 30 is too fast."""
import datetime
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from clock import give_signer  # noqa: E402
from nodes import Node  # noqa: E402
from waiting import free_port, wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

QUICK = "--quick" in sys.argv
AGENTS, EACH, SPEED = (6 if QUICK else 20), 8, int(os.environ.get("MAYFLY_FLEET_SPEED", "30"))
LIFE, AWAY, BIN = 3600, 900, 300
WARM_UP, AFTER = (900, 1500) if QUICK else (4500, 3000)
POLICY = """
version = 1
[[role]]
name = "web-tls"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server"]
names = ["dns:*.web.test.internal"]
"""


def namespaces(count):
    """One for each agent, on a bridge; none where that is not permitted."""
    if os.getuid() != 0 or not shutil.which("ip"):
        return []
    ip = lambda *argv: subprocess.run(["ip", *argv], capture_output=True)  # noqa: E731
    tag = f"mf{os.getpid() % 10000}"
    made = [f"{tag}n{n}" for n in range(count)]
    if ip("link", "add", f"{tag}b", "type", "bridge").returncode != 0:
        return []
    ip("addr", "add", "10.213.0.1/24", "dev", f"{tag}b")
    ip("link", "set", f"{tag}b", "up")
    for n, name in enumerate(made):
        steps = [("netns", "add", name), ("link", "add", f"{tag}v{n}", "type", "veth", "peer", "name", "eth0", "netns", name), ("link", "set", f"{tag}v{n}", "master", f"{tag}b", "up"),
                 ("-n", name, "addr", "add", f"10.213.0.{n + 2}/24", "dev", "eth0"), ("-n", name, "link", "set", "eth0", "up"), ("-n", name, "link", "set", "lo", "up")]
        if any(ip(*step).returncode != 0 for step in steps):
            take_down(tag, made)
            return []
    return made


def take_down(tag, made):
    for name in made:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    subprocess.run(["ip", "link", "del", f"{tag}b"], capture_output=True)


def value_of(process, name):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise AssertionError(name)


def toml(name, folder):
    return f'identity = "workload/{name}"\nrole = "web-tls"\nnames = ["{name}.web.test.internal"]\n[files]\nfolder = "{folder}"\n'


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


world, nodes = World(POLICY), []
made = namespaces(AGENTS)
tag = f"mf{os.getpid() % 10000}"
try:
    library = world.dir / "fast_clock.so"
    config = world.dir / "ca/ca.toml"
    text = config.read_text()
    port = free_port()
    text = text.replace("127.0.0.1:0", f"127.0.0.1:{port}")  # the same after each stop
    if made:
        text = text.replace("127.0.0.1", "10.213.0.1")
    config.write_text(text + "\n[rates]\ncaller = 5000\ncaller_burst = 5000\n" if "[rates]" not in text else text)
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    world.start()
    world.login()
    names = [f"w{a}-{n}" for a in range(AGENTS) for n in range(EACH)]
    for name in names + [f"idle-{n}" for n in range(20)]:
        expect(run("identity", "create", f"workload/{name}", "--owner", "alice", "--purpose", "fleet"), 0)

    # What an agent costs that has nothing to do.
    idle = Node(world, "idle", poll="10m")
    for n in range(20):
        expect(run("role", "grant", "web-tls", f"workload/idle-{n}", "--node", "idle", "--for", "1d", "--reason", "fleet"), 0)
        idle.write(f"idle-{n}", toml(f"idle-{n}", idle.dir / f"w{n}"))
    idle.start()
    wait_until(idle.tail, lambda: sum(1 for one in idle.status()["workloads"].values() if one["serial"]) == 20, 60)
    wait_until("the agent rests", lambda: pathlib.Path(f"/proc/{idle.process.pid}/stat").read_text().split()[2] == "S")
    rss, before = value_of(idle.process, "VmRSS"), value_of(idle.process, "voluntary_ctxt_switches")
    time.sleep(3)  # it is the very thing we measure: three seconds in which nothing is due
    woken = value_of(idle.process, "voluntary_ctxt_switches") - before
    print(f"idle agent with 20 workloads: {rss / 1024:.1f} MB resident ({value_of(idle.process, 'RssAnon') / 1024:.1f} its own, {value_of(idle.process, 'RssFile') / 1024:.1f} of programs and libraries), woken {woken} times in 3 s")
    assert woken == 0, woken
    # What is its own is what twenty workloads could make grow; the rest is pages of libraries that nobody ran through since.
    assert value_of(idle.process, "RssAnon") < 4 * 1024 and rss < 12 * 1024 or os.environ.get("MAYFLY_SANITIZE"), rss
    idle.stop()

    for a in range(AGENTS):
        node = Node(world, f"n{a}", poll="5m")
        nodes.append(node)
        for n in range(EACH):
            expect(run("role", "grant", "web-tls", f"workload/w{a}-{n}", "--node", f"n{a}", "--for", "1d", "--reason", "fleet"), 0)
            node.write(f"w{a}-{n}", toml(f"w{a}-{n}", node.dir / f"w{n}"))
    assert world.stop() == 0

    # From here on time flies. What everybody starts with is spread over a renewal's ordinary length, as in a fleet that grew.
    began = int(time.time())
    fake = lambda: began + (time.time() - began) * SPEED  # noqa: E731
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-DSTART={began}", f"-DSPEED={SPEED}", "-o", str(library), str(pathlib.Path(__file__).parent / "fast_clock.c")], check=True)
    world.env["LD_PRELOAD"] = str(library)
    give_signer(world, library)
    world.start()
    step = LIFE * 5 / 8 / AGENTS
    wait = lambda until: wait_until("time", lambda: fake() >= until, 600)  # noqa: E731
    start = fake()
    for a, node in enumerate(nodes):
        wait(start + a * step)
        node.start(prefix=["ip", "netns", "exec", made[a]] if made else [], env=world.env)
    wait(start + LIFE * 5 / 8 + WARM_UP)
    down = fake()
    world.stop()
    wait(down + AWAY)
    world.start()
    back = fake()
    wait(back + AFTER)
    end = fake()
    statuses = [node.status() for node in nodes]
    for node in nodes:
        node.stop()

    # No certificate has ended, nothing is wrong, and nothing was lost.
    for node, status in zip(nodes, statuses):
        assert status["health"] == "ok" and len(status["workloads"]) == EACH, (node.name, status, node.tail())
        for one in status["workloads"].values():
            assert instant(one["until"]) > instant(status["time"]), (node.name, one)
    world.stop()
    world.env.pop("LD_PRELOAD")
    # The log speaks of times that have not come yet: it is read from the files that the agents and the CA left.
    import sqlite3
    rows = sqlite3.connect(f"file:{world.dir}/ca/mayfly.db?mode=ro", uri=True).execute(
        "SELECT identity, valid_after, valid_before FROM certificate WHERE state = 'issued' AND kind = 'x509' AND identity GLOB 'workload/w*' ORDER BY valid_after").fetchall()
    held = {}
    for identity, after, before in rows:
        if identity in held:
            assert after + 30 <= held[identity], f"{identity} had none for {after + 30 - held[identity]} s"
        held[identity] = before
    assert len(held) == len(names)
    assert not [row for row in rows if down + 60 < row[1] + 30 < down + AWAY - 60]
    arrivals = [after + 30 for _, after, _ in rows]
    steady = len(names) * BIN / (LIFE * 5 / 8)
    counts = [sum(1 for at in arrivals if back + n * BIN <= at < back + (n + 1) * BIN) for n in range(int((end - back) / BIN))]
    # Twice the ordinary rate, and three standard deviations of counting so few; all at once would be four times.
    limit = 2 * steady + 3 * math.sqrt(2 * steady)
    print(f"{len(names)} certificates on {AGENTS} agents{' in namespaces' if made else ''}: {steady:.0f} renewals in {BIN} s ordinarily; after {AWAY} s without the CA: {counts} (at most {limit:.0f})")
    assert max(counts) <= limit, counts
    print(f"{len(checked)} passed, 0 failed")
except BaseException:
    for log in [world.dir / "ca.log", *(node.log for node in nodes[:2])]:
        if log.exists():
            print(f"--- {log}\n{log.read_text()[-2000:]}", file=sys.stderr)
    raise
finally:
    for node in nodes + ([globals()["idle"]] if "idle" in globals() else []):
        node.stop()
    if made:
        take_down(tag, made)
    world.close()
