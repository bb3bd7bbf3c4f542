#!/usr/bin/env python3
"""The files that `mayfly cert issue` and `mayfly ssh cert` leave: read by other people's programs, replaced at one
instant, with the modes and owners asked for, and never a key beside another key's certificate."""
import os
import pathlib
import pty
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import POLICY, World  # noqa: E402

passed = 0


def expect(done, code, *texts):
    global passed
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{done.args}: exit {done.returncode}, not {code}\n{said}"
    for text in texts:
        assert text in said, f"{done.args}: no \"{text}\" in\n{said}"
    passed += 1
    return done


def mode(path):
    return oct(path.stat().st_mode)[-4:].lstrip("0")


def at_terminal(world, argv, typed):
    """Runs a command at a terminal of its own and types; returns exit code and what the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(world.dir)
        os.execvpe(argv[0], argv, world.env)
    shown = b""
    for line in typed:
        while not shown.endswith(b": "):  # each prompt, before it is answered
            shown += os.read(terminal, 1024)
        os.write(terminal, line)
        shown += b"|"
    try:
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:
        pass  # the other side is closed
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


world = World(POLICY)
try:
    run = lambda *argv, **more: world.run("mayfly", *argv, **more)  # noqa: E731
    issue = lambda out, *argv, **more: run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", out, *argv, **more)  # noqa: E731
    world.start()
    world.login()
    signatures = lambda: (world.dir / "ca/signer.journal").read_text().count("\n")  # noqa: E731

    # Key and chain in one file, as servers take them.
    expect(issue("one", "--format", "combined"), 0)
    text = (world.dir / "one/combined.pem").read_text()
    assert text == "".join((world.dir / "one" / name).read_text() for name in ("key.pem", "fullchain.pem"))
    assert text.index("PRIVATE KEY") < text.index("BEGIN CERTIFICATE") and text.count("BEGIN CERTIFICATE") == 2
    expect(world.run("openssl", "verify", "-CAfile", "one/ca.pem", "-untrusted", "one/combined.pem", "one/combined.pem"), 0, "OK")
    assert [mode(world.dir / "one" / name) for name in ("key.pem", "combined.pem", "cert.pem", "fullchain.pem")] == ["600", "600", "644", "644"]

    # PKCS#12, its password from a file, standard input, a descriptor or the terminal.
    (world.dir / "word").write_text("horse battery\nsecond line\n")
    (world.dir / "word").chmod(0o600)
    expect(issue("p1", "--format", "pkcs12", "--format", "combined", "--password-file", "word"), 0)
    expect(issue("p2", "--format", "pkcs12", "--password-file", "-", input="horse battery\n"), 0)
    with open(world.dir / "word") as file:
        expect(issue("p3", "--format", "pkcs12", "--password-fd", str(file.fileno()), pass_fds=[file.fileno()]), 0)
    argv = ["mayfly", "cert", "issue", "--role", "web", "--name", "a.test.internal", "--out", "p4", "--format", "pkcs12"]
    code, shown = at_terminal(world, argv, [b"horsex\x7f battery\n", b"horse battery\n"])
    assert code == 0 and "battery" not in shown, shown
    for folder in ("p1", "p2", "p3", "p4"):
        said = expect(world.run("openssl", "pkcs12", "-in", f"{folder}/cert.p12", "-passin", "pass:horse battery", "-info", "-noenc"), 0, "AES-256-CBC", "hmacWithSHA256", "MAC: sha256")
        assert said.stdout.count("BEGIN CERTIFICATE") == 2 and mode(world.dir / folder / "cert.p12") == "600"
        expect(world.run("certtool", "--p12-info", "--inder", "--infile", f"{folder}/cert.p12", "--password", "horse battery"), 0, "BEGIN CERTIFICATE")
        (world.dir / folder / "nss").mkdir()
        world.must("certutil", "-N", "--empty-password", "-d", f"sql:{folder}/nss")
        expect(world.run("pk12util", "-i", f"{folder}/cert.p12", "-d", f"sql:{folder}/nss", "-w", "word"), 0) if folder != "p4" else None
    keytool = world.run("sh", "-c", "command -v keytool")
    if keytool.returncode == 0:
        expect(world.run("keytool", "-list", "-keystore", "p1/cert.p12", "-storepass", "horse battery"), 0, "PrivateKeyEntry")

    # What is wrong with files and passwords is found before anything is minted.
    before = signatures()
    (world.dir / "open").write_text("horse\n")
    (world.dir / "open").chmod(0o644)
    (world.dir / "empty").write_text("\n")
    (world.dir / "empty").chmod(0o600)
    (world.dir / "foreign").write_text("grüße\n")
    (world.dir / "foreign").chmod(0o600)
    pkcs12 = ("--format", "pkcs12")
    for arguments, rule in ((pkcs12, "E-PASSWORD"), ((*pkcs12, "--password-file", "open"), "E-PASSWORD"), ((*pkcs12, "--password-file", "empty"), "E-PASSWORD"),
                            ((*pkcs12, "--password-file", "foreign"), "E-PASSWORD"), ((*pkcs12, "--password-file", "nowhere"), "E-PASSWORD"),
                            ((*pkcs12, "--password-fd", "999"), "E-PASSWORD"), ((*pkcs12, "--password-file", "word", "--password-fd", "0"), "E-PASSWORD"),
                            (("--password-file", "word"), "E-USAGE"), (("--format", "jks"), "E-USAGE"), (("--mode", "0644"), "E-FILE-MODE"), (("--mode", "700"), "E-FILE-MODE"),
                            (("--mode", "rw"), "E-FILE-MODE"), (("--owner", "nobody-of-that-name"), "E-FILE-OWNER"), (("--owner", ":"), "E-FILE-OWNER")):
        expect(issue("no", *arguments), 2, rule)
    for typed, why in (([b"a\n", b"b\n"], "differ"), ([b"\n"], "empty"), ([b"ab\x03"], "no password was given")):
        code, shown = at_terminal(world, [*argv[:-3], "no", *argv[-2:]], typed)
        assert code == 2 and "E-PASSWORD" in shown and why in shown, shown
    assert signatures() == before and not (world.dir / "no").exists()

    # Modes, and owners where root says so.
    expect(issue("shared", "--mode", "0640", "--format", "combined"), 0)
    assert [mode(world.dir / "shared" / name) for name in ("key.pem", "combined.pem", "cert.pem", "")] == ["640", "640", "644", "750"]
    expect(run("ssh", "cert", "--role", "ops", "--out", "k", "--mode", "0400"), 0)
    assert mode(world.dir / "k") == "400"
    if os.geteuid() == 0:
        expect(issue("given", "--owner", "nobody:daemon"), 0)
        owners = {(file.stat().st_uid, file.stat().st_gid) for file in (world.dir / "given").rglob("*")} | {((world.dir / "given").stat().st_uid, (world.dir / "given").stat().st_gid)}
        import grp
        import pwd
        assert owners == {(pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid)}, owners

    # A key and its certificate change together: a reader of the folder in force sees pairs only.
    pairs, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            try:
                folder = os.open(world.dir / "one/current", os.O_RDONLY | os.O_DIRECTORY)
                read = lambda name: open(os.open(name, os.O_RDONLY, dir_fd=folder)).read()  # noqa: E731
                pairs.add((read("key.pem"), read("cert.pem")))
            except FileNotFoundError:
                pass  # two changes later: gone, not changed
            finally:
                os.close(folder)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(6):
        expect(issue("one", "--force", "--format", "combined"), 0)
    stop.set()
    watcher.join()
    assert len(pairs) >= 2
    of_key = lambda key: world.run("openssl", "pkey", "-pubout", input=key).stdout  # noqa: E731
    for key, certificate in pairs:
        assert of_key(key) == world.run("openssl", "x509", "-noout", "-pubkey", input=certificate).stdout != ""
    # A form that is not asked for again does not stay behind with an old key in it.
    expect(issue("one", "--force"), 0)
    assert not (world.dir / "one/combined.pem").is_symlink()
    # Files of an earlier version, which were no links, are replaced at one instant too.
    (world.dir / "plain").mkdir()
    for name in ("key.pem", "cert.pem"):
        (world.dir / "plain" / name).write_bytes((world.dir / "one" / name).read_bytes())
    expect(issue("plain"), 1, "E-FILE-EXISTS")
    expect(issue("plain", "--force"), 0)
    assert (world.dir / "plain/gen-0/key.pem").read_bytes() == (world.dir / "one/key.pem").read_bytes()
    assert of_key((world.dir / "plain/key.pem").read_text()) == world.must("openssl", "x509", "-in", "plain/cert.pem", "-noout", "-pubkey").stdout

    # A certificate for a key that is elsewhere is never put beside another key.
    (world.dir / "mine").mkdir()
    world.must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "mine/key.pem", "-out", "mine.csr", "-subj", "/")
    own = (world.dir / "mine/key.pem").read_text()
    before = signatures()
    expect(issue("one", "--csr", "mine.csr", "--force"), 1, "E-KEY-MISMATCH", "one/key.pem")
    expect(issue("no", "--csr", "mine.csr", "--format", "combined"), 2, "E-USAGE")
    assert signatures() == before
    for _ in range(3):
        expect(issue("mine", "--csr", "mine.csr", "--force"), 0)
        assert (world.dir / "mine/key.pem").read_text() == own
    assert of_key(own) == world.must("openssl", "x509", "-in", "mine/cert.pem", "-noout", "-pubkey").stdout

    # SSH: the four files are one set too, and ssh takes them through their links.
    expect(run("ssh", "cert", "--role", "ops", "--out", "k", "--force"), 0)
    assert (world.dir / "k").is_symlink() and mode(world.dir / "k") == "600"
    expect(world.run("ssh-keygen", "-L", "-f", "k-cert.pub"), 0, "ops")
    assert world.must("ssh-keygen", "-yf", "k").stdout.split()[:2] == (world.dir / "k.pub").read_text().split()[:2]
    print(f"{passed} passed, 0 failed")
finally:
    world.close()
