"""Other people's X.509 implementations. Each judges one certificate: under this root, for this use and name, now."""
import pathlib
import subprocess
import tempfile

from table import cannot, no, run, said, yes

OIDS = {"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2"}


class Hand:
    blind = {}  # what it does not judge, and why

    def __init__(self, world):
        self.world = world
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hand.", dir=world.dir))


class OpenSsl(Hand):
    name, package = "openssl verify", "openssl"

    def judge(self, minted, root, purpose, name):
        flags = {"dns": "-verify_hostname", "ip": "-verify_ip", "email": "-verify_email"}
        more = [flags[name[0]], name[1]] if name else []
        return said(run("openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", minted.chain, "-purpose", f"ssl{purpose}", *more, minted.certificate))


class GnuTls(Hand):
    name, package = "certtool (GnuTLS)", "gnutls-bin"

    def judge(self, minted, root, purpose, name):
        more = []
        if name:
            more = [f"--verify-{'email' if name[0] == 'email' else 'hostname'}={name[1]}"]
        text = minted.certificate.read_text() + minted.chain.read_text()
        return said(run("certtool", "--verify", f"--load-ca-certificate={root}", f"--verify-purpose={OIDS[purpose]}", *more, input=text))


class Nss(Hand):
    """vfychain judges chain, time and use; for servers with a DNS name tstclnt also does a TLS handshake."""
    name, package = "NSS", "libnss3-tools"

    def __init__(self, world):
        super().__init__(world)
        self.bases = {}

    def base(self, root):
        """A certificate database that trusts one root, for servers and clients."""
        if root not in self.bases:
            folder = self.folder / str(len(self.bases))
            folder.mkdir()
            for arguments in (("-N", "--empty-password"), ("-A", "-n", "root", "-t", "CT,,", "-i", root)):
                done = run("certutil", *arguments, "-d", f"sql:{folder}")
                assert done.returncode == 0, done.stderr
            self.bases[root] = folder
        return self.bases[root]

    def judge(self, minted, root, purpose, name):
        base = f"sql:{self.base(root)}"
        done = run("vfychain", "-d", base, "-u", "1" if purpose == "server" else "0", "-a", minted.certificate, "-a", minted.chain)
        if done.returncode != 0 and "Ed25519" in minted.row and "-8102" in done.stderr + done.stdout:
            return cannot("knows no Ed25519 keys in this version")
        if done.returncode != 0 or not name or name[0] == "email":
            return said(done)
        key = minted.certificate.parent / "key.pem"
        if not key.exists():
            return said(done)
        server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", minted.certificate, "-cert_chain", minted.chain, "-key", key, "-tls1_3"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            line = ""
            while not line.startswith("ACCEPT"):
                line = server.stdout.readline()
                assert line, "openssl s_server ended"
            port = line.strip().rsplit(":", 1)[1]
            return said(run("tstclnt", "-h", "127.0.0.1", "-p", port, "-a", name[1], "-d", base, "-V", "tls1.3:tls1.3", "-Q"))
        finally:
            server.kill()
            server.communicate()


class Botan(Hand):
    name, package = "botan cert_verify", "botan"
    blind = {"name": "its command line takes no name", "use": "its command line takes no use"}

    def judge(self, minted, root, purpose, name):
        # It knows trusted certificates only, so what stands between is given only under its own root: else it would
        # be an anchor of its own.
        above = [minted.chain, root] if root == minted.root else [root]
        done = run("botan", "cert_verify", minted.certificate, *above)
        return done.returncode == 0 and "passes validation" in done.stdout, done.stdout + done.stderr, None


class Cryptography(Hand):
    name, package = "python3-cryptography", "python3-cryptography"

    def __init__(self, world):
        super().__init__(world)
        try:
            from cryptography.x509 import verification  # noqa: F401
        except ImportError:
            old = "no path validation before version 42: fields and signatures only"
            self.blind = {"name": old, "use": old, "time": old}

    def judge(self, minted, root, purpose, name):
        from cryptography import exceptions, x509
        from cryptography.hazmat.primitives.asymmetric import ec
        try:
            leaf, above, top = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (minted.certificate, minted.chain, root))
            if not self.blind:
                return self.verify(x509, leaf, above, top, purpose, name)
            list(leaf.extensions)
            leaf.public_key()
            for below, signer in ((leaf, above), (above, top)):
                if below.issuer != signer.subject:
                    return no("another issuer")
                signer.public_key().verify(below.signature, below.tbs_certificate_bytes, ec.ECDSA(below.signature_hash_algorithm))
            return yes()
        except exceptions.InvalidSignature:
            return no("the signature is wrong")
        except ValueError as error:
            return no(f"{type(error).__name__}: {error}")

    def verify(self, x509, leaf, above, top, purpose, name):
        import ipaddress

        from cryptography.x509 import verification
        builder = verification.PolicyBuilder().store(verification.Store([top]))
        try:
            if purpose == "client":
                builder.build_client_verifier().verify(leaf, [above])
            else:
                subject = x509.DNSName(name[1]) if name[0] == "dns" else x509.IPAddress(ipaddress.ip_address(name[1]))
                builder.build_server_verifier(subject).verify(leaf, [above])
            return yes()
        except verification.VerificationError as error:
            return no(str(error))


class Go(Hand):
    name, package = "Go crypto/x509", "golang-go"
    program = None

    def judge(self, minted, root, purpose, name):
        return said(run(Go.program, root, minted.chain, minted.certificate, purpose, name[1] if name and name[0] != "email" else "-"))
