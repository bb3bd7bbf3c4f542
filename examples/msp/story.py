"""What the story is told with: real programs, their real output, and a wall clock that can be moved.

Every command is shown as somebody would type it, with what it printed. Each states what it must come to; when it does not,
the story stops there and says so.
"""
import datetime
import json
import mmap
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
HOUR, DAY = 3600, 24 * 3600


class Failed(Exception):
    """The story did not come out as told."""


class Clock:
    """Seconds that every program of the story adds to the wall clock, in a page that all of them map (clock.c)."""

    def __init__(self, folder):
        self.file, self.preload = folder / "clock", folder / "clock.so"
        self.file.write_bytes(bytes(8))
        self.file.chmod(0o644)
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", f'-DCLOCK_FILE="{self.file}"', "-o", self.preload, HERE / "clock.c"], check=True)
        self.preload.chmod(0o755)
        with open(self.file, "r+b") as page:
            self.page = mmap.mmap(page.fileno(), 8)

    def now(self):
        return datetime.datetime.fromtimestamp(time.time() + struct.unpack("<q", self.page)[0], datetime.timezone.utc)

    def forward(self, seconds):
        struct.pack_into("<q", self.page, 0, struct.unpack("<q", self.page)[0] + int(seconds))

    def to_monday_morning(self):
        now = self.now()
        start = now.replace(hour=8, minute=0, second=0) + datetime.timedelta(days=(7 - now.weekday()) % 7 or 7)
        self.forward((start - now).total_seconds())

    def environment(self):
        return {"LD_PRELOAD": str(self.preload)}


class Story:
    def __init__(self, bin_dir):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-msp."))
        self.dir.chmod(0o755)  # the signer becomes another account and maps the clock
        self.clock = Clock(self.dir)
        self.bin, self.children, self.told = pathlib.Path(bin_dir), [], 0
        self.env = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", HOME=str(self.dir), LC_ALL="C.UTF-8", **self.clock.environment())
        for name in ("SSH_AUTH_SOCK", "MAYFLY_CONTEXT", "http_proxy", "https_proxy"):
            self.env.pop(name, None)

    # ---- telling --------------------------------------------------------------------------------------------------------
    def chapter(self, title):
        print(f"\n\033[1m{self.clock.now():%A %H:%M}  {title}\033[0m" if sys.stdout.isatty() else f"\n== {self.clock.now():%A %H:%M}  {title}", flush=True)

    def say(self, text):
        print("   " + text, flush=True)

    def home(self, who):
        folder = self.dir / "home" / who
        for name in ("config", "state", "run"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name).chmod(0o700)
        return dict(self.env, XDG_CONFIG_HOME=str(folder / "config"), XDG_STATE_HOME=str(folder / "state"), XDG_RUNTIME_DIR=str(folder / "run"))

    def quietly(self, who, *words, code=0, says=()):
        """Runs a command as somebody, and holds it to what it must come to."""
        done = subprocess.run([str(word) for word in words], cwd=self.dir, env=self.home(who), capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        missing = [text for text in ((says,) if isinstance(says, str) else says) if text not in said]
        if done.returncode != code or missing:
            raise Failed(f"{who}: {' '.join(map(str, words))}\n   exit {done.returncode}, told: {code}; not said: {missing}\n{said}")
        self.told += 1
        return done

    def does(self, who, *words, code=0, says=()):
        """The same, shown; of a refusal, what was refused and why."""
        done = self.quietly(who, *words, code=code, says=says)
        shown = " ".join(f'"{word}"' if " " in str(word) else str(word) for word in words)
        print(f"   {who}$ {shown}")
        lines = (done.stdout + done.stderr).rstrip("\n").splitlines()
        errors = [at for at, line in enumerate(lines) if line.startswith("error:")]
        for line in lines[errors[0]:] if errors else lines:
            print("      " + line)
        sys.stdout.flush()
        return done

    def data(self, who, *words, code=0):
        """What a verb answers to a program."""
        return json.loads(self.quietly(who, *words, "-o", "json", code=code).stdout)

    def must(self, fact, holds):
        if not holds:
            raise Failed(fact)
        self.told += 1
        self.say("✓ " + fact)

    def until(self, fact, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise Failed("waited in vain: " + fact)
            time.sleep(0.02)  # a poll of what we wait for
        self.must(fact, True)

    def ticket(self, request):
        """What the service desk's system keeps about a request (examples/receiver)."""
        return json.loads((self.dir / f"desk/tickets/{request}.json").read_text())

    def heard(self):
        """Every event that the service desk's system was told of."""
        file = self.dir / "desk/events.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []

    # ---- the CA ---------------------------------------------------------------------------------------------------------
    def start(self, name, *words, environment=None):
        process = subprocess.Popen([str(word) for word in words], cwd=self.dir, env=environment or self.env, stdout=open(self.dir / f"{name}.log", "ab"), stderr=subprocess.STDOUT)
        self.children.append(process)
        return process

    def start_ca(self):
        address = self.dir / "ca/address"
        address.unlink(missing_ok=True)
        self.ca = self.start("ca", "mayfly-ca", "serve", "--config", "ca/ca.toml")
        deadline = time.monotonic() + 30
        while not (address.exists() and address.read_text().endswith("\n")):
            if self.ca.poll() is not None or time.monotonic() > deadline:
                raise Failed("the CA did not come up\n" + (self.dir / "ca.log").read_text()[-2000:])
            time.sleep(0.02)  # a poll of what we wait for
        self.url = "https://" + address.read_text().strip()

    def signer_with_clock(self):
        """The CA starts its signer with an empty environment; this one puts the story's clock back in."""
        wrapper = self.dir / "signer"
        clock = " ".join(f"{name}={value}" for name, value in self.clock.environment().items())
        wrapper.write_text(f"#!/bin/sh\nexec env {clock} {self.bin}/mayfly-signer \"$@\"\n")
        wrapper.chmod(0o755)
        return wrapper

    def time_passes(self, seconds):
        """The wall clock moves; the CA is told to look at it (SIGHUP renews its TLS certificate, as a restart would)."""
        self.clock.forward(seconds)
        log = self.dir / "ca.log"
        before = log.read_text().count('"tls.renewed"')
        self.ca.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while log.read_text().count('"tls.renewed"') == before:
            if self.ca.poll() is not None or time.monotonic() > deadline:
                raise Failed("the CA did not notice the time\n" + log.read_text()[-2000:])
            time.sleep(0.02)  # a poll of what we wait for

    def close(self, keep):
        for process in reversed(self.children):
            if process.poll() is None:
                process.terminate()
        for process in self.children:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        if keep:
            print(f"   what ran is in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
