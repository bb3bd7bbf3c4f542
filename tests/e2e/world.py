"""A CA of its own in a temporary folder, for tests that run the real programs. Loopback only, any free port."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time


def openssh_version():
    """(9, 2) on Debian 12."""
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr
    return tuple(map(int, re.match(r"OpenSSH_(\d+)\.(\d+)", said).groups()))


# For an sshd of a test's own. With SHLVL, bash does not take a login for one from afar, where it would read the ~/.bashrc
# of whoever runs the tests. From 9.8 on, who fails is shut out for a while: here all that fails comes from one address.
PLAIN_SSHD = "StrictModes no\nUsePAM no\nSetEnv SHLVL=1\n" + ("PerSourcePenalties no\n" if openssh_version() >= (9, 8) else "")

checked = []


def expect(done, code, *texts):
    """A program ended with this code and said these words. `checked` counts the facts of a test."""
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{done.args}: exit {done.returncode}, not {code}\n{said}"
    for text in texts:
        assert text in said, f"{done.args}: no \"{text}\" in\n{said}"
    checked.append(done.args)
    return done


class World:
    def __init__(self, policy):
        self.bin = pathlib.Path(os.environ["MAYFLY_BIN"])
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-e2e."))
        self.env = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", HOME=str(self.dir / "home"), XDG_CONFIG_HOME=str(self.dir / "config"),
                        XDG_STATE_HOME=str(self.dir / "state"), XDG_RUNTIME_DIR=str(self.dir / "run"))
        for name in ("SSH_AUTH_SOCK", "MAYFLY_CONTEXT"):
            self.env.pop(name, None)
        (self.dir / "home").mkdir()
        (self.dir / "pass").write_text("a passphrase of the test\n")
        (self.dir / "pass").chmod(0o600)
        (self.dir / "policy.toml").write_text(policy)
        self.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "alice")
        self.fingerprint = self.must("mayfly-ca", "init", "--dir", "ca", "--trust-domain", "test.internal", "--owner", "alice", "--owner-key", "alice.pub", "--passphrase-file", "pass", "--policy",
                                     "policy.toml", "--listen", "127.0.0.1:0", "--name", "ip:127.0.0.1", "--insecure-fast-seal").stdout.strip()
        self.ca = None

    def run(self, *argv, **options):
        return subprocess.run(argv, cwd=self.dir, env=self.env, capture_output=True, text=True, timeout=60, **options)

    def must(self, *argv):
        done = self.run(*argv)
        assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, port=None):
        config = self.dir / "ca/ca.toml"
        if port:
            config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        address = self.dir / "ca/address"
        address.unlink(missing_ok=True)
        self.ca = subprocess.Popen(["mayfly-ca", "serve", "--config", "ca/ca.toml"], cwd=self.dir, env=self.env, stdout=open(self.dir / "ca.log", "ab"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while not address.exists() or not address.read_text().endswith("\n"):
            assert self.ca.poll() is None, (self.dir / "ca.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the CA did not come up"
            time.sleep(0.01)  # a poll of what we wait for, not a guess at how long it takes
        self.url = "https://" + address.read_text().strip()
        return self.url

    def login(self):
        self.must("mayfly", "bootstrap", self.url, "--fingerprint", self.fingerprint)
        self.must("mayfly", "login", "--key", "alice")

    def stop(self, how=signal.SIGTERM):
        if self.ca and self.ca.poll() is None:
            self.ca.send_signal(how)
        code = self.ca.wait(timeout=20) if self.ca else 0
        return code

    def entries(self):
        """Every event of the verified log."""
        shutil.rmtree(self.dir / "log", ignore_errors=True)
        self.must("mayfly", "audit", "export", "--out", "log")
        self.must("mayfly", "audit", "verify", "log", "--events")
        size, out = int((self.dir / "log/checkpoint").read_text().split("\n")[1]), []
        for first in range(0, size, 256):
            width = min(256, size - first)
            groups = [f"{first // 256 % 1000:03}"]
            rest = first // 256 // 1000
            while rest:
                groups.insert(0, f"x{rest % 1000:03}")
                rest //= 1000
            raw = (self.dir / "log/tile/entries" / ("/".join(groups) + ("" if width == 256 else f".p/{width}"))).read_bytes()
            while raw:
                length = int.from_bytes(raw[:2], "big")
                out.append(json.loads(raw[2:2 + length]))
                raw = raw[2 + length:]
        return out

    def close(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)


POLICY = """
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.ssh]
accounts = ["deploy"]
nodes = { env = "dev" }
extensions = ["permit-pty"]
[[role]]
name = "web"
owner = "alice"
max_lifetime = "24h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server", "client"]
names = ["dns:*.test.internal", "ip:127.0.0.1"]
[[role]]
name = "strict"
owner = "alice"
max_lifetime = "1h"
risk = "high"
[role.ssh]
accounts = ["root"]
nodes = "all"
"""
