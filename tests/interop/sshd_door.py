"""A real sshd on a loopback port of the kernel's choosing, one process for each connection (sshd -i, as inetd does)."""
import os
import pathlib
import socket
import subprocess
import threading

from ssh_minted import SSHD
from world import PLAIN_SSHD


class Door:
    """Trusts exactly one CA for users and lets exactly one principal in. Leaves sshd's words in `log`."""

    def __init__(self, folder, host_key, host_certificate=None, user_ca=None, principal=None, more=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.log = self.folder / "sshd.log"
        self.log.unlink(missing_ok=True)
        (self.folder / "principals").write_text(f"{principal}\n" if principal else "")
        lines = [f"HostKey {host_key}", *PLAIN_SSHD.split("\n")[:-1], "PermitRootLogin prohibit-password", "AuthorizedKeysFile none", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
                 "LogLevel VERBOSE", "PidFile none", f"AuthorizedPrincipalsFile {self.folder}/principals"]
        if host_certificate:
            lines.append(f"HostCertificate {host_certificate}")
        if user_ca:
            lines.append(f"TrustedUserCAKeys {user_ca}")
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n" + more)
        if os.getuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # an empty folder that sshd demands
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.children = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.children.append(subprocess.Popen([SSHD, "-i", "-E", str(self.log), "-f", str(self.folder / "sshd_config")], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL))

    def words(self):
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for child in self.children:
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
