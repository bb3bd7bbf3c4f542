#!/usr/bin/env python3
"""The includes keep to the link lines of CMakeLists.txt: who may know whom is written in one place and checked here."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
modules = {}
for match in re.finditer(r"mayfly_(module|program)\(([^)]*)\)", (root / "CMakeLists.txt").read_text()):
    words = match.group(2).split()
    kind, path = match.group(1), words[0] if match.group(1) == "module" else words[1]
    modules[path] = {word for word in words[1:] if "/" in word and not word.startswith("dep_")} - {path}


def reachable(module):
    seen, todo = set(), [module]
    while todo:
        for dependency in modules.get(todo.pop(), ()):
            if dependency not in seen:
                seen.add(dependency)
                todo.append(dependency)
    return seen


def module_of(path):
    parts = path.split("/")
    for size in (2, 1):
        name = "/".join(parts[:size])
        if name in modules and len(parts) > size:
            return name
    return None


bad = []
checked = 0
for folder in ("lib", "ca", "agent", "cli"):
    for file in sorted((root / folder).rglob("*")):
        if file.suffix not in (".h", ".cpp"):
            continue
        relative = file.relative_to(root).as_posix()
        if relative == "ca/signer/main.cpp":
            continue
        own = module_of(relative)
        if own is None:
            bad.append(f"{relative} is in no module of CMakeLists.txt")
            continue
        allowed = reachable(own) | {own}
        for include in re.findall(r'#include "((?:lib|ca|agent|cli|tests)/[^"]+)"', file.read_text()):
            checked += 1
            if module_of(include) not in allowed:
                bad.append(f"{relative} includes {include}, which {own} may not know")
for line in bad:
    print(line)
print(f"{checked} includes checked")
sys.exit(1 if bad or checked == 0 else 0)
