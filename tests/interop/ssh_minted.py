"""Every kind of SSH certificate that Mayfly mints today, made by the real programs against a living CA."""
import base64
import dataclasses
import getpass
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from world import World  # noqa: E402

ACCOUNT = getpass.getuser()
HOST = "db-7.test.internal"
USER_KEYS = [("Ed25519", "-t ed25519"), ("ECDSA P-256", "-t ecdsa -b 256"), ("ECDSA P-384", "-t ecdsa -b 384"), ("ECDSA P-521", "-t ecdsa -b 521"), ("RSA 2048", "-t rsa -b 2048"),
             ("RSA 3072", "-t rsa -b 3072"), ("RSA 4096", "-t rsa -b 4096"), ("sk-ed25519", "-t ed25519-sk"), ("sk-ecdsa", "-t ecdsa-sk")]
HOST_KEYS = [key for key in USER_KEYS if not key[0].startswith("sk-")]
EXTENSIONS = ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc"]


def role(name, *ssh):
    return "\n".join(["[[role]]", f'name = "{name}"', 'owner = "alice"', 'max_lifetime = "1h"', 'risk = "high"', 'separation = "reviewed"', "[role.ssh]", f'accounts = ["{ACCOUNT}"]', 'nodes = "all"', *ssh]) + "\n"


POLICY = "version = 1\n" + "".join([
    role("bare", "extensions = []"),
    role("full", f"extensions = {json.dumps(EXTENSIONS)}"),
    role("untouched", 'extensions = ["no-touch-required"]'),
    role("forced", 'force_command = "echo forced"'),
    role("near", 'source_addresses = ["127.0.0.1/32", "::1/128"]'),
    role("far", 'source_addresses = ["192.0.2.0/24"]'),
    role("hard", "hardware_key = true"),
])


@dataclasses.dataclass
class Minted:
    """One certificate, its private key, the CA that signed it, and a name that it is good for."""
    row: str
    kind: str  # user or host
    algorithm: str
    key: pathlib.Path
    certificate: pathlib.Path
    authority: pathlib.Path  # public key file
    principal: str
    marks: frozenset = frozenset()  # what is special: forced, near, far, hard, pty …


def altered(minted, where, name):
    """The same certificate with one byte changed: "field" (the last byte of the key id) or "signature" (its last)."""
    algorithm, text, *_ = minted.certificate.read_text().split()
    blob = bytearray(base64.b64decode(text))
    at = len(blob) - 1
    if where == "field":
        key_id = b"human/alice" if minted.kind == "user" else b"node/db-7"
        at = blob.index(key_id) + len(key_id) - 1
    blob[at] ^= 1
    certificate = minted.certificate.parent / name / minted.certificate.name
    return at_new_place(minted, certificate, f"{algorithm} {base64.b64encode(blob).decode()} altered\n")


def at_new_place(minted, certificate, text):
    certificate.parent.mkdir(exist_ok=True)
    certificate.write_text(text)
    key = certificate.parent / minted.key.name
    for suffix in ("", ".pub"):
        copy = pathlib.Path(str(key) + suffix)
        copy.write_bytes(pathlib.Path(str(minted.key) + suffix).read_bytes())
        copy.chmod(0o600)
    return dataclasses.replace(minted, key=key, certificate=certificate)


class SshWorld(World):
    def __init__(self, provider):
        super().__init__(POLICY)
        self.env.update(SSH_SK_PROVIDER=str(provider), SOFTWARE_FIDO_VERIFIES="1")
        self.start()
        self.login()
        for name in ("bare", "full", "untouched", "forced", "near", "far", "hard"):
            self.must("mayfly", "role", "grant", name, "human/alice", "--for", "1d", "--reason", "interoperability")
        context = next((self.dir / "config").rglob("*.json"))
        bundle = json.loads(context.read_text())["bundle"]
        self.user_ca, self.host_ca, self.other_ca = (self.dir / name for name in ("user_ca.pub", "host_ca.pub", "other_ca.pub"))
        self.user_ca.write_text(bundle["ssh_user_cas"][0] + "\n")
        self.host_ca.write_text(bundle["ssh_host_cas"][0] + "\n")
        self.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "other_ca")

    def key(self, name, arguments):
        self.must("ssh-keygen", "-q", "-N", "", "-C", name, "-f", name, *arguments.split())
        return self.dir / name

    def user(self, row, algorithm, key, role, *arguments, marks=()):
        """A user certificate, by `mayfly ssh cert` with a key that exists already."""
        self.must("mayfly", "ssh", "cert", "--role", role, "--key", str(key), *arguments)
        return Minted(row, "user", algorithm, key, pathlib.Path(f"{key}-cert.pub"), self.user_ca, role, frozenset(marks))

    def users(self):
        out = []
        for algorithm, arguments in USER_KEYS:
            key = self.key("user-" + algorithm.replace(" ", "-"), arguments)
            out.append(self.user(f"user, {algorithm}", algorithm, key, "bare"))
        for row, role, marks in (("user, all permit-* extensions", "full", {"pty"}), ("user, force-command", "forced", {"forced"}), ("user, source-address", "near", {"near"})):
            out.append(self.user(row, "Ed25519", self.key(f"user-{role}", "-t ed25519"), role, marks=marks))
        for algorithm, arguments in USER_KEYS[-2:]:
            out.append(self.user(f"user, {algorithm}, verify-required", algorithm, self.key(f"user-hard-{algorithm}", arguments), "hard", marks={"hard"}))
            out.append(self.user(f"user, {algorithm}, no-touch-required", algorithm, self.key(f"user-untouched-{algorithm}", arguments), "untouched", marks={"untouched"}))
        return out

    def hosts(self):
        """Host certificates, by a node that joins with a token and whose agent does one round."""
        keys = [(algorithm, self.key("host-" + algorithm.replace(" ", "-"), arguments)) for algorithm, arguments in HOST_KEYS]
        token = self.must("mayfly", "token", "create", "--node", "db-7", "--owner", "alice", "--host", HOST).stdout
        (self.dir / "token").write_text(token)
        (self.dir / "sshd_config").write_text(f"Include {self.dir}/mayfly.conf\n" + "".join(f"HostKey {key}\n" for _, key in keys))
        (self.dir / "mayfly.conf").touch()
        flags = [word for _, key in keys for word in ("--host-key", str(key))]
        self.must("mayfly-agent", "enroll", "--mode", "only", self.url, "--fingerprint", self.fingerprint, "--token-file", "token", "--dir", "agent", "--sshd-program", SSHD, "--sshd-config", f"{self.dir}/sshd_config",
                  "--drop-in", f"{self.dir}/mayfly.conf", "--trust-dir", f"{self.dir}/trust", *flags, "--reload-pid-file", f"{self.dir}/no-sshd")
        self.must("mayfly-agent", "run", "--once", "--config", "agent/agent.toml")
        current = self.dir / "trust/current"
        return [Minted(f"host, {algorithm}", "host", algorithm, key, current / f"{key.name}-cert.pub", self.host_ca, HOST) for algorithm, key in keys]

    def expired(self, row, algorithm, arguments):
        """A user certificate of one second, when that second is over."""
        minted = self.user(row, algorithm, self.key("expired-" + algorithm.replace(" ", "-"), arguments), "bare", "--ttl", "1s")
        deadline = time.monotonic() + 20
        while "expired" not in self.run("mayfly", "inspect", str(minted.certificate)).stdout:
            assert time.monotonic() < deadline, "a certificate of one second did not expire"
            time.sleep(0.05)  # a poll of what we wait for
        return minted


SSHD = next(str(path) for folder in os.environ["PATH"].split(":") + ["/usr/sbin", "/sbin"] if (path := pathlib.Path(folder) / "sshd").exists())
