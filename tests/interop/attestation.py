#!/usr/bin/env python3
"""Hardware keys, as far as software can show: ssh-keygen has keys made by a FIDO authenticator of software, whose maker
attests them; Mayfly's roles believe the makers they list, and nothing else. Also keys that need no touch, and critical
options of a role's own."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from world import World  # noqa: E402

passed = 0
makers = pathlib.Path(tempfile.mkdtemp(prefix="makers."))


def openssl(*argv):
    subprocess.run(["openssl", *argv], cwd=makers, check=True, capture_output=True)


def maker(name, *extensions):
    """A root, and below it the certificate of a device's own key; both halves in NAME.pem."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}-root.key", "-out", f"{name}-root.pem", "-subj", f"/CN={name} FIDO root", "-days", "30",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/C=CH/O={name}/OU=Authenticator Attestation/CN={name} model 7")
    (makers / f"{name}.ext").write_text("\n".join(["basicConstraints=critical,CA:FALSE", *extensions]) + "\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}-root.pem", "-CAkey", f"{name}-root.key", "-out", f"{name}.crt", "-days", "20", "-extfile", f"{name}.ext")
    (makers / f"{name}.pem").write_text((makers / f"{name}.key").read_text() + (makers / f"{name}.crt").read_text())
    return (makers / f"{name}-root.pem").read_text()


AAGUID = "1.3.6.1.4.1.45724.1.1.4=ASN1:FORMAT:HEX,OCTETSTRING:"
good = maker("good", AAGUID + "07" * 16)
plain = maker("plain")
stranger = maker("stranger", AAGUID + "07" * 16)
liar = maker("liar", AAGUID + "08" * 16)


def role(name, *ssh):
    return "\n".join(["[[role]]", f'name = "{name}"', 'owner = "alice"', 'max_lifetime = "1h"', 'risk = "low"', 'separation = "reviewed"', "[role.ssh]", 'accounts = ["deploy"]', 'nodes = "all"', *ssh]) + "\n"


roots = ", ".join(f'"""\n{pem}"""' for pem in (good, plain, liar))
POLICY = "version = 1\n" + role("attested", "hardware_key = true", f"attestation_roots = [{roots}]") + role("hard", "hardware_key = true") + role("untouched", 'extensions = ["no-touch-required"]') + role("bare") + role(
    "custom", 'critical_options = { "level@corp.example" = "gold", "bare@corp.example" = "" }')


def expect(done, code, *texts):
    global passed
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{done.args}: exit {done.returncode}, not {code}\n{said}"
    for text in texts:
        assert text in said, f"{done.args}: no \"{text}\" in\n{said}"
    passed += 1
    return done


world = World(POLICY)
try:
    world.env.update(SSH_SK_PROVIDER=os.environ["MAYFLY_SOFTWARE_FIDO"])
    world.start()
    world.login()
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731

    def keygen(name, kind, by=None, *options):
        (world.dir / f"{name}.challenge").write_bytes(os.urandom(32))
        world.env.pop("SOFTWARE_FIDO_ATTESTS", None)
        more = []
        if by:
            world.env["SOFTWARE_FIDO_ATTESTS"] = str(makers / f"{by}.pem")
            more = ["-O", f"challenge={name}.challenge", "-O", f"write-attestation={name}.attestation"]
        world.must("ssh-keygen", "-q", "-N", "", "-t", kind, "-f", name, *more, *[word for option in options for word in ("-O", option)])

    def cert(name, role="attested", attestation=None, challenge=None):
        files = ["--attestation", attestation or f"{name}.attestation", "--challenge", challenge or f"{name}.challenge"] if attestation != "" else []
        return run("ssh", "cert", "--role", role, "--key", name, *files)

    signed = lambda: (world.dir / "ca/signer.journal").read_text().count("\n")  # noqa: E731
    # Both kinds of key, makers that name the model and makers that do not, an application of one's own.
    for number, (kind, by, options) in enumerate((("ed25519-sk", "good", ()), ("ecdsa-sk", "good", ()), ("ecdsa-sk", "plain", ()), ("ed25519-sk", "good", ("application=ssh:corp",)))):
        keygen(f"k{number}", kind, by, *options)
        expect(cert(f"k{number}"), 0, "human/alice/attested")
        expect(world.run("ssh-keygen", "-L", "-f", f"k{number}-cert.pub"), 0, "verify-required")
    # The same file serves renewal: possession is proved anew each time, in what device the key is does not change.
    expect(cert("k0"), 0)
    expect(cert("k0", "hard", ""), 0)
    expect(cert("k0", "hard"), 0)

    before = signed()
    expect(cert("k0", attestation=""), 5, "E-ATTESTATION", "attestation_roots", "write-attestation")
    keygen("strange", "ed25519-sk", "stranger")
    expect(cert("strange"), 5, "E-ATTESTATION", "vouches")
    keygen("lying", "ed25519-sk", "liar")
    expect(cert("lying"), 5, "E-ATTESTATION", "another model")
    expect(cert("k0", challenge="k1.challenge"), 5, "E-ATTESTATION", "not over this data")
    expect(cert("k0", attestation="k1.attestation", challenge="k1.challenge"), 5, "E-ATTESTATION", "another key")
    keygen("self", "ed25519-sk")
    expect(cert("self", attestation="k0.attestation", challenge="k0.challenge"), 5, "E-ATTESTATION", "another key")
    # It is judged where no role asks for it too: nothing that does not hold passes unnoticed.
    expect(cert("k0", "hard", challenge="k1.challenge"), 5, "E-ATTESTATION")
    world.must("ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "soft")
    expect(cert("soft", attestation="k0.attestation", challenge="k0.challenge"), 5, "E-ATTESTATION", "not a FIDO key")
    expect(cert("soft", "hard", ""), 5, "E-KEY-HARDWARE")
    expect(run("ssh", "cert", "--role", "attested", "--key", "k0", "--attestation", "k0.attestation"), 2, "E-USAGE")
    whole = (world.dir / "k0.attestation").read_bytes()
    (world.dir / "broken.challenge").write_bytes((world.dir / "k0.challenge").read_bytes())
    for at in [*range(0, 40, 8), *range(40, len(whole), 61), len(whole) - 1]:
        (world.dir / "broken.attestation").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        done = cert("k0", attestation="broken.attestation", challenge="broken.challenge")
        assert done.returncode in (2, 5) and ("E-ATTESTATION" in done.stderr or "E-CBOR" in done.stderr), (at, done)
    for text in (b"", b"x", whole[:-1], whole + b"\0", whole.replace(b"attest-v01", b"attest-v00"), os.urandom(200)):
        (world.dir / "broken.attestation").write_bytes(text)
        done = cert("k0", attestation="broken.attestation", challenge="broken.challenge")
        assert done.returncode in (2, 5) and "E-ATTESTATION" in done.stderr, done
        passed += 1
    assert signed() == before, "something was signed"

    # A key that is never touched signs its proof untouched; only roles that say no-touch-required take that.
    keygen("loose", "ed25519-sk", None, "no-touch-required")
    world.env["SOFTWARE_FIDO_UNTOUCHED"] = "1"
    expect(cert("loose", "untouched", ""), 0)
    expect(world.run("ssh-keygen", "-L", "-f", "loose-cert.pub"), 0, "no-touch-required")
    expect(cert("loose", "bare", ""), 4, "E-PROOF", "touch")
    world.env.pop("SOFTWARE_FIDO_UNTOUCHED")

    # Critical options of a role's own, in the certificate as the role writes them, and of nobody's asking.
    expect(run("ssh", "cert", "--role", "custom", "--out", "own"), 0)
    shown = expect(world.run("ssh-keygen", "-L", "-f", "own-cert.pub"), 0, "level@corp.example UNKNOWN OPTION", "bare@corp.example UNKNOWN FLAG OPTION").stdout
    assert shown.index("bare@corp.example") < shown.index("level@corp.example")
    mine = json.loads(expect(run("inspect", "own-cert.pub", "-o", "json"), 0).stdout)
    assert "gold" in json.dumps(mine), mine
    print(f"{passed} passed, 0 failed")
finally:
    world.close()
    subprocess.run(["rm", "-rf", str(makers)], check=False)
