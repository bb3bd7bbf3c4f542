"""The examples' movable wall clock, for tests."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples/msp"))
from story import Clock  # noqa: E402,F401
