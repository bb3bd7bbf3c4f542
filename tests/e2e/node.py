"""A node whose sshd trusts only what mayfly-agent wrote: for tests that log in for real. Loopback only, any free port."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from world import PLAIN_SSHD

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def wait_until(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.02)  # a poll of what we wait for, not a guess at how long it takes


class Node:
    def __init__(self, world, name, hosts, labels, more=""):
        self.world, self.name = world, name
        self.dir = world.dir / f"node-{name}"
        self.dir.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.processes = []
        at = self.at
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("host_key"))
        pathlib.Path(at("mayfly.conf")).write_text("")
        pathlib.Path(at("sshd_config")).write_text(f"Include {at('mayfly.conf')}\nListenAddress 127.0.0.1\nPort {self.port}\nHostKey {at('host_key')}\nPidFile {at('pid')}\nLogLevel VERBOSE\n"
                                                   f"{PLAIN_SSHD}PermitRootLogin prohibit-password\nMaxStartups 200\nSubsystem sftp internal-sftp\n{more}")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        argv = ["mayfly", "token", "create", "--node", name, "--owner", "alice"]
        for key, value in labels.items():
            argv += ["--label", f"{key}={value}"]
        for host in hosts:
            argv += ["--host", host]
        token = self.dir / "token"
        token.write_text(world.must(*argv).stdout)
        world.must("mayfly-agent", "enroll", world.url, "--fingerprint", world.fingerprint, "--token-file", str(token), "--dir", at("agent"), "--sshd-program", SSHD, "--sshd-config", at("sshd_config"),
                   "--drop-in", at("mayfly.conf"), "--trust-dir", at("trust"), "--host-key", at("host_key"), "--reload-pid-file", at("pid"), "--mode", "only")
        config = pathlib.Path(at("agent")) / "agent.toml"
        config.write_text(config.read_text().replace('poll = "1m"', 'poll = "1s"'))
        self.log = self.dir / "agent.log"
        self.processes.append(subprocess.Popen(["mayfly-agent", "run", "--config", str(config)], cwd=self.dir, env=world.env, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT))
        wait_until(lambda: "the agent's first round:\n" + self.log.read_text()[-2000:], lambda: any('"event":"round"' in line for line in self.log.read_text().splitlines()))
        self.processes.append(subprocess.Popen([SSHD, "-D", "-f", at("sshd_config"), "-E", at("sshd.log")], env={"PATH": os.environ["PATH"]}))
        wait_until("sshd", lambda: pathlib.Path(at("pid")).exists())

    def at(self, name):
        return str(self.dir / name)

    def words(self):
        path = pathlib.Path(self.at("sshd.log"))
        return path.read_text(errors="replace") if path.exists() else ""

    def accepted(self):
        """Serials of the certificates that sshd let in, in order."""
        return [int(line.split("(serial ")[1].split(")")[0]) for line in self.words().splitlines() if "Accepted publickey" in line and "(serial " in line]

    def rounds(self):
        return [json.loads(line)["text"] for line in self.log.read_text().splitlines(True) if line.endswith("\n") and '"event":"round"' in line]

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
