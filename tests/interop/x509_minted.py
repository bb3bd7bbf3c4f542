"""Every kind of X.509 certificate that Mayfly mints today, made by the real programs against a living CA."""
import base64
import dataclasses
import pathlib
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from world import World  # noqa: E402


def role(name, usage, names, *more):
    return "\n".join(["[[role]]", f'name = "{name}"', 'owner = "alice"', 'max_lifetime = "24h"', 'risk = "low"', 'separation = "reviewed"', "[role.x509]", f"usage = {usage}", f"names = {names}", *more]) + "\n"


POLICY = "version = 1\n" + "".join([
    role("both", '["server", "client"]', '["dns:*.test.internal", "ip:127.0.0.0/8", "ip:2001:db8::/32", "uri:urn:test:*", "email:alice@test.internal"]'.replace('"uri:urn:test:*", ', '"uri:https://test.internal/*", ')),
    role("server", '["server"]', '["dns:*.test.internal"]'),
    role("client", '["client"]', '["dns:*.test.internal"]'),
    role("star", '["server"]', '["dns:*.test.internal"]', "wildcard = true"),
])


@dataclasses.dataclass
class Minted:
    """One certificate with what stands above it, a use and a name (dns, ip, email, or none) that it is good for."""
    row: str
    certificate: pathlib.Path
    chain: pathlib.Path
    root: pathlib.Path
    purpose: str = "server"
    name: tuple = ("dns", "a.test.internal")


def first_pem(text):
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return text[text.index(begin):text.index(end) + len(end)] + "\n"


def altered(minted, where):
    """The same certificate with one byte changed: in its name, which becomes a.uest.internal, or in its signature."""
    der = bytearray(base64.b64decode("".join(first_pem(minted.certificate.read_text()).splitlines()[1:-1])))
    at = der.rindex(b"test.internal") if where == "name" else len(der) - 1
    der[at] ^= 1
    path = minted.certificate.parent / f"altered-{where}.pem"
    text = base64.b64encode(bytes(der)).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    path.write_text("\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"]) + "\n")
    return dataclasses.replace(minted, certificate=path)


class X509World(World):
    def __init__(self):
        super().__init__(POLICY)
        self.start()
        self.login()
        for name in ("both", "server", "client", "star"):
            self.must("mayfly", "role", "grant", name, "human/alice", "--for", "1d", "--reason", "interoperability")
        self.chain, self.root, self.other_root = self.dir / "ca/issuing.pem", self.dir / "ca/root.pem", self.dir / "other.pem"
        self.must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=other", "-days", "2",
                  "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, row, folder, role, names, *arguments, **more):
        flags = [word for name in names for word in ("--name", name)]
        self.must("mayfly", "cert", "issue", "--role", role, *flags, "--out", folder, *arguments)
        return Minted(row, self.dir / folder / "cert.pem", self.chain, self.root, **more)

    def request(self, name, *key):
        """A PKCS#10 request of openssl's making."""
        self.must("openssl", "req", "-new", "-nodes", "-newkey", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=a.test.internal", "-addext", "subjectAltName=DNS:a.test.internal")
        return f"{name}.csr"

    def all(self):
        name = ["dns:a.test.internal"]
        out = [self.issue(f"server and client, {text}", f"both-{kind}", "both", name, "--key-type", kind)
               for text, kind in (("P-256", "p256"), ("P-384", "p384"), ("Ed25519", "ed25519"), ("RSA 3072", "rsa"))]
        for bits in ("2048", "4096"):
            out.append(self.issue(f"server and client, RSA {bits} (PKCS#10 by openssl)", f"both-rsa{bits}", "both", name, "--csr", self.request(f"rsa{bits}", f"rsa:{bits}")))
        out.append(self.issue("server", "server", "server", name))
        out.append(self.issue("client", "client", "client", name, purpose="client", name=None))
        out.append(self.issue("server, IPv4 address", "ip4", "both", ["ip:127.0.0.1"], name=("ip", "127.0.0.1")))
        out.append(self.issue("server, IPv6 address", "ip6", "both", ["ip:2001:db8::7"], name=("ip", "2001:db8::7")))
        out.append(self.issue("client, email", "email", "both", ["email:alice@test.internal"], purpose="client", name=("email", "alice@test.internal")))
        out.append(self.issue("client, URI", "uri", "both", ["uri:https://test.internal/a"], purpose="client", name=None))
        out.append(self.issue("client, SPIFFE ID", "svid", "both", ["uri:spiffe://test.internal/human/alice"], purpose="client", name=None))
        out.append(self.issue("server, wildcard", "star", "star", ["dns:*.test.internal"], name=("dns", "b.test.internal")))
        out += [self.session(), self.node(), self.ca_server()]
        return out

    def aside(self, folder, text):
        (self.dir / folder).mkdir()
        (self.dir / folder / "cert.pem").write_text(first_pem(text))
        return self.dir / folder / "cert.pem"

    def session(self):
        text = next((self.dir / "state").rglob("session.pem")).read_text()
        return Minted("a person's session", self.aside("session", text), self.chain, self.root, "client", None)

    def node(self):
        (self.dir / "token").write_text(self.must("mayfly", "token", "create", "--node", "db-7", "--owner", "alice", "--host", "db-7.test.internal").stdout)
        self.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host_key")
        self.must("mayfly-agent", "enroll", "--mode", "only", self.url, "--fingerprint", self.fingerprint, "--token-file", "token", "--dir", "agent", "--drop-in", f"{self.dir}/drop-in", "--trust-dir", f"{self.dir}/trust",
                  "--host-key", f"{self.dir}/host_key")
        return Minted("a node's identity", self.aside("node", (self.dir / "agent/node.pem").read_text()), self.chain, self.root, "client", None)

    def ca_server(self):
        host, _, port = self.url.removeprefix("https://").rpartition(":")
        return Minted("the CA's own TLS server", self.aside("tls", ssl.get_server_certificate((host, int(port)))), self.chain, self.root, "server", ("ip", "127.0.0.1"))

    def expired(self):
        """A certificate of one second, when that second is over."""
        minted = self.issue("server and client, P-256", "short", "both", ["dns:a.test.internal"], "--ttl", "1s")
        deadline = time.monotonic() + 20
        while self.run("openssl", "x509", "-checkend", "0", "-noout", "-in", str(minted.certificate)).returncode == 0:
            assert time.monotonic() < deadline, "a certificate of one second did not expire"
            time.sleep(0.05)  # a poll of what we wait for
        return minted
