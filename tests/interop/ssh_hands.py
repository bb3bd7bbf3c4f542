"""Other people's SSH implementations. Each judges one certificate: against this CA, under this name, now."""
import asyncio
import os
import pathlib
import subprocess
import tempfile

from ssh_minted import ACCOUNT
from sshd_door import Door
from table import cannot, no, run, said, yes


class Hand:
    blind = {}  # what it does not judge, and why

    def __init__(self, world):
        self.world, self.count = world, 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hand.", dir=world.dir))
        self.plain_host_key = world.dir / "plain_host_key"
        if not self.plain_host_key.exists():
            world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.plain_host_key))

    def fido(self):
        return ["-o", f"SecurityKeyProvider={self.world.env['SSH_SK_PROVIDER']}"]

    def place(self):
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        return folder

    def known(self, authority, name):
        """A known_hosts file that trusts only this CA, only for this name."""
        path = self.place() / "known_hosts"
        path.write_text(f"@cert-authority {name} {authority.read_text()}")
        return path

    def pinned(self):
        path = self.place() / "known_hosts"
        path.write_text(f"node {pathlib.Path(str(self.plain_host_key) + '.pub').read_text()}")
        return path

    def user_door(self, authority, name):
        return Door(self.place(), self.plain_host_key, user_ca=authority, principal=name)

    def host_door(self, minted):
        return Door(self.place(), minted.key, host_certificate=minted.certificate, user_ca=self.world.user_ca, principal="bare")


class KeygenList(Hand):
    """Parses every field and checks the signature; judges neither time nor names nor trust."""
    name, package = "ssh-keygen -L", "openssh-client"
    blind = dict.fromkeys(("name", "CA", "time", "address", "verification"), "shows; what it shows is judged by others")

    def judge(self, minted, authority, name, **_):
        done = run("ssh-keygen", "-L", "-f", minted.certificate)
        shown = done.stdout
        if done.returncode == 0 and not ("Type: " in shown and minted.principal in shown and "Critical Options" in shown):
            return no(shown)
        return said(done)


class KeygenVerify(Hand):
    """Verifies a signature made with the certified key, by a certificate of a trusted CA, valid now, for this name."""
    name, package = "ssh-keygen -Y verify", "openssh-client"
    blind = dict.fromkeys(("address", "verification"), "judges a signature, not a login")

    def judge(self, minted, authority, name, **_):
        if minted.kind == "host":
            return cannot("signatures by users only")
        folder = self.place()
        (folder / "message").write_text("a message")
        (folder / "allowed").write_text(f'{name} cert-authority {authority.read_text()}')
        made = run("ssh-keygen", "-q", "-Y", "sign", "-f", minted.certificate, "-n", "interop", folder / "message", env=self.world.env)
        if made.returncode != 0:
            return said(made)
        with open(folder / "message") as message:
            return said(run("ssh-keygen", "-Y", "verify", "-f", folder / "allowed", "-I", name, "-n", "interop", "-s", folder / "message.sig", stdin=message))


class OpenSsh(Hand):
    """ssh logs in to sshd: sshd judges users, ssh judges hosts."""
    name, package = "ssh and sshd", "openssh-server"

    def ssh(self, door, minted, known, alias, command=("true",), terminal=False, env=None):
        return run("ssh", "-F", "none", *(["-tt"] if terminal else []), "-i", minted.key, "-o", f"CertificateFile={minted.certificate}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", *self.fido(),
                   "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-o", f"HostKeyAlias={alias}", "-o", "UpdateHostKeys=no",
                   "-p", str(door.port), "-l", ACCOUNT, "127.0.0.1", *command, env=env or self.world.env, stdin=subprocess.DEVNULL)

    def judge(self, minted, authority, name, user=None, env=None, **_):
        if minted.kind == "host":
            with self.host_door(minted) as door:
                done = self.ssh(door, user, self.known(authority, name), name)
            # A host key that ssh does not trust is a reason of ssh's own; that the door was shut to the user is not.
            if done.returncode != 0 and "Permission denied" in done.stderr:
                raise AssertionError(f"the user's certificate was refused: {done.stderr}")
            return said(done)
        terminal = "pty" in minted.marks and os.getuid() == 0  # only root's sshd can give a terminal away
        with self.user_door(authority, name) as door:
            done = self.ssh(door, minted, self.pinned(), "node", ("tty",) if terminal else ("true",), terminal, env)
        if done.returncode == 0 and "forced" in minted.marks and done.stdout.strip() != "forced":
            return no(f"the forced command did not run: {done.stdout}")
        if done.returncode == 0 and terminal and "/dev/" not in done.stdout:
            return no(f"no terminal in spite of permit-pty: {done.stdout}")
        return done.returncode == 0, done.stdout + done.stderr + door.words(), None


class PuTTY(Hand):
    """puttygen joins certificate and key, plink logs in to sshd; plink judges hosts, sshd users."""
    name, package = "PuTTY", "putty-tools"

    def home(self):
        home = self.place()
        return home, dict(self.world.env, HOME=str(home), XDG_CONFIG_HOME=str(home / "none"))

    def plink(self, door, ppk, env, *flags):
        return run("plink", "-batch", "-noagent", "-i", ppk, *flags, "-P", str(door.port), "-l", ACCOUNT, "127.0.0.1", "true", env=env, stdin=subprocess.DEVNULL)

    def ppk(self, minted, env, folder):
        """A PuTTY private key that carries the certificate."""
        made = run("puttygen", minted.key, "--certificate", minted.certificate, "-O", "private", "-o", folder / "key.ppk", "--new-passphrase", "/dev/null", env=env)
        return made, folder / "key.ppk"

    def judge(self, minted, authority, name, user=None, **_):
        home, env = self.home()
        if minted.kind == "user":
            shown = run("puttygen", "--cert-info", minted.certificate, env=env)
            if shown.returncode != 0 and minted.algorithm.startswith("sk-"):
                return cannot("knows no FIDO keys")
            if shown.returncode != 0 or name not in shown.stdout:
                return no(shown.stdout + shown.stderr)
            made, ppk = self.ppk(minted, env, home)
            if made.returncode != 0:
                return said(made)
            fingerprint = run("ssh-keygen", "-lf", str(self.plain_host_key) + ".pub").stdout.split()[1]
            with self.user_door(authority, name) as door:
                return said(self.plink(door, ppk, env, "-hostkey", fingerprint))
        made, ppk = self.ppk(user, env, home)
        if made.returncode != 0:
            return said(made)
        cas = home / ".putty/sshhostcas"
        cas.mkdir(parents=True)
        (cas / "mayfly").write_text(f"PublicKey={authority.read_text().split()[1]}\nValidity={name}\nPermitRSASHA1=0\nPermitRSASHA256=1\nPermitRSASHA512=1\n")
        with self.host_door(minted) as door:
            return said(self.plink(door, ppk, env, "-loghost", name))


class Go(Hand):
    """golang.org/x/crypto/ssh: its server judges users whom ssh brings, its client judges hosts that sshd shows."""
    name, package = "Go x/crypto/ssh", "golang-golang-x-crypto-dev"
    blind = {"verification": "leaves verify-required to the program that uses it"}
    program = None

    def judge(self, minted, authority, name, **_):
        if minted.kind == "host":
            with self.host_door(minted) as door:
                return said(run(Go.program, "client", authority, name, f"127.0.0.1:{door.port}"))
        peer = subprocess.Popen([Go.program, "server", authority, self.plain_host_key], stdout=subprocess.PIPE, text=True)
        port = peer.stdout.readline().strip()
        done = run("ssh", "-F", "none", "-i", minted.key, "-o", f"CertificateFile={minted.certificate}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", *self.fido(), "-o", f"UserKnownHostsFile={self.pinned()}",
                   "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=node", "-N", "-p", port, "-l", name, "127.0.0.1", env=self.world.env, stdin=subprocess.DEVNULL)
        words, _ = peer.communicate(timeout=60)
        return peer.returncode == 0, words + done.stderr, None


class Asyncssh(Hand):
    """An asyncssh client and an asyncssh server in one process: the server judges users, the client hosts."""
    name, package = "python3-asyncssh", "python3-asyncssh"

    def judge(self, minted, authority, name, user=None, **_):
        import asyncssh
        try:
            certificate = asyncssh.read_certificate(str(minted.certificate))
            if minted.algorithm.startswith("sk-"):  # its FIDO client needs the hardware: what the server does is done here
                keys = asyncssh.import_authorized_keys("cert-authority " + authority.read_text())
                if keys.validate(certificate.signing_key, "127.0.0.1", certificate.principals, ca=True) is None:
                    return no("the CA is not trusted")
                certificate.validate(asyncssh.public_key.CERT_TYPE_USER, name)
                return yes()
            asyncio.run(asyncio.wait_for(self.meet(asyncssh, minted, authority, name), 60))
            return yes()
        except (asyncssh.Error, asyncssh.KeyImportError, ValueError, OSError) as error:
            if "hard" in minted.marks and isinstance(error, asyncssh.KeyImportError):
                return cannot("knows no verify-required, and refuses what is critical and unknown, as PROTOCOL.certkeys demands")
            return no(f"{type(error).__name__}: {error}")

    async def meet(self, asyncssh, minted, authority, name):
        async def hello(process):
            process.exit(0)

        host, user = str(self.plain_host_key), minted
        keys = asyncssh.import_authorized_keys("cert-authority " + authority.read_text())
        known = ([asyncssh.read_public_key(host + ".pub")], [], [])
        own = [asyncssh.read_private_key(str(minted.key))] if minted.kind == "host" else []
        if minted.kind == "host":
            keys = asyncssh.import_authorized_keys("\n".join(key.export_public_key().decode() for key in own))
            known = ([], [asyncssh.read_public_key(str(authority))], [])
            serve = [(str(minted.key), str(minted.certificate))]
        else:
            serve = [host]
            own = [(str(user.key), str(user.certificate))]
        # Its server takes the user's name for the principal; its client takes the host alias for the host's.
        async with asyncssh.listen("127.0.0.1", 0, server_host_keys=serve, authorized_client_keys=keys, process_factory=hello) as server:
            async with asyncssh.connect("127.0.0.1", server.sockets[0].getsockname()[1], known_hosts=known, client_keys=own, username=name, agent_path=None, config=None,
                                        host_key_alias=name if minted.kind == "host" else None) as connection:
                await connection.run("true", check=True)


class Paramiko(Hand):
    """paramiko logs in to sshd with the certificate; it judges nothing itself."""
    name, package = "python3-paramiko", "python3-paramiko"

    def judge(self, minted, authority, name, **_):
        import paramiko
        if minted.algorithm.startswith("sk-"):
            return cannot("knows no FIDO keys")
        if minted.kind == "host":
            return cannot("knows no host certificates")
        kind = {"Ed25519": paramiko.Ed25519Key, "RSA": paramiko.RSAKey}.get(minted.algorithm.split()[0], paramiko.ECDSAKey)
        try:
            key = kind.from_private_key_file(str(minted.key))
            key.load_certificate(str(minted.certificate))
            with self.user_door(authority, name) as door:
                client = paramiko.SSHClient()
                host = paramiko.Ed25519Key.from_private_key_file(str(self.plain_host_key))
                client.get_host_keys().add(f"[127.0.0.1]:{door.port}", host.get_name(), host)
                with client:
                    client.connect("127.0.0.1", door.port, ACCOUNT, pkey=key, allow_agent=False, look_for_keys=False)
                    _, out, _ = client.exec_command("true")
                    code = out.channel.recv_exit_status()
                return code == 0, f"exit {code}", None
        except (paramiko.SSHException, ValueError, OSError) as error:
            return no(f"{type(error).__name__}: {error}")
