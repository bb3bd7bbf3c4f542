#!/usr/bin/env python3
"""Every event is known: each type that the store writes is in docs/events.md and has a golden record, and the other way
round. A type is a string literal of the form word.word in ca/store; nothing else there has that form but SQL's "excluded"."""
import json
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
written = set()
for file in sorted((root / "ca/store").rglob("*.cpp")):
    written |= set(re.findall(r'"((?!excluded)[a-z]+\.[a-z_]+)"', file.read_text()))
documented = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", (root / "docs/events.md").read_text(), re.M))
golden = {json.loads(line)["type"] for line in (root / "tests/ca/store/golden_events.txt").read_text().splitlines() if line}

wrong = [f"{name} is written but not in docs/events.md" for name in written - documented]
wrong += [f"{name} is in docs/events.md but nothing writes it" for name in documented - written]
wrong += [f"{name} has no golden record (tests/ca/store/events_test.cpp)" for name in written - golden]
wrong += [f"{name} has a golden record but nothing writes it" for name in golden - written]
assert len(written) > 10, f"only {written} found: the pattern no longer fits the code"
print("\n".join(sorted(wrong)) or f"{len(written)} types of event, each documented and with its golden record")
sys.exit(1 if wrong else 0)
