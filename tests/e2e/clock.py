"""The examples' movable wall clock, for tests; and how the CA's signer is given one."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples/msp"))
from story import Clock  # noqa: E402,F401


def give_signer(world, preload):
    """The CA starts its signer with an empty environment; this one puts the clock back in."""
    signer = world.dir / "signer"
    signer.write_text(f"#!/bin/sh\nexec env LD_PRELOAD={preload} {shutil.which('mayfly-signer', path=world.env['PATH'])} \"$@\"\n")
    signer.chmod(0o755)
    world.dir.chmod(0o755)  # the signer becomes another account
    config = world.dir / "ca/ca.toml"
    config.write_text(config.read_text().replace("[signer]\n", f'[signer]\nprogram = "{signer}"\n'))
