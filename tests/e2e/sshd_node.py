"""A node in a folder: a real sshd on loopback with files of its own, and an agent that is enrolled for it."""
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

from waiting import free_port, wait_until
from world import PLAIN_SSHD

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name
SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def policy(account=ACCOUNT):
    return f"""
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{account}"]
nodes = {{ env = "dev" }}
extensions = ["permit-pty"]
[[role]]
name = "web"
owner = "alice"
max_lifetime = "24h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
names = ["ip:127.0.0.1"]
"""


class Node:
    """`before` is what stands in sshd's drop-in before the agent comes; None for no file."""

    def __init__(self, world, mode, name="db-7", before=None, extra=()):
        self.world, self.name = world, name
        self.dir = world.dir / name
        self.dir.mkdir(mode=0o755)
        world.dir.chmod(0o755)  # sshd reads principals as the account's user
        self.port = free_port()
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.at("host_key"))
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "old laptop", "-f", self.at("old"))
        shutil.copy(self.at("old.pub"), self.at("authorized_keys"))
        (self.dir / "conf.d").mkdir()
        self.drop_in = self.dir / "conf.d/00-mayfly.conf"
        if before is not None:
            self.drop_in.write_text(before)
            self.drop_in.chmod(0o640)
        lines = [f"Include {self.dir}/conf.d/*.conf", "ListenAddress 127.0.0.1", f"Port {self.port}", f"HostKey {self.at('host_key')}", f"PidFile {self.at('pid')}", "LogLevel VERBOSE",
                 *PLAIN_SSHD.split("\n")[:-1], "PermitRootLogin prohibit-password", f"AuthorizedKeysFile {self.at('authorized_keys')}", "KbdInteractiveAuthentication no", *extra]
        if penalties():
            lines.append("PerSourcePenalties no")  # many logins of a test come to nothing
        (self.dir / "sshd_config").write_text("".join(line + "\n" for line in lines))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.config = self.dir / "agent/agent.toml"
        self.process = None
        token = world.must("mayfly", "token", "create", "--node", name, "--owner", "alice", "--label", "env=dev", "--host", name).stdout
        (self.dir / "token").write_text(token)
        argv = ["mayfly-agent", "enroll", world.url, "--fingerprint", world.fingerprint, "--token-file", self.at("token"), "--dir", self.at("agent"), "--sshd-program", SSHD, "--sshd-config",
                self.at("sshd_config"), "--drop-in", str(self.drop_in), "--trust-dir", self.at("trust"), "--host-key", self.at("host_key"), "--reload-pid-file", self.at("pid")]
        world.must(*argv, *(["--mode", mode] if mode else []))
        text = self.config.read_text().replace('sshd_log = "journal"', f'sshd_log = "{self.at("log")}"\nplain = true')
        self.config.write_text(text)

    def at(self, name):
        return str(self.dir / name)

    def start(self):
        self.process = subprocess.Popen([SSHD, "-D", "-f", self.at("sshd_config"), "-E", self.at("log")])
        wait_until("sshd", self.listens)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def run(self, *argv):
        return self.world.run("mayfly-agent", *argv, "--config", str(self.config))

    def once(self):
        """One round; what it said in its line."""
        done = self.run("run", "--once")
        return json.loads(done.stdout.splitlines()[0]) if done.stdout else {"event": "nothing", "text": done.stderr}

    def status(self):
        done = self.run("status", "-o", "json")
        return json.loads(done.stdout)

    def mode(self, word, *flags):
        return self.run("mode", word, *flags)

    def ssh(self, key, certificate=None, *options, command="true"):
        """Exit code of a login; None when ssh got no answer to it."""
        argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                "ConnectTimeout=10", "-i", str(key), *(["-o", f"CertificateFile={certificate}"] if certificate else []), *options, "-p", str(self.port), "-l", ACCOUNT, "127.0.0.1", command]
        return self.world.run(*argv)

    def opens(self, key, certificate=None):
        """True or False by sshd's own word; a reload in between is asked again."""
        for _ in range(40):
            try:
                done = self.ssh(key, certificate)
            except subprocess.TimeoutExpired:
                continue  # caught by sshd as it started anew, on a machine that is busy
            if done.returncode == 0:
                return True
            if "Permission denied" in done.stderr:
                return False
            time.sleep(0.25)  # sshd starts anew
        raise AssertionError(f"sshd does not answer: {done.stderr}\n{self.log()[-2000:]}")

    def by_old_key(self):
        return self.opens(self.at("old"))

    def log(self):
        path = pathlib.Path(self.at("log"))
        return path.read_text() if path.exists() else ""


_penalties = None


def penalties():
    """Does this sshd know PerSourcePenalties (9.8 and later)?"""
    global _penalties
    if _penalties is None:
        text = subprocess.run([SSHD, "-T", "-f", "/dev/null"], capture_output=True, text=True)
        _penalties = "persourcepenalties" in text.stdout
    return _penalties
