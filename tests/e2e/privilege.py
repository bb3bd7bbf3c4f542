#!/usr/bin/env python3
"""What the agent may do: what the kernel says of its two parts, what a network part that is taken over or gone can do to the
node, and what symbolic links can make the root part do."""
import http.server
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from sshd_node import Node, policy  # noqa: E402
from waiting import wait_until  # noqa: E402
from world import World, checked  # noqa: E402

root = os.getuid() == 0
sanitized = bool(os.environ.get("MAYFLY_SANITIZE"))
node, agent = None, None
world = World(policy())


def fact(true, what):
    assert true, what
    checked.append(what)


def status_of(process):
    text = pathlib.Path(f"/proc/{process}/status").read_text()
    return dict(re.findall(r"(?m)^(\w+):[ \t]*(.*)$", text))


def children(process):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except FileNotFoundError:
        return []


def network_part(process):
    for child in children(process):
        try:
            if b"network-part" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        except FileNotFoundError:
            pass
    return None


def ready(process):
    """The network part, confined and waiting for the CA's answer."""
    part = network_part(process)
    try:
        # It inherits the root part's filter, and adds its own last of all.
        return part if part and int(status_of(part)["Seccomp_filters"]) > int(status_of(process)["Seccomp_filters"]) else None
    except (FileNotFoundError, KeyError, ProcessLookupError):
        return None


class Held(http.server.BaseHTTPRequestHandler):
    """A server of the CA's name that takes a request, and answers nothing until it is told to."""
    protocol_version = "HTTP/1.1"
    go = threading.Event()

    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802
        Held.go.wait(60)
        self.close_connection = True

    do_POST = do_GET


def start():
    return subprocess.Popen(["mayfly-agent", "run", "--config", str(node.config)], cwd=world.dir, env=world.env, stdout=open(world.dir / "agent.log", "ab"), stderr=subprocess.STDOUT)


def said():
    lines = (world.dir / "agent.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


try:
    world.start()
    world.login()
    world.must("mayfly", "role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test")
    world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", "me")
    me = (world.dir / "me", world.dir / "me-cert.pub")
    world.must("mayfly", "cert", "issue", "--role", "web", "--name", "ip:127.0.0.1", "--out", "tls")
    node = Node(world, "only")
    node.start()
    fact(node.once()["event"] == "round", "a round through the network part")
    fact(node.opens(*me) and not node.by_old_key(), "sshd believes what came through it")

    # ---- what the kernel says, while a request waits for its answer -----------------------------------------------
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Held)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.dir / "tls/fullchain.pem", world.dir / "tls/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    honest = node.config.read_text()
    node.config.write_text(honest.replace(world.url, f"https://127.0.0.1:{server.server_address[1]}").replace('poll = "1m"', 'poll = "1s"'))
    agent = start()
    part = wait_until("a network part", lambda: ready(agent.pid))
    kernel, ours = status_of(part), status_of(agent.pid)
    fact(kernel["Seccomp"] == "2" and kernel["NoNewPrivs"] == "1", kernel)
    fact(all(int(kernel[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")), kernel)
    fact(all(int(word) == os.getuid() if not root else int(word) != 0 for word in kernel["Uid"].split()), kernel)
    if root:
        fact(kernel["Groups"].strip() == "" and int(kernel["CapBnd"], 16) == 0, kernel)
        SYS_MODULE, SYS_TIME, SYS_BOOT, SYS_ADMIN = 1 << 16, 1 << 25, 1 << 22, 1 << 21
        fact(int(ours["CapEff"], 16) & (SYS_MODULE | SYS_TIME | SYS_BOOT) == 0, ours)
        if int(status_of("self")["CapEff"], 16) & SYS_ADMIN:
            fact(ours["Seccomp"] == "2" and ours["NoNewPrivs"] == "0", ours)
    if root:
        held = [os.readlink(f"/proc/{part}/fd/{fd}") for fd in os.listdir(f"/proc/{part}/fd")]
        fact(not any(str(world.dir) in name for name in held), held)
        fact(all(name == "/dev/null" or name.startswith("socket:") for name in held), held)
    else:
        try:
            os.listdir(f"/proc/{part}/fd")
            fact(False, "another process of the same user looks into it")
        except PermissionError:
            fact(True, "its memory is its own")
    fact(said()[0]["event"] == "confined", said())

    # ---- taken away in the middle of an answer: told, and everything stays -----------------------------------------
    link, text = os.readlink(node.at("trust/current")), node.drop_in.read_text()
    os.kill(part, signal.SIGSEGV)
    wait_until("the agent says so", lambda: any(line["event"] == "trouble" and "network part" in line["text"] for line in said()))
    again = wait_until("another network part", lambda: (found := ready(agent.pid)) and found != part and found)
    os.kill(again, signal.SIGKILL)
    wait_until("it waits before the next", lambda: any("it is started again in" in line["text"] for line in said()))
    fact(agent.poll() is None, "the root part lives")
    fact(os.readlink(node.at("trust/current")) == link and node.drop_in.read_text() == text, "the last good set stays")
    fact(node.opens(*me) and not node.by_old_key(), "sshd as before")
    agent.terminate()
    agent.wait(timeout=60)
    Held.go.set()

    # ---- nobody is there between two rounds --------------------------------------------------------------------------
    node.config.write_text(honest.replace('poll = "1m"', 'poll = "10m"'))
    (world.dir / "agent.log").unlink()
    agent = start()
    wait_until("a round", lambda: any(line["event"] == "round" for line in said()), 60)
    wait_until("it rests", lambda: pathlib.Path(f"/proc/{agent.pid}/stat").read_text().split()[2] == "S" and not children(agent.pid))
    fact(children(agent.pid) == [], "an idle agent is one process")
    resident, own = (int(status_of(agent.pid)[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    print(f"idle agent: {resident:.1f} MB resident, {own:.1f} of them its own")
    fact(resident < 12 or sanitized, "an idle agent is small")

    # ---- started by hand it is nothing --------------------------------------------------------------------------------
    done = world.run("mayfly-agent", "network-part", "65534", "65534", "443", stdin=subprocess.DEVNULL)
    fact(done.returncode == 2 and "not by hand" in done.stderr, done)

    # ---- no account for it ------------------------------------------------------------------------------------------
    agent.terminate()
    agent.wait(timeout=60)
    if root:
        for name in ("root", "no-such-account"):
            node.config.write_text(honest + f'[network]\nuser = "{name}"\n')
            done = node.once()
            fact(done["event"] == "trouble" and "network part" in done["text"], done)
    node.config.write_text(honest)
    fact(node.once()["event"] == "round", "and well again")

    # ---- links, pipes and second names where root writes ------------------------------------------------------------
    world.must("mayfly", "identity", "create", "workload/app", "--owner", "alice", "--purpose", "test")
    world.must("mayfly", "role", "grant", "web", "workload/app", "--node", node.name, "--for", "1d", "--reason", "test")
    elsewhere, theirs = world.dir / "elsewhere", world.dir / "theirs"
    for folder in (elsewhere, theirs):
        folder.mkdir(mode=0o755)
    nobody = 65534 if root else os.getuid()
    os.chown(theirs, nobody, -1)
    (node.dir / "agent/workload.d").mkdir()
    workload = node.dir / "agent/workload.d/app.toml"

    def app(folder):
        workload.write_text(f'identity = "workload/app"\nrole = "web"\nnames = ["ip:127.0.0.1"]\n[files]\nfolder = "{folder}"\n')
        workload.chmod(0o644)
        node.run("run", "--once")
        return json.loads((node.dir / "agent/workloads.json").read_text())["workloads"]["app"]

    def plant(name, to):
        (theirs / name).symlink_to(to)
        os.lchown(theirs / name, nobody, -1)

    if root:
        plant("tls", elsewhere)
        got = app(theirs / "tls")
        fact(got["serial"] == "" and "symbolic link" in got["trouble"], got)
        fact(os.listdir(elsewhere) == [], "nothing was written through somebody's link")
        (theirs / "tls").unlink()
    got = app(theirs / "web")
    fact(got["serial"] and not got["trouble"], got)
    os.chown(theirs / "web", nobody, -1)
    (theirs / "web/current").unlink()
    plant("web/current", elsewhere)
    plant("web/gen-2", elsewhere)
    plant("web/gen-1.new", elsewhere)
    (theirs / "web/cert.pem").unlink()
    os.mkfifo(theirs / "web/cert.pem")
    got = app(theirs / "web")
    fact(os.listdir(elsewhere) == [] and elsewhere.stat().st_uid == os.getuid(), "nothing elsewhere was written or given away")
    fact("neither a file nor a link" in got["trouble"], got)
    (theirs / "web/cert.pem").unlink()
    got = app(theirs / "web2")
    fact(got["serial"] and not got["trouble"], got)
    workload.unlink()

    drop_in = node.drop_in.read_text()
    fact(node.run("leave", "--keep-identity").returncode == 0 and not node.drop_in.exists(), "left")
    (elsewhere / "conf").write_text("# somebody's\n")
    node.drop_in.symlink_to(elsewhere / "conf")
    node.mode("only", "--anyway")
    done = node.once()
    fact(done["event"] == "trouble" and "no ordinary file" in done["text"] and (elsewhere / "conf").read_text() == "# somebody's\n", done)
    node.drop_in.unlink()
    fact(node.once()["event"] == "round" and node.drop_in.read_text() == drop_in, "taken over again")

    # ---- doctor says what holds it, and who else could write --------------------------------------------------------
    done = node.run("doctor")
    fact("confinement: the network part is" in done.stdout and "files: what the agent writes and believes is root's" in done.stdout, done)
    node.drop_in.parent.chmod(0o777)
    done = node.run("doctor")
    fact(done.returncode == 1 and f"files: others can write to {node.drop_in.parent}" in done.stdout, done)
finally:
    if agent and agent.poll() is None:
        agent.kill()
        agent.wait()
    if node:
        node.stop()
    world.close()
print(f"{len(checked)} facts")
