#!/usr/bin/env python3
"""cert renew, cert needs-renewal and cert run with the real programs, and time that is moved."""
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from clock import Clock, give_signer  # noqa: E402
from waiting import wait_until  # noqa: E402
from world import POLICY, World, checked, expect  # noqa: E402

world = World(POLICY)
try:
    clock = Clock(world.dir)  # of every program from here on
    world.env.update(clock.environment())
    give_signer(world, clock.preload)

    run = lambda *argv, **options: world.run("mayfly", *argv, **options)  # noqa: E731
    world.start()
    world.login()
    expect(run("role", "grant", "web", "human/alice", "--for", "30d", "--reason", "test"), 0)
    serial = lambda folder: subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", str(world.dir / folder / "cert.pem")], capture_output=True, text=True).stdout.strip()  # noqa: E731
    key = lambda folder: (world.dir / folder / "key.pem").read_text()  # noqa: E731

    # A certificate of an hour is due between half an hour and 45 minutes.
    expect(run("cert", "issue", "--role", "web", "--name", "a.test.internal", "--ttl", "1h", "--out", "a", "--format", "combined", "--mode", "0640"), 0)
    expect(run("cert", "needs-renewal", "a/cert.pem"), 1, "not due until")
    expect(run("cert", "needs-renewal", "a/fullchain.pem"), 1)
    due = json.loads(expect(run("-o", "json", "cert", "needs-renewal", "a/combined.pem"), 1).stdout)
    assert due["needs_renewal"] is False and due["due"] < due["valid_before"], due
    expect(run("cert", "needs-renewal", "alice.pub"), 255)
    expect(run("cert", "needs-renewal", "nothing"), 255)
    first, first_key = serial("a"), key("a")
    expect(run("cert", "renew", "a", "--if-needed"), 0, "not due until")
    assert serial("a") == first
    expect(run("--dry-run", "cert", "renew", "a"), 0, "would be minted")
    assert serial("a") == first
    clock.forward(46 * 60)
    expect(run("cert", "needs-renewal", "a/cert.pem"), 0, "due since")
    note = world.dir / "note"
    expect(run("cert", "renew", "a", "--if-needed", "--exec", "/bin/cp", "--", "a/cert.pem", str(note)), 0, "✓")
    second = serial("a")
    assert second != first and key("a") != first_key and note.read_text() == (world.dir / "a/cert.pem").read_text()
    assert (world.dir / "a/key.pem").stat().st_mode & 0o777 == 0o640
    assert key("a") in (world.dir / "a/combined.pem").read_text()
    expect(run("cert", "renew", "a", "--if-needed"), 0, "not due until")
    expect(run("verify", "a/fullchain.pem"), 0)

    # What cannot be told, or shows something else, gets the files before back.
    expect(run("cert", "renew", "a", "--exec", "/bin/false"), 8, "E-RELOAD", "in force again")
    assert serial("a") == second
    expect(run("cert", "renew", "a", "--verify", "127.0.0.1:1"), 8, "E-PROBE", "in force again")
    assert serial("a") == second
    expect(run("cert", "renew", "a", "--signal", "HUP:none.pid"), 0)
    assert serial("a") != second
    for wrong in (["--signal", "HUP"], ["--signal", "KILL:x"], ["--reload", "a b"], ["--exec", "/bin/true", "--reload", "x"], ["--starttls", "postgresql"], ["--", "x"], ["--password-file", "pass"]):
        expect(run("cert", "renew", "a", *wrong), 2)

    # What was not made here is not renewed here; a password is asked for again.
    world.must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "r.csr", "-subj", "/")
    expect(run("cert", "issue", "--role", "web", "--name", "b.test.internal", "--csr", "r.csr", "--out", "b"), 0)
    expect(run("cert", "renew", "b"), 1, "E-WISH", "was not made here")
    expect(run("cert", "issue", "--role", "web", "--name", "c.test.internal", "--out", "c", "--format", "pkcs12", "--password-file", "pass"), 0)
    expect(run("cert", "renew", "c"), 2, "E-PASSWORD")
    expect(run("cert", "renew", "c", "--password-file", "pass"), 0)
    world.must("openssl", "pkcs12", "-in", "c/cert.p12", "-passin", "pass:a passphrase of the test", "-nokeys")
    (world.dir / "c/request.json").write_text("{\"role\": \"web\"")
    expect(run("cert", "renew", "c"), 2)
    expect(run("cert", "renew", "nowhere"), 1, "E-WISH")
    (world.dir / "a/request.json").unlink()
    expect(run("cert", "renew", "a"), 1, "request.json stands beside the certificate")

    # cert run: files in a folder of its own, while it runs and no longer; its exit code; renewed, and told by a signal.
    place = world.dir / "place"
    expect(run("cert", "run", "--role", "web", "--name", "d.test.internal", "--", "sh", "-c",
               f"echo $MAYFLY_CERT_DIR > {place}; openssl x509 -noout -ext subjectAltName -in {{dir}}/cert.pem; test -s {{dir}}/key.pem && exit 7"), 7, "d.test.internal")
    folder = pathlib.Path(place.read_text().strip())
    assert folder.name.startswith("run.") and not folder.exists(), folder
    expect(run("cert", "run", "--role", "web", "--name", "d.elsewhere", "--", "touch", str(world.dir / "ran")), 5, "E-SAN")
    assert not (world.dir / "ran").exists()
    place.unlink()
    child = subprocess.Popen(["mayfly", "cert", "run", "--role", "web", "--name", "d.test.internal", "--ttl", "2m", "--signal", "HUP", "--", "bash", "-c",
                              f"trap 'openssl x509 -noout -serial -in $MAYFLY_CERT_DIR/cert.pem > {place}.new; mv {place}.new {place}' HUP; touch {world.dir}/up; while :; do sleep 0.1; done"],
                             cwd=world.dir, env=world.env, stderr=open(world.dir / "run.log", "ab"))
    try:
        wait_until("the program", (world.dir / "up").exists)
        clock.forward(120)  # asleep for longer than the certificate's point; it looks once a minute at the latest
        wait_until("the renewal", place.exists, 90)
        assert place.read_text().startswith("serial=")
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=20) == 128 + signal.SIGTERM
    finally:
        child.kill()
        child.wait()
    print(f"{len(checked)} passed, 0 failed")
except BaseException:
    for log in (world.dir / "ca.log", world.dir / "run.log"):
        if log.exists():
            print(f"--- {log}\n{log.read_text()[-3000:]}", file=sys.stderr)
    raise
finally:
    world.close()
