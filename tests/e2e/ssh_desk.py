#!/usr/bin/env python3
"""Plain ssh: one Include line, and ssh, scp, sftp, rsync, git and ansible log in with certificates that nobody handles,
against a real sshd that trusts only what mayfly-agent wrote."""
import concurrent.futures
import getpass
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import Node, answered  # noqa: E402
from waiting import free_port, wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

ACCOUNT = getpass.getuser()
POLICY = f"""
version = 1
[[role]]
name = "ops"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{ACCOUNT}"]
nodes = {{ env = "dev" }}
extensions = ["permit-pty", "permit-port-forwarding", "permit-agent-forwarding"]
[[role]]
name = "brief"
owner = "alice"
max_lifetime = "15s"
risk = "high"
separation = "reviewed"
[role.ssh]
accounts = ["{ACCOUNT}"]
nodes = {{ env = "brief" }}
[[role]]
name = "prod"
owner = "alice"
max_lifetime = "1h"
risk = "high"
separation = "reviewed"
approve = ["owner"]
[role.request]
ticket = "INC-#"
[role.ssh]
accounts = ["{ACCOUNT}"]
nodes = {{ env = "prod" }}
"""

world = World(POLICY)
nodes = []
started = []
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    home = world.dir / "home"
    ssh_config = home / ".ssh/config"
    runtime = world.dir / "run/mayfly/default"
    at_hand = runtime / "at-hand"
    show = lambda: json.loads(run("ssh", "agent", "show", "-o", "json").stdout)  # noqa: E731

    expect(run("ssh", "config", "--print"), 1, "E-CONTEXT")
    expect(run("ssh", "check", "db-7"), 255, "no CA is known", "fix: mayfly bootstrap")
    world.start()
    world.must("mayfly", "bootstrap", world.url, "--fingerprint", world.fingerprint)
    expect(run("ssh", "config", "--write"), 4, "E-SESSION")
    expect(run("ssh", "check", "db-7"), 1, "fix: mayfly login")
    world.login()
    expect(run("ssh", "config"), 2, "E-USAGE")
    expect(run("ssh", "config", "--write", "--remove"), 2, "E-USAGE")
    expect(run("ssh", "config", "--write", "--agent", "pageant"), 2, "E-USAGE")
    expect(run("ssh", "config", "--write"), 1, "E-NO-NODES")
    db = Node(world, "db-7", ["db-7", "db-7.test.internal", "jump-7"], {"env": "dev"})
    nodes.append(db)
    short = Node(world, "short-1", ["short-1"], {"env": "brief"})
    nodes.append(short)
    for role in ("ops", "brief"):
        expect(run("role", "grant", role, "human/alice", "--for", "1d", "--reason", "test"), 0)
    expect(run("role", "grant", "prod", "human/alice", "--eligible", "--for", "1d", "--reason", "test"), 0)

    # What the user has said to ssh stays what it was: here where the hosts of this test really are.
    own = "# my own words, with CRLF\r\nHost db-7 db-7.test.internal jump-7 short-1\r\n    HostName 127.0.0.1\r\n"
    for name, node in (("db-7", db), ("db-7.test.internal", db), ("jump-7", db), ("short-1", short)):
        own += f"Host {name}\r\n    Port {node.port}\r\n    HostKeyAlias {name}\r\n"
    own += "Host *\r\n    BatchMode yes\r\n    IdentitiesOnly yes"  # no end of line, and a setting that would hide our agent
    ssh_config.parent.mkdir(mode=0o700)
    elsewhere = home / "dotfiles"
    elsewhere.mkdir()
    (elsewhere / "ssh").write_bytes(own.encode())
    (elsewhere / "ssh").chmod(0o640)
    ssh_config.symlink_to("../dotfiles/ssh")

    # A dry run shows, and changes nothing.
    text = expect(run("ssh", "config", "--print"), 0, "Match originalhost db-7,db-7.test.internal,jump-7,short-1").stdout
    assert "*" not in text, "a pattern in what ssh reads"
    dry = expect(run("ssh", "config", "--write", "--dry-run"), 0, "+Include ", "--- ~/.ssh/config", "nothing was written")
    assert ssh_config.read_bytes() == own.encode() and not (world.dir / "config/mayfly/ssh").exists() and not at_hand.exists()
    done = expect(run("ssh", "config", "--write"), 0, "+Include ", "✓ ssh uses certificates for 2 node(s)")
    assert [line for line in done.stdout.splitlines()] == dry.stdout.splitlines(), "what was shown is what was written"
    assert ssh_config.is_symlink() and (elsewhere / "ssh").stat().st_mode & 0o777 == 0o640
    include = f"Include {world.dir}/config/mayfly/ssh/*.conf\r\n".encode()
    assert ssh_config.read_bytes() == include + own.encode(), ssh_config.read_bytes()
    assert (world.dir / "config/mayfly/ssh/default.conf").read_text() == text
    expect(run("ssh", "config", "--write"), 0, "nothing to change")
    assert show()["running"] and show()["nodes"] == 2, show()

    # ssh reads the configuration of the account's home folder, whatever HOME says; so it is told where it is.
    plain = ("ssh", "-F", str(ssh_config))

    def ssh(*argv, **options):
        """What ssh says; a reload of sshd, whose door is shut for a moment, is waited for."""
        return answered(lambda: world.run(*plain, *argv, **options))

    agent_env = ("env", f"SSH_AUTH_SOCK={runtime}/agent")
    assert "no identities" in world.run(*agent_env, "ssh-add", "-L").stdout, "nothing is minted before it is needed"
    expect(run("ssh", "check", "db-7"), 0)
    expect(ssh("db-7", "echo hello from $SSH_CONNECTION"), 0, "hello from 127.0.0.1")
    first = db.accepted()
    assert len(first) == 1, db.words()[-2000:]
    held = show()["certificates"]
    assert [one["principal"] for one in held] == ["ops"], held
    expect(ssh("db-7.test.internal", "true"), 0)
    expect(ssh("-G", "db-7"), 0, f"identityagent {runtime}/agent", "stricthostkeychecking true", "identitiesonly no", f"user {ACCOUNT}")
    assert "identityagent" not in expect(ssh("-G", "example.org"), 0).stdout, "another host is none of our business"
    assert db.accepted() == [first[0]] * 2, "one certificate for both"

    # The programs that people use on top of ssh.
    (world.dir / "file").write_text("a file\n")
    wrapper = world.dir / "ssh-here"
    wrapper.write_text(f"#!/bin/sh\nexec ssh -F {ssh_config} \"$@\"\n")
    wrapper.chmod(0o755)
    expect(world.run("scp", "-q", "-F", str(ssh_config), "file", f"db-7:{world.dir}/by-scp"), 0)
    expect(world.run("scp", "-q", "-O", "-F", str(ssh_config), f"db-7:{world.dir}/by-scp", "by-old-scp"), 0)
    expect(world.run("sftp", "-q", "-F", str(ssh_config), "-b", "-", "db-7", input=f"put {world.dir}/file {world.dir}/by-sftp\n"), 0)
    assert all((world.dir / name).read_text() == "a file\n" for name in ("by-scp", "by-old-scp", "by-sftp"))
    if shutil.which("rsync"):
        expect(world.run("rsync", "-a", "-e", str(wrapper), "file", f"db-7:{world.dir}/by-rsync"), 0)
        assert (world.dir / "by-rsync").read_text() == "a file\n"
    else:
        print("left out: rsync is not installed")
    if shutil.which("git"):
        git = ("env", f"GIT_SSH={wrapper}", "GIT_CONFIG_NOSYSTEM=1", "git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "safe.directory=*", "-c", "init.defaultBranch=main")
        expect(world.run(*git, "init", "-q", "--bare", "there.git"), 0)
        expect(world.run(*git, "clone", "-q", f"ssh://db-7{world.dir}/there.git", "here"), 0)
        (world.dir / "here/a").write_text("a")
        for step in (("add", "a"), ("commit", "-q", "-m", "a"), ("push", "-q", "origin", "HEAD:main"), ("fetch", "-q", "origin")):
            expect(world.run(*git, "-C", "here", *step), 0)
        assert "refs/heads/main" in world.run(*git, "-C", "there.git", "for-each-ref").stdout
    else:
        print("left out: git is not installed")
    control = f"{world.dir}/run/%C"
    master = ("-o", f"ControlPath={control}", "-o", "ControlPersist=30")
    expect(ssh("-o", "ControlMaster=auto", *master, "db-7", "true"), 0)
    before = len(db.accepted())
    for _ in range(5):
        expect(ssh("-o", "ControlMaster=auto", *master, "db-7", "true"), 0)
    assert len(db.accepted()) == before, "one login carries them all"
    expect(ssh(*master, "-O", "exit", "db-7"), 0)
    expect(ssh("-J", "jump-7", "db-7", "echo through"), 0, "through")
    assert len(db.accepted()) == before + 2
    # An editor's way: a tunnel that stays, and dozens of short connections at once.
    forwarded = free_port()
    tunnel = subprocess.Popen([*plain, "-T", "-D", str(forwarded), "db-7", "echo up; cat"], cwd=world.dir, env=world.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    started.append(tunnel)
    assert tunnel.stdout.readline() == "up\n"
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda number: ssh("db-7", f"echo {number}").stdout.strip(), range(36)))
    assert results == [str(number) for number in range(36)], results
    tunnel.stdin.close()
    assert tunnel.wait(timeout=20) == 0
    if shutil.which("ansible"):
        (world.dir / "inventory").write_text("[all]\ndb-7\njump-7\ndb-7.test.internal\n")
        ansible = world.run("env", f"ANSIBLE_SSH_ARGS=-F {ssh_config} -o ControlMaster=auto -o ControlPersist=30s", f"ANSIBLE_SSH_CONTROL_PATH_DIR={world.dir}/run/a", "ANSIBLE_LOCALHOST_WARNING=false", "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3",
                            f"ANSIBLE_REMOTE_TMP={world.dir}/ansible", "ansible", "-i", "inventory", "all", "-f", "3", "-m", "ping", "-o")
        expect(ansible, 0, "db-7 | SUCCESS", "jump-7 | SUCCESS", "db-7.test.internal | SUCCESS")
        for name in ("db-7", "jump-7", "db-7.test.internal"):
            ssh("-o", f"ControlPath={world.dir}/run/a/%C", "-O", "exit", name)
    else:
        print("left out: ansible is not installed")
    assert set(db.accepted()) == {first[0]}, "everything went by the one certificate"
    # As the account itself does it: no -F, no HOME, in a mount namespace where the home folder is this test's.
    if os.getuid() == 0 and world.run("unshare", "-m", "true").returncode == 0:
        import pwd
        real = pathlib.Path(pwd.getpwuid(0).pw_dir)
        if real.is_dir() and real != home:
            (elsewhere / "ssh").chmod(0o600)
            script = f"mount --bind {home} {real} && exec ssh db-7 echo as it is typed"
            expect(world.run("unshare", "-m", "sh", "-c", script), 0, "as it is typed")
            (elsewhere / "ssh").chmod(0o640)

    # ssh check: local. No socket, nothing read but the one file.
    quick = str(world.bin / "mayfly-ssh-check")
    assert quick + " " + str(runtime) in text
    traced = world.run("strace", "-f", "-o", "trace", "-e", "trace=network,file", quick, str(runtime), "db-7")
    if "ptrace" not in traced.stderr:
        expect(traced, 0)
        trace = (world.dir / "trace").read_text()
        assert "at-hand" in trace and "socket(" not in trace and "connect(" not in trace, trace
        opened = [line for line in trace.splitlines() if "open" in line and str(world.dir) in line and "O_DIRECTORY" not in line]
        assert {line.split('"')[1] for line in opened if " = -1 " not in line} == {str(at_hand), str(runtime / "agent.lock")}, opened
        expect(world.run("strace", "-f", "-o", "trace", "-e", "trace=network", "mayfly", "ssh", "check", "db-7"), 0)
        assert "socket(" not in (world.dir / "trace").read_text()
    else:
        print("left out: strace may not trace here")
    expect(world.run(quick, str(runtime), "db-7."), 0)
    expect(world.run(quick, str(runtime), "elsewhere"), 1, "no node is known here as elsewhere")
    for odd in ("", "db-7 ", "$(touch x)", "db-7;id", "-oProxyCommand=x", "a\nb", "*", "db-7/../x", "x" * 300, "[db-7]:22", "\x1b[2J"):
        said = expect(world.run(quick, str(runtime), odd), 255, "is not the name of a host").stderr
        assert "\x1b" not in said and said.count("\n") == 1, said
        expect(world.run("mayfly", "ssh", "check", "--", odd), 255)
    expect(world.run(quick), 255, "usage")
    expect(run("ssh", "check"), 2, "E-USAGE")
    # Nothing that is typed as a host reaches the shell behind Match exec.
    ssh(f"db-7;touch {world.dir}/injected", "true")
    ssh("-l", f"$(touch {world.dir}/injected)", "db-7", "true")
    ssh(f"`touch {world.dir}/injected`.test.internal", "true")
    assert not (world.dir / "injected").exists()
    good = at_hand.read_bytes()
    for bad in (b"", b"mayfly-at-hand 2\n", good + b"node x y;z ops\n", good + b"certificate 1 ops", good.replace(b"node db-7", b"node db 7")):
        at_hand.write_bytes(bad)
        expect(world.run(quick, str(runtime), "db-7"), 255, "fix: ")
    at_hand.write_bytes(good)
    at_hand.chmod(0o622)
    expect(world.run(quick, str(runtime), "db-7"), 255, "somebody else could have written it")
    at_hand.chmod(0o600)
    expect(world.run(quick, str(runtime), "db-7"), 0)

    # ssh known-hosts: who vouches, for hosts that were agreed to, and for no other.
    line = expect(run("ssh", "known-hosts", "db-7"), 0).stdout
    assert line.startswith("@cert-authority db-7 ssh-ed25519 ") and line.count("\n") == 1, line
    expect(run("ssh", "known-hosts", f"[db-7]:{db.port}"), 0, f"@cert-authority [db-7]:{db.port} ssh-ed25519 ")
    for other in ("github.com", "*", "db-7,*", "db-7 *", "[db-7]:22 x", "db-7\n@cert-authority *"):
        done = run("ssh", "known-hosts", other)
        assert done.returncode in (1, 2) and done.stdout == "", (other, done)
    # The CA's keys change: nothing of ssh's configuration does.
    context = world.dir / "config/mayfly/default.json"
    kept, written = context.read_text(), (world.dir / "config/mayfly/ssh/default.conf").read_bytes()
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "next-ca")
    bundle = json.loads(kept)
    bundle["bundle"]["ssh_host_cas"].append((world.dir / "next-ca.pub").read_text().strip())
    context.write_text(json.dumps(bundle))
    assert run("ssh", "known-hosts", "db-7").stdout.count("@cert-authority db-7 ") == 2
    expect(ssh("db-7", "true"), 0)
    bundle["bundle"]["ssh_host_cas"] = bundle["bundle"]["ssh_host_cas"][1:]
    context.write_text(json.dumps(bundle))
    expect(ssh("db-7", "true"), 255, "Host key verification failed")
    context.write_text(kept)
    assert (world.dir / "config/mayfly/ssh/default.conf").read_bytes() == written

    # Our agent: certificates, for hosts that prove themselves, and nothing else.
    assert (runtime / "agent").stat().st_mode & 0o777 == 0o600 and runtime.stat().st_mode & 0o777 == 0o700
    assert "human/alice/ops" in world.must(*agent_env, "ssh-add", "-l").stdout
    expect(world.run(*agent_env, "ssh-add", "alice"), 1)
    expect(world.run(*agent_env, "ssh-add", "-x", input="p\np\n"), 1)
    (world.dir / "to-sign").write_text("x")
    (world.dir / "held.pub").write_text(world.must(*agent_env, "ssh-add", "-L").stdout.splitlines()[0] + "\n")
    expect(world.run(*agent_env, "ssh-keygen", "-Y", "sign", "-n", "file", "-f", "held.pub", "to-sign"), 255)
    # A connection that does not say which session it serves gets no signature: an ssh before 8.9, or a thief's program.
    door = ("-o", f"IdentityAgent={runtime}/agent", "-F", "none", "-o", "BatchMode=yes", "-p", str(db.port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    expect(world.run("ssh", *door, "127.0.0.1", "true"), 0)  # the host proves itself by its certificate, whoever asks for it
    expect(world.run("ssh", *door, "-o", "HostKeyAlgorithms=ssh-ed25519", "127.0.0.1", "true"), 255, "Permission denied")
    expect(ssh("-A", "db-7", f"SSH_ASKPASS_REQUIRE=never ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {db.port} 127.0.0.1 true"), 255, "Permission denied")

    def talk(*messages):
        """What the agent answers to raw bytes; an end of the connection is None."""
        out = []
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(20)
            wire.connect(str(runtime / "agent"))
            for message in messages:
                try:
                    wire.sendall(message)
                    head = b""
                    while len(head) < 4:
                        more = wire.recv(4 - len(head))
                        if not more:
                            return out + [None]
                        head += more
                    body = b""
                    while len(body) < struct.unpack(">I", head)[0]:
                        body += wire.recv(65536)
                    out.append(body)
                except (BrokenPipeError, ConnectionResetError):
                    return out + [None]
        return out

    string = lambda data: struct.pack(">I", len(data)) + data  # noqa: E731
    listed = talk(string(b"\x0b"))[0]
    assert listed[:5] == b"\x0c\x00\x00\x00\x01", listed[:20]
    size = struct.unpack(">I", listed[5:9])[0]
    blob = listed[9:9 + size]
    login = string(b"s" * 32) + b"\x32" + string(ACCOUNT.encode()) + string(b"ssh-connection") + string(b"publickey") + b"\x01" + string(b"ssh-ed25519-cert-v01@openssh.com") + string(blob)
    assert talk(string(b"\x0d" + string(blob) + string(login) + b"\0\0\0\0"))[0] == b"\x05"
    assert talk(struct.pack(">I", 0)) == [None] and talk(struct.pack(">I", 1 << 20)) == [None] and talk(string(b"\x0b\x00")) == [None]
    assert talk(string(b"\x0d" + b"\xff\xff\xff\xff")) == [None]
    assert talk(string(b"\x1b" + string(b"unknown@example.org") + b"x"))[0] == b"\x1c"
    assert b"session-bind@openssh.com" in talk(string(b"\x1b" + string(b"query")))[0]
    forged = string(b"\x1b" + string(b"session-bind@openssh.com") + string(blob) + string(b"s" * 32) + string(string(b"ssh-ed25519") + string(b"\0" * 64)) + b"\0")
    assert talk(forged, string(b"\x0b"), string(b"\x0d" + string(blob) + string(login) + b"\0\0\0\0")) == [b"\x05", b"\x0c\0\0\0\0", b"\x05"]
    assert talk(string(b"\x0b"))[0] == listed, "it is still there"
    others = [socket.socket(socket.AF_UNIX) for _ in range(300)]
    for other in others:
        other.connect(str(runtime / "agent"))
    for other in others:
        other.close()

    def answers():
        try:
            return talk(string(b"\x0b")) == [listed]
        except BlockingIOError:
            return False  # the queue of those who wait is full

    wait_until("the agent answers again", answers)
    if os.getuid() == 0:
        stranger = world.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('{runtime}/agent')")
        assert stranger.returncode != 0 and "PermissionError" in stranger.stderr, stranger
    # Its keys are in locked memory, and nobody of the same account may look.
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(runtime / "agent"))
        pid = struct.unpack("3i", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmLck"))) >= 64, status
    expect(run("ssh", "agent", "run"), 1, "E-AGENT-RUNS")

    # Certificates end; while the session lives and the role is held, plain ssh does not notice.
    expect(ssh("short-1", "true"), 0)
    one = short.accepted()[-1]
    wait_until("a used certificate is renewed before it ends", lambda: [held for held in show()["certificates"] if held["principal"] == "brief"])
    serials = lambda: {line.split("serial ")[0] for line in world.run(*agent_env, "ssh-add", "-L").stdout.splitlines()}  # noqa: E731
    before = serials()
    wait_until("another certificate takes its place", lambda: serials() - before)
    wait_until("… and nobody used that one: it is let go", lambda: not [held for held in show()["certificates"] if held["principal"] == "brief"])
    expect(run("ssh", "check", "short-1"), 0)
    expect(ssh("short-1", "true"), 0)
    assert short.accepted()[-1] != one
    wait_until("it ends", lambda: not [held for held in show()["certificates"] if held["principal"] == "brief"])

    # The CA is away: what is held works, what is not is said.
    port = world.url.rsplit(":", 1)[1]
    world.stop()
    expect(ssh("db-7", "true"), 0)
    expect(ssh("short-1", "true"), 255)
    expect(run("ssh", "check", "short-1"), 1, "no certificate for short-1")
    assert show()["troubles"], show()
    expect(ssh("short-1", "true"), 255, "mayfly: no certificate for short-1")
    world.start(port)
    expect(run("ssh", "agent", "start"), 0, "looked at the session anew")
    expect(ssh("short-1", "true"), 0)

    # A revoked certificate is forgotten; the next login gets another.
    expect(run("revoke", str(first[0]), "--issuer", "ssh-user", "--reason", "test"), 0, "1 living certificate(s)")
    looked = lambda: expect(run("ssh", "agent", "start"), 0)  # noqa: E731
    wait_until("the agent hears of it", lambda: looked() and not [held for held in show()["certificates"] if held["principal"] == "ops"])
    expect(ssh("db-7", "true"), 0)
    assert db.accepted()[-1] != first[0]
    # So is a host's: ssh refuses it by its own reading of known-hosts, and our agent would not sign for it.
    host_serial = next(line.split()[-1] for line in world.must("ssh-keygen", "-L", "-f", short.at("trust/current/host_key-cert.pub")).stdout.splitlines() if "Serial:" in line)
    short.processes[0].kill()  # its agent would get a new one
    short.processes[0].wait()
    expect(run("revoke", host_serial, "--issuer", "ssh-host", "--reason", "test"), 0, "1 living")
    shown = pathlib.Path(short.at("trust/current/host_key-cert.pub")).read_text().split()[1]
    wait_until("the agent hears of it", lambda: looked() and "@revoked" in run("ssh", "known-hosts", "short-1", "--key", shown).stdout)
    expect(run("ssh", "known-hosts", "short-1", "--key", shown), 0, "@cert-authority short-1", "@revoked short-1 ssh-ed25519 ")
    expect(ssh("short-1", "true"), 255, "REVOKED HOST KEY")

    # A role that has to be asked for: the words say how.
    prod = Node(world, "prod-1", ["prod-1"], {"env": "prod"})
    nodes.append(prod)
    expect(run("ssh", "check", "prod-1"), 1, "no node is known here as prod-1")
    expect(run("ssh", "config", "--write"), 0, "prod-1", "✓")
    expect(run("ssh", "check", "prod-1"), 1, 'mayfly: role "prod" needs approval', "fix: mayfly request new prod --node prod-1 --for 45m --ticket … --reason")
    expect(world.run(*plain, "-o", "HostName=127.0.0.1", "-o", f"Port={prod.port}", "-o", "HostKeyAlias=prod-1", "prod-1", "true"), 255, 'mayfly: role "prod" needs approval', "Permission denied")

    # Several at once, and somebody's own edit in between.
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: run("ssh", "config", "--write"), range(6)))
    assert all(done.returncode == 0 for done in results), results
    assert ssh_config.read_bytes() == include + own.encode()
    (elsewhere / "ssh").write_bytes(include + own.encode() + b"\r\n# a line of mine")

    # Logged out: nothing is left to use.
    expect(run("logout"), 0)
    assert "no identities" in world.run(*agent_env, "ssh-add", "-L").stdout
    expect(run("ssh", "check", "db-7"), 1, "you are not logged in", "fix: mayfly login")
    expect(ssh("db-7", "true"), 255, "mayfly: there is no certificate for db-7", "fix: mayfly login")
    world.must("mayfly", "login", "--key", "alice")
    expect(ssh("db-7", "true"), 0)
    expect(run("ssh", "agent", "stop"), 0, "its keys are gone")
    expect(run("ssh", "agent", "stop"), 0, "no agent was running")
    expect(run("ssh", "check", "db-7"), 1)
    expect(run("login", "--key", "alice"), 0)  # starts it: ssh's configuration says that it is used
    expect(ssh("db-7", "true"), 0)

    # A folder that is not ours alone is not used.
    expect(run("ssh", "agent", "stop"), 0)
    runtime.chmod(0o755)
    expect(run("ssh", "agent", "start"), 5, "E-OWN-FOLDER", "0700")
    runtime.chmod(0o700)
    moved = world.dir / "moved"
    runtime.rename(moved)
    runtime.symlink_to(moved)
    expect(run("ssh", "agent", "start"), 5, "E-OWN-FOLDER", "link")
    runtime.unlink()
    moved.rename(runtime)
    (runtime / "agent").unlink(missing_ok=True)
    (runtime / "agent").symlink_to(world.dir / "planted")
    expect(run("ssh", "agent", "start"), 0, "agent started")
    assert not (world.dir / "planted").exists() and not (runtime / "agent").is_symlink()
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(runtime / "agent"))
        os.kill(struct.unpack("3i", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0], 15)
    wait_until("the agent ends, and takes what is at hand along", lambda: not show()["running"] and not at_hand.exists() and not (runtime / "agent").exists())

    # The user's own agent instead.
    theirs = subprocess.Popen(["ssh-agent", "-D", "-a", str(world.dir / "theirs")], stdout=subprocess.PIPE, text=True)
    started.append(theirs)
    theirs.stdout.readline()
    world.env["SSH_AUTH_SOCK"] = str(world.dir / "theirs")
    done = expect(run("ssh", "config", "--write", "--agent", "user"), 0, "-    IdentityAgent ", "+    CertificateFile ")
    assert not show()["running"] and show()["keeping"] == "user"
    expect(run("ssh", "check", "db-7"), 1, "no certificate for db-7 in ssh-agent", "fix: mayfly ssh cert --role ops")
    expect(run("ssh", "cert", "--role", "ops", "--ttl", "10m"), 0)
    expect(run("ssh", "check", "db-7"), 0)
    expect(ssh("db-7", "true"), 0)
    del world.env["SSH_AUTH_SOCK"]

    # Taken away: every byte is the user's again.
    expect(run("ssh", "config", "--remove", "--dry-run"), 0, "-Include ")
    assert ssh_config.read_bytes().startswith(include)
    expect(run("ssh", "config", "--remove"), 0, "-Include ", "✓ ssh is as it was")
    assert ssh_config.read_bytes() == own.encode() + b"\r\n# a line of mine" and ssh_config.is_symlink()
    assert not (world.dir / "config/mayfly/ssh/default.conf").exists()
    expect(run("ssh", "config", "--remove"), 0, "nothing to change")
    # Where there was none before, there is none after: neither file nor folder.
    shutil.rmtree(ssh_config.parent)
    expect(run("ssh", "config", "--write"), 0)
    assert ssh_config.read_bytes() == include.replace(b"\r", b"") and ssh_config.stat().st_mode & 0o777 == 0o600
    expect(run("ssh", "config", "--remove"), 0)
    assert not ssh_config.parent.exists()
    # What is not ours to write is not written.
    ssh_config.parent.mkdir(mode=0o700)
    for make in (lambda: ssh_config.symlink_to("nowhere"), lambda: ssh_config.mkdir(), lambda: ssh_config.write_bytes(b"Host a\n\0")):
        make()
        expect(run("ssh", "config", "--write"), 5, "E-SSH-CONFIG")
        ssh_config.rmdir() if ssh_config.is_dir() else ssh_config.unlink()
    if os.getuid() == 0:
        ssh_config.write_text("Host theirs\n")
        os.chown(ssh_config, 65534, 65534)
        expect(run("ssh", "config", "--write"), 5, "E-SSH-CONFIG", "somebody else")
        assert ssh_config.read_text() == "Host theirs\n"
        ssh_config.unlink()
    # Who forgets a CA is told what it leaves in ssh's configuration.
    expect(run("ssh", "config", "--write"), 0)
    expect(run("context", "remove", "default"), 0, "forgotten", "next: mayfly ssh config --remove --context default")
    expect(run("ssh", "config", "--remove", "--context", "default"), 0, "✓ ssh is as it was")
    assert not (world.dir / "config/mayfly/ssh/default.conf").exists()
    print(f"{len(checked)} facts")
finally:
    for process in started:
        process.kill()
        process.wait()
    world.run("mayfly", "ssh", "agent", "stop")
    for node in nodes:
        node.close()
    world.close()
