"""Somebody beside alice: with a home, a key and a session of their own."""
import json
import subprocess

from world import expect


class Person:
    def __init__(self, world, name, *flags):
        """`flags` are of `mayfly owner create`; alice, who runs the platform, makes owner and identity."""
        self.world, self.name = world, name
        home = self.home = world.dir / f"home-{name}"
        home.mkdir()
        self.env = dict(world.env, HOME=str(home), XDG_CONFIG_HOME=str(home / "config"), XDG_STATE_HOME=str(home / "state"), XDG_RUNTIME_DIR=str(home / "run"))
        world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "key"))
        expect(world.run("mayfly", "owner", "create", name, *flags), 0)
        expect(world.run("mayfly", "identity", "create", f"human/{name}", "--owner", name, "--key", str(home / "key.pub")), 0)
        expect(self.run("bootstrap", world.url, "--fingerprint", world.fingerprint), 0)
        expect(self.run("login", "--key", str(home / "key")), 0)

    def run(self, *argv):
        return subprocess.run(("mayfly", *argv), cwd=self.world.dir, env=self.env, capture_output=True, text=True, timeout=60)

    def data(self, *argv):
        """What a verb answers to a program."""
        return json.loads(expect(self.run(*argv, "-o", "json"), 0).stdout)

    def ask(self, *argv):
        """The id of a request that was opened."""
        done = expect(self.run("request", "new", *argv, "--no-wait", "-o", "json"), 6)
        return json.loads(done.stdout)["id"]

    def certify(self, role, *argv):
        """An SSH certificate in the role, as home-NAME/ROLE-cert.pub."""
        return self.run("ssh", "cert", "--role", role, "--key", str(self.home / "key"), "--out", str(self.home / f"{role}-cert.pub"), "--force", *argv)
