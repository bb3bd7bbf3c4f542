"""Nodes for tests that run real agents: enrolled, with an sshd configuration of their own, on loopback."""
import json
import os
import pathlib
import shutil
import subprocess

from waiting import wait_until
from world import PLAIN_SSHD

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class Node:
    """An enrolled node. Its sshd never runs, and is judged by `sshd -t` all the same."""

    def __init__(self, world, name, labels={"env": "dev"}, hosts=(), folder=None, poll="1s", sshd="", sshd_log="none"):
        """`sshd`: more lines of sshd_config. `sshd_log`: of which the agent reports logins."""
        self.world, self.name, self.process = world, name, None
        self.dir = world.dir / (folder or f"node-{name}")
        self.dir.mkdir()
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        at = self.at
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("host_key"))
        pathlib.Path(at("mayfly.conf")).write_text("")
        pathlib.Path(at("sshd_config")).write_text(f"Include {at('mayfly.conf')}\nHostKey {at('host_key')}\n{PLAIN_SSHD}{sshd}")
        said = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")] + [word for host in hosts for word in ("--host", host)]
        pathlib.Path(at("token")).write_text(world.must("mayfly", "token", "create", "--node", name, "--owner", "alice", *said).stdout)
        world.must("mayfly-agent", "enroll", world.url, "--fingerprint", world.fingerprint, "--token-file", at("token"), "--dir", at("agent"), "--sshd-program", SSHD, "--sshd-config",
                   at("sshd_config"), "--drop-in", at("mayfly.conf"), "--trust-dir", at("trust"), "--host-key", at("host_key"), "--reload-pid-file", at("pid"), "--mode", "only")
        self.config = self.dir / "agent/agent.toml"
        report = f'sshd_log = "{sshd_log}"' + ("" if sshd_log == "none" else "\nplain = true")
        text = self.config.read_text().replace('poll = "1m"', f'poll = "{poll}"').replace('sshd_log = "journal"', report)
        assert f'poll = "{poll}"' in text and report in text
        self.config.write_text(text)
        self.workloads = self.dir / "agent/workload.d"
        self.workloads.mkdir()
        self.log = self.dir / "agent.log"

    def at(self, name):
        return str(self.dir / name)

    def write(self, name, text):
        """A file of workload.d, there as a whole or not at all."""
        temporary = self.workloads / f".{name}.new"
        temporary.write_text(text)
        temporary.chmod(0o644)
        temporary.rename(self.workloads / f"{name}.toml")

    def start(self, prefix=(), env=None):
        self.process = subprocess.Popen([*prefix, "mayfly-agent", "run", "--config", str(self.config)], cwd=self.dir, env=env or self.world.env, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)

    def once(self):
        return self.world.run("mayfly-agent", "run", "--once", "--config", str(self.config))

    def status(self):
        """What the last round left, or nothing yet."""
        try:
            return json.loads((self.dir / "agent/workloads.json").read_text())
        except (FileNotFoundError, ValueError):
            return {"workloads": {}, "broken": {}, "health": "none"}

    def of(self, name):
        return self.status()["workloads"].get(name, {"serial": "", "trouble": "", "until": ""})

    def tail(self):
        return (self.log.read_text()[-3000:] if self.log.exists() else "") + json.dumps(self.status(), indent=1)

    def has(self, name, not_serial=""):
        wait_until(lambda: f"{self.name}: no certificate for {name}\n{self.tail()}", lambda: self.of(name)["serial"] not in ("", not_serial))
        return self.of(name)["serial"]

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
