"""Builds the small Go programs in go/ without a network: Debian's packages carry the sources."""
import os
import pathlib
import shutil

from table import run

HERE = pathlib.Path(__file__).parent


def build(name, folder):
    """The path of the program made from go/<name>. Fails loudly: go is installed when this is called."""
    out = pathlib.Path(folder) / f"go-{name}"
    cache = os.environ.get("XDG_CACHE_HOME", str(pathlib.Path.home() / ".cache"))
    env = dict(os.environ, GOPATH="/usr/share/gocode", GO111MODULE="off", GOFLAGS="", CGO_ENABLED="0", GOCACHE=f"{cache}/go-build", HOME=str(folder))
    assert shutil.which("go"), "golang-go is not installed, only its libraries are: apt-get install golang-go"
    done = run("go", "build", "-o", out, HERE / "go" / name / "main.go", env=env, timeout=600)
    assert done.returncode == 0, f"go build {name}: {done.stderr}"
    return out
