"""A node whose sshd trusts only what mayfly-agent wrote: for tests that log in for real. Loopback only, any free port."""
import json
import os
import pathlib
import subprocess

import nodes
from nodes import SSHD
from waiting import free_port, wait_until


def answered(ask):
    """What ssh says once somebody takes the connection."""
    said = []
    wait_until("sshd takes connections", lambda: said.append(ask()) or "Connection refused" not in said[-1].stderr)
    return said[-1]


class Node(nodes.Node):
    def __init__(self, world, name, hosts=(), labels={"env": "dev"}, more="", report=False):
        """`report`: the agent tells of logins, from sshd's log."""
        self.port = free_port()
        self.processes = []  # the agent, then sshd
        folder = world.dir / f"node-{name}"
        lines = f"ListenAddress 127.0.0.1\nPort {self.port}\nPidFile {folder}/pid\nLogLevel VERBOSE\nPermitRootLogin prohibit-password\nMaxStartups 200\nSubsystem sftp internal-sftp\n{more}"
        super().__init__(world, name, labels, hosts, sshd=lines, sshd_log=f"{folder}/sshd.log" if report else "none")
        self.start()
        self.processes.append(self.process)
        wait_until(lambda: "the agent's first round:\n" + self.log.read_text()[-2000:], lambda: self.log.exists() and self.rounds())
        self.processes.append(subprocess.Popen([SSHD, "-D", "-f", self.at("sshd_config"), "-E", self.at("sshd.log")], env={"PATH": os.environ["PATH"]}))
        wait_until("sshd", lambda: pathlib.Path(self.at("pid")).exists())

    def login(self, account, key, certificate=None, command="true"):
        """What ssh says. A reload of sshd, whose door is shut for a moment, is waited for."""
        argv = ("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", key, "-o",
                f"CertificateFile={certificate or key + '-cert.pub'}", "-p", str(self.port), "-l", account, "127.0.0.1", command)
        return answered(lambda: self.world.run(*argv))

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
