#!/usr/bin/env python3
"""kill -9 of the CA, and of its signer, at random moments under eight writers.

After every restart: the log verifies, no serial was used twice, and every certificate that a client received is in the log."""
import argparse
import base64
import hashlib
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from world import POLICY, World  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=200)
parser.add_argument("--writers", type=int, default=8)
parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
options = parser.parse_args()
print(f"seed {options.seed}")
choose = random.Random(options.seed)

world = World(POLICY)
received = {}
lock = threading.Lock()


def writer(number, stop):
    count = 0
    while not stop.is_set():
        count += 1
        name = f"w{number}-{count % 4}"
        (world.dir / f"{name}-cert.pub").unlink(missing_ok=True)
        done = subprocess.run(["mayfly", "ssh", "cert", "--role", "ops", "--out", name], cwd=world.dir, env=world.env, capture_output=True, text=True)
        if done.returncode != 0:
            continue
        blob = base64.b64decode((world.dir / f"{name}-cert.pub").read_text().split()[1])
        with lock:
            received[hashlib.sha256(blob).hexdigest()] = True


try:
    url = world.start()
    port = url.rsplit(":", 1)[1]
    world.login()
    for round_number in range(options.rounds):
        stop = threading.Event()
        writers = [threading.Thread(target=writer, args=(n, stop)) for n in range(options.writers)]
        for thread in writers:
            thread.start()
        deadline = time.monotonic() + choose.uniform(0.05, 0.6)
        while time.monotonic() < deadline:
            time.sleep(0.005)  # the random moment itself
        if round_number % 3 == 2:
            signer = subprocess.run(["pgrep", "-P", str(world.ca.pid), "-x", "mayfly-signer"], capture_output=True, text=True).stdout.split()
            for pid in signer:
                subprocess.run(["kill", "-9", pid], check=False)
        world.ca.send_signal(signal.SIGKILL)
        world.ca.wait()
        stop.set()
        for thread in writers:
            thread.join()
        world.start(port)
    issued, serials = {}, set()
    for event in world.entries():
        if event["type"] == "certificate.issued":
            issued[event["data"]["certificate_sha256"]] = True
        if event["type"] == "certificate.intent":
            key = (event["data"]["issuer"], event["data"]["serial"])
            assert key not in serials, f"serial twice: {key}"
            serials.add(key)
    missing = [sha for sha in received if sha not in issued]
    assert not missing, f"{len(missing)} certificates were released without a durable leaf"
    assert len(received) > options.rounds, f"only {len(received)} certificates in {options.rounds} rounds: nothing was tested"
    print(f"{options.rounds} kills, {len(received)} certificates received, all of them among {len(issued)} in the verified log; {len(serials)} serials, none twice")
finally:
    world.close()
